//! The fourth step: processes that do what was built.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::event::Event;
use super::process::{Recipe, supervise};
use super::workspace::Workspace;
use crate::build::{Bundle, Process, Role};

/// Longer than the drain that relayers are configured with.
const RELAYER_PATIENCE: Duration = Duration::from_secs(15);
/// A miner gives back its leases and is done.
const MINER_PATIENCE: Duration = Duration::from_secs(10);

/// A fleet of running processes.
#[derive(Debug)]
pub struct Running {
    miners: Group,
    relayers: Group,
}

#[derive(Debug)]
struct Group {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Group {
    fn new() -> Self {
        Self { stop: CancellationToken::new(), tasks: JoinSet::new() }
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.join_all().await;
    }
}

/// Starts every process of the bundle with `program`, this very binary.
#[must_use]
pub fn apply(bundle: &Bundle, workspace: &Workspace, program: &Path, events: &mpsc::Sender<Event>) -> Running {
    let mut running = Running { miners: Group::new(), relayers: Group::new() };
    let Bundle { keys: _, processes } = bundle;
    for process in processes {
        let (group, patience) = match process.role {
            Role::Miner => (&mut running.miners, MINER_PATIENCE),
            Role::Relayer => (&mut running.relayers, RELAYER_PATIENCE),
        };
        let recipe = recipe(process, workspace, program.to_owned(), patience);
        group.tasks.spawn(supervise(recipe, events.clone(), group.stop.clone()));
    }
    running
}

fn recipe(process: &Process, workspace: &Workspace, program: PathBuf, patience: Duration) -> Recipe {
    let config = workspace.folder().join(&process.path).display().to_string();
    let arguments = [process.role.command(), "--config", &config, "--until-input-ends"];
    Recipe {
        name: process.name.clone(),
        program,
        arguments: arguments.map(str::to_owned).to_vec(),
        log: workspace.log_path(&process.name),
        patience,
    }
}

impl Running {
    /// Ends the relayers, which drain, and then the miners, which have by then read everything the relayers recorded.
    pub async fn stop(self) {
        self.relayers.end().await;
        self.miners.end().await;
    }
}
