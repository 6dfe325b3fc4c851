//! What the state belongs to. Two chains, or two layouts, must never mix under one prefix.

use super::command::Call;
use super::link::Link;
use super::{ChainIdentity, Keys, StoreError, scripts};

/// The layout of keys and values that this release reads and writes.
pub const LAYOUT: u32 = 1;

/// Reads the schema, creating it in an empty Redis, and returns its random identity.
///
/// # Errors
/// [`StoreError::Foreign`] when the state is another chain's or of another layout.
pub(super) async fn claim(link: &Link, keys: &Keys, chain: &ChainIdentity) -> Result<String, StoreError> {
    let call = Call::new(&scripts::SCHEMA)
        .key(keys.schema())
        .argument(LAYOUT)
        .argument(&chain.chain_id)
        .argument(&chain.genesis_hash)
        .argument(hex::encode(rand::random::<[u8; 16]>()));
    let found: [Option<String>; 4] = link.call(call).await?;
    compare(&keys.schema(), &found.map(Option::unwrap_or_default), chain)
}

pub(super) fn compare(key: &str, found: &[String; 4], chain: &ChainIdentity) -> Result<String, StoreError> {
    let [layout, chain_id, genesis_hash, identity] = found;
    let problem = if *layout != LAYOUT.to_string() {
        format!(
            "has layout {layout:?}, this program speaks {LAYOUT}: run the version that wrote it until its sessions have settled, or choose another prefix"
        )
    } else if *chain_id != chain.chain_id {
        format!(
            "belongs to chain {chain_id:?}, this program works for {:?}: choose another prefix or Redis, or correct the chain id",
            chain.chain_id
        )
    } else if *genesis_hash != chain.genesis_hash {
        format!(
            "belongs to another chain of the same id (genesis {genesis_hash}, the nodes say {}): if the network was started anew, choose another prefix; the old state earns nothing any more",
            chain.genesis_hash
        )
    } else if identity.is_empty() {
        "has no identity: was it written by another program? Choose another prefix".to_owned()
    } else {
        return Ok(identity.clone());
    };
    Err(StoreError::Foreign(format!("the state in Redis ({key}) {problem}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_refused_with_advice() {
        let chain = ChainIdentity { chain_id: "pocket".into(), genesis_hash: "AB".into() };
        let found = |fields: [&str; 4]| compare("k", &fields.map(str::to_owned), &chain);
        assert_eq!(found(["1", "pocket", "AB", "id"]), Ok("id".to_owned()));
        for fields in [
            ["2", "pocket", "AB", "id"],
            ["", "pocket", "AB", "id"],
            ["1", "pocket-beta", "AB", "id"],
            ["1", "pocket", "CD", "id"],
            ["1", "pocket", "AB", ""],
        ] {
            let error = found(fields).unwrap_err().to_string();
            assert!(error.contains("prefix"), "{error}");
        }
    }
}
