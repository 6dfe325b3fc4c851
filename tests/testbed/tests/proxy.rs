//! The misbehaving node against a real one.

#![allow(clippy::unwrap_used, reason = "a failed step of a test ends the test")]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use testbed::proxy::{Failure, Fate, Lag, LateBroadcasts};
use testbed::{Chain, Faults, Genesis, Proxy};
use tokio_tungstenite::tungstenite::Message;

const PARAMS: &str = "/pocket.shared.Query/Params";
const LATEST_BLOCK: &str = "/cosmos.base.tendermint.v1beta1.Service/GetLatestBlock";
const BLOCK_BY_HEIGHT: &str = "/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight";
const BROADCAST: &str = "/cosmos.tx.v1beta1.Service/BroadcastTx";

/// What came back from a gRPC call: its status, its message text, the height it was answered at, the bytes.
#[derive(Debug)]
struct Answer {
    status: Option<String>,
    text: String,
    height: Option<i64>,
    body: Bytes,
}

/// A unary call in gRPC's framing, as any client makes it; `None` when the connection broke.
async fn call(url: &str, path: &str, message: &[u8], height: Option<i64>) -> Option<Answer> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let mut request =
        Request::post(format!("{url}{path}")).header("content-type", "application/grpc").header("te", "trailers");
    if let Some(height) = height {
        request = request.header("x-cosmos-block-height", height);
    }
    let body = Full::new(Bytes::from([&[0], length.as_slice(), message].concat()));
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let response = client.request(request.body(body).unwrap()).await.ok()?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let header = |name| {
        let value = parts.headers.get(name).or_else(|| trailers.get(name))?;
        Some(value.to_str().unwrap().to_owned())
    };
    Some(Answer {
        status: header("grpc-status").or_else(|| (parts.status != StatusCode::OK).then(|| parts.status.to_string())),
        text: header("grpc-message").unwrap_or_default(),
        height: header("x-cosmos-block-height").map(|height| height.parse().unwrap()),
        body: body.to_bytes(),
    })
}

