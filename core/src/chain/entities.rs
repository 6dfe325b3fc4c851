//! Questions about the present: applications, suppliers, accounts, current parameters.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use prost_types::Any;

use super::answers::Account;
use super::caches::{Backing, Fetched, Live, Pinned, codec};
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
/// An answer does whatever height it was read at.
const ANY: Height = Height(0);
const ACCOUNT: &str = "/cosmos.auth.v1beta1.BaseAccount";
const KEY: &str = "/cosmos.crypto.secp256k1.PubKey";

pub(super) struct Entities {
    applications: Live<Arc<Application>>,
    suppliers: Live<Arc<Supplier>>,
    services: Live<Arc<Service>>,
    accounts: Pinned<Account>,
    shared_params: Live<Arc<shared::Params>>,
    session_params: Live<Arc<session::Params>>,
    proof_params: Live<Arc<proof::Params>>,
    supplier_params: Live<Arc<supplier::Params>>,
}

impl Entities {
    pub(super) fn new(config: &ChainConfig, backing: &Arc<Backing>) -> Self {
        Self {
            applications: Shared::live("application", MOST_ENTITIES, codec::APPLICATION, config, backing),
            suppliers: Shared::live("supplier", MOST_ENTITIES, codec::SUPPLIER, config, backing),
            services: Shared::live("service", MOST_SERVICES, codec::SERVICE, config, backing),
            accounts: Pinned::new("account", MOST_ENTITIES, Some(codec::ACCOUNT), Arc::clone(backing)),
            shared_params: Shared::live("shared_params", 1, codec::SHARED_PARAMS, config, backing),
            session_params: Shared::live("session_params", 1, codec::SESSION_PARAMS, config, backing),
            proof_params: Shared::live("proof_params", 1, codec::PROOF_PARAMS, config, backing),
            supplier_params: Shared::live("supplier_params", 1, codec::SUPPLIER_PARAMS, config, backing),
        }
    }
}

/// An answer of a kind that the leader keeps fresh, as the pool shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// The height that it was read at.
    pub height: Height,
    /// The message, encoded.
    pub body: Bytes,
    /// How long the pool keeps it.
    pub life: Duration,
}

