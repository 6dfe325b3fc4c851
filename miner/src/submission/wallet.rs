use std::time::Duration;

use prost_types::Any;
use relay_core::address::{PublicKey, SecretKey};
use relay_core::chain::tx::{Draft, GasPrice, SignedTx, TimestampError, Timestamps, adjusted_gas};
use relay_core::chain::{Chain, ChainError, ChainTime, Rejection, Simulation};

/// What we pay for.
#[derive(Debug, Clone)]
pub struct GasPolicy {
    /// Price of one unit of gas.
    pub price: GasPrice,
    /// How much more gas than simulated is allowed.
    pub adjustment: f64,
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

    /// Keeps a timestamp of an earlier owner from being used again.
    pub fn remember(&mut self, used: ChainTime) {
        self.timestamps.remember(used);
    }

    /// Simulates and signs one transaction that is valid for `life` from `block_time` on. Nothing is sent.
    pub async fn sign(
        &mut self,
        messages: Vec<Any>,
        block_time: ChainTime,
        life: Duration,
    ) -> Result<(SignedTx, ChainTime), WalletError> {
        let account = self.account_number().await?;
        let expires = self.timestamps.next(block_time, life, &mut rand::rng())?;
        let draft = Draft::unordered(messages, expires);
        let trial = draft.sign(&self.key, &self.chain_id, account);
        let gas_used = match self.chain.simulate(&trial.bytes).await? {
            Simulation::Works { gas_used } => gas_used,
            Simulation::Fails(rejection) => return Err(WalletError::WouldFail(rejection)),
        };
        let gas = adjusted_gas(gas_used, self.gas.adjustment);
        let fee = self.gas.price.fee(gas);
        Ok((draft.paying(gas, fee).sign(&self.key, &self.chain_id, account), expires))
    }

    async fn account_number(&mut self) -> Result<u64, ChainError> {
        if let Some(number) = self.account_number {
            return Ok(number);
        }
        let account = self.chain.account(self.key.address()).await?;
        Ok(*self.account_number.insert(account.number))
    }
}