async fn get(url: String) -> (StatusCode, Value) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::builder().method(Method::GET).uri(url).body(Full::default()).unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn post(url: &str, method: &str, params: Value) -> Value {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
    let request = Request::post(url).header("content-type", "application/json").body(Full::from(body)).unwrap();
    let body = client.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

/// A chain that makes blocks only when told, at some height, with a proxy in front.
async fn standing() -> (Chain, Proxy, i64) {
    let chain = Chain::start(Genesis::new().block_time(Duration::from_mins(5))).await.unwrap();
    let height = chain.advance(20).await.unwrap();
    let proxy = Proxy::start(&chain).await.unwrap();
    (chain, proxy, height)
}

#[tokio::test]
async fn without_faults_nothing_changes() {
    let (chain, proxy, height) = standing().await;
    let through = call(&proxy.grpc(), PARAMS, &[], None).await.unwrap();
    let direct = call(&chain.grpc(), PARAMS, &[], None).await.unwrap();
    assert_eq!((through.status.as_deref(), through.height), (Some("0"), Some(height)));
    assert_eq!(through.body, direct.body);
    assert_eq!(proxy.requests(PARAMS), 1);
    for path in [
        "/block?height=3",
        "/status",
        "/block?height=1000",
        "/abci_query?path=\"/pocket.shared.Query/Params\"&height=5",
    ] {
        let path = path.replace('"', "%22");
        assert_eq!(get(format!("{}{path}", proxy.rpc())).await, get(format!("{}{path}", chain.rpc())).await, "{path}");
    }
}

#[tokio::test]
async fn errors_are_answered_where_they_are_wanted() {
    let (_chain, proxy, _) = standing().await;
    proxy.set(Faults::failing(Failure::not_ready()));
    let answer = call(&proxy.grpc(), PARAMS, &[], None).await.unwrap();
    assert_eq!(answer.status.as_deref(), Some("2"));
    assert!(
        answer.text.starts_with("codespace sdk code 26: invalid height: context did not contain"),
        "{}",
        answer.text
    );
    assert_eq!(get(format!("{}/status", proxy.rpc())).await.0, StatusCode::INTERNAL_SERVER_ERROR);

    let only = Some("pocket.proof".to_owned());
    proxy.set(Faults { only, ..Faults::failing(Failure::Http(StatusCode::BAD_GATEWAY)) });
    assert_eq!(call(&proxy.grpc(), PARAMS, &[], None).await.unwrap().status.as_deref(), Some("0"));
    let proofs = call(&proxy.grpc(), "/pocket.proof.Query/Params", &[], None).await.unwrap();
    assert_eq!(proofs.status.as_deref(), Some("502 Bad Gateway"));

    proxy.heal();
    assert_eq!(
        call(&proxy.grpc(), "/pocket.proof.Query/Params", &[], None).await.unwrap().status.as_deref(),
        Some("0")
    );
}

#[tokio::test]
async fn a_stall_lasts_until_it_is_lifted() {
    let (_chain, proxy, _) = standing().await;
    proxy.set(Faults { delay: Duration::from_millis(150), ..Faults::default() });
    let began = Instant::now();
    assert!(call(&proxy.grpc(), PARAMS, &[], None).await.is_some());
    assert!(began.elapsed() >= Duration::from_millis(150));

    proxy.set(Faults { delay: Duration::MAX, ..Faults::default() });
    let url = proxy.rpc();
    let stalled = tokio::spawn(async move { get(format!("{url}/status")).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!stalled.is_finished());
    proxy.heal();
    assert_eq!(stalled.await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn connections_are_cut() {
    let (_chain, proxy, _) = standing().await;
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("{}/websocket", proxy.rpc().replace("http", "ws"))).await.unwrap();
    proxy.set(Faults { delay: Duration::MAX, ..Faults::default() });
    let url = proxy.grpc();
    let pending = tokio::spawn(async move { call(&url, PARAMS, &[], None).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    proxy.set(Faults { cut: true, ..Faults::default() });
    assert!(pending.await.unwrap().is_none(), "a request under way is cut");
    assert!(call(&proxy.grpc(), PARAMS, &[], None).await.is_none(), "a new connection is closed");
    assert!(!matches!(socket.next().await, Some(Ok(_))), "an open websocket is cut");
    proxy.heal();
    assert!(call(&proxy.grpc(), PARAMS, &[], None).await.is_some());
}

#[tokio::test]
async fn a_lagging_node_does_not_know_the_last_blocks() {
    let (chain, proxy, height) = standing().await;
    proxy.set(Faults::lagging(5));
    let behind = height - 5;

    let latest = call(&proxy.grpc(), PARAMS, &[], None).await.unwrap();
    assert_eq!(latest.height, Some(behind));
    let pinned = call(&proxy.grpc(), PARAMS, &[], Some(3)).await.unwrap();
    assert_eq!(pinned.height, Some(3), "what it has seen, it answers");
    let future = call(&proxy.grpc(), PARAMS, &[], Some(height)).await.unwrap();
    let real = call(&chain.grpc(), PARAMS, &[], Some(height + 5)).await.unwrap();
    assert_eq!((&future.status, &future.text), (&real.status, &real.text), "refused as the node refuses");
    assert!(future.text.contains("height in the future"), "{future:?}");
    let block = call(&proxy.grpc(), LATEST_BLOCK, &[], None).await.unwrap();
    let asked = [8, u8::try_from(behind).unwrap()]; // field 1 of the request
    let by_height = call(&chain.grpc(), BLOCK_BY_HEIGHT, &asked, None).await.unwrap();
    assert_eq!(block.body, by_height.body);

    let (_, status) = get(format!("{}/status", proxy.rpc())).await;
    let (_, expected) = get(format!("{}/block?height={behind}", chain.rpc())).await;
    let sync = &status["result"]["sync_info"];
    assert_eq!(sync["latest_block_height"], behind.to_string());
    assert_eq!(sync["latest_block_hash"], expected["result"]["block_id"]["hash"]);
    assert_eq!(sync["latest_block_time"], expected["result"]["block"]["header"]["time"]);
    assert_eq!(get(format!("{}/block", proxy.rpc())).await.1, expected);
    let results = post(&proxy.rpc(), "block_results", json!({})).await;
    assert_eq!(results["result"]["height"], behind.to_string());
    let (code, refused) = get(format!("{}/block?height={height}", proxy.rpc())).await;
    assert_eq!(code, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        refused["error"]["data"],
        format!("height {height} must be less than or equal to the current blockchain height {behind}")
    );
    let query = json!({"path": "/pocket.shared.Query/Params", "data": "", "height": height.to_string()});
    let refused = post(&proxy.rpc(), "abci_query", query).await;
    assert_eq!((&refused["id"], &refused["result"]["response"]["code"]), (&json!(7), &json!(26)));
    proxy.heal();
    assert_eq!(call(&proxy.grpc(), PARAMS, &[], None).await.unwrap().height, Some(height));
}

/// Subscribes to new blocks and answers with the websocket.
async fn subscribed(
    url: &str,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>> {
    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("{}/websocket", url.replace("http", "ws"))).await.unwrap();
    let subscribe =
        json!({"jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": {"query": "tm.event='NewBlock'"}});
    socket.send(Message::text(subscribe.to_string())).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert!(answer.to_text().unwrap().contains("\"result\""), "{answer}");
    socket
}

/// The heights of the events that arrive within a quarter of a second.
async fn heights(
    socket: &mut (impl StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin),
) -> Vec<i64> {
    let mut heights = Vec::new();
    while let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_millis(250), socket.next()).await {
        let event: Value = serde_json::from_str(message.to_text().unwrap_or_default()).unwrap_or_default();
        let height = &event["result"]["data"]["value"]["block"]["header"]["height"];
        heights.extend(height.as_str().map(|height| height.parse::<i64>().unwrap()));
    }
    heights
}

#[tokio::test]
async fn events_lag_and_fall_silent() {
    let (chain, proxy, height) = standing().await;
    let mut socket = subscribed(&proxy.rpc()).await;
    chain.advance(1).await.unwrap();
    assert_eq!(heights(&mut socket).await, [height + 1]);

    proxy.set(Faults::lagging(2));
    chain.advance(3).await.unwrap();
    assert_eq!(heights(&mut socket).await, [height + 2], "the last two are still on their way");
    proxy.heal();
    assert_eq!(heights(&mut socket).await, [height + 3, height + 4]);

    proxy.set(Faults { swallow_events: true, ..Faults::default() });
    chain.advance(2).await.unwrap();
    assert_eq!(heights(&mut socket).await, [0_i64; 0]);
    proxy.heal();
    chain.advance(1).await.unwrap();
    assert_eq!(heights(&mut socket).await, [height + 7], "what was swallowed is gone");
}

/// Signed bytes of a transaction that is valid until its first use: they are taken from a block of a twin of the chain.
async fn signed_transfer(genesis: &Genesis) -> (Vec<u8>, String) {
    let twin = Chain::start(genesis.clone()).await.unwrap();
    let (from, to) = (twin.account("app1").unwrap().address.clone(), twin.account("poor").unwrap().address.clone());
    let send = json!({
        "@type": "/cosmos.bank.v1beta1.MsgSend", "from_address": from, "to_address": to,
        "amount": [{"denom": "upokt", "amount": "7"}],
    });
    let result = twin.send_tx("app1", &send).await.unwrap().accepted().unwrap();
    let block = twin.call("block", &json!({"height": result.height.unwrap().to_string()})).await.unwrap();
    let bytes = BASE64.decode(block["block"]["data"]["txs"][0].as_str().unwrap()).unwrap();
    (bytes, result.hash)
}

fn broadcast_request(transaction: &[u8]) -> Vec<u8> {
    let length = transaction.len();
    assert!((128..16384).contains(&length), "two length bytes");
    let length = [u8::try_from(length & 0x7f).unwrap() | 0x80, u8::try_from(length >> 7).unwrap()];
    [&[0x0a], length.as_slice(), transaction, &[0x10, 2]].concat() // mode 2: BROADCAST_MODE_SYNC
}

#[tokio::test]
async fn broadcasts_are_dropped_delayed_and_counted() {
    let genesis = Genesis::new().block_time(Duration::from_millis(50)).account("poor", json!({"balance": "5upokt"}));
    let (transaction, hash) = signed_transfer(&genesis).await;
    let chain = Chain::start(genesis).await.unwrap();
    let to = chain.account("poor").unwrap().address.clone();
    let proxy = Proxy::start(&chain).await.unwrap();

    proxy.set(Faults { drop_broadcasts: true, ..Faults::default() });
    let answer = call(&proxy.grpc(), BROADCAST, &broadcast_request(&transaction), None).await.unwrap();
    assert_eq!(answer.status.as_deref(), Some("0"));
    assert!(answer.body.windows(64).any(|window| window == hash.as_bytes()), "acknowledged with its true hash");
    let answer = post(&proxy.rpc(), "broadcast_tx_sync", json!({"tx": BASE64.encode(&transaction)})).await;
    assert_eq!((&answer["result"]["code"], &answer["result"]["hash"]), (&json!(0), &json!(hash)));

    let lag = Some(Lag { blocks: 3, broadcasts: LateBroadcasts::Drop });
    proxy.set(Faults { lag, ..Faults::default() });
    call(&proxy.grpc(), BROADCAST, &broadcast_request(&transaction), None).await.unwrap();
    chain.advance(10).await.unwrap();
    assert_eq!(chain.balance(&to).await.unwrap(), 5, "none of them arrived");

    chain.pause().await.unwrap();
    proxy.set(Faults::lagging(3));
    call(&proxy.grpc(), BROADCAST, &broadcast_request(&transaction), None).await.unwrap();
    chain.advance(2).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(chain.balance(&to).await.unwrap(), 5, "two blocks are not yet three");
    chain.advance(1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    chain.advance(1).await.unwrap();
    assert_eq!(chain.balance(&to).await.unwrap(), 12, "late, but there");

    proxy.heal();
    let again = call(&proxy.grpc(), BROADCAST, &broadcast_request(&transaction), None).await.unwrap();
    assert_eq!(again.status.as_deref(), Some("0"));
    let fates: Vec<_> = proxy.broadcasts().iter().map(|broadcast| broadcast.fate).collect();
    assert_eq!(fates, [Fate::Dropped, Fate::Dropped, Fate::Dropped, Fate::Late, Fate::Forwarded]);
    assert!(proxy.broadcasts().iter().all(|broadcast| broadcast.hash() == hash && broadcast.bytes == transaction));
}
