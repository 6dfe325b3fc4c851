use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{Either, Full};
use hyper::upgrade::Upgraded;
use tokio::time::Instant;

use super::NoAnswer;
use super::endpoint::Endpoint;
use super::exchange::OutgoingBody;
use super::pool::Pool;
use crate::refusal::BackendFault;

/// Nodes that are tried for one connection.
const MOST_TRIES: usize = 3;
/// However little time is left, a node is not blamed for less.
const LEAST_TIME: Duration = Duration::from_millis(1);

impl Pool {
    /// Opens a connection that is not HTTP any more: the first of some nodes that switches protocols as `agreed` judges by the
    /// headers of its answer. Nothing that counts is sent, so the next node may be tried after one that fails.
    pub(crate) async fn upgrade(
        &self,
        headers: &HeaderMap,
        agreed: impl Fn(&HeaderMap) -> bool,
        deadline: Instant,
    ) -> Result<Upgraded, NoAnswer> {
        let mut last = NoAnswer::AllDown;
        let mut tried = Vec::new();
        while tried.len() < MOST_TRIES {
            let Some(attempt) = self.pick_beside(&tried) else { break };
            tried.push(attempt.endpoint.place);
            let until = deadline.max(Instant::now() + LEAST_TIME);
            let outcome = tokio::time::timeout_at(until, self.switch(&attempt.endpoint, headers, &agreed)).await;
            match outcome.unwrap_or(Err(BackendFault::Timeout)) {
                Ok(upgraded) => {
                    attempt.succeeded();
                    return Ok(upgraded);
                }
                Err(fault) => {
                    attempt.failed(fault);
                    last = NoAnswer::Fault(fault);
                }
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(last)
    }

    async fn switch(
        &self,
        endpoint: &Endpoint,
        headers: &HeaderMap,
        agreed: impl Fn(&HeaderMap) -> bool,
    ) -> Result<Upgraded, BackendFault> {
        let request = self.upgrade_request(endpoint, headers).ok_or(BackendFault::Connection)?;
        let broken = |error: &dyn std::fmt::Display| {
            tracing::debug!(backend = %endpoint.name, %error, "no connection that can be upgraded");
            BackendFault::Connection
        };
        let response = self.connections.request(request).await.map_err(|error| broken(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || !agreed(response.headers()) {
            return Err(broken(&response.status()));
        }
        hyper::upgrade::on(response).await.map_err(|error| broken(&error))
    }

    fn upgrade_request(&self, endpoint: &Endpoint, headers: &HeaderMap) -> Option<Request<OutgoingBody>> {
        let mut request = Request::new(Either::Left(Full::default()));
        *request.uri_mut() = endpoint.target.url("")?;
        let sent = request.headers_mut();
        for (name, value) in &self.headers {
            sent.insert(name, value.clone());
        }
        if let Some(credential) = &endpoint.credential {
            sent.insert(AUTHORIZATION, credential.clone());
        }
        // Those of the protocol itself are never the operator's to choose.
        for (name, value) in headers {
            sent.insert(name, value.clone());
        }
        sent.remove(HOST);
        Some(request)
    }
}
