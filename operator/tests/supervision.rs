//! Processes that fail are started again, with growing pauses; processes that are told to end are given their time.
//!
//! The program is a shell script here: what matters is how it is started, watched and ended, not what it does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod folder;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use folder::Folder;
use operator::local::{Event, Options, UpError, Workspace, up};
use relay_core::telemetry::LogConfig;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(20);

struct Fleet {
    folder: Folder,
    events: mpsc::Receiver<Event>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), UpError>>,
}

impl Fleet {
    /// Starts two miners and two relayers that are all this script.
    fn start(script: &str) -> Self {
        let folder = Folder::good();
        let program = program(folder.path(), script);
        let (sender, events) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let (options, told) = (options(folder.path(), program), stop.clone());
        let task = tokio::spawn(async move { up(&options, sender, told).await });
        Self { folder, events, stop, task }
    }

    async fn next(&mut self) -> Event {
        tokio::time::timeout(LIMIT, self.events.recv()).await.expect("an event in time").expect("a running fleet")
    }

    async fn end(mut self) -> Vec<Event> {
        self.stop.cancel();
        let mut rest = Vec::new();
        while let Some(event) = tokio::time::timeout(LIMIT, self.events.recv()).await.expect("an end in time") {
            rest.push(event);
        }
        self.task.await.unwrap().unwrap();
        rest
    }
}

fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("program");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

fn options(folder: &Path, program: PathBuf) -> Options {
    Options {
        folder: folder.to_owned(),
        state_folder: folder.join(".pocket"),
        relayer_listen: "127.0.0.1:0".parse().unwrap(),
        logs: LogConfig::default(),
        status_every: Duration::from_secs(1),
        program,
    }
}

#[tokio::test]
async fn a_failing_process_starts_again_after_growing_pauses() {
    let mut fleet = Fleet::start("echo 'error: no such host' >&2; exit 3");
    let mut pauses = Vec::new();
    while pauses.len() < 3 {
        if let Event::Exited { process, how, last_line, again_in_ms, .. } = fleet.next().await
            && process == "main-miner-0"
        {
            assert_eq!((how.as_str(), last_line.as_deref()), ("exit status: 3", Some("error: no such host")));
            pauses.push(again_in_ms);
        }
    }
    assert_eq!(pauses, [500, 1000, 2000]);
    fleet.end().await;
}

#[tokio::test]
async fn an_end_closes_the_input_of_relayers_first() {
    let mut fleet = Fleet::start("echo \"$@\"; cat > /dev/null; echo 'ended well'");
    for _ in 0..4 {
        assert!(matches!(fleet.next().await, Event::Started { .. }));
    }
    let logs = fleet.folder.path().join(".pocket/logs");
    while std::fs::read_to_string(logs.join("main-miner-1.log")).map_or(0, |text| text.len()) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let path = logs.join("main-miner-1.log");
    let folder = fleet.folder.path().join(".pocket/config/main-miner-1.yaml").canonicalize().unwrap();
    let log = std::fs::read_to_string(&path).unwrap();
    assert_eq!(log.trim(), format!("miner --config {} --until-input-ends", folder.display()));

    let kept = std::fs::File::open(&path).unwrap();
    let order: Vec<String> = fleet
        .end()
        .await
        .into_iter()
        .filter_map(|event| match event {
            Event::Stopped { process, how } => {
                assert_eq!(how, "exit status: 0", "{process}");
                Some(process)
            }
            _ => None,
        })
        .collect();
    assert_eq!(order.len(), 4);
    assert!(order[..2].iter().all(|process| process.contains("relayer")), "{order:?}");
    let log = std::io::read_to_string(kept).unwrap();
    assert!(log.ends_with("ended well\n"), "{log}");
}

#[tokio::test]
async fn a_second_fleet_from_the_same_folder_is_refused() {
    let mut fleet = Fleet::start("cat > /dev/null");
    assert!(matches!(fleet.next().await, Event::Started { .. }));
    let state = fleet.folder.path().join(".pocket");
    let running = Workspace::running(&state).unwrap().expect("a running fleet");
    assert_eq!(running.pid, std::process::id());
    assert_eq!(running.processes.len(), 4);

    let (sender, _events) = mpsc::channel(64);
    let options = options(fleet.folder.path(), fleet.folder.path().join("program"));
    let told = up(&options, sender, CancellationToken::new()).await.unwrap_err().to_string();
    assert!(told.contains("a fleet already runs"), "{told}");

    let folder = Folder::good();
    assert!(Workspace::running(&folder.path().join(".pocket")).unwrap().is_none());
    fleet.end().await;
}

#[tokio::test]
async fn keys_can_be_read_by_their_owner_only() {
    let mut fleet = Fleet::start("cat > /dev/null");
    assert!(matches!(fleet.next().await, Event::Started { .. }));
    let state = fleet.folder.path().join(".pocket");
    let mode = |path: &str| state.join(path).metadata().unwrap().permissions().mode() & 0o777;
    let key = "keys/main/pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur";
    assert_eq!((mode(""), mode("keys"), mode("keys/main"), mode(key)), (0o700, 0o700, 0o700, 0o600));
    assert_eq!(mode("config/main-relayer-0.yaml"), 0o600);
    assert_eq!(std::fs::read_to_string(state.join(".gitignore")).unwrap(), "*\n");
    fleet.end().await;
}
