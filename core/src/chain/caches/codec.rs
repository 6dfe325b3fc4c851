use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use super::super::answers::Account;
use crate::address::PublicKey;
use crate::proto::pocket::application::Application;
use crate::proto::pocket::session::Session;
use crate::proto::pocket::shared::{Service, Supplier};
use crate::proto::pocket::{proof, session, shared, supplier};
use crate::units::ComputeUnits;

/// How a value is written for others, and read again. What does not fit its key is not believed.
pub(crate) struct Codec<V> {
    pub(crate) write: fn(&V) -> Bytes,
    pub(crate) read: fn(&str, &[u8]) -> Option<V>,
}

impl<V> Clone for Codec<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Codec<V> {}

macro_rules! message {
    ($name:ident, $message:ty, |$value:ident, $key:ident| $fits:expr) => {
        pub(crate) const $name: Codec<Arc<$message>> = Codec {
            write: |value| value.encode_to_vec().into(),
            read: |$key, bytes| {
                let $value = <$message>::decode(bytes).ok()?;
                $fits.then(|| Arc::new($value))
            },
        };
    };
}

message!(APPLICATION, Application, |it, key| it.address == key && it.stake.is_some());
message!(SUPPLIER, Supplier, |it, key| it.operator_address == key && it.stake.is_some());
message!(SERVICE, Service, |it, key| it.id == key);
message!(SESSION, Session, |it, _key| it.header.is_some());
message!(SHARED_PARAMS, shared::Params, |it, _key| it.num_blocks_per_session > 0);
message!(SESSION_PARAMS, session::Params, |it, _key| it.num_suppliers_per_session > 0);
message!(PROOF_PARAMS, proof::Params, |it, _key| it.proof_submission_fee.is_some());
message!(SUPPLIER_PARAMS, supplier::Params, |it, _key| it.min_stake.is_some());

pub(crate) const TARGET: Codec<[u8; 32]> =
    Codec { write: |target| Bytes::copy_from_slice(target), read: |_, bytes| bytes.try_into().ok() };

pub(crate) const COMPUTE_UNITS: Codec<ComputeUnits> = Codec {
    write: |units| Bytes::copy_from_slice(&units.0.to_be_bytes()),
    read: |_, bytes| Some(ComputeUnits(u64::from_be_bytes(bytes.try_into().ok()?))),
};

/// Number, then the key. Only accounts whose key is known are written.
pub(crate) const ACCOUNT: Codec<Account> = Codec {
    write: |account| {
        let mut bytes = account.number.to_be_bytes().to_vec();
        bytes.extend(account.public_key.iter().flat_map(PublicKey::as_bytes));
        bytes.into()
    },
    read: |_, bytes| {
        let (number, key) = bytes.split_at_checked(8)?;
        let public_key = PublicKey::from_bytes(key).ok()?;
        Some(Account { number: u64::from_be_bytes(number.try_into().ok()?), public_key: Some(public_key) })
    },
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::cosmos::base::v1beta1::Coin;

    // rule: C-19
    #[test]
    fn what_is_half_known_or_another_s_is_not_believed() {
        let stake = Some(Coin { denom: "upokt".into(), amount: "5".into() });
        let whole = Supplier { operator_address: "pokt1a".into(), stake, ..Supplier::default() };
        let half = Supplier { stake: None, ..whole.clone() };
        let read =
            |key: &str, supplier: &Supplier| (SUPPLIER.read)(key, &supplier.encode_to_vec()).map(|it| (*it).clone());
        assert_eq!(read("pokt1a", &whole), Some(whole.clone()));
        assert_eq!(read("pokt1b", &whole), None);
        assert_eq!(read("pokt1a", &half), None);
        assert!((APPLICATION.read)("pokt1a", &[]).is_none(), "nothing at all is a message too");
        assert!((SHARED_PARAMS.read)("", &[]).is_none());
        assert!((TARGET.read)("", &[1; 31]).is_none());
        assert!((ACCOUNT.read)("", &[0; 8]).is_none(), "an account without its key");
    }

    proptest! {
        #[test]
        fn nothing_that_is_found_can_hurt(bytes: Vec<u8>, key: String) {
            let _ = ((APPLICATION.read)(&key, &bytes), (SESSION.read)(&key, &bytes), (ACCOUNT.read)(&key, &bytes));
            let _ = ((SERVICE.read)(&key, &bytes), (COMPUTE_UNITS.read)(&key, &bytes), (PROOF_PARAMS.read)(&key, &bytes));
        }

        #[test]
        fn values_survive(units: u64, target: [u8; 32]) {
            prop_assert_eq!((COMPUTE_UNITS.read)("", &(COMPUTE_UNITS.write)(&ComputeUnits(units))), Some(ComputeUnits(units)));
            prop_assert_eq!((TARGET.read)("", &(TARGET.write)(&target)), Some(target));
        }
    }
}
