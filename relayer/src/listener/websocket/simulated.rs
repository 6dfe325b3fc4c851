//! A socket of simulated relays. Its handshake decided that once; each message is checked by itself, and no answer is recorded.

use std::sync::PoisonError;

use super::bridge::Bridge;
use super::ending::Ending;
use crate::frames::{Message, Peer};
use crate::simulation::Asked;

impl Bridge {
    /// Passes a request on, if it is let through.
    pub(super) async fn simulated_request(&self, asked: &Asked, message: Message) -> Result<(), Ending> {
        let pipeline = &self.listener.pipeline;
        let Message { opcode, payload: body, memory } = message;
        let _place =
            self.listener.place().map_err(|refusal| Ending::Refused(pipeline.refused(&self.tally, refusal)))?;
        let cleared = pipeline.simulate_message(asked, body, &self.invitation.service).await;
        let (simulated, payload) = cleared.map_err(Ending::Refused)?;
        // Before it is sent: its answer must find it.
        *self.simulated.lock().unwrap_or_else(PoisonError::into_inner) = Some(simulated);
        let sent = self.node.message(Message { opcode, payload, memory }).await;
        if let Some(simulated) = &mut *self.simulated.lock().unwrap_or_else(PoisonError::into_inner) {
            simulated.sent();
        }
        sent.map_err(|_| Ending::Stuck(Peer::Node))
    }

    /// Signs a message of the node as the answer to the latest request, and passes it on. `false` when nobody has asked.
    pub(super) async fn simulated_answer(&self, message: Message) -> Result<bool, Ending> {
        let Message { opcode, payload, .. } = message;
        let signed = {
            let simulated = self.simulated.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(simulated) = simulated.as_ref().filter(|_| !payload.is_empty()) else { return Ok(false) };
            self.listener.pipeline.answer_simulated(simulated, payload)
        };
        let payload = signed.map_err(Ending::Refused)?;
        let message = Message { opcode, payload, memory: None };
        self.gateway.message(message).await.map_err(|_| Ending::Stuck(Peer::Gateway))?;
        Ok(true)
    }
}
