//! A CometBFT RPC request, whichever of its two forms it has: `GET /block?height=5` or a JSON-RPC `POST`.

use bytes::Bytes;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::upstream::number;
use crate::{Error, request};

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    verb: Method,
    path_and_query: String,
    body: Bytes,
    /// RPC method, for example `block`; empty for an array of calls.
    pub(super) method: String,
    json: Value,
}

impl Call {
    pub(super) fn new(verb: Method, path_and_query: &str, body: Bytes) -> Self {
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let path = path_and_query.split('?').next().unwrap_or_default().trim_matches('/');
        let method = if path.is_empty() { json["method"].as_str().unwrap_or_default() } else { path }.to_owned();
        Self { verb, path_and_query: path_and_query.to_owned(), body, method, json }
    }

    /// A parameter, with CometBFT's quotes around it taken away.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        if let Some(value) = self.json["params"].get(name) {
            return value.as_str().map_or_else(|| Some(value.to_string()), |text| Some(text.to_owned()));
        }
        let (_, query) = self.path_and_query.split_once('?')?;
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.replace("%22", "\"").trim_matches('"').to_owned())
    }

    /// The height that the request names, if it names one.
    pub(super) fn height(&self) -> Option<i64> {
        number(&Value::from(self.param("height")?)).filter(|height| *height > 0)
    }

    /// The same request for this height.
    pub(super) fn at(&self, height: i64) -> Self {
        let mut call = self.clone();
        if self.json.is_object() {
            call.json["params"]["height"] = height.to_string().into();
            call.body = call.json.to_string().into();
            return call;
        }
        let (path, query) = self.path_and_query.split_once('?').unwrap_or((&self.path_and_query, ""));
        let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("height="));
        let query: Vec<_> = kept.map(str::to_owned).chain([format!("height={height}")]).collect();
        call.path_and_query = format!("{path}?{}", query.join("&"));
        call
    }

    /// Passes the request on.
    pub(super) async fn forward(self, rpc: &str) -> Result<Response<Bytes>, Error> {
        request::send(self.verb, &format!("{rpc}{}", self.path_and_query), self.body).await
    }

    /// An answer of our own with this result.
    pub(super) fn result(&self, result: &Value) -> Response<Bytes> {
        Self::answer(StatusCode::OK, &json!({"jsonrpc": "2.0", "id": self.id(), "result": result}))
    }

    /// The error that CometBFT gives for a request that it cannot serve; only the `GET` form has a status for it.
    pub(super) fn error(&self, data: &str) -> Response<Bytes> {
        let status = if self.verb == Method::GET { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        let error = json!({"code": -32603, "message": "Internal error", "data": data});
        Self::answer(status, &json!({"jsonrpc": "2.0", "id": self.id(), "error": error}))
    }

    fn id(&self) -> Value {
        self.json.get("id").cloned().unwrap_or_else(|| json!(-1))
    }

    fn answer(status: StatusCode, body: &Value) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = status;
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_pinned() {
        let get = Call::new(Method::GET, "/abci_query?path=%22/a%22&height=%225%22&prove=false", Bytes::new());
        assert_eq!((get.method.as_str(), get.height()), ("abci_query", Some(5)));
        assert_eq!(get.at(3).path_and_query, "/abci_query?path=%22/a%22&prove=false&height=3");

        let body = json!({"jsonrpc": "2.0", "id": 7, "method": "block", "params": {"height": "5"}}).to_string();
        let post = Call::new(Method::POST, "/", body.into());
        assert_eq!((post.method.as_str(), post.height(), post.at(3).height()), ("block", Some(5), Some(3)));
        assert_eq!(post.id(), 7);

        let latest = Call::new(Method::GET, "/block", Bytes::new());
        assert_eq!((latest.height(), latest.at(3).path_and_query.as_str()), (None, "/block?height=3"));
    }
}
