use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// One aspect of an object's state, in the shape that Kubernetes tools know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which aspect, as in `Ready`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// A constant that programs may compare.
    #[schemars(length(min = 1, max = 63))]
    pub reason: String,
    /// For people.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// The generation of the object that this speaks about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` last changed, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub last_transition_time: Option<String>,
}

/// The three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody could tell, or the last news is too old.
    Unknown,
}
