//! What `validate` prints.

use relay_core::validate::{Finding, Level};

use crate::failure::Failure;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// A line for each finding.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Prints the findings. It fails if one of them is an error.
pub(crate) fn report(role: &str, file: &str, findings: &[Finding], output: Output) -> Result<(), Failure> {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    match output {
        Output::Json => {
            let report = serde_json::json!({
                "file": file, "good": errors == 0, "errors": errors, "warnings": warnings, "findings": findings,
            });
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
        Output::Text => {
            for finding in findings {
                println!("{finding}");
            }
        }
    }
    if errors > 0 {
        return Err(format!("{file}: a {role} would not work with it: {errors} errors, {warnings} warnings").into());
    }
    if output == Output::Text {
        println!("{file}: good, a {role} would start with it ({warnings} warnings)");
    }
    Ok(())
}
