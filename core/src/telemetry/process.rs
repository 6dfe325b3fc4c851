//! What this process takes from its machine, and how often something in it panicked. Read from `/proc` when Prometheus asks;
//! where there is none, nothing is shown.

use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The kernel counts processor time in hundredths of a second, whatever its own clock is.
const TICKS_PER_SECOND: f64 = 100.0;

static PANICS: AtomicU64 = AtomicU64::new(0);
static COUNTING: Once = Once::new();

/// Counts panics from now on, beside what is done about them already.
pub(super) fn count_panics() {
    COUNTING.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            before(panic);
        }));
    });
}

/// Memory, processor time, open files, threads and panics of this process.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let panics = ConstCounter::new(PANICS.load(Ordering::Relaxed));
        let text = "Panics of any thread or task, caught or not";
        panics.encode(encoder.encode_descriptor("process_panics", text, None, panics.metric_type())?)?;
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat)) {
            let cpu = ConstCounter::new(seconds);
            let text = "User and system time";
            cpu.encode(encoder.encode_descriptor("process_cpu_seconds", text, None, cpu.metric_type())?)?;
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let files = fs::read_dir("/proc/self/fd").ok().and_then(|files| i64::try_from(files.count()).ok());
        let gauges = [
            ("process_resident_memory_bytes", "Resident memory", kibibytes(&status, "VmRSS:")),
            ("process_virtual_memory_bytes", "Virtual memory", kibibytes(&status, "VmSize:")),
            ("process_threads", "Threads of the operating system", number(&status, "Threads:")),
            ("process_open_fds", "Open files and sockets", files),
            ("process_max_fds", "Most open files and sockets", max_files()),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// Fields 14 and 15, counted from the state: the name in front of it may hold anything, also spaces and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn number(status: &str, name: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn kibibytes(status: &str, name: &str) -> Option<i64> {
    number(status, name)?.checked_mul(1024)
}

fn max_files() -> Option<i64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    number(&limits, "Max open files")
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text;
    use prometheus_client::registry::Registry;

    use super::*;

    fn value(name: &str) -> f64 {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} is missing in\n{text}")).parse().unwrap()
    }

    #[test]
    fn a_process_knows_what_it_takes() {
        let before = value("process_cpu_seconds_total");
        let until = std::time::Instant::now() + std::time::Duration::from_millis(100);
        while std::time::Instant::now() < until || value("process_cpu_seconds_total") <= before {}
        let resident = value("process_resident_memory_bytes");
        assert!((1e6..1e11).contains(&resident), "{resident}");
        let open = value("process_open_fds");
        let more: Vec<_> = (0..40).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        assert!(value("process_open_fds") >= open + 20.0);
        drop(more);
        assert!(value("process_max_fds") > open && value("process_threads") >= 1.0);
    }

    #[test]
    fn the_name_of_a_process_may_be_anything() {
        let stat = "7 (a b) S) S 1 7 7 0 -1 4194304 100 0 0 0 250 150 0 0 20 0 1 0 5 0 0";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(cpu_seconds("7 (a"), None);
    }

    // rule: D-51
    #[test]
    fn panics_are_counted_where_everything_else_is() {
        count_panics();
        let before = value("process_panics_total");
        let thread = std::thread::spawn(|| panic!("on purpose"));
        assert!(thread.join().is_err());
        assert!(value("process_panics_total") > before);
    }
}
