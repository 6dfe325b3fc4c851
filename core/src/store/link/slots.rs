//! Hash slots of Redis Cluster: which one a key is in, and keys for a given one.

use std::sync::LazyLock;

use redis::{Arg, Cmd};

/// How many there are.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of a key: of the text between its first braces, if there is one.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = || {
        let open = key.iter().position(|byte| *byte == b'{')?;
        let length = key[open + 1..].iter().position(|byte| *byte == b'}')?;
        (length > 0).then(|| &key[open + 1..open + 1 + length])
    };
    crc16(tag().unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM, as Redis has it.
fn crc16(bytes: &[u8]) -> u16 {
    let step = |crc: u16, _: u8| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ (u16::from(*byte) << 8), step))
}

/// The slot of the first key of a command; all its keys are in one. `None` for a command about a server.
pub(super) fn slot_of(command: &Cmd) -> Option<u16> {
    let mut arguments = command.args_iter().map(|argument| match argument {
        Arg::Simple(bytes) => bytes,
        _ => &[],
    });
    let name = arguments.next()?.to_ascii_uppercase();
    let key = match name.as_slice() {
        b"PING" | b"INFO" | b"CONFIG" | b"TIME" | b"WAIT" | b"WAITAOF" | b"CLUSTER" | b"SCRIPT" | b"CLIENT"
        | b"PUBLISH" => None,
        b"EVAL" | b"EVALSHA" => {
            let count = arguments.nth(1)?;
            arguments.next().filter(|_| count != b"0")
        }
        b"XREAD" | b"XREADGROUP" => {
            arguments.find(|argument| argument.eq_ignore_ascii_case(b"STREAMS"))?;
            arguments.next()
        }
        _ => arguments.next(),
    };
    key.map(slot)
}

/// A text that as a hash tag leads to this slot.
pub(in crate::store) fn tag(slot: u16) -> String {
    TAGS.get(usize::from(slot)).map(u32::to_string).unwrap_or_default()
}

static TAGS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut tags = vec![None; usize::from(SLOTS)];
    let mut missing = tags.len();
    let mut number = 0_u32;
    while missing > 0 {
        let place = &mut tags[usize::from(slot(number.to_string().as_bytes()))];
        if place.is_none() {
            *place = Some(number);
            missing -= 1;
        }
        number += 1;
    }
    tags.into_iter().flatten().collect()
});

#[cfg(test)]
mod tests {
    use redis::cmd;

    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // As `CLUSTER KEYSLOT` answers.
        for (key, expected) in
            [("123456789", 12_739), ("foo", 12_182), ("somekey", 11_058), ("foo{hash_tag}", 2_515), ("", 0)]
        {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        assert_eq!(slot(b"a{x}b"), slot(b"x"));
        assert_eq!(slot(b"a{}{x}"), crc16(b"a{}{x}") % SLOTS, "empty braces are no tag");
        assert_eq!(slot(b"{x}{y}"), slot(b"x"));
    }

    #[test]
    fn every_slot_has_a_tag() {
        for wanted in 0..SLOTS {
            assert_eq!(slot(format!("p:{{{}}}:canary", tag(wanted)).as_bytes()), wanted);
        }
    }

    #[test]
    fn the_first_key_leads() {
        let of = |words: &[&str]| {
            let mut command = cmd(words[0]);
            for word in &words[1..] {
                command.arg(*word);
            }
            slot_of(&command)
        };
        let foo = Some(slot(b"foo"));
        assert_eq!(of(&["HGET", "foo", "bar"]), foo);
        assert_eq!(of(&["evalsha", "sha", "2", "foo", "bar", "argument"]), foo);
        assert_eq!(of(&["XREAD", "COUNT", "5", "streams", "foo", "0"]), foo);
        for words in [&["INFO", "server"][..], &["EVALSHA", "sha", "0", "foo"], &["PING"], &["XREAD", "foo"], &["GET"]]
        {
            assert_eq!(of(words), None, "{words:?}");
        }
    }
}
