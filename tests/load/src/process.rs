//! Other processes, seen from outside.

use std::fs;
use std::time::Duration;

use crate::Error;

/// The kernel counts processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process since its start.
pub(crate) fn cpu(pid: u32) -> Result<Duration, Error> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(Error::io("read the time of a process"))?;
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    // User and system time are the fields 14 and 15; the third is the first after the name.
    let ticks: Option<u32> = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u32>().ok()).sum();
    ticks.map(|ticks| TICK * ticks).ok_or_else(|| Error::Worthless("the time of a process cannot be read".to_owned()))
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> Result<usize, Error> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).map_err(Error::io("read the memory of a process"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    let unreadable = || Error::Worthless("the memory of a process cannot be read".to_owned());
    kibibytes.map(|count| count * 1024).ok_or_else(unreadable)
}
