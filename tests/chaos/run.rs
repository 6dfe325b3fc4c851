//! One run: a chain, a Redis, a fleet, a load, and what the scenario does to them.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::{Genesis, Proxy};

use crate::evidence::Evidence;
use crate::fault::Step;
use crate::fleet::Fleet;
use crate::gateway::{Gateway, targets};
use crate::judge::Judge;
use crate::load::Load;
use crate::pool::Pool;
use crate::scenario::{CLAIM, PROOF, SESSION, Scenario, WIDER};
use crate::selection::Selection;
use crate::stage::{OWNER, Stage, genesis_with_windows};
use crate::verdict;

/// Between two looks at the chain.
const POLL: Duration = Duration::from_millis(250);
/// Blocks between two lines about progress.
const TOLD_EVERY: u64 = 15;
/// Blocks after the last proof window in which everything must be settled.
const SETTLED_WITHIN: u64 = SESSION;
/// How long the miners may take to note the last settlement and who owns what.
const NOTED_WITHIN: Duration = Duration::from_mins(2);

/// What was settled in a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// A supplier's part of a session each.
    pub(crate) supplier_sessions: usize,
    pub(crate) relays: u64,
}

/// A run under way. Fields end in this order: logs are kept before their folder goes.
struct Run {
    evidence: Evidence,
    fleet: Fleet,
    load: Load,
    judge: Judge,
    pool: Pool,
    stage: Stage,
    steps: VecDeque<(u64, Step)>,
    /// Height at the start.
    first: u64,
    /// Height at which everything must be settled; known when the load has ended.
    over_at: Option<u64>,
    /// The block of the next line about progress.
    tell_at: u64,
}

/// Plays a scenario to its end. What was wrong, and how to see it again, is in the error.
pub(crate) async fn play(scenario: &Scenario, selection: &Selection) -> Result<Outcome, String> {
    let mut run = Box::pin(Run::start(scenario, selection)).await;
    while !run.is_over() {
        Box::pin(run.go_on(selection)).await;
        tokio::time::sleep(POLL).await;
    }
    let offences = run.offences().await;
    if offences.is_empty() {
        let settled = &run.judge.settled;
        let outcome = Outcome { supplier_sessions: settled.len(), relays: settled.values().sum() };
        run.evidence.note(&format!("{outcome:?}, {} claims written again", run.judge.updates));
        return Ok(outcome);
    }
    let mut message = format!("{} things are wrong after\n{scenario}", offences.len());
    for offence in offences {
        let _never_fails = writeln!(message, "* {offence}");
    }
    let (folder, again) = (run.evidence.keep().display(), selection.command(scenario.seed));
    let _never_fails = writeln!(message, "logs: {folder}\nagain: {again}");
    Err(message)
}

/// A relay is worth far more than a transaction and a proof cost, so that a session of one relay is worth its claim.
fn genesis(selection: &Selection) -> Genesis {
    genesis_with_windows(u32::try_from(CLAIM).unwrap(), u32::try_from(PROOF).unwrap())
        .suppliers(selection.suppliers)
        .services(selection.services)
        .application_stake(1_000_000_000_000)
        .param("shared", json!({"compute_units_to_tokens_multiplier": 10_000}))
        .param("session", json!({"num_suppliers_per_session": selection.suppliers}))
}

