use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures::{Stream, StreamExt};
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::{Status, Streaming};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, HealthService};
use tonic_prost::ProstCodec;
use tower::Service;

type Codec = ProstCodec<HealthCheckResponse, HealthCheckRequest>;

/// A node that speaks gRPC: health and reflection as tonic has them, and methods of its own.
///
/// - `/test.Own/Count` takes a stream and says how many messages it had;
/// - `/test.Own/Late` answers once it is let go;
/// - `/test.Own/Echo` answers each message of a stream at once, without end;
/// - `/test.Own/Fail` answers the status 503 of HTTP;
/// - `/test.Own/Same` answers each message with three equal ones.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) health: HealthReporter,
    go: watch::Sender<bool>,
    heads: Arc<Mutex<Vec<Parts>>>,
}

impl Node {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let node = Self {
            address: listener.local_addr().unwrap(),
            health: HealthReporter::new(),
            go: watch::channel(false).0,
            heads: Arc::default(),
        };
        tokio::spawn({
            let node = node.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(node.clone().attend(stream));
                }
            }
        });
        node
    }

    /// Lets what is late answer.
    pub(crate) fn go(&self) {
        self.go.send_replace(true);
    }

    pub(crate) fn heads(&self) -> Vec<Parts> {
        self.heads.lock().unwrap().clone()
    }

    async fn attend(self, stream: TcpStream) {
        let service = service_fn(move |request| {
            let node = self.clone();
            async move { Ok::<_, Infallible>(node.answer(request).await) }
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        self.heads.lock().unwrap().push(parts.clone());
        let request = Request::from_parts(parts, body);
        let mut own = Grpc::new(Codec::default());
        match request.uri().path().to_owned().as_str() {
            "/test.Own/Count" => {
                let count = tower::service_fn(|request: tonic::Request<Streaming<HealthCheckRequest>>| {
                    count(request.into_inner())
                });
                own.client_streaming(count, request).await
            }
            "/test.Own/Late" => {
                let late = tower::service_fn(|_: tonic::Request<HealthCheckRequest>| {
                    let mut go = self.go.subscribe();
                    async move {
                        go.wait_for(|go| *go).await.unwrap();
                        Ok::<_, Status>(tonic::Response::new(status(1)))
                    }
                });
                own.unary(late, request).await
            }
            path @ ("/test.Own/Echo" | "/test.Own/Same") => {
                let times = if path.ends_with("Same") { 3 } else { 1 };
                let echo = tower::service_fn(|request: tonic::Request<Streaming<HealthCheckRequest>>| {
                    std::future::ready(Ok::<_, Status>(tonic::Response::new(echo(request.into_inner(), times))))
                });
                own.streaming(echo, request).await
            }
            "/test.Own/Fail" => Response::builder().status(503).body(Body::empty()).unwrap(),
            path if path.starts_with("/grpc.health") => {
                let mut health = HealthServer::new(HealthService::from_health_reporter(self.health.clone()));
                health.call(request).await.unwrap()
            }
            path if path.starts_with("/grpc.reflection") => {
                let mut reflection = tonic_reflection::server::Builder::configure().build_v1().unwrap();
                reflection.call(request).await.unwrap()
            }
            other => Status::unimplemented(format!("no {other} here")).into_http(),
        }
    }
}

async fn count(mut messages: Streaming<HealthCheckRequest>) -> Result<tonic::Response<HealthCheckResponse>, Status> {
    let mut seen = 0;
    while messages.message().await?.is_some() {
        seen += 1;
    }
    Ok(tonic::Response::new(status(seen)))
}

fn echo(
    messages: Streaming<HealthCheckRequest>,
    times: usize,
) -> impl Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static {
    messages.flat_map(move |message| {
        let answer = message.map(|message| status(i32::try_from(message.service.len()).unwrap()));
        futures::stream::iter(vec![answer; times])
    })
}

fn status(number: i32) -> HealthCheckResponse {
    HealthCheckResponse { status: number }
}
