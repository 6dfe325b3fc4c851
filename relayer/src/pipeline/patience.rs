//! How long callers of gRPC wait. They say it in `grpc-timeout`; what is left of it is passed on.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

const TIMEOUT: &str = "grpc-timeout";

/// What the caller's headers say. Without them, or with nonsense in them, it waits as long as it takes.
pub(crate) fn patience(headers: &HeaderMap) -> Option<Duration> {
    read(headers.get(TIMEOUT)?.to_str().ok()?)
}

/// Tells the node how long its answer is waited for, if the call itself does not want it sooner.
pub(super) fn pass_on(headers: &mut HeaderMap, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    let least = patience(headers).map_or(left, |asked| asked.min(left));
    headers.insert(TIMEOUT, write(least));
}

/// At most eight digits and a unit.
fn read(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// In milliseconds as long as eight digits hold them (a day and some), else in seconds. Rounded up: no time at all would be an
/// error of its own.
fn write(left: Duration) -> HeaderValue {
    let milliseconds = left.as_millis().max(1);
    let text = if milliseconds < 100_000_000 {
        format!("{milliseconds}m")
    } else {
        format!("{}S", left.as_secs().min(99_999_999))
    };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("1m"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_is_read() {
        let cases = [
            ("2H", Duration::from_hours(2)),
            ("3M", Duration::from_mins(3)),
            ("10S", Duration::from_secs(10)),
            ("250m", Duration::from_millis(250)),
            ("250u", Duration::from_micros(250)),
            ("99999999n", Duration::from_nanos(99_999_999)),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "1Ä", "Ä"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_sooner_of_both_is_passed_on() {
        let mut headers = HeaderMap::new();
        pass_on(&mut headers, Instant::now() + Duration::from_secs(20));
        let left = patience(&headers).unwrap();
        assert!(left <= Duration::from_secs(20) && left > Duration::from_secs(10), "{left:?}");
        headers.insert(TIMEOUT, HeaderValue::from_static("100m"));
        pass_on(&mut headers, Instant::now() + Duration::from_secs(20));
        assert_eq!(patience(&headers), Some(Duration::from_millis(100)));
    }

    proptest! {
        #[test]
        fn whatever_is_written_can_be_read(seconds in 0_u64..99_999_999, nanos in 0_u32..1_000_000_000) {
            let left = Duration::new(seconds, nanos);
            let read = read(write(left).to_str().unwrap()).unwrap();
            prop_assert!(read <= left.max(Duration::from_millis(1)));
            prop_assert!(left.saturating_sub(read) <= Duration::from_secs(1));
        }

        #[test]
        fn nothing_from_outside_breaks_it(text in "\\PC*") {
            let _ = read(&text);
        }
    }
}
