//! Questions about the present: applications, suppliers, accounts, current parameters.

use std::sync::Arc;

use prost::Message;
use prost_types::Any;

use super::answers::Account;
use super::caches::{Live, Pinned};
use super::client::{Chain, Shared, present};
use super::config::ChainConfig;
use super::error::ChainError;
use super::tx::DENOMINATION;
use crate::address::{Address, PublicKey};
use crate::proto::cosmos::auth::v1beta1::{BaseAccount, QueryAccountRequest};
use crate::proto::cosmos::bank::v1beta1::QueryBalanceRequest;
use crate::proto::cosmos::crypto::secp256k1::PubKey;
use crate::proto::pocket::application::{Application, QueryGetApplicationRequest};
use crate::proto::pocket::service::QueryGetServiceRequest;
use crate::proto::pocket::shared::{Service, Supplier};
use crate::proto::pocket::supplier::QueryGetSupplierRequest;
use crate::proto::pocket::{proof, session, shared, supplier};
use crate::units::{Height, ServiceId, Upokt};

const MOST_ENTITIES: u64 = 16_384;
const MOST_SERVICES: u64 = 2048;
const ACCOUNT: &str = "/cosmos.auth.v1beta1.BaseAccount";
const KEY: &str = "/cosmos.crypto.secp256k1.PubKey";

pub(super) struct Entities {
    applications: Live<Address, Arc<Application>>,
    suppliers: Live<Address, Arc<Supplier>>,
    services: Live<ServiceId, Arc<Service>>,
    accounts: Pinned<Address, Account>,
    shared_params: Live<(), Arc<shared::Params>>,
    session_params: Live<(), Arc<session::Params>>,
    proof_params: Live<(), Arc<proof::Params>>,
    supplier_params: Live<(), Arc<supplier::Params>>,
}

impl Entities {
    pub(super) fn new(config: &ChainConfig) -> Self {
        Self {
            applications: Shared::live(MOST_ENTITIES, config),
            suppliers: Shared::live(MOST_ENTITIES, config),
            services: Shared::live(MOST_SERVICES, config),
            accounts: Pinned::new(MOST_ENTITIES),
            shared_params: Shared::live(1, config),
            session_params: Shared::live(1, config),
            proof_params: Shared::live(1, config),
            supplier_params: Shared::live(1, config),
        }
    }
}

