use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::super::client::Chain;
use super::super::grpc::with_sources;
use super::super::node::Door;
use super::super::rpc::secure_connector;

const SUBSCRIBE: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"subscribe","params":{"query":"tm.event='NewBlockHeader'"}}"#;
const LARGEST_MESSAGE: usize = 1024 * 1024;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// After this long without a word the server is pinged; after twice as long the connection is given up.
const SILENCE: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Socket = WebSocketStream<Box<dyn Stream>>;

/// Wakes the follower for each block header that a node announces. Announcements are hints: their content is not used, and
/// when they stop coming the follower merely sees blocks a little later.
pub(super) async fn listen(chain: Chain, wake: Arc<Notify>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = reconnect(&chain, &wake) => {}
    }
}

async fn reconnect(chain: &Chain, wake: &Notify) {
    let mut pause = FIRST_PAUSE;
    loop {
        let base = chain.in_order(Door::Rpc).first().map(|node| node.rpc.base().to_owned());
        if let Some(base) = base {
            match subscribe(&base).await {
                Ok(socket) => {
                    pause = FIRST_PAUSE;
                    let reason = forward(socket, wake).await;
                    tracing::debug!(%reason, "block announcements ended; polling goes on");
                }
                Err(reason) => tracing::debug!(%reason, "no block announcements; polling goes on"),
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn subscribe(base: &str) -> Result<Socket, String> {
    let connecting = async {
        let stream = connect(base).await?;
        let url = format!("{}/websocket", base.replacen("http", "ws", 1));
        let config = WebSocketConfig::default().max_message_size(Some(LARGEST_MESSAGE));
        let upgraded = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await;
        let (mut socket, _) = upgraded.map_err(|error| with_sources(&error))?;
        socket.send(Message::text(SUBSCRIBE)).await.map_err(|error| with_sources(&error))?;
        Ok(socket)
    };
    tokio::time::timeout(CONNECT_WITHIN, connecting).await.map_err(|_| "timed out".to_owned())?
}

async fn connect(base: &str) -> Result<Box<dyn Stream>, String> {
    let uri: http::Uri = base.parse().map_err(|error| format!("{base}: {error}"))?;
    if uri.scheme_str() == Some("https") {
        let stream = secure_connector()?.oneshot(uri).await.map_err(|error| with_sources(error.as_ref()))?;
        return Ok(Box::new(TokioIo::new(stream)));
    }
    let host = uri.host().unwrap_or_default();
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await;
    Ok(Box::new(stream.map_err(|error| error.to_string())?))
}

/// Returns why the connection ended.
async fn forward(mut socket: Socket, wake: &Notify) -> String {
    let mut pinged = false;
    loop {
        match tokio::time::timeout(SILENCE, socket.next()).await {
            Ok(Some(Ok(message))) => {
                pinged = false;
                if message.is_text() {
                    wake.notify_one();
                }
            }
            Ok(Some(Err(error))) => return with_sources(&error),
            Ok(None) => return "the node closed the connection".to_owned(),
            Err(_) if pinged => return format!("silent for {:?}", SILENCE * 2),
            Err(_) => {
                pinged = true;
                if let Err(error) = socket.send(Message::Ping(Vec::new().into())).await {
                    return with_sources(&error);
                }
            }
        }
    }
}
