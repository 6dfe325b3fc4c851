/// What a refusal means for the sender. See the table in `docs/protocol/transactions.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The account cannot pay the fee, or the proof fee: stop and tell the operator.
    InsufficientFunds,
    /// The gas limit was too low: raise it and send again.
    OutOfGas,
    /// The fee is below what the node asks for: raise the gas price.
    InsufficientFee,
    /// This signer has used this timestamp already: take a new one.
    TimestampUsed,
    /// The timestamp is more than ten minutes ahead of block time: take a nearer one.
    TimestampTooFar,
    /// The timestamp or timeout height has passed: build the transaction anew.
    TimedOut,
    /// The mempool is full: wait, or try another node.
    MempoolFull,
    /// The transaction is too large: split the batch.
    TooLarge,
    /// Sequence or account number do not fit, or the signature is wrong: read the account again.
    Signature,
    /// The claim came outside of its window; heights tell on which side.
    OutsideClaimWindow,
    /// The proof came outside of its window; heights tell on which side.
    OutsideProofWindow,
    /// The chain does not want a proof of this claim.
    ProofNotRequired,
    /// There is no claim for the proof.
    ClaimNotFound,
    /// The session that the chain hydrates is another one, or the supplier is not in it.
    NotInSession,
    /// The sum of the claim is not relays times compute units per relay.
    ComputeUnitsMismatch,
    /// The root, proof or relay inside is not acceptable: never send it again unchanged.
    InvalidContent,
    /// Something else; read the text.
    Other,
}

impl Cause {
    /// By code of the `sdk` codespace, or by the registered words in the text.
    pub(super) fn of(codespace: &str, code: u32, text: &str) -> Self {
        // The words decide first where they are more precise than the code, or where handlers have replaced the code.
        by_words(text).unwrap_or_else(|| if codespace == "sdk" { by_code(code) } else { Self::Other })
    }
}

fn by_code(code: u32) -> Cause {
    match code {
        5 => Cause::InsufficientFunds,
        11 => Cause::OutOfGas,
        13 => Cause::InsufficientFee,
        20 => Cause::MempoolFull,
        21 => Cause::TooLarge,
        30 | 42 => Cause::TimedOut,
        3 | 4 | 32 => Cause::Signature,
        _ => Cause::Other,
    }
}

/// Stable words, the more particular ones first.
const WORDS: &[(&str, Cause)] = &[
    ("session's claim window", Cause::OutsideClaimWindow),
    ("session's proof window", Cause::OutsideProofWindow),
    ("proof not required", Cause::ProofNotRequired),
    ("not enough funds to submit proof", Cause::InsufficientFunds),
    ("claim compute units != number of relays", Cause::ComputeUnitsMismatch),
    ("claim not found", Cause::ClaimNotFound),
    ("not found in session", Cause::NotInSession),
    ("invalid session ID", Cause::NotInSession),
    ("supplier not found", Cause::NotInSession),
    ("invalid root hash", Cause::InvalidContent),
    ("invalid proof", Cause::InvalidContent),
    ("invalid relay", Cause::InvalidContent),
    ("already used timeout", Cause::TimestampUsed),
    ("unordered tx ttl exceeds", Cause::TimestampTooFar),
    ("timeout_timestamp that has already passed", Cause::TimedOut),
    ("insufficient funds", Cause::InsufficientFunds),
    ("out of gas", Cause::OutOfGas),
    ("insufficient fee", Cause::InsufficientFee),
    ("mempool is full", Cause::MempoolFull),
    ("tx too large", Cause::TooLarge),
    ("tx timeout", Cause::TimedOut),
    ("signature verification failed", Cause::Signature),
    ("account sequence mismatch", Cause::Signature),
    ("incorrect account sequence", Cause::Signature),
];

fn by_words(text: &str) -> Option<Cause> {
    WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, cause)| *cause)
}
