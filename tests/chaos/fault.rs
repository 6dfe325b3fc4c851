//! What can go wrong, and the steps that bring it about and end it.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use testbed::Faults;
use testbed::proxy::{Failure, Lag, LateBroadcasts};

use crate::scenario::{CLAIM, PROOF, WIDER};

/// Who suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Miner(usize),
    Relayer,
    Redis,
    Node,
    Pace,
    Governance,
}

/// One fault; `blocks` is how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    KillMiner { miner: usize, blocks: u64 },
    StopMiner { miner: usize, blocks: u64 },
    FreezeMiner { miner: usize, blocks: u64 },
    KillRelayer { blocks: u64 },
    KillRedis { blocks: u64 },
    PauseRedis { seconds: u64 },
    FillRedis { blocks: u64 },
    PowerLoss { blocks: u64, millis: u64 },
    Node { trouble: NodeTrouble, blocks: u64 },
    Jump { blocks: u64 },
    Windows { claim: u64, proof: u64 },
}

/// What is wrong with the node that miners and relayer use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeTrouble {
    /// So many blocks behind; transactions arrive as late.
    Lag(u32),
    /// So many blocks behind; acknowledged transactions get lost.
    ForgetfulLag(u32),
    /// Nothing answers.
    Stall,
    /// No connection stays open.
    Disconnect,
    /// Each question is answered with an error.
    Errors,
    /// Each query is answered with the error of a node that has just started.
    NotReady,
    /// Transactions are acknowledged and lost, as by a mempool that evicts.
    DropBroadcasts,
    /// No event comes; questions are answered.
    QuietFeed,
}

/// One action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    KillMiner(usize),
    /// In an orderly way (SIGTERM).
    StopMiner(usize),
    StartMiner(usize),
    FreezeMiner(usize),
    ThawMiner(usize),
    KillRelayer,
    StartRelayer,
    KillRedis,
    StartRedis,
    PauseRedis {
        seconds: u64,
    },
    FillRedis,
    DrainRedis,
    CutPower {
        millis: u64,
    },
    Node(NodeTrouble),
    HealNode,
    Jump {
        blocks: u64,
    },
    /// Governance changes the windows of later sessions to so many blocks.
    Windows {
        claim: u64,
        proof: u64,
    },
}

impl Fault {
    /// A fault of this target.
    pub(crate) fn draw(target: Target, random: &mut StdRng) -> Self {
        match target {
            Target::Miner(miner) => match random.random_range(0..5) {
                0 | 1 => Self::KillMiner { miner, blocks: random.random_range(1..=6) },
                // It has to end within its deadlines, whatever else fails.
                2 => Self::StopMiner { miner, blocks: random.random_range(9..=11) },
                // A lease lasts 6 s.
                _ => Self::FreezeMiner { miner, blocks: random.random_range(8..=11) },
            },
            Target::Relayer => Self::KillRelayer { blocks: random.random_range(1..=3) },
            Target::Redis => match random.random_range(0..4) {
                0 => Self::KillRedis { blocks: random.random_range(1..=4) },
                1 => Self::PauseRedis { seconds: random.random_range(1..=7) },
                2 => Self::FillRedis { blocks: random.random_range(2..=6) },
                _ => Self::PowerLoss { blocks: random.random_range(1..=3), millis: random.random_range(500..=2000) },
            },
            Target::Node => {
                let trouble = match random.random_range(0..8) {
                    0 => NodeTrouble::Lag(random.random_range(2..=5)),
                    1 => NodeTrouble::ForgetfulLag(random.random_range(2..=5)),
                    2 => NodeTrouble::Stall,
                    3 => NodeTrouble::Disconnect,
                    4 => NodeTrouble::Errors,
                    5 => NodeTrouble::NotReady,
                    6 => NodeTrouble::DropBroadcasts,
                    _ => NodeTrouble::QuietFeed,
                };
                Self::Node { trouble, blocks: random.random_range(4..=12) }
            }
            Target::Pace => Self::Jump { blocks: random.random_range(2..=5) },
            Target::Governance => Self::Windows {
                claim: CLAIM + random.random_range(0..=WIDER),
                proof: PROOF + random.random_range(0..=WIDER),
            },
        }
    }

