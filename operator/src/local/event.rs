use std::fmt;

use serde::Serialize;

/// Something that happened to a fleet. Displays as a line for people, serialises as one for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A process runs.
    Started {
        /// Which.
        process: String,
        /// Its id.
        pid: u32,
    },
    /// A process ended without being told to; it will be started again.
    Exited {
        /// Which.
        process: String,
        /// Its exit status.
        how: String,
        /// The last line of its log.
        last_line: Option<String>,
        /// Its log.
        log: String,
        /// The pause before it is started again.
        again_in_ms: u64,
    },
    /// A process became ready.
    Ready {
        /// Which.
        process: String,
    },
    /// A process is not ready, or not any more.
    NotReady {
        /// Which.
        process: String,
        /// Why.
        why: String,
    },
    /// Every process is ready for the first time.
    FleetReady {
        /// Where relays can be sent.
        relayers: Vec<String>,
    },
    /// How the work stands.
    Progress(Progress),
    /// A process ended because it was told to.
    Stopped {
        /// Which.
        process: String,
        /// Its exit status.
        how: String,
    },
}

/// How the work of a fleet stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The newest block a miner has seen.
    pub height: i64,
    /// Ready miners of all.
    pub miners: (usize, usize),
    /// Ready relayers of all.
    pub relayers: (usize, usize),
    /// Suppliers that a miner owns, of all.
    pub suppliers: (usize, usize),
    /// Sessions that are not settled.
    pub open_sessions: usize,
    /// Relays in them.
    pub open_relays: u64,
    /// Settled claims.
    pub settled_claims: u64,
    /// Relays in them.
    pub settled_relays: u64,
    /// What they paid out, in uPOKT.
    pub earned_upokt: String,
    /// Relays that will not be paid.
    pub lost_relays: u64,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { process, pid } => write!(f, "{process}: started, process {pid}"),
            Self::Exited { process, how, last_line, log, again_in_ms } => {
                write!(f, "{process}: ended ({how}), starts again in {again_in_ms} ms; its log is {log}")?;
                match last_line {
                    Some(line) => write!(f, "\n    {line}"),
                    None => Ok(()),
                }
            }
            Self::Ready { process } => write!(f, "{process}: ready"),
            Self::NotReady { process, why } => write!(f, "{process}: not ready: {why}"),
            Self::FleetReady { relayers } => write!(f, "ready: relayers {}", relayers.join(" ")),
            Self::Progress(progress) => progress.fmt(f),
            Self::Stopped { process, how } => write!(f, "{process}: stopped ({how})"),
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "height {}: miners {}/{}, relayers {}/{}, suppliers owned {}/{}, open sessions {} with {} relays, settled {} \
             claims with {} relays, earned {}upokt, lost {}",
            self.height,
            self.miners.0,
            self.miners.1,
            self.relayers.0,
            self.relayers.1,
            self.suppliers.0,
            self.suppliers.1,
            self.open_sessions,
            self.open_relays,
            self.settled_claims,
            self.settled_relays,
            if self.earned_upokt.is_empty() { "0" } else { &self.earned_upokt },
            self.lost_relays,
        )
    }
}
