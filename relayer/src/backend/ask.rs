use std::pin::pin;

use futures::future::{self, Either as Either2};
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Either, LengthLimitError, Limited};
use hyper::body::Incoming;
use relay_core::relay::RpcType;
use relay_core::relay::envelope::HttpRequest;
use tokio::time::{Instant, timeout_at};

use super::endpoint::Attempt;
use super::exchange::OutgoingBody;
use super::inflate::{TooLarge, inflate};
use super::pool::Pool;
use super::request::{self, Origin, Prepared};
use super::slots::Slot;
use super::{Answer, Failure, NoAnswer, Reply, StreamedAnswer, retry};
use crate::refusal::BackendFault;

impl Pool {
    /// Asks, and waits for the answer until `deadline`: all of it, or its headers if it is a stream. Other endpoints are asked
    /// when one fails, if that is safe, all before `deadline`.
    pub(crate) async fn ask(
        &self,
        call: HttpRequest,
        origin: &Origin<'_>,
        deadline: Instant,
    ) -> Result<Reply, NoAnswer> {
        // Whatever cannot be sent anywhere is the caller's fault: no endpoint hears of it.
        let prepared = request::prepare(call, origin, self.rpc_type, &self.headers);
        let prepared = prepared.ok_or(NoAnswer::Fault(BackendFault::Request))?;
        let slot = self.slot(deadline).await?;
        let (mut tried, mut no_answer) = (Vec::new(), NoAnswer::AllDown);
        for retries in 0..=self.max_retries {
            let Some(attempt) = self.pick_beside(&tried) else { break };
            tried.push(attempt.endpoint.place);
            match self.hedged(attempt, &prepared, deadline, &mut tried).await {
                Ok(reply) => return Ok(reply.after(retries, slot)),
                Err(failure) => {
                    no_answer = failure.no_answer;
                    let is_repeatable = || retry::is_repeatable(self.rpc_type, &prepared.method, &prepared.body);
                    if Instant::now() >= deadline || !retry::allows(self.retry, failure, is_repeatable) {
                        break;
                    }
                }
            }
        }
        if no_answer == NoAnswer::AllDown {
            self.meter.fast_fails.inc();
        }
        Err(no_answer)
    }

    /// Asks one endpoint once, and says nothing about how it went: it counts neither for nor against it.
    pub(crate) async fn ask_once(
        &self,
        call: HttpRequest,
        origin: &Origin<'_>,
        deadline: Instant,
    ) -> Result<Reply, NoAnswer> {
        let unsendable = NoAnswer::Fault(BackendFault::Request);
        let prepared = request::prepare(call, origin, self.rpc_type, &self.headers).ok_or(unsendable)?;
        let slot = self.slot(deadline).await?;
        let mut attempt = self.pick().ok_or(NoAnswer::AllDown)?;
        let request = attempt.endpoint.request(prepared).ok_or(unsendable)?.map(Either::Left);
        let response = self.send(request, deadline).await.map_err(|failure| failure.no_answer)?;
        if is_stream(response.headers()) {
            attempt.slot = Some(slot);
            return Ok(Reply::Stream(StreamedAnswer::of(response, attempt)));
        }
        let whole = timeout_at(deadline, self.whole(response)).await.unwrap_or(Err(Failure::SLOW));
        whole.map(Reply::Whole).map_err(|failure| failure.no_answer)
    }

    /// Sends the head of a call and a body that comes bit by bit, and waits for the headers of the answer until `deadline`.
    /// What has begun to leave cannot be asked again.
    pub(crate) async fn open(
        &self,
        head: HttpRequest,
        body: OutgoingBody,
        origin: &Origin<'_>,
        deadline: Instant,
    ) -> Result<StreamedAnswer, NoAnswer> {
        let unsendable = NoAnswer::Fault(BackendFault::Request);
        let prepared = request::prepare(head, origin, self.rpc_type, &self.headers).ok_or(unsendable)?;
        let slot = self.slot(deadline).await?;
        let Some(mut attempt) = self.pick() else {
            self.meter.fast_fails.inc();
            return Err(NoAnswer::AllDown);
        };
        let (parts, _) = attempt.endpoint.request(prepared).ok_or(unsendable)?.into_parts();
        let sent = self.send(http::Request::from_parts(parts, body), deadline).await;
        match sent {
            Ok(response) => {
                self.meter.asked("success", Some(response.status().as_u16()));
                attempt.slot = Some(slot);
                Ok(StreamedAnswer::of(response, attempt))
            }
            Err(failure) => {
                self.failed(attempt, failure);
                Err(failure.no_answer)
            }
        }
    }

