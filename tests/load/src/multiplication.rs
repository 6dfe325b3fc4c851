//! M, the unit of processor time: one multiplication of an arbitrary point by k256, in constant time, on this machine now.

use std::hint::black_box;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use k256::{ProjectivePoint, Scalar};

const IN_A_ROW: u32 = 1000;
const TIMES: usize = 9;

/// The median of a few series, on as many threads at a time as there are processors: under load they are all busy, too, and
/// processors that share a core are slower then.
pub(crate) fn measure() -> Duration {
    on(thread::available_parallelism().map_or(1, NonZero::get))
}

/// The same on one thread of a machine that has nothing else to do.
pub(crate) fn alone() -> Duration {
    on(1)
}

fn on(threads: usize) -> Duration {
    thread::scope(|scope| {
        let working: Vec<_> = (0..threads).map(|_| scope.spawn(series)).collect();
        let mut times: Vec<_> = working.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    })
}

fn series() -> Vec<Duration> {
    let point = ProjectivePoint::GENERATOR * Scalar::from(0x1234_5678_9abc_def0_u64);
    let scalar = (0..8).fold(Scalar::from(0x0fed_cba9_8765_4321_u64), |scalar, _| scalar.square() + Scalar::ONE);
    let one = |_| {
        let started = Instant::now();
        for _ in 0..IN_A_ROW {
            black_box(black_box(&point) * black_box(&scalar));
        }
        started.elapsed() / IN_A_ROW
    };
    (0..TIMES).map(one).collect()
}