macro_rules! current_params {
    ($(#[$meta:meta])* $name:ident, $now:ident, $module:ident) => {
        $(#[$meta])*
        pub async fn $name(&self) -> Result<Arc<$module::Params>, ChainError> {
            let fetch = async {
                let answer = self.ask($module::QueryParamsRequest {}).await?;
                present(answer.value.params, "parameters").map(Arc::new)
            };
            self.shared().entities.$name.get((), fetch).await
        }

        /// The same, asked of the chain whatever was known before.
        pub async fn $now(&self) -> Result<Arc<$module::Params>, ChainError> {
            let fetch = async {
                let answer = self.ask($module::QueryParamsRequest {}).await?;
                present(answer.value.params, "parameters").map(Arc::new)
            };
            self.shared().entities.$name.refresh((), fetch).await
        }
    };
}

impl Chain {
    current_params! {
        /// The shared parameters in force now. What has a height asks [`Chain::params_at`] instead.
        shared_params, shared_params_now, shared
    }

    current_params! {
        /// How many suppliers a session has, now.
        session_params, session_params_now, session
    }

    current_params! {
        /// When a proof is required, what it costs and what a missing one costs, now: the chain reads them live too.
        proof_params, proof_params_now, proof
    }

    current_params! {
        /// The least stake of a supplier, now.
        supplier_params, supplier_params_now, supplier
    }

    /// An application: its stake and the gateways that may sign for it.
    pub async fn application(&self, address: &Address) -> Result<Arc<Application>, ChainError> {
        let request = QueryGetApplicationRequest { address: address.as_str().to_owned() };
        let fetch = async { present(self.ask(request).await?.value.application, "application").map(Arc::new) };
        self.shared().entities.applications.get(address.clone(), fetch).await
    }

    /// An application as it is now, whatever was known of it before. Where no node answers, that stays known.
    pub async fn application_now(&self, address: &Address) -> Result<Arc<Application>, ChainError> {
        let request = QueryGetApplicationRequest { address: address.as_str().to_owned() };
        let fetch = async { present(self.ask(request).await?.value.application, "application").map(Arc::new) };
        self.shared().entities.applications.refresh(address.clone(), fetch).await
    }

    /// Asks about this application anew next time, as after a failed check that a change of its delegations would explain.
    pub async fn forget_application(&self, address: &Address) {
        self.shared().entities.applications.forget(address).await;
    }

    /// A supplier: its stake, services and their history.
    pub async fn supplier(&self, operator: &Address) -> Result<Arc<Supplier>, ChainError> {
        let request = QueryGetSupplierRequest { operator_address: operator.as_str().to_owned(), dehydrated: false };
        let fetch = async { present(self.ask(request).await?.value.supplier, "supplier").map(Arc::new) };
        self.shared().entities.suppliers.get(operator.clone(), fetch).await
    }

    /// A supplier as it is now, whatever was known of it before: for decisions that give something up.
    pub async fn supplier_now(&self, operator: &Address) -> Result<Arc<Supplier>, ChainError> {
        let request = QueryGetSupplierRequest { operator_address: operator.as_str().to_owned(), dehydrated: false };
        let fetch = async { present(self.ask(request).await?.value.supplier, "supplier").map(Arc::new) };
        self.shared().entities.suppliers.refresh(operator.clone(), fetch).await
    }

    /// A service and its compute units per relay as of now.
    pub async fn service(&self, id: &ServiceId) -> Result<Arc<Service>, ChainError> {
        let request = QueryGetServiceRequest { id: id.as_str().to_owned(), dehydrated: true };
        let fetch = async { present(self.ask(request).await?.value.service, "service").map(Arc::new) };
        self.shared().entities.services.get(id.clone(), fetch).await
    }

    /// An account's number and public key. Kept for good once the key is known, since neither can change then.
    pub async fn account(&self, address: &Address) -> Result<Account, ChainError> {
        let request = QueryAccountRequest { address: address.as_str().to_owned() };
        let fetch = async {
            let account = account(&present(self.ask(request).await?.value.account, "account")?)?;
            let is_final = account.public_key.is_some();
            Ok((account, is_final))
        };
        self.shared().entities.accounts.get(address.clone(), fetch).await
    }

    /// What an account can spend, and the height at which that was true. Never cached.
    pub async fn balance(&self, address: &Address) -> Result<(Height, Upokt), ChainError> {
        let request = QueryBalanceRequest { address: address.as_str().to_owned(), denom: DENOMINATION.to_owned() };
        let answer = self.ask(request).await?;
        let amount = present(answer.value.balance, "balance")?.amount;
        let amount = amount.parse().map_err(|_| malformed(format!("a balance of {amount:?}")))?;
        Ok((answer.height, Upokt(amount)))
    }
}

fn malformed(reason: String) -> ChainError {
    ChainError::Malformed { node: String::new(), reason }
}

fn account(any: &Any) -> Result<Account, ChainError> {
    if any.type_url != ACCOUNT {
        return Err(malformed(format!("an account of type {}, expected {ACCOUNT}", any.type_url)));
    }
    let base = BaseAccount::decode(any.value.as_slice()).map_err(|error| malformed(format!("account: {error}")))?;
    let public_key = base.pub_key.as_ref().map(public_key).transpose()?;
    Ok(Account { number: base.account_number, public_key })
}

fn public_key(any: &Any) -> Result<PublicKey, ChainError> {
    if any.type_url != KEY {
        return Err(malformed(format!("an account key of type {}, expected {KEY}", any.type_url)));
    }
    let key = PubKey::decode(any.value.as_slice()).map_err(|error| malformed(format!("account key: {error}")))?;
    PublicKey::from_bytes(&key.key).map_err(|error| malformed(format!("account key: {error}")))
}
