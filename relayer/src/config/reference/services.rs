use relay_core::config::ConfigError;
use relay_core::config::reference::Notes;
use relay_core::relay::RpcType;

use super::backend;
use super::convert::{BODY_BYTES, bytes, or_default};
use super::file::{File, Whole};
use super::profiles::Profiles;
use super::service::{Inherited, Service};
use crate::config::{PoolConfig, ServiceConfig, Services};

/// Which kind of request is meant when nobody says, where `jsonrpc` is not served.
const PREFERENCE: [RpcType; 5] =
    [RpcType::JsonRpc, RpcType::Rest, RpcType::CometBft, RpcType::Grpc, RpcType::WebSocket];

pub(super) fn convert(file: &File, profiles: &Profiles, notes: &mut Notes) -> Result<Services, ConfigError> {
    let services = file.services.iter().flatten();
    let cap = or_default(file.default_max_body_size_bytes, BODY_BYTES);
    services
        .map(|(id, given)| Ok((id.clone(), service(&format!("services.{id}"), given, cap, profiles, notes)?)))
        .collect()
}

fn service(
    key: &str,
    given: &Service,
    cap: u64,
    profiles: &Profiles,
    notes: &mut Notes,
) -> Result<ServiceConfig, ConfigError> {
    let times = profiles.times(&format!("{key}.timeout_profile"), given.timeout_profile.as_deref())?;
    let size = profiles.pool(&format!("{key}.pool_profile"), given.pool_profile.as_deref())?;
    let request_bytes = match given.max_body_size_bytes {
        None | Some(Whole(0)) => None,
        Some(Whole(most)) => {
            let key = format!("{key}.max_body_size_bytes");
            if most > cap {
                notes.changed(
                    key.clone(),
                    "it raises the service's cap above the default one; there it could only lower it",
                );
            }
            Some(bytes(&key, most)?)
        }
    };
    let mut backends = std::collections::BTreeMap::new();
    for (kind, pool) in given.backends.iter().flatten() {
        let key = format!("{key}.backends.{kind}");
        let pool = backend::convert(&key, *kind, pool, notes)?;
        let connections = size.of(&key, pool.nodes().len())?;
        backends.insert(*kind, PoolConfig { connections, timeouts: times.parts.clone(), ..pool });
    }
    if backends.is_empty() {
        let message = "is empty; name at least one of jsonrpc, rest, websocket, grpc and cometbft";
        return Err(ConfigError::invalid(&format!("{key}.backends"), message));
    }
    let named = given.default_backend.and_then(|Inherited(named)| named);
    if let Some(named) = named.filter(|named| !backends.contains_key(named)) {
        let message = format!("is {named}, but there is no such backend");
        return Err(ConfigError::invalid(&format!("{key}.default_backend"), message));
    }
    let default_backend = named.or_else(|| {
        let kind = PREFERENCE.into_iter().find(|kind| backends.contains_key(kind))?;
        if kind != RpcType::JsonRpc {
            let text = format!("a request that does not name its kind is taken for {kind}; there it found no backend");
            notes.changed(format!("{key}.default_backend"), text);
        }
        Some(kind)
    });
    let validation = given.validation_mode.and_then(|Inherited(mode)| mode);
    Ok(ServiceConfig {
        backends,
        default_backend,
        validation,
        timeout: times.whole,
        request_bytes,
        response_bytes: None,
    })
}
