use std::sync::atomic::Ordering;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::store::{Append, AppendOutcome, Appended, Stamp, StoreError};
use relay_core::units::ServiceId;

use super::marks::Hold;
use super::publisher::{Publisher, REVIEW};
use super::retained::Batch;
use super::waiting::{Counterpart, Fate, Waiting};
use crate::books::Column;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Something to append.
#[derive(Debug)]
pub(super) enum Item {
    /// A relay that was just served.
    First(Waiting),
    /// One that was appended, but may be lost.
    Again(Append, Hold),
}

impl Item {
    fn append(&self) -> &Append {
        match self {
            Self::First(waiting) => &waiting.append,
            Self::Again(append, _) => append,
        }
    }
}

impl Publisher {
    /// Appends everything of one supplier, batch by batch, and ends when nothing is left. Never gives a relay up.
    pub(super) async fn drain(&self, supplier: &Address) {
        loop {
            let mut batch = self.0.lanes.take(supplier);
            if batch.is_empty() {
                return;
            }
            let mut pause = FIRST_PAUSE;
            loop {
                // A relay that was withdrawn while it waited for Redis to come back is not sent.
                batch.retain(|item| match item {
                    Item::First(waiting) => waiting.standing.send(),
                    Item::Again(..) => true,
                });
                if batch.is_empty() {
                    break;
                }
                match self.append(supplier, &batch).await {
                    Ok(appended) => {
                        self.0.stuck.store(false, Ordering::Relaxed);
                        self.settle(supplier, batch, &appended.outcomes, appended.stamp);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(%supplier, relays = batch.len(), %error, "relays cannot be recorded; trying again");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        }
    }

    async fn append(&self, supplier: &Address, batch: &[Item]) -> Result<Appended, StoreError> {
        let shared = &self.0;
        while shared.retained.is_full() {
            // Too much could be lost at once: wait until some of it is safe.
            self.review();
            if shared.retained.is_full() {
                tokio::time::sleep(REVIEW).await;
            }
        }
        if shared.marks.missing(supplier).is_some() {
            let _turn = shared.marking.lock().await;
            if let Some(mark) = shared.marks.missing(supplier) {
                let marks = [(supplier.clone(), Some(mark))];
                shared.store.put_pending(&shared.instance, &marks).await?;
                shared.marks.wrote(&marks);
            }
        }
        let relays: Vec<Append> = batch.iter().map(|item| item.append().clone()).collect();
        shared.store.append(supplier, &relays).await
    }

    fn settle(&self, supplier: &Address, batch: Vec<Item>, outcomes: &[AppendOutcome], stamp: Stamp) {
        let mut kept = Vec::with_capacity(batch.len());
        let mut appended: Vec<(ServiceId, u64)> = Vec::new();
        for (item, outcome) in batch.into_iter().zip(outcomes) {
            let fate = match outcome {
                AppendOutcome::Appended(_) => Fate::Appended,
                AppendOutcome::Late => Fate::Late,
            };
            let (mut append, hold) = match item {
                Item::First(waiting) => {
                    let service = &waiting.append.session.service;
                    match fate {
                        Fate::Appended => count(&mut appended, service),
                        Fate::Late => self.0.metrics.late(service),
                    }
                    self.report(waiting, fate)
                }
                Item::Again(append, hold) => {
                    let again = if fate == Fate::Appended { Column::AppendedAgain } else { Column::AgainLate };
                    self.0.books.add(again);
                    (append, hold)
                }
            };
            if let AppendOutcome::Appended(id) = outcome {
                append.earlier.get_or_insert(*id);
                kept.push((append, hold));
            }
        }
        for (service, relays) in appended {
            self.0.metrics.appended(supplier, &service, relays);
        }
        if self.0.config.re_append && !kept.is_empty() {
            self.0.retained.keep(Batch { supplier: supplier.clone(), stamp, relays: kept });
        }
    }

    /// Tells the answer that waits, or corrects the books of the one that left.
    fn report(&self, waiting: Waiting, fate: Fate) -> (Append, Hold) {
        let books = &self.0.books;
        let column = match fate {
            Fate::Appended => Column::Appended,
            Fate::Late => Column::Late,
        };
        match waiting.standing.settle() {
            Counterpart::Waiting => books.add(column),
            Counterpart::Left => {
                books.add(column);
                books.take(Column::Unrecorded);
            }
            Counterpart::Withheld if fate == Fate::Appended => books.add(Column::AppendedWithheld),
            Counterpart::Withheld => {}
        }
        // Whoever waited may have left in the meantime.
        let _ = waiting.answer.send(fate);
        (waiting.append, waiting.room.hold())
    }
}

/// Counts by service; a batch has few.
fn count(counts: &mut Vec<(ServiceId, u64)>, service: &ServiceId) {
    match counts.iter_mut().find(|(known, _)| known == service) {
        Some((_, relays)) => *relays += 1,
        None => counts.push((service.clone(), 1)),
    }
}
