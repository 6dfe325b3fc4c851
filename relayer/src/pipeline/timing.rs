//! Whether a relay comes in time for its session, and how long its answer may take.

use std::time::Duration;

use relay_core::chain::BlockFeed;
use relay_core::proto::pocket::shared::Params;
use relay_core::session::{SessionHeader, Windows};
use relay_core::units::Height;

use crate::refusal::Refusal;

/// Farther from now than this, or longer, no session is.
const PLAUSIBLE: i64 = 10_000;
/// An answer is given at least this long, however soon the miner closes the session: block times are estimates.
const LEAST_TIME: Duration = Duration::from_secs(2);

/// Refuses heights that no session of now can have, before anything is looked up for them.
pub(super) fn plausible(session: &SessionHeader, now: Height) -> Result<(), Refusal> {
    let long = session.end - session.start > PLAUSIBLE;
    let far = session.start - now > PLAUSIBLE || now - session.end > PLAUSIBLE;
    if long || far { Err(Refusal::ImplausibleHeights) } else { Ok(()) }
}

/// When relays of a session are admitted, and when the miner closes its log at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admission {
    /// The last height at which relays are good.
    pub(super) until: Height,
    /// The miner closes the session at this height, even if a relayer still holds it.
    closed_at: Height,
}

impl Admission {
    /// `params` are those in force at the session's end.
    pub(super) fn of(session: &SessionHeader, params: &Params) -> Self {
        let windows = Windows::of(session.end, params);
        let third = (windows.claim_close - windows.claim_open) / 3;
        let closed_at = windows.claim_close - third.max(3);
        // An answer must be recorded before the close, so the last block before it admits nothing any more.
        Self { until: windows.grace_end.min(closed_at - 1), closed_at }
    }

    /// Refuses a relay that comes too late.
    pub(super) fn check(&self, session: &SessionHeader, now: Height) -> Result<(), Refusal> {
        if now <= self.until {
            return Ok(());
        }
        Err(Refusal::SessionOver { end: session.end, now })
    }

    /// How long the answer may take: the service's own time-out, but not beyond the close.
    pub(super) fn deadline(&self, timeout: Duration, now: Height, feed: &BlockFeed) -> Duration {
        let blocks = u32::try_from((self.closed_at - now - 1).max(0)).unwrap_or(u32::MAX);
        timeout.min(feed.block_time().saturating_mul(blocks).max(LEAST_TIME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(start: i64, end: i64) -> SessionHeader {
        let application = relay_core::address::SecretKey::from_bytes(&[1; 32]).unwrap().address().clone();
        SessionHeader { application, service: "s".into(), id: "id".into(), start: Height(start), end: Height(end) }
    }

    /// Grace of one block, claims from the third block after the end on, for nine blocks.
    fn params(grace: u64, close: u64) -> Params {
        Params {
            num_blocks_per_session: 10,
            grace_period_end_offset_blocks: grace,
            claim_window_open_offset_blocks: 1,
            claim_window_close_offset_blocks: close,
            ..Params::default()
        }
    }

    #[test]
    fn relays_are_admitted_through_the_grace_period() {
        let admission = Admission::of(&session(11, 20), &params(1, 8));
        assert_eq!(admission, Admission { until: Height(21), closed_at: Height(27) });
        assert!(admission.check(&session(11, 20), Height(21)).is_ok());
        let refusal = admission.check(&session(11, 20), Height(22)).unwrap_err();
        assert!(refusal.to_string().contains("session end height: 20, current height: 22"), "{refusal}");
    }

    #[test]
    fn a_short_claim_window_ends_admission_before_the_close() {
        let admission = Admission::of(&session(11, 20), &params(4, 1));
        assert_eq!(admission, Admission { until: Height(19), closed_at: Height(20) });
    }

    #[test]
    fn only_sessions_near_now_are_plausible() {
        assert!(plausible(&session(11, 20), Height(15)).is_ok());
        assert!(plausible(&session(11, 20), Height(10_020)).is_ok());
        assert!(plausible(&session(11, 20), Height(10_021)).is_err());
        assert!(plausible(&session(10_016, 10_025), Height(15)).is_err());
        assert!(plausible(&session(1, 10_002), Height(15)).is_err());
    }
}
