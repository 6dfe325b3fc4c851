use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Care, KeyMetrics, KeyRing, KeySource, KeyWatch, Look, RefusedFile};
use crate::address::Address;
use crate::telemetry::Beat;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// Between two looks while something is undecided.
const SOON: Duration = Duration::from_secs(1);
/// Addresses that a line of the log names.
const NAMED: usize = 20;

/// The keys of a process, as they are now and become.
#[derive(Debug, Clone)]
pub struct Following {
    /// The keys that count.
    pub ring: watch::Receiver<Arc<KeyRing>>,
    /// Why sources cannot be read now.
    troubles: watch::Receiver<Vec<String>>,
}

/// What `/status` shows of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyReport {
    /// How many there are.
    pub keys: usize,
    /// A hash over their addresses, by which the operator sees that a change has arrived.
    pub keys_fingerprint: String,
    /// Why sources cannot be read; their last good keys count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_troubles: Vec<String>,
    /// Files that give no key, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_files_refused: Vec<String>,
}

impl Following {
    /// Keys that never change.
    #[must_use]
    pub fn fixed(ring: KeyRing) -> Self {
        Self { ring: watch::channel(Arc::new(ring)).1, troubles: watch::channel(Vec::new()).1 }
    }

    /// As they are now, at most 20 refused files of them.
    #[must_use]
    pub fn report(&self) -> KeyReport {
        let ring = Arc::clone(&self.ring.borrow());
        let say = |file: &RefusedFile| format!("{}: {}", file.path.display(), file.reason);
        KeyReport {
            keys: ring.len(),
            keys_fingerprint: hex::encode(ring.fingerprint()),
            key_troubles: self.troubles.borrow().clone(),
            key_files_refused: ring.refused().iter().take(NAMED).map(say).collect(),
        }
    }
}

/// Loads the keys, and follows their changes until `stop`. Where `reload` is off they are loaded once.
///
/// A source that cannot be read is no error: it is told, and looked at again. So is that there are no keys at all.
pub async fn follow(
    source: KeySource,
    reload: bool,
    metrics: KeyMetrics,
    beat: Beat,
    stop: CancellationToken,
) -> Following {
    let (ring, keys) = watch::channel(Arc::default());
    let (trouble, troubles) = watch::channel(Vec::new());
    let watch = KeyWatch::new(source, Care::CAREFUL);
    let mut follower = Follower { watch, ring, trouble, metrics };
    if let Some((same, _)) = follower.look().await {
        follower = same;
        if follower.ring.borrow().is_empty() {
            warn!("there is no supplier key yet; nothing can be owned before there is one");
        }
        if reload {
            tokio::spawn(follower.run(beat, stop));
        } else {
            // Receivers keep the last value, also without a sender.
            drop(beat);
        }
    }
    Following { ring: keys, troubles }
}

struct Follower {
    watch: KeyWatch,
    ring: watch::Sender<Arc<KeyRing>>,
    trouble: watch::Sender<Vec<String>>,
    metrics: KeyMetrics,
}

impl Follower {
    async fn run(mut self, beat: Beat, stop: CancellationToken) {
        // Without it the intervals remain.
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut pause = EVERY;
        loop {
            let asked = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                _ = asked => info!("told to look for changed keys"),
            }
            // It ends early only if reading panics; then the beat is missed, and the keys stay as they are.
            let Some((same, unsettled)) = self.look().await else { return };
            self = same;
            pause = if unsettled { SOON } else { EVERY };
            beat.tick();
        }
    }

    /// Looks, and says whether the next look should come soon.
    async fn look(mut self) -> Option<(Self, bool)> {
        let looking = tokio::task::spawn_blocking(move || {
            let look = self.watch.look();
            let unsettled = look.unsettled;
            self.apply(look);
            (self, unsettled)
        });
        looking.await.inspect_err(|error| error!(%error, "the keys cannot be followed any more")).ok()
    }

    fn apply(&mut self, look: Look) {
        for (provider, error) in look.failed {
            self.metrics.failed(provider);
            warn!(provider, %error, "keys cannot be read; the last good ones of this source stay in force");
        }
        let troubles: Vec<String> = self.watch.troubles().map(str::to_owned).collect();
        self.trouble.send_if_modified(|last| {
            let changed = *last != troubles;
            *last = troubles;
            changed
        });
        let Some(ring) = look.ring else { return };
        let before = Arc::clone(&self.ring.borrow());
        let (added, removed) = (missing_in(&before, &ring), missing_in(&ring, &before));
        self.metrics.read(ring.len(), number(added.len()), number(removed.len()));
        let known: BTreeSet<_> = before.refused().iter().map(|file| (&file.path, &file.reason)).collect();
        for file in ring.refused().iter().filter(|file| !known.contains(&(&file.path, &file.reason))) {
            self.metrics.failed("file");
            warn!(file = %file.path.display(), reason = file.reason, "a file gives no key");
        }
        if !added.is_empty() || !removed.is_empty() {
            info!(keys = ring.len(), added = names(&added), removed = names(&removed), "supplier keys changed");
        }
        if ring.is_empty() && !before.is_empty() {
            warn!("the last supplier key is gone; nothing is owned before there is one again");
        }
        self.ring.send_replace(Arc::new(ring));
    }
}

fn missing_in(ring: &KeyRing, other: &KeyRing) -> Vec<Address> {
    other.addresses().filter(|address| ring.get(address).is_none()).cloned().collect()
}

fn names(addresses: &[Address]) -> String {
    let mut names: Vec<&str> = addresses.iter().take(NAMED).map(Address::as_str).collect();
    if addresses.len() > NAMED {
        names.push("and more");
    }
    names.join(" ")
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
