//! Which server of a cluster serves which slots.

use redis::{FromRedisValue, RedisError, Value};

use super::slots::SLOTS;
use super::url::Endpoint;
use crate::store::StoreError;

/// A server that serves slots, and those that may take over from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Shard {
    pub(super) endpoint: Endpoint,
    /// The lowest of its slots.
    pub(in crate::store) slot: u16,
    /// Known replicas.
    pub(in crate::store) replicas: u64,
}

/// The answer to `CLUSTER SLOTS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotMap {
    shards: Vec<Shard>,
    /// For each slot the position of its shard.
    owners: Vec<Option<u16>>,
}

impl SlotMap {
    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&Endpoint> {
        let position = self.owners.get(usize::from(slot)).copied().flatten()?;
        self.shards.get(usize::from(position)).map(|shard| &shard.endpoint)
    }

    /// Reads the answer of the server at `asked`: a server that does not know its own name leaves it out.
    pub(super) fn parse(answer: Value, asked: &Endpoint) -> Result<Self, StoreError> {
        let malformed = |error: &dyn std::fmt::Display| StoreError::malformed("the slots of the cluster", error);
        let ranges: Vec<Vec<Value>> = redis::from_redis_value(answer).map_err(|error| malformed(&error))?;
        let mut map = Self { shards: Vec::new(), owners: vec![None; usize::from(SLOTS)] };
        for range in ranges {
            let mut parts = range.into_iter();
            let (Some(first), Some(last), Some(primary)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(malformed(&"a range without a server"));
            };
            let number = |value| u16::from_redis_value(value).map_err(|error| malformed(&error));
            let (first, last) = (number(first)?, number(last)?);
            if first > last || last >= SLOTS {
                return Err(malformed(&format!("a range from {first} to {last}")));
            }
            let node: Vec<Value> = redis::from_redis_value(primary).map_err(|error| malformed(&error))?;
            let [host, port, ..] = node.as_slice() else { return Err(malformed(&"a server without a port")) };
            let host = Option::<String>::from_redis_value(host.clone()).map_err(|error| malformed(&error))?;
            let host = host.filter(|host| !host.is_empty() && host != "?").unwrap_or_else(|| asked.host.clone());
            let endpoint = Endpoint { host, port: number(port.clone())? };
            map.add(endpoint, first, last, u64::try_from(parts.len()).unwrap_or_default());
        }
        Ok(map)
    }

    fn add(&mut self, endpoint: Endpoint, first: u16, last: u16, replicas: u64) {
        let known = self.shards.iter().position(|shard| shard.endpoint == endpoint);
        let position = known.unwrap_or_else(|| {
            self.shards.push(Shard { endpoint, slot: first, replicas });
            self.shards.len() - 1
        });
        self.shards[position].slot = self.shards[position].slot.min(first);
        let position = u16::try_from(position).ok();
        self.owners[usize::from(first)..=usize::from(last)].fill(position);
    }
}

/// Where a server sends us: the address in a `MOVED` or `ASK` reply. One without a host means its own.
pub(super) fn redirection(error: &RedisError, asked: &Endpoint) -> Option<Endpoint> {
    let (address, _) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = if host.is_empty() || host == "?" { &asked.host } else { host };
    Some(Endpoint { host: host.to_owned(), port: port.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port }
    }

    fn parse(text: &str) -> Result<SlotMap, StoreError> {
        SlotMap::parse(redis::parse_redis_value(text.replace(' ', "\r\n").as_bytes()).unwrap(), &at("asked", 1))
    }

    #[test]
    fn ranges_of_one_server_are_one_shard() {
        let map = parse(
            "*3 *4 :100 :199 *3 $1 a :7 $2 id *3 $1 b :8 $2 id *3 :0 :9 *3 $1 a :7 $2 id *3 :16383 :16383 *3 $-1 :9 $2 id ",
        )
        .unwrap();
        assert_eq!(map.shards().len(), 2);
        assert_eq!((map.shards()[0].slot, map.shards()[0].replicas), (0, 1));
        assert_eq!((map.owner(5), map.owner(150)), (Some(&at("a", 7)), Some(&at("a", 7))));
        assert_eq!((map.owner(16_383), map.owner(50)), (Some(&at("asked", 9)), None));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["*1 *2 :1 :2 ", "*1 *3 :5 :2 *2 $1 a :7 ", "*1 *3 :0 :16384 *2 $1 a :7 ", "*1 *3 :0 :1 *1 $1 a ", "+OK "]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn redirections_are_followed() {
        let to = |reply: &str| {
            let value = redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).unwrap();
            redirection(&value.extract_error().unwrap_err(), &at("asked", 1))
        };
        assert_eq!(to("MOVED 1 h:7"), Some(at("h", 7)));
        assert_eq!(to("ASK 1 :7"), Some(at("asked", 7)));
        assert_eq!(to("MOVED 1 [::1]:7"), Some(at("::1", 7)));
        assert_eq!(to("MOVED 1 ?:7"), Some(at("asked", 7)));
        assert_eq!(to("MOVED nonsense"), None);
        assert_eq!(to("ERR x"), None);
    }
}
