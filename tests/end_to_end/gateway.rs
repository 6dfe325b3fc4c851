//! A gateway: signs relays for an application, sends them, keeps what was answered.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use relay_core::address::{Address, PublicKey, SecretKey};
use relay_core::chain::{BlockFeed, Chain, FeedConfig};
use relay_core::client::{ClientError, OpenSession, RelayClient, json_rpc_payload, sign_request};
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::MinedRelay;
use relay_core::units::ServiceId;
use tokio::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::ledger::Ledger;
use crate::stage::Stage;

/// Speaks for one application with one service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) client: RelayClient,
    chain: Chain,
    feed: BlockFeed,
    application: Address,
    key: SecretKey,
    service: ServiceId,
    session: Arc<Mutex<Option<OpenSession>>>,
    _feed: Arc<DropGuard>,
}

/// A supplier and the relayer that serves for it.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) supplier: Address,
    pub(crate) key: PublicKey,
}

impl Gateway {
    /// The application signs with its own key.
    pub(crate) fn new(stage: &Stage, application: &str, service: &str) -> Self {
        let stop = CancellationToken::new();
        let feed = BlockFeed::start(stage.client.clone(), FeedConfig::default(), stop.clone());
        Self {
            client: RelayClient::new(false).unwrap(),
            chain: stage.client.clone(),
            feed,
            application: stage.address(application),
            key: stage.key(application),
            service: service.into(),
            session: Arc::default(),
            _feed: Arc::new(stop.drop_guard()),
        }
    }

    /// The session of now.
    pub(crate) async fn session(&self) -> OpenSession {
        let mut held = self.session.lock().await;
        let now = self.feed.height();
        match &*held {
            Some(session) if now <= session.header.end => session.clone(),
            _ => {
                let fresh = Box::pin(OpenSession::fetch(&self.chain, &self.application, &self.service)).await.unwrap();
                held.insert(fresh).clone()
            }
        }
    }

    /// A signed relay to this supplier, in the session of now.
    pub(crate) async fn request(&self, supplier: &Address) -> RelayRequest {
        let session = self.session().await;
        let body = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#);
        sign_request(&session.header, &session.ring, supplier, json_rpc_payload(body), &self.key).unwrap()
    }

    /// One relay; what was mined of it, if it was answered.
    pub(crate) async fn relay(&self, target: &Target) -> Result<(RelayRequest, MinedRelay), ClientError> {
        let request = self.request(&target.supplier).await;
        let answer = self.client.send(&target.url, &request, &target.key).await?;
        let mined = MinedRelay::new(&request, &answer.response);
        Ok((request, mined))
    }

    /// So many relays to each target, so many at a time, each until it is answered.
    pub(crate) async fn send(&self, targets: &[Target], each: usize, at_a_time: usize) -> Ledger {
        let mut ledger = Ledger::default();
        let mut answers = futures::stream::iter(targets.iter().cycle().take(each * targets.len()))
            .map(|target| self.until_answered(target))
            .buffer_unordered(at_a_time);
        while let Some((request, mined)) = answers.next().await {
            ledger.enter(&request, mined);
        }
        ledger
    }

    async fn until_answered(&self, target: &Target) -> (RelayRequest, MinedRelay) {
        let mut last = None;
        for _ in 0..300 {
            match self.relay(target).await {
                Ok(answered) => return answered,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never answered: {last:?}");
    }

    /// Relays without pause until `stop`; refusals are passed over.
    pub(crate) async fn load(&self, target: &Target, at_a_time: usize, stop: &CancellationToken) -> Ledger {
        let mut ledger = Ledger::default();
        let answers = futures::stream::repeat(())
            .take_until(stop.cancelled())
            .map(|()| async {
                let answer = self.relay(target).await;
                if answer.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                answer
            })
            .buffer_unordered(at_a_time);
        let mut answers = pin!(answers);
        while let Some(answer) = answers.next().await {
            if let Ok((request, mined)) = answer {
                ledger.enter(&request, mined);
            }
        }
        ledger
    }
}

/// Every supplier of a pool at one relayer.
pub(crate) fn targets(stage: &Stage, suppliers: &[String], url: &str) -> Vec<Target> {
    let target = |name: &String| {
        let key = stage.key(name);
        Target { url: url.to_owned(), supplier: key.address().clone(), key: *key.public_key() }
    };
    suppliers.iter().map(target).collect()
}
