use std::time::{Duration, Instant};

use relay_core::address::SecretKey;
use relay_core::chain::ChainTime;
use relay_core::keys::KeyRing;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::{RelayIdentity, check_request, request_digest};
use relay_core::ring::Verifier;
use relay_core::ring::membership::check;
use relay_core::store::Store;

use super::identity::Identity;
use super::{Asked, Enabled, Rejection, Simulation};
use crate::service::ServiceMap;

/// What the checks are made against.
pub(crate) struct Surroundings<'a> {
    pub(crate) services: &'a ServiceMap,
    pub(crate) keys: &'a KeyRing,
    pub(crate) verifier: &'a Verifier,
    pub(crate) now: ChainTime,
}

/// A simulated relay that may be answered and signed.
#[derive(Debug)]
pub(crate) struct Cleared {
    /// What its signed request says.
    pub(crate) identity: RelayIdentity,
    /// The supplier's.
    pub(crate) key: SecretKey,
}

/// One whose signature holds. Whether it was served before is not known yet.
struct Genuine<'a> {
    sender: &'a Identity,
    cleared: Cleared,
    digest: [u8; 32],
}

impl Simulation {
    /// Makes all checks, the first that fails wins. Only the last two leave a trace, in Redis and in the sender's rate.
    pub(crate) async fn clear(
        &self,
        asked: &Asked,
        request: &RelayRequest,
        surroundings: &Surroundings<'_>,
        store: &Store,
    ) -> Result<Cleared, Rejection> {
        let enabled = self.0.as_ref().ok_or(Rejection::UnknownKey)?;
        let genuine = enabled.verify(asked, request, surroundings)?;
        // Somebody whose clock is ahead by the window may come again until ours has caught up and passed it.
        match store.mark_simulated(&genuine.digest, enabled.window.saturating_mul(2)).await {
            Ok(true) => {}
            Ok(false) => return Err(Rejection::Replayed),
            Err(error) => {
                tracing::warn!(%error, "simulated relays are refused: nobody can say which were served");
                return Err(Rejection::NoMarks);
            }
        }
        if genuine.sender.rate.take(Instant::now()) { Ok(genuine.cleared) } else { Err(Rejection::TooMany) }
    }

    /// The checks that change nothing.
    #[cfg(test)]
    pub(super) fn verify(
        &self,
        asked: &Asked,
        request: &RelayRequest,
        surroundings: &Surroundings<'_>,
    ) -> Result<(), Rejection> {
        let enabled = self.0.as_ref().ok_or(Rejection::UnknownKey)?;
        enabled.verify(asked, request, surroundings).map(|_| ())
    }
}

impl Enabled {
    fn verify(
        &self,
        Asked(key_id): &Asked,
        request: &RelayRequest,
        around: &Surroundings<'_>,
    ) -> Result<Genuine<'_>, Rejection> {
        let sender = self.identities.get(key_id).ok_or(Rejection::UnknownKey)?;
        if !sender.is_enabled() {
            return Err(Rejection::Disabled);
        }
        if sender.is_expired(around.now) {
            return Err(Rejection::Expired);
        }
        let supplier = request.meta.as_ref().map(|meta| meta.supplier_operator_address.as_str()).unwrap_or_default();
        if supplier.is_empty() {
            return Err(Rejection::NoSupplier);
        }
        let key = supplier.parse().ok().and_then(|supplier| around.keys.get(&supplier));
        let key = key.ok_or(Rejection::ForeignSupplier)?.clone();
        let identity = check_request(request).map_err(|error| Rejection::Unverified(error.to_string()))?;
        let session = &identity.session;
        if session.application != sender.application {
            return Err(Rejection::OtherApplication);
        }
        if !around.services.contains_key(&session.service) {
            return Err(Rejection::UnknownService);
        }
        if !sender.may_use(&session.service) {
            return Err(Rejection::ForbiddenService);
        }
        let signed_at = signed_at(session.id.as_str()).ok_or(Rejection::SessionId)?;
        if !is_fresh(signed_at, around.now.seconds(), self.window) {
            return Err(Rejection::Stale);
        }
        let digest = request_digest(request);
        let signature = request.meta.as_ref().map_or(&[][..], |meta| &meta.signature);
        check(around.verifier, &digest, signature, &sender.ring)
            .map_err(|error| Rejection::Unverified(error.to_string()))?;
        Ok(Genuine { sender, cleared: Cleared { identity, key }, digest })
    }
}

/// When a request was signed, by its session id `simv1:<unix seconds>:<nonce>`.
fn signed_at(session_id: &str) -> Option<i64> {
    let mut parts = session_id.split(':');
    let (version, seconds, nonce) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && version == "simv1" && !nonce.is_empty();
    seconds.parse().ok().filter(|_| whole)
}

/// Strictly less than the window away, either way.
fn is_fresh(signed_at: i64, now: i64, window: Duration) -> bool {
    now.abs_diff(signed_at) < window.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_has_three_parts() {
        assert_eq!(signed_at("simv1:1700000000:00ff"), Some(1_700_000_000));
        assert_eq!(signed_at("simv1:-5:x"), Some(-5));
        for bad in
            ["", "simv1", "simv1:1", "simv1:1:", "simv1:1:a:b", "simv2:1:a", "simv1:1.5:a", "simv1::a", "simv1: 1:a"]
        {
            assert_eq!(signed_at(bad), None, "{bad}");
        }
        assert_eq!(signed_at("simv1:99999999999999999999:a"), None);
    }

    #[test]
    fn the_window_is_open_at_its_edges() {
        let window = Duration::from_secs(30);
        let cases =
            [(100, true), (71, true), (70, false), (129, true), (130, false), (i64::MIN, false), (i64::MAX, false)];
        for (signed_at, fresh) in cases {
            assert_eq!(is_fresh(signed_at, 100, window), fresh, "{signed_at}");
        }
    }
}
