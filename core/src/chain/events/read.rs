use serde::Deserialize;

use super::attributes::{Attributes, upokt};
use super::{ChainEvent, ClaimSettled, Expiration, Reward};
use crate::units::{Height, ServiceId, SessionId};

/// An event as `/block_results` prints it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RawEvent {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) attributes: Option<Vec<RawAttribute>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RawAttribute {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: Option<String>,
}

#[derive(Deserialize)]
struct RawReward {
    recipient_address: String,
    op_reason: String,
    amount: String,
}

/// Keeps the events that we follow; one that cannot be read is kept as [`ChainEvent::Unreadable`], not dropped.
pub(crate) fn read(events: Vec<RawEvent>) -> Vec<ChainEvent> {
    events.into_iter().filter_map(read_one).collect()
}

fn read_one(event: RawEvent) -> Option<ChainEvent> {
    if !event.kind.starts_with("pocket.") {
        return None;
    }
    let pairs: Vec<(String, String)> = event
        .attributes
        .unwrap_or_default()
        .into_iter()
        .map(|attribute| (attribute.key, attribute.value.unwrap_or_default()))
        .collect();
    match typed(&event.kind, &Attributes(&pairs)) {
        Ok(read) => read,
        Err(reason) => Some(ChainEvent::Unreadable { kind: event.kind, reason }),
    }
}

fn typed(kind: &str, of: &Attributes<'_>) -> Result<Option<ChainEvent>, String> {
    Ok(Some(match kind {
        "pocket.proof.EventClaimCreated" => claimed(of, false)?,
        "pocket.proof.EventClaimUpdated" => claimed(of, true)?,
        "pocket.proof.EventProofSubmitted" => proven(of, false)?,
        "pocket.proof.EventProofUpdated" => proven(of, true)?,
        "pocket.proof.EventProofValidityChecked" => ChainEvent::ProofChecked {
            key: of.key()?,
            failure: Some(of.text("failure_reason")?).filter(|reason| !reason.is_empty()),
        },
        "pocket.tokenomics.EventClaimSettled" => ChainEvent::Settled(Box::new(settled(of)?)),
        "pocket.tokenomics.EventClaimExpired" => {
            ChainEvent::Expired { key: of.key()?, size: of.size()?, reason: expiration(&of.text("expiration_reason")?) }
        }
        "pocket.tokenomics.EventClaimDiscarded" => ChainEvent::Discarded { key: of.key()?, error: of.text("error")? },
        "pocket.tokenomics.EventSupplierSlashed" => ChainEvent::Slashed {
            key: of.key()?,
            penalty: of.upokt("proof_missing_penalty")?,
            stake_left: of.upokt("supplier_stake_after_slash")?,
        },
        "pocket.tokenomics.EventApplicationOverserviced" => ChainEvent::Overserviced {
            supplier: of.parsed("supplier_operator_addr")?,
            application: of.parsed("application_addr")?,
            service: of.text("service_id").ok().map(ServiceId::from),
            expected: of.upokt("expected_burn")?,
            effective: of.upokt("effective_burn")?,
        },
        "pocket.service.EventRelayMiningDifficultyUpdated" => difficulty(of)?,
        "pocket.supplier.EventSupplierUnbondingBegin" => unbonding(of)?,
        "pocket.supplier.EventSupplierServiceConfigActivated" => ChainEvent::ServiceActivated {
            supplier: of.parsed("operator_address")?,
            service: ServiceId::from(of.text("service_id")?),
        },
        _ => return Ok(None),
    }))
}

fn claimed(of: &Attributes<'_>, replaced: bool) -> Result<ChainEvent, String> {
    Ok(ChainEvent::Claimed { key: of.key()?, size: of.size()?, replaced })
}

fn proven(of: &Attributes<'_>, replaced: bool) -> Result<ChainEvent, String> {
    Ok(ChainEvent::Proven { key: of.key()?, size: of.size()?, replaced })
}

fn settled(of: &Attributes<'_>) -> Result<ClaimSettled, String> {
    let rewards: Vec<RawReward> = of.json("reward_distribution_detailed")?;
    Ok(ClaimSettled {
        key: of.key()?,
        session: SessionId::from(of.text("session_id")?),
        size: of.size()?,
        settled: of.upokt("settled_upokt")?,
        minted: of.upokt("minted_upokt")?,
        overservicing_loss: of.upokt("overservicing_loss_upokt")?,
        deflation_loss: of.upokt("deflation_loss_upokt")?,
        rewards: rewards.into_iter().map(reward).collect::<Result<_, _>>()?,
    })
}

