use std::fmt;

use prost::Message;
use prost_types::Any;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::time::ChainTime;
use super::MEMO;
use crate::address::{PublicKey, SecretKey};
use crate::proto::cosmos::base::v1beta1::Coin;
use crate::proto::cosmos::crypto::secp256k1::PubKey;
use crate::proto::cosmos::tx::signing::v1beta1::SignMode;
use crate::proto::cosmos::tx::v1beta1::{AuthInfo, Fee, ModeInfo, SignDoc, SignerInfo, TxBody, TxRaw, mode_info};

/// How the chain tells a transaction from its repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By its timestamp, after which it is refused. What we send.
    Unordered {
        /// A timestamp unused by this signer, at most ten minutes after block time.
        timeout: ChainTime,
    },
    /// By the account's sequence.
    Sequence {
        /// The account's current sequence.
        sequence: u64,
        /// The last height at which it is valid; 0 for no limit.
        timeout_height: u64,
    },
}

/// A transaction before it is signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What it does, see [`super::claim`] and [`super::proof`]. Carried out in order, all or nothing.
    pub messages: Vec<Any>,
    /// A remark, at most 256 bytes.
    pub memo: String,
    /// What makes it unique.
    pub order: Order,
    /// The most gas it may take. 0 for a simulation.
    pub gas_limit: u64,
    /// What is paid for that, see [`super::GasPrice::fee`]. Empty for a simulation.
    pub fee: Vec<Coin>,
}

/// SHA-256 of a transaction's bytes, by which nodes call it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TxHash(pub [u8; 32]);

/// A transaction ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTx {
    /// Its bytes. Sending them again is harmless; anything else is another transaction.
    pub bytes: Vec<u8>,
    /// Their hash.
    pub hash: TxHash,
}

impl Draft {
    /// An unordered transaction with the usual memo, without gas or fee: the form that is simulated.
    #[must_use]
    pub fn unordered(messages: Vec<Any>, timeout: ChainTime) -> Self {
        Self { messages, memo: MEMO.to_owned(), order: Order::Unordered { timeout }, gas_limit: 0, fee: Vec::new() }
    }

    /// The same with a gas limit and its price.
    #[must_use]
    pub fn paying(mut self, gas_limit: u64, fee: Vec<Coin>) -> Self {
        self.gas_limit = gas_limit;
        self.fee = fee;
        self
    }

    /// Signs with the key of the one signer, for one chain and account.
    #[must_use]
    pub fn sign(&self, key: &SecretKey, chain_id: &str, account_number: u64) -> SignedTx {
        let body_bytes = self.body().encode_to_vec();
        let auth_info_bytes = self.auth_info(key.public_key()).encode_to_vec();
        let digest = sign_digest(&body_bytes, &auth_info_bytes, chain_id, account_number);
        let signatures = vec![key.sign_prehash(&digest).to_vec()];
        SignedTx::from_bytes(TxRaw { body_bytes, auth_info_bytes, signatures }.encode_to_vec())
    }

    fn body(&self) -> TxBody {
        let (unordered, timeout_timestamp, timeout_height) = match self.order {
            Order::Unordered { timeout } => (true, Some(timeout.to_proto()), 0),
            Order::Sequence { timeout_height, .. } => (false, None, timeout_height),
        };
        TxBody {
            messages: self.messages.clone(),
            memo: self.memo.clone(),
            timeout_height,
            unordered,
            timeout_timestamp,
        }
    }

    fn auth_info(&self, key: &PublicKey) -> AuthInfo {
        let sequence = match self.order {
            Order::Unordered { .. } => 0,
            Order::Sequence { sequence, .. } => sequence,
        };
        let public_key = Any {
            type_url: "/cosmos.crypto.secp256k1.PubKey".to_owned(),
            value: PubKey { key: key.as_bytes().to_vec() }.encode_to_vec(),
        };
        let direct = mode_info::Single { mode: SignMode::Direct.into() };
        let mode_info = ModeInfo { sum: Some(mode_info::Sum::Single(direct)) };
        AuthInfo {
            signer_infos: vec![SignerInfo { public_key: Some(public_key), mode_info: Some(mode_info), sequence }],
            fee: Some(Fee { amount: self.fee.clone(), gas_limit: self.gas_limit, ..Fee::default() }),
        }
    }
}

/// What a signature covers.
pub(super) fn sign_digest(body_bytes: &[u8], auth_info_bytes: &[u8], chain_id: &str, account_number: u64) -> [u8; 32] {
    let document = SignDoc {
        body_bytes: body_bytes.to_vec(),
        auth_info_bytes: auth_info_bytes.to_vec(),
        chain_id: chain_id.to_owned(),
        account_number,
    };
    Sha256::digest(document.encode_to_vec()).into()
}

impl SignedTx {
    /// Takes bytes that were signed before, as when they are sent again.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let hash = TxHash(Sha256::digest(&bytes).into());
        Self { bytes, hash }
    }
}

impl fmt::Display for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl TryFrom<String> for TxHash {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash)?;
        Ok(Self(hash))
    }
}

impl From<TxHash> for String {
    fn from(hash: TxHash) -> Self {
        hash.to_string()
    }
}
