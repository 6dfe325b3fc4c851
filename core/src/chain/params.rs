//! Questions whose answers depend on a height that has passed: they are asked once.

use std::sync::Arc;

use super::caches::{Backing, Pinned, codec};
use super::client::{Chain, present};
use super::error::ChainError;
use crate::address::Address;
use crate::proto::pocket::service::{
    QueryComputeUnitsPerRelayAtHeightRequest, QueryGetRelayMiningDifficultyAtHeightRequest,
};
use crate::proto::pocket::session::{QueryGetSessionRequest, Session};
use crate::proto::pocket::shared::{Params, QueryParamsAtHeightRequest};
use crate::units::{ComputeUnits, Height, ServiceId};

const MOST_PARAMS: u64 = 1024;
const MOST_SESSIONS: u64 = 2048;
const MOST_DIFFICULTIES: u64 = 2048;

pub(super) struct HistoryCaches {
    params: Pinned<Arc<Params>>,
    sessions: Pinned<Arc<Session>>,
    difficulties: Pinned<[u8; 32]>,
    compute_units: Pinned<ComputeUnits>,
}

impl HistoryCaches {
    pub(super) fn new(backing: &Arc<Backing>) -> Self {
        let behind = || Arc::clone(backing);
        Self {
            params: Pinned::new("shared_params_at", MOST_PARAMS, Some(codec::SHARED_PARAMS), behind()),
            sessions: Pinned::new("session", MOST_SESSIONS, Some(codec::SESSION), behind()),
            difficulties: Pinned::new("difficulty", MOST_DIFFICULTIES, Some(codec::TARGET), behind()),
            compute_units: Pinned::new("compute_units", MOST_DIFFICULTIES, Some(codec::COMPUTE_UNITS), behind()),
        }
    }
}

impl Chain {
    /// The shared parameters in force at `height`. For a height still to come this is a guess, which is not kept.
    pub async fn params_at(&self, height: Height) -> Result<Arc<Params>, ChainError> {
        let fetch = async {
            let answer = self.ask(QueryParamsAtHeightRequest { height: height.0 }).await?;
            let params = Arc::new(present(answer.value.params, "parameters")?);
            Ok((answer.height, params, height <= answer.height))
        };
        self.shared().history.params.get(height.to_string(), fetch).await
    }

    /// The session of an application and service that `height` lies in, with its suppliers. Pin it to the session's first
    /// block. The chain refuses ([`ChainError::Refused`]) what is not staked, and heights that it has not reached.
    pub async fn session_at(
        &self,
        application: &Address,
        service: &ServiceId,
        height: Height,
    ) -> Result<Arc<Session>, ChainError> {
        let request = QueryGetSessionRequest {
            application_address: application.as_str().to_owned(),
            service_id: service.as_str().to_owned(),
            block_height: height.0,
        };
        let fetch = async {
            let answer = self.ask(request).await?;
            let session = Arc::new(present(answer.value.session, "session")?);
            Ok((answer.height, session, height.0 > 0 && height <= answer.height))
        };
        self.shared().history.sessions.get(format!("{application}:{service}:{height}"), fetch).await
    }

    /// The relay difficulty of a service at `height`, normally a session's first block: a relay counts when its hash is
    /// below this target.
    pub async fn difficulty_at(&self, service: &ServiceId, height: Height) -> Result<[u8; 32], ChainError> {
        let request = QueryGetRelayMiningDifficultyAtHeightRequest {
            service_id: service.as_str().to_owned(),
            block_height: height.0,
        };
        let fetch = async {
            let answer = self.ask(request).await?;
            let difficulty = present(answer.value.relay_mining_difficulty, "difficulty")?;
            let length = difficulty.target_hash.len();
            let target = <[u8; 32]>::try_from(difficulty.target_hash).map_err(|_| ChainError::Malformed {
                node: String::new(),
                reason: format!("a difficulty target of {length} bytes, expected 32"),
            })?;
            Ok((answer.height, target, height <= answer.height))
        };
        self.shared().history.difficulties.get(format!("{service}:{height}"), fetch).await
    }

    /// The compute units that one relay of a service weighs at `height`, normally a session's first block.
    /// [`ChainError::Unimplemented`] from nodes before v0.1.35: ask [`Chain::service`] there.
    pub async fn compute_units_at(&self, service: &ServiceId, height: Height) -> Result<ComputeUnits, ChainError> {
        let request = QueryComputeUnitsPerRelayAtHeightRequest {
            service_id: service.as_str().to_owned(),
            block_height: height.0,
        };
        let fetch = async {
            let answer = self.ask(request).await?;
            Ok((answer.height, ComputeUnits(answer.value.compute_units_per_relay), height <= answer.height))
        };
        self.shared().history.compute_units.get(format!("{service}:{height}"), fetch).await
    }
}
