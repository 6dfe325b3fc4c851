use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

/// What goes on on a connection: whether it is in the middle of something that must not be taken apart.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests that began, ever.
    begun: AtomicUsize,
    /// Of these, those whose answer has not left as a whole.
    in_progress: AtomicUsize,
    /// How many had begun at the last look.
    seen: AtomicUsize,
    /// Bytes of an answer wait for the peer to take them.
    writing: AtomicBool,
    /// Not all of the newest request was read, as far as is known: whoever reads it to its end says so.
    unread: AtomicBool,
}

/// A request in progress.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Activity {
    /// A request begins, and is in progress until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.unread.store(true, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// The newest request was read to its end.
    pub(super) fn has_read(&self) {
        self.unread.store(false, Ordering::Relaxed);
    }

    pub(super) fn set_writing(&self, waits: bool) {
        self.writing.store(waits, Ordering::Relaxed);
    }

    /// Whether nothing has happened since the last look, every request was read and answered, and every answer has left.
    pub(super) fn may_rest(&self) -> bool {
        let begun = self.begun();
        let quiet = self.seen.swap(begun, Ordering::Relaxed) == begun && begun > 0;
        let busy = self.in_progress.load(Ordering::Relaxed) > 0
            || self.writing.load(Ordering::Relaxed)
            || self.unread.load(Ordering::Relaxed);
        quiet && !busy
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that keeps its request in progress until it has left.
#[derive(Debug)]
pub(super) struct Held<B> {
    body: B,
    _busy: Busy,
}

impl<B> Held<B> {
    pub(super) fn new(body: B, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl<B: Body + Unpin> Body for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_quiet_for_a_whole_look_may_rest() {
        let activity = Arc::new(Activity::default());
        assert!(!activity.may_rest(), "nothing was said yet");
        let busy = activity.begin();
        activity.has_read();
        assert!(!activity.may_rest());
        assert!(!activity.may_rest(), "in progress");
        drop(busy);
        activity.set_writing(true);
        assert!(!activity.may_rest(), "the peer has not taken all of it");
        activity.set_writing(false);
        assert!(activity.may_rest());
        drop(activity.begin());
        assert!(!activity.may_rest(), "something happened since");
        assert!(!activity.may_rest(), "some of it is still to come");
        activity.has_read();
        assert!(activity.may_rest());
    }
}
