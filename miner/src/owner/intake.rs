//! What there is to read, and by when.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use relay_core::chain::Block;
use relay_core::units::{Height, SessionId};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::Owner;
use crate::intake::{self, Log, Reading};
use crate::record::SessionRecord;
use crate::session::Session;

/// Reading may take so long before the supplier's other work gets its turn. It goes on at once afterwards.
const SLICE: Duration = Duration::from_millis(250);

/// A reading that came back to its session.
type Read = (SessionId, intake::Intake, Result<Reading, relay_core::store::StoreError>);

impl Owner {
    /// Learns of new sessions and of new entries from the newest answer of the process' poller.
    pub(super) fn discover(&mut self) {
        let Some(heads) = self.heads.latest() else { return };
        for summary in heads.iter() {
            let id = &summary.header.id;
            if let Some(session) = self.sessions.get_mut(id) {
                // A log that was drained takes no more; the answer may be older than that.
                if !session.drained {
                    session.appended = session.appended.max(summary.appended);
                }
            } else if self.met.insert(id.clone()) {
                let mut session = Session::new(SessionRecord::new(summary.header.clone()));
                session.appended = summary.appended;
                self.around.metrics.sessions.created(&self.supplier, &summary.header.service);
                self.sessions.insert(id.clone(), session);
            }
            // Otherwise it has ended, and the answer is older than that.
        }
        let listed: BTreeSet<&SessionId> = heads.iter().map(|summary| &summary.header.id).collect();
        self.met.retain(|id| listed.contains(id) || self.sessions.contains_key(id));
        self.met.extend(self.sessions.keys().cloned());
    }

    /// Reads logs that have grown, for a slice of time at most.
    pub(super) async fn read_logs(&mut self) {
        let is_behind = |session: &Session| session.record.ending.is_none() && session.unread() > 0;
        let behind = self.ids(is_behind);
        self.read(behind).await;
        self.show_intake();
    }

    /// Whether the logs of the supplier were asked for under this lease. Before that nothing is known to be missing.
    pub(super) fn has_heads(&self) -> bool {
        self.heads.has_answer()
    }

    /// Whether a log is known to be longer than what was read of it, and reading it can go on at once.
    pub(super) fn has_more_to_read(&self) -> bool {
        self.more_to_read
    }

    /// Has the last relays of sessions that are about to be closed, or are closed and not drained, asked for more often.
    pub(super) fn mind_closes(&mut self, block: &Block) {
        let near = |session: &Session| {
            let is_over = session.windows.is_some_and(|windows| block.height >= windows.grace_end);
            is_over && !session.drained && session.record.ending.is_none()
        };
        let near_close = self.sessions.values().any(near);
        self.heads.set_near_close(near_close);
    }

    pub(super) fn ids(&self, which: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        self.sessions.iter().filter(|(_, session)| which(session)).map(|(id, _)| id.clone()).collect()
    }

    /// Reads these logs side by side, those whose claims are due first in front, and gives the ones that were read to their end.
    ///
    /// A log that cannot be read keeps only its own session waiting.
    pub(super) async fn read(&mut self, ids: Vec<SessionId>) -> Vec<SessionId> {
        self.more_to_read = false;
        self.price(&ids).await;
        let until = Instant::now() + SLICE;
        let mut readers: JoinSet<Read> = JoinSet::new();
        for id in ids {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let Some(mut intake) = session.lend_intake() else { continue };
            let log = Log {
                supplier: self.supplier.clone(),
                session: id.clone(),
                appended: session.appended,
                deadline: deadline(session),
                since: self.since,
            };
            let around = self.around.clone();
            let metrics = around.metrics.intake.of_log(&self.supplier, &session.record.header.service);
            readers.spawn(async move {
                let read = intake::read(&around.store, &around.gate, &metrics, &log, &mut intake, until).await;
                (id, intake, read)
            });
        }
        let mut at_end = Vec::new();
        while let Some(joined) = readers.join_next().await {
            match joined {
                Ok(read) => at_end.extend(self.take_back(read)),
                // Its trie is gone with it; the session is priced and read again.
                Err(error) => error!(supplier = %self.supplier, %error, "reading a log failed"),
            }
        }
        at_end
    }

    /// Puts what was read back into its session. Gives the session's id if that was all.
    fn take_back(&mut self, (id, intake, read): Read) -> Option<SessionId> {
        let tally = intake.tally();
        if let Some(session) = self.sessions.get_mut(&id) {
            session.return_intake(intake);
        }
        match read {
            Ok(Reading::AtEnd) => {
                debug!(supplier = %self.supplier, session = %id, entries = tally.entries, leaves = tally.leaves, "read to the end");
                return Some(id);
            }
            Ok(Reading::More) => self.more_to_read = true,
            Ok(Reading::Stuck(trouble)) => {
                error!(supplier = %self.supplier, session = %id, %trouble, "a relay cannot be counted now");
            }
            Err(error) => warn!(supplier = %self.supplier, session = %id, %error, "a log cannot be read now"),
        }
        None
    }

    /// Without the session's price nothing can be weighed; the relays stay safe in the log until the chain answers.
    async fn price(&mut self, ids: &[SessionId]) {
        let (around, supplier) = (self.around.clone(), self.supplier.clone());
        let unpriced = self.sessions.iter_mut().filter(|(id, session)| !session.is_priced() && ids.contains(id));
        let pricing = unpriced.map(|(id, session)| {
            let (around, supplier) = (&around, &supplier);
            async move {
                if let Err(error) = session.price(&around.chain, supplier, around.largest_relay).await {
                    warn!(%supplier, session = %id, %error, "what the relays of a session weigh is unknown for now");
                }
            }
        });
        join_all(pricing).await;
    }

    fn show_intake(&mut self) {
        let now = self.around.clock.monotonic();
        for session in self.sessions.values_mut() {
            session.unread_since = (session.unread() > 0).then(|| session.unread_since.unwrap_or(now));
        }
        let oldest = self.sessions.values().filter_map(|session| session.unread_since).min();
        let trees = self.sessions.values().filter(|session| session.is_priced()).count();
        let lag = self.sessions.values().map(Session::unread).sum();
        self.gauges.show(trees, lag, oldest.map_or(Duration::ZERO, |oldest| now.saturating_sub(oldest)));
    }
}

/// The last block that can take the claim, or one that is certainly not later.
fn deadline(session: &Session) -> Height {
    session.windows.map_or(session.record.header.end, |windows| windows.claim_close)
}
