//! Relays all the time, through the relayer, by signed requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::gateway::{Gateway, Target};
use crate::ledger::Ledger;

/// Between two relays of one application.
const PACE: Duration = Duration::from_millis(150);
/// Relays of one application under way at most; while nothing answers, none are added.
const AT_A_TIME: usize = 24;

/// What was answered so far.
#[derive(Clone, Default)]
pub(crate) struct Answered(Arc<Mutex<Ledger>>);

/// The load of all applications.
pub(crate) struct Load {
    pub(crate) answered: Answered,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Answered {
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    /// Each application goes round these suppliers until [`Load::stop`].
    pub(crate) fn start(gateways: Vec<Gateway>, targets: &[Target]) -> Self {
        let (answered, stop, mut tasks) = (Answered::default(), CancellationToken::new(), JoinSet::new());
        for gateway in gateways {
            tasks.spawn(go_round(gateway, targets.to_vec(), answered.clone(), stop.clone()));
        }
        Self { answered, stop, tasks }
    }

    /// What is under way is given up: its answers, if they come, were seen by nobody.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        while let Some(done) = self.tasks.join_next().await {
            done.unwrap();
        }
    }
}

async fn go_round(gateway: Gateway, targets: Vec<Target>, answered: Answered, stop: CancellationToken) {
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    for target in targets.into_iter().cycle() {
        tokio::select! {
            _ = pace.tick() => {}
            () = stop.cancelled() => return,
        }
        while let Some(done) = under_way.try_join_next() {
            done.unwrap();
        }
        if under_way.len() < AT_A_TIME {
            let (gateway, answered) = (gateway.clone(), answered.clone());
            under_way.spawn(async move {
                if let Ok((request, mined)) = gateway.relay(&target).await {
                    answered.ledger().enter(&request, mined);
                }
            });
        }
    }
}