    /// For how many blocks.
    pub(crate) fn lasts(self) -> u64 {
        match self {
            Self::PauseRedis { seconds } => seconds,
            Self::Jump { .. } | Self::Windows { .. } => 0,
            fault => fault.steps().1.map_or(0, |(after, _)| after),
        }
    }

    /// What begins it, and what ends it how many blocks later; what ends by itself is left to.
    pub(crate) fn steps(self) -> (Step, Option<(u64, Step)>) {
        match self {
            Self::KillMiner { miner, blocks } => (Step::KillMiner(miner), Some((blocks, Step::StartMiner(miner)))),
            Self::StopMiner { miner, blocks } => (Step::StopMiner(miner), Some((blocks, Step::StartMiner(miner)))),
            Self::FreezeMiner { miner, blocks } => (Step::FreezeMiner(miner), Some((blocks, Step::ThawMiner(miner)))),
            Self::KillRelayer { blocks } => (Step::KillRelayer, Some((blocks, Step::StartRelayer))),
            Self::KillRedis { blocks } => (Step::KillRedis, Some((blocks, Step::StartRedis))),
            Self::PauseRedis { seconds } => (Step::PauseRedis { seconds }, None),
            Self::FillRedis { blocks } => (Step::FillRedis, Some((blocks, Step::DrainRedis))),
            Self::PowerLoss { blocks, millis } => (Step::CutPower { millis }, Some((blocks, Step::StartRedis))),
            Self::Node { trouble, blocks } => (Step::Node(trouble), Some((blocks, Step::HealNode))),
            Self::Jump { blocks } => (Step::Jump { blocks }, None),
            Self::Windows { claim, proof } => (Step::Windows { claim, proof }, None),
        }
    }
}

impl NodeTrouble {
    pub(crate) fn faults(self) -> Faults {
        let lag = |blocks, broadcasts| Faults { lag: Some(Lag { blocks, broadcasts }), ..Faults::default() };
        match self {
            Self::Lag(blocks) => lag(blocks, LateBroadcasts::Forward),
            Self::ForgetfulLag(blocks) => lag(blocks, LateBroadcasts::Drop),
            Self::Stall => Faults { delay: Duration::MAX, ..Faults::default() },
            Self::Disconnect => Faults { cut: true, ..Faults::default() },
            Self::Errors => Faults::failing(Failure::Http(http::StatusCode::SERVICE_UNAVAILABLE)),
            Self::NotReady => Faults::failing(Failure::not_ready()),
            Self::DropBroadcasts => Faults { drop_broadcasts: true, ..Faults::default() },
            Self::QuietFeed => Faults { swallow_events: true, ..Faults::default() },
        }
    }
}

/// What tests of schedules ask.
impl Step {
    /// How many [`Step::kind`]s there are: 16 without the node's, and eight troubles of a node.
    pub(crate) const KINDS: usize = 16 + 8;

    pub(crate) fn target(self) -> Target {
        match self {
            Self::KillMiner(miner)
            | Self::StopMiner(miner)
            | Self::StartMiner(miner)
            | Self::FreezeMiner(miner)
            | Self::ThawMiner(miner) => Target::Miner(miner),
            Self::KillRelayer | Self::StartRelayer => Target::Relayer,
            Self::Node(_) | Self::HealNode => Target::Node,
            Self::Jump { .. } => Target::Pace,
            Self::Windows { .. } => Target::Governance,
            _ => Target::Redis,
        }
    }

    /// Whether it takes another step to end this.
    pub(crate) fn lasts(self) -> bool {
        !matches!(self, Self::PauseRedis { .. } | Self::Jump { .. } | Self::Windows { .. })
    }

    /// Whose trouble it ends.
    pub(crate) fn undoes(self) -> Option<Target> {
        let undoes = matches!(
            self,
            Self::StartMiner(_)
                | Self::ThawMiner(_)
                | Self::StartRelayer
                | Self::StartRedis
                | Self::DrainRedis
                | Self::HealNode
        );
        undoes.then(|| self.target())
    }

    /// Its name, without the numbers.
    pub(crate) fn kind(&self) -> String {
        format!("{self:?}").chars().filter(char::is_ascii_alphabetic).collect()
    }
}
