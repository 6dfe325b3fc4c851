//! What a relay costs.
//!
//! A real relayer process, alone, between callers whose relays were signed beforehand and a backend that answers at once,
//! with a real Redis and a real chain, all on loopback. Processor time is read from the relayer's process and given in M, the
//! time of one multiplication of an arbitrary point by k256 measured in the same run; latency is the difference to the same
//! calls made to the backend directly in the same run. Ratios outlive the machine they were measured on; times do not.

mod backend;
mod caller;
mod commands;
mod error;
mod load;
mod machine;
mod measurements;
mod multiplication;
mod process;
mod relays;
mod report;
mod surroundings;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

pub(crate) use error::Error;
use measurements::Bench;
use report::Report;
use surroundings::Surroundings;

/// Measures a relayer and compares it with its targets.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program under test.
    #[arg(long)]
    program: PathBuf,
    /// Where the report goes: `<path>.md` and `<path>.json`. Without it: only to the standard output.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Relays of the memory test; a million shows what a hundred thousand cannot.
    #[arg(long, default_value_t = 100_000)]
    relays: usize,
    /// Seconds of each load.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Rounds of each load; medians count.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Idle connections of the memory test.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Callers, each with a connection, at saturation.
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Measure only this, and what it needs; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From the start of the process to ready.
    Start,
    /// Memory of a relayer that has nothing to do.
    Idle,
    /// Throughput, and processor time of a relay.
    Saturation,
    /// Added latency at half of that.
    HalfLoad,
    /// Memory over many relays.
    Growth,
    /// Memory of idle connections.
    Connections,
}

impl Arguments {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

#[tokio::main(worker_threads = 1)]
async fn main() -> Result<(), Error> {
    if std::env::args().nth(1).as_deref() == Some(backend::COMMAND) {
        return backend::serve();
    }
    let arguments = Arguments::parse();
    let surroundings = Surroundings::start(&arguments.program, arguments.connections + 2 * arguments.callers).await?;
    // From here on nothing waits for the runtime: threads that block wake up in time, timers of a runtime do not.
    let mut report = Report::new(&arguments.program)?;
    let mut bench = Bench::new(&surroundings, &arguments);
    if arguments.wants(Part::Start) {
        bench.start(&mut report)?;
    }
    if arguments.wants(Part::Idle) {
        bench.idle(&mut report)?;
    }
    // Half of the load needs to know what the whole is.
    if arguments.wants(Part::Saturation) || arguments.wants(Part::HalfLoad) {
        bench.saturation(&mut report)?;
    }
    if arguments.wants(Part::HalfLoad) {
        bench.half_load(&mut report)?;
    }
    if arguments.wants(Part::Growth) {
        bench.growth(&mut report)?;
    }
    if arguments.wants(Part::Connections) {
        bench.idle_connections(&mut report)?;
    }
    report.finish(bench.multiplication(), multiplication::alone());
    report.write(arguments.report.as_deref())
}
