use relay_core::units::Upokt;

use crate::api::RpcType;

/// What the chain says about one supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFacts {
    /// Its stake and services; `None`: it is not staked.
    pub staked: Known<Option<OnChain>>,
    /// What its operator account holds, and at which height.
    pub balance: Known<(i64, Upokt)>,
}

/// Something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// The answer.
    Yes(T),
    /// Nobody answered; why.
    No(String),
}

impl<T> Known<T> {
    /// The answer, if there is one.
    pub fn answer(&self) -> Option<&T> {
        match self {
            Self::Yes(answer) => Some(answer),
            Self::No(_) => None,
        }
    }
}

/// A URL and the kind of request it takes, if it is one that we know.
pub type Endpoint = (String, Option<RpcType>);

/// A staked supplier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnChain {
    /// The stake with its denomination.
    pub stake: String,
    /// Services with their endpoints, by id.
    pub services: Vec<(String, Vec<Endpoint>)>,
    /// The session end at which it leaves; `None` while it stays.
    pub unstaking_at: Option<i64>,
}
