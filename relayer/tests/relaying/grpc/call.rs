use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::StreamExt;
use futures::channel::mpsc;
use futures::stream::BoxStream;
use http::{HeaderMap, HeaderValue, Method};
use prost::Message;
use relay_core::client::{VerifiedAnswer, sign_request, verify};
use relay_core::config::Period;
use relay_core::proto::pocket::service::relay_service_client::RelayServiceClient;
use relay_core::proto::pocket::service::{RelayRequest, RelayResponse};
use relay_core::relay::RpcType;
use relay_core::relay::envelope::{HttpRequest, encode_request};
use relay_core::relay::{MinedRelay, RelayHash, encode_response};
use relayer::Config;
use relayer::config::PoolConfig;
use testbed::Genesis;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::node::Node;
use crate::stage::{SERVICE, Stage, still};

pub(crate) const CHECK: &str = "/grpc.health.v1.Health/Check";
pub(crate) const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// What a caller says in a stream.
pub(crate) type Requests = BoxStream<'static, RelayRequest>;

/// A relayer whose service has a node for JSON-RPC and one for gRPC, and a client that sends relays over gRPC.
pub(crate) struct GrpcStage {
    pub(crate) stage: Stage,
    pub(crate) node: Node,
    pub(crate) client: RelayServiceClient<Channel>,
}

impl GrpcStage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let node = Node::start().await;
        let url = format!("grpc://{}", node.address);
        Self::on(node, |config| {
            backend(config, PoolConfig::of(url));
            adjust(config);
        })
        .await
    }

    /// With a node that the configuration has to name itself.
    pub(crate) async fn on(node: Node, adjust: impl FnOnce(&mut Config)) -> Self {
        Self::from(still(), node, adjust).await
    }

    pub(crate) async fn from(genesis: Genesis, node: Node, adjust: impl FnOnce(&mut Config)) -> Self {
        let stage = Stage::with(genesis, adjust).await;
        let client = RelayServiceClient::connect(stage.url()).await.unwrap();
        Self { stage, node, client }
    }

    pub(crate) async fn call(&self, url: &str, messages: &[Bytes]) -> RelayRequest {
        self.relay(payload(url, messages)).await
    }

    /// A health check of the node, all of it.
    pub(crate) async fn check(&self) -> RelayRequest {
        self.call(CHECK, &[ask("")]).await
    }

    pub(crate) async fn relay(&self, payload: Bytes) -> RelayRequest {
        let session = self.stage.session().await;
        let (supplier, application) = (self.stage.supplier(), self.stage.key("app1"));
        sign_request(&session.header, &session.ring, &supplier, payload, &application).unwrap()
    }

    pub(crate) async fn send(&self, request: &RelayRequest) -> Result<RelayResponse, Status> {
        self.client.clone().send_relay(request.clone()).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn stream(&self, requests: Requests) -> Streaming<RelayResponse> {
        self.client.clone().stream_relays(requests).await.unwrap().into_inner()
    }

    /// A stream of requests that the test goes on with, or ends by dropping its sender.
    pub(crate) async fn converse(&self) -> (mpsc::UnboundedSender<RelayRequest>, Streaming<RelayResponse>) {
        let (sender, receiver) = mpsc::unbounded();
        (sender, self.stream(receiver.boxed()).await)
    }

    /// What a signed response holds, its signature verified.
    pub(crate) fn verified(&self, request: &RelayRequest, response: &RelayResponse) -> VerifiedAnswer {
        verify(request, encode_response(response).into(), self.stage.key("supplier1").public_key()).unwrap()
    }

    /// The hashes in the log, sorted.
    pub(crate) async fn log(&self) -> Vec<RelayHash> {
        let mut log: Vec<_> = self.stage.log().await.iter().map(|entry| RelayHash::of(&entry.relay)).collect();
        log.sort_unstable();
        log
    }

    /// A metric's lines.
    pub(crate) async fn metric(&self, name: &str) -> Vec<String> {
        let (_, text) = self.stage.running.get("/metrics").await;
        text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    }
}

pub(crate) fn backend(config: &mut Config, pool: PoolConfig) {
    config.services.get_mut(&SERVICE.into()).unwrap().backends.insert(RpcType::Grpc, pool);
}

pub(crate) fn timeout(config: &mut Config, timeout: Duration) {
    let timeout = u64::try_from(timeout.as_millis()).unwrap();
    config.services.get_mut(&SERVICE.into()).unwrap().timeout = Period::from_millis(timeout);
}

/// The call of a method, with whole messages.
pub(crate) fn payload(url: &str, messages: &[Bytes]) -> Bytes {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    let body = messages.concat().into();
    encode_request(&HttpRequest { method: Method::POST, url: url.to_owned(), headers, body })
}

/// A message that asks for the health of a service.
pub(crate) fn ask(service: &str) -> Bytes {
    framed(&HealthCheckRequest { service: service.to_owned() })
}

pub(crate) fn framed(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    frame.freeze()
}

/// The only message of a body.
pub(crate) fn unframed<M: Message + Default>(body: &[u8]) -> M {
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap());
    assert_eq!((body[0], body.len()), (0, 5 + length as usize), "one message, and not packed");
    M::decode(&body[5..]).unwrap()
}

/// One request, and then the caller has said everything.
pub(crate) fn only(request: &RelayRequest) -> Requests {
    futures::stream::iter([request.clone()]).boxed()
}

/// The number that a status message has.
pub(crate) fn number(answer: &VerifiedAnswer) -> i32 {
    unframed::<HealthCheckResponse>(&answer.answer.body).status
}

/// Where an answer is in its stream.
pub(crate) fn sequence(answer: &VerifiedAnswer) -> &str {
    answer.answer.headers["relay-sequence"].to_str().unwrap()
}

pub(crate) fn hash(request: &RelayRequest, response: &RelayResponse) -> RelayHash {
    MinedRelay::new(request, response).hash
}
