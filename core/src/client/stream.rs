use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{ClientError, VerifiedAnswer, causes, unreachable, verify};
use crate::address::PublicKey;
use crate::proto::pocket::service::RelayRequest;
use crate::relay::STREAM_DELIMITER;

/// No message of a stream is larger.
const MOST_MESSAGE_BYTES: usize = 64 << 20;

/// Takes signed messages out of the bytes of a stream, and verifies each.
///
/// A message has no length in front, and its payload may hold the delimiter: what cannot be decoded up to a delimiter is
/// tried again up to the next one.
#[derive(Debug)]
pub struct StreamReader {
    request: RelayRequest,
    supplier: PublicKey,
    held: BytesMut,
    /// Where the search for the next delimiter goes on.
    searched: usize,
}

impl StreamReader {
    /// A reader for the answer to a request.
    #[must_use]
    pub fn new(request: RelayRequest, supplier: PublicKey) -> Self {
        Self { request, supplier, held: BytesMut::new(), searched: 0 }
    }

    /// Adds bytes as they come.
    pub fn add(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next message, if all of it is there.
    pub fn next_message(&mut self) -> Option<Result<VerifiedAnswer, ClientError>> {
        while let Some(end) = self.next_delimiter() {
            let message = Bytes::copy_from_slice(&self.held[..end]);
            match verify(&self.request, message, &self.supplier) {
                // Perhaps the delimiter was inside of the message.
                Err(ClientError::Undecodable(_)) => self.searched = end + 1,
                outcome => {
                    let _ = self.held.split_to(end + STREAM_DELIMITER.len());
                    self.searched = 0;
                    return Some(outcome);
                }
            }
        }
        let waiting = self.held.len();
        (waiting > MOST_MESSAGE_BYTES).then(|| Err(ClientError::Undecodable(format!("{waiting} bytes of no message"))))
    }

    /// Nothing more comes. Bytes that are left over are no message.
    pub fn finish(self) -> Result<(), ClientError> {
        match self.held.len() {
            0 => Ok(()),
            left => Err(ClientError::Undecodable(format!("the stream ends with {left} bytes of no message"))),
        }
    }

    fn next_delimiter(&mut self) -> Option<usize> {
        let from = self.searched.min(self.held.len());
        let found = self.held[from..].windows(STREAM_DELIMITER.len()).position(|window| window == STREAM_DELIMITER);
        if found.is_none() {
            self.searched = self.held.len().saturating_sub(STREAM_DELIMITER.len() - 1).max(from);
        }
        found.map(|at| from + at)
    }
}

/// The answer to a relay that comes as a stream of signed messages.
#[derive(Debug)]
pub struct RelayStream {
    /// The backend's status.
    pub status: StatusCode,
    /// The backend's headers.
    pub headers: HeaderMap,
    url: String,
    body: Incoming,
    reader: Option<StreamReader>,
}

impl RelayStream {
    pub(super) fn new(url: &str, head: Parts, body: Incoming, reader: StreamReader) -> Self {
        Self { status: head.status, headers: head.headers, url: url.to_owned(), body, reader: Some(reader) }
    }

    /// The next message, verified; `None` after the last one.
    pub async fn next(&mut self) -> Option<Result<VerifiedAnswer, ClientError>> {
        loop {
            if let Some(message) = self.reader.as_mut()?.next_message() {
                return Some(message);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let (Some(bytes), Some(reader)) = (frame.data_ref(), &mut self.reader) {
                        reader.add(bytes);
                    }
                }
                Some(Err(error)) => {
                    self.reader = None;
                    return Some(Err(unreachable(&self.url, causes(&error))));
                }
                None => return self.reader.take()?.finish().err().map(Err),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::SecretKey;
    use crate::proto::pocket::service::RelayRequestMetadata;
    use crate::relay::{encode_response, envelope, sign_response};
    use crate::session::SessionHeader;
    use crate::units::Height;

    fn key() -> SecretKey {
        SecretKey::from_bytes(&[7; 32]).unwrap()
    }

    fn header() -> SessionHeader {
        let application = key().address().clone();
        SessionHeader { application, service: "s".into(), id: "5e55".into(), start: Height(11), end: Height(20) }
    }

    fn request() -> RelayRequest {
        let meta = RelayRequestMetadata { session_header: Some((&header()).into()), ..RelayRequestMetadata::default() };
        RelayRequest { meta: Some(meta), payload: Bytes::new() }
    }

    fn framed(body: &'static [u8], signer: &SecretKey) -> Vec<u8> {
        let payload = envelope::encode_response(StatusCode::OK, &HeaderMap::new(), Bytes::from_static(body));
        let mut bytes = encode_response(&sign_response(&header(), payload, signer).unwrap());
        bytes.extend_from_slice(STREAM_DELIMITER);
        bytes
    }

    const PARTS: [&[u8]; 4] = [b"data: one\n\n", b"with ||POKT_STREAM|| inside\n", b"||POKT_STREAM||", b""];

    #[test]
    fn messages_are_found_however_they_are_cut() {
        let stream: Vec<u8> = PARTS.iter().flat_map(|part| framed(part, &key())).collect();
        for size in [1, 7, 15, 64, stream.len()] {
            let mut reader = StreamReader::new(request(), *key().public_key());
            let mut found = Vec::new();
            for bytes in stream.chunks(size) {
                reader.add(bytes);
                while let Some(message) = reader.next_message() {
                    found.push(message.unwrap().answer.body);
                }
            }
            assert_eq!(found, PARTS, "in pieces of {size}");
            reader.finish().unwrap();
        }
    }

    #[test]
    fn strangers_and_leftovers_are_errors() {
        let mut reader = StreamReader::new(request(), *key().public_key());
        reader.add(&framed(b"x", &SecretKey::from_bytes(&[8; 32]).unwrap()));
        assert!(matches!(reader.next_message(), Some(Err(ClientError::Signature(_)))));
        reader.add(b"half a message");
        assert!(reader.next_message().is_none());
        assert!(reader.finish().is_err());
    }
}
