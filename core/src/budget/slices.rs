use crate::relay::Target;

/// How many relays an instance may take at once: `wanted`, but only a quarter of its even part of what is left, so that nobody
/// sits on the end of a budget; at least one while there is one.
///
/// `slice.lua` computes the same; a test compares the two.
#[must_use]
pub fn share(remaining: u64, live: u64, wanted: u64) -> u64 {
    wanted.min((remaining / live.max(1).saturating_mul(4)).max(1)).min(remaining)
}

/// How many answered relays one entry of the log stands for: a hard service records only the few below its target.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn relays_per_entry(target: &Target) -> f64 {
    // The leading half is more than a float can tell apart.
    let leading = |target: &Target| {
        let mut half = [0; 16];
        half.copy_from_slice(&target.0[..16]);
        u128::from_be_bytes(half).max(1) as f64
    };
    (leading(&Target::BASE) / leading(target)).max(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// First slices of `wanted`, then ever smaller ones, then single relays: few steps in all.
        #[test]
        fn a_budget_is_used_up_in_few_steps_and_never_exceeded(
            limit in 0_u64..100_000, live in 1_u64..8, wanted in 50_u64..1_000,
        ) {
            let (mut taken, mut steps) = (0, 0);
            while taken < limit {
                let slice = share(limit - taken, live, wanted);
                prop_assert!((1..=wanted).contains(&slice));
                taken += slice;
                steps += 1;
            }
            prop_assert_eq!(taken, limit);
            prop_assert!(steps <= limit / wanted + 50 * live, "{} steps", steps);
            prop_assert_eq!(share(0, live, wanted), 0);
        }
    }

    #[test]
    fn hard_services_record_few_of_their_relays() {
        let begins = |byte: u8| {
            let mut target = [0xff; 32];
            target[0] = byte;
            Target(target)
        };
        assert!((relays_per_entry(&Target::BASE) - 1.0).abs() < f64::EPSILON);
        assert!((relays_per_entry(&begins(0x7f)) - 2.0).abs() < 1e-9);
        assert!((relays_per_entry(&begins(0x0f)) - 16.0).abs() < 1e-9);
        assert!(relays_per_entry(&Target([0; 32])).is_finite());
    }

    #[test]
    fn the_end_of_a_budget_is_given_out_one_by_one() {
        assert_eq!(share(10_000, 2, 500), 500);
        assert_eq!(share(800, 2, 500), 100);
        assert_eq!(share(7, 2, 500), 1);
        assert_eq!(share(1, 2, 500), 1);
    }
}
