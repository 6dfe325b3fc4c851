use std::error::Error;
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::config::NodeConfig;
use super::error::ChainError;
use crate::units::Height;

const LARGEST_ANSWER: usize = 10 * 1024 * 1024;
const HEIGHT: &str = "x-cosmos-block-height";

/// What a node says in its first moments, before its first block: it has no state to answer from.
const JUST_RESTARTED: &[&str] = &["codespace sdk code 26", "context did not contain latest block height"];

/// What a node says about a height that it has not reached.
const TOO_HIGH: &str = "is ahead of the last committed block height";

/// A request message that belongs to one method.
pub(crate) trait Method: Message + Clone + 'static {
    type Reply: Message + Default + 'static;
    const PATH: &'static str;
}

/// An answer and the height of the state that it was read from.
#[derive(Debug, Clone)]
pub(crate) struct Answer<T> {
    pub(crate) height: Height,
    pub(crate) value: T,
}

/// A channel that connects when it is first used, and again after every failure.
pub(crate) fn channel(node: &NodeConfig) -> Result<Channel, ChainError> {
    let wrong = |error: tonic::transport::Error| ChainError::Config {
        node: node.name.clone(),
        reason: format!("grpc {:?}: {}", node.grpc, with_sources(&error)),
    };
    let url = with_scheme(&node.grpc);
    let mut endpoint = Endpoint::from_shared(url.clone())
        .map_err(wrong)?
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_mins(1))
        .keep_alive_timeout(Duration::from_secs(10));
    if url.starts_with("https://") {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(wrong)?;
    }
    Ok(endpoint.connect_lazy())
}

fn with_scheme(address: &str) -> String {
    let address = address.trim().trim_end_matches('/');
    if address.contains("://") {
        return address.to_owned();
    }
    let scheme = if address.ends_with(":443") { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// Asks one node once. With `at`, from its state at that height.
pub(crate) async fn ask<M: Method>(
    node: &str,
    channel: &Channel,
    timeout: Duration,
    request: M,
    at: Option<Height>,
) -> Result<Answer<M::Reply>, ChainError> {
    let mut request = Request::new(request);
    if let Some(Height(height)) = at {
        request.metadata_mut().insert(HEIGHT, MetadataValue::from(height));
    }
    let answered = tokio::time::timeout(timeout, unary::<M>(channel.clone(), request)).await;
    let timed_out =
        || ChainError::Transient { node: node.to_owned(), reason: format!("{} took longer than {timeout:?}", M::PATH) };
    let reply = answered.map_err(|_| timed_out())?.map_err(|status| classify(node, M::PATH, &status))?;
    Ok(Answer { height: height_of(reply.metadata()), value: reply.into_inner() })
}

async fn unary<M: Method>(channel: Channel, request: Request<M>) -> Result<tonic::Response<M::Reply>, Status> {
    let mut client = Grpc::new(channel).max_decoding_message_size(LARGEST_ANSWER);
    client.ready().await.map_err(|error| Status::unavailable(with_sources(&error)))?;
    client.unary(request, PathAndQuery::from_static(M::PATH), ProstCodec::<M, M::Reply>::default()).await
}

fn height_of(metadata: &MetadataMap) -> Height {
    let text = metadata.get(HEIGHT).and_then(|value| value.to_str().ok());
    Height(text.and_then(|digits| digits.parse().ok()).unwrap_or_default())
}

/// Turns a gRPC status into one of our errors.
pub(crate) fn classify(node: &str, method: &str, status: &Status) -> ChainError {
    let node = node.to_owned();
    let reason = format!("{method}: {}", status.message());
    let code = status.code();
    // A status with a cause inside was made on our side of the connection, whatever its code.
    if let Some(source) = status.source() {
        return ChainError::Transient { node, reason: format!("{reason}: {}", with_sources(source)) };
    }
    match code {
        Code::NotFound => ChainError::NotFound { height: height_of(status.metadata()), reason },
        Code::InvalidArgument => ChainError::InvalidArgument { node, reason },
        Code::Unimplemented => ChainError::Unimplemented { node, method: method.to_owned() },
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted | Code::ResourceExhausted => {
            ChainError::Transient { node, reason }
        }
        Code::Unknown if JUST_RESTARTED.iter().any(|words| reason.contains(words)) => {
            ChainError::Transient { node, reason }
        }
        Code::Internal if reason.contains(TOO_HIGH) => ChainError::TooHigh { node, height: number_in(&reason), reason },
        Code::OutOfRange => ChainError::Malformed { node, reason },
        other => ChainError::Refused { node, code: other.into(), reason },
    }
}

/// The height that such a text is about: its first number.
fn number_in(text: &str) -> Height {
    let mut words = text.split(|character: char| !character.is_ascii_digit());
    Height(words.find_map(|word| word.parse().ok()).unwrap_or_default())
}

/// An error with everything below it: the outermost text alone is often just "transport error".
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn captured(name: &str) -> ChainError {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/fixtures/grpc/{name}.error.json"));
        let call: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let code = i32::try_from(call["error"]["grpc_code"].as_i64().unwrap()).unwrap();
        let status = Status::new(Code::from(code), call["error"]["message"].as_str().unwrap());
        classify("n", call["method"].as_str().unwrap(), &status)
    }

    #[test]
    fn captured_errors_are_told_apart_by_code() {
        for name in [
            "application.application.unknown",
            "auth.account.unknown",
            "proof.claim.not_found",
            "service.service.unknown",
            "supplier.supplier.unknown",
        ] {
            assert!(matches!(captured(name), ChainError::NotFound { .. }), "{name}");
        }
        // The words "not found" of another code do not count.
        for (name, expected) in [
            ("session.get_session.unknown_app", 13),
            ("session.get_session.wrong_service", 13),
            ("tx.simulate.garbage", 2),
            ("tx.simulate.unordered_with_sequence", 2),
        ] {
            assert!(matches!(captured(name), ChainError::Refused { code, .. } if code == expected), "{name}");
        }
    }

    #[test]
    fn a_node_before_its_first_block_is_asked_again() {
        let text = "codespace sdk code 26: invalid height: context did not contain latest block height in either check \
                    state or finalize block state (17)";
        let error = classify("n", "/m", &Status::unknown(text));
        assert!(error.is_transient(), "{error}");
        assert!(classify("n", "/m", &Status::unavailable("connection refused")).is_transient());
        assert!(!classify("n", "/m", &Status::unknown("some failure")).is_transient());
        let early = "block height 19 is ahead of the last committed block height 15: error during session hydration";
        let early = classify("n", "/m", &Status::internal(early));
        assert!(matches!(early, ChainError::TooHigh { height: Height(19), .. }), "{early}");
    }

    #[test]
    fn the_scheme_follows_the_port_when_none_is_given() {
        assert_eq!(with_scheme("127.0.0.1:50051"), "http://127.0.0.1:50051");
        assert_eq!(with_scheme("node.example:443/"), "https://node.example:443");
        assert_eq!(with_scheme("https://node.example"), "https://node.example");
    }
}
