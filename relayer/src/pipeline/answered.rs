use relay_core::relay::envelope::HttpRequest;
use tokio::time::Instant;

use super::Pipeline;
use super::verified::Verified;
use crate::backend::{Answer, NoAnswer, Origin};
use crate::refusal::Refusal;

/// A relay with its node's answer, which is paid: any status below 500.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(super) verified: Verified,
    pub(super) answer: Answer,
}

impl Verified {
    pub(super) async fn answer(mut self, pipeline: &Pipeline) -> Result<Answered, Refusal> {
        let admitted = &mut self.admitted;
        let call = std::mem::replace(&mut admitted.identified.call, nothing());
        let identity = &admitted.identified.identity;
        let origin = Origin {
            supplier: &identity.supplier,
            application: &identity.session.application,
            service: &identity.session.service,
            outer: &admitted.identified.headers,
        };
        let asked = Instant::now();
        let outcome = admitted.service.backend.ask(call, &origin, admitted.deadline).await;
        let (word, outcome) = match outcome {
            Ok(answer) => ("success", Ok(answer)),
            Err(NoAnswer::Status(status)) => ("backend_5xx", Err(Refusal::BackendStatus(status))),
            Err(NoAnswer::Fault(fault)) => (fault.outcome(), Err(Refusal::Backend(fault))),
        };
        pipeline.metrics.backend(&admitted.service.label, word, asked.elapsed());
        Ok(Answered { answer: outcome?, verified: self })
    }
}

/// What stays in the place of a call that went to the backend.
fn nothing() -> HttpRequest {
    HttpRequest {
        method: http::Method::GET,
        url: String::new(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
    }
}
