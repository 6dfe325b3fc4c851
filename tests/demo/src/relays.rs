//! Sending relays, as a gateway does.

use std::time::{Duration, Instant};

use crate::fleet::Fleet;
use crate::surroundings::{SERVICE, Surroundings};
use crate::{Error, program, say};

/// From the first process to the first relay: start-up, leases, a block.
const READY_LIMIT: Duration = Duration::from_mins(1);
/// Few enough to be over within a session or two, enough to be seen.
const RELAYS: u32 = 300;
const RELAYS_A_SECOND: u32 = 100;

/// Waits until the fleet serves, then sends relays at a steady rate and shows the client's report.
pub(crate) async fn send(surroundings: &Surroundings, fleet: &mut Fleet) -> Result<(), Error> {
    let relayer = fleet.relayer_url();
    wait_until_served(surroundings, fleet, &relayer).await?;
    say(&format!("sending {RELAYS} signed relays, {RELAYS_A_SECOND} a second, to {relayer}"));
    program::run(&arguments(surroundings, &relayer, RELAYS)?).await
}

/// One relay after another until one is answered. That one counts like any other.
async fn wait_until_served(surroundings: &Surroundings, fleet: &mut Fleet, relayer: &str) -> Result<(), Error> {
    let began = Instant::now();
    while began.elapsed() < READY_LIMIT {
        fleet.check()?;
        if program::succeeds(&arguments(surroundings, relayer, 1)?).await? {
            say(&format!("the fleet serves, {} s after its start", began.elapsed().as_secs()));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    fleet.show_log();
    Err(Error::NotReady(READY_LIMIT.as_secs()))
}

/// The application signs with its own key; the program also takes a gateway's.
fn arguments(surroundings: &Surroundings, relayer: &str, count: u32) -> Result<Vec<String>, Error> {
    let application = surroundings.account("app1")?;
    let flags = [
        ("--relayer", relayer.to_owned()),
        ("--application-key", application.private_key.clone()),
        ("--application", application.address.clone()),
        ("--service", SERVICE.to_owned()),
        ("--rpc", surroundings.chain.rpc().to_owned()),
        ("--grpc", surroundings.chain.grpc()),
        ("--count", count.to_string()),
        ("--rps", RELAYS_A_SECOND.to_string()),
        ("--concurrency", "8".to_owned()),
    ];
    let flags = flags.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
    Ok(["relay".to_owned(), "jsonrpc".to_owned()].into_iter().chain(flags).collect())
}
