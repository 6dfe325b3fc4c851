use std::sync::Arc;

use super::Pipeline;
use super::admitted::Admitted;
use super::answered::{Outcome, ask};
use super::identified::Payload;
use crate::config::ValidationMode;
use crate::refusal::Refusal;

impl Admitted {
    /// Whether its node may be asked while it is verified.
    pub(super) fn is_optimistic(&self) -> bool {
        self.question.service.validation == ValidationMode::Optimistic
    }

    /// Asks the node and verifies at the same time. Only a verified relay has an answer: until both are done nothing is signed,
    /// nothing is recorded, and nothing leaves. A relay that turns out to be bad is refused at once; its node's answer would
    /// earn nothing.
    pub(super) async fn answer_beside(self, pipeline: &Pipeline) -> Result<Outcome, Refusal> {
        let Self { question, payload, room, place } = self;
        let Payload::Call(call) = payload else { return Err(Refusal::NotARelay) };
        let asked = Arc::clone(&question);
        // The node first: it works while we do.
        let (reply, proven) = tokio::try_join!(
            biased;
            async { Ok(ask(&asked, call, pipeline).await) },
            question.prove(room, place, pipeline),
        )?;
        Ok(proven.with(Payload::Asked).answered(reply?))
    }
}
