//! The rule under three actors, links that fail for one and not for another, pauses, lost answers and clocks of different rates.

use std::time::Duration;

use proptest::prelude::*;

use super::rule::{Answer, Candidacy, Side, Step, Times};

const ACTORS: usize = 3;
const TICK: u64 = 50;
const TIMES: Times = Times { ttl: Duration::from_secs(3), renew: Duration::from_secs(1) };

/// What is wrong for a while.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    /// Bits: for each actor whether it reaches the Lease (0 to 2) and Redis (3 to 5).
    links: u8,
    /// Bits: who is paused.
    paused: u8,
    /// In ticks.
    lasts: u16,
}

impl Trouble {
    fn reaches(self, actor: usize, side: Side) -> bool {
        let bit = actor + if side == Side::Redis { ACTORS } else { 0 };
        self.links & (1 << bit) != 0
    }
}

const CALM: Trouble = Trouble { links: 0b11_1111, paused: 0, lasts: 0 };

/// A lock as its server keeps it, in true time.
#[derive(Debug, Default, Clone)]
struct Server {
    holder: Option<(usize, u64)>,
    tenures: u64,
    ends: u64,
}

impl Server {
    fn acquire(&mut self, actor: usize, now: u64) -> Option<u64> {
        if self.holder.is_some_and(|(holder, _)| holder != actor) && now < self.ends {
            return None;
        }
        self.tenures += 1;
        self.holder = Some((actor, self.tenures));
        self.ends = now + 3_000;
        Some(self.tenures)
    }

    fn renew(&mut self, actor: usize, token: u64, now: u64) -> Option<u64> {
        if self.holder != Some((actor, token)) || now >= self.ends {
            return None;
        }
        self.ends = now + 3_000;
        Some(token)
    }

    fn release(&mut self, actor: usize, token: u64) {
        if self.holder == Some((actor, token)) {
            self.holder = None;
        }
    }
}

/// What a server says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reply {
    NotSeenYet,
    Granted(u64),
    Refused,
}

impl From<Option<u64>> for Reply {
    fn from(token: Option<u64>) -> Self {
        token.map_or(Self::Refused, Self::Granted)
    }
}

/// A request on its way.
#[derive(Debug, Clone)]
struct Flight {
    side: Side,
    step: Step,
    token: u64,
    asked_at: Duration,
    /// In ticks: to the server, back, and until it is given up.
    there: u16,
    back: u16,
    patience: u16,
    /// What the server said, once it saw the request.
    answer: Reply,
    lost: bool,
}

struct Actor {
    rule: Candidacy,
    /// Its clock's rate in thousandths, and its start.
    rate: u64,
    offset: u64,
    tokens: [u64; 2],
    flight: Option<Flight>,
    next_side: Side,
    next_round: Duration,
}

struct World {
    now: u64,
    lease: Server,
    redis: Server,
    actors: Vec<Actor>,
    seed: u64,
    /// The highest token under which Redis took a write.
    written: u64,
}

impl World {
    fn new(rates: [u64; ACTORS], has_lease: bool, seed: u64) -> Self {
        let actor = |(index, rate): (usize, u64)| {
            let offset = 1_000_000 * (index as u64 + 1);
            Actor {
                rule: Candidacy::new(TIMES, has_lease, Duration::from_millis(offset)),
                rate,
                offset,
                tokens: [0; 2],
                flight: None,
                next_side: Side::Lease,
                next_round: Duration::ZERO,
            }
        };
        Self {
            now: 0,
            lease: Server::default(),
            redis: Server::default(),
            actors: rates.into_iter().enumerate().map(actor).collect(),
            seed,
            written: 0,
        }
    }

    fn random(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }

    fn clock(&self, actor: usize) -> Duration {
        let actor = &self.actors[actor];
        Duration::from_millis(actor.offset + self.now * actor.rate / 1_000)
    }

    fn tick(&mut self, trouble: Trouble) {
        self.now += TICK;
        for actor in 0..ACTORS {
            self.travel(actor, trouble);
            if trouble.paused & (1 << actor) == 0 {
                self.act(actor);
            }
        }
    }

    /// Requests travel also while their sender is paused.
    fn travel(&mut self, actor: usize, trouble: Trouble) {
        let Some(mut flight) = self.actors[actor].flight.take() else { return };
        let reaches = trouble.reaches(actor, flight.side);
        flight.patience = flight.patience.saturating_sub(1);
        if flight.there > 0 {
            flight.there -= 1;
        } else if flight.answer == Reply::NotSeenYet {
            if reaches && !flight.lost {
                let now = self.now;
                let server = if flight.side == Side::Lease { &mut self.lease } else { &mut self.redis };
                flight.answer = match flight.step {
                    Step::Acquire => server.acquire(actor, now).into(),
                    Step::Renew => server.renew(actor, flight.token, now).into(),
                    Step::Release => {
                        server.release(actor, flight.token);
                        Reply::Refused
                    }
                    Step::Nothing => Reply::Refused,
                };
            } else {
                flight.lost = true;
            }
        } else {
            flight.back = flight.back.saturating_sub(1);
            flight.lost |= !reaches;
        }
        self.actors[actor].flight = Some(flight);
    }

