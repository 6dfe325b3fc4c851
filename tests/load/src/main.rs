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

use clap::Parser;

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
    /// Measure throughput and processor time at saturation, and nothing else.
    #[arg(long)]
    brief: bool,
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
    if arguments.brief {
        bench.saturation(&mut report)?;
    } else {
        bench.start(&mut report)?;
        bench.idle(&mut report)?;
        bench.saturation(&mut report)?;
        bench.half_load(&mut report)?;
        bench.growth(&mut report)?;
        bench.idle_connections(&mut report)?;
    }
    report.finish(bench.multiplication(), multiplication::alone());
    report.write(arguments.report.as_deref())
}
