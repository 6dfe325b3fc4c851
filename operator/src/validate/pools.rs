//! Names, networks, Redis and the references between pools.

use std::collections::BTreeMap;

use relay_core::store::RedisUrl;
use zeroize::Zeroizing;

use super::fleet::{Fleet, MinerFleet, RelayerFleet};
use crate::api::{MinerPoolSpec, SecretKeyReference};
use crate::manifest::{Manifests, Name, Object, Problem, Secret};

/// Names of pods derive from those of pools and have a limit of their own.
const LONGEST_POOL_NAME: usize = 40;

/// Every name once per kind, and none too long.
pub(super) fn names(manifests: &Manifests, problems: &mut Vec<Problem>) {
    unique("MinerPool", &manifests.miner_pools, problems);
    unique("RelayerPool", &manifests.relayer_pools, problems);
    unique("Supplier", &manifests.suppliers, problems);
    unique("Secret", &manifests.secrets, problems);
    short("MinerPool", &manifests.miner_pools, problems);
    short("RelayerPool", &manifests.relayer_pools, problems);
}

fn unique<T>(kind: &str, objects: &[Object<T>], problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<&Name, &Object<T>> = BTreeMap::new();
    for object in objects {
        if let Some(first) = seen.get(&object.name) {
            let message = format!("{kind} {} is already described in {}", object.name, first.place(""));
            problems.push(object.problem("metadata.name", "DuplicateName", message));
        } else {
            seen.insert(&object.name, object);
        }
    }
}

fn short<T>(kind: &str, objects: &[Object<T>], problems: &mut Vec<Problem>) {
    for object in objects.iter().filter(|object| object.name.name.len() > LONGEST_POOL_NAME) {
        let message = format!("the name of a {kind} has at most {LONGEST_POOL_NAME} characters");
        problems.push(object.problem("metadata.name", "NameTooLong", message));
    }
}

/// Miner pools with their Redis, each with its relayer pools.
pub(super) fn join(manifests: &Manifests, problems: &mut Vec<Problem>) -> Fleet {
    let mut fleet = Fleet::default();
    for pool in &manifests.miner_pools {
        one_network(&manifests.miner_pools[0], pool, problems);
        let redis_url = redis_url(manifests, pool, problems);
        let redis_prefix = pool.spec.redis.prefix.clone();
        fleet.pools.push(MinerFleet {
            redis_url: redis_url.unwrap_or_default(),
            redis_prefix: redis_prefix.unwrap_or_else(|| format!("{}.{}", pool.name.namespace, pool.name.name)),
            pool: pool.clone(),
            suppliers: Vec::new(),
            relayers: Vec::new(),
        });
    }
    for pool in &manifests.relayer_pools {
        let wanted = pool.name.beside(&pool.spec.miner_pool_ref.name);
        match fleet.pool_mut(&wanted) {
            Some(miners) => miners.relayers.push(RelayerFleet { pool: pool.clone() }),
            None => problems.push(no_miner_pool(pool, manifests, &wanted)),
        }
    }
    if manifests.miner_pools.is_empty()
        && let Some(place) = manifests
            .relayer_pools
            .first()
            .map(|pool| pool.place(""))
            .or_else(|| manifests.suppliers.first().map(|supplier| supplier.place("")))
            .or_else(|| manifests.secrets.first().map(|secret| secret.place("")))
    {
        let message = "nothing can run without a MinerPool, and no file describes one".to_owned();
        problems.push(Problem { place, reason: "MinerPoolNotFound", message });
    }
    fleet
}

/// The problem of an object whose `spec.minerPoolRef` leads nowhere.
pub(super) fn no_miner_pool<T>(object: &Object<T>, manifests: &Manifests, wanted: &Name) -> Problem {
    let names: Vec<String> = manifests.miner_pools.iter().map(|pool| pool.name.to_string()).collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let message = format!("there is no MinerPool {wanted}; the files describe {known}");
    object.problem("spec.minerPoolRef.name", "MinerPoolNotFound", message)
}

