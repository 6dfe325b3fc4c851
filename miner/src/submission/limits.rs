//! How large a transaction may be: what a block holds, what a mempool takes, what is configured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use relay_core::chain::{Chain, ConsensusLimits, Rejection};
use relay_core::units::Height;
use tokio::sync::Mutex;
use tracing::warn;

/// Limits are asked for again after so many blocks: governance can change them.
const REFRESH: i64 = 50;

/// How large one transaction may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Bytes of a transaction with several messages.
    pub batch_bytes: u64,
    /// Bytes of a transaction with one message.
    pub bytes: u64,
    /// Gas of a transaction with several messages.
    pub batch_gas: u64,
    /// Gas of a transaction with one message.
    pub gas: u64,
}

impl Limits {
    /// A batch fills at most half a block, so that one that is full already does not keep it out; one message may fill it.
    fn of(chain: ConsensusLimits, mempool: u64, messages: usize, bytes: u64) -> Self {
        // The header, the last commit and evidence need room, too.
        let block = chain.max_bytes.unwrap_or(u64::MAX);
        let most = (block - block / 10).min(mempool);
        let gas = chain.max_gas.unwrap_or(u64::MAX);
        Self { messages, batch_bytes: bytes.min(block / 2).min(mempool), bytes: most, batch_gas: gas / 2, gas }
    }

    /// Whether a transaction of so many messages, bytes and gas may be sent.
    #[must_use]
    pub fn allow(&self, messages: usize, bytes: usize, gas: u64) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if messages > 1 {
            messages <= self.messages && bytes <= self.batch_bytes && gas <= self.batch_gas
        } else {
            bytes <= self.bytes && gas <= self.gas
        }
    }
}

/// The limits, asked for once for all suppliers of a process.
#[derive(Debug)]
pub struct LimitBook {
    messages: usize,
    bytes: u64,
    /// What mempools refused to take teaches how much they do; nobody can be asked for it.
    mempool: AtomicU64,
    known: Mutex<Option<(Height, ConsensusLimits)>>,
}

impl LimitBook {
    /// With the configured bounds of a batch.
    #[must_use]
    pub fn new(messages: usize, bytes: u64) -> Arc<Self> {
        Arc::new(Self { messages, bytes, mempool: AtomicU64::new(u64::MAX), known: Mutex::default() })
    }

    /// The limits at this height. While the chain does not answer, the last known ones, or only the configured.
    pub async fn at(&self, chain: &Chain, height: Height) -> Limits {
        let mut known = self.known.lock().await;
        if known.is_none_or(|(asked, _)| height - asked >= REFRESH) {
            match chain.consensus_limits().await {
                Ok(limits) => *known = Some((height, limits)),
                Err(error) => warn!(%error, "what a block may hold is unknown for now"),
            }
        }
        let none = ConsensusLimits { max_bytes: None, max_gas: None };
        let chain = known.map_or(none, |(_, limits)| limits);
        Limits::of(chain, self.mempool.load(Ordering::Relaxed), self.messages, self.bytes)
    }

    /// Learns from a mempool that found a transaction too large. `true` when a smaller one can go better.
    pub fn learn(&self, rejection: &Rejection, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let most = most_bytes(&rejection.text).unwrap_or(bytes - bytes / 4);
        self.mempool.fetch_min(most, Ordering::Relaxed) > most
    }
}

/// `tx too large. Max size is 1048576, but got 1048577`.
fn most_bytes(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("Max size is ")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max_bytes: Option<u64>, max_gas: Option<u64>, mempool: u64) -> Limits {
        Limits::of(ConsensusLimits { max_bytes, max_gas }, mempool, 30, 1_000_000)
    }

    #[test]
    fn a_batch_fills_half_a_block_and_one_message_may_fill_it() {
        let limits = limits(Some(100_000), Some(1_000_000), u64::MAX);
        assert!(limits.allow(2, 50_000, 500_000));
        assert!(!limits.allow(2, 50_001, 1) && !limits.allow(2, 1, 500_001) && !limits.allow(31, 1, 1));
        assert!(limits.allow(1, 90_000, 1_000_000));
        assert!(!limits.allow(1, 90_001, 1) && !limits.allow(1, 1, 1_000_001));
    }

    #[test]
    fn without_limits_only_the_configured_ones_hold() {
        let limits = limits(None, None, u64::MAX);
        assert!(limits.allow(30, 1_000_000, u64::MAX / 2));
        assert!(!limits.allow(30, 1_000_001, 1));
    }

    #[test]
    fn a_mempool_teaches_its_limit() {
        let book = LimitBook::new(30, 1_000_000);
        let text = "broadcast error on transaction validation: tx too large. Max size is 1000, but got 1234";
        assert!(book.learn(&Rejection::of("sdk", 21, text), 1234));
        assert!(!book.learn(&Rejection::of("sdk", 21, text), 1234), "nothing new");
        assert_eq!(book.mempool.load(Ordering::Relaxed), 1000);
        assert!(book.learn(&Rejection::of("sdk", 21, ""), 800));
        assert_eq!(book.mempool.load(Ordering::Relaxed), 600);
    }
}
