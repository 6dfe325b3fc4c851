use sha2::{Digest, Sha256};

/// A number in [0, 1) that the whole network draws from the same bytes: the first output of Go's seeded generator.
///
/// The seed keeps little of the hash: half of all inputs give one of 128 seeds. Bit for bit the chain's, so not "improved".
#[must_use]
pub fn seeded_float(bytes: &[u8]) -> f64 {
    to_unit_interval(first_int63(signed_varint(&Sha256::digest(bytes))))
}

#[allow(clippy::cast_precision_loss)] // Go converts the same way: to the nearest, ties to even.
pub(super) fn to_unit_interval(int63: u64) -> f64 {
    // Go would draw again at exactly 1.0. All 2^31 - 2 states of the generator were tried: none gives it.
    int63 as f64 / (1_u64 << 63) as f64
}

/// Reads a zig-zag number from the front. A number that does not fit 64 bits counts as 0.
pub(super) fn signed_varint(bytes: &[u8]) -> i64 {
    let mut value = 0_u64;
    for (position, byte) in (0_u32..).zip(bytes) {
        let last = *byte < 0x80;
        if position == 9 && !(last && *byte <= 1) {
            return 0;
        }
        value |= u64::from(byte & 0x7f) << (7 * position);
        if last {
            let half = (value >> 1).cast_signed();
            return if value & 1 == 1 { !half } else { half };
        }
    }
    0
}

/// The first output of Go's additive generator, without its table of 607 words: seeding fills the table from a
/// multiplicative generator, and one output needs only six numbers of that.
pub(super) fn first_int63(seed: i64) -> u64 {
    const MODULUS: i64 = (1 << 31) - 1;
    // Powers of 48271 modulo 2^31 - 1: exponents 1020 to 1022 and 1839 to 1841, and the table's constants behind them.
    const FIRST: ([u64; 3], u64) = ([2_082_024_995, 1_341_337_692, 1_079_773_482], 4_590_000_184_845_883_843);
    const SECOND: ([u64; 3], u64) = ([933_195_560, 665_897_288, 2_140_244_399], 4_152_330_101_494_654_406);
    const SEED_INSTEAD_OF_ZERO: u64 = 89_482_311;

    let state = match seed.rem_euclid(MODULUS).unsigned_abs() {
        0 => SEED_INSTEAD_OF_ZERO,
        state => state,
    };
    let word = |(powers, constant): ([u64; 3], u64)| {
        let [high, middle, low] = powers.map(|power| power * state % MODULUS.unsigned_abs());
        (high << 40) ^ (middle << 20) ^ low ^ constant
    };
    word(FIRST).wrapping_add(word(SECOND)) & (u64::MAX >> 1)
}
