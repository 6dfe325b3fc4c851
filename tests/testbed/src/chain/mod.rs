//! A real single-validator Pocket chain, one process each.
//!
//! The pace is the test's: blocks come at [`Genesis::block_time`](crate::Genesis::block_time), or at once with
//! [`Chain::advance`], or not at all after [`Chain::pause`]. The process ends with its handle, and, as it watches its
//! standard input, also when the test is killed.

mod control;
mod events;
mod process;
mod queries;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

pub use events::{ClaimCreated, ClaimEvent, ClaimExpired, ClaimSettled, Event, ProofChecked, SupplierSlashed};
use process::{Process, Ready};

use crate::{Error, Genesis};

/// A running chain.
#[derive(Debug)]
pub struct Chain {
    process: Option<Process>,
    ready: Ready,
    accounts: BTreeMap<String, Account>,
    gov_address: String,
    on_disk: bool,
    home: TempDir,
}

/// An account of the genesis with its key.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// Name in the genesis specification.
    pub name: String,
    /// Bech32 address (`pokt1…`).
    pub address: String,
    /// secp256k1 private key, 64 hex digits; empty for an account given by address alone.
    #[serde(default)]
    pub private_key: String,
    /// Compressed public key, 66 hex digits; empty like the private key.
    #[serde(default)]
    pub public_key: String,
    /// The mnemonic that the specification gave, if it did.
    #[serde(skip)]
    pub mnemonic: Option<String>,
}

/// Settings of one run of a node; a restart in the same home may change them.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// Pace of the chain; `None` keeps the genesis' own.
    pub block_time: Option<Duration>,
    /// Make one block, then wait for [`Chain::resume`] or [`Chain::advance`].
    pub paused: bool,
    /// Transactions that the mempool holds at most.
    pub mempool_txs: Option<u32>,
    /// Bytes of one transaction that the mempool takes.
    pub max_tx_bytes: Option<u32>,
    /// Lowest gas price that the node takes, for example `0.001upokt`.
    pub min_gas_prices: Option<String>,
}

/// What became of a transaction.
#[derive(Debug, Clone, Deserialize)]
pub struct TxResult {
    /// Hash in upper-case hex.
    pub hash: String,
    /// Block that holds it; `None` when the mempool refused it.
    pub height: Option<i64>,
    /// 0 is success.
    pub code: u32,
    /// Whose numbering `code` is of.
    pub codespace: String,
    /// The chain's explanation of a failure.
    pub log: String,
    /// Gas used in the block.
    #[serde(default)]
    pub gas_used: i64,
}

impl Chain {
    /// Starts a chain and waits for its first block (0.2–0.7 s once the binary is built).
    pub async fn start(genesis: Genesis) -> Result<Self, Error> {
        Self::start_with(genesis, Flags::default()).await
    }

    /// Starts a chain whose node runs with these flags.
    pub async fn start_with(genesis: Genesis, flags: Flags) -> Result<Self, Error> {
        let home = tempfile::Builder::new().prefix("pocket-chain-").tempdir().map_err(Error::io("make a directory"))?;
        let initial = process::init(home.path(), &genesis).await?;
        let mut mnemonics = genesis.mnemonics();
        let accounts = initial
            .accounts
            .into_iter()
            .map(|mut account| {
                account.mnemonic = mnemonics.remove(&account.name);
                (account.name.clone(), account)
            })
            .collect();
        let (process, ready) = Process::start(home.path(), genesis.on_disk, &flags, None).await?;
        Ok(Self {
            process: Some(process),
            ready,
            accounts,
            gov_address: initial.gov_address,
            on_disk: genesis.on_disk,
            home,
        })
    }

    /// CometBFT RPC, `http://127.0.0.1:PORT`; the websocket is at `/websocket`.
    #[must_use]
    pub fn rpc(&self) -> &str {
        &self.ready.rpc
    }

    /// gRPC in clear text as a URL, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn grpc(&self) -> String {
        format!("http://{}", self.ready.grpc)
    }

    /// The harness' side channel (pace, keys, parameters); no part of the chain.
    #[must_use]
    pub fn control(&self) -> &str {
        &self.ready.control
    }

    /// Chain id, `pocket` unless the genesis says otherwise.
    #[must_use]
    pub fn chain_id(&self) -> &str {
        &self.ready.chain_id
    }

    /// Address of the governance module: the `authority` field of every parameter change.
    #[must_use]
    pub fn gov_address(&self) -> &str {
        &self.gov_address
    }

    /// Process id of the node, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::pid)
    }

    /// Every account of the genesis, by name.
    #[must_use]
    pub fn accounts(&self) -> &BTreeMap<String, Account> {
        &self.accounts
    }

    /// One account of the genesis.
    pub fn account(&self, name: &str) -> Result<&Account, Error> {
        self.accounts.get(name).ok_or_else(|| Error::UnknownAccount(name.into()))
    }

    /// Stops the node cleanly. Without it, dropping the handle kills the process.
    pub async fn stop(mut self) -> Result<(), Error> {
        match self.process.take() {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Stops the node and starts it again in the same home and on the same ports, with other flags.
    ///
    /// Answers [`Error::InMemory`] unless the genesis was built with [`Genesis::on_disk`].
    pub async fn restart_with(&mut self, flags: Flags) -> Result<(), Error> {
        if !self.on_disk {
            return Err(Error::InMemory);
        }
        if let Some(process) = self.process.take() {
            process.stop().await?;
        }
        self.start_again(flags).await
    }

    /// Kills the node as a crash would, and starts it again in the same home and on the same ports.
    pub async fn crash_and_restart(&mut self, flags: Flags) -> Result<(), Error> {
        if !self.on_disk {
            return Err(Error::InMemory);
        }
        if let Some(process) = self.process.take() {
            process.kill().await?;
        }
        self.start_again(flags).await
    }

    async fn start_again(&mut self, flags: Flags) -> Result<(), Error> {
        let (process, ready) = Process::start(self.home.path(), true, &flags, Some(&self.ready)).await?;
        (self.process, self.ready) = (Some(process), ready);
        Ok(())
    }
}
