//! Mined relays in any number: some hundreds are signed, the others are those with other payloads. The miner looks at headers,
//! supplier, size and hash when it reads them, not at signatures.

use bytes::Bytes;
use prost::Message;
use relay_core::address::{Address, SecretKey};
use relay_core::client::{json_rpc_payload, sign_request};
use relay_core::proto::pocket::service::Relay;
use relay_core::relay::{MinedRelay, sign_response};
use relay_core::session::SessionHeader;
use relay_core::store::Append;
use relay_core::units::Height;

/// Relays that are signed for each session.
const SIGNED: usize = 200;

/// Makes relays of one size for one supplier.
pub(crate) struct Mint {
    application: SecretKey,
    gateway: SecretKey,
    supplier: SecretKey,
    size: usize,
}

/// A session and the relays that its others are made of.
pub(crate) struct Session {
    pub(crate) header: SessionHeader,
    signed: Vec<Relay>,
}

impl Mint {
    pub(crate) fn new(size: usize) -> Self {
        let [application, gateway, supplier] = [1, 2, 3].map(|byte| SecretKey::from_bytes(&[byte; 32]).unwrap());
        Self { application, gateway, supplier, size }
    }

    pub(crate) fn supplier(&self) -> &Address {
        self.supplier.address()
    }

    pub(crate) fn session(&self, id: &str) -> Session {
        // Ids of sessions are hashes in hexadecimal, 64 digits long.
        let id = format!("{:0>64}", hex::encode(id));
        let header = SessionHeader {
            application: self.application.address().clone(),
            service: "develop-http".into(),
            id: id.as_str().into(),
            start: Height(101),
            end: Height(160),
        };
        let signed = (0..SIGNED).map(|_| self.sign(&header)).collect();
        Session { header, signed }
    }

    fn sign(&self, header: &SessionHeader) -> Relay {
        let mut filler = self.size / 4;
        loop {
            let payload = json_rpc_payload(Bytes::from(vec![b'0'; filler]));
            let ring = [*self.application.public_key(), *self.gateway.public_key()];
            let request = sign_request(header, &ring, self.supplier(), payload, &self.gateway).unwrap();
            let response = sign_response(header, Bytes::from_static(b"answer"), &self.supplier).unwrap();
            let relay = MinedRelay::new(&request, &response).bytes;
            if relay.len() == self.size {
                return Relay::decode(relay).unwrap();
            }
            filler = filler + self.size - relay.len();
        }
    }
}

impl Session {
    /// `count` relays, different from those of any other `from`.
    pub(crate) fn relays(&self, from: usize, count: usize) -> Vec<Append> {
        let relay = |number: usize| stamp(&self.signed[number % SIGNED], number);
        let append = |relay| Append { session: self.header.clone(), relay, arrival: Height(120), earlier: None };
        (from..from + count).map(relay).map(append).collect()
    }
}

/// Writes a number over the end of the payload.
fn stamp(relay: &Relay, number: usize) -> Bytes {
    let mut relay = relay.clone();
    let request = relay.req.as_mut().unwrap();
    let mut payload = request.payload.to_vec();
    let digits = format!("{number:012}");
    let at = payload.len() - digits.len();
    payload[at..].copy_from_slice(digits.as_bytes());
    request.payload = payload.into();
    relay.encode_to_vec().into()
}
