use std::time::Duration;

use prost_types::Any;
use relay_core::address::{PublicKey, SecretKey};
use relay_core::chain::tx::{Draft, SignedTx, TimestampError, Timestamps};
use relay_core::chain::{Chain, ChainError, ChainTime, Rejection, Simulation};

use super::{GasBook, GasMode, Kind, Price};

/// What we pay for. Cheap to clone; what is learned is shared.
#[derive(Debug, Clone)]
pub struct GasPolicy {
    /// Price of one unit of gas.
    pub price: Price,
    /// How much more gas than simulated is allowed.
    pub adjustment: f64,
    /// Where gas limits come from.
    pub mode: GasMode,
    /// What transactions took so far.
    pub book: GasBook,
}

/// Why no transaction could be made.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The chain did not answer; try again with the next block.
    #[error("asking the chain before signing: {0}")]
    Chain(#[from] ChainError),
    /// The chain says that the transaction would fail.
    #[error("the transaction would fail: {0}")]
    WouldFail(Rejection),
    /// Too many transactions at once.
    #[error(transparent)]
    Timestamps(#[from] TimestampError),
    /// No simulation was asked for, and nothing is known without one.
    #[error("how much gas a {0} takes is not known yet; the next block allows a simulation")]
    GasUnknown(&'static str),
}

/// A transaction that can be sent.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Its bytes.
    pub transaction: SignedTx,
    /// Block time from which the chain refuses them.
    pub expires: ChainTime,
    /// The gas it may take.
    pub gas: u64,
}

/// Where the gas limit of one transaction comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gas {
    /// From a simulation of it.
    Simulated,
    /// From what was learned or configured.
    Estimated,
}

/// Signs transactions of one supplier.
pub struct Wallet {
    key: SecretKey,
    chain: Chain,
    chain_id: String,
    gas: GasPolicy,
    /// Immutable once the account exists, so it is asked for once.
    account_number: Option<u64>,
    timestamps: Timestamps,
}

impl Wallet {
    /// A wallet for one key on one chain.
    #[must_use]
    pub fn new(key: SecretKey, chain: Chain, chain_id: String, gas: GasPolicy) -> Self {
        Self { key, chain, chain_id, gas, account_number: None, timestamps: Timestamps::default() }
    }

    /// The key that the chain knows the supplier by.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// What is paid, and what was learned about it.
    #[must_use]
    pub fn gas(&self) -> &GasPolicy {
        &self.gas
    }

    /// Keeps a timestamp of an earlier owner from being used again.
    pub fn remember(&mut self, used: ChainTime) {
        self.timestamps.remember(used);
    }

    /// Reads the account again before the next signature.
    pub fn forget_account(&mut self) {
        self.account_number = None;
    }

    /// The gas limit of so many messages without a simulation; `None` while nothing is known.
    #[must_use]
    pub fn estimate(&self, kind: Kind, messages: usize) -> Option<u64> {
        self.gas.book.estimate(self.gas.mode, kind, messages, self.gas.adjustment)
    }

    /// What one message costs in a transaction of its own, beside the chain's own fees, in upokt. Before the first simulation
    /// that of a usual one.
    #[must_use]
    pub fn fee(&self, kind: Kind) -> u128 {
        let usual = match kind {
            Kind::Claim => 200_000,
            Kind::Proof => 500_000,
        };
        let fee = self.gas.price.now().fee(self.estimate(kind, 1).unwrap_or(usual));
        fee.first().and_then(|coin| coin.amount.parse().ok()).unwrap_or_default()
    }

    /// Signs one transaction that is valid for `life` from `block_time` on: gas first, then the fee for it, then the signature
    /// over both. `most` is the highest gas limit there can be. Nothing is sent.
    pub async fn sign(
        &mut self,
        kind: Kind,
        messages: Vec<Any>,
        (block_time, life): (ChainTime, Duration),
        gas: Gas,
        most: u64,
    ) -> Result<Signed, WalletError> {
        let account = self.account_number().await?;
        let count = messages.len();
        let expires = self.timestamps.next(block_time, life, &mut rand::rng())?;
        let draft = Draft::unordered(messages, expires);
        let limit = match gas {
            Gas::Estimated => self.estimate(kind, count).ok_or(WalletError::GasUnknown(kind.name()))?.min(most),
            Gas::Simulated => {
                let trial = draft.sign(&self.key, &self.chain_id, account);
                let used = match self.chain.simulate(&trial.bytes).await? {
                    Simulation::Works { gas_used } => gas_used,
                    Simulation::Fails(rejection) => return Err(WalletError::WouldFail(rejection)),
                };
                self.gas.book.learn(kind, count, used);
                // What was used must fit; only the reserve above it can be cut.
                self.gas.book.limit(kind, used, self.gas.adjustment).min(most.max(used))
            }
        };
        let fee = self.gas.price.now().fee(limit);
        let transaction = draft.paying(limit, fee).sign(&self.key, &self.chain_id, account);
        Ok(Signed { transaction, expires, gas: limit })
    }

    async fn account_number(&mut self) -> Result<u64, ChainError> {
        if let Some(number) = self.account_number {
            return Ok(number);
        }
        let account = self.chain.account(self.key.address()).await?;
        Ok(*self.account_number.insert(account.number))
    }
}
