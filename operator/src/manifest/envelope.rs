//! The schema of a whole document: what every Kubernetes object has, around what the kind defines.

use serde_json::{Value, json};

use crate::api::{GROUP, VERSION};
use crate::crds::{self, CrdError};

/// The kinds that a folder may hold, with the schema of each.
pub(super) struct Schemas {
    pub(super) miner_pool: Value,
    pub(super) relayer_pool: Value,
    pub(super) supplier: Value,
    pub(super) secret: Value,
}

impl Schemas {
    pub(super) fn generate() -> Result<Self, CrdError> {
        let [miner_pool, relayer_pool, supplier] = crds::all()?.map(|definition| {
            document(definition.kind, &format!("{GROUP}/{VERSION}"), &definition.schema()["properties"]["spec"])
        });
        Ok(Self { miner_pool, relayer_pool, supplier, secret: secret() })
    }
}

fn document(kind: &str, version: &str, spec: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"type": "string", "enum": [version]},
            "kind": {"type": "string", "enum": [kind]},
            "metadata": metadata(),
            "spec": spec,
            // Written by others; files taken from a cluster have it.
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }
    })
}

fn secret() -> Value {
    let entries = json!({"type": "object", "additionalProperties": {"type": "string", "maxLength": 1_048_576}});
    json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {
            "apiVersion": {"type": "string", "enum": ["v1"]},
            "kind": {"type": "string", "enum": ["Secret"]},
            "metadata": metadata(),
            "type": {"type": "string", "maxLength": 253},
            "immutable": {"type": "boolean"},
            "data": entries,
            "stringData": entries,
        }
    })
}

fn metadata() -> Value {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string", "maxLength": 262_144}});
    json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"},
            "namespace": {"type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
            "labels": texts,
            "annotations": texts,
            // Set by a cluster and of no meaning here.
            "creationTimestamp": {}, "finalizers": {}, "generation": {}, "managedFields": {}, "ownerReferences": {},
            "resourceVersion": {}, "uid": {},
        }
    })
}
