//! Small answers that fit on a page.

use super::super::{SiblingData, Trie, gob};
use super::sha256;

fn trie(values: &[String]) -> Trie<usize> {
    let mut trie = Trie::new(100);
    for (value_ref, value) in values.iter().enumerate() {
        trie.insert(&sha256(value.as_bytes()), value.as_bytes(), 100, value_ref).unwrap();
    }
    trie
}

fn relays(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("relay-{index}")).collect()
}

#[test]
fn roots_of_growing_tries() {
    for (count, root) in [
        (1, "f56b96f291ee6cf96bcfbe62af9570972c16ac048cc134cfab0534721476fdb600000000000000640000000000000001"),
        (2, "635e00824a902d71454d2907765aef1a42279a85c220a440221e5a4b9c16bbfb00000000000000c80000000000000002"),
        (3, "e3a0bdc646fa235930608083409c8e4fb5f315d2cfd35096fd836095aba34de8000000000000012c0000000000000003"),
        (5, "905d8d2062cbdf8238f23872004bf254122458ab2c4e86a7044548beb33a80d900000000000001f40000000000000005"),
        (10, "10a0a0f294250ce2035fe90730d33915a4f262b2023384c5333a286d7b771d0f00000000000003e8000000000000000a"),
        (100, "276995674904b21ed98ea579ee07d0bb0a1a10dcb26810ec2876dd20da59e61f00000000000027100000000000000064"),
        (1000, "ca3ee031848c5f1dd21ae055f061a6a1c825472ce029f92047e76923447fe6b100000000000186a000000000000003e8"),
    ] {
        assert_eq!(trie(&relays(count)).root().to_string(), root, "{count} leaves");
    }
}

#[test]
fn roots_when_a_long_edge_is_split() {
    let values = ["ext-96442", "ext-156627", "relay-0", "relay-1", "relay-2"].map(String::from);
    for (count, root) in [
        (2, "feab157b705dcb11b1111d120c93fc8639ea4d90f5f17596199cd08a2d95d0dc00000000000000c80000000000000002"),
        (3, "bf209c2f9c7b5c76d04762de61cf6db89f6e4b39b694a317438bda470b53cf08000000000000012c0000000000000003"),
        (4, "be94baade8be28121689e29d74477a1f995ad8cbbdcadb0d911698a750fdf41900000000000001900000000000000004"),
        (5, "d81d6ef6a66de4bd1bb78299930186b8566714f74a1d952cfc6a25e7c220ebc500000000000001f40000000000000005"),
    ] {
        assert_eq!(trie(&values[..count]).root().to_string(), root, "{count} leaves");
    }
}

/// Leaves, seed, closest leaf, flipped bits, depth, mask, side nodes sent, first byte of the sibling, gob bytes, their hash.
type Row = (usize, usize, usize, &'static [u16], u16, &'static str, usize, Option<u8>, usize, &'static str);

#[test]
fn closest_proofs_of_growing_tries() {
    let rows: [Row; 9] = [
        (1, 0, 0, &[], 0, "", 0, None, 388, "3d5942e172a5154f7e2b739cd26fc12278fe9b50d7e8f10b82b4b5cc28c07eac"),
        (2, 0, 0, &[], 1, "00", 1, Some(0), 503, "d42436cf0b7edff48cb274090df0bb796018072d7e4b71067ab4eeef7a36fe14"),
        (3, 0, 0, &[], 1, "00", 1, Some(2), 547, "812e5d448a478e7ded9d7379e4c3d7b006f849dde2547e2b50381f10bfc27f09"),
        (3, 1, 1, &[2], 4, "60", 2, Some(0), 557, "99b95d0f436061b543de81a86001f95d9372736ad1278c7231fac0de7e2d5c6c"),
        (5, 1, 1, &[2], 4, "60", 2, Some(1), 614, "d1d4068a9dc90b761c83ea2615911a242ddd6ad7ee30599ee94d2a0dc61518cd"),
        (10, 1, 1, &[2], 4, "40", 3, Some(1), 663, "6ec10731ed6edfdce439fa55d0367513a016c9c1749519a4b7d394be103ceed8"),
        (
            100,
            0,
            18,
            &[8, 9],
            13,
            "7e00",
            7,
            Some(0),
            807,
            "bda8d52ba3176267aa9697eb20a7f07b51dd356cb27144d11572fcd0341bbe15",
        ),
        (
            1000,
            0,
            18,
            &[8, 9],
            13,
            "7800",
            9,
            Some(0),
            905,
            "587aa124ad9b3e14440fcc698de2d91a7151e27b240c9a45d9b62ee3224222b5",
        ),
        (
            1000,
            1,
            660,
            &[],
            11,
            "4000",
            10,
            Some(0),
            950,
            "603d70bba7898c92ba773b28fe5e8752091bd2048376146bf116548159e79ed6",
        ),
    ];
    for (count, seed, closest, flipped, depth, mask, side_nodes, sibling, length, hash) in rows {
        let values = relays(count);
        let mut trie = trie(&values);
        let path = sha256(format!("seed-{seed}").as_bytes());
        assert_eq!(trie.closest(&path).unwrap().relay, closest);
        let proof = trie.prove(&path, SiblingData::Send, |index| values.get(*index)).unwrap();
        assert_eq!((proof.flipped_bits.as_slice(), proof.depth), (flipped, depth));
        let compact = proof.compact();
        let sides = compact.closest_proof.as_ref().unwrap();
        assert_eq!((hex::encode(&sides.bit_mask).as_str(), sides.side_nodes.len()), (mask, side_nodes));
        assert_eq!(sides.sibling_data.first().copied(), sibling);
        let bytes = gob::encode(&compact);
        assert_eq!((bytes.len(), hex::encode(sha256(&bytes)).as_str()), (length, hash));
    }
}
