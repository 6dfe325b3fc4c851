use std::fmt;

/// What an operator should know about a key of a converted file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The key, with all keys above it: `services.eth.pool_profile`.
    pub key: String,
    /// How much it matters.
    pub weight: Weight,
    /// What happens instead.
    pub text: String,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The key has no effect, and needs none.
    Ignored,
    /// The key means something else here, or something has to be changed around the program.
    Changed,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.weight {
            Weight::Ignored => "has no effect",
            Weight::Changed => "differs",
        };
        write!(f, "{} {verb}: {}", self.key, self.text)
    }
}

/// Collects notes while a file is converted.
#[derive(Debug, Default)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// Notes a key without effect.
    pub fn ignored(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.0.push(Note { key: key.into(), weight: Weight::Ignored, text: text.into() });
    }

    /// Notes a key that means something else.
    pub fn changed(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.0.push(Note { key: key.into(), weight: Weight::Changed, text: text.into() });
    }

    /// Notes each of these keys that was given.
    pub fn ignored_if(&mut self, section: &str, keys: &[(&str, bool)], text: &str) {
        for (key, given) in keys {
            if *given {
                self.ignored(format!("{section}{key}"), text);
            }
        }
    }

    /// All notes, in the order in which they were made.
    #[must_use]
    pub fn into_vec(self) -> Vec<Note> {
        self.0
    }
}
