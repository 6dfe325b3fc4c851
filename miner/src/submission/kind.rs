use crate::record::{Attempts, SessionRecord};

/// Which message a transaction carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Claims.
    Claim,
    /// Proofs.
    Proof,
}

impl Kind {
    /// A constant word for logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Proof => "proof",
        }
    }

    /// Its history in a session's record.
    #[must_use]
    pub fn history(self, record: &SessionRecord) -> &Attempts {
        match self {
            Self::Claim => &record.claim,
            Self::Proof => &record.proof,
        }
    }

    /// Its history in a session's record, to be continued.
    pub fn attempts(self, record: &mut SessionRecord) -> &mut Attempts {
        match self {
            Self::Claim => &mut record.claim,
            Self::Proof => &mut record.proof,
        }
    }
}
