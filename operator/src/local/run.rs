//! `up`: all steps, one after the other, and then the watch over what runs.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use relay_core::telemetry::LogConfig;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::admin::{AdminClient, Readiness};
use super::apply::apply;
use super::event::{Event, Progress};
use super::workspace::{Workspace, WorkspaceError};
use super::{dereference, ports};
use crate::build::{BuildError, Bundle, Process, Role, Site, build};
use crate::manifest::FolderError;
use crate::status::{MinerReport, work};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What `up` is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder with the manifests.
    pub folder: PathBuf,
    /// Where keys, configurations and logs go.
    pub state_folder: PathBuf,
    /// Where the first relayer listens; the others take the ports above. Port 0: free ones.
    pub relayer_listen: SocketAddr,
    /// The log of each process.
    pub logs: LogConfig,
    /// The least time between two lines of progress.
    pub status_every: Duration,
    /// The program that has the roles as sub-commands.
    pub program: PathBuf,
}

/// Why a fleet cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The files are not usable.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// They cannot become processes.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The state folder is not usable.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// There are no ports to listen on.
    #[error("cannot find ports to listen on from {base}: {source}")]
    Ports {
        /// The address that was asked for.
        base: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Runs the fleet of a folder until `stop`. Everything that happens is sent to `events`.
pub async fn up(options: &Options, events: mpsc::Sender<Event>, stop: CancellationToken) -> Result<(), UpError> {
    let fleet = dereference::fleet(&options.folder)?;
    let workspace = Workspace::open(&options.state_folder)?;
    let ports = |source| UpError::Ports { base: options.relayer_listen, source };
    let site = Site {
        folder: workspace.folder().to_owned(),
        relay_addresses: ports::relay_addresses(options.relayer_listen, fleet.relayers()).map_err(ports)?,
        admin_addresses: ports::admin_addresses(fleet.processes()).map_err(ports)?,
        logs: options.logs.clone(),
    };
    let bundle = build(&fleet, &site)?;
    workspace.write(&bundle, SystemTime::now())?;
    let suppliers = fleet.suppliers().count();
    drop(fleet);

    let running = apply(&bundle, &workspace, &options.program, &events);
    let mut watch = Watch::new(&bundle, suppliers, options.status_every);
    while !stop.is_cancelled() {
        for event in watch.look().await {
            // Nobody listens any more: the fleet goes on.
            let _ = events.send(event).await;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    running.stop().await;
    Ok(())
}

/// Turns what processes say into the few lines worth telling.
struct Watch<'a> {
    client: AdminClient,
    processes: Vec<Seen<'a>>,
    suppliers: usize,
    every: Duration,
    fleet_was_ready: bool,
    last: Progress,
    last_told: Instant,
}

struct Seen<'a> {
    process: &'a Process,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Unknown,
    Ready,
    /// Because of these checks; none when it does not answer.
    NotReady(Vec<String>),
}

impl<'a> Watch<'a> {
    fn new(bundle: &'a Bundle, suppliers: usize, every: Duration) -> Self {
        let processes = bundle.processes.iter().map(|process| Seen { process, state: State::Unknown }).collect();
        let (last, last_told) = (Progress::default(), Instant::now());
        Self { client: AdminClient::new(), processes, suppliers, every, fleet_was_ready: false, last, last_told }
    }

    async fn look(&mut self) -> Vec<Event> {
        let answers = self.processes.iter().map(|seen| self.client.readiness(seen.process.admin));
        let answers = futures::future::join_all(answers).await;
        let mut events = Vec::new();
        for (seen, answer) in self.processes.iter_mut().zip(answers) {
            events.extend(seen.update(answer));
        }
        if !self.fleet_was_ready && self.processes.iter().all(Seen::ready) {
            self.fleet_was_ready = true;
            let addresses = self.processes.iter().filter_map(|seen| seen.process.listen);
            events.push(Event::FleetReady { relayers: addresses.map(|address| format!("http://{address}")).collect() });
        }
        events.extend(self.progress().await);
        events
    }

    async fn progress(&mut self) -> Option<Event> {
        if self.last_told.elapsed() < self.every {
            return None;
        }
        let miners = self.processes.iter().filter(|seen| seen.process.role == Role::Miner);
        let reports = miners.map(|seen| self.client.status::<MinerReport>(seen.process.admin));
        let reports: Vec<MinerReport> = futures::future::join_all(reports).await.into_iter().flatten().collect();
        let work = work(&reports);
        let count = |role: Role| {
            let of_role = self.processes.iter().filter(move |seen| seen.process.role == role);
            (of_role.clone().filter(|seen| seen.ready()).count(), of_role.count())
        };
        let progress = Progress {
            height: work.height,
            miners: count(Role::Miner),
            relayers: count(Role::Relayer),
            suppliers: (work.owned, self.suppliers),
            open_sessions: work.open_sessions,
            open_relays: work.open_relays,
            settled_claims: work.settled_claims,
            settled_relays: work.settled_relays,
            earned_upokt: work.earned.to_string(),
            lost_relays: work.lost_relays,
        };
        // A new block alone is no news.
        if (Progress { height: self.last.height, ..progress.clone() }) == self.last {
            return None;
        }
        self.last_told = Instant::now();
        self.last = progress.clone();
        Some(Event::Progress(progress))
    }
}

impl Seen<'_> {
    fn ready(&self) -> bool {
        self.state == State::Ready
    }

    /// The event that a new answer makes, if it says something new.
    fn update(&mut self, answer: Result<Readiness, String>) -> Option<Event> {
        let (state, why) = match answer {
            Ok(readiness) if readiness.ready => (State::Ready, None),
            Ok(readiness) => (State::NotReady(readiness.failed()), Some(readiness.why_not())),
            // A process that just started does not answer yet; one that answered before is worth a line.
            Err(_) if self.state == State::Unknown => return None,
            Err(why) => (State::NotReady(Vec::new()), Some(why)),
        };
        if self.state == state {
            return None;
        }
        self.state = state;
        let process = self.process.name.clone();
        Some(match why {
            None => Event::Ready { process },
            Some(why) => Event::NotReady { process, why },
        })
    }
}
