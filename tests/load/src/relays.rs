//! Relays of a ring of two, signed before anything is measured.

use std::net::SocketAddr;
use std::thread;

use relay_core::address::SecretKey;
use relay_core::client::{ClientError, OpenSession, json_rpc_payload, sign_request, verify};
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::encode_request;

use crate::Error;
use crate::caller::{Caller, post};

fn http(request: &RelayRequest) -> Vec<u8> {
    post("application/x-protobuf", &encode_request(request))
}

/// Signs relays to one supplier, as the application.
pub(crate) struct Signer {
    pub(crate) session: OpenSession,
    pub(crate) application: SecretKey,
    pub(crate) supplier: SecretKey,
}

/// The call inside of every relay; it has the size of an everyday one.
pub(crate) fn call(number: usize) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{number},"method":"eth_getBalance","params":["0x742d35cc6634c0532925a3b844bc9e7595f0beb1","latest"]}}"#
    )
}

impl Signer {
    /// So many whole HTTP requests, no two alike, signed on all processors.
    pub(crate) fn sign(&self, count: usize) -> Result<Vec<Vec<u8>>, Error> {
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parts = thread::scope(|scope| {
            let part = |index| (count + index) / threads;
            let working: Vec<_> = (0..threads).map(|index| scope.spawn(move || self.sign_some(part(index)))).collect();
            let panicked = |_| Error::Worthless("a signer panicked".to_owned());
            let joined = working.into_iter().map(|thread| thread.join().map_err(panicked)?.map_err(Error::from));
            joined.collect::<Result<Vec<_>, Error>>()
        })?;
        Ok(parts.concat())
    }

    fn sign_some(&self, count: usize) -> Result<Vec<Vec<u8>>, ClientError> {
        (0..count).map(|number| Ok(http(&self.relay(number)?))).collect()
    }

    fn relay(&self, number: usize) -> Result<RelayRequest, ClientError> {
        let (header, ring) = (&self.session.header, &self.session.ring);
        let payload = json_rpc_payload(call(number).into());
        sign_request(header, ring, self.supplier.address(), payload, &self.application)
    }

    /// Sends one relay and verifies its answer as a gateway does: what is measured are real relays.
    pub(crate) fn check(&self, relays: SocketAddr) -> Result<(), Error> {
        let request = self.relay(0)?;
        let mut caller = Caller::connect(relays).map_err(Error::io("connect a caller"))?;
        let bytes = http(&request);
        let answer = caller.call(&bytes).map_err(Error::io("call"))?;
        if answer.status != 200 {
            let text = String::from_utf8_lossy(answer.body).into_owned();
            return Err(Error::Worthless(format!("a relay is answered with {}: {text}", answer.status)));
        }
        verify(&request, answer.body.to_vec().into(), self.supplier.public_key())?;
        Ok(())
    }
}
