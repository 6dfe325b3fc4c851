//! A simulated relay's way: no session, no budget, no room in the spool, and no step that records. Nothing here can make a
//! [`Recorded`](super::recorded::Recorded).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use relay_core::chain::ChainTime;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::{encode_response, sign_response};
use relay_core::units::ServiceId;
use tokio::time::Instant;

use super::answered::wrap;
use super::identified::{Payload, decode, kind};
use super::{Channel, Cuts, Pipeline, Received, Served};
use crate::backend::{NoAnswer, Origin, Reply};
use crate::live::Live;
use crate::metrics::Simulated as Labels;
use crate::refusal::{BackendFault, Refusal};
use crate::service::Service;
use crate::simulation::{Asked, Cleared, Rejection, Slot, Surroundings};

/// How long the look at what metering needs may take; nobody waits for it.
const LOOK: Duration = Duration::from_secs(5);

/// A simulated relay that may be answered, any number of times.
#[derive(Debug)]
pub(crate) struct Simulated {
    cleared: Cleared,
    labels: Labels,
    /// Its place among those in progress, until its request is with the node of a socket, or answered.
    slot: Option<Slot>,
}

impl Pipeline {
    /// Whether unsigned headers ask for a simulated relay, on a socket for all of its messages.
    pub(crate) fn asked_to_simulate(&self, headers: &HeaderMap) -> Option<Asked> {
        self.live.load().simulation.asked(headers)
    }

    /// Takes a simulated relay to its answer. Without `cuts`, for transports that have no way to pass a stream on, streams are
    /// refused.
    pub(crate) async fn simulate(
        self: &Arc<Self>,
        asked: &Asked,
        received: Received,
        cuts: Option<Cuts>,
    ) -> Result<Served, Refusal> {
        let Received { channel, body, headers, at, place, .. } = received;
        let (request, payload) = decode(channel, body).map_err(|refusal| self.refused_early(refusal))?;
        let live = self.live.load_full();
        if channel == Channel::Grpc {
            // Callers over gRPC know these as refusals of every relay.
            whose(&request, &live).map_err(|refusal| self.refused_early(refusal))?;
        }
        let service = self.service(&request, &live)?;
        let id = ServiceId::from(&*service.label);
        let Some(kind) = kind(channel, &headers, &payload, &service) else {
            return Err(self.refused(service.tallies.unknown(), Refusal::NoBackend(id)));
        };
        let simulated = self.clear(asked, channel, &request, &service, &live).await?;
        let Payload::Call(call) = payload else { return Err(Refusal::NotARelay) };
        let identity = &simulated.cleared.identity;
        let origin = Origin {
            supplier: &identity.supplier,
            application: &identity.session.application,
            service: &id,
            outer: &headers,
        };
        let deadline = at + service.timeout;
        let reply = match service.pools.get(&kind) {
            Some(pool) => pool.ask_once(call, &origin, deadline).await,
            None => Err(NoAnswer::AllDown),
        };
        match (reply, cuts) {
            (Ok(Reply::Whole(answer)), _) => {
                let retries = answer.retries;
                let (_, payload) = wrap(answer);
                let response = self.sign_simulated(&simulated, payload)?;
                self.metrics.simulation.took(&simulated.labels, at.elapsed());
                self.finish_simulated(simulated);
                Ok(Served::Whole(response, retries))
            }
            (Ok(Reply::Stream(answer)), Some(cuts)) => {
                Ok(Served::Stream(simulated.pass_on(self, answer, deadline, cuts, place)))
            }
            (Ok(Reply::Stream(_)), None) => {
                Err(self.failed_simulated(&simulated, Refusal::Backend(BackendFault::Request)))
            }
            (Err(no_answer), _) => Err(self.failed_simulated(&simulated, no_answer.refusal(&id))),
        }
    }

    /// Lets a message of a socket through to the node, and gives what it is to get.
    pub(crate) async fn simulate_message(
        &self,
        asked: &Asked,
        body: Bytes,
        service: &ServiceId,
    ) -> Result<(Simulated, Bytes), Refusal> {
        let (request, payload) = decode(Channel::Socket, body).map_err(|refusal| self.refused_early(refusal))?;
        let Payload::Frame(frame) = payload else { return Err(self.refused_early(Refusal::NotARelay)) };
        let live = self.live.load_full();
        let configured = self.service(&request, &live)?;
        if *configured.label != *service.as_str() {
            let text = format!("a relay for {} on a socket for {service}", configured.label);
            return Err(self.refused_early(Refusal::Invalid(text)));
        }
        let simulated = self.clear(asked, Channel::Socket, &request, &configured, &live).await?;
        Ok((simulated, frame))
    }

