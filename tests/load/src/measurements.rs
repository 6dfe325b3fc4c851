//! What is measured, one after the other, on one relayer after a warm-up.

use std::thread::sleep;
use std::time::Duration;

use crate::caller::{Caller, post};
use crate::commands::{self, Commands};
use crate::load::{Outcome, Pace, float, run};
use crate::relays::call;
use crate::report::{Figure, Report};
use crate::surroundings::{Relayer, Surroundings};
use crate::{Arguments, Error, multiplication, process};

/// Relays before anything counts.
const WARM_UP: usize = 3000;
/// Relays of the memory test that are signed at a time, so that callers need no more memory than this.
const CHUNK: usize = 10_000;
/// How long memory may settle before it is read.
const SETTLE: Duration = Duration::from_secs(2);
const MEBIBYTE: f64 = 1_048_576.0;

pub(crate) struct Bench<'a> {
    surroundings: &'a Surroundings,
    arguments: &'a Arguments,
    relayer: Option<Relayer>,
    /// One measurement for each part, since a shared machine is not always equally fast.
    multiplications: Vec<Duration>,
    /// Relays a second at saturation.
    capacity: f64,
    relays: usize,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(surroundings: &'a Surroundings, arguments: &'a Arguments) -> Self {
        Self { surroundings, arguments, relayer: None, multiplications: Vec::new(), capacity: 0.0, relays: 0 }
    }

    /// M over the whole run.
    pub(crate) fn multiplication(&mut self) -> Duration {
        self.multiplications.sort_unstable();
        self.multiplications.get(self.multiplications.len() / 2).copied().unwrap_or_default()
    }

    fn relayer(&mut self) -> Result<(u32, std::net::SocketAddr), Error> {
        let relayer = match self.relayer.take() {
            Some(relayer) => relayer,
            None => self.surroundings.relayer()?,
        };
        let found = (relayer.pid(), relayer.relays);
        self.relayer = Some(relayer);
        Ok(found)
    }

    /// From the start of the process to ready, with chain and Redis there.
    pub(crate) fn start(&mut self, report: &mut Report) -> Result<(), Error> {
        let mut times = Vec::new();
        for _ in 0..self.arguments.rounds {
            times.push(self.surroundings.relayer()?.ready_after.as_secs_f64() * 1e3);
        }
        report.add(Figure::new("start to ready", median(&mut times), "ms").at_most(100.0));
        Ok(())
    }

    pub(crate) fn idle(&mut self, report: &mut Report) -> Result<(), Error> {
        let (pid, _) = self.relayer()?;
        sleep(SETTLE);
        report.add(Figure::new("memory, idle", mebibytes(pid)?, "MiB").at_most(30.0));
        Ok(())
    }

    /// As many relays as it can take: throughput, and processor time of a relay.
    pub(crate) fn saturation(&mut self, report: &mut Report) -> Result<(), Error> {
        let (_, relays) = self.relayer()?;
        self.surroundings.signer.check(relays)?;
        let warm_up = self.surroundings.signer.sign(WARM_UP)?;
        let callers = self.arguments.callers;
        self.capacity = run(relays, &warm_up, callers, Pace::AtOnce, Duration::from_mins(1))?.whole()?.rate();
        self.relays += WARM_UP;
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        let mut commands = None;
        for _ in 0..self.arguments.rounds {
            let load = self.load(Pace::AtOnce, self.capacity * 1.3)?;
            rates.push(load.outcome.rate());
            costs.push(load.multiplications());
            self.capacity = median(&mut rates.clone());
            commands = Some(load);
        }
        report.add(Figure::new("throughput", median(&mut rates), "relays/s").at_least(4.0 * 980.0));
        report.add(Figure::new("processor time at saturation", median(&mut costs), "M").at_most(4.5).aim(3.5));
        if let Some(load) = commands {
            load.tell("at saturation", report);
        }
        Ok(())
    }

    /// Half of what it can take: processor time, and what it adds to the latency of the backend.
    pub(crate) fn half_load(&mut self, report: &mut Report) -> Result<(), Error> {
        let rate = self.capacity / 2.0;
        let (mut costs, mut middles, mut tails) = (Vec::new(), Vec::new(), Vec::new());
        let (mut direct_middles, mut direct_tails) = (Vec::new(), Vec::new());
        let mut last = None;
        for _ in 0..self.arguments.rounds {
            let direct = self.direct(rate)?;
            let load = self.load(Pace::PerSecond(rate), rate)?;
            let added = |quantile| {
                let (with, without) = (load.outcome.latency(quantile), direct.latency(quantile));
                (with.as_secs_f64() - without.as_secs_f64()) * 1e3
            };
            middles.push(added(0.5));
            tails.push(added(0.99));
            direct_middles.push(direct.latency(0.5).as_secs_f64() * 1e3);
            direct_tails.push(direct.latency(0.99).as_secs_f64() * 1e3);
            costs.push(load.multiplications());
            last = Some(load);
        }
        report.add(Figure::new("processor time at half load", median(&mut costs), "M").at_most(4.5).aim(3.5));
        report.add(Figure::new("added latency at half load, p50", median(&mut middles), "ms").at_most(1.0));
        report.add(Figure::new("added latency at half load, p99", median(&mut tails), "ms").at_most(3.0));
        report.add(Figure::new("latency of the backend alone, p50", median(&mut direct_middles), "ms"));
        report.add(Figure::new("latency of the backend alone, p99", median(&mut direct_tails), "ms"));
        if let Some(load) = last {
            load.tell("at half load", report);
        }
        Ok(())
    }

    /// Many relays: memory must not grow with their number.
    pub(crate) fn growth(&mut self, report: &mut Report) -> Result<(), Error> {
        let (pid, relays) = self.relayer()?;
        let mut memory = Vec::new();
        let chunks = self.arguments.relays.div_ceil(CHUNK);
        for _ in 0..chunks {
            let requests = self.surroundings.signer.sign(CHUNK)?;
            run(relays, &requests, self.arguments.callers, Pace::AtOnce, Duration::from_mins(5))?.whole()?;
            self.relays += CHUNK;
            sleep(SETTLE);
            memory.push(mebibytes(pid)?);
        }
        let (first, second) = memory.split_at(memory.len() / 2);
        let highest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let growth = highest(second) - highest(first);
        report.add(Figure::new("memory after all relays", highest(second), "MiB"));
        report.add(Figure::new("growth of memory, second half over first", growth, "MiB").at_most(4.0));
        report.note(format!(
            "Memory after each {CHUNK} of {} relays, {} in all, MiB: {}.",
            chunks * CHUNK,
            self.relays,
            memory.iter().map(|value| format!("{value:.1}")).collect::<Vec<_>>().join(" ")
        ));
        Ok(())
    }

    /// Connections that were used once and are kept.
    pub(crate) fn idle_connections(&mut self, report: &mut Report) -> Result<(), Error> {
        self.relayer = None;
        let (pid, relays) = self.relayer()?;
        let count = self.arguments.connections;
        let mut open = Vec::with_capacity(count);
        for _ in 0..count {
            let mut caller = Caller::connect(relays).map_err(Error::io("open thousands of connections"))?;
            caller.get("/health").map_err(Error::io("use a connection"))?;
            open.push(caller);
        }
        sleep(SETTLE);
        let name = format!("memory with {count} idle connections");
        let figure = Figure::new(name, mebibytes(pid)?, "MiB");
        report.add(if count == 10_000 { figure.at_most(150.0) } else { figure });
        drop(open);
        Ok(())
    }

    /// The same calls without a relayer.
    fn direct(&self, rate: f64) -> Result<Outcome, Error> {
        let count = whole(rate * self.seconds().as_secs_f64());
        let calls: Vec<_> = (0..count).map(|number| post("application/json", call(number).as_bytes())).collect();
        let (address, callers) = (self.surroundings.backend.address, self.arguments.callers);
        run(address, &calls, callers, Pace::PerSecond(rate), self.seconds())?.whole()
    }

    /// Relays for a while, enough of them for this many a second.
    fn load(&mut self, pace: Pace, rate: f64) -> Result<Load, Error> {
        let (pid, relays) = self.relayer()?;
        let requests = self.surroundings.signer.sign(whole(rate * self.seconds().as_secs_f64()))?;
        let multiplication = multiplication::measure();
        self.multiplications.push(multiplication);
        let port = self.surroundings.redis.port();
        let (commands, before) = (commands::read(port)?, process::cpu(pid)?);
        let outcome = run(relays, &requests, self.arguments.callers, pace, self.seconds())?.whole()?;
        let cpu = process::cpu(pid)?.saturating_sub(before);
        let commands = commands::since(&commands, &commands::read(port)?);
        let recorded = commands.get("xadd").copied().unwrap_or(0);
        if usize::try_from(recorded).is_ok_and(|recorded| recorded < outcome.answered) {
            let answered = outcome.answered;
            return Err(Error::Worthless(format!("{answered} relays were answered and {recorded} recorded")));
        }
        self.relays += outcome.answered;
        Ok(Load { outcome, cpu, commands, multiplication })
    }

    fn seconds(&self) -> Duration {
        Duration::from_secs(self.arguments.seconds)
    }
}

