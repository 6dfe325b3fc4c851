//! gRPC: one relay a call, or calls that stream. `docs/protocol/relays.md` describes both from outside.
//!
//! ```text
//! web ─▶ call ─┬─▶ unary      SendRelay
//!              └─▶ stream     StreamRelays ─┬─▶ upward     requests, to the node
//!                                           └─▶ downward   the node's messages, signed
//! ```

mod codec;
mod downward;
mod ending;
mod flaw;
mod frames;
mod status;
mod stream;
mod unary;
mod upward;
mod watched;
mod web;

use std::sync::Arc;

use ::http::header::{ACCEPT, CONTENT_TYPE, TE, USER_AGENT};
use ::http::{HeaderMap, Request, Response, StatusCode, Version};
use bytes::Bytes;
use hyper::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::Grpc;
use tonic::{Status, Streaming};
use tower::service_fn;

use super::body::BodyError;
use super::{Listener, ReplyBody};
use crate::refusal::Refusal;
use codec::Raw;
use watched::Watch;

pub(super) use web::{is_grpc_web, is_preflight, preflight};

const SEND_RELAY: &str = "/pocket.service.RelayService/SendRelay";
const STREAM_RELAYS: &str = "/pocket.service.RelayService/StreamRelays";

/// What a call brings beside its messages.
#[derive(Debug, Clone)]
struct Around {
    /// Its headers, without those that speak of the call itself instead of the relay.
    headers: HeaderMap,
    /// Whether it came over gRPC-Web.
    web: bool,
}

/// Whether a request is one of gRPC, or of gRPC-Web.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

impl Listener {
    /// Answers a call of gRPC.
    pub(super) async fn grpc<B>(self: Arc<Self>, request: Request<B>) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes, Error: Into<BodyError> + Send> + Unpin + Send + 'static,
    {
        if request.version() != Version::HTTP_2 {
            // Its trailers could not be sent.
            let mut response = Response::new(Bytes::from_static(b"gRPC requires HTTP/2").into());
            *response.status_mut() = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
            return response;
        }
        self.call(request, false).await.map(ReplyBody::parts)
    }

    async fn call<B>(self: Arc<Self>, request: Request<B>, web: bool) -> Response<tonic::body::Body>
    where
        B: Body<Data = Bytes, Error: Into<BodyError> + Send> + Unpin + Send + 'static,
    {
        let mut headers = request.headers().clone();
        for own in [CONTENT_TYPE, ACCEPT, USER_AGENT, TE] {
            headers.remove(own);
        }
        let around = Around { headers, web };
        let mut grpc = Grpc::new(Raw).accept_compressed(CompressionEncoding::Gzip);
        grpc = grpc.max_decoding_message_size(self.limits.request_bytes);
        // Only who compresses gets compressed answers: offering it is not yet asking for it.
        if request.headers().get("grpc-encoding").is_some_and(|encoding| encoding == "gzip") {
            grpc = grpc.send_compressed(CompressionEncoding::Gzip);
        }
        let watch = Watch::new(&self.bodies);
        let request = request.map(|body| watch.body(body));
        match request.uri().path() {
            SEND_RELAY => {
                let unary = service_fn(|request: tonic::Request<Streaming<Bytes>>| {
                    let (listener, around, watch) = (Arc::clone(&self), around.clone(), Arc::clone(&watch));
                    async move { listener.send_relay(request.into_inner(), around, &watch).await.map(tonic::Response::new) }
                });
                // One message in and one out is the same on the wire; this way what is wrong with the one in is ours to tell.
                grpc.client_streaming(unary, request).await
            }
            STREAM_RELAYS => {
                let stream = service_fn(|request: tonic::Request<Streaming<Bytes>>| {
                    let opened =
                        Arc::clone(&self).stream_relays(request.into_inner(), around.clone(), Arc::clone(&watch));
                    std::future::ready(opened.map(tonic::Response::new))
                });
                grpc.streaming(stream, request).await
            }
            other => Status::unimplemented(format!("unknown method: {other}")).into_http(),
        }
    }

    /// A refusal as gRPC tells it. `body` is what was refused, empty if it never came.
    fn grpc_refusal(&self, refusal: &Refusal, body: &Bytes) -> Status {
        let (status, reason) = status::of(refusal, body);
        self.pipeline.metrics.grpc.error(&self.label(body), reason);
        status
    }

    /// The name of the service that bytes ask for, if it is one of ours.
    fn label(&self, body: &Bytes) -> Arc<str> {
        let live = self.pipeline.live.load();
        let service = flaw::service(body).and_then(|id| live.services.get(&id));
        service
            .map_or_else(|| Arc::clone(self.pipeline.metrics.unknown.service()), |service| Arc::clone(&service.label))
    }
}