    /// Signs and counts one message of the node on a socket.
    pub(crate) fn answer_simulated(&self, simulated: &Simulated, payload: Bytes) -> Result<Bytes, Refusal> {
        let response = self.sign_simulated(simulated, payload)?;
        self.metrics.simulation.ended(&simulated.labels, "success");
        Ok(response)
    }

    fn service(&self, request: &RelayRequest, live: &Live) -> Result<Arc<Service>, Refusal> {
        let header = request.meta.as_ref().and_then(|meta| meta.session_header.as_ref());
        let id = ServiceId::from(header.map_or("", |header| header.service_id.as_str()));
        let service = live.services.get(&id).map(Arc::clone);
        service.ok_or_else(|| self.refused_early(Refusal::UnknownService(id)))
    }

    /// Makes all checks of a simulated relay.
    async fn clear(
        &self,
        asked: &Asked,
        channel: Channel,
        request: &RelayRequest,
        service: &Service,
        live: &Live,
    ) -> Result<Simulated, Refusal> {
        let supplier = request.meta.as_ref().and_then(|meta| meta.supplier_operator_address.parse().ok());
        let supplier = supplier.filter(|supplier| live.keys.get(supplier).is_some());
        let labels = Labels {
            transport: channel.name(),
            service: Arc::clone(&service.label),
            supplier: supplier.map_or_else(|| "unknown".into(), |supplier| supplier.as_str().into()),
        };
        let surroundings = Surroundings {
            services: &live.services,
            keys: &live.keys,
            verifier: &self.verifier,
            now: ChainTime::wall_clock(),
        };
        let cleared = async {
            let slot = live.simulation.slot()?;
            let store = self.publisher.store();
            let cleared = live.simulation.clear(asked, request, &surroundings, store).await?;
            Ok((slot, cleared))
        };
        match cleared.await {
            Ok((slot, cleared)) => Ok(Simulated { cleared, labels, slot: Some(slot) }),
            Err(rejection) => {
                let rejection: Rejection = rejection;
                self.metrics.simulation.ended(&labels, rejection.result());
                Err(Refusal::Simulation(rejection))
            }
        }
    }

    /// Signs one answer to a simulated relay.
    pub(super) fn sign_simulated(&self, simulated: &Simulated, payload: Bytes) -> Result<Bytes, Refusal> {
        let Cleared { identity, key } = &simulated.cleared;
        match sign_response(&identity.session, payload, key) {
            Ok(response) => Ok(encode_response(&response).into()),
            Err(error) => {
                tracing::error!(%error, "a response cannot be signed");
                Err(self.failed_simulated(simulated, Refusal::Unsigned))
            }
        }
    }

    pub(super) fn failed_simulated(&self, simulated: &Simulated, refusal: Refusal) -> Refusal {
        let result = if refusal == Refusal::Unsigned { "sign_failed" } else { "backend_error" };
        self.metrics.simulation.ended(&simulated.labels, result);
        refusal
    }

    /// Gives the place back, looks whether a relay like this could have been metered, and counts. Nobody waits for it.
    pub(super) fn finish_simulated(self: &Arc<Self>, simulated: Simulated) {
        let Simulated { cleared, labels, slot } = simulated;
        drop(slot);
        let pipeline = Arc::clone(self);
        tokio::spawn(async move {
            let metered = pipeline.can_meter(&cleared.identity.session.service).await;
            pipeline.metrics.simulation.ended(&labels, if metered { "success" } else { "meter_degraded" });
        });
    }

    /// Whether the price of a relay is known and Redis answers. Changes nothing.
    async fn can_meter(&self, service: &ServiceId) -> bool {
        let look = async {
            let params = self.chain.shared_params().await.is_ok();
            let price = self.chain.compute_units_at(service, self.feed.height()).await.is_ok();
            params && price && self.publisher.store().ping().await.is_ok()
        };
        tokio::time::timeout_at(Instant::now() + LOOK, look).await.unwrap_or(false)
    }
}

/// Refuses requests to nobody, or to somebody whose key is not here.
fn whose(request: &RelayRequest, live: &Live) -> Result<(), Refusal> {
    let supplier = request.meta.as_ref().map(|meta| meta.supplier_operator_address.as_str()).unwrap_or_default();
    if supplier.is_empty() {
        return Err(Refusal::NoSupplier);
    }
    let key = supplier.parse().ok().and_then(|supplier| live.keys.get(&supplier));
    key.map(|_| ()).ok_or_else(|| Refusal::ForeignSupplier(supplier.to_owned()))
}

impl Simulated {
    /// Gives its place back: the request is with the node.
    pub(crate) fn sent(&mut self) {
        self.slot = None;
    }
}

impl Channel {
    /// As a label.
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Socket => "websocket",
        }
    }
}
