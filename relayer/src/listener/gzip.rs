use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue};

use crate::config::CompressionConfig;

/// Above this size it is not done between other requests, but beside them.
const SMALL: usize = 64 << 10;

/// Whether the caller wants an answer of this size compressed, and is to get it so.
pub(super) fn is_wanted(config: &CompressionConfig, headers: &HeaderMap) -> bool {
    config.enabled
        && headers.get_all(ACCEPT_ENCODING).iter().any(|value| value.to_str().is_ok_and(|text| text.contains("gzip")))
}

/// Compresses a signed response if that is worth it, and says so in the headers.
pub(super) async fn compress(config: &CompressionConfig, response: Bytes, headers: &mut HeaderMap) -> Bytes {
    if response.len() < config.min_bytes {
        return response;
    }
    let small = response.len() <= SMALL;
    let plain = response.clone();
    let compressed = if small {
        gzip(&plain)
    } else {
        tokio::task::spawn_blocking(move || gzip(&plain)).await.unwrap_or_else(|error| Err(error.into()))
    };
    // Writing into memory cannot fail; and were it otherwise, plain is as good an answer.
    compressed.map_or(response, |compressed| {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        compressed
    })
}

fn gzip(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 2), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}
