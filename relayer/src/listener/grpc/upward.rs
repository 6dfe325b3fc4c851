use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Either, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::Around;
use crate::backend::OutgoingBody;
use crate::listener::Listener;
use crate::pipeline::{Channel, Exchange, Received};

/// A piece of the call's body. Only [`Piece::End`] ends it properly: where pieces just stop coming, the node sees a broken call
/// and not a finished one.
pub(super) enum Piece {
    Bytes(Bytes),
    End,
}

pub(super) type Pieces = mpsc::Sender<Piece>;

/// How the caller's side of a stream came to its end.
pub(super) enum Ended {
    /// The caller has said everything.
    Finished,
    /// It broke off. As long as this is held, the node does not know.
    Broken(Pieces),
}

/// The body of a call to the node, and where its pieces are put. One piece waits at most: a node that does not read holds
/// the caller back.
pub(super) fn body() -> (Pieces, OutgoingBody) {
    let (pieces, coming) = mpsc::channel(1);
    let frames = stream::unfold(Some(coming), |coming: Option<mpsc::Receiver<Piece>>| async {
        let mut coming = coming?;
        match coming.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(Frame::data(bytes)), Some(coming))),
            Some(Piece::End) => None,
            None => Some((Err("the call was broken off".into()), None)),
        }
    });
    (pieces, Either::Right(StreamBody::new(frames).boxed_unsync()))
}

/// The requests of a stream after the first.
pub(super) struct Upward {
    pub(super) listener: Arc<Listener>,
    pub(super) requests: Streaming<Bytes>,
    pub(super) around: Around,
    pub(super) broken: Arc<AtomicBool>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) pieces: Pieces,
}

impl Upward {
    /// Passes them to the node, each only after it was verified as a relay is.
    pub(super) async fn run(mut self) -> Result<Ended, Status> {
        loop {
            let message = self.requests.message().await.map_err(|status| self.listener.unreadable(&status))?;
            let Some(body) = message else { break };
            let more = self.verified(body).await?;
            if !more.is_empty() && self.pieces.send(Piece::Bytes(more)).await.is_err() {
                // The node takes no more; what it says about that is the answer.
                return Ok(Ended::Finished);
            }
        }
        if self.broken.load(Ordering::Relaxed) {
            return Ok(Ended::Broken(self.pieces));
        }
        // A node that takes no more need not hear that this is all.
        let _ = self.pieces.send(Piece::End).await;
        Ok(Ended::Finished)
    }

    async fn verified(&self, body: Bytes) -> Result<Bytes, Status> {
        let place = self.listener.place().map_err(|refusal| self.listener.refused_early(&refusal))?;
        let (arrival, at) = (self.listener.pipeline.feed.height(), Instant::now());
        let refusable = body.clone();
        let headers = self.around.headers.clone();
        let received = Received { channel: Channel::Grpc, body, headers, arrival, at, place };
        let verified = self.listener.pipeline.verify(received).await;
        let (_, verified) = verified.map_err(|refusal| self.listener.grpc_refusal(&refusal, &refusable))?;
        let label = Arc::clone(&verified.question.service.label);
        self.exchange.go_on(verified).map_err(|stray| self.listener.stray(&label, stray))
    }
}
