//! Suppliers and their keys.

use std::collections::BTreeMap;

use relay_core::address::{Address, SecretKey};
use zeroize::Zeroizing;

use super::fleet::{Fleet, SupplierMember};
use super::pools::{find_entry, no_miner_pool};
use crate::api::{SUPPLIER_KEY_LABEL, SupplierSpec};
use crate::manifest::{Manifests, Object, Problem};

const KEY: &str = "spec.keySecretRef";

/// Gives each miner pool its suppliers, each with a key that is really its own.
pub(super) fn assign(manifests: &Manifests, fleet: &mut Fleet, problems: &mut Vec<Problem>) {
    let mut operators: BTreeMap<String, &Object<SupplierSpec>> = BTreeMap::new();
    for supplier in &manifests.suppliers {
        // Two miners with one key make two claims of one session, and the supplier is slashed.
        if let Some(first) = operators.get(&supplier.spec.operator_address) {
            let message = format!("Supplier {} has the same operator address", first.name);
            problems.push(supplier.problem("spec.operatorAddress", "DuplicateOperator", message));
            continue;
        }
        operators.insert(supplier.spec.operator_address.clone(), supplier);
        let key = key(manifests, supplier, problems);
        let wanted = supplier.name.beside(&supplier.spec.miner_pool_ref.name);
        match (fleet.pool_mut(&wanted), key) {
            (None, _) => problems.push(no_miner_pool(supplier, manifests, &wanted)),
            (Some(pool), Some((key, text))) => {
                pool.suppliers.push(SupplierMember { supplier: supplier.clone(), key, text });
            }
            (Some(_), None) => {}
        }
    }
}

fn key(
    manifests: &Manifests,
    supplier: &Object<SupplierSpec>,
    problems: &mut Vec<Problem>,
) -> Option<(SecretKey, Zeroizing<String>)> {
    let address: Option<Address> = match supplier.spec.operator_address.parse() {
        Ok(address) => Some(address),
        Err(error) => {
            let message = format!("{error}");
            problems.push(supplier.problem("spec.operatorAddress", "AddressInvalid", message));
            None
        }
    };
    let (secret, text) = find_entry(manifests, supplier, &supplier.spec.key_secret_ref, KEY, problems)?;
    if secret.labels.get(SUPPLIER_KEY_LABEL).map(String::as_str) != Some("true") {
        let message = format!("Secret {} needs the label {SUPPLIER_KEY_LABEL}: \"true\"", secret.name);
        problems.push(supplier.problem(KEY, "SecretNotLabelled", message));
        return None;
    }
    let key = match SecretKey::from_hex(text) {
        Ok(key) => key,
        Err(error) => {
            let message = format!("Secret {}, entry {}: {error}", secret.name, supplier.spec.key_secret_ref.key);
            problems.push(supplier.problem(KEY, "KeyInvalid", message));
            return None;
        }
    };
    if *key.address() != address? {
        let message = format!("the key in Secret {} belongs to {}", secret.name, key.address());
        problems.push(supplier.problem("spec.operatorAddress", "AddressMismatch", message));
        return None;
    }
    Some((key, Zeroizing::new(text.trim().trim_start_matches("0x").trim_start_matches("0X").to_owned())))
}
