//! What became of claims, read from the events of each block.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Chain;
use crate::Error;

/// An event of a block or of one of its transactions.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Block it happened in.
    pub height: i64,
    /// Type name, for example `pocket.proof.EventClaimCreated`.
    pub kind: String,
    /// Attributes. The chain writes typed events' values as JSON; what is no JSON stays text.
    pub attributes: Map<String, Value>,
}

/// An event about a claim, in types.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimEvent {
    /// A claim went into module state.
    Created(ClaimCreated),
    /// A proof was judged.
    ProofChecked(ProofChecked),
    /// A claim was paid.
    Settled(ClaimSettled),
    /// A claim ended without pay.
    Expired(ClaimExpired),
    /// A supplier lost stake over a missing or invalid proof.
    Slashed(SupplierSlashed),
}

/// `pocket.proof.EventClaimCreated`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClaimCreated {
    /// Supplier that claims.
    pub supplier_operator_address: String,
    /// Application that was served.
    pub application_address: String,
    /// Service.
    pub service_id: String,
    /// Last block of the session.
    #[serde(deserialize_with = "number")]
    pub session_end_block_height: i64,
    /// Leaves of the claimed trie.
    #[serde(deserialize_with = "number")]
    pub num_relays: i64,
    /// Sum of the claimed trie.
    #[serde(deserialize_with = "number")]
    pub num_claimed_compute_units: i64,
    /// Claimed amount as a coin, for example `300upokt`.
    pub claimed_upokt: String,
}

/// `pocket.proof.EventProofValidityChecked`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProofChecked {
    /// Supplier whose proof it is.
    pub supplier_operator_address: String,
    /// Application that was served.
    pub application_address: String,
    /// Service.
    pub service_id: String,
    /// Last block of the session.
    #[serde(deserialize_with = "number")]
    pub session_end_block_height: i64,
    /// 0 pending, 1 valid, 2 invalid.
    #[serde(default)]
    pub claim_proof_status_int: i64,
    /// Why it is invalid; empty when it is valid.
    #[serde(default)]
    pub failure_reason: String,
}

/// `pocket.tokenomics.EventClaimSettled`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClaimSettled {
    /// Supplier that is paid.
    pub supplier_operator_address: String,
    /// Application that pays.
    pub application_address: String,
    /// Service.
    pub service_id: String,
    /// Session.
    pub session_id: String,
    /// Last block of the session.
    #[serde(deserialize_with = "number")]
    pub session_end_block_height: i64,
    /// 0 not required, 1 probabilistic, 2 threshold.
    #[serde(default)]
    pub proof_requirement_int: i64,
    /// Leaves of the claimed trie.
    #[serde(deserialize_with = "number")]
    pub num_relays: i64,
    /// Sum of the claimed trie.
    #[serde(deserialize_with = "number")]
    pub num_claimed_compute_units: i64,
    /// Claimed amount as a coin.
    pub claimed_upokt: String,
    /// What the application could pay, as a coin.
    pub settled_upokt: String,
    /// What was minted for it, as a coin.
    pub minted_upokt: String,
    /// Who got how much, as coins by address.
    #[serde(default, alias = "mint_distribution")]
    pub reward_distribution: Map<String, Value>,
}

/// `pocket.tokenomics.EventClaimExpired`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClaimExpired {
    /// Supplier that claimed.
    pub supplier_operator_address: String,
    /// Application that was served.
    pub application_address: String,
    /// Service.
    pub service_id: String,
    /// Last block of the session.
    #[serde(deserialize_with = "number")]
    pub session_end_block_height: i64,
    /// `PROOF_MISSING` or `PROOF_INVALID`.
    pub expiration_reason: Value,
    /// Leaves of the claimed trie.
    #[serde(deserialize_with = "number")]
    pub num_relays: i64,
}

/// `pocket.tokenomics.EventSupplierSlashed`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SupplierSlashed {
    /// Supplier that was slashed.
    pub supplier_operator_address: String,
    /// Application of the claim.
    pub application_address: String,
    /// Service.
    pub service_id: String,
    /// Last block of the session.
    #[serde(deserialize_with = "number")]
    pub session_end_block_height: i64,
    /// What it lost, as a coin.
    pub proof_missing_penalty: String,
}

impl Event {
    /// The event in types, if it is one about a claim.
    pub fn about_claim(&self) -> Result<Option<ClaimEvent>, Error> {
        let attributes = || Value::Object(self.attributes.clone());
        let parsed = match self.kind.as_str() {
            "pocket.proof.EventClaimCreated" => serde_json::from_value(attributes()).map(ClaimEvent::Created),
            "pocket.proof.EventProofValidityChecked" => {
                serde_json::from_value(attributes()).map(ClaimEvent::ProofChecked)
            }
            "pocket.tokenomics.EventClaimSettled" => serde_json::from_value(attributes()).map(ClaimEvent::Settled),
            "pocket.tokenomics.EventClaimExpired" => serde_json::from_value(attributes()).map(ClaimEvent::Expired),
            "pocket.tokenomics.EventSupplierSlashed" => serde_json::from_value(attributes()).map(ClaimEvent::Slashed),
            _ => return Ok(None),
        };
        parsed.map(Some).map_err(|error| Error::malformed(&self.kind, error))
    }
}

impl Chain {
    /// `/block_results` of a height, as CometBFT answers it.
    pub async fn block_results(&self, height: i64) -> Result<Value, Error> {
        self.call("block_results", &json!({"height": height.to_string()})).await
    }

    /// All events of a block: its transactions' first, then its own.
    pub async fn events(&self, height: i64) -> Result<Vec<Event>, Error> {
        let results = self.block_results(height).await?;
        let of_transactions = list(&results["txs_results"]).iter().flat_map(|result| list(&result["events"]));
        let of_block = list(&results["finalize_block_events"]).iter();
        Ok(of_transactions.chain(of_block).map(|event| read(height, event)).collect())
    }

    /// Everything that happened to claims in these blocks.
    pub async fn claim_events(&self, heights: std::ops::RangeInclusive<i64>) -> Result<Vec<ClaimEvent>, Error> {
        let mut found = Vec::new();
        for height in heights {
            for event in self.events(height).await? {
                found.extend(event.about_claim()?);
            }
        }
        Ok(found)
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn read(height: i64, event: &Value) -> Event {
    let attributes = list(&event["attributes"])
        .iter()
        .map(|attribute| {
            let text = attribute["value"].as_str().unwrap_or_default();
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
            (attribute["key"].as_str().unwrap_or_default().to_owned(), value)
        })
        .collect();
    Event { height, kind: event["type"].as_str().unwrap_or_default().to_owned(), attributes }
}

/// 64-bit numbers are strings in proto-JSON, 32-bit ones are not.
fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(from)?;
    let parsed = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    parsed.ok_or_else(|| serde::de::Error::custom(format!("{value} is no number")))
}
