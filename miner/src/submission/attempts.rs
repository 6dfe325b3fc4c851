//! What happens to a message on its way to the chain, step by step. Pure: the owner and the model of the lifecycle share it.

use relay_core::chain::ChainTime;
use relay_core::chain::tx::TxHash;
use relay_core::units::Height;

use crate::record::{Attempts, Flight, Inclusion};

impl Attempts {
    /// A new transaction carries the message. Its bytes are stored already, and go out now for the first time.
    pub fn launch(&mut self, tx_hash: TxHash, expires: ChainTime, height: Height) {
        self.flight = Some(Flight { tx_hash, expires, broadcast_at: height, spent_at: None, failed: false });
        self.transactions += 1;
        self.broadcasts += 1;
        self.first_sent_at.get_or_insert(height);
    }

    /// The same bytes go out once more.
    pub fn repeat(&mut self, height: Height) {
        if let Some(flight) = &mut self.flight {
            flight.broadcast_at = height;
            self.broadcasts += 1;
        }
    }

    /// A node says that the timestamp is used: the bytes are in a block, or were.
    pub fn spend(&mut self, tx_hash: TxHash, height: Height) {
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.tx_hash == tx_hash) {
            flight.spent_at.get_or_insert(height);
        }
    }

    /// The transaction was carried out in this block.
    pub fn land(&mut self, tx_hash: TxHash, height: Height) {
        self.included = Some(Inclusion { tx_hash, height });
        self.last_error = None;
        self.alone = false;
        self.spend(tx_hash, height);
    }

    /// The transaction failed in its block, and this message is to blame, or may be.
    pub fn fail(&mut self, tx_hash: TxHash, height: Height, reason: String) {
        self.spend(tx_hash, height);
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.tx_hash == tx_hash) {
            flight.failed = true;
            self.alone = true;
            self.last_error = Some(reason);
        }
    }

    /// The transaction is of no use any more, through no fault of this message: it goes out with others again.
    pub fn release(&mut self, tx_hash: TxHash) {
        if self.flight.as_ref().is_some_and(|flight| flight.tx_hash == tx_hash) {
            self.flight = None;
        }
    }

    /// Whether this transaction is known to have been carried out.
    #[must_use]
    pub fn landed(&self, tx_hash: TxHash) -> bool {
        self.included.is_some_and(|included| included.tx_hash == tx_hash)
    }

    /// Whether the next transaction must carry nothing else. A transaction that is spent, and did not bring the message on
    /// chain, may have failed because of it.
    #[must_use]
    pub fn travels_alone(&self) -> bool {
        self.alone || self.flight.as_ref().is_some_and(|flight| flight.spent_at.is_some())
    }
}
