use relay_core::chain::{ChainError, RingError};

/// Why nothing is known.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LookupError {
    /// Nothing may be concluded from it: the relay may be good.
    #[error("{0}")]
    Unavailable(String),
    /// The chain knows no such session, or no ring can be built.
    #[error("{0}")]
    Refused(String),
}

/// How the chain says that an application has no session for a service. It has no code of its own for that.
const NO_SESSION: [&str; 2] =
    ["application for session not found", "application in session not staked for requested service"];

impl LookupError {
    /// Any other error of a node proves nothing about the relay.
    pub(super) fn of_session(error: &ChainError) -> Self {
        let text = error.to_string();
        match error {
            ChainError::NotFound { .. } | ChainError::InvalidArgument { .. } => Self::Refused(text),
            ChainError::Refused { .. } if NO_SESSION.iter().any(|words| text.contains(words)) => Self::Refused(text),
            _ => Self::Unavailable(text),
        }
    }
}

impl From<ChainError> for LookupError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::NotFound { .. } | ChainError::InvalidArgument { .. } => Self::Refused(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<RingError> for LookupError {
    fn from(error: RingError) -> Self {
        match error {
            RingError::Chain(error) => error.into(),
            RingError::MissingKey(_) => Self::Refused(error.to_string()),
            RingError::Gateway(_) | RingError::Params(_) => Self::Unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: D-32
    #[test]
    fn only_what_the_chain_says_of_the_session_itself_is_a_refusal() {
        let refused = |reason: &str| {
            let error = ChainError::Refused { node: "n".into(), code: 13, reason: reason.into() };
            matches!(LookupError::of_session(&error), LookupError::Refused(_))
        };
        assert!(refused(
            "could not find app with address \"a\" at height 11: application for session not found not found "
        ));
        assert!(refused(
            "application \"a\" not staked for service ID \"s\": application in session not staked for requested service"
        ));
        assert!(!refused("panic: runtime error: invalid memory address"));
        let transient = ChainError::Transient { node: "n".into(), reason: "application for session not found".into() };
        assert!(matches!(LookupError::of_session(&transient), LookupError::Unavailable(_)));
    }
}
