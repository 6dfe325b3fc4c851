use std::collections::BTreeSet;

use relay_core::session::SessionHeader;
use relay_core::units::Height;

use super::RELAYS;
use super::trouble::Trouble;
use crate::record::SessionRecord;

/// What is in Redis, written by owners under their fence.
#[derive(Clone)]
pub(super) struct State {
    /// Entries of each session's log.
    pub(super) relays: Vec<u8>,
    pub(super) records: Vec<SessionRecord>,
    pub(super) seals: Vec<Option<[u8; 48]>>,
    /// Transactions whose bytes are stored.
    pub(super) transactions: BTreeSet<usize>,
}

/// A Redis that can lose its tail.
pub(super) struct ModelRedis {
    pub(super) now: State,
    past: Vec<State>,
    durable: usize,
    /// When it last lost something.
    pub(super) lost_at: Option<i64>,
}

fn record(session: usize) -> SessionRecord {
    SessionRecord::new(SessionHeader {
        application: relay_core::address::Address::from_payload(&[1; 20]).expect("20 bytes"),
        service: "svc".into(),
        id: format!("{session:064x}").as_str().into(),
        start: Height(11),
        end: Height(20),
    })
}

impl ModelRedis {
    pub(super) fn new(sessions: usize) -> Self {
        let now = State {
            relays: vec![RELAYS - 2; sessions],
            records: (0..sessions).map(record).collect(),
            seals: vec![None; sessions],
            transactions: BTreeSet::new(),
        };
        Self { past: vec![now.clone()], now, durable: 0, lost_at: None }
    }

    /// One write.
    pub(super) fn write(&mut self, change: impl FnOnce(&mut State)) {
        change(&mut self.now);
        self.past.push(self.now.clone());
    }

    /// Everything so far is durable.
    pub(super) fn barrier(&mut self) {
        self.durable = self.past.len() - 1;
    }

    /// Relayers append what they hold, and again what was lost, as long as the session takes appends. What a relayer has not
    /// confirmed as durable it keeps; a block later it is back.
    pub(super) fn pass(&mut self, height: i64, trouble: &Trouble) {
        if self.lost_at == Some(height) {
            return;
        }
        for session in 0..self.now.records.len() {
            let all_are_here = height >= 19;
            let open = self.now.records[session].closed_at.is_none();
            if open && all_are_here && !trouble.relayer_holds && self.now.relays[session] < RELAYS {
                self.write(|state| state.relays[session] = RELAYS);
            }
        }
    }

    /// Whether a relayer still has relays that are not in the log.
    pub(super) fn relayer_holds(&self, session: usize) -> bool {
        self.now.relays[session] < RELAYS
    }

    pub(super) fn lose(&mut self, writes: u8, height: i64) {
        let keep = self.past.len().saturating_sub(usize::from(writes)).max(1);
        self.past.truncate(keep.max(self.durable + 1));
        self.now = self.past.last().expect("never empty").clone();
        self.lost_at = Some(height);
    }

    /// As if nothing had ever been made durable.
    pub(super) fn forget_barriers(&mut self) {
        self.durable = 0;
    }
}