    fn act(&mut self, index: usize) {
        let now = self.clock(index);
        if let Some(flight) = self.actors[index].flight.clone() {
            let arrived = flight.answer != Reply::NotSeenYet && flight.back == 0 && !flight.lost;
            if !arrived && flight.patience > 0 {
                return;
            }
            let actor = &mut self.actors[index];
            actor.flight = None;
            if flight.step == Step::Release {
                return;
            }
            let answer = match flight.answer {
                _ if !arrived => Answer::Silent,
                Reply::NotSeenYet => Answer::Silent,
                Reply::Refused => Answer::NotHeld,
                Reply::Granted(token) => {
                    actor.tokens[flight.side as usize] = token;
                    Answer::Held(flight.asked_at + TIMES.ttl)
                }
            };
            actor.rule.note(flight.side, answer, now);
            return;
        }
        if self.actors[index].next_side == Side::Lease && now < self.actors[index].next_round {
            return;
        }
        let (chance, there, back) = (self.random() % 1_000, self.random() % 4, self.random() % 4);
        let actor = &mut self.actors[index];
        let side = actor.next_side;
        let step = actor.rule.step(side, now, f64::from(u16::try_from(chance).unwrap()) / 1_000.0);
        if side == Side::Redis {
            actor.next_round = now + TIMES.renew;
        }
        actor.next_side = if side == Side::Lease { Side::Redis } else { Side::Lease };
        if step == Step::Release {
            actor.rule.gave_back(side);
        }
        if step != Step::Nothing {
            actor.flight = Some(Flight {
                side,
                step,
                token: actor.tokens[side as usize],
                asked_at: now,
                there: u16::try_from(there).unwrap(),
                back: u16::try_from(back).unwrap(),
                patience: 20,
                answer: Reply::NotSeenYet,
                lost: false,
            });
        }
    }

    fn leaders(&self) -> (Vec<usize>, Vec<usize>) {
        let authority = |actor: &usize| self.actors[*actor].rule.authority(self.clock(*actor));
        let redis = (0..ACTORS).filter(|actor| authority(actor).redis).collect();
        let cluster = (0..ACTORS).filter(|actor| authority(actor).cluster).collect();
        (redis, cluster)
    }

    /// Every actor that thinks it may writes to Redis under its token; Redis takes only the live one.
    fn write(&mut self) -> Result<(), String> {
        for actor in self.leaders().0 {
            let token = self.actors[actor].tokens[Side::Redis as usize];
            if self.redis.holder == Some((actor, token)) && self.now < self.redis.ends {
                if token < self.written {
                    return Err(format!("tenure {token} wrote after {}", self.written));
                }
                self.written = token;
            }
        }
        Ok(())
    }

    fn run(&mut self, trouble: Trouble, clocks_agree: bool) -> Result<(), String> {
        for _ in 0..trouble.lasts {
            self.tick(trouble);
            self.write()?;
            let (redis, cluster) = self.leaders();
            if clocks_agree && (redis.len() > 1 || cluster.len() > 1) {
                return Err(format!("at {}: two lead: {redis:?} {cluster:?}", self.now));
            }
        }
        Ok(())
    }

    /// Runs until somebody leads what is asked for.
    fn settle(
        &mut self,
        trouble: Trouble,
        within: u64,
        led: impl Fn(&[usize], &[usize]) -> bool,
    ) -> Result<(), String> {
        let began = self.now;
        while self.now < began + within {
            self.run(Trouble { lasts: 1, ..trouble }, false)?;
            let (redis, cluster) = self.leaders();
            if led(&redis, &cluster) {
                return Ok(());
            }
        }
        Err(format!("nobody leads after {within} ms of {trouble:?}"))
    }
}

fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let trouble = (0_u8..64, 0_u8..8, 1_u16..200).prop_map(|(links, paused, lasts)| Trouble { links, paused, lasts });
    proptest::collection::vec(trouble, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_two_that_lead_the_same_and_always_one_in_the_end(
        troubles in troubles(), has_lease: bool, seed in 1_u64.., rates in [950_u64..=1_050, 950..=1_050, 950..=1_050],
    ) {
        let mut world = World::new(rates, has_lease, seed);
        for trouble in troubles {
            world.run(trouble, true).map_err(TestCaseError::fail)?;
        }
        let led = |redis: &[usize], cluster: &[usize]| redis.len() == 1 && (!has_lease || cluster == redis);
        world.settle(CALM, 120_000, led).map_err(TestCaseError::fail)?;
        // And it stays so.
        let leader = world.leaders();
        world.run(Trouble { lasts: 400, ..CALM }, true).map_err(TestCaseError::fail)?;
        prop_assert_eq!(leader, world.leaders());
    }

    /// A clock that is wrong by any factor makes two believe that they lead; Redis still takes writes of one tenure after the other.
    #[test]
    fn a_wrong_clock_lets_no_old_tenure_write(
        troubles in troubles(), has_lease: bool, seed in 1_u64.., rates in [100_u64..=10_000, 100..=10_000, 100..=10_000],
    ) {
        let mut world = World::new(rates, has_lease, seed);
        for trouble in troubles {
            world.run(trouble, false).map_err(TestCaseError::fail)?;
        }
    }

    /// Whichever links are cut for good: who can reach both stores leads one day, and nobody waits for one who cannot.
    #[test]
    fn no_lasting_cut_starves_those_who_reach_both(links in 0_u8..64, seed in 1_u64..) {
        let mut world = World::new([1_000; ACTORS], true, seed);
        let trouble = Trouble { links, ..CALM };
        let able = (0..ACTORS).filter(|actor| trouble.reaches(*actor, Side::Lease) && trouble.reaches(*actor, Side::Redis)).count();
        prop_assume!(able > 0);
        world.settle(trouble, 600_000, |redis, _| redis.len() == 1).map_err(TestCaseError::fail)?;
    }
}

