use serde::Deserialize;

use crate::chain::NodeConfig;
use crate::config::ConfigError;

/// `pocket_node`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the keys are that program's, and its manual describes them")]
pub struct PocketNode {
    pub query_node_rpc_url: Option<String>,
    pub query_node_grpc_url: Option<String>,
    pub grpc_insecure: Option<bool>,
    pub query_timeout_seconds: Option<u64>,
    pub chain_id: Option<String>,
}

/// The one node that such a file names, with the schemes that our client reads.
pub fn node(node: &PocketNode) -> Result<NodeConfig, ConfigError> {
    let rpc = rpc(required("pocket_node.query_node_rpc_url", node.query_node_rpc_url.as_deref())?)?;
    let grpc = required("pocket_node.query_node_grpc_url", node.query_node_grpc_url.as_deref())?;
    Ok(NodeConfig { name: "node".to_owned(), rpc, grpc: grpc_url(grpc, node.grpc_insecure == Some(true))? })
}

fn required<'t>(key: &str, text: Option<&'t str>) -> Result<&'t str, ConfigError> {
    match text.map(str::trim) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(ConfigError::invalid(key, "is missing; name a node of the chain")),
    }
}

/// `tcp://` and no scheme stand for plain HTTP.
fn rpc(text: &str) -> Result<String, ConfigError> {
    let url = match text.split_once("://") {
        Some(("http" | "https", _)) => text.to_owned(),
        Some(("tcp", rest)) => format!("http://{rest}"),
        None => format!("http://{text}"),
        Some((scheme, _)) => {
            let message = format!("begins with {scheme}://; write http://host:26657 or https://host");
            return Err(ConfigError::invalid("pocket_node.query_node_rpc_url", message));
        }
    };
    Ok(url)
}

/// The scheme says nothing there: `grpc_insecure` alone decides about TLS, and a missing port is 443.
fn grpc_url(text: &str, plain: bool) -> Result<String, ConfigError> {
    let place = match text.split_once("://") {
        None => text,
        Some(("grpc" | "grpcs" | "http" | "https" | "tcp", rest)) => rest,
        Some((scheme, _)) => {
            let message = format!("begins with {scheme}://; write host:port");
            return Err(ConfigError::invalid("pocket_node.query_node_grpc_url", message));
        }
    };
    let place = place.trim_end_matches('/');
    let parsed: Result<http::uri::Authority, _> = place.parse();
    let Some(authority) = parsed.ok().filter(|authority| !authority.host().is_empty()) else {
        return Err(ConfigError::invalid("pocket_node.query_node_grpc_url", format!("`{text}` is not host:port")));
    };
    let scheme = if plain { "http" } else { "https" };
    let port = authority.port_u16().unwrap_or(443);
    Ok(format!("{scheme}://{}:{port}", authority.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rpc: &str, grpc: &str, insecure: bool) -> Result<NodeConfig, ConfigError> {
        node(&PocketNode {
            query_node_rpc_url: Some(rpc.to_owned()),
            query_node_grpc_url: Some(grpc.to_owned()),
            grpc_insecure: Some(insecure),
            ..PocketNode::default()
        })
    }

    #[test]
    fn schemes_become_those_of_our_client() {
        let cases = [
            ("tcp://node:26657", "http://node:26657"),
            ("node:26657", "http://node:26657"),
            ("http://node:26657/", "http://node:26657/"),
            ("https://node/rpc", "https://node/rpc"),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text, "node:9090", true).unwrap().rpc, expected);
        }
        let cases = [
            ("node:9090", true, "http://node:9090"),
            ("node:443", false, "https://node:443"),
            ("https://node:9090", true, "http://node:9090"),
            ("grpc://node:9090", false, "https://node:9090"),
            ("grpcs://node/", false, "https://node:443"),
            ("[::1]:9090", true, "http://[::1]:9090"),
        ];
        for (text, insecure, expected) in cases {
            assert_eq!(of("node:1", text, insecure).unwrap().grpc, expected, "{text}");
        }
    }

    #[test]
    fn what_no_client_can_dial_is_refused() {
        assert!(of("ws://node", "node:1", true).unwrap_err().to_string().contains("query_node_rpc_url"));
        for grpc in ["unix://x", "node:1/path", ":9090", " "] {
            let message = of("node:1", grpc, true).unwrap_err().to_string();
            assert!(message.contains("query_node_grpc_url"), "{message}");
        }
    }
}
