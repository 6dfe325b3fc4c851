//! What this process and Redis have used.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Processor time of this process at one moment, of all its threads.
pub(crate) struct Spent(Duration);

/// Ticks of `/proc` in a second.
const TICKS: u32 = 100;

impl Spent {
    pub(crate) fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/stat").unwrap();
        // The name of the program is in brackets and may contain blanks.
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = [11, 12].map(|at: usize| fields[at].parse::<u64>().unwrap()).iter().sum();
        Self(Duration::from_secs(ticks) / TICKS)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

/// Bytes of memory that this process has in use.
pub(crate) fn resident() -> i64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<i64>().unwrap() * 1024
}

/// Commands that Redis has run, those of its own connection to this program left out.
pub(crate) fn redis_commands(port: u16) -> u64 {
    let text = info(port, "commandstats");
    let calls = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls: u64 = rest.split(',').next()?.parse().ok()?;
        (name != "info" && name != "quit").then_some(calls)
    };
    text.lines().filter_map(calls).sum()
}

/// Bytes that Redis has allocated for data.
pub(crate) fn redis_memory(port: u16) -> i64 {
    info(port, "memory").lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
}

fn info(port: u16, section: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("INFO {section}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