/// On one machine all pools work on one chain: a folder that mixes a test network with the real one is a mistake.
fn one_network(first: &Object<MinerPoolSpec>, pool: &Object<MinerPoolSpec>, problems: &mut Vec<Problem>) {
    let (ours, theirs) = (&pool.spec.network.chain_id, &first.spec.network.chain_id);
    if ours != theirs {
        let message = format!("this pool is on chain {ours}, {} on {theirs}: use one folder per network", first.name);
        problems.push(pool.problem("spec.network.chainId", "SeveralNetworks", message));
    }
}

fn redis_url(
    manifests: &Manifests,
    pool: &Object<MinerPoolSpec>,
    problems: &mut Vec<Problem>,
) -> Option<Zeroizing<String>> {
    let external = &pool.spec.redis.external;
    let (url, path) = match (&external.url, &external.secret_ref) {
        (Some(url), None) => return Some(Zeroizing::new(url.clone())),
        (None, Some(reference)) => {
            let path = "spec.redis.external.secretRef";
            (find_entry(manifests, pool, reference, path, problems)?.1.trim(), path)
        }
        (None, None) | (Some(_), Some(_)) => {
            let message = "give either url or secretRef";
            problems.push(pool.problem("spec.redis.external", "Invalid", message));
            return None;
        }
    };
    if let Err(problem) = RedisUrl::parse(url) {
        let message = format!("the URL in the entry of the Secret {problem}");
        problems.push(pool.problem(path, "RedisUrlInvalid", message));
        return None;
    }
    Some(Zeroizing::new(url.to_owned()))
}

/// The entry of a Secret that an object names, and the Secret.
pub(super) fn find_entry<'a, T>(
    manifests: &'a Manifests,
    object: &Object<T>,
    reference: &SecretKeyReference,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<(&'a Object<Secret>, &'a str)> {
    let wanted = object.name.beside(&reference.name);
    let Some(secret) = manifests.secrets.iter().find(|secret| secret.name == wanted) else {
        let message = format!("there is no Secret {wanted}");
        problems.push(object.problem(&format!("{path}.name"), "SecretNotFound", message));
        return None;
    };
    let Some(text) = secret.spec.entry(&reference.key) else {
        let entries = secret.spec.keys();
        let entries = if entries.is_empty() { "nothing".to_owned() } else { entries.join(", ") };
        let message = format!("Secret {wanted} has no entry {}; it has {entries}", reference.key);
        problems.push(object.problem(&format!("{path}.key"), "SecretKeyNotFound", message));
        return None;
    };
    Some((secret, text))
}

/// A relayer serves suppliers; without any it has nothing to answer for and refuses to start.
pub(super) fn suppliers_to_serve(fleet: &Fleet, problems: &mut Vec<Problem>) {
    for pool in fleet.pools.iter().filter(|pool| pool.suppliers.is_empty()) {
        for relayers in &pool.relayers {
            let message = format!("no Supplier names the MinerPool {}, so there is nothing to serve", pool.pool.name);
            problems.push(relayers.pool.problem("spec.minerPoolRef.name", "NoSuppliers", message));
        }
    }
}

/// Two pools that write under the same prefix of the same Redis would each claim what the other recorded.
pub(super) fn separate_state(manifests: &Manifests, fleet: &Fleet, problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<(&str, &str), &Name> = BTreeMap::new();
    for (pool, object) in fleet.pools.iter().zip(&manifests.miner_pools) {
        let state = (pool.redis_url.trim_end_matches('/'), pool.redis_prefix.as_str());
        if state.0.is_empty() {
            continue;
        }
        if let Some(first) = seen.get(&state) {
            let message = format!("{first} uses the same Redis with the same prefix {:?}", pool.redis_prefix);
            problems.push(object.problem("spec.redis", "RedisPrefixInUse", message));
        } else {
            seen.insert(state, &object.name);
        }
    }
}
