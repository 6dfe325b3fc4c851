use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// Counts the lines that an operator sees at the usual level.
pub(crate) struct Counted(Lines);

/// How many there were.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<AtomicU64>);

/// Listens until it is dropped.
pub(crate) struct Listening {
    _guard: DefaultGuard,
    /// With a single listener in the process, tracing asks whichever thread comes first whether a line is wanted at all, and
    /// remembers the answer for everybody. With two it asks them.
    _other: Dispatch,
}

impl Counted {
    /// Counts the lines of this thread from now on.
    pub(crate) fn listen() -> (Listening, Lines) {
        let lines = Lines::default();
        let other = Dispatch::new(Self(Lines::default()));
        let guard = tracing::subscriber::set_default(Self(lines.clone()));
        (Listening { _guard: guard, _other: other }, lines)
    }
}

impl Lines {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Subscriber for Counted {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target().starts_with("rela")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
