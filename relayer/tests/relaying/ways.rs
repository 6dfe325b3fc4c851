//! One relay over each transport, reduced to the hash under which its caller expects to find it in the log.

use std::collections::HashSet;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use relay_core::address::SecretKey;
use relay_core::client::{ClientError, OpenSession, RelayClient, sign_request};
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::proto::pocket::service::relay_service_client::RelayServiceClient;
use relay_core::relay::{MinedRelay, RelayHash, sign_payload_hash};
use sha2::{Digest, Sha256};
use testbed::Behaviour;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::stage::{Stage, payload};

/// How a relay travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Http1,
    Http2,
    Stream,
    Grpc,
}

/// Somebody who signs relays and sends them one way. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    way: Way,
    client: RelayClient,
    grpc: RelayServiceClient<Channel>,
    url: String,
    session: OpenSession,
    application: SecretKey,
    supplier: SecretKey,
}

impl Caller {
    /// Sees to it that the stage's node answers as the way needs it.
    pub(crate) async fn new(stage: &Stage, way: Way) -> Self {
        if way == Way::Stream {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))]);
            stage.node.behave(Behaviour { headers, ..Behaviour::default() });
        }
        Self {
            way,
            client: RelayClient::new(way == Way::Http2).unwrap(),
            grpc: RelayServiceClient::new(Channel::from_shared(stage.url()).unwrap().connect_lazy()),
            url: stage.url(),
            session: stage.session().await,
            application: stage.key("app1"),
            supplier: stage.key("supplier1"),
        }
    }

    fn request(&self, number: usize) -> RelayRequest {
        let (session, supplier) = (&self.session, self.supplier.address());
        sign_request(&session.header, &session.ring, supplier, payload(number), &self.application).unwrap()
    }

    /// Sends one relay and takes all of its answer.
    pub(crate) async fn relay(&self, number: usize) -> Result<RelayHash, ClientError> {
        let request = self.request(number);
        let public = self.supplier.public_key();
        if self.way == Way::Grpc {
            let sent = self.grpc.clone().send_relay(request.clone()).await;
            // Every status is a refusal here; which one is tested elsewhere.
            let refused = |status: tonic::Status| (StatusCode::BAD_GATEWAY, status.to_string());
            let response = sent.map_err(refused).map_err(|(status, text)| ClientError::Refused { status, text })?;
            return Ok(MinedRelay::new(&request, response.get_ref()).hash);
        }
        if self.way != Way::Stream {
            let verified = self.client.send(&self.url, &request, public).await?;
            return Ok(MinedRelay::new(&request, &verified.response).hash);
        }
        let mut stream = self.client.stream(&self.url, &request, public, HeaderMap::new()).await?;
        let mut all = Vec::new();
        while let Some(message) = stream.next().await {
            all.push(message?.answer.body);
        }
        let hash: [u8; 32] = Sha256::digest(all.concat()).into();
        let response = sign_payload_hash(&self.session.header, hash, &self.supplier);
        Ok(MinedRelay::new(&request, &response).hash)
    }

    /// Relays without pause over so many connections until `stop`; gives those that were answered.
    pub(crate) async fn load(&self, at_a_time: usize, stop: &CancellationToken) -> HashSet<RelayHash> {
        let mut callers = tokio::task::JoinSet::new();
        for place in 0..at_a_time {
            let (caller, stop) = (self.clone(), stop.clone());
            callers.spawn(async move {
                let mut answered = Vec::new();
                while !stop.is_cancelled() {
                    answered.extend(caller.relay(place).await);
                }
                answered
            });
        }
        callers.join_all().await.into_iter().flatten().collect()
    }
}

/// Everything in the log, by hash.
pub(crate) async fn recorded(stage: &Stage) -> HashSet<RelayHash> {
    stage.log().await.iter().map(|entry| RelayHash::of(Bytes::as_ref(&entry.relay))).collect()
}