macro_rules! current_params {
    ($(#[$meta:meta])* $name:ident, $now:ident, $ask:ident, $module:ident) => {
        $(#[$meta])*
        pub async fn $name(&self) -> Result<Arc<$module::Params>, ChainError> {
            self.shared().entities.$name.get("", ANY, self.$ask()).await
        }

        /// The same, asked of the chain whatever was known before.
        pub async fn $now(&self) -> Result<Arc<$module::Params>, ChainError> {
            self.shared().entities.$name.refresh("", self.$ask()).await
        }

        fn $ask(&self) -> impl Future<Output = Result<Fetched<Arc<$module::Params>>, ChainError>> + Send + use<> {
            let chain = self.clone();
            async move {
                let answer = chain.ask($module::QueryParamsRequest {}).await?;
                Ok((answer.height, Arc::new(present(answer.value.params, "parameters")?)))
            }
        }
    };
}

impl Chain {
    current_params! {
        /// The shared parameters in force now. What has a height asks [`Chain::params_at`] instead.
        shared_params, shared_params_now, ask_shared_params, shared
    }

    current_params! {
        /// How many suppliers a session has, now.
        session_params, session_params_now, ask_session_params, session
    }

    current_params! {
        /// When a proof is required, what it costs and what a missing one costs, now: the chain reads them live too.
        proof_params, proof_params_now, ask_proof_params, proof
    }

    current_params! {
        /// The least stake of a supplier, now.
        supplier_params, supplier_params_now, ask_supplier_params, supplier
    }

    /// An application: its stake and the gateways that may sign for it.
    pub async fn application(&self, address: &Address) -> Result<Arc<Application>, ChainError> {
        self.application_since(address, ANY).await
    }

    /// An application as it was at `height` or later: an answer from before that does not do, however young.
    pub async fn application_since(&self, address: &Address, height: Height) -> Result<Arc<Application>, ChainError> {
        self.shared().entities.applications.get(address.as_str(), height, self.ask_application(address)).await
    }

    /// An application as it is now, whatever was known of it before. Where no node answers, that stays known.
    pub async fn application_now(&self, address: &Address) -> Result<Arc<Application>, ChainError> {
        self.shared().entities.applications.refresh(address.as_str(), self.ask_application(address)).await
    }

    /// Asks about this application anew next time, as after a failed check that a change of its delegations would explain.
    pub async fn forget_application(&self, address: &Address) {
        self.shared().entities.applications.forget(address.as_str()).await;
    }

    fn ask_application(
        &self,
        address: &Address,
    ) -> impl Future<Output = Result<Fetched<Arc<Application>>, ChainError>> + Send + use<> {
        let (chain, request) = (self.clone(), QueryGetApplicationRequest { address: address.as_str().to_owned() });
        async move {
            let answer = chain.ask(request).await?;
            Ok((answer.height, Arc::new(present(answer.value.application, "application")?)))
        }
    }

    /// A supplier: its stake, services and their history.
    pub async fn supplier(&self, operator: &Address) -> Result<Arc<Supplier>, ChainError> {
        self.shared().entities.suppliers.get(operator.as_str(), ANY, self.ask_supplier(operator)).await
    }

    /// A supplier as it is now, whatever was known of it before: for decisions that give something up.
    pub async fn supplier_now(&self, operator: &Address) -> Result<Arc<Supplier>, ChainError> {
        self.shared().entities.suppliers.refresh(operator.as_str(), self.ask_supplier(operator)).await
    }

    /// The same, with the height of the answer, or of the answer that there is no such supplier. Nothing is kept.
    pub async fn supplier_at_node(&self, operator: &Address) -> Result<(Height, Option<Arc<Supplier>>), ChainError> {
        match self.ask_supplier(operator).await {
            Ok((height, supplier)) => Ok((height, Some(supplier))),
            Err(ChainError::NotFound { height, .. }) => Ok((height, None)),
            Err(error) => Err(error),
        }
    }

    fn ask_supplier(
        &self,
        operator: &Address,
    ) -> impl Future<Output = Result<Fetched<Arc<Supplier>>, ChainError>> + Send + use<> {
        let operator_address = operator.as_str().to_owned();
        let (chain, request) = (self.clone(), QueryGetSupplierRequest { operator_address, dehydrated: false });
        async move {
            let answer = chain.ask(request).await?;
            Ok((answer.height, Arc::new(present(answer.value.supplier, "supplier")?)))
        }
    }

    /// A service and its compute units per relay as of now.
    pub async fn service(&self, id: &ServiceId) -> Result<Arc<Service>, ChainError> {
        self.shared().entities.services.get(id.as_str(), ANY, self.ask_service(id)).await
    }

    fn ask_service(
        &self,
        id: &ServiceId,
    ) -> impl Future<Output = Result<Fetched<Arc<Service>>, ChainError>> + Send + use<> {
        let (chain, request) = (self.clone(), QueryGetServiceRequest { id: id.as_str().to_owned(), dehydrated: true });
        async move {
            let answer = chain.ask(request).await?;
            Ok((answer.height, Arc::new(present(answer.value.service, "service")?)))
        }
    }

    /// An account's number and public key. Kept for long once the key is known, since neither can change then.
    pub async fn account(&self, address: &Address) -> Result<Account, ChainError> {
        let request = QueryAccountRequest { address: address.as_str().to_owned() };
        let fetch = async {
            let answer = self.ask(request).await?;
            let account = account(&present(answer.value.account, "account")?)?;
            let is_final = account.public_key.is_some();
            Ok((answer.height, account, is_final))
        };
        self.shared().entities.accounts.get(address.as_str().to_owned(), fetch).await
    }

    /// Asks the chain anew for something that the pool shares under this name, past every cache. `None` for a name of a kind that
    /// does not change, or that is not known here.
    pub async fn renewed(&self, name: &str) -> Result<Option<Renewed>, ChainError> {
        let (kind, key) = name.split_once(':').unwrap_or((name, ""));
        let entities = &self.shared().entities;
        macro_rules! ask {
            ($cache:expr, $fetch:expr) => {{
                let (height, body, _) = $cache.ask(key, $fetch).await?;
                Ok(Some(Renewed { height, body, life: $cache.shared_life() }))
            }};
        }
        match (kind, key.parse::<Address>()) {
            ("application", Ok(address)) => ask!(entities.applications, self.ask_application(&address)),
            ("supplier", Ok(address)) => ask!(entities.suppliers, self.ask_supplier(&address)),
            ("service", _) => ask!(entities.services, self.ask_service(&key.into())),
            ("shared_params", _) => ask!(entities.shared_params, self.ask_shared_params()),
            ("session_params", _) => ask!(entities.session_params, self.ask_session_params()),
            ("proof_params", _) => ask!(entities.proof_params, self.ask_proof_params()),
            ("supplier_params", _) => ask!(entities.supplier_params, self.ask_supplier_params()),
            _ => Ok(None),
        }
    }

    /// What the pool shares under this name may have changed: it is looked up before it is served again.
    pub async fn doubt(&self, name: &str) {
        let (kind, key) = name.split_once(':').unwrap_or((name, ""));
        let entities = &self.shared().entities;
        match kind {
            "application" => entities.applications.doubt(key, "pubsub").await,
            "supplier" => entities.suppliers.doubt(key, "pubsub").await,
            "service" => entities.services.doubt(key, "pubsub").await,
            "shared_params" => entities.shared_params.doubt(key, "pubsub").await,
            "session_params" => entities.session_params.doubt(key, "pubsub").await,
            "proof_params" => entities.proof_params.doubt(key, "pubsub").await,
            "supplier_params" => entities.supplier_params.doubt(key, "pubsub").await,
            _ => {}
        }
    }

    /// Messages about changes may have been lost: everything that can change is looked up before it is served again.
    pub async fn doubt_all(&self) {
        let entities = &self.shared().entities;
        entities.applications.doubt_all().await;
        entities.suppliers.doubt_all().await;
        entities.services.doubt_all().await;
        entities.shared_params.doubt_all().await;
        entities.session_params.doubt_all().await;
        entities.proof_params.doubt_all().await;
        entities.supplier_params.doubt_all().await;
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
