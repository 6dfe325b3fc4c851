use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Status;

use super::ending::at;
use super::frames::{Frames, TooLarge};
use super::is_grpc;
use super::upward::{Ended, Pieces};
use crate::backend::StreamedAnswer;
use crate::pipeline::{Exchange, Pipeline};
use crate::refusal::{BackendFault, Refusal};

/// The node's side of a stream: what it says is signed, recorded, and passed to the caller.
pub(super) struct Downward<'a, E> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) exchange: &'a Exchange,
    pub(super) label: &'a Arc<str>,
    pub(super) answers: mpsc::Sender<Result<Bytes, Status>>,
    pub(super) upward: JoinSet<Ended>,
    pub(super) ending: Pin<&'a mut E>,
    pub(super) caller: Caller,
}

/// How far the caller is.
#[derive(Default)]
pub(super) enum Caller {
    #[default]
    Speaks,
    /// It has said everything, and waits.
    Listens,
    /// It says and hears nothing more. The node is not told before it has answered what it owes.
    Gone(Option<Pieces>),
}

/// Why a stream ends before the node ends it.
pub(super) enum Break {
    /// Nobody is there any more, and nothing is owed.
    Gone,
    /// It was cut, or a request was refused.
    Cut(Status),
    /// The node failed.
    Node(BackendFault),
    /// A message cannot be a relay now.
    Refused(Refusal),
}

impl<E: Future<Output = Status>> Downward<'_, E> {
    /// Passes on all messages of an answer, and its trailers.
    pub(super) async fn pass_on(&mut self, answer: StreamedAnswer) -> Result<(), Break> {
        let StreamedAnswer { status, headers, body, retries: _, attempt } = answer;
        let most = self.exchange.most_bytes();
        let passed = if is_grpc(&headers) {
            self.messages(status, headers, body, most).await
        } else {
            self.whole(status, headers, body, most).await
        };
        match &passed {
            Err(Break::Node(fault)) => attempt.failed(*fault),
            _ => attempt.succeeded(),
        }
        passed
    }

    async fn messages(
        &mut self,
        status: StatusCode,
        headers: HeaderMap,
        mut body: Incoming,
        most: usize,
    ) -> Result<(), Break> {
        let (mut frames, mut head, mut trailers) = (Frames::new(most), Some(headers), HeaderMap::new());
        while let Some(frame) = self.wait(body.frame()).await? {
            let frame = frame.map_err(|_| Break::Node(BackendFault::Connection))?;
            match frame.into_data() {
                Ok(data) => frames.push(&data),
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
            // Many may have come at once, and meanwhile the stream may break.
            while let Some(message) = frames.next().map_err(|TooLarge| Break::Node(BackendFault::TooLarge))? {
                self.wait(std::future::ready(())).await?;
                self.give(status, head.take().unwrap_or_default(), message).await?;
            }
        }
        if !frames.is_empty() {
            return Err(Break::Node(BackendFault::Connection));
        }
        if let Some(mut head) = head {
            // The node answered without a message: its status is what is paid for.
            head.extend(trailers);
            return self.give(status, head, Bytes::new()).await;
        }
        let end = self.exchange.end(status, trailers).map_err(Break::Refused)?;
        self.send(end.response).await
    }

    /// Something that speaks no gRPC answered. It is passed on as it is, in one piece.
    async fn whole(
        &mut self,
        status: StatusCode,
        headers: HeaderMap,
        body: Incoming,
        most: usize,
    ) -> Result<(), Break> {
        let body = self.wait(Limited::new(body, most).collect()).await?;
        let body = body.map_err(|error| {
            let too_large = error.is::<LengthLimitError>();
            Break::Node(if too_large { BackendFault::TooLarge } else { BackendFault::Connection })
        })?;
        self.give(status, headers, body.to_bytes()).await
    }

    /// From here on nothing interrupts: the message becomes a relay, and only then leaves.
    async fn give(&mut self, status: StatusCode, headers: HeaderMap, message: Bytes) -> Result<(), Break> {
        let recorded = self.exchange.answer(status, headers, message, self.pipeline).await.map_err(Break::Refused)?;
        self.pipeline.metrics.grpc.answered(self.label, recorded.published);
        self.send(recorded.response).await
    }

    /// What is signed leaves, unless the caller does not take it and the stream breaks meanwhile.
    async fn send(&mut self, response: Bytes) -> Result<(), Break> {
        let answers = self.answers.clone();
        let sent = tokio::select! {
            biased;
            sent = answers.send(Ok(response)) => sent,
            broken = self.broken() => return Err(broken),
        };
        if sent.is_err() {
            self.leave(None);
        }
        Ok(())
    }

    /// Waits for something of the stream itself, unless it breaks before.
    pub(super) async fn wait<T>(&mut self, what: impl Future<Output = T>) -> Result<T, Break> {
        tokio::select! {
            biased;
            broken = self.broken() => Err(broken),
            done = what => Ok(done),
        }
    }

    /// Breaks the call to the node off, so that it does not take what it has for all.
    pub(super) fn break_off(&mut self) {
        self.upward.abort_all();
        self.caller = Caller::Gone(None);
    }

    /// Waits for whatever breaks the stream. May be dropped and called again: what it learns is kept.
    async fn broken(&mut self) -> Break {
        loop {
            let owed = self.exchange.owed_by();
            let (gone, speaks) = (matches!(self.caller, Caller::Gone(_)), matches!(self.caller, Caller::Speaks));
            if gone && owed.is_none() {
                return Break::Gone;
            }
            tokio::select! {
                status = self.ending.as_mut() => return Break::Cut(status),
                Some(ended) = self.upward.join_next() => match ended {
                    Ok(Ended::Finished) if gone => {}
                    Ok(Ended::Finished) => self.caller = Caller::Listens,
                    Ok(Ended::Broken(pieces)) => self.leave(Some(pieces)),
                    Ok(Ended::Refused(status, pieces)) => {
                        self.leave(Some(pieces));
                        return Break::Cut(status);
                    }
                    Err(_) => return Break::Cut(Status::internal("internal server error")),
                },
                () = self.answers.closed(), if !gone => self.leave(None),
                // A caller that still speaks is in no hurry.
                () = at(owed), if !speaks => {
                    if self.exchange.owed_by().is_some_and(|owed| owed <= Instant::now()) {
                        return Break::Node(BackendFault::Timeout);
                    }
                }
            }
        }
    }

    fn leave(&mut self, pieces: Option<Pieces>) {
        let held = match std::mem::take(&mut self.caller) {
            Caller::Gone(held) => held,
            Caller::Speaks | Caller::Listens => None,
        };
        self.caller = Caller::Gone(pieces.or(held));
    }
}
