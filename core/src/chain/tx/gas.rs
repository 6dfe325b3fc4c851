/// How much more gas than the simulation took we allow.
pub const DEFAULT_GAS_ADJUSTMENT: f64 = 1.7;

/// The gas limit for a transaction whose simulation took `used`: the product in binary64, cut to an integer.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the network's miners compute in binary64 and cut; a cast from float saturates"
)]
pub fn adjusted_gas(used: u64, adjustment: f64) -> u64 {
    (used as f64 * adjustment) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_cut_in_binary64() {
        // 10 × 1.7 is 17 exactly; 1.1 is a little above eleven tenths, 0.7 × 10 a little below what its decimals say.
        assert_eq!(adjusted_gas(100_000, 1.7), 170_000);
        assert_eq!(adjusted_gas(123_457, 1.7), 209_876);
        assert_eq!(adjusted_gas(10, 1.1), 11);
        assert_eq!(adjusted_gas(0, 1.7), 0);
        assert_eq!(adjusted_gas(u64::MAX, 2.0), u64::MAX);
    }
}
