//! What may be asked again of another node when one fails.

use std::borrow::Cow;

use http::Method;
use relay_core::relay::RpcType;
use serde::Deserialize;

use super::{Failure, NoAnswer};
use crate::config::RetryPolicy;
use crate::refusal::BackendFault;

/// Parts of the names of methods that write, in lower case. A read that sounds like one of them is merely not repeated.
const WRITES: [&str; 22] = [
    "send",
    "submit",
    "broadcast",
    "execut",
    "sign",
    "issue",
    "airdrop",
    "addinvoke",
    "adddeclare",
    "adddeploy",
    "import",
    "unlock",
    "wallet",
    "personal_",
    "admin_",
    "miner_",
    "engine_",
    "evm_",
    "hardhat_",
    "anvil_",
    "debug_set",
    "txpool_add",
];

/// Whether a call that failed may be asked again.
pub(super) fn allows(policy: RetryPolicy, failure: Failure, is_repeatable: impl FnOnce() -> bool) -> bool {
    let was_tried = match failure.no_answer {
        // A slow node has had all the time there was; of the rest no other node knows better.
        NoAnswer::AllDown
        | NoAnswer::Busy
        | NoAnswer::Fault(BackendFault::Request | BackendFault::Timeout | BackendFault::TooLarge) => return false,
        NoAnswer::Fault(BackendFault::Connection) => failure.sent,
        NoAnswer::Status(_) => true,
    };
    match policy {
        RetryPolicy::Never => false,
        RetryPolicy::Always => true,
        RetryPolicy::Safe => !was_tried || is_repeatable(),
    }
}

/// Whether a call changes nothing when it is made twice.
pub(super) fn is_repeatable(kind: RpcType, method: &Method, body: &[u8]) -> bool {
    match kind {
        RpcType::Grpc | RpcType::WebSocket => false,
        _ if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) => true,
        RpcType::JsonRpc | RpcType::CometBft => *method == Method::POST && only_reads(body),
        RpcType::Rest => false,
    }
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
}

/// Whether it is JSON-RPC, one call or a batch, without a method that sounds like writing.
fn only_reads(body: &[u8]) -> bool {
    let is_batch = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if is_batch {
        return serde_json::from_slice::<Vec<Call<'_>>>(body).is_ok_and(|calls| calls.iter().all(reads));
    }
    serde_json::from_slice::<Call<'_>>(body).is_ok_and(|call| reads(&call))
}

fn reads(call: &Call<'_>) -> bool {
    let name = call.method.to_ascii_lowercase();
    let verb = name.rsplit(['_', '.']).next().unwrap_or_default();
    verb.starts_with("get") || !WRITES.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn post(method: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#)
    }

    #[test]
    fn reads_may_be_asked_twice_and_writes_may_not() {
        for method in
            ["eth_blockNumber", "eth_call", "eth_getLogs", "getSignaturesForAddress", "sui_getObject", "status"]
        {
            assert!(is_repeatable(RpcType::JsonRpc, &Method::POST, post(method).as_bytes()), "{method}");
        }
        for method in [
            "eth_sendRawTransaction",
            "eth_signTransaction",
            "sendTransaction",
            "broadcast_tx_commit",
            "author_submitExtrinsic",
            "sendrawtransaction",
            "sui_executeTransactionBlock",
            "starknet_addInvokeTransaction",
            "requestAirdrop",
            "avm.issueTx",
            "personal_unlockAccount",
            "engine_newPayloadV3",
        ] {
            assert!(!is_repeatable(RpcType::JsonRpc, &Method::POST, post(method).as_bytes()), "{method}");
        }
        let batch = format!("[{},{}]", post("eth_call"), post("eth_sendRawTransaction"));
        assert!(!is_repeatable(RpcType::JsonRpc, &Method::POST, batch.as_bytes()));
        let batch = format!(" [{},{}]", post("eth_call"), post("eth_chainId"));
        assert!(is_repeatable(RpcType::CometBft, &Method::POST, batch.as_bytes()));
    }

    #[test]
    fn what_is_not_understood_is_not_asked_twice() {
        for body in ["", "{}", "[1]", "not json", r#"{"method":7}"#] {
            assert!(!is_repeatable(RpcType::JsonRpc, &Method::POST, body.as_bytes()), "{body}");
        }
        let read = post("eth_call");
        assert!(!is_repeatable(RpcType::Rest, &Method::POST, read.as_bytes()));
        assert!(!is_repeatable(RpcType::JsonRpc, &Method::PUT, read.as_bytes()));
        assert!(!is_repeatable(RpcType::Grpc, &Method::POST, b"\0\0\0\0\0"));
        assert!(is_repeatable(RpcType::Rest, &Method::GET, b""));
    }

    // rule: D-38
    #[test]
    fn the_policy_decides() {
        let of = |no_answer| Failure { no_answer, sent: true };
        let (status, slow) =
            (of(NoAnswer::Status(StatusCode::BAD_GATEWAY)), of(NoAnswer::Fault(BackendFault::Timeout)));
        let large = of(NoAnswer::Fault(BackendFault::TooLarge));
        let cases = [
            (RetryPolicy::Safe, Failure::UNSENT, false, true),
            (RetryPolicy::Safe, Failure::BROKEN, false, false),
            (RetryPolicy::Safe, Failure::BROKEN, true, true),
            (RetryPolicy::Safe, status, true, true),
            (RetryPolicy::Safe, status, false, false),
            (RetryPolicy::Always, status, false, true),
            (RetryPolicy::Always, slow, true, false),
            (RetryPolicy::Always, large, true, false),
            (RetryPolicy::Never, Failure::UNSENT, true, false),
        ];
        for (policy, failure, repeatable, expected) in cases {
            assert_eq!(allows(policy, failure, || repeatable), expected, "{policy:?} {failure:?} {repeatable}");
        }
    }
}
