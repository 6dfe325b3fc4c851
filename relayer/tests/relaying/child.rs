use std::net::SocketAddr;
use std::process::Stdio;

use relay_core::telemetry::{LogConfig, install_logs};
use relayer::{Config, Relayer};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child as Process, Command};
use tokio_util::sync::CancellationToken;

use super::stage::within;

/// Names the configuration to the process that [`Child`] starts.
const CONFIG: &str = "RELAYER_UNDER_TEST";

/// A relayer in a process of its own, so that the system can be asked what it costs. It is killed when dropped.
pub(crate) struct Child {
    pub(crate) relays: SocketAddr,
    pid: u32,
    _process: Process,
    _config: tempfile::NamedTempFile,
}

impl Child {
    /// Starts this very test program once more, as a relayer, and waits until it is ready.
    pub(crate) async fn start(config: &Config) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        serde_json::to_writer(file.as_file(), config).unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["child::a_relayer_of_its_own", "--exact", "--ignored", "--nocapture"])
            .env(CONFIG, file.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (relays, admin): (SocketAddr, SocketAddr) = within(async {
            loop {
                let line = lines.next_line().await.unwrap().expect("it says where it listens");
                if let Some((relays, admin)) = line.split_once("listens ").and_then(|(_, both)| both.split_once(' ')) {
                    return (relays.parse().unwrap(), admin.parse().unwrap());
                }
            }
        })
        .await;
        within(async {
            while super::stage::get(admin, "/ready").await.0 != 200 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        })
        .await;
        Self { relays, pid: process.id().unwrap(), _process: process, _config: file }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.relays)
    }

    /// The most memory it had at any time, bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Hundredths of a second for which it had a processor.
    pub(crate) fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "this is what `Child` runs"]
async fn a_relayer_of_its_own() {
    let path = std::env::var(CONFIG).expect("only `Child` runs this");
    let config = Config::load(path.as_ref()).unwrap();
    install_logs(&LogConfig { level: "error".to_owned(), ..LogConfig::default() }).unwrap();
    let relayer = Relayer::bind(config, None).await.unwrap();
    println!("\nlistens {} {}", relayer.relay_address().unwrap(), relayer.admin_address().unwrap());
    relayer.serve(CancellationToken::new()).await.unwrap();
}
