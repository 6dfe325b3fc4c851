use crate::proto::cosmos::base::v1beta1::Coin;
use crate::proto::pocket::proof::Params;
use crate::units::Upokt;

const DENOMINATION: &str = "upokt";

/// The proof module's parameters. The chain reads them live, both when a proof arrives and at settlement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProofParams {
    /// Chance that a claim below the threshold needs a proof, 0 to 1.
    pub probability: f64,
    /// Claims worth this much always need one.
    pub threshold: Upokt,
    /// What a missing or invalid proof costs the supplier's stake.
    pub missing_penalty: Upokt,
    /// What each proof costs beside gas.
    pub submission_fee: Upokt,
}

/// Why the parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProofParamsError {
    /// No amount where one must be.
    #[error("the chain's proof parameters have no {0}; is the node sound?")]
    Missing(&'static str),
    /// Not a whole number of upokt.
    #[error("the chain's {name} is {amount:?} {denom:?}, expected a whole number of upokt")]
    Amount {
        /// Which parameter.
        name: &'static str,
        /// The amount.
        amount: String,
        /// The denomination.
        denom: String,
    },
    /// Not a number from 0 to 1.
    #[error("the chain's proof request probability is {0}, expected 0 to 1")]
    Probability(f64),
}

impl TryFrom<&Params> for ProofParams {
    type Error = ProofParamsError;

    fn try_from(params: &Params) -> Result<Self, Self::Error> {
        let probability = params.proof_request_probability;
        if !(0.0..=1.0).contains(&probability) {
            return Err(ProofParamsError::Probability(probability));
        }
        Ok(Self {
            probability,
            threshold: upokt("proof requirement threshold", params.proof_requirement_threshold.as_ref())?,
            missing_penalty: upokt("proof missing penalty", params.proof_missing_penalty.as_ref())?,
            submission_fee: upokt("proof submission fee", params.proof_submission_fee.as_ref())?,
        })
    }
}

fn upokt(name: &'static str, coin: Option<&Coin>) -> Result<Upokt, ProofParamsError> {
    let coin = coin.ok_or(ProofParamsError::Missing(name))?;
    match coin.amount.parse() {
        Ok(amount) if coin.denom == DENOMINATION => Ok(Upokt(amount)),
        _ => Err(ProofParamsError::Amount { name, amount: coin.amount.clone(), denom: coin.denom.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_must_be_upokt() {
        let coin = |amount: &str, denom: &str| Some(Coin { amount: amount.to_owned(), denom: denom.to_owned() });
        let params = Params {
            proof_request_probability: 0.25,
            proof_requirement_threshold: coin("20000000", "upokt"),
            proof_missing_penalty: coin("320000000", "upokt"),
            proof_submission_fee: coin("0", "upokt"),
        };
        let parsed = ProofParams::try_from(&params).unwrap();
        assert_eq!((parsed.threshold, parsed.submission_fee), (Upokt(20_000_000), Upokt(0)));
        let refused = |change: &dyn Fn(&mut Params)| {
            let mut params = params.clone();
            change(&mut params);
            ProofParams::try_from(&params).is_err()
        };
        assert!(refused(&|params| params.proof_submission_fee = None));
        assert!(refused(&|params| params.proof_missing_penalty = coin("1", "pokt")));
        assert!(refused(&|params| params.proof_missing_penalty = coin("-1", "upokt")));
        assert!(refused(&|params| params.proof_request_probability = f64::NAN));
    }
}
