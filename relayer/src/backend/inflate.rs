//! Nodes that compress although nobody asked them to.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

/// An answer that is larger than its limit when it is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Unpacks a body that says it is gzip, or begins like it, and takes the header away. What cannot be unpacked stays as it is.
pub(super) fn inflate(headers: &mut HeaderMap, body: Bytes, most_bytes: usize) -> Result<Bytes, TooLarge> {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let is_gzip = encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip");
    let looks_like_gzip =
        (encoding.is_empty() || encoding.eq_ignore_ascii_case("identity")) && body.starts_with(b"\x1f\x8b");
    if !is_gzip && !looks_like_gzip {
        return Ok(body);
    }
    let mut unpacked = Vec::new();
    let limit = u64::try_from(most_bytes).unwrap_or(u64::MAX).saturating_add(1);
    if MultiGzDecoder::new(body.as_ref()).take(limit).read_to_end(&mut unpacked).is_err() {
        return Ok(body);
    }
    if unpacked.len() > most_bytes {
        return Err(TooLarge);
    }
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Ok(unpacked.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn named(encoding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))])
    }

    #[test]
    fn gzip_is_unpacked_whether_it_says_so_or_not() {
        for mut headers in [named("gzip"), named("GZip"), named("identity"), HeaderMap::new()] {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("25"));
            let body = inflate(&mut headers, gzip(b"{\"result\":1}"), 1000).unwrap();
            assert_eq!(body.as_ref(), b"{\"result\":1}");
            assert!(headers.is_empty());
        }
    }

    // rule: D-16
    #[test]
    fn a_bomb_costs_no_more_than_the_limit() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100 << 10);
        assert_eq!(inflate(&mut named("gzip"), bomb, 1 << 20), Err(TooLarge));
        let full = gzip(&vec![0; 1000]);
        assert_eq!(inflate(&mut named("gzip"), full.clone(), 1000).unwrap().len(), 1000);
        assert_eq!(inflate(&mut named("gzip"), full, 999), Err(TooLarge));
    }

    #[test]
    fn what_is_no_gzip_stays_as_it_is() {
        let broken = Bytes::from_static(b"\x1f\x8b is not gzip");
        for (mut headers, body) in [
            (named("gzip"), Bytes::from_static(b"plain")),
            (named("br"), Bytes::from_static(b"\x1f\x8b")),
            (HeaderMap::new(), broken),
            (HeaderMap::new(), Bytes::new()),
        ] {
            let before = headers.clone();
            assert_eq!(inflate(&mut headers, body.clone(), 1000).unwrap(), body);
            assert_eq!(headers, before);
        }
    }
}
