//! The tail of the append-only file: how long it was at each moment, and how to cut it.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::Error;

const SAMPLE_EVERY: Duration = Duration::from_millis(5);

/// The file had this size at this moment. A sample is kept only when the size changed.
#[derive(Debug, Clone)]
struct Sample {
    moment: Instant,
    file: PathBuf,
    size: u64,
}

/// Watches the append-only file grow, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(super) struct Recorder {
    samples: Arc<Mutex<Vec<Sample>>>,
    stop: Arc<AtomicBool>,
}

impl Recorder {
    pub(super) fn start(directory: PathBuf) -> Self {
        let samples = Arc::new(Mutex::new(Vec::<Sample>::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (record, stopped) = (samples.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // The moment is taken first: the size may already hold younger bytes, never lack older ones.
                let moment = Instant::now();
                if let Some(file) = file(&directory)
                    && let Ok(size) = size(&file)
                {
                    let mut samples = record.lock().unwrap_or_else(PoisonError::into_inner);
                    if samples.last().is_none_or(|last| last.size != size || last.file != file) {
                        samples.push(Sample { moment, file, size });
                    }
                }
                std::thread::sleep(SAMPLE_EVERY);
            }
        });
        Self { samples, stop }
    }

    /// How long `file` was `stretch` before `moment`. Younger than that means the length it started with.
    pub(super) fn size_before(&self, file: &Path, moment: Instant, stretch: Duration) -> u64 {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let of_file = || samples.iter().filter(|sample| sample.file == file);
        let before = |sample: &&Sample| moment.duration_since(sample.moment) >= stretch;
        of_file().rfind(before).or_else(|| of_file().next()).map_or(0, |sample| sample.size)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The file that is being appended to: the youngest increment (Redis 7), or the single file of earlier versions.
pub(super) fn file(directory: &Path) -> Option<PathBuf> {
    let increments = std::fs::read_dir(directory.join("appendonlydir")).into_iter().flatten().flatten();
    let youngest = increments
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
        .max_by_key(|path| path.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH));
    youngest.or_else(|| Some(directory.join("appendonly.aof")).filter(|path| path.is_file()))
}

pub(super) fn size(file: &Path) -> Result<u64, Error> {
    let describe = format!("measure {}", file.display());
    Ok(file.metadata().map_err(Error::io(describe))?.len())
}

pub(super) fn truncate(file: &Path, size: u64) -> Result<(), Error> {
    let cut = |file: File| file.set_len(size).and_then(|()| file.sync_all());
    OpenOptions::new().write(true).open(file).and_then(cut).map_err(Error::io(format!("cut {}", file.display())))
}
