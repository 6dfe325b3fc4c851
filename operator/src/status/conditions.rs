//! The conditions of a Supplier and what `Ready` makes of them, in one table.

use crate::api::{Condition, ConditionStatus};

/// One condition before it gets its clothes.
pub(super) struct Finding {
    kind: &'static str,
    status: ConditionStatus,
    reason: &'static str,
    message: String,
}

impl Finding {
    pub(super) fn good(kind: &'static str, reason: &'static str) -> Self {
        Self { kind, status: ConditionStatus::True, reason, message: String::new() }
    }

    pub(super) fn saying(mut self, message: String) -> Self {
        self.message = message;
        self
    }

    pub(super) fn bad(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, status: ConditionStatus::False, reason, message: message.into() }
    }

    pub(super) fn unknown(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, status: ConditionStatus::Unknown, reason, message: message.into() }
    }

    fn condition(self) -> Condition {
        Condition {
            kind: self.kind.to_owned(),
            status: self.status,
            reason: self.reason.to_owned(),
            message: self.message.chars().take(1024).collect(),
            observed_generation: None,
            last_transition_time: None,
        }
    }
}

/// What `Ready` stands on, the weightiest first: the first that does not hold gives its reason.
const NEEDED: [&str; 3] = ["Staked", "Assigned", "Funded"];

/// `Ready`, then the findings it was made of.
pub(super) fn with_ready(findings: Vec<Finding>) -> Vec<Condition> {
    let failed = |wanted: ConditionStatus| {
        NEEDED.iter().find_map(|kind| findings.iter().find(|finding| finding.kind == *kind && finding.status == wanted))
    };
    let ready = match failed(ConditionStatus::False).or_else(|| failed(ConditionStatus::Unknown)) {
        Some(finding) => {
            Finding { kind: "Ready", status: finding.status, reason: finding.reason, message: finding.message.clone() }
        }
        None => Finding::good("Ready", "Ready"),
    };
    std::iter::once(ready).chain(findings).map(Finding::condition).collect()
}
