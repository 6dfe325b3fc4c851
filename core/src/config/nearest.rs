/// What people write for a kind of backend, and what it is called.
const SLIPS: [(&str, &str); 13] = [
    ("ws", "websocket"),
    ("wss", "websocket"),
    ("websockets", "websocket"),
    ("http", "jsonrpc"),
    ("https", "jsonrpc"),
    ("json", "jsonrpc"),
    ("json-rpc", "jsonrpc"),
    ("json_rpc", "jsonrpc"),
    ("rpc", "jsonrpc"),
    ("grpcs", "grpc"),
    ("comet", "cometbft"),
    ("tendermint", "cometbft"),
    ("restful", "rest"),
];

/// The word of `known` that `typed` is another name of.
pub(super) fn meant(typed: &str, known: &[&'static str]) -> Option<&'static str> {
    let (_, name) = SLIPS.into_iter().find(|(slip, _)| typed.eq_ignore_ascii_case(slip))?;
    known.contains(&name).then_some(name)
}

/// The word of `known` that `typed` was most likely meant to be, if one is close enough to be worth a guess.
#[must_use]
pub fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    // A third of the word may be wrong: `lissten` is `listen`, `foo` is not `url`.
    let tolerance = (typed.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(typed, candidate), *candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance over lower-case letters with `-` and `_` dropped, so that another spelling style costs nothing.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (plain(left), plain(right));
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, l) in left.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (column, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != r);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

fn plain(word: &str) -> Vec<char> {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        let known = ["listen", "admin", "redis", "recordTimeout"];
        assert_eq!(nearest("lissten", &known), Some("listen"));
        assert_eq!(nearest("record_timeout", &known), Some("recordTimeout"));
        assert_eq!(nearest("rediss", &known), Some("redis"));
        assert_eq!(nearest("backend", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn other_names_of_backends_are_known_where_backends_are() {
        let kinds = ["grpc", "websocket", "jsonrpc", "rest", "cometbft"];
        for (slip, name) in SLIPS {
            assert_eq!(meant(slip, &kinds), Some(name));
            assert_eq!(meant(slip, &["url"]), None);
        }
        assert_eq!(meant("jsonrpc", &kinds), None);
        assert_eq!(nearest("comet_bft", &kinds), Some("cometbft"));
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
