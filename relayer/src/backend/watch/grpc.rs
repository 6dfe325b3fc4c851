use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Method};
use prost::Message;

use super::node::{self, Node};
use crate::config::ProbeConfig;

const CHECK: &str = "/grpc.health.v1.Health/Check";
/// `SERVING` of `grpc.health.v1.HealthCheckResponse.ServingStatus`.
const SERVING: i32 = 1;
/// Bytes in front of a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// `grpc.health.v1.HealthCheckRequest`
#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(string, tag = "1")]
    service: String,
}

/// `grpc.health.v1.HealthCheckResponse`
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// Asks the standard health service.
pub(super) async fn probe(node: &Node, config: &ProbeConfig) -> Result<(), String> {
    let mut headers = node::headers(&config.headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    let body = framed(&Question { service: config.service.clone() });
    let response = node.ask(Method::POST, CHECK, headers, body).await?;
    // A refusal has its status in the headers, for want of anything to follow.
    let early = response.headers().clone();
    let (body, trailers) = node::body(response).await?.ok_or("the answer is too large")?;
    let status = |headers: &HeaderMap| headers.get("grpc-status").and_then(|value| value.to_str().ok()?.parse().ok());
    match status(&trailers).or_else(|| status(&early)) {
        Some(0_u32) => {}
        Some(code) => return Err(format!("gRPC status {code}")),
        None => return Err("no gRPC status".to_owned()),
    }
    let message = body.get(PREFIX..).ok_or("no message")?;
    let answer = Answer::decode(message).map_err(|error| error.to_string())?;
    if answer.status == SERVING { Ok(()) } else { Err(format!("serving status {}", answer.status)) }
}

fn framed(question: &Question) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + question.encoded_len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(question.encoded_len()).unwrap_or(u32::MAX));
    frame.extend_from_slice(&question.encode_to_vec());
    frame.freeze()
}
