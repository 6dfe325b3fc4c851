use std::sync::Arc;

use relay_core::relay::request_digest;
use relay_core::ring::membership::check;

use super::Pipeline;
use super::admitted::Admitted;
use crate::refusal::Refusal;
use crate::replays::Claim;
use crate::sessions::Session;

/// A relay that the chain would accept: its session exists as claimed, the supplier is in it, and the application or one of
/// its gateways signed. It is served once.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(super) admitted: Admitted,
    pub(super) session: Arc<Session>,
    pub(super) claim: Claim,
}

impl Admitted {
    pub(super) async fn verify(self, pipeline: &Pipeline) -> Result<Verified, Refusal> {
        let identity = &self.identified.identity;
        let session = pipeline.sessions.session(&identity.session).await?;
        identity.session.must_equal(&session.header).map_err(|mismatch| Refusal::Invalid(mismatch.to_string()))?;
        if !session.suppliers.contains(&identity.supplier) {
            return Err(Refusal::Invalid(format!("supplier {} not found in session", identity.supplier)));
        }
        let ring = pipeline.sessions.ring(&identity.session.application, identity.session.end).await?;
        let message = request_digest(&self.identified.request);
        let signature = self.identified.request.meta.as_ref().map_or(&[][..], |meta| &meta.signature);
        check(&pipeline.verifier, &message, signature, &ring)
            .map_err(|error| Refusal::Invalid(format!("ring signature verification failed: {error}")))?;
        let Some(claim) = pipeline.replays.claim(&message, signature) else {
            pipeline.books.add(crate::books::Column::Replayed);
            return Err(Refusal::Replayed);
        };
        Ok(Verified { session, claim, admitted: self })
    }
}
