use crate::proto::pocket::shared::Params;

/// Why a set of shared parameters cannot be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A session needs a length.
    #[error("num_blocks_per_session is {0}, expected 1 to 2^63-1; is the node sound?")]
    BlocksPerSession(u64),
    /// Grace must end inside the next session.
    #[error("grace_period_end_offset_blocks ({grace}) must be less than num_blocks_per_session ({blocks})")]
    Grace {
        /// The offset.
        grace: u64,
        /// The session length.
        blocks: u64,
    },
    /// Claims may not open while relays may still arrive.
    #[error("claim_window_open_offset_blocks ({claim_open}) must be at least grace_period_end_offset_blocks ({grace})")]
    ClaimOpen {
        /// The offset.
        claim_open: u64,
        /// The grace period.
        grace: u64,
    },
    /// A party must stay bonded until its sessions are settled.
    #[error(
        "{party} unbonding period ({blocks} blocks) must cover the {tail} blocks from session end to proof window close"
    )]
    Unbonding {
        /// `supplier` or `application`.
        party: &'static str,
        /// Its period in blocks.
        blocks: u64,
        /// What it must cover.
        tail: u64,
    },
    /// All four window offsets are zero.
    #[error("the claim and proof window offsets sum to 0, so no session would ever be pending")]
    NoPendingSession,
    /// A divisor or a price is zero.
    #[error("{0} must be greater than 0")]
    Zero(&'static str),
}

/// Checks a set as the chain checks it before it takes effect.
pub fn validate(params: &Params) -> Result<(), ParamsError> {
    let (blocks, grace) = (params.num_blocks_per_session, params.grace_period_end_offset_blocks);
    let claim_open = params.claim_window_open_offset_blocks;
    if i64::try_from(blocks).is_err() || blocks == 0 {
        return Err(ParamsError::BlocksPerSession(blocks));
    }
    if grace >= blocks {
        return Err(ParamsError::Grace { grace, blocks });
    }
    if claim_open < grace {
        return Err(ParamsError::ClaimOpen { claim_open, grace });
    }
    let tail = blocks_to_proof_close(params);
    let parties = [
        ("supplier", params.supplier_unbonding_period_sessions),
        ("application", params.application_unbonding_period_sessions),
    ];
    for (party, sessions) in parties {
        let blocks = sessions.saturating_mul(blocks);
        if blocks < tail {
            return Err(ParamsError::Unbonding { party, blocks, tail });
        }
    }
    if pending_sessions(params) == 0 {
        return Err(ParamsError::NoPendingSession);
    }
    if params.compute_units_to_tokens_multiplier == 0 {
        return Err(ParamsError::Zero("compute_units_to_tokens_multiplier"));
    }
    if params.compute_unit_cost_granularity == 0 {
        return Err(ParamsError::Zero("compute_unit_cost_granularity"));
    }
    Ok(())
}

/// Blocks from the end of a session to the close of its proof window, not counting the one that shifts both windows.
pub(super) fn blocks_to_proof_close(params: &Params) -> u64 {
    params
        .claim_window_open_offset_blocks
        .saturating_add(params.claim_window_close_offset_blocks)
        .saturating_add(params.proof_window_open_offset_blocks)
        .saturating_add(params.proof_window_close_offset_blocks)
}

/// How many sessions of one application can await settlement at a time: the chain divides its stake by this number.
/// Zero when all offsets are zero or the session length is.
#[must_use]
pub fn pending_sessions(params: &Params) -> u64 {
    if params.num_blocks_per_session == 0 {
        return 0;
    }
    blocks_to_proof_close(params).div_ceil(params.num_blocks_per_session)
}

/// A parameter as a number of blocks. Values beyond any height become the greatest height: "never".
pub(super) fn blocks(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mainnet() -> Params {
        Params {
            num_blocks_per_session: 20,
            grace_period_end_offset_blocks: 10,
            claim_window_open_offset_blocks: 11,
            claim_window_close_offset_blocks: 10,
            proof_window_open_offset_blocks: 1,
            proof_window_close_offset_blocks: 10,
            supplier_unbonding_period_sessions: 1429,
            application_unbonding_period_sessions: 3,
            compute_units_to_tokens_multiplier: 145_990,
            gateway_unbonding_period_sessions: 1,
            compute_unit_cost_granularity: 1_000_000,
            session_grid_anchor_height: 1,
            session_number_at_anchor: 1,
        }
    }

    #[test]
    fn mainnet_is_valid() {
        assert_eq!(validate(&mainnet()), Ok(()));
        assert_eq!(pending_sessions(&mainnet()), 2);
    }

    #[test]
    fn each_rule_is_enforced() {
        let refused = |change: fn(&mut Params)| {
            let mut params = mainnet();
            change(&mut params);
            validate(&params).unwrap_err()
        };
        assert_eq!(refused(|p| p.num_blocks_per_session = 0), ParamsError::BlocksPerSession(0));
        assert_eq!(refused(|p| p.num_blocks_per_session = u64::MAX), ParamsError::BlocksPerSession(u64::MAX));
        assert_eq!(refused(|p| p.grace_period_end_offset_blocks = 20), ParamsError::Grace { grace: 20, blocks: 20 });
        assert_eq!(
            refused(|p| p.claim_window_open_offset_blocks = 9),
            ParamsError::ClaimOpen { claim_open: 9, grace: 10 }
        );
        assert_eq!(
            refused(|p| p.application_unbonding_period_sessions = 1),
            ParamsError::Unbonding { party: "application", blocks: 20, tail: 32 }
        );
        assert!(matches!(refused(|p| p.compute_unit_cost_granularity = 0), ParamsError::Zero(_)));
        assert!(matches!(refused(|p| p.compute_units_to_tokens_multiplier = 0), ParamsError::Zero(_)));
    }
}
