//! One process under supervision.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::event::Event;
use super::tail::last_line;
use super::workspace::open_log;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Whoever ran this long was healthy, and starts again without the pauses that earlier failures earned.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);

/// What to run.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) log: PathBuf,
    /// How long it may take to end by itself once told to.
    pub(super) patience: Duration,
}

/// Keeps the process running until `stop`, then ends it. Never fails: what goes wrong is told as an event and tried again.
pub(super) async fn supervise(recipe: Recipe, events: mpsc::Sender<Event>, stop: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let ended = match recipe.spawn() {
            Ok(mut child) => {
                // Held apart from the child, for waiting closes what the child still has.
                let input = child.stdin.take();
                tell(&events, Event::Started { process: recipe.name.clone(), pid: child.id().unwrap_or_default() })
                    .await;
                tokio::select! {
                    status = child.wait() => describe(status),
                    () = stop.cancelled() => {
                        let how = recipe.end(child, input).await;
                        tell(&events, Event::Stopped { process: recipe.name.clone(), how }).await;
                        return;
                    }
                }
            }
            Err(error) => format!("could not start: {error}"),
        };
        if began.elapsed() >= HEALTHY_AFTER {
            pause = FIRST_PAUSE;
        }
        let event = Event::Exited {
            process: recipe.name.clone(),
            how: ended,
            last_line: last_line(&recipe.log),
            log: recipe.log.display().to_string(),
            again_in_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        };
        tell(&events, event).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl Recipe {
    /// The child holds the reading end of a pipe whose writing end is ours: when we end in whatever way, even by
    /// `kill -9`, it reads the end of its input and ends too. A group of its own keeps a Ctrl-C in the terminal from
    /// reaching it before us, so that relayers can drain while the miners still run.
    fn spawn(&self) -> std::io::Result<Child> {
        let log = open_log(&self.log)?;
        Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    /// Closes the child's input and waits; after too long a time kills it.
    async fn end(&self, mut child: Child, input: Option<ChildStdin>) -> String {
        drop(input);
        if let Ok(status) = tokio::time::timeout(self.patience, child.wait()).await {
            return describe(status);
        }
        // It may have ended in this very moment, which is just as well.
        let _ = child.kill().await;
        format!("killed, it did not end within {} s", self.patience.as_secs())
    }
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("lost: {error}"),
    }
}

/// Supervision goes on when nobody listens any more.
async fn tell(events: &mpsc::Sender<Event>, event: Event) {
    let _ = events.send(event).await;
}
