//! Bits of 32-byte paths, counted from the most significant bit of the first byte.

/// The place of a leaf: SHA-256 of the relay hash.
pub(super) type Path = [u8; 32];

/// Bit `index` of `path`: 0 leads to the left child, 1 to the right. `index` is below 256.
pub(super) fn bit(path: &Path, index: usize) -> usize {
    usize::from(path[index / 8] >> (7 - index % 8) & 1)
}

/// Inverts bit `index` of `path`. `index` is below 256.
pub(super) fn flip(path: &mut Path, index: usize) {
    path[index / 8] ^= 0x80 >> (index % 8);
}

/// The first bit in which two paths differ, `None` if they are equal.
pub(super) fn first_difference(one: &Path, other: &Path) -> Option<u8> {
    let byte = one.iter().zip(other).position(|(a, b)| a != b)?;
    let within = (one[byte] ^ other[byte]).leading_zeros();
    u8::try_from(byte * 8 + within as usize).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_count_from_the_most_significant() {
        let mut path = [0; 32];
        path[0] = 0b0100_0000;
        path[31] = 1;
        assert_eq!((bit(&path, 0), bit(&path, 1), bit(&path, 254), bit(&path, 255)), (0, 1, 0, 1));
        flip(&mut path, 1);
        flip(&mut path, 255);
        assert_eq!(path, [0; 32]);
    }

    #[test]
    fn the_first_difference_is_the_smallest_index_where_bits_differ() {
        let zero = [0; 32];
        assert_eq!(first_difference(&zero, &zero), None);
        for index in 0..=255u8 {
            let mut other = zero;
            flip(&mut other, usize::from(index));
            other[31] |= 1;
            assert_eq!(first_difference(&zero, &other), Some(index));
        }
    }
}
