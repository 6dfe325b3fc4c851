//! Claims, the ground truth about what was submitted. Never cached: a stale "no claim" costs money.

use super::client::{Chain, present};
use super::error::ChainError;
use super::node::{Door, Node};
use crate::address::Address;
use crate::proto::cosmos::base::query::v1beta1::PageRequest;
use crate::proto::pocket::proof::query_all_claims_request::Filter;
use crate::proto::pocket::proof::{Claim, QueryAllClaimsRequest, QueryGetClaimRequest};
use crate::units::{Height, SessionId};

const PAGE: u64 = 100;
const MOST_PAGES: usize = 10_000;

impl Chain {
    /// The claim of a supplier for a session, and the height at which the node answered. That there is none means something
    /// only when that height is high enough.
    pub async fn claim(&self, session: &SessionId, supplier: &Address) -> Result<(Height, Option<Claim>), ChainError> {
        let request = QueryGetClaimRequest {
            session_id: session.as_str().to_owned(),
            supplier_operator_address: supplier.as_str().to_owned(),
        };
        match self.ask(request).await {
            Ok(answer) => Ok((answer.height, Some(present(answer.value.claim, "claim")?))),
            Err(ChainError::NotFound { height, .. }) => Ok((height, None)),
            Err(error) => Err(error),
        }
    }

    /// All claims of a supplier that are not settled yet, all read at one height of one node.
    pub async fn claims_of(&self, supplier: &Address) -> Result<(Height, Vec<Claim>), ChainError> {
        self.failover(Door::Grpc, |node| claims_at(node, supplier)).await
    }
}

async fn claims_at(node: &Node, supplier: &Address) -> Result<(Height, Vec<Claim>), ChainError> {
    let mut height = None;
    let mut key = Vec::new();
    let mut claims = Vec::new();
    for _ in 0..MOST_PAGES {
        let request = QueryAllClaimsRequest {
            pagination: Some(PageRequest { key, limit: PAGE, ..PageRequest::default() }),
            filter: Some(Filter::SupplierOperatorAddress(supplier.as_str().to_owned())),
        };
        let answer = node.ask(request, height).await?;
        height.get_or_insert(answer.height);
        // The chain filters by a key prefix, which a longer address could share.
        let ours = |claim: &Claim| claim.supplier_operator_address == supplier.as_str();
        claims.extend(answer.value.claims.into_iter().filter(ours));
        key = answer.value.pagination.unwrap_or_default().next_key;
        if key.is_empty() {
            return Ok((height.unwrap_or_default(), claims));
        }
    }
    Err(ChainError::Malformed {
        node: node.name.clone(),
        reason: format!("more than {MOST_PAGES} pages of claims of {supplier}"),
    })
}