    async fn slot(&self, deadline: Instant) -> Result<Slot, NoAnswer> {
        let (slot, waited) = self.slots.take(deadline).await.map_err(|_| NoAnswer::Busy)?;
        self.meter.wait.observe(waited.as_secs_f64());
        Ok(slot)
    }

    /// One attempt; a second one beside it when the first is slow, if so configured and safe. The first good answer counts, and
    /// the other exchange is given up, which blames nobody.
    async fn hedged(
        &self,
        attempt: Attempt,
        prepared: &Prepared,
        deadline: Instant,
        tried: &mut Vec<usize>,
    ) -> Result<Reply, Failure> {
        let first = self.once(attempt, prepared.clone(), deadline);
        let is_safe = || retry::is_repeatable(self.rpc_type, &prepared.method, &prepared.body);
        let Some(after) = self.hedge_after.filter(|_| is_safe()) else { return first.await };
        let mut first = pin!(first);
        if let Ok(outcome) = tokio::time::timeout(after, &mut first).await {
            return outcome;
        }
        // Both need a place: the bound on requests in progress holds for hedges, too.
        let Some(_slot) = self.slots.try_take() else { return first.await };
        let Some(beside) = self.pick_beside(tried) else { return first.await };
        tried.push(beside.endpoint.place);
        let second = pin!(self.once(beside, prepared.clone(), deadline));
        match future::select(first, second).await {
            Either2::Left((Err(_), second)) => second.await,
            Either2::Right((Err(_), first)) => first.await,
            Either2::Left((reply, _)) | Either2::Right((reply, _)) => reply,
        }
    }

    /// One endpoint, asked once.
    async fn once(&self, attempt: Attempt, prepared: Prepared, deadline: Instant) -> Result<Reply, Failure> {
        let request = attempt.endpoint.request(prepared).ok_or(Failure::UNSENDABLE)?.map(Either::Left);
        let outcome = async {
            let response = self.send(request, deadline).await?;
            if is_stream(response.headers()) {
                return Ok(Either2::Right(response));
            }
            let whole = timeout_at(deadline, self.whole(response)).await;
            whole.unwrap_or(Err(Failure::SLOW)).map(Either2::Left)
        };
        match outcome.await {
            Ok(reply) => {
                let status = match &reply {
                    Either2::Left(answer) => answer.status,
                    Either2::Right(response) => response.status(),
                };
                self.meter.asked("success", Some(status.as_u16()));
                Ok(match reply {
                    Either2::Left(answer) => {
                        attempt.succeeded();
                        Reply::Whole(answer)
                    }
                    Either2::Right(response) => Reply::Stream(StreamedAnswer::of(response, attempt)),
                })
            }
            Err(failure) => {
                self.failed(attempt, failure);
                Err(failure)
            }
        }
    }

    fn failed(&self, attempt: Attempt, failure: Failure) {
        let status = match failure.no_answer {
            NoAnswer::Status(status) => Some(status.as_u16()),
            _ => None,
        };
        self.meter.asked(failure.no_answer.outcome(), status);
        attempt.gave(failure.no_answer);
    }

    /// The headers of an answer below 500.
    async fn send(
        &self,
        request: http::Request<OutgoingBody>,
        deadline: Instant,
    ) -> Result<http::Response<Incoming>, Failure> {
        let deadline = self.headers_within.map_or(deadline, |within| deadline.min(Instant::now() + within));
        let response = timeout_at(deadline, self.connections.send(request)).await.unwrap_or(Err(Failure::SLOW))?;
        let status = response.status();
        if status.is_server_error() {
            return Err(Failure { no_answer: NoAnswer::Status(status), sent: true });
        }
        Ok(response)
    }

    /// The whole of an answer.
    async fn whole(&self, response: http::Response<Incoming>) -> Result<Answer, Failure> {
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, self.most_bytes)
            .collect()
            .await
            .map_err(|error| if error.is::<LengthLimitError>() { Failure::LARGE } else { Failure::BROKEN })?;
        let (status, mut headers) = (parts.status, parts.headers);
        let body = if self.rpc_type == RpcType::Grpc {
            headers.extend(body.trailers().cloned().unwrap_or_default());
            body.to_bytes()
        } else {
            inflate(&mut headers, body.to_bytes(), self.most_bytes).map_err(|TooLarge| Failure::LARGE)?
        };
        Ok(Answer { status, headers, body, retries: 0 })
    }
}

/// Server-sent events and newline-delimited JSON are passed on as they come.
fn is_stream(headers: &http::HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    ["text/event-stream", "application/x-ndjson"].iter().any(|stream| media_type.eq_ignore_ascii_case(stream))
}
