use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use crate::listener::body::BodyError;
use crate::pipeline::{Budget, Share};
use crate::refusal::Refusal;

/// What is known of the body of a call beside its messages.
#[derive(Debug)]
pub(super) struct Watch {
    budget: Arc<Budget>,
    /// What the message that is coming has of the memory for bodies.
    share: Mutex<Share>,
    broken: AtomicBool,
    heavy: AtomicBool,
}

/// A body that is watched, and weighed before it is kept.
#[derive(Debug)]
pub(super) struct Watched<B> {
    body: B,
    watch: Arc<Watch>,
}

impl Watch {
    pub(super) fn new(budget: &Arc<Budget>) -> Arc<Self> {
        let share = Mutex::new(budget.share());
        Arc::new(Self {
            budget: Arc::clone(budget),
            share,
            broken: AtomicBool::default(),
            heavy: AtomicBool::default(),
        })
    }

    pub(super) fn body<B>(self: &Arc<Self>, body: B) -> Watched<B> {
        Watched { body, watch: Arc::clone(self) }
    }

    /// Whether the caller broke off instead of coming to an end: what reads the messages does not tell the difference.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Whether there was no memory for what came.
    pub(super) fn is_heavy(&self) -> bool {
        self.heavy.load(Ordering::Relaxed)
    }

    /// A message is complete. From here on its relay has the share for it, and the next message begins with none.
    pub(super) fn weigh(&self, message: &Bytes) -> Result<Share, Refusal> {
        *self.share.lock().unwrap_or_else(PoisonError::into_inner) = self.budget.share();
        let mut share = self.budget.share();
        if share.grow(message.len()) { Ok(share) } else { Err(Refusal::Overloaded) }
    }

    fn grow(&self, bytes: usize) -> bool {
        let grown = self.share.lock().unwrap_or_else(PoisonError::into_inner).grow(bytes);
        self.heavy.fetch_or(!grown, Ordering::Relaxed);
        grown
    }
}

impl<B: Body<Data = Bytes, Error: Into<BodyError>> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) if self.watch.grow(frame.data_ref().map_or(0, Bytes::len)) => Ok(frame),
            Ok(_) => Err("there is no memory for this message".into()),
            Err(error) => {
                self.watch.broken.store(true, Ordering::Relaxed);
                Err(error.into())
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    type Pieces = Vec<Result<Frame<Bytes>, &'static str>>;

    fn body(pieces: Pieces) -> impl Body<Data = Bytes, Error = &'static str> + Unpin {
        StreamBody::new(futures::stream::iter(pieces))
    }

    fn piece(bytes: usize) -> Frame<Bytes> {
        Frame::data(Bytes::from(vec![0; bytes]))
    }

    #[tokio::test]
    async fn no_more_is_kept_than_there_is_memory_for() {
        let budget = Budget::new(10);
        let watch = Watch::new(&budget);
        let mut heavy = watch.body(body(vec![Ok(piece(6)), Ok(piece(5))]));
        assert!(heavy.frame().await.unwrap().is_ok());
        assert!(heavy.frame().await.unwrap().is_err() && watch.is_heavy() && !watch.is_broken());
        drop((heavy, watch));

        let watch = Watch::new(&budget);
        let mut light = watch.body(body(vec![Ok(piece(6)), Ok(piece(4)), Ok(piece(1))]));
        assert!(light.frame().await.unwrap().is_ok());
        let relay = watch.weigh(&Bytes::from_static(b"sixsix")).unwrap();
        assert!(light.frame().await.unwrap().is_ok(), "the next message begins with nothing");
        assert!(watch.weigh(&Bytes::from_static(b"fivef")).is_err(), "the first is not done with");
        drop(relay);
        assert!(light.frame().await.unwrap().is_ok() && !watch.is_heavy());
    }

    #[tokio::test]
    async fn a_break_is_no_end() {
        let budget = Budget::new(10);
        let watch = Watch::new(&budget);
        assert!(watch.body(body(vec![Ok(piece(1))])).collect().await.is_ok() && !watch.is_broken());
        assert!(watch.body(body(vec![Ok(piece(1)), Err("away")])).collect().await.is_err() && watch.is_broken());
    }
}