impl Run {
    async fn start(scenario: &Scenario, selection: &Selection) -> Self {
        let stage = Stage::start(genesis(selection)).await;
        let suppliers: Vec<_> = (1..=selection.suppliers).map(|number| format!("supplier{number}")).collect();
        let services: Vec<_> = (1..=selection.services).map(|number| format!("svc{number}")).collect();
        let ids: Vec<_> = services.iter().map(String::as_str).collect();
        let node = Proxy::start(&stage.chain).await.unwrap();
        let prefix = format!("chaos-{}", scenario.seed);
        let pool = Pool::on_node(&stage, &prefix, &suppliers, &ids, &node.rpc(), &node.grpc());
        let evidence = Evidence::new(scenario, pool.folder(), stage.redis.directory());
        let mut fleet = Fleet::start(&pool, node, scenario.recording);
        fleet.ready().await;
        let gateway = |(number, id): (usize, &String)| Gateway::new(&stage, &format!("app{}", number + 1), id);
        let gateways = services.iter().enumerate().map(gateway).collect();
        let load = Load::start(gateways, &targets(&stage, &suppliers, &fleet.relayer.url));
        let first = height(&stage).await;
        let steps = scenario.steps.iter().copied().collect();
        let judge = Judge::default();
        Self { evidence, fleet, load, judge, pool, stage, steps, first, over_at: None, tell_at: 0 }
    }

    /// Does what is due and looks at what happened.
    async fn go_on(&mut self, selection: &Selection) {
        let height = height(&self.stage).await;
        let block = height - self.first - self.fleet.jumped;
        while let Some((_, step)) = self.steps.pop_front_if(|(at, _)| *at <= block) {
            self.evidence.note(&format!("block {block} (height {height}): {step:?}"));
            self.fleet.perform(step, &mut self.stage).await.unwrap();
        }
        if block >= selection.sessions * SESSION && self.over_at.is_none() {
            self.load.stop().await;
            let session_end = height.div_ceil(SESSION) * SESSION;
            self.over_at = Some(session_end + 1 + CLAIM + PROOF + 2 * WIDER + SETTLED_WITHIN);
        }
        self.judge.catch_up(&self.stage, &self.pool).await;
        self.judge.offences.extend(self.fleet.deserters());
        if block >= self.tell_at {
            self.tell_at = block + TOLD_EVERY;
            let relays = self.load.answered.ledger().relays();
            let (claims, settled) = (self.judge.claims.len(), self.judge.settled.len());
            let so_far = format!("{relays} relays answered, {claims} claims, {settled} settled");
            self.evidence.note(&format!("block {block} (height {height}): {so_far}"));
        }
    }

    /// Something is wrong already, or all is done and settled, or should be.
    fn is_over(&self) -> bool {
        if !self.judge.offences.is_empty() {
            return true;
        }
        let Some(over_at) = self.over_at else { return false };
        let ledger = self.load.answered.ledger();
        let mut parts = ledger.parts().chain(self.judge.claims.keys());
        let all_settled = parts.all(|part| self.judge.settled.contains_key(part));
        self.steps.is_empty() && (all_settled || self.judge.height() > over_at)
    }

    /// Everything that must not be and is.
    async fn offences(&mut self) -> Vec<String> {
        let mut offences = std::mem::take(&mut self.judge.offences);
        offences.extend(verdict::one_root_each(&self.fleet.node.broadcasts()));
        if !offences.is_empty() {
            return offences;
        }
        let limit = Instant::now() + NOTED_WITHIN;
        loop {
            let miners = verdict::miners_books(&self.fleet.miners_say().await, self.pool.suppliers.len());
            if miners.is_empty() || Instant::now() > limit {
                offences.extend(miners);
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        let relayer = self.fleet.relayer.role.status().await;
        offences.extend(verdict::relayer_books(&relayer));
        let late = relayer["books"]["late"].as_u64().unwrap_or_default();
        offences.extend(verdict::all_settled(&self.load.answered.ledger(), &self.judge, late));
        let balance = self.stage.chain.balance(self.stage.address(OWNER).as_str()).await.unwrap();
        if balance != 1_000_000_000_000 + self.judge.paid_to_owner {
            offences.push(format!("the owner has {balance} uPOKT, {} of settlements", self.judge.paid_to_owner));
        }
        offences
    }
}

async fn height(stage: &Stage) -> u64 {
    u64::try_from(stage.chain.height().await.unwrap()).unwrap()
}