/// Drives one rule by hand.
fn candidate() -> Candidacy {
    Candidacy::new(TIMES, true, Duration::ZERO)
}

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn first_the_lease_then_the_lock() {
    let mut rule = candidate();
    assert_eq!(rule.step(Side::Redis, at(0), 0.5), Step::Nothing);
    assert_eq!(rule.step(Side::Lease, at(0), 0.5), Step::Acquire);
    rule.note(Side::Lease, Answer::Held(at(3_000)), at(10));
    assert_eq!(rule.step(Side::Redis, at(10), 0.5), Step::Acquire);
    assert!(!rule.authority(at(10)).cluster, "not before the lock");
    rule.note(Side::Redis, Answer::Held(at(3_010)), at(20));
    assert!(rule.authority(at(20)).redis && rule.authority(at(20)).cluster);
}

#[test]
fn who_cannot_get_the_second_gives_the_first_back_and_waits() {
    let mut rule = candidate();
    for round in 0..3 {
        assert_ne!(rule.step(Side::Lease, at(round * 1_000), 0.5), Step::Release, "{round}");
        rule.note(Side::Lease, Answer::Held(at(round * 1_000 + 3_000)), at(round * 1_000));
        rule.step(Side::Lease, at(round * 1_000), 0.5);
        rule.note(Side::Redis, Answer::NotHeld, at(round * 1_000));
    }
    assert_eq!(rule.step(Side::Lease, at(3_100), 0.5), Step::Release);
    rule.gave_back(Side::Lease);
    assert_eq!(rule.step(Side::Lease, at(4_000), 0.5), Step::Nothing);
    assert_eq!(rule.step(Side::Redis, at(4_000), 0.5), Step::Nothing);
    assert_eq!(rule.step(Side::Lease, at(3_100 + 3_000), 0.5), Step::Acquire);
}

#[test]
fn a_silent_redis_leaves_the_holder_of_the_lease_what_needs_no_redis() {
    let mut rule = candidate();
    rule.note(Side::Lease, Answer::Held(at(3_000)), at(0));
    assert!(!rule.authority(at(1_000)).cluster);
    rule.note(Side::Redis, Answer::Silent, at(1_000));
    rule.note(Side::Lease, Answer::Held(at(6_000)), at(3_000));
    let authority = rule.authority(at(3_100));
    assert!(authority.cluster && !authority.redis);
    assert_eq!(rule.step(Side::Lease, at(3_100), 0.5), Step::Renew);
}

#[test]
fn without_the_api_server_the_holder_of_the_lock_stays_and_nobody_new_starts() {
    let mut holder = candidate();
    holder.note(Side::Lease, Answer::Held(at(3_000)), at(0));
    holder.note(Side::Redis, Answer::Held(at(3_000)), at(0));
    let mut other = candidate();
    for second in 1..20 {
        let now = at(second * 1_000);
        holder.step(Side::Lease, now, 0.5);
        holder.note(Side::Lease, Answer::Silent, now);
        assert_eq!(holder.step(Side::Redis, now, 0.5), Step::Renew);
        holder.note(Side::Redis, Answer::Held(now + at(3_000)), now);
        let authority = holder.authority(now);
        assert!(authority.redis && (second < 3 || !authority.cluster), "{second}");
        other.note(Side::Lease, Answer::Silent, now);
        assert_eq!(other.step(Side::Redis, now, 0.5), Step::Nothing);
    }
}

#[test]
fn errors_are_tolerated_until_safety_and_a_missed_renewal_is_never_made_up_for() {
    let mut rule = Candidacy::new(TIMES, false, Duration::ZERO);
    rule.note(Side::Redis, Answer::Held(at(3_000)), at(0));
    rule.note(Side::Redis, Answer::Silent, at(1_000));
    rule.note(Side::Redis, Answer::Silent, at(2_000));
    assert!(rule.authority(at(2_399)).redis);
    assert_eq!(rule.step(Side::Redis, at(2_399), 0.5), Step::Renew);
    assert_eq!(rule.changes_at(at(2_000)), Some(at(2_400)));
    assert!(!rule.authority(at(2_400)).redis);
    assert_eq!(rule.step(Side::Redis, at(2_400), 0.5), Step::Acquire);
}
