use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::units::Height;

/// Answers of the chain that several processes share, so that one question serves all of them. A tier may lose anything at any
/// time, and may be away: then the chain is asked. It never decides what is true, only who asks.
pub trait SharedTier: Send + Sync {
    /// Looks up what is known under a name. When that does not do, the caller may be given the task to ask.
    fn look<'a>(&'a self, name: &'a str, need: Need) -> BoxFuture<'a, Look>;

    /// Leaves an answer for the others, to be kept for `life`, and ends the task to ask if `task` is ours. An answer that was read
    /// at a lower height than the one that is there changes nothing.
    fn put<'a>(
        &'a self,
        name: &'a str,
        height: Height,
        body: Bytes,
        life: Duration,
        task: Option<&'a str>,
    ) -> BoxFuture<'a, ()>;

    /// Ends the task to ask without an answer, and drops what was known when `gone` says that there is no such thing.
    fn give_up<'a>(&'a self, name: &'a str, task: Option<&'a str>, gone: bool) -> BoxFuture<'a, ()>;
}

/// What an answer must be to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The greatest age.
    pub age: Duration,
    /// The lowest height that it was read at.
    pub height: Height,
    /// Whether the leader should keep it fresh from now on.
    pub live: bool,
}

/// What a tier knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// An answer that does.
    Known(SharedAnswer),
    /// None that does; the caller has the task, under this name, to ask the chain while others wait. An older answer may be there.
    Ask(String, Option<SharedAnswer>),
    /// None that does, but somebody is asking.
    Asked(Option<SharedAnswer>),
    /// Nothing can be said.
    Away,
}

/// An answer that somebody left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedAnswer {
    /// The height that it was read at.
    pub height: Height,
    /// Since it was left.
    pub age: Duration,
    /// The message, encoded.
    pub body: Bytes,
}
