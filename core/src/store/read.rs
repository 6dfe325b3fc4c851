//! Out of the log: what sessions there are, how far they have grown, and their relays.

use std::collections::HashMap;

use redis::{Pipeline, cmd};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::entry::Entries;
use super::{EntryId, LogEntry, Store, StoreError};
use crate::address::Address;
use crate::session::SessionHeader;
use crate::units::{Height, ServiceId, SessionId};

/// Suppliers whose state one round trip asks for.
const SUPPLIERS_A_ROUND: usize = 200;

/// A session that has relays in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// As its first relay declared it.
    pub header: SessionHeader,
    /// Number of appended relays, repeated ones included.
    pub appended: u64,
}

/// The sessions of a supplier, in order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplierHeads {
    /// Whose.
    pub supplier: Address,
    /// Those that have not ended.
    pub sessions: Vec<SessionSummary>,
}

/// A session header as it stands in Redis; the id is the name of the field.
#[derive(Serialize, Deserialize)]
struct Registration {
    application: Address,
    service: ServiceId,
    start: Height,
    end: Height,
}

pub(super) fn registration(session: &SessionHeader) -> Result<String, StoreError> {
    let value = Registration {
        application: session.application.clone(),
        service: session.service.clone(),
        start: session.start,
        end: session.end,
    };
    serde_json::to_string(&value).map_err(|error| StoreError::malformed("a session header", error))
}

impl Store {
    /// The sessions of these suppliers and how many relays each has, in the order of the suppliers.
    pub async fn poll(&self, suppliers: &[Address]) -> Result<Vec<SupplierHeads>, StoreError> {
        let mut all = Vec::with_capacity(suppliers.len());
        for round in suppliers.chunks(SUPPLIERS_A_ROUND) {
            let mut pipeline = Pipeline::with_capacity(2 * round.len());
            for supplier in round {
                pipeline.cmd("HGETALL").arg(self.shared.keys.sessions(supplier));
                pipeline.cmd("HGETALL").arg(self.shared.keys.head(supplier));
            }
            let answers: Vec<HashMap<String, String>> = self.shared.link.pipe(&pipeline).await?;
            for (supplier, answer) in round.iter().zip(answers.chunks_exact(2)) {
                all.push(SupplierHeads {
                    supplier: supplier.clone(),
                    sessions: summaries(supplier, &answer[0], &answer[1]),
                });
            }
        }
        Ok(all)
    }

    /// At most `count` entries after `after`, or from the first one. Fewer means that this was the end for now.
    pub async fn read_log(
        &self,
        supplier: &Address,
        session: &SessionId,
        after: Option<EntryId>,
        count: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut command = cmd("XRANGE");
        command.arg(self.shared.keys.log(supplier, session));
        command.arg(after.map_or_else(|| "-".to_owned(), |id| format!("({id}"))).arg("+").arg("COUNT").arg(count);
        self.shared.bulk.run::<Entries>(&command).await.map(|entries| entries.0)
    }

    /// One entry, if it is still there.
    pub async fn entry(
        &self,
        supplier: &Address,
        session: &SessionId,
        id: EntryId,
    ) -> Result<Option<LogEntry>, StoreError> {
        let mut command = cmd("XRANGE");
        command.arg(self.shared.keys.log(supplier, session)).arg(id.to_string()).arg(id.to_string());
        self.shared.bulk.run::<Entries>(&command).await.map(|mut entries| entries.0.pop())
    }

    /// Number of entries, repeated relays included.
    pub async fn log_length(&self, supplier: &Address, session: &SessionId) -> Result<u64, StoreError> {
        self.shared.link.run(cmd("XLEN").arg(self.shared.keys.log(supplier, session))).await
    }
}

/// A registration that cannot be read is left out, so that it does not hide the others.
fn summaries(
    supplier: &Address,
    sessions: &HashMap<String, String>,
    head: &HashMap<String, String>,
) -> Vec<SessionSummary> {
    let mut summaries: Vec<SessionSummary> = Vec::with_capacity(sessions.len());
    for (id, text) in sessions {
        match serde_json::from_str::<Registration>(text) {
            Ok(Registration { application, service, start, end }) => {
                let header = SessionHeader { application, service, id: id.as_str().into(), start, end };
                let appended = head.get(id).and_then(|count| count.parse().ok()).unwrap_or_default();
                summaries.push(SessionSummary { header, appended });
            }
            Err(error) => warn!(%supplier, session = %id, %error, "a session in Redis has no readable header"),
        }
    }
    summaries.sort_unstable_by(|a, b| a.header.id.cmp(&b.header.id));
    summaries
}
