use super::reading::Held;
use super::source::Place;
use super::{KeyRing, KeySource, KeysError};

/// How carefully changes are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Care {
    /// Whether a changed content counts only once two looks in a row found the same, so that nothing half written does.
    pub settle: bool,
    /// Good readings in a row that must lack a key before it is removed; at least 1.
    pub removal: u32,
}

impl Care {
    /// Each look applies what it finds.
    pub const AT_ONCE: Self = Self { settle: false, removal: 1 };
    /// Additions with the second look that finds them, removals two looks later.
    pub const CAREFUL: Self = Self { settle: true, removal: 3 };
}

/// Notices when the keys of a source change. It compares contents, not times: a mounted Secret is replaced by pointing a link
/// elsewhere, and a file may be written twice within one tick of the file system's clock.
///
/// Each source is watched by itself: one that cannot be read keeps the keys of its last good reading, and the others go on.
#[derive(Debug)]
pub struct KeyWatch {
    source: KeySource,
    watched: Vec<Watched>,
    care: Care,
}

#[derive(Debug)]
struct Watched {
    place: Place,
    /// What the last look found.
    seen: Option<[u8; 32]>,
    /// What was read last, well or not.
    read: Option<[u8; 32]>,
    held: Held,
    trouble: Option<String>,
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Look {
    /// All keys that count from now on, if a source was read anew or a removal is now certain.
    pub ring: Option<KeyRing>,
    /// Sources that cannot be read, each told once for each reason, by the name that metrics have for it.
    pub failed: Vec<(&'static str, KeysError)>,
    /// Whether there is something that the next look decides.
    pub unsettled: bool,
}

impl KeyWatch {
    /// Watches from here on. Nothing is read before the first look.
    #[must_use]
    pub fn new(source: KeySource, care: Care) -> Self {
        let watch = |place: &Place| Watched {
            place: place.clone(),
            seen: None,
            read: None,
            held: Held::default(),
            trouble: None,
        };
        Self { watched: source.places().iter().map(watch).collect(), source, care }
    }

    /// Loads the keys, and watches from here on, or fails if a source cannot be read. Blocks on the file system.
    pub fn start(source: KeySource, care: Care) -> Result<(KeyRing, Self), KeysError> {
        let mut watch = Self::new(source, care);
        let first = watch.look();
        match first.failed.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok((first.ring.ok_or(KeysError::NoSource)?, watch)),
        }
    }

    /// Reads what has changed since the last look. Blocks on the file system.
    pub fn look(&mut self) -> Look {
        let mut look = Look::default();
        let mut changed = false;
        for watched in &mut self.watched {
            changed |= watched.look(self.care, &mut look);
        }
        if changed {
            let mut all = KeyRing::default();
            for watched in &self.watched {
                all.extend(watched.held.ring().clone());
            }
            look.ring = Some(all);
        }
        look
    }

    /// Why sources cannot be read now. Their last good keys count.
    pub fn troubles(&self) -> impl Iterator<Item = &str> {
        self.watched.iter().filter_map(|watched| watched.trouble.as_deref())
    }

    /// What is watched.
    #[must_use]
    pub fn source(&self) -> &KeySource {
        &self.source
    }
}

impl Watched {
    /// Whether other keys may count now.
    fn look(&mut self, care: Care, look: &mut Look) -> bool {
        // First the hash: what changes while the keys are read is noticed at the next look.
        let now = self.place.content_hash();
        let settled = !care.settle || self.read.is_none() || self.seen == Some(now);
        self.seen = Some(now);
        if !settled {
            look.unsettled = true;
            return false;
        }
        if self.read == Some(now) && self.trouble.is_none() {
            let waited = self.held.waits();
            if waited {
                self.held.take_again(care.removal);
                look.unsettled |= self.held.waits();
            }
            return waited;
        }
        self.read = Some(now);
        match self.place.read() {
            Ok(reading) => {
                self.trouble = None;
                self.held.take(reading, care.removal);
                look.unsettled |= self.held.waits();
                true
            }
            Err(error) => {
                self.held.fail();
                let text = error.to_string();
                if self.trouble.as_ref() != Some(&text) {
                    self.trouble = Some(text);
                    look.failed.push((self.place.provider(), error));
                }
                false
            }
        }
    }
}
