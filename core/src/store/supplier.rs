//! What the chain says of the pool's suppliers, for relayers, the operator and people. Written by the leader.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use redis::cmd;
use serde::{Deserialize, Serialize};

use super::command::Call;
use super::{Store, StoreError, scripts};
use crate::address::Address;
use crate::units::{Height, ServiceId, Upokt};

const STATES_A_ROUND: usize = 256;
const LEASES_ABREAST: usize = 64;

/// A supplier as the chain has it. Known as a whole, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupplierState {
    /// Whether it is staked.
    pub staked: bool,
    /// End of the last session that it serves; `None` unless it is on its way out.
    pub unstaking_at: Option<Height>,
    /// What it serves at the height that was looked at.
    pub services: Vec<ServiceId>,
    /// The miner that owns it, by its instance id; `None` while nobody does.
    pub owner: Option<String>,
}

/// A supplier's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupplierMoney {
    /// Its stake.
    #[serde(with = "digits")]
    pub stake: Upokt,
    /// What its account can spend.
    #[serde(with = "digits")]
    pub balance: Upokt,
}

/// What is known of a supplier, and how old that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSupplier {
    /// The state.
    pub state: SupplierState,
    /// The money.
    pub money: SupplierMoney,
    /// How long the state has been like this.
    pub unchanged_for: Duration,
    /// Since the leader last looked. While nobody leads, or the chain does not answer, it grows.
    pub age: Duration,
    /// The height that was looked at.
    pub height: Height,
}

impl Store {
    /// Writes what an answer of the chain at `height` says of a supplier, as the leader. Returns whether the state changed; then the
    /// pool was told.
    pub async fn put_supplier(
        &self,
        token: &str,
        supplier: &Address,
        state: &SupplierState,
        money: &SupplierMoney,
        height: Height,
    ) -> Result<bool, StoreError> {
        let keys = &self.shared.keys;
        let written = |error| StoreError::malformed("a supplier's state", error);
        let call = Call::new(&scripts::PUT_SUPPLIER)
            .key(keys.leader())
            .key(keys.supplier(supplier))
            .key(keys.suppliers())
            .argument(token)
            .argument(supplier.as_str())
            .argument(serde_json::to_string(state).map_err(written)?)
            .argument(serde_json::to_string(money).map_err(written)?)
            .argument(height.0)
            .argument(keys.events());
        self.shared.link.call(call).await
    }

    /// Drops what was known of a supplier, as the leader.
    pub async fn drop_supplier(&self, token: &str, supplier: &Address) -> Result<(), StoreError> {
        let keys = &self.shared.keys;
        let call = Call::new(&scripts::DROP_SUPPLIER)
            .key(keys.leader())
            .key(keys.supplier(supplier))
            .key(keys.suppliers())
            .argument(token)
            .argument(supplier.as_str())
            .argument(keys.events());
        self.shared.link.call::<u8>(call).await.map(|_| ())
    }

    /// What is known of a supplier. `None` when nothing is: that says nothing about the supplier.
    pub async fn supplier(&self, supplier: &Address) -> Result<Option<KnownSupplier>, StoreError> {
        let read: Vec<String> = self.shared.link.call(self.supplier_call(supplier)).await?;
        read_supplier(&read)
    }

    /// What is known of every supplier of the pool, by address. One whose state cannot be read is left out, and told of in the log.
    pub async fn suppliers(&self) -> Result<Vec<(Address, KnownSupplier)>, StoreError> {
        let addresses = self.supplier_names().await?;
        let mut known = Vec::with_capacity(addresses.len());
        for round in addresses.chunks(STATES_A_ROUND) {
            let calls: Vec<Call> = round.iter().map(|supplier| self.supplier_call(supplier)).collect();
            let read: Vec<Vec<String>> = self.shared.link.calls(&calls).await?;
            for (supplier, read) in round.iter().zip(read) {
                match read_supplier(&read) {
                    Ok(Some(state)) => known.push((supplier.clone(), state)),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%supplier, %error, "the state of a supplier is not believed"),
                }
            }
        }
        Ok(known)
    }

    /// The suppliers that a leader has looked at.
    pub async fn supplier_names(&self) -> Result<Vec<Address>, StoreError> {
        let names: Vec<String> = self.shared.link.run(cmd("HKEYS").arg(self.shared.keys.suppliers())).await?;
        let mut addresses: Vec<Address> = names.iter().filter_map(|name| name.parse().ok()).collect();
        addresses.sort_unstable();
        Ok(addresses)
    }

    /// The instance that owns each of these suppliers, in their order.
    pub async fn owners(&self, suppliers: &[Address]) -> Result<Vec<Option<String>>, StoreError> {
        let owner = |supplier: Address| async move {
            let token: Option<String> = self.shared.link.run(cmd("GET").arg(self.shared.keys.lease(&supplier))).await?;
            Ok(token.map(|token| token.split('/').next().unwrap_or_default().to_owned()))
        };
        // One command each, as the leases are in different slots; they share the connection's round trips.
        futures::stream::iter(suppliers.to_vec()).map(owner).buffered(LEASES_ABREAST).try_collect().await
    }

    fn supplier_call(&self, supplier: &Address) -> Call {
        let keys = &self.shared.keys;
        Call::new(&scripts::READ_SUPPLIER)
            .key(keys.supplier(supplier))
            .key(keys.suppliers())
            .argument(supplier.as_str())
    }
}

fn read_supplier(read: &[String]) -> Result<Option<KnownSupplier>, StoreError> {
    let malformed = |error: &dyn std::fmt::Display| StoreError::malformed("a supplier's state", error);
    let [body, money, unchanged_for, age, height] = read else { return Ok(None) };
    let number = |text: &String| text.parse::<u64>().map_err(|error| malformed(&error));
    Ok(Some(KnownSupplier {
        state: serde_json::from_str(body).map_err(|error| malformed(&error))?,
        money: serde_json::from_str(money).map_err(|error| malformed(&error))?,
        unchanged_for: Duration::from_millis(number(unchanged_for)?),
        age: Duration::from_millis(number(age)?),
        height: Height(i64::try_from(number(height)?).map_err(|error| malformed(&error))?),
    }))
}

/// Amounts as texts: a JSON number is exact only up to 2^53.
mod digits {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::units::Upokt;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
    pub(super) fn serialize<S: Serializer>(amount: &Upokt, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&amount.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Upokt, D::Error> {
        String::deserialize(deserializer)?.parse().map(Upokt).map_err(serde::de::Error::custom)
    }
}
