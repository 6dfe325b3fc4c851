//! `make demo`: a real chain, a real Redis, a backend and a small fleet; fresh relays; a settled claim.
//!
//! Ends by itself, with status 0 only when every relay that was served is settled. `KEEP=1` leaves everything running
//! until Ctrl-C.

mod error;
mod fleet;
mod manifests;
mod program;
mod relays;
mod settlement;
mod surroundings;

use std::process::ExitCode;
use std::time::Instant;

use error::Error;
use fleet::Fleet;
use surroundings::Surroundings;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let began = Instant::now();
    let surroundings = Surroundings::start().await?;
    let manifests = manifests::render(&surroundings)?;
    let mut fleet = Fleet::up(manifests)?;

    relays::send(&surroundings, &mut fleet).await?;
    let settled = settlement::wait(&surroundings, &mut fleet).await?;

    say("the fleet, as `pocket-relay-miner get suppliers` sees it");
    fleet.show_suppliers().await?;
    settled.show();
    say(&format!("from nothing to settled claims in {} s", began.elapsed().as_secs()));

    if std::env::var("KEEP").is_ok_and(|keep| !keep.is_empty() && keep != "0") {
        surroundings.show();
        say("everything keeps running; Ctrl-C ends it");
        tokio::signal::ctrl_c().await.map_err(Error::io("wait for Ctrl-C"))?;
    }
    fleet.down().await
}

/// One line of progress.
fn say(text: &str) {
    println!("demo: {text}");
}
