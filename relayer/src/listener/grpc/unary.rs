use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use tonic::{Code, Status, Streaming};

use super::watched::Watch;
use super::{Around, status};
use crate::listener::Listener;
use crate::pipeline::{Channel, Explained, Place, Received, Served};
use crate::refusal::{BackendFault, Refusal};
use crate::simulation::Asked;

impl Listener {
    /// Takes a relay from a call, and gives the signed response to it.
    pub(super) async fn send_relay(
        self: Arc<Self>,
        mut requests: Streaming<Bytes>,
        around: Around,
        watch: &Watch,
    ) -> Result<Bytes, Status> {
        let (arrival, at) = (self.pipeline.feed.height(), Instant::now());
        let body = self.first(&mut requests, watch).await?;
        drop(requests);
        let place = self.place_for(&body, watch)?;
        if around.web {
            self.pipeline.metrics.grpc.web_request(&self.label(&body));
        }
        let refusable = body.clone();
        if let Some(asked) = self.pipeline.asked_to_simulate(&around.headers) {
            let received = Received { channel: Channel::Grpc, body, headers: around.headers, arrival, at, place };
            return self.simulated_call(&asked, received, &refusable).await;
        }
        let received = Received { channel: Channel::Grpc, body, headers: around.headers, arrival, at, place };
        let served = self.pipeline.serve_explained(received).await;
        let (label, explained) = served.map_err(|refusal| self.grpc_refusal(&refusal, &refusable))?;
        let metrics = &self.pipeline.metrics.grpc;
        match &explained {
            Explained::Answer(recorded) => metrics.answered(&label, recorded.published),
            Explained::NoAnswer(_) => metrics.error(&label, "backend_error"),
        }
        metrics.took(&label, at.elapsed());
        Ok(explained.into_response())
    }

    /// A simulated relay is counted as such only.
    async fn simulated_call(&self, asked: &Asked, received: Received, body: &Bytes) -> Result<Bytes, Status> {
        let refused = |refusal: Refusal| match refusal {
            Refusal::NoBackend(_) => Status::unavailable("backend unavailable"),
            Refusal::Backend(fault) => Status::unavailable(format!("backend error: {}", fault.outcome())),
            refusal => status::of(&refusal, body).0,
        };
        match self.pipeline.simulate(asked, received, None).await {
            Ok(Served::Whole(response, _)) => Ok(response),
            Ok(Served::Stream(_)) => Err(refused(Refusal::Backend(BackendFault::Request))),
            Err(refusal) => Err(refused(refusal)),
        }
    }

    /// The first message of a call. While it is read it has no place among the relays in progress: slow callers must not keep
    /// others out.
    pub(super) async fn first(&self, requests: &mut Streaming<Bytes>, watch: &Watch) -> Result<Bytes, Status> {
        let Ok(_reading) = self.reading.try_acquire() else { return Err(self.refused_early(&Refusal::Overloaded)) };
        match tokio::time::timeout(self.limits.receive_timeout.0, requests.message()).await {
            Ok(Ok(Some(first))) => Ok(first),
            Ok(Err(status)) => Err(self.unreadable(&status, watch)),
            Ok(Ok(None)) | Err(_) => Err(self.refused_early(&Refusal::Unreadable)),
        }
    }

    /// A place among the relays in progress, with the memory of the relay's message.
    pub(super) fn place_for(&self, message: &Bytes, watch: &Watch) -> Result<Place, Status> {
        let place = self.place().and_then(|place| Ok(place.weighing(watch.weigh(message)?)));
        place.map_err(|refusal| self.refused_early(&refusal))
    }

    /// A refusal from before the pipeline, which therefore did not count it.
    pub(super) fn refused_early(&self, refusal: &Refusal) -> Status {
        let refusal = self.pipeline.refused_early(refusal.clone());
        self.grpc_refusal(&refusal, &Bytes::new())
    }

    /// No message came out of what was sent. Too large is told apart, packed or not.
    pub(super) fn unreadable(&self, status: &Status, watch: &Watch) -> Status {
        self.refused_early(&match status.code() {
            _ if watch.is_heavy() => Refusal::Overloaded,
            Code::OutOfRange | Code::ResourceExhausted => Refusal::TooLarge,
            _ => Refusal::Unreadable,
        })
    }
}
