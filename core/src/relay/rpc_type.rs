use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::proto::pocket::shared::RpcType as Wire;

/// What a backend speaks. The `Rpc-Type` header carries the chain's number; configuration uses the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RpcType {
    /// gRPC and gRPC-Web.
    Grpc,
    /// WebSocket.
    WebSocket,
    /// JSON-RPC over HTTP.
    JsonRpc,
    /// Anything else over HTTP.
    Rest,
    /// The RPC of a CometBFT node, over HTTP.
    CometBft,
}

/// A text that names no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no RPC type: expected grpc, websocket, jsonrpc, rest or cometbft, or its number 1 to 5")]
pub struct UnknownRpcType(pub String);

impl RpcType {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Grpc, Self::WebSocket, Self::JsonRpc, Self::Rest, Self::CometBft];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::WebSocket => "websocket",
            Self::JsonRpc => "jsonrpc",
            Self::Rest => "rest",
            Self::CometBft => "cometbft",
        }
    }

    /// The chain's number.
    #[must_use]
    pub fn number(self) -> i32 {
        let wire = match self {
            Self::Grpc => Wire::Grpc,
            Self::WebSocket => Wire::Websocket,
            Self::JsonRpc => Wire::JsonRpc,
            Self::Rest => Wire::Rest,
            Self::CometBft => Wire::CometBft,
        };
        wire as i32
    }
}

impl FromStr for RpcType {
    type Err = UnknownRpcType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let matches = |kind: &Self| kind.name() == text || kind.number().to_string() == text;
        Self::ALL.into_iter().find(matches).ok_or_else(|| UnknownRpcType(text.to_owned()))
    }
}

impl TryFrom<i32> for RpcType {
    type Error = UnknownRpcType;

    fn try_from(number: i32) -> Result<Self, Self::Error> {
        Self::ALL.into_iter().find(|kind| kind.number() == number).ok_or_else(|| UnknownRpcType(number.to_string()))
    }
}

impl fmt::Display for RpcType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names() {
        for (number, kind) in (1..=5).zip(RpcType::ALL) {
            assert_eq!(kind.number(), number);
            assert_eq!(RpcType::try_from(number), Ok(kind));
            assert_eq!(number.to_string().parse(), Ok(kind));
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        for text in ["", "0", "6", "03", "JSONRPC", "json_rpc"] {
            assert!(text.parse::<RpcType>().is_err(), "{text:?}");
        }
    }
}
