use super::params::{ParamsError, blocks};
use crate::proto::pocket::shared::Params;
use crate::units::Height;

/// The division of all heights into sessions under one set of parameters.
///
/// The grid hangs on an anchor: when the session length changes, the anchor moves to the first block of the first session
/// of the new length. Heights before the anchor are counted from block 1. At and below height 0 everything is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    blocks_per_session: i64,
    grace: i64,
    anchor: i64,
    number_at_anchor: i64,
}

impl Grid {
    /// The grid of one set of parameters. Refuses a session length of zero.
    pub fn new(params: &Params) -> Result<Self, ParamsError> {
        let length = params.num_blocks_per_session;
        match i64::try_from(length) {
            Ok(blocks_per_session) if blocks_per_session > 0 => Ok(Self {
                blocks_per_session,
                grace: blocks(params.grace_period_end_offset_blocks),
                anchor: blocks(params.session_grid_anchor_height),
                number_at_anchor: blocks(params.session_number_at_anchor),
            }),
            _ => Err(ParamsError::BlocksPerSession(length)),
        }
    }

    /// The anchor that counts for a height, and the number of the session that starts there.
    fn anchor_for(&self, height: Height) -> (i64, i64) {
        if self.anchor <= 0 || self.anchor > height.0 {
            return (1, 1);
        }
        (self.anchor, self.number_at_anchor.max(1))
    }

    /// Whole sessions between the anchor and a height of at least 1.
    fn sessions_since_anchor(&self, height: Height, anchor: i64) -> i64 {
        (height.0 - anchor) / self.blocks_per_session
    }

    /// First block of the session that holds this height.
    #[must_use]
    pub fn start(&self, height: Height) -> Height {
        if height.0 <= 0 {
            return Height(0);
        }
        let (anchor, _) = self.anchor_for(height);
        Height(anchor + self.sessions_since_anchor(height, anchor) * self.blocks_per_session)
    }

    /// Last block of the session that holds this height.
    #[must_use]
    pub fn end(&self, height: Height) -> Height {
        if height.0 <= 0 {
            return Height(0);
        }
        self.start(height) + (self.blocks_per_session - 1)
    }

    /// Number of the session that holds this height; the first is 1.
    #[must_use]
    pub fn number(&self, height: Height) -> i64 {
        if height.0 <= 0 {
            return 0;
        }
        let (anchor, number) = self.anchor_for(height);
        number.saturating_add(self.sessions_since_anchor(height, anchor))
    }

    /// First block of the session after the one that holds this height.
    #[must_use]
    pub fn next(&self, height: Height) -> Height {
        self.end(height) + 1
    }

    /// Whether a session starts in this block.
    #[must_use]
    pub fn is_start(&self, height: Height) -> bool {
        self.start(height) == height
    }

    /// Whether a session ends with this block.
    #[must_use]
    pub fn is_end(&self, height: Height) -> bool {
        self.end(height) == height
    }

    /// Last block in which relays of the session that holds this height are still good.
    #[must_use]
    pub fn grace_end(&self, height: Height) -> Height {
        self.end(height) + self.grace
    }

    /// Whether relays of the session that holds `height` come too late at `current`.
    #[must_use]
    pub fn grace_elapsed(&self, height: Height, current: Height) -> bool {
        current > self.grace_end(height)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(length: u64, anchor: u64, number: u64) -> Grid {
        Grid::new(&Params {
            num_blocks_per_session: length,
            grace_period_end_offset_blocks: 1,
            session_grid_anchor_height: anchor,
            session_number_at_anchor: number,
            ..Params::default()
        })
        .unwrap()
    }

    #[test]
    fn a_length_of_zero_is_refused() {
        assert_eq!(Grid::new(&Params::default()), Err(ParamsError::BlocksPerSession(0)));
    }

    proptest! {
        /// From the anchor on, walking from session to session meets every height exactly once.
        #[test]
        fn sessions_tile_the_heights(length in 1_u64..200, anchor in 0_u64..5000, number in 0_u64..500) {
            let grid = grid(length, anchor, number);
            let first = Height(i64::try_from(anchor.max(1)).unwrap());
            let mut start = grid.start(first);
            prop_assert_eq!(start, first);
            for _ in 0..5 {
                let (end, number) = (grid.end(start), grid.number(start));
                prop_assert_eq!(end - start + 1, i64::try_from(length).unwrap());
                for height in start.0..=end.0 {
                    let height = Height(height);
                    prop_assert_eq!((grid.start(height), grid.end(height), grid.number(height)), (start, end, number));
                    prop_assert_eq!((grid.is_start(height), grid.is_end(height)), (height == start, height == end));
                }
                prop_assert_eq!(grid.number(end + 1), number + 1);
                prop_assert_eq!(grid.next(start), end + 1);
                start = grid.next(start);
            }
        }

        /// Nothing overflows, whatever a node claims.
        #[test]
        fn no_parameter_breaks_the_arithmetic(
            length in 1_u64..=i64::MAX as u64, anchor: u64, number: u64, height: i64, current: i64,
        ) {
            let (grid, height) = (grid(length, anchor, number), Height(height));
            prop_assert!(grid.start(height) <= height.max(Height(0)));
            prop_assert!(height <= grid.end(height).max(height));
            prop_assert!(grid.number(height) >= 0);
            let _ = grid.grace_elapsed(height, Height(current));
        }
    }
}