/// What one load cost.
struct Load {
    outcome: Outcome,
    cpu: Duration,
    commands: Commands,
    multiplication: Duration,
}

impl Load {
    /// Processor time of a relay, in M.
    fn multiplications(&self) -> f64 {
        self.cpu.as_secs_f64() / float(self.outcome.answered) / self.multiplication.as_secs_f64()
    }

    fn tell(&self, when: &str, report: &mut Report) {
        let relays = float(self.outcome.answered);
        let per_relay = |count: &u64| f64::from(u32::try_from(*count).unwrap_or(u32::MAX)) / relays;
        // What scripts do inside is not asked for over the network.
        let asked = self.commands.iter().filter(|(name, _)| !INSIDE.contains(&name.as_str()));
        let asked: f64 = asked.map(|(_, count)| per_relay(count)).sum();
        report.add(Figure::new(format!("commands to Redis a relay, {when}"), asked, "commands"));
        let each = self.commands.iter().map(|(name, count)| format!("{name} {:.4}", per_relay(count)));
        report.note(format!(
            "Commands of Redis a relay {when}, those inside of scripts too: {}.",
            each.collect::<Vec<_>>().join(", ")
        ));
        let outcome = &self.outcome;
        report.note(format!(
            "The last round {when}: {:.0} relays/s, {:.1} µs of processor time each, latency p50 {:?}, p99 {:?}, p99.9 {:?}.",
            outcome.rate(),
            self.cpu.as_secs_f64() / relays * 1e6,
            outcome.latency(0.5),
            outcome.latency(0.99),
            outcome.latency(0.999)
        ));
    }
}

/// What the append script calls.
const INSIDE: [&str; 9] = ["xadd", "hincrby", "hset", "hget", "hsetnx", "exists", "time", "hexists", "xrange"];

fn mebibytes(pid: u32) -> Result<f64, Error> {
    Ok(float(process::resident(pid)?) / MEBIBYTE)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Counts of relays are far below 2⁵³, and never negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(count: f64) -> usize {
    count.ceil() as usize
}
