use std::sync::Arc;
use std::time::Duration;

use relay_core::address::SecretKey;

use super::Pipeline;
use super::identified::Identified;
use super::timing::{Admission, plausible};
use crate::recording::Room;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::LookupError;

/// Bytes of a ring signature without members, and of each member.
const RING_HEAD: usize = 69;
const RING_MEMBER: usize = 65;

/// A relay that is worth a look at its signature: we serve its service, hold its supplier's key, it comes in time, and there
/// is room to record it. Nothing of this needed curve arithmetic.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(super) identified: Identified,
    pub(super) service: Arc<Service>,
    pub(super) key: SecretKey,
    pub(super) deadline: Duration,
    pub(super) room: Room,
}

impl Identified {
    pub(super) async fn admit(self, pipeline: &Pipeline) -> Result<Admitted, Refusal> {
        let session = &self.identity.session;
        let service = pipeline.services.get(&session.service);
        let service = service.ok_or_else(|| Refusal::UnknownService(session.service.clone()))?;
        let supplier = &self.identity.supplier;
        let key = pipeline.keys.get(supplier).ok_or_else(|| Refusal::ForeignSupplier(supplier.as_str().to_owned()))?;
        if self.mined_bytes > pipeline.limits.relay_bytes {
            return Err(Refusal::Unprovable { bytes: self.mined_bytes, limit: pipeline.limits.relay_bytes });
        }
        self.check_ring_size(pipeline.limits.ring_members)?;
        if self.arrival.0 <= 0 {
            return Err(Refusal::Unverifiable("no block was seen yet".to_owned()));
        }
        plausible(session, self.arrival)?;
        let admission = self.admission(pipeline).await?;
        admission.check(session, self.arrival)?;
        let deadline = admission.deadline(service.backend.timeout(), self.arrival, &pipeline.feed);
        let room = pipeline.publisher.reserve(supplier, session, admission.until, self.mined_bytes);
        let (service, key) = (Arc::clone(service), key.clone());
        Ok(Admitted { room: room.ok_or(Refusal::Unrecordable)?, service, key, deadline, identified: self })
    }

    /// The windows of the session. While it runs its parameters are those of now; afterwards those at its end.
    async fn admission(&self, pipeline: &Pipeline) -> Result<Admission, Refusal> {
        let session = &self.identity.session;
        let params = if self.arrival > session.end {
            Box::pin(pipeline.chain.params_at(session.end)).await
        } else {
            Box::pin(pipeline.chain.shared_params()).await
        };
        match params {
            Ok(params) => Ok(Admission::of(session, &params)),
            Err(error) => Err(LookupError::from(error).into()),
        }
    }

    /// The count of members comes from the wire, and each one costs curve arithmetic.
    fn check_ring_size(&self, most: usize) -> Result<(), Refusal> {
        let signature = self.request.meta.as_ref().map_or(0, |meta| meta.signature.len());
        if signature <= RING_HEAD + RING_MEMBER * most {
            return Ok(());
        }
        Err(Refusal::Invalid(format!(
            "ring signature verification failed: a ring of {signature} bytes, at most {most} members are accepted"
        )))
    }
}

impl From<LookupError> for Refusal {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Unavailable(reason) => {
                tracing::debug!(reason, "a relay cannot be validated now");
                Self::Unverifiable("the chain does not answer".to_owned())
            }
            LookupError::Refused(reason) => Self::Invalid(format!("failed to get session: {reason}")),
        }
    }
}
