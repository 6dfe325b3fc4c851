//! A backend for relayers: answers JSON-RPC with what it was asked, and misbehaves when told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Error;

/// An echo server over HTTP/1.1 and h2c on a free port; it stops when dropped.
///
/// Any request is answered with `{"jsonrpc":"2.0","id":<the request's>,"result":{"method":…,"params":…,"path":…}}`.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    behaviour: watch::Sender<Behaviour>,
    requests: Arc<AtomicU64>,
    heads: Heads,
    task: JoinHandle<()>,
}

/// The heads of the newest requests, oldest first.
type Heads = Arc<Mutex<VecDeque<Parts>>>;

/// So many heads are kept.
const HEADS: usize = 1000;

/// How a [`Backend`] answers; the default is at once and with success.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Wait before each answer.
    pub delay: Duration,
    /// HTTP status of each answer.
    pub status: StatusCode,
    /// A fixed body instead of the echo.
    pub body: Option<Bytes>,
    /// Headers of each answer beside its content type.
    pub headers: HeaderMap,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { delay: Duration::ZERO, status: StatusCode::OK, body: None, headers: HeaderMap::new() }
    }
}

impl Backend {
    /// Starts the server.
    pub async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::io("listen for the backend"))?;
        let address = listener.local_addr().map_err(Error::io("listen for the backend"))?;
        let (behaviour, watched) = watch::channel(Behaviour::default());
        let requests = Arc::new(AtomicU64::new(0));
        let heads = Heads::default();
        let task = tokio::spawn(serve(listener, watched, Arc::clone(&requests), Arc::clone(&heads)));
        Ok(Self { address, behaviour, requests, heads, task })
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests received so far, answered or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Method, URL and headers of the newest requests, oldest first; at most 1000.
    #[must_use]
    pub fn heads(&self) -> Vec<Parts> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Changes how the next requests are answered.
    pub fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, behaviour: watch::Receiver<Behaviour>, requests: Arc<AtomicU64>, heads: Heads) {
    let mut connections = JoinSet::new(); // ends with this task
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true); // only latency is at stake
        let (behaviour, requests, heads) = (behaviour.clone(), Arc::clone(&requests), Arc::clone(&heads));
        let service = service_fn(move |request: Request<Incoming>| {
            requests.fetch_add(1, Ordering::Relaxed);
            let (head, body) = request.into_parts();
            keep(&heads, head.clone());
            answer(Request::from_parts(head, body), behaviour.borrow().clone())
        });
        connections.spawn(async move {
            // A client that breaks off is its own affair.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

fn keep(heads: &Heads, head: Parts) {
    let mut heads = heads.lock().unwrap_or_else(PoisonError::into_inner);
    if heads.len() == HEADS {
        heads.pop_front();
    }
    heads.push_back(head);
}

async fn answer(request: Request<Incoming>, behaviour: Behaviour) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    tokio::time::sleep(behaviour.delay).await;
    let body = behaviour.body.unwrap_or_else(|| echo(&path, &body));
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = behaviour.status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response.headers_mut().extend(behaviour.headers);
    Ok(response)
}

fn echo(path: &str, body: &[u8]) -> Bytes {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let result = json!({"method": asked["method"], "params": asked["params"], "path": path});
    json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string().into()
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::*;
    use crate::request;

    #[tokio::test]
    async fn it_echoes_counts_and_misbehaves() {
        let backend = Backend::start().await.unwrap();
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": "eth_blockNumber", "params": [1]}).to_string();
        let answer = request::json(Method::POST, &backend.url(), call.clone()).await.unwrap();
        assert_eq!(answer["id"], 7);
        assert_eq!(answer["result"]["method"], "eth_blockNumber");

        let delay = Duration::from_millis(80);
        let (status, body) = (StatusCode::BAD_GATEWAY, Some(Bytes::from_static(b"gone")));
        backend.behave(Behaviour { delay, status, body, ..Behaviour::default() });
        let began = std::time::Instant::now();
        let answer = request::send(Method::POST, &backend.url(), call).await.unwrap();
        assert_eq!((answer.status(), answer.body().as_ref()), (StatusCode::BAD_GATEWAY, b"gone".as_slice()));
        assert!(began.elapsed() >= delay);
        assert_eq!((backend.requests(), backend.heads()[1].uri.path()), (2, "/"));
    }
}
