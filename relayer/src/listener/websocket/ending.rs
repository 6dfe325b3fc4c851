//! Why a socket ends, and what each side hears of it.

use crate::frames::{Broken, Close, OVER_BUDGET, Peer, REJECTED, SESSION_EXPIRED, UNREACHABLE};
use crate::refusal::Refusal;

/// Why a socket ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// A side closed, saying why or not.
    Closed(Peer, Option<Close>),
    /// A side is gone, silent for too long, or does not keep to the protocol.
    Broken(Peer, Broken),
    /// A side does not take what is sent to it.
    Stuck(Peer),
    /// A side does not even take a ping.
    PingTimeout,
    /// A request or an answer that cannot become a relay.
    Refused(Refusal),
    /// The session takes no more relays.
    SessionOver,
    /// No node took the connection.
    Unreachable,
    /// The node keeps talking although nobody has asked.
    Unasked,
    /// The relayer stops.
    Restart,
}

/// What the gateway hears, and what the node does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closes {
    pub(super) gateway: Option<Close>,
    pub(super) node: Option<Close>,
}

impl Closes {
    fn both(code: u16, reason: &'static str) -> Self {
        Self::each(Close::new(code, reason), Close::new(code, reason))
    }

    fn each(gateway: Close, node: Close) -> Self {
        Self { gateway: Some(gateway.presentable()), node: Some(node.for_node()) }
    }
}

impl Ending {
    pub(super) fn closes(self) -> Closes {
        match self {
            // Who closes without a code gets none back; the other side hears that its peer is going.
            Self::Closed(Peer::Gateway, None) => Closes { gateway: None, ..Closes::both(1005, "") },
            Self::Closed(Peer::Node, None) => Closes { node: None, ..Closes::both(1005, "") },
            Self::Closed(Peer::Gateway, Some(close)) => Closes::each(close.clone(), close),
            // To the node its own code goes back as it is: it need not know those of gateways.
            Self::Closed(Peer::Node, Some(close)) => {
                Closes { gateway: Some(close.clone().presentable()), node: Some(close.presentable()) }
            }
            Self::Broken(_, Broken::Gone) => Closes::both(1001, "peer disconnected"),
            Self::Broken(_, Broken::TooBig) => Closes::both(1009, "message too big"),
            Self::Broken(_, Broken::NoMemory) => Closes::both(1013, "relayer overloaded"),
            Self::Broken(Peer::Gateway, Broken::Violation(_)) => {
                Closes::each(Close::new(1002, "protocol error"), Close::new(1001, "connection closing"))
            }
            Self::Broken(Peer::Node, Broken::Violation(_)) => {
                Closes::each(Close::new(1011, "backend protocol error"), Close::new(1002, "protocol error"))
            }
            Self::Stuck(Peer::Gateway) => Closes::both(1011, "client write failed"),
            Self::Stuck(Peer::Node) => Closes::both(1011, "backend write failed"),
            Self::PingTimeout => Closes::both(1001, "ping timeout"),
            Self::Refused(refusal) => {
                let (code, reason) = code_of(&refusal);
                Closes::both(code, reason)
            }
            Self::SessionOver => Closes::both(SESSION_EXPIRED, "session expired"),
            Self::Unreachable => Closes::both(UNREACHABLE, "backend connect failed"),
            Self::Unasked => Closes::both(1008, "messages that nobody asked for"),
            Self::Restart => Closes::each(Close::new(1012, "service restart"), Close::new(1001, "service restart")),
        }
    }

    /// Whether the gateway is still there to take the answers that are on their way to it.
    pub(super) fn leaves_the_gateway(&self) -> bool {
        !matches!(self, Self::Closed(Peer::Gateway, _) | Self::Broken(Peer::Gateway, _) | Self::Stuck(Peer::Gateway))
    }
}

/// What a refusal is called on a socket.
fn code_of(refusal: &Refusal) -> (u16, &'static str) {
    match refusal {
        Refusal::TooLarge | Refusal::TooLargeForService => (1009, "message too big"),
        Refusal::SessionOver { .. } => (SESSION_EXPIRED, "session expired"),
        Refusal::TooManySockets => (1013, "too many connections of this application"),
        Refusal::Overloaded | Refusal::Unrecordable | Refusal::Unverifiable(_) | Refusal::Unmetered => {
            (1013, "try again later")
        }
        Refusal::Unsigned => (1011, "signing failed"),
        Refusal::Simulation(rejection) => rejection.close(),
        Refusal::Exhausted => (OVER_BUDGET, "stake limit exceeded"),
        _ => (REJECTED, "relay validation failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::Violation;

    fn heard(ending: Ending) -> [Option<(u16, String)>; 2] {
        let text = |close: Close| (close.code, String::from_utf8(close.reason.to_vec()).unwrap());
        let closes = ending.closes();
        [closes.gateway.map(text), closes.node.map(text)]
    }

    fn both(gateway: (u16, &str), node: (u16, &str)) -> [Option<(u16, String)>; 2] {
        [gateway, node].map(|(code, reason)| Some((code, reason.to_owned())))
    }

    #[test]
    fn each_side_hears_why_in_its_own_terms() {
        let cases = [
            (Ending::Closed(Peer::Gateway, Some(Close::new(1000, "bye"))), both((1000, "bye"), (1000, "bye"))),
            (Ending::Closed(Peer::Node, Some(Close::new(1012, "new"))), both((1012, "new"), (1012, "new"))),
            (
                Ending::Closed(Peer::Gateway, Some(Close::new(3001, "x"))),
                both((3001, "x"), (1001, "connection closing")),
            ),
            (Ending::Closed(Peer::Node, Some(Close::new(4321, "x"))), both((4321, "x"), (4321, "x"))),
            (Ending::Broken(Peer::Node, Broken::Gone), both((1001, "peer disconnected"), (1001, "peer disconnected"))),
            (Ending::Broken(Peer::Gateway, Broken::TooBig), both((1009, "message too big"), (1009, "message too big"))),
            (
                Ending::Broken(Peer::Gateway, Broken::Violation(Violation::Mask)),
                both((1002, "protocol error"), (1001, "connection closing")),
            ),
            (
                Ending::Broken(Peer::Node, Broken::Violation(Violation::Mask)),
                both((1011, "backend protocol error"), (1002, "protocol error")),
            ),
            (Ending::Stuck(Peer::Node), both((1011, "backend write failed"), (1011, "backend write failed"))),
            (Ending::Stuck(Peer::Gateway), both((1011, "client write failed"), (1011, "client write failed"))),
            (Ending::PingTimeout, both((1001, "ping timeout"), (1001, "ping timeout"))),
            (Ending::Refused(Refusal::NotARelay), both((4001, "relay validation failed"), (1008, "request rejected"))),
            (Ending::Refused(Refusal::Overloaded), both((1013, "try again later"), (1013, "try again later"))),
            (Ending::SessionOver, both((4000, "session expired"), (1001, "session ended"))),
            (Ending::Unreachable, both((4003, "backend connect failed"), (1011, "connection failed"))),
            (Ending::Restart, both((1012, "service restart"), (1001, "service restart"))),
        ];
        for (ending, expected) in cases {
            assert_eq!(heard(ending.clone()), expected, "{ending:?}");
        }
    }

    // rule: D-23
    #[test]
    fn a_close_without_a_code_is_answered_without_one_and_told_as_going_away() {
        assert_eq!(heard(Ending::Closed(Peer::Gateway, None)), [None, Some((1001, String::new()))]);
        assert_eq!(heard(Ending::Closed(Peer::Node, None)), [Some((1001, String::new())), None]);
    }
}
