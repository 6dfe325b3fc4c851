//! How every command ends.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

/// What went wrong, already in words that tell the user what to do.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Prints a failure with its causes to standard error and gives the exit code.
pub(crate) fn exit_code(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", with_causes(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// One line per failure: many errors print their source themselves, so a cause is added only if it says something new.
fn with_causes(failure: &dyn Error) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            // Writing to a string cannot fail.
            let _ = write!(text, ": {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::io::Error, &'static str);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.1)
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn causes_are_told_once() {
        let cause = || std::io::Error::other("no such host");
        assert_eq!(with_causes(&Outer(cause(), "cannot reach the node")), "cannot reach the node: no such host");
        assert_eq!(with_causes(&Outer(cause(), "cannot reach: no such host")), "cannot reach: no such host");
    }
}
