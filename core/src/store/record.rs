//! What miners write down about sessions.

use redis::{Pipeline, cmd};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::error;

use super::command::Call;
use super::{Fence, Store, StoreError, scripts};
use crate::address::Address;
use crate::units::SessionId;

/// Records that one round trip asks for.
const RECORDS_A_ROUND: usize = 500;

impl Store {
    /// The records of a supplier's sessions that have not ended, in order of session ids.
    ///
    /// A record that cannot be read is left out and reported in the log.
    pub async fn records<R: DeserializeOwned>(&self, supplier: &Address) -> Result<Vec<(SessionId, R)>, StoreError> {
        let mut sessions: Vec<SessionId> = self.session_ids(supplier).await?;
        sessions.sort_unstable();
        self.read_records(supplier, sessions).await
    }

    /// The records of the last sessions that ended, youngest first, for people to look at.
    pub async fn ended<R: DeserializeOwned>(
        &self,
        supplier: &Address,
        count: usize,
    ) -> Result<Vec<(SessionId, R)>, StoreError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut command = cmd("LRANGE");
        command.arg(self.shared.keys.ended(supplier)).arg(0).arg(count - 1);
        let sessions: Vec<String> = self.shared.link.run(&command).await?;
        self.read_records(supplier, sessions.into_iter().map(SessionId::from).collect()).await
    }

    /// Writes the record of a session.
    pub async fn put_record<R: Serialize>(
        &self,
        fence: &Fence,
        supplier: &Address,
        session: &SessionId,
        record: &R,
    ) -> Result<(), StoreError> {
        self.put_records(fence, supplier, &[(session, record)]).await
    }

    /// Writes the records of several sessions of a supplier, all or none.
    pub async fn put_records<R: Serialize>(
        &self,
        fence: &Fence,
        supplier: &Address,
        records: &[(&SessionId, &R)],
    ) -> Result<(), StoreError> {
        let keys = &self.shared.keys;
        let mut call = Call::new(&scripts::WRITE_RECORD)
            .key(keys.lease(supplier))
            .key(keys.sessions(supplier))
            .argument(fence.to_string());
        for (session, record) in records {
            let body = serde_json::to_string(record).map_err(|error| StoreError::malformed("a record", error))?;
            call = call.key(keys.record(supplier, session)).argument(session.as_str()).argument(body);
        }
        self.shared.link.call::<u64>(call).await.map(|_| ())
    }

    /// Cuts off appends to a session; later ones are late. `true` when this call did it, `false` when it was closed before.
    pub async fn close(&self, fence: &Fence, supplier: &Address, session: &SessionId) -> Result<bool, StoreError> {
        let keys = &self.shared.keys;
        let call = Call::new(&scripts::CLOSE)
            .key(keys.lease(supplier))
            .key(keys.sessions(supplier))
            .key(keys.record(supplier, session))
            .argument(fence.to_string())
            .argument(session.as_str());
        Ok(self.shared.link.call::<u8>(call).await? == 1)
    }

    /// Whether a session takes no more appends: it is closed, or has ended.
    pub async fn is_closed(&self, supplier: &Address, session: &SessionId) -> Result<bool, StoreError> {
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("HEXISTS").arg(self.shared.keys.record(supplier, session)).arg("closed");
        pipeline.cmd("EXISTS").arg(self.shared.keys.closed(supplier, session));
        let (marked, ended): (bool, bool) = self.shared.link.pipe(&pipeline).await?;
        Ok(marked || ended)
    }

    async fn session_ids(&self, supplier: &Address) -> Result<Vec<SessionId>, StoreError> {
        let ids: Vec<String> = self.shared.link.run(cmd("HKEYS").arg(self.shared.keys.sessions(supplier))).await?;
        Ok(ids.into_iter().map(SessionId::from).collect())
    }

    async fn read_records<R: DeserializeOwned>(
        &self,
        supplier: &Address,
        sessions: Vec<SessionId>,
    ) -> Result<Vec<(SessionId, R)>, StoreError> {
        let mut records = Vec::with_capacity(sessions.len());
        for round in sessions.chunks(RECORDS_A_ROUND) {
            let mut pipeline = Pipeline::with_capacity(round.len());
            for session in round {
                pipeline.cmd("HGET").arg(self.shared.keys.record(supplier, session)).arg("body");
            }
            let bodies: Vec<Option<String>> = self.shared.bulk.pipe(&pipeline).await?;
            for (session, body) in round.iter().zip(bodies) {
                let Some(body) = body else { continue };
                match serde_json::from_str(&body) {
                    Ok(record) => records.push((session.clone(), record)),
                    Err(error) => error!(%supplier, %session, %error, "the record of a session cannot be read"),
                }
            }
        }
        Ok(records)
    }
}
