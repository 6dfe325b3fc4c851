//! How the chain moves the difficulty of a service at settlement. Ours only forecasts with it.

use num_bigint::BigUint;

use crate::relay::Target;

/// The weight of the newest session, as the binary64 closest to one tenth: `TENTH` / 2^56. It lies slightly above.
const TENTH: u128 = 0x19_9999_9999_999a;
const SCALE: u32 = 56;

/// The moving average of relays after a session with `relays`; `average` is the one before, if there was one.
///
/// The chain computes with 64-bit mantissas and cuts the result, which differs from exact decimals: 110 and a session
/// without relays give 98.
#[must_use]
pub fn next_average(average: Option<u64>, relays: u64) -> u64 {
    let newest = round_to_mantissa(TENTH * u128::from(relays));
    let older = round_to_mantissa(((1 << SCALE) - TENTH) * u128::from(average.unwrap_or(relays)));
    let sum = round_to_mantissa(newest + older) >> SCALE;
    u64::try_from(sum).unwrap_or(u64::MAX)
}

/// Keeps the 64 highest bits, rounded to the nearest, ties to even. The operands stay below 2^121, so nothing overflows.
fn round_to_mantissa(value: u128) -> u128 {
    let excess = (128 - value.leading_zeros()).saturating_sub(64);
    if excess == 0 {
        return value;
    }
    let (kept, lost, half) = (value >> excess, value & ((1 << excess) - 1), 1 << (excess - 1));
    let up = lost > half || (lost == half && kept & 1 == 1);
    (kept + u128::from(up)) << excess
}

/// The target for an average of relays: always a fraction of the base target, never of the one before. `None` for an
/// average of zero, which the chain refuses too, and for one beyond 2^63-1, which it would read as negative.
#[must_use]
pub fn next_target(wanted_relays: u64, average: u64) -> Option<Target> {
    scaled(&Target::BASE, wanted_relays, average)
}

/// `target` × wanted ÷ average, rounded down, but never above the base target.
pub(super) fn scaled(target: &Target, wanted_relays: u64, average: u64) -> Option<Target> {
    if average == 0 || i64::try_from(average).is_err() {
        return None;
    }
    let bytes = (BigUint::from_bytes_be(&target.0) * wanted_relays / average).to_bytes_be();
    let mut scaled = [0; 32];
    match scaled.len().checked_sub(bytes.len()) {
        Some(padding) => scaled[padding..].copy_from_slice(&bytes),
        // Fewer relays than wanted: everything counts.
        None => return Some(Target::BASE),
    }
    Some(Target(scaled))
}
