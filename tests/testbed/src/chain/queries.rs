//! What a test asks the chain, independently of the client that it tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::Chain;
use crate::{Error, hex, request, wire};

impl Chain {
    /// Balance in uPOKT, now.
    pub async fn balance(&self, address: &str) -> Result<u128, Error> {
        let mut query = Vec::new();
        wire::put_bytes(&mut query, 1, address.as_bytes());
        wire::put_bytes(&mut query, 2, b"upokt");
        let answer = self.query("/cosmos.bank.v1beta1.Query/Balance", &query, 0).await?;
        let amount = wire::get_bytes(&answer, 1).and_then(|coin| wire::get_bytes(coin, 2)).unwrap_or(b"0");
        String::from_utf8_lossy(amount).parse().map_err(|error| Error::malformed("balance", error))
    }

    /// A module's query as raw protobuf, at a height (0 = the last one).
    pub async fn query(&self, path: &str, request: &[u8], height: i64) -> Result<Vec<u8>, Error> {
        let params = json!({"path": path, "data": hex::encode(request), "height": height.to_string()});
        let result = self.call("abci_query", &params).await?;
        let response = &result["response"];
        if response["code"].as_i64().unwrap_or_default() != 0 {
            return Err(Error::Refused {
                url: path.into(),
                status: response["code"].as_i64().unwrap_or_default(),
                body: response["log"].as_str().unwrap_or_default().into(),
            });
        }
        BASE64.decode(response["value"].as_str().unwrap_or_default()).map_err(|error| Error::malformed(path, error))
    }

    /// A CometBFT JSON-RPC call; the value is the `result` member.
    pub async fn call(&self, method: &str, params: &Value) -> Result<Value, Error> {
        request::rpc(self.rpc(), method, params).await
    }
}
