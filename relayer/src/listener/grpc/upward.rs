use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Either, StreamBody};
use hyper::body::Frame;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::Around;
use super::watched::Watch;
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

/// How the caller's side of a stream came to its end. As long as the pieces are held, the node does not know of a bad one.
pub(super) enum Ended {
    /// The caller has said everything.
    Finished,
    /// It broke off.
    Broken(Pieces),
    /// A request was refused.
    Refused(Status, Pieces),
}

/// The body of a call to the node, where its pieces are put, and what ends when nobody reads it any more. One piece waits at
/// most: a node that does not read holds the caller back.
pub(super) fn body() -> (Pieces, OutgoingBody, oneshot::Receiver<()>) {
    let (pieces, coming) = mpsc::channel(1);
    let (read, unread) = oneshot::channel::<()>();
    let frames = stream::unfold(Some((coming, read)), |coming: Option<(mpsc::Receiver<Piece>, _)>| async {
        let (mut coming, read) = coming?;
        match coming.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(Frame::data(bytes)), Some((coming, read)))),
            Some(Piece::End) => None,
            None => Some((Err("the call was broken off".into()), None)),
        }
    });
    (pieces, Either::Right(StreamBody::new(frames).boxed_unsync()), unread)
}

/// The requests of a stream after the first.
pub(super) struct Upward {
    pub(super) listener: Arc<Listener>,
    pub(super) requests: Streaming<Bytes>,
    pub(super) around: Around,
    pub(super) watch: Arc<Watch>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) pieces: Pieces,
}

impl Upward {
    /// Passes them to the node, each only after it was verified as a relay is.
    pub(super) async fn run(mut self) -> Ended {
        loop {
            match self.next().await {
                Ok(Some(more)) => {
                    if self.pieces.send(Piece::Bytes(more)).await.is_err() {
                        // A node that takes no more says why, and that is the answer.
                        return Ended::Finished;
                    }
                }
                Ok(None) if self.watch.is_broken() => return Ended::Broken(self.pieces),
                Ok(None) => break,
                Err(status) => return Ended::Refused(status, self.pieces),
            }
        }
        // A node that takes no more need not hear that this is all.
        let _ = self.pieces.send(Piece::End).await;
        Ended::Finished
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        match self.requests.message().await {
            Ok(Some(body)) => self.verified(body).await.map(Some),
            Ok(None) => Ok(None),
            Err(_) if self.watch.is_broken() => Ok(None),
            Err(status) => Err(self.listener.unreadable(&status, &self.watch)),
        }
    }

    async fn verified(&self, body: Bytes) -> Result<Bytes, Status> {
        let place = self.listener.place_for(&body, &self.watch)?;
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
