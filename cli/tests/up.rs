//! `up` with real relayers and miners, on a real chain and a real Redis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use program::{command, complaint, printed, repository, run};
use serde_json::Value;
use testbed::{Backend, Chain, Genesis, Redis};

const LIMIT: Duration = Duration::from_mins(1);

struct Surroundings {
    chain: Chain,
    redis: Redis,
    backend: Backend,
    folder: tempfile::TempDir,
}

impl Surroundings {
    /// A chain with the two suppliers of `examples/demo`, and that example with the addresses of this run.
    async fn start() -> Self {
        let genesis = Genesis::new().suppliers(2).block_time(Duration::from_secs(1));
        let (chain, redis) = (Chain::start(genesis).await.unwrap(), Redis::start().await.unwrap());
        let backend = Backend::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        for file in ["pools.yaml", "suppliers.yaml"] {
            let text = std::fs::read_to_string(repository(&format!("examples/demo/{file}"))).unwrap();
            let text = text
                .replace("http://127.0.0.1:26657", chain.rpc())
                .replace("http://127.0.0.1:9090", &chain.grpc())
                .replace("redis://127.0.0.1:6379/0", &redis.url())
                .replace("http://127.0.0.1:8545", &backend.url());
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        Self { chain, redis, backend, folder }
    }

    fn folder(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn send(&self, relayer: &str, count: &str) -> std::process::Output {
        self.send_signed_by("app1", "--application-key", relayer, count)
    }

    fn send_signed_by(&self, signer: &str, flag: &str, relayer: &str, count: &str) -> std::process::Output {
        let signer = self.chain.account(signer).unwrap();
        let application = self.chain.account("app1").unwrap();
        let (rpc, grpc) = (self.chain.rpc(), self.chain.grpc());
        run(&[
            "relay",
            "jsonrpc",
            "--relayer",
            relayer,
            "--application",
            &application.address,
            flag,
            &signer.private_key,
            "--service",
            "svc1",
            "--rpc",
            rpc,
            "--grpc",
            &grpc,
            "-n",
            count,
            "--concurrency",
            "4",
            "--json",
        ])
    }
}

/// A running `up` that prints JSON.
struct Up {
    process: Child,
    lines: Receiver<Value>,
}

impl Up {
    fn start(folder: &str) -> Self {
        let arguments =
            ["up", "-f", folder, "--output", "json", "--relayer-listen", "127.0.0.1:0", "--status-every", "1s"];
        let mut process = command(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    /// The first event from now on that is wanted.
    fn wait(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        let mut seen = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.lines.recv_timeout(left) {
                Ok(event) if wanted(&event) => return event,
                Ok(event) => seen.push(event.to_string()),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => panic!("up ended; it said\n{}", seen.join("\n")),
            }
        }
        panic!("not in time; up said\n{}", seen.join("\n"))
    }

    fn ready(&self) -> String {
        let event = self.wait(|event| event["event"] == "fleet_ready");
        event["relayers"][0].as_str().unwrap().to_owned()
    }

    fn signal(&self, signal: &str) {
        let status = std::process::Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Already ended in the good case.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Process ids of the fleet's processes, from the system: whoever has the folder in its command line.
fn processes_of(folder: &str) -> Vec<u32> {
    let own = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        (line.contains("--until-input-ends") && line.contains(folder)).then_some(pid)
    });
    own.collect()
}

// rule: D-31, R-20
#[tokio::test(flavor = "multi_thread")]
async fn relays_are_served_recorded_and_seen() {
    let around = Surroundings::start().await;
    let up = Up::start(around.folder());
    let relayer = up.ready();

    let sent = around.send(&relayer, "20");
    assert!(sent.status.success(), "{}{}", printed(&sent), complaint(&sent));
    let report: Value = serde_json::from_str(&printed(&sent)).unwrap();
    assert_eq!((&report["sent"], &report["verified"]), (&20.into(), &20.into()));
    assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert_eq!(report["suppliers"].as_object().unwrap().len(), 2, "{report}");
    let by_gateway = around.send_signed_by("gateway1", "--gateway-key", &relayer, "3");
    assert!(by_gateway.status.success(), "{}", complaint(&by_gateway));
    let by_stranger = around.send_signed_by("supplier1", "--gateway-key", &relayer, "3");
    assert!(complaint(&by_stranger).contains("neither to the application nor to one of its gateways"));
    assert_eq!(around.backend.requests(), 23);

    let progress = up.wait(|event| event["event"] == "progress" && event["open_relays"] == 23);
    assert_eq!(progress["suppliers"], serde_json::json!([2, 2]));
    let log = std::fs::read_to_string(around.folder.path().join(".pocket/logs/demo-relayer-0.log")).unwrap();
    assert!(log.contains("relayer serves") && log.lines().count() < 20, "23 relays must not make 23 lines:\n{log}");
    let table = printed(&run(&["get", "suppliers", "-f", around.folder()]));
    for line in table.lines().skip(1) {
        assert!(line.contains(" True ") && line.contains(" demo-miner-"), "{table}");
    }

    let wrong = around.send("http://127.0.0.1:1", "2");
    assert!(!wrong.status.success());
    assert!(complaint(&wrong).contains("2 of 2 relays have no good answer"), "{}", complaint(&wrong));

    up.signal("-TERM");
    let first = up.wait(|event| event["event"] == "stopped");
    assert_eq!((&first["process"], &first["how"]), (&"demo-relayer-0".into(), &"exit status: 0".into()));
    for _ in 0..2 {
        let next = up.wait(|event| event["event"] == "stopped");
        assert_eq!(next["how"], "exit status: 0", "{next}");
    }
    let mut up = up;
    assert!(up.process.wait().unwrap().success());
    drop(around.redis);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_comes_back_and_none_outlives_up() {
    let around = Surroundings::start().await;
    let mut up = Up::start(around.folder());
    let started = up.wait(|event| event["event"] == "started" && event["process"] == "demo-relayer-0");
    let relayer = up.ready();

    let pid = started["pid"].as_u64().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let exited = up.wait(|event| event["event"] == "exited");
    assert_eq!((&exited["process"], &exited["how"]), (&"demo-relayer-0".into(), &"signal: 9 (SIGKILL)".into()));
    up.wait(|event| event["event"] == "ready" && event["process"] == "demo-relayer-0");
    let sent = around.send(&relayer, "4");
    assert!(sent.status.success(), "{}{}", printed(&sent), complaint(&sent));

    assert_eq!(processes_of(around.folder()).len(), 3);
    up.signal("-KILL");
    up.process.wait().unwrap();
    let deadline = Instant::now() + LIMIT;
    while !processes_of(around.folder()).is_empty() {
        assert!(Instant::now() < deadline, "processes outlive up: {:?}", processes_of(around.folder()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
