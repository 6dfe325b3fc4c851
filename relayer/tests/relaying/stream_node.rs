use std::convert::Infallible;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::stage::within;

/// A node whose answers are said bit by bit by the test.
pub(crate) struct StreamNode {
    pub(crate) url: String,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// One answer in progress. Dropped, it ends.
pub(crate) struct Call(mpsc::Sender<Result<Bytes, std::io::Error>>);

impl StreamNode {
    /// Answers every request with this head; it ends with the test's runtime.
    pub(crate) async fn start(status: u16, headers: &[(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (called, calls) = mpsc::unbounded_channel();
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), headers.collect::<HeaderMap>());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (called, headers) = (called.clone(), headers.clone());
                let service = service_fn(move |_: Request<Incoming>| {
                    let (sender, receiver) = mpsc::channel(1);
                    let _ = called.send(Call(sender));
                    let parts = futures::stream::unfold(receiver, async |mut receiver| {
                        receiver.recv().await.map(|part| (part, receiver))
                    });
                    let mut response = Response::new(StreamBody::new(parts.map(|part| part.map(Frame::data))));
                    *response.status_mut() = status;
                    *response.headers_mut() = headers.clone();
                    async move { Ok::<_, Infallible>(response) }
                });
                tokio::spawn(async move {
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, calls }
    }

    /// Server-sent events.
    pub(crate) async fn events() -> Self {
        Self::start(200, &[("content-type", "text/event-stream; charset=utf-8")]).await
    }

    /// The next request's answer.
    pub(crate) async fn call(&mut self) -> Call {
        within(self.calls.recv()).await.unwrap()
    }
}

impl Call {
    pub(crate) async fn say(&self, bytes: impl Into<Bytes>) {
        within(self.0.send(Ok(bytes.into()))).await.unwrap();
    }

    /// Like `say`, but gives `false` when nobody listens any more.
    pub(crate) async fn try_say(&self, bytes: impl Into<Bytes>) -> bool {
        within(self.0.send(Ok(bytes.into()))).await.is_ok()
    }

    pub(crate) async fn break_off(self) {
        within(self.0.send(Err(std::io::Error::other("broken off")))).await.unwrap();
    }

    pub(crate) async fn nobody_listens(&self) {
        within(self.0.closed()).await;
    }
}
