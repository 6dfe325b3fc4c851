use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

use super::super::secret_text::SecretText;
use crate::address::SecretKey;

/// The one kind of key that suppliers have.
const SECP256K1: &str = "/cosmos.crypto.secp256k1.PrivKey";

/// What one entry of a keyring is.
pub(super) enum Entry {
    /// A private key.
    Key(Box<SecretKey>),
    /// Something else that keyrings hold, in words.
    Other(&'static str),
}

/// What is encrypted: only the data matters.
#[derive(Deserialize)]
struct Item {
    #[serde(rename = "Data")]
    data: SecretText,
}

/// `cosmos.crypto.keyring.v1.Record`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct Record {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "3")]
    local: Option<Local>,
    #[prost(message, optional, tag = "4")]
    ledger: Option<Empty>,
    #[prost(message, optional, tag = "5")]
    multi: Option<Empty>,
    #[prost(message, optional, tag = "6")]
    offline: Option<Empty>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct Local {
    #[prost(message, optional, tag = "1")]
    private_key: Option<prost_types::Any>,
}

/// `cosmos.crypto.secp256k1.PrivKey`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct PrivateKey {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

/// Reads a decrypted item. An error never contains the key.
pub(super) fn read(item: &[u8]) -> Result<Entry, String> {
    let item: Item = serde_json::from_slice(item).map_err(|_| "holds no item of a keyring".to_owned())?;
    let data = STANDARD.decode(item.data.as_str()).map(Zeroizing::new);
    let data = data.map_err(|_| "holds an item without data".to_owned())?;
    let Some(record) = Record::decode(data.as_slice()).ok().filter(|record| !record.name.is_empty()) else {
        return Err("has the form of an old release of the SDK; run `pocketd keys migrate`".to_owned());
    };
    let kind = match &record {
        Record { ledger: Some(_), .. } => "a ledger",
        Record { multi: Some(_), .. } => "a multisig",
        Record { offline: Some(_), .. } => "a public key alone",
        _ => "empty",
    };
    let Some(mut any) = record.local.and_then(|local| local.private_key) else { return Ok(Entry::Other(kind)) };
    let key = private_key(&any);
    any.value.zeroize();
    key.map(|key| Entry::Key(Box::new(key)))
}

fn private_key(any: &prost_types::Any) -> Result<SecretKey, String> {
    if any.type_url != SECP256K1 {
        return Err(format!("is a key of the kind {}; suppliers have {SECP256K1}", any.type_url));
    }
    let mut message = PrivateKey::decode(any.value.as_slice()).map_err(|_| "holds a malformed key".to_owned())?;
    let key = <&[u8; 32]>::try_from(message.key.as_slice())
        .map_err(|_| "holds a key that has not 32 bytes".to_owned())
        .and_then(|bytes| SecretKey::from_bytes(bytes).map_err(|error| error.to_string()));
    message.key.zeroize();
    key
}
