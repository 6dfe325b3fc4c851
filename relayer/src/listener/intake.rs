//! Taking in the bodies of requests: bounded in size, time and, over all of them, in memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint};
use relay_core::proto::pocket::service::RelayRequestMetadata;
use relay_core::units::ServiceId;

use super::Listener;
use crate::pipeline::Share;
use crate::refusal::Refusal;
use crate::service::ServiceMap;

/// How long a body that is refused is still taken in.
const DISCARD_TIME: Duration = Duration::from_secs(1);
/// Of it, so many bytes.
const DISCARD_BYTES: usize = 1 << 20;

impl Listener {
    /// The whole body, and the memory that it has of what all bodies share.
    pub(super) async fn read(&self, headers: &HeaderMap, mut body: Incoming) -> Result<(Bytes, Share), Refusal> {
        // While it is read it has no place among the relays in progress: slow callers must not keep others out.
        let reading = self.reading.try_acquire().map_err(|_| Refusal::Overloaded)?;
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let taken = async { self.take_in(announced.unwrap_or_default(), &mut body).await };
        let taken = tokio::time::timeout(self.limits.receive_timeout.0, taken).await;
        drop(reading);
        let taken = taken.unwrap_or(Err(Refusal::Unreadable));
        if matches!(taken, Err(Refusal::TooLarge | Refusal::TooLargeForService)) {
            discard(body).await;
        }
        taken
    }

    async fn take_in(&self, announced: usize, body: &mut Incoming) -> Result<(Bytes, Share), Refusal> {
        let mut cap = Cap::new(self.limits.request_bytes);
        let live = self.pipeline.live.load_full();
        if announced > cap.most {
            let largest = live.services.values().map(|service| service.request_bytes).max();
            if largest.is_none_or(|largest| announced > largest) {
                return Err(Refusal::TooLarge);
            }
        }
        let mut share = self.bodies.share();
        let mut add = |bytes: &Bytes| if share.grow(bytes.len()) { Ok(()) } else { Err(Refusal::Overloaded) };
        let Some(first) = next(body).await? else { return Ok((Bytes::new(), share)) };
        add(&first)?;
        let Some(second) = next(body).await? else {
            cap.check(&first, first.len(), &live.services)?;
            return Ok((first, share));
        };
        let mut held = BytesMut::from(first);
        let mut more = Some(second);
        while let Some(bytes) = more {
            cap.check(&held, announced.max(held.len() + bytes.len()), &live.services)?;
            add(&bytes)?;
            held.extend_from_slice(&bytes);
            more = next(body).await?;
        }
        Ok((held.freeze(), share))
    }
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame.map_err(|_| Refusal::Unreadable)?.into_data()
            && !bytes.is_empty()
        {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// How large a body may be. Until its beginning tells its service, that is what the relayer allows.
struct Cap {
    most: usize,
    known: bool,
}

impl Cap {
    fn new(most: usize) -> Self {
        Self { most, known: false }
    }

    /// Refuses a body of which `begin` has come and that has at least `bytes`.
    fn check(&mut self, begin: &[u8], bytes: usize, services: &ServiceMap) -> Result<(), Refusal> {
        if !self.known
            && let Some(service) = service_of(begin).and_then(|id| services.get(&id))
        {
            (self.most, self.known) = (service.request_bytes, true);
        }
        match (bytes > self.most, self.known) {
            (false, _) => Ok(()),
            (true, true) => Err(Refusal::TooLargeForService),
            (true, false) => Err(Refusal::TooLarge),
        }
    }
}

/// The service that the beginning of a `RelayRequest` names. Gateways write the fields in order, so it is near the front.
fn service_of(mut begin: &[u8]) -> Option<ServiceId> {
    let (1, WireType::LengthDelimited) = decode_key(&mut begin).ok()? else { return None };
    let length = usize::try_from(decode_varint(&mut begin).ok()?).ok()?;
    let meta = RelayRequestMetadata::decode(begin.get(..length)?).ok()?;
    Some(meta.session_header?.service_id.as_str().into())
}

/// Takes a little more of a body that is not wanted. A caller that is still sending when its connection closes sees a broken
/// connection instead of the refusal.
async fn discard(mut body: Incoming) {
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DISCARD_BYTES {
                break;
            }
        }
    };
    // Whether it ended, broke or took too long: it was for the caller's sake only.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

#[cfg(test)]
mod tests {
    use relay_core::proto::pocket::service::RelayRequest;
    use relay_core::proto::pocket::session::SessionHeader;

    use super::*;

    #[test]
    fn the_beginning_tells_the_service_once_its_first_field_is_there() {
        let header = SessionHeader { service_id: "anvil".to_owned(), ..SessionHeader::default() };
        let meta = RelayRequestMetadata { session_header: Some(header), ..RelayRequestMetadata::default() };
        let bytes = RelayRequest { meta: Some(meta.clone()), payload: vec![0; 1000].into() }.encode_to_vec();
        let first_field = meta.encoded_len() + 2;
        assert_eq!(service_of(&bytes), Some("anvil".into()));
        assert_eq!(service_of(&bytes[..first_field]), Some("anvil".into()));
        for begin in [&bytes[..first_field - 1], b"", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"not a relay"] {
            assert_eq!(service_of(begin), None);
        }
    }
}
