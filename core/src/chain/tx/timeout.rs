use std::time::Duration;

/// No transaction gets less time than this.
pub const SHORTEST_TIMEOUT: Duration = Duration::from_mins(2);

/// No transaction gets more: the chain refuses timestamps over ten minutes ahead.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(590);

const MARGIN: Duration = Duration::from_mins(1);

/// How long a transaction stays valid when its window stays open for `window`: a minute less, within the limits.
/// `None`, for a window that is over or unknown, gives the shortest.
#[must_use]
pub fn timeout_for(window: Option<Duration>) -> Duration {
    window.map_or(SHORTEST_TIMEOUT, |open| open.saturating_sub(MARGIN).clamp(SHORTEST_TIMEOUT, LONGEST_TIMEOUT))
}