fn reward(raw: RawReward) -> Result<Reward, String> {
    Ok(Reward {
        recipient: raw.recipient_address.parse().map_err(|error| format!("reward: {error}"))?,
        reason: raw.op_reason,
        amount: upokt(&raw.amount)?,
    })
}

fn expiration(name: &str) -> Expiration {
    match name {
        "PROOF_MISSING" => Expiration::ProofMissing,
        "PROOF_INVALID" => Expiration::ProofInvalid,
        _ => Expiration::Unspecified,
    }
}

fn difficulty(of: &Attributes<'_>) -> Result<ChainEvent, String> {
    let digits = of.text("new_target_hash_hex_encoded")?;
    let mut target = [0; 32];
    hex::decode_to_slice(&digits, &mut target).map_err(|error| format!("target {digits:?}: {error}"))?;
    Ok(ChainEvent::DifficultyUpdated {
        service: ServiceId::from(of.text("service_id")?),
        target,
        relays_ema: of.number("new_num_relays_ema")?,
    })
}

fn unbonding(of: &Attributes<'_>) -> Result<ChainEvent, String> {
    let supplier: serde_json::Value = of.json("supplier")?;
    let operator = supplier.get("operator_address").and_then(serde_json::Value::as_str).unwrap_or_default();
    Ok(ChainEvent::UnbondingBegan {
        supplier: operator.parse().map_err(|error| format!("supplier: {error}"))?,
        reason: of.text("reason")?,
        session_end: Height(of.number("session_end_height")?),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::units::Upokt;

    const SUPPLIER: &str = "\"pokt19a3t4yunp0dlpfjrp7qwnzwlrzd5fzs2gjaaaj\"";
    const APPLICATION: &str = "\"pokt1mrqt5f7qh8uxs27cjm9t7v9e74a9vvdnq5jva4\"";

    fn event(kind: &str, more: &[(&str, &str)]) -> Vec<ChainEvent> {
        let claim = [
            ("supplier_operator_address", SUPPLIER),
            ("application_address", APPLICATION),
            ("service_id", "\"svc\""),
            ("session_end_block_height", "\"20\""),
        ];
        let attributes: Vec<_> =
            claim.iter().chain(more).map(|(key, value)| json!({"key": key, "value": value, "index": true})).collect();
        let raw = json!({"type": kind, "attributes": attributes});
        read(vec![serde_json::from_value(raw).unwrap()])
    }

    #[test]
    fn slashing_and_expiry_are_read() {
        let size = [
            ("num_relays", "\"3\""),
            ("num_claimed_compute_units", "\"300\""),
            ("claimed_upokt", "\"42upokt\""),
            ("expiration_reason", "\"PROOF_INVALID\""),
        ];
        let expired = event("pocket.tokenomics.EventClaimExpired", &size);
        assert!(matches!(expired[0], ChainEvent::Expired { reason: Expiration::ProofInvalid, .. }), "{expired:?}");
        let stake = [("proof_missing_penalty", "\"320upokt\""), ("supplier_stake_after_slash", "\"7upokt\"")];
        let slashed = event("pocket.tokenomics.EventSupplierSlashed", &stake);
        assert!(
            matches!(slashed[0], ChainEvent::Slashed { penalty: Upokt(320), stake_left: Upokt(7), .. }),
            "{slashed:?}"
        );
        let discarded = event("pocket.tokenomics.EventClaimDiscarded", &[("error", "\"no \\\"such\\\" thing\"")]);
        assert!(matches!(&discarded[0], ChainEvent::Discarded { error, .. } if error == "no \"such\" thing"));
        let failed = [("failure_reason", "\"bad ring\""), ("claim_proof_status_int", "2")];
        let checked = event("pocket.proof.EventProofValidityChecked", &failed);
        assert!(matches!(&checked[0], ChainEvent::ProofChecked { failure: Some(reason), .. } if reason == "bad ring"));
    }

    #[test]
    fn an_event_of_another_form_is_shown_not_dropped() {
        let broken = event("pocket.tokenomics.EventSupplierSlashed", &[("proof_missing_penalty", "\"1mact\"")]);
        assert!(matches!(&broken[0], ChainEvent::Unreadable { .. }), "{broken:?}");
        assert!(event("pocket.tokenomics.EventSettlementBatch", &[]).is_empty());
        assert!(event("transfer", &[]).is_empty());
    }
}
