use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::SecretKeyReference;

/// The Redis that holds the relay log and the state of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.prefix) == has(oldSelf.prefix) && (!has(self.prefix) || self.prefix == oldSelf.prefix)").message("the prefix cannot change: everything recorded under the old one would be left behind"))]
pub struct Redis {
    /// A server that exists already.
    pub external: ExternalRedis,
    /// In front of every key, so that several fleets can share a server. Default: `<namespace>.<name>` of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 104), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub prefix: Option<String>,
}

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.url) != has(self.secretRef)").message("give either url or secretRef"))]
pub struct ExternalRedis {
    /// The URL in plain sight, as in `redis://127.0.0.1:6379/0`. For a server without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 9, max = 512), regex(pattern = r"^(unix|rediss?(-sentinel|-cluster)?)://[^\s@]+$"))]
    pub url: Option<String>,
    /// The entry of a Secret that holds the URL, credentials included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyReference>,
}
