//! Close codes. What a gateway may see as it is, a node gets in terms that it knows; what must not travel never does.

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::Violation;

/// The session is over, grace included.
pub(crate) const SESSION_EXPIRED: u16 = 4000;
/// A message that is no relay, or none that the chain would accept.
pub(crate) const REJECTED: u16 = 4001;
/// The application cannot pay for more.
pub(crate) const OVER_BUDGET: u16 = 4002;
/// The node cannot be reached.
pub(crate) const UNREACHABLE: u16 = 4003;

const GOING_AWAY: u16 = 1001;
const INTERNAL: u16 = 1011;

/// Bytes of a reason: a control frame less the code.
const MOST_REASON: usize = 123;

/// A code and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: Bytes,
}

impl Close {
    pub(crate) const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Bytes::from_static(reason.as_bytes()) }
    }

    /// Reads what a close frame carries; nothing is fine, too.
    pub(crate) fn parse(payload: &Bytes) -> Result<Option<Self>, Violation> {
        match payload[..] {
            [] => Ok(None),
            [_] => Err(Violation::Close),
            [high, low, ..] => Ok(Some(Self { code: u16::from_be_bytes([high, low]), reason: payload.slice(2..) })),
        }
    }

    /// What a close frame carries.
    pub(crate) fn payload(&self) -> Bytes {
        let mut payload = BytesMut::with_capacity(2 + self.reason.len());
        payload.put_u16(self.code);
        payload.put_slice(&self.reason);
        payload.freeze()
    }

    /// The same, if it may travel; else what stands for it. A peer that is just gone is no fault of anybody.
    pub(crate) fn presentable(self) -> Self {
        let code = match self.code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => self.code,
            // Codes that only programs tell themselves: no code at all, no close frame.
            1005 | 1006 => GOING_AWAY,
            _ => INTERNAL,
        };
        let fits = self.reason.len() <= MOST_REASON && std::str::from_utf8(&self.reason).is_ok();
        Self { code, reason: if fits { self.reason } else { Bytes::new() } }
    }

    /// What a node hears. Codes of gateways mean nothing to it.
    pub(crate) fn for_node(self) -> Self {
        match self.code {
            1000..=1015 => self.presentable(),
            SESSION_EXPIRED => Self::new(GOING_AWAY, "session ended"),
            REJECTED => Self::new(1008, "request rejected"),
            OVER_BUDGET => Self::new(1013, "rate limited"),
            UNREACHABLE => Self::new(INTERNAL, "connection failed"),
            _ => Self::new(GOING_AWAY, "connection closing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: D-23
    #[test]
    fn reserved_codes_never_travel() {
        for code in 0..=u16::MAX {
            let sent = Close { code, reason: Bytes::new() };
            for code in [sent.clone().presentable().code, sent.for_node().code] {
                assert!(matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999), "{code}");
            }
        }
        assert_eq!([1005, 1006, 1015].map(|code| Close::new(code, "").presentable().code), [1001, 1001, 1011]);
    }

    #[test]
    fn nodes_hear_standard_codes() {
        let heard = |code| {
            let close = Close::new(code, "why").for_node();
            (close.code, String::from_utf8(close.reason.to_vec()).unwrap())
        };
        let cases = [
            (1000, 1000, "why"),
            (1009, 1009, "why"),
            (1012, 1012, "why"),
            (4000, 1001, "session ended"),
            (4001, 1008, "request rejected"),
            (4002, 1013, "rate limited"),
            (4003, 1011, "connection failed"),
            (4004, 1001, "connection closing"),
            (3000, 1001, "connection closing"),
        ];
        for (code, expected, reason) in cases {
            assert_eq!(heard(code), (expected, reason.to_owned()), "{code}");
        }
    }

    #[test]
    fn close_frames_are_read_and_written() {
        let close = Close::new(4001, "relay validation failed");
        assert_eq!(Close::parse(&close.payload()), Ok(Some(close)));
        assert_eq!(Close::parse(&Bytes::new()), Ok(None));
        assert_eq!(Close::parse(&Bytes::from_static(b"\x03")), Err(Violation::Close));
    }

    #[test]
    fn reasons_are_short_text() {
        let long = Close { code: 1000, reason: vec![b'x'; 124].into() };
        let noise = Close { code: 1000, reason: Bytes::from_static(b"\xff") };
        assert!(long.presentable().reason.is_empty() && noise.presentable().reason.is_empty());
    }
}
