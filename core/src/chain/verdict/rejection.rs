use std::fmt;

use super::Cause;

const INDEX: &str = "message index: ";

/// Why a transaction was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What it means.
    pub cause: Cause,
    /// Which message of the batch failed, when one did; the whole transaction failed with it.
    pub message_index: Option<usize>,
    /// Whose code follows; empty for a simulation.
    pub codespace: String,
    /// The code; for a simulation, the gRPC code.
    pub code: u32,
    /// The chain's words.
    pub text: String,
}

impl Rejection {
    /// Reads a refusal by a node's checks, or the result of a transaction that failed in a block.
    #[must_use]
    pub fn of(codespace: &str, code: u32, text: &str) -> Self {
        Self {
            cause: Cause::of(codespace, code, text),
            message_index: message_index(text),
            codespace: codespace.to_owned(),
            code,
            text: text.to_owned(),
        }
    }
}

fn message_index(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once(INDEX)?;
    let digits = rest.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok()
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} code {})",
            self.text,
            if self.codespace.is_empty() { "grpc" } else { &self.codespace },
            self.code
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_has_its_meaning() {
        let rows = [
            ("sdk", 5, "spendable balance 0upokt is smaller than 1upokt: insufficient funds", Cause::InsufficientFunds),
            ("sdk", 11, "out of gas in location: ReadFlat; gasWanted: 1, gasUsed: 2: out of gas", Cause::OutOfGas),
            ("sdk", 13, "insufficient fees; got: 0upokt required: 1upokt: insufficient fee", Cause::InsufficientFee),
            ("sdk", 18, "already used timeout 7 for address pokt1x: invalid request", Cause::TimestampUsed),
            ("sdk", 18, "unordered tx ttl exceeds 10m0s: invalid request", Cause::TimestampTooFar),
            ("sdk", 18, "sequence is not allowed for unordered transactions: invalid request", Cause::Other),
            ("sdk", 20, "mempool is full", Cause::MempoolFull),
            ("sdk", 21, "", Cause::TooLarge),
            ("sdk", 30, "", Cause::TimedOut),
            ("sdk", 42, "", Cause::TimedOut),
            ("sdk", 32, "account sequence mismatch, expected 2, got 1", Cause::Signature),
            ("sdk", 4, "signature verification failed; please verify account number (3)", Cause::Signature),
            ("proof", 5, "", Cause::Other),
        ];
        for (codespace, code, text, cause) in rows {
            assert_eq!(Rejection::of(codespace, code, text).cause, cause, "{codespace} {code} {text}");
        }
    }

    #[test]
    fn a_failed_message_is_named() {
        let text = "failed to execute message; message index: 12: rpc error: code = FailedPrecondition desc = \
                    claim attempted outside of the session's claim window";
        let rejection = Rejection::of("undefined", 1, text);
        assert_eq!((rejection.cause, rejection.message_index), (Cause::OutsideClaimWindow, Some(12)));
        assert_eq!(Rejection::of("sdk", 20, "mempool is full").message_index, None);
    }
}
