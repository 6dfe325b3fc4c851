//! What is kept of a run that failed: the logs of its processes and what was done to them when.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::scenario::Scenario;

/// The notes of a run. When the test panics, and on [`Evidence::keep`], logs are copied to a folder under `target/`.
pub(crate) struct Evidence {
    seed: u64,
    began: Instant,
    notes: String,
    sources: Vec<PathBuf>,
    folder: PathBuf,
}

impl Evidence {
    pub(crate) fn new(scenario: &Scenario, pool: &Path, redis: &Path) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos/seed-{}", scenario.seed));
        // Of an earlier run, if there was one.
        let _nothing_there = fs::remove_dir_all(&folder);
        let sources = vec![pool.to_owned(), redis.to_owned()];
        Self { seed: scenario.seed, began: Instant::now(), notes: scenario.to_string(), sources, folder }
    }

    /// Writes a line, for those who watch and for those who read later.
    pub(crate) fn note(&mut self, line: &str) {
        let line = format!("seed {} +{:3} s: {line}", self.seed, self.began.elapsed().as_secs());
        eprintln!("{line}");
        self.notes.push_str(&line);
        self.notes.push('\n');
    }

    /// Copies what there is, keys excepted, and says where to.
    pub(crate) fn keep(&self) -> &Path {
        fs::create_dir_all(&self.folder).unwrap();
        fs::File::create(self.folder.join("notes.txt")).unwrap().write_all(self.notes.as_bytes()).unwrap();
        for file in self.sources.iter().flat_map(|source| fs::read_dir(source).unwrap()) {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|end| end == "log") {
                fs::copy(&file, self.folder.join(file.file_name().unwrap())).unwrap();
            }
        }
        &self.folder
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("logs: {}", self.keep().display());
        }
    }
}
