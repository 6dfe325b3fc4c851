use crate::chain::tx::DENOMINATION;
use crate::proto::pocket::application::Application;
use crate::proto::pocket::shared::Params;

use super::Factor;

/// What a limit is made of.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// What the application has at stake, in uPOKT ([`stake`]).
    pub stake: u128,
    /// Suppliers of a session, now.
    pub suppliers: u64,
    /// The shared parameters: those of now while the session runs, those at its end afterwards.
    pub params: &'a Params,
    /// The operator's own choice, if it made one.
    pub factor: Option<Factor>,
}

/// What an application may spend with one supplier in one session, in uPOKT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What may be spent.
    pub upokt: u128,
    /// What the chain is sure to pay: the stake, divided by the suppliers of a session and the sessions that await settlement.
    pub base: u128,
}

/// Why there is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The chain's answer has no stake.
    #[error("the application has no stake")]
    NoStake,
    /// A stake in another coin, or no number.
    #[error("the application's stake is {0:?}, expected an amount of upokt; is the node sound?")]
    Unreadable(String),
    /// More than any supply.
    #[error("the application's stake is more than 2^63-1 uPOKT; is the node sound?")]
    TooLarge,
    /// A factor that makes more than any supply of it.
    #[error("the stake times the service factor does not fit 128 bits; correct the factor")]
    Factor,
}

impl LimitError {
    /// Whether the numbers themselves are absurd. What is only missing may be there the next time.
    #[must_use]
    pub fn is_absurd(&self) -> bool {
        matches!(self, Self::TooLarge | Self::Factor)
    }
}

/// An application's stake in uPOKT.
pub fn stake(application: &Application) -> Result<u128, LimitError> {
    let coin = application.stake.as_ref().ok_or(LimitError::NoStake)?;
    let unreadable = || LimitError::Unreadable(format!("{}{}", coin.amount, coin.denom));
    if coin.denom != DENOMINATION || coin.amount.is_empty() || !coin.amount.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unreadable());
    }
    let amount: i64 = coin.amount.parse().map_err(|_| LimitError::TooLarge)?;
    u128::try_from(amount).map_err(|_| unreadable())
}

impl Limit {
    /// The limit under these terms.
    pub fn new(terms: &Terms<'_>) -> Result<Self, LimitError> {
        let per_supplier = terms.stake / u128::from(terms.suppliers.max(1));
        let base = per_supplier / u128::from(sessions_at_a_time(terms.params));
        let upokt = match terms.factor {
            Some(factor) => factor.of(terms.stake).ok_or(LimitError::Factor)?,
            None => base,
        };
        Ok(Self { upokt, base })
    }

    /// Whether more may be served than the chain is sure to pay.
    #[must_use]
    pub fn may_go_unpaid(&self) -> bool {
        self.upokt > self.base
    }
}

/// How many sessions share one stake: those that await settlement, and the one that runs.
fn sessions_at_a_time(params: &Params) -> u64 {
    let tail = params
        .claim_window_open_offset_blocks
        .saturating_add(params.claim_window_close_offset_blocks)
        .saturating_add(params.proof_window_open_offset_blocks)
        .saturating_add(params.proof_window_close_offset_blocks);
    tail.max(1).div_ceil(params.num_blocks_per_session.max(1)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::cosmos::base::v1beta1::Coin;

    fn staked(denom: &str, amount: &str) -> Result<u128, LimitError> {
        let coin = Coin { denom: denom.to_owned(), amount: amount.to_owned() };
        stake(&Application { stake: Some(coin), ..Application::default() })
    }

    // rule: R-13
    #[test]
    fn a_stake_that_makes_no_sense_is_an_error() {
        assert_eq!(stake(&Application::default()), Err(LimitError::NoStake));
        assert_eq!(staked("upokt", "7"), Ok(7));
        assert_eq!(staked("upokt", "9223372036854775807"), Ok((1 << 63) - 1));
        for amount in ["9223372036854775808", "999999999999999999999999999999999999999999"] {
            assert_eq!(staked("upokt", amount), Err(LimitError::TooLarge));
        }
        for (denom, amount) in
            [("pokt", "1"), ("", "1"), ("upokt", ""), ("upokt", "-1"), ("upokt", "+1"), ("upokt", "1.5")]
        {
            assert!(matches!(staked(denom, amount), Err(LimitError::Unreadable(_))), "{denom} {amount}");
        }
    }

    proptest! {
        /// All suppliers of all sessions that share a stake together never spend more than the stake, whatever the parameters.
        #[test]
        fn a_stake_is_never_promised_twice(
            stake in 0..1_u128 << 63, suppliers: u64, blocks: u64, open: u64, close: u64, proof_open: u64, proof_close: u64,
        ) {
            let params = Params {
                num_blocks_per_session: blocks,
                claim_window_open_offset_blocks: open,
                claim_window_close_offset_blocks: close,
                proof_window_open_offset_blocks: proof_open,
                proof_window_close_offset_blocks: proof_close,
                ..Params::default()
            };
            let limit = Limit::new(&Terms { stake, suppliers, params: &params, factor: None }).unwrap();
            prop_assert_eq!(limit.upokt, limit.base);
            prop_assert!(!limit.may_go_unpaid());
            let shares = u128::from(suppliers.max(1)).saturating_mul(u128::from(sessions_at_a_time(&params)));
            prop_assert!(limit.base == 0 || limit.base.checked_mul(shares).is_some_and(|all| all <= stake));
        }
    }
}
