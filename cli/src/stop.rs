//! When a role ends: on SIGTERM, on Ctrl-C, or when whoever started it is gone.

use std::io::Read as _;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// A process that was left alone has this long to end in an orderly way.
const LONGEST_END: Duration = Duration::from_mins(1);

/// What a process says when it ends at once: what is lost.
static LAST_WORDS: OnceLock<Box<dyn Fn() -> String + Send + Sync>> = OnceLock::new();

/// Sets what is said when the process is told twice to end. The first call counts.
pub(crate) fn last_words(words: impl Fn() -> String + Send + Sync + 'static) {
    let _ = LAST_WORDS.set(Box::new(words));
}

fn end_at_once(cause: &str, code: i32) -> ! {
    let lost = LAST_WORDS.get().map(|words| format!("; {}", words())).unwrap_or_default();
    eprintln!("{cause}: ending at once{lost}");
    std::process::exit(code);
}

/// A token that is cancelled at the first reason to end. A second signal ends the process at once.
pub(crate) fn on_signal() -> Result<CancellationToken, Failure> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let told = stop.clone();
    tokio::spawn(async move {
        for patience in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if patience {
                told.cancel();
            } else {
                end_at_once("told twice to end", 130);
            }
        }
    });
    Ok(stop)
}

/// The same, and also when the standard input ends: `up` holds its other end, so that its children never outlive it,
/// not even when it is killed.
pub(crate) fn on_signal_or_end_of_input() -> Result<CancellationToken, Failure> {
    let stop = on_signal()?;
    let told = stop.clone();
    // A thread of its own: a blocked read must not keep the runtime from ending.
    std::thread::Builder::new().name("end-of-input".to_owned()).spawn(move || {
        let mut ignored = [0; 64];
        let mut input = std::io::stdin();
        while input.read(&mut ignored).is_ok_and(|count| count > 0) {}
        told.cancel();
        // Nobody is left to kill a process that hangs in its end.
        std::thread::sleep(LONGEST_END);
        end_at_once(&format!("still not ended {} s after the input did", LONGEST_END.as_secs()), 1);
    })?;
    Ok(stop)
}
