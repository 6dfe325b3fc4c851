//! Who may read now: bounded in bytes and in number over the whole process, earliest deadline first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use relay_core::units::Height;
use tokio::sync::oneshot;

use crate::config::IntakeSection;
use crate::metrics::IntakeMetrics;

/// Lets readers of logs in. Cheap to clone; all clones are one gate.
#[derive(Debug, Clone)]
pub struct ReadGate(Arc<Gate>);

struct Gate {
    most_bytes: u64,
    places: usize,
    metrics: IntakeMetrics,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of relays that were asked for or are worked on.
    bytes: u64,
    inside: usize,
    /// By deadline, then by order of arrival.
    waiting: BTreeMap<(Height, u64), Waiter>,
    arrivals: u64,
}

#[derive(Debug)]
struct Waiter {
    bytes: u64,
    admitted: oneshot::Sender<Pass>,
}

/// A reader inside the gate. It leaves when this is dropped.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    bytes: u64,
}

impl ReadGate {
    /// A gate for `places` readers with `most_bytes` of relays between them.
    #[must_use]
    pub fn new(most_bytes: u64, places: usize, metrics: IntakeMetrics) -> Self {
        Self(Arc::new(Gate { most_bytes, places: places.max(1), metrics, state: Mutex::default() }))
    }

    /// Two readers a processor that the process may use: while one waits for Redis the other works.
    #[must_use]
    pub fn for_this_machine(section: &IntakeSection, metrics: IntakeMetrics) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::new(section.max_bytes_in_flight, 2 * processors, metrics)
    }

    /// Waits for a place to read about `bytes` of relays that are due by `deadline`.
    ///
    /// A read of more than there may be at all is let in when nobody else is inside.
    pub async fn enter(&self, deadline: Height, bytes: u64) -> Pass {
        loop {
            let (key, admission) = {
                let mut state = self.0.lock();
                let is_first = state.waiting.first_key_value().is_none_or(|((first, _), _)| deadline < *first);
                if is_first && self.0.has_room(&state, bytes) {
                    return self.0.admit(&mut state, bytes);
                }
                if state.inside < self.0.places {
                    self.0.metrics.reads_paused.inc();
                }
                let (sender, receiver) = oneshot::channel();
                state.arrivals += 1;
                let key = (deadline, state.arrivals);
                state.waiting.insert(key, Waiter { bytes, admitted: sender });
                (key, receiver)
            };
            let _place = InLine { gate: &self.0, key };
            // The other end never goes away without an admission; if it did, standing in line again would be right.
            if let Ok(pass) = admission.await {
                return pass;
            }
        }
    }
}

impl Pass {
    /// Corrects how much is really held.
    pub fn holds(&mut self, bytes: u64) {
        let admitted = {
            let mut state = self.gate.lock();
            state.bytes = state.bytes - self.bytes + bytes;
            self.bytes = bytes;
            self.gate.admit_waiting(&mut state)
        };
        admitted.deliver();
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let admitted = {
            let mut state = self.gate.lock();
            state.bytes -= self.bytes;
            state.inside -= 1;
            self.gate.admit_waiting(&mut state)
        };
        admitted.deliver();
    }
}

/// A reader that gives up waiting leaves the line.
struct InLine<'a> {
    gate: &'a Gate,
    key: (Height, u64),
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.gate.lock().waiting.remove(&self.key);
    }
}

/// Passes to be handed over once the lock is open again: one whose reader has gone comes back, and takes the lock.
#[must_use]
struct Admitted(Vec<(oneshot::Sender<Pass>, Pass)>);

impl Admitted {
    fn deliver(self) {
        for (reader, pass) in self.0 {
            drop(reader.send(pass));
        }
    }
}

impl Gate {
    fn has_room(&self, state: &State, bytes: u64) -> bool {
        state.inside < self.places && (state.inside == 0 || state.bytes.saturating_add(bytes) <= self.most_bytes)
    }

    fn admit(self: &Arc<Self>, state: &mut State, bytes: u64) -> Pass {
        state.bytes += bytes;
        state.inside += 1;
        self.show(state);
        Pass { gate: self.clone(), bytes }
    }

    /// Strictly in order: a large read that is due first is not overtaken by small ones for ever.
    fn admit_waiting(self: &Arc<Self>, state: &mut State) -> Admitted {
        let mut admitted = Vec::new();
        while let Some(first) = state.waiting.first_entry() {
            let bytes = first.get().bytes;
            if !self.has_room(state, bytes) {
                break;
            }
            let Some((_, waiter)) = state.waiting.pop_first() else { break };
            admitted.push((waiter.admitted, self.admit(state, bytes)));
        }
        self.show(state);
        Admitted(admitted)
    }

    fn show(&self, state: &State) {
        self.metrics.bytes_in_flight.set(i64::try_from(state.bytes).unwrap_or(i64::MAX));
    }

    /// Nothing panics while this lock is held, and what it guards is whole at any time.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("most_bytes", &self.most_bytes)
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
