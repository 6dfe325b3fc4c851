//! The API server's own account of who asked what.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::Error;

const LOG: &str = "audit.log";

/// One request, when it was over.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// Path and query.
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    /// Who asked.
    pub user: AuditUser,
    /// What for; absent for paths that are no resources.
    #[serde(default)]
    pub object_ref: Option<AuditObject>,
    /// What came of it.
    #[serde(default)]
    pub response_status: Option<AuditStatus>,
    /// The client's name for itself.
    #[serde(default)]
    pub user_agent: String,
    /// When it was over, RFC 3339 with microseconds.
    #[serde(default)]
    pub stage_timestamp: String,
}

/// Who asked.
#[derive(Debug, Clone, Deserialize)]
pub struct AuditUser {
    /// Such as `system:serviceaccount:ns:name`.
    pub username: String,
}

/// What was asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditObject {
    /// Plural, lower case.
    pub resource: String,
    /// Such as `status` or `scale`.
    pub subresource: String,
    /// Empty for the core group.
    pub api_group: String,
    /// Empty for cluster-wide ones.
    pub namespace: String,
    /// Empty for lists.
    pub name: String,
}

/// What came of it.
#[derive(Debug, Clone, Deserialize)]
pub struct AuditStatus {
    /// HTTP status.
    pub code: u16,
}

/// The flags that turn it on.
pub(super) fn flags(folder: &Path) -> Result<Vec<String>, Error> {
    let policy = folder.join("audit-policy.json");
    let text = json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [{"level": "Metadata"}],
    });
    std::fs::write(&policy, text.to_string()).map_err(Error::io("write the audit policy"))?;
    let log = folder.join(LOG);
    Ok(vec![
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", log.display()),
        "--audit-log-mode=blocking".to_owned(),
    ])
}

pub(super) async fn read(folder: &Path) -> Result<Vec<AuditEvent>, Error> {
    let text = tokio::fs::read_to_string(folder.join(LOG)).await.map_err(Error::io("read the audit log"))?;
    // The last line may still be under way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |line| serde_json::from_str(line).map_err(|error| Error::malformed("the audit log", error));
    whole.lines().map(parse).collect()
}
