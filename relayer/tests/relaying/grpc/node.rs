use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::server::Grpc;
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
/// - `/test.Own/Flood` says more and more, as fast as it is read;
/// - `/test.Own/Plain` answers text, with the status 404 of HTTP;
/// - `/test.Own/Same` answers each message with three equal ones.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) health: HealthReporter,
    go: watch::Sender<bool>,
    heads: Arc<Mutex<Vec<Parts>>>,
    /// How streams that were counted ended: properly or not.
    ends: Arc<Mutex<Vec<bool>>>,
    flooded: Arc<AtomicU64>,
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::listen(None).await
    }

    /// One that speaks TLS.
    pub(crate) async fn start_tls(tls: TlsAcceptor) -> Self {
        Self::listen(Some(tls)).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let node = Self {
            address: listener.local_addr().unwrap(),
            health: HealthReporter::new(),
            go: watch::channel(false).0,
            heads: Arc::default(),
            ends: Arc::default(),
            flooded: Arc::default(),
        };
        tokio::spawn({
            let node = node.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (node, tls) = (node.clone(), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => node.attend(stream).await,
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    node.attend(stream).await;
                                }
                            }
                        }
                    });
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

    pub(crate) fn ends(&self) -> Vec<bool> {
        self.ends.lock().unwrap().clone()
    }

    /// How much a flood has said.
    pub(crate) fn flooded(&self) -> u64 {
        self.flooded.load(Ordering::Relaxed)
    }

    async fn attend(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
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
                    count(request.into_inner(), Arc::clone(&self.ends))
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
            "/test.Own/Flood" => {
                let flood = tower::service_fn(|_: tonic::Request<HealthCheckRequest>| {
                    let said = Arc::clone(&self.flooded);
                    std::future::ready(Ok::<_, Status>(tonic::Response::new(flood(said))))
                });
                own.server_streaming(flood, request).await
            }
            "/test.Own/Plain" => {
                let text = Full::new(Bytes::from_static(b"nothing here"));
                Response::builder().status(404).header("content-type", "text/plain").body(Body::new(text)).unwrap()
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

async fn count(
    mut messages: Streaming<HealthCheckRequest>,
    ends: Arc<Mutex<Vec<bool>>>,
) -> Result<tonic::Response<HealthCheckResponse>, Status> {
    let mut end = End { proper: false, ends };
    let mut seen = 0;
    while messages.message().await?.is_some() {
        seen += 1;
    }
    end.proper = true;
    Ok(tonic::Response::new(status(seen)))
}

/// Notes how a stream has ended, also when its handler is dropped.
struct End {
    proper: bool,
    ends: Arc<Mutex<Vec<bool>>>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.ends.lock().unwrap().push(self.proper);
    }
}

fn flood(said: Arc<AtomicU64>) -> impl Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static {
    futures::stream::repeat_with(move || {
        let number = said.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(status(i32::try_from(number).unwrap()))
    })
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
