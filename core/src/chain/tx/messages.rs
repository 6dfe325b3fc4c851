use prost::Message;
use prost_types::Any;

use crate::address::Address;
use crate::proto::cosmos::bank::v1beta1::MsgSend;
use crate::proto::cosmos::base::v1beta1::Coin;
use crate::proto::pocket::proof::{MsgCreateClaim, MsgSubmitProof};
use crate::units::Upokt;

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("/{name}"), value: message.encode_to_vec() }
}

/// A claim as a transaction's message.
#[must_use]
pub fn claim(message: &MsgCreateClaim) -> Any {
    any("pocket.proof.MsgCreateClaim", message)
}

/// A proof as a transaction's message.
#[must_use]
pub fn proof(message: &MsgSubmitProof) -> Any {
    any("pocket.proof.MsgSubmitProof", message)
}

/// A transfer of upokt.
#[must_use]
pub fn send(from: &Address, to: &Address, amount: Upokt) -> Any {
    let coin = Coin { denom: super::DENOMINATION.to_owned(), amount: amount.0.to_string() };
    let message =
        MsgSend { from_address: from.as_str().to_owned(), to_address: to.as_str().to_owned(), amount: vec![coin] };
    any("cosmos.bank.v1beta1.MsgSend", &message)
}
