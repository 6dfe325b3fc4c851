//! Waiting until the chain has paid for every relay.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use testbed::chain::ClaimEvent;

use crate::fleet::Fleet;
use crate::surroundings::Surroundings;
use crate::{Error, say};

/// A session, its claim window, its proof window and settlement take about 45 blocks; relays may fall into two sessions.
const LIMIT: Duration = Duration::from_mins(4);
/// Pause between two looks at the chain: the pace of its blocks.
const PAUSE: Duration = Duration::from_secs(1);
/// A line of progress at least this often, even when nothing has changed.
const SILENCE: Duration = Duration::from_secs(10);

/// What the chain says became of claims, up to some height.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    height: i64,
    claims: u64,
    valid_proofs: u64,
    settlements: u64,
    relays: u64,
    earned: BTreeMap<String, u128>,
    losses: Vec<String>,
}

/// Reads every block from the first on until as many relays are settled as the backend has served.
pub(crate) async fn wait(surroundings: &Surroundings, fleet: &mut Fleet) -> Result<Settled, Error> {
    let began = Instant::now();
    let mut settled = Settled::default();
    let (mut shown, mut spoke) = (String::new(), began);
    loop {
        fleet.check()?;
        settled.catch_up(surroundings).await?;
        let line = settled.to_string();
        if line != shown || spoke.elapsed() > SILENCE {
            say(&format!("height {}: {line}", settled.height));
            (shown, spoke) = (line, Instant::now());
        }
        let served = surroundings.backend.requests();
        if settled.losses.is_empty() && settled.relays == served {
            return Ok(settled);
        }
        if !settled.losses.is_empty() || began.elapsed() > LIMIT || settled.relays > served {
            let reasons = if settled.losses.is_empty() { line_of_hope(&settled) } else { settled.losses.join("; ") };
            return Err(Error::NotSettled {
                settled: settled.relays,
                served,
                waited: began.elapsed().as_secs(),
                reasons,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn line_of_hope(settled: &Settled) -> String {
    format!("so far: {settled}")
}

impl Settled {
    async fn catch_up(&mut self, surroundings: &Surroundings) -> Result<(), Error> {
        let tip = surroundings.chain.height().await?;
        for event in surroundings.chain.claim_events(self.height + 1..=tip).await? {
            self.take(event);
        }
        self.height = tip;
        Ok(())
    }

    fn take(&mut self, event: ClaimEvent) {
        match event {
            ClaimEvent::Created(_) => self.claims += 1,
            ClaimEvent::ProofChecked(proof) if proof.failure_reason.is_empty() => self.valid_proofs += 1,
            ClaimEvent::ProofChecked(proof) => self.losses.push(format!("invalid proof: {}", proof.failure_reason)),
            ClaimEvent::Settled(claim) => {
                self.settlements += 1;
                self.relays += claim.num_relays.unsigned_abs();
                // The suppliers of the demonstration own themselves; what is missing from the claim went to other shares.
                let share = claim.reward_distribution.get(&claim.supplier_operator_address);
                let share = share.and_then(|coin| coin.as_str()).map_or(0, upokt);
                *self.earned.entry(claim.supplier_operator_address).or_default() += share;
            }
            ClaimEvent::Expired(claim) => {
                self.losses
                    .push(format!("a claim over {} relays expired: {}", claim.num_relays, claim.expiration_reason));
            }
            ClaimEvent::Slashed(supplier) => {
                self.losses.push(format!("{} was slashed", supplier.supplier_operator_address));
            }
        }
    }

    /// What each supplier's claims paid, by the chain's own account.
    pub(crate) fn show(&self) {
        for (supplier, upokt) in &self.earned {
            say(&format!("{supplier}: {upokt} uPOKT for its claims"));
        }
        let total: u128 = self.earned.values().sum();
        say(&format!("{} relays in {} claims, all settled: {total} uPOKT earned", self.relays, self.settlements));
    }
}

impl std::fmt::Display for Settled {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} claims, {} valid proofs, {} claims settled with {} relays",
            self.claims, self.valid_proofs, self.settlements, self.relays
        )
    }
}

/// The number of a coin like `300upokt`.
fn upokt(coin: &str) -> u128 {
    coin.trim_end_matches("upokt").parse().unwrap_or_default()
}
