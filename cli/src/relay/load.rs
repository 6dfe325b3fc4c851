use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use relay_core::address::SecretKey;
use relay_core::client::{RelayClient, sign_request};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::report::{Report, Tally};
use super::target::{Aim, Target};
use crate::failure::Failure;

/// A new session is noticed within this time; the old one is still served during its grace period.
const REFRESH: Duration = Duration::from_secs(1);

/// What to send, and how fast.
pub(super) struct Load {
    pub(super) key: SecretKey,
    pub(super) payload: Bytes,
    pub(super) count: u64,
    pub(super) rate: Option<u32>,
    pub(super) concurrency: u16,
    pub(super) timeout: Duration,
    pub(super) http2: bool,
}

/// Sends everything, or what was sent until `stop`.
pub(super) async fn run(load: Load, target: Target, stop: CancellationToken) -> Result<Report, Failure> {
    let client = RelayClient::new(load.http2)?;
    let aim = target.aim().await?;
    if !aim.ring.contains(load.key.public_key()) {
        let gateways = "the key belongs neither to the application nor to one of its gateways";
        return Err(format!("{gateways}; the ring of {} refuses it", aim.header.application).into());
    }
    let (fresh, aims) = watch::channel(Arc::new(aim));
    let refreshed = tokio::spawn(refresh(target, fresh));

    let began = Instant::now();
    let shared = Arc::new(Shared { load, client, aims, next: AtomicU64::new(0), began, stop });
    let mut workers = JoinSet::new();
    for _ in 0..shared.load.concurrency {
        workers.spawn(work(Arc::clone(&shared)));
    }
    let mut tally = Tally::default();
    while let Some(part) = workers.join_next().await {
        tally.merge(part?);
    }
    refreshed.abort();
    Ok(Report::of(tally, began.elapsed()))
}

struct Shared {
    load: Load,
    client: RelayClient,
    aims: watch::Receiver<Arc<Aim>>,
    next: AtomicU64,
    began: Instant,
    stop: CancellationToken,
}

/// Follows the chain from session to session. A node that does not answer leaves the last known session in place.
async fn refresh(target: Target, fresh: watch::Sender<Arc<Aim>>) {
    loop {
        tokio::time::sleep(REFRESH).await;
        if let Ok(aim) = target.aim().await
            && fresh.send(Arc::new(aim)).is_err()
        {
            return;
        }
    }
}

async fn work(shared: Arc<Shared>) -> Tally {
    let mut tally = Tally::default();
    loop {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        if index >= shared.load.count || shared.stop.is_cancelled() {
            return tally;
        }
        if let Some(rate) = shared.load.rate {
            let due = shared.began + Duration::from_secs_f64(as_seconds(index) / f64::from(rate));
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = shared.stop.cancelled() => return tally,
            }
        }
        shared.send(index, &mut tally).await;
    }
}

#[allow(clippy::cast_precision_loss, reason = "relays are counted far below 2^53")]
fn as_seconds(index: u64) -> f64 {
    index as f64
}

impl Shared {
    /// Sends one relay and writes down what came of it.
    async fn send(&self, index: u64, tally: &mut Tally) {
        let aim = Arc::clone(&self.aims.borrow());
        let turn = usize::try_from(index % aim.suppliers.len().max(1) as u64).unwrap_or(0);
        let Some(supplier) = aim.suppliers.get(turn) else { return };
        let payload = self.load.payload.clone();
        let request = match sign_request(&aim.header, &aim.ring, &supplier.operator, payload, &self.load.key) {
            Ok(request) => request,
            Err(error) => return tally.failed(error.to_string()),
        };
        let sent = Instant::now();
        let answer = self.client.send(&supplier.url, &request, &supplier.key);
        match tokio::time::timeout(self.load.timeout, answer).await {
            Ok(Ok(verified)) if verified.answer.status.is_success() => {
                tally.answered(sent.elapsed(), &aim.header, &supplier.operator, verified.answer.body);
            }
            Ok(Ok(verified)) => tally.failed(format!("the backend answers with status {}", verified.answer.status)),
            Ok(Err(error)) => tally.failed(error.to_string()),
            Err(_) => tally.failed(format!("no answer within {} ms", self.load.timeout.as_millis())),
        }
    }
}
