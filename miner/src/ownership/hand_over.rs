//! The end of a miner: everything goes to the others, at once and with one deadline.

use std::time::Duration;

use relay_core::store::{Acquisition, Lease};
use tokio::time::Instant;
use tracing::{info, warn};

use super::asking::Answer;
use super::rounds::Ownership;
use super::work::Work;

/// The longest wait for Redis to take us off the list of members.
const LEAVING: Duration = Duration::from_millis(500);

/// How a miner ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct HandedOver {
    /// Suppliers that were handed over.
    pub suppliers: usize,
    /// Suppliers whose work did not end in time. Their leases run out by themselves.
    pub abandoned: usize,
}

impl<W: Work> Ownership<W> {
    /// Leaves the members first, so that the others know what is theirs; then gives each lease back as its work ends. The
    /// chain is asked nothing, and nothing that runs is waited for: whoever is next goes on from what is durable.
    pub(super) async fn hand_over(mut self) -> HandedOver {
        let owned = self.charges.len();
        let patience = self.leases.hand_over.0.min(self.leases.ttl.0.saturating_sub(self.leases.renew.0));
        let deadline = Instant::now() + patience;
        let all: Vec<_> = self.charges.iter().map(|(supplier, _)| supplier.clone()).collect();
        let idle: Vec<Lease> =
            all.iter().filter_map(|supplier| self.charges.stop(supplier)).map(|charge| charge.lease).collect();
        // A heartbeat that is still under way would put us back on the list.
        let quiet = async {
            while self.asking.is_looking_at_members() {
                let answer = self.asking.answer().await;
                give_back(&mut self.asking, answer);
            }
        };
        let _late = tokio::time::timeout(LEAVING, quiet).await;
        if !self.asking.leave(LEAVING).await {
            warn!("could not sign off; the other miners notice within one lease");
        }
        self.asking.release(&idle);
        while self.charges.len() > 0 || !self.asking.is_quiet() {
            tokio::select! {
                answer = self.asking.answer() => give_back(&mut self.asking, answer),
                over = self.charges.ended() => self.work_ended(over),
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        let abandoned = self.charges.abandon();
        if abandoned > 0 {
            warn!(abandoned, "work on suppliers did not end in time; their leases run out by themselves");
        }
        info!(suppliers = owned - abandoned, "everything is handed over");
        HandedOver { suppliers: owned - abandoned, abandoned }
    }
}

/// What was still taken is given back unused; all else is of no interest any more.
fn give_back<W: Work>(asking: &mut super::asking::Asking<W>, answer: Answer) {
    if let Answer::Acquired { outcome: Ok(outcomes), .. } = answer {
        let acquired = |outcome| match outcome {
            Acquisition::Acquired(lease) => Some(lease),
            Acquisition::HeldBy { .. } => None,
        };
        let leases: Vec<Lease> = outcomes.into_iter().filter_map(acquired).collect();
        asking.release(&leases);
    }
}
