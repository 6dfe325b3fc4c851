use std::sync::PoisonError;

use http::HeaderMap;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use super::bridge::{Bridge, Party};
use super::ending::Ending;
use super::queue::Item;
use crate::frames::{Message, Peer};
use crate::pipeline::{Channel, Question, Received};
use crate::refusal::Refusal;

impl Bridge {
    /// Passes requests on to the node, one after the other. The first that is no good relay ends the socket.
    pub(super) async fn requests(&self, mut waiting: Receiver<Item>) -> Ending {
        loop {
            match waiting.recv().await {
                Some(Item::Message(message, _permit)) => {
                    if let Err(ending) = self.request(message).await {
                        return ending;
                    }
                }
                Some(Item::End(ending)) => return ending,
                // Its writer waits for us to end.
                None => std::future::pending().await,
            }
        }
    }

    async fn request(&self, message: Message) -> Result<(), Ending> {
        if let Some(asked) = &self.asked {
            return self.simulated_request(asked, message).await;
        }
        let pipeline = &self.listener.pipeline;
        let refused = |refusal| Ending::Refused(pipeline.refused(&self.tally, refusal));
        let Message { opcode, payload: body, memory } = message;
        let place = self.listener.place().map_err(refused)?;
        let (arrival, at) = (pipeline.feed.height(), Instant::now());
        let received = Received { channel: Channel::Socket, body, headers: HeaderMap::new(), arrival, at, place };
        let (_, verified) = pipeline.verify(received).await.map_err(Ending::Refused)?;
        self.admit(&verified.question).map_err(refused)?;
        // Before it is sent: its answer must find it.
        let payload = self.dialogue().ask(verified).map_err(refused)?;
        self.tally.before_backend(at.elapsed());
        self.node.message(Message { opcode, payload, memory }).await.map_err(|_| Ending::Stuck(Peer::Node))?;
        self.metrics.to_node.inc();
        Ok(())
    }

    /// A socket is for one service, and carries the relays of one application to one supplier.
    fn admit(&self, question: &Question) -> Result<(), Refusal> {
        let identity = &question.identity;
        let (service, application) = (&identity.session.service, &identity.session.application);
        if *service != self.invitation.service {
            return Err(Refusal::Invalid(format!("a relay for {service} on a socket for {}", self.invitation.service)));
        }
        let mut party = self.party.lock().unwrap_or_else(PoisonError::into_inner);
        let supplier = party.as_ref().map(|party| &party.supplier).or(self.invitation.supplier.as_ref());
        if supplier.is_some_and(|supplier| *supplier != identity.supplier) {
            return Err(Refusal::Invalid("another supplier than before on the same socket".to_owned()));
        }
        match &*party {
            Some(party) if party.application == *application => Ok(()),
            Some(_) => Err(Refusal::Invalid("another application than before on the same socket".to_owned())),
            None => {
                let seat = self.listener.sockets.applications.sit(application).ok_or(Refusal::TooManySockets)?;
                let (supplier, application) = (identity.supplier.clone(), application.clone());
                *party = Some(Party { supplier, application, _seat: seat });
                Ok(())
            }
        }
    }
}
