//! A relayer killed at full load: what it had answered is in the log, or in the number that it showed.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use relay_core::address::SecretKey;
use relay_core::client::ClientError;
use relay_core::proto::pocket::service::relay_service_client::RelayServiceClient;
use relay_core::proto::pocket::service::{RelayRequest, RelayResponse};
use relay_core::relay::{MinedRelay, sign_payload_hash};
use relay_core::session::SessionHeader;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testbed::{Behaviour, Genesis};
use tokio_util::sync::CancellationToken;

use crate::gateway::{Gateway, Target, targets};
use crate::ledger::Ledger;
use crate::log;
use crate::pool::{Pool, Relayer};
use crate::stage::Stage;

const AT_A_TIME: usize = 32;
/// The most relays that one append carries.
const BATCH: usize = 256;

/// How relays travel.
#[derive(Debug, Clone, Copy)]
enum Way {
    Http,
    Stream,
    Grpc,
}

struct Scene {
    stage: Stage,
    pool: Pool,
    relayer: Relayer,
    gateway: Gateway,
    target: Target,
}

/// One long session.
async fn scene(name: &str, recording: Value) -> Scene {
    let suppliers = ["supplier1".to_owned()];
    let stage = Stage::start(Genesis::new().block_time(Duration::from_hours(1))).await;
    let pool = Pool::new(&stage, name, &suppliers, &["svc1"]);
    let mut relayer = pool.relayer("relayer", json!({"recording": recording}));
    relayer.role.ready().await;
    let gateway = Gateway::new(&stage, "app1", "svc1");
    let target = targets(&stage, &suppliers, &relayer.url).remove(0);
    Scene { stage, pool, relayer, gateway, target }
}

impl Scene {
    /// Relays one way without pause, until `stop` and the answers that are due then.
    fn load(&self, way: Way, stop: &CancellationToken) -> tokio::task::JoinHandle<Ledger> {
        if matches!(way, Way::Stream) {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))]);
            self.stage.backend.behave(Behaviour { headers, ..Behaviour::default() });
        }
        let (gateway, target, stop) = (self.gateway.clone(), self.target.clone(), stop.clone());
        let supplier = self.stage.key("supplier1");
        tokio::spawn(async move {
            let mut callers = tokio::task::JoinSet::new();
            for _ in 0..AT_A_TIME {
                let (gateway, target, stop) = (gateway.clone(), target.clone(), stop.clone());
                let supplier = supplier.clone();
                callers.spawn(async move {
                    let mut ledger = Ledger::default();
                    while !stop.is_cancelled() {
                        let request = gateway.request(&target.supplier).await;
                        if let Some(response) = answer(way, &gateway, &target, &request, &supplier).await {
                            ledger.enter(&request, MinedRelay::new(&request, &response));
                        }
                    }
                    ledger
                });
            }
            let mut sum = Ledger::default();
            callers.join_all().await.into_iter().for_each(|ledger| sum.merge(ledger));
            sum
        })
    }

    /// Load, and a kill in its middle.
    async fn killed_at_full_load(&mut self, way: Way) -> Ledger {
        let stop = CancellationToken::new();
        let load = self.load(way, &stop);
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.relayer.role.kill().await;
        stop.cancel();
        load.await.unwrap()
    }
}

/// The response as it is recorded, if all of it came.
async fn answer(
    way: Way,
    gateway: &Gateway,
    target: &Target,
    request: &RelayRequest,
    supplier: &SecretKey,
) -> Option<RelayResponse> {
    match way {
        Way::Http => Some(gateway.client.send(&target.url, request, &target.key).await.ok()?.response),
        Way::Stream => stream(gateway, target, request, supplier).await.ok(),
        Way::Grpc => {
            let mut client = RelayServiceClient::connect(target.url.clone()).await.ok()?;
            Some(client.send_relay(request.clone()).await.ok()?.into_inner())
        }
    }
}

async fn stream(
    gateway: &Gateway,
    target: &Target,
    request: &RelayRequest,
    supplier: &SecretKey,
) -> Result<RelayResponse, ClientError> {
    let mut stream = gateway.client.stream(&target.url, request, &target.key, HeaderMap::new()).await?;
    let mut all = Vec::new();
    while let Some(message) = stream.next().await {
        all.push(message?.answer.body);
    }
    let meta = request.meta.as_ref().and_then(|meta| meta.session_header.as_ref()).unwrap();
    let hash: [u8; 32] = Sha256::digest(all.concat()).into();
    Ok(sign_payload_hash(&SessionHeader::try_from(meta).unwrap(), hash, supplier))
}

/// With `strict` no answer leaves before its record.
async fn loses_nothing(way: Way) {
    let mut scene = scene(&format!("killed-{way:?}").to_lowercase(), json!({"mode": "strict", "timeout": "10s"})).await;
    let answered = scene.killed_at_full_load(way).await;
    assert!(answered.relays() > AT_A_TIME, "{} relays are no load", answered.relays());
    let recorded = log::read(&scene.stage, &scene.pool).await.hashes();
    assert_eq!(answered.hashes().difference(&recorded).count(), 0, "of {}", answered.relays());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relayer_killed_while_it_streams_loses_nothing_that_it_finished() {
    loses_nothing(Way::Stream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relayer_killed_while_it_serves_grpc_loses_nothing_that_it_answered() {
    loses_nothing(Way::Grpc).await;
}

/// With `bounded` answers may leave while Redis stands still. They are counted where an operator sees them; a crash then
/// loses them, less those that were on their way to Redis, and no others.
async fn loses_what_it_showed(way: Way) {
    let mut scene = scene(&format!("shown-{way:?}").to_lowercase(), json!({"timeout": "100ms"})).await;
    let stop = CancellationToken::new();
    let load = scene.load(way, &stop);
    tokio::time::sleep(Duration::from_secs(2)).await;
    scene.stage.redis.pause().unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.cancel();
    let answered = load.await.unwrap();
    let books = scene.relayer.role.status().await["books"].clone();
    let shown = usize::try_from(books["unrecorded"].as_u64().unwrap()).unwrap();
    assert_eq!(books["answered"].as_u64().unwrap(), answered.relays() as u64, "nobody left before its answer");
    scene.relayer.role.kill().await;
    scene.stage.redis.resume().unwrap();
    // What was in the frozen server's hands is written first.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let recorded = log::read(&scene.stage, &scene.pool).await.hashes();
    let missing = answered.hashes().difference(&recorded).count();
    assert!(shown > AT_A_TIME, "{shown} answers that left unrecorded say nothing");
    assert!(missing <= shown && missing + BATCH >= shown, "{missing} relays are lost, {shown} were shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_answers_over_http_that_were_shown_as_unrecorded_and_no_others() {
    loses_what_it_showed(Way::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_answers_over_grpc_that_were_shown_as_unrecorded_and_no_others() {
    loses_what_it_showed(Way::Grpc).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_streams_that_were_shown_as_unrecorded_and_no_others() {
    loses_what_it_showed(Way::Stream).await;
}
