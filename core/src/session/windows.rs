use serde::{Deserialize, Serialize};

use super::params::{blocks, blocks_to_proof_close};
use crate::proto::pocket::shared::Params;
use crate::units::Height;

/// When the claim and the proof of one session may be in a block. Every bound is inclusive, as on the chain.
///
/// With a proof window offset of 0 the block `claim_close` is also `proof_open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Windows {
    /// Last block of the session.
    pub end: Height,
    /// Last block in which a relay of the session is still good.
    pub grace_end: Height,
    /// First block that may hold the claim.
    pub claim_open: Height,
    /// Last block that may hold the claim.
    pub claim_close: Height,
    /// First block that may hold the proof.
    pub proof_open: Height,
    /// Last block that may hold the proof.
    pub proof_close: Height,
    /// The block at whose end the claim is paid or expires.
    pub settlement: Height,
}

impl Windows {
    /// The windows of the session whose last block is `end`, under the parameters in force at `end`.
    #[must_use]
    pub fn of(end: Height, params: &Params) -> Self {
        // One block more than the offset says, so that the relays of the last block can still be claimed.
        let claim_open = end + blocks(params.claim_window_open_offset_blocks) + 1;
        let claim_close = claim_open + blocks(params.claim_window_close_offset_blocks);
        let proof_open = claim_close + blocks(params.proof_window_open_offset_blocks);
        Self {
            end,
            grace_end: end + blocks(params.grace_period_end_offset_blocks),
            claim_open,
            claim_close,
            proof_open,
            proof_close: proof_open + blocks(params.proof_window_close_offset_blocks),
            settlement: end + blocks(blocks_to_proof_close(params)) + 1,
        }
    }

    /// The block whose hash decides whether a proof is required and which leaf it must show.
    #[must_use]
    pub fn seed_height(&self) -> Height {
        self.proof_open - 1
    }

    /// Whether a block at this height may hold the claim.
    #[must_use]
    pub fn claim_is_open(&self, height: Height) -> bool {
        (self.claim_open..=self.claim_close).contains(&height)
    }

    /// Whether a block at this height may hold the proof.
    #[must_use]
    pub fn proof_is_open(&self, height: Height) -> bool {
        (self.proof_open..=self.proof_close).contains(&height)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bounds_stand_in_order(
            end in 1_i64..1 << 40, grace in 0_u64..100, open in 0_u64..100, close in 0_u64..100,
            proof_open in 0_u64..100, proof_close in 0_u64..100,
        ) {
            let windows = Windows::of(Height(end), &Params {
                num_blocks_per_session: 20,
                grace_period_end_offset_blocks: grace,
                // The chain demands that claims open no earlier than grace ends.
                claim_window_open_offset_blocks: open + grace,
                claim_window_close_offset_blocks: close,
                proof_window_open_offset_blocks: proof_open,
                proof_window_close_offset_blocks: proof_close,
                ..Params::default()
            });
            prop_assert!(windows.end <= windows.grace_end);
            prop_assert!(windows.grace_end < windows.claim_open);
            prop_assert!(windows.claim_open <= windows.claim_close);
            prop_assert!(windows.claim_close <= windows.proof_open);
            prop_assert!(windows.proof_open <= windows.proof_close);
            prop_assert_eq!(windows.settlement, windows.proof_close);
            prop_assert_eq!(windows.seed_height() + 1, windows.proof_open);
            prop_assert!(!windows.claim_is_open(windows.grace_end));
            prop_assert!(windows.claim_is_open(windows.claim_close) && !windows.claim_is_open(windows.claim_close + 1));
            prop_assert!(windows.proof_is_open(windows.proof_open) && !windows.proof_is_open(windows.seed_height()));
        }
    }

    #[test]
    fn mainnet_values() {
        let windows = Windows::of(
            Height(100),
            &Params {
                num_blocks_per_session: 20,
                grace_period_end_offset_blocks: 10,
                claim_window_open_offset_blocks: 11,
                claim_window_close_offset_blocks: 10,
                proof_window_open_offset_blocks: 1,
                proof_window_close_offset_blocks: 10,
                ..Params::default()
            },
        );
        assert_eq!((windows.claim_open, windows.claim_close), (Height(112), Height(122)));
        assert_eq!((windows.proof_open, windows.proof_close), (Height(123), Height(133)));
        assert_eq!((windows.seed_height(), windows.settlement), (Height(122), Height(133)));
    }
}
