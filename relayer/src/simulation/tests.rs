use relay_core::address::SecretKey;
use relay_core::chain::ChainTime;
use relay_core::client::sign_request;
use relay_core::keys::KeyRing;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::ring::Verifier;
use relay_core::session::SessionHeader;
use relay_core::telemetry::Registry;
use relay_core::units::Height;

use super::*;
use crate::backend::Trust;
use crate::config::{Config, IdentityConfig};
use crate::metrics::Metrics;
use crate::service::{self, Means, ServiceMap};

const NOW: i64 = 1_767_225_600;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).unwrap()
}

fn hex_of(key: &SecretKey) -> String {
    hex::encode(key.public_key().as_bytes())
}

/// Application 1, gateway 2, supplier 3; services `anvil` and `other`, of which only the first is allowed.
struct Scene {
    config: SimulationConfig,
    services: ServiceMap,
    keys: KeyRing,
}

impl Scene {
    fn new() -> Self {
        let text = "
chain: {nodes: [{name: one, rpc: 'http://127.0.0.1:26657', grpc: '127.0.0.1:9090'}]}
redis: {url: 'redis://127.0.0.1:6379', prefix: pocket}
keys: {directory: /keys}
services:
  anvil: {backends: {jsonrpc: {url: 'http://127.0.0.1:1'}}}
  other: {backends: {jsonrpc: {url: 'http://127.0.0.1:1'}}}
";
        let config = Config::parse(text, "relayer.yaml").unwrap();
        let metrics = Metrics::register(&mut Registry::default());
        let means = Means { trust: Trust::of_system().unwrap(), metrics: metrics.relays, backends: metrics.backends };
        let mut keys = KeyRing::default();
        keys.insert(key(3));
        let identity = IdentityConfig {
            key_id: "ops".to_owned(),
            enabled: true,
            not_after: Some("2026-01-01T00:00:10Z".to_owned()),
            max_rps: 2,
            app_pubkey_hex: hex_of(&key(1)),
            gateway_pubkeys_hex: vec![hex_of(&key(2))],
            allowed_services: vec!["anvil".into(), "absent".into()],
        };
        let simulation = SimulationConfig { enabled: true, identities: vec![identity], ..SimulationConfig::default() };
        Self { config: simulation, services: service::build(&config, &means, None).unwrap(), keys }
    }

    fn verdict(&self, key_id: &str, request: &RelayRequest, now: i64) -> Result<(), Rejection> {
        let verifier = Verifier::new(1 << 20);
        let around = Surroundings {
            services: &self.services,
            keys: &self.keys,
            verifier: &verifier,
            now: ChainTime::from_parts(now, 0),
        };
        Simulation::new(&self.config, None).unwrap().verify(&Asked(key_id.to_owned()), request, &around)
    }
}

fn header(id: &str) -> SessionHeader {
    let application = key(1).address().clone();
    SessionHeader { application, service: "anvil".into(), id: id.into(), start: Height(1), end: Height(2) }
}

fn signed(header: &SessionHeader, supplier: &SecretKey, signer: &SecretKey) -> RelayRequest {
    let ring = [*key(1).public_key(), *signer.public_key()];
    sign_request(header, &ring, supplier.address(), vec![1, 2, 3].into(), signer).unwrap()
}

fn good() -> RelayRequest {
    signed(&header(&format!("simv1:{NOW}:00ff")), &key(3), &key(2))
}

// rule: D-25
#[test]
fn the_first_check_that_fails_wins() {
    let mut scene = Scene::new();
    assert_eq!(scene.verdict("ops", &good(), NOW), Ok(()));
    let by_application = sign_request(
        &header(&format!("simv1:{NOW}:1")),
        &[*key(1).public_key(), *key(1).public_key()],
        key(3).address(),
        vec![1].into(),
        &key(1),
    );
    assert_eq!(scene.verdict("ops", &by_application.unwrap(), NOW), Ok(()), "the application may sign, too");

    let with = |change: fn(&mut SessionHeader)| {
        let mut header = header(&format!("simv1:{NOW}:00ff"));
        change(&mut header);
        signed(&header, &key(3), &key(2))
    };
    let mut nobody = good();
    nobody.meta.as_mut().unwrap().supplier_operator_address.clear();
    let mut unsigned = good();
    unsigned.meta.as_mut().unwrap().signature.clear();
    let mut changed = good();
    changed.payload = vec![9].into();
    let mut longer = good();
    longer.meta.as_mut().unwrap().signature.push(0);
    let foreign = signed(&header(&format!("simv1:{NOW}:00ff")), &key(9), &key(2));
    let stranger = signed(&header(&format!("simv1:{NOW}:00ff")), &key(3), &key(8));
    let unverified = |text: &str| Rejection::Unverified(text.to_owned());
    let misfit = "the ring signature does not fit this request";
    let cases = [
        (nobody, Rejection::NoSupplier),
        (foreign, Rejection::ForeignSupplier),
        (unsigned, unverified("missing application signature: invalid relay request")),
        (with(|header| header.application = key(7).address().clone()), Rejection::OtherApplication),
        (with(|header| header.service = "absent".into()), Rejection::UnknownService),
        (with(|header| header.service = "other".into()), Rejection::ForbiddenService),
        (with(|header| header.id = "ab".repeat(32).as_str().into()), Rejection::SessionId),
        (with(|header| header.id = "simv1:1767225570:a".into()), Rejection::Stale),
        (changed, unverified(misfit)),
    ];
    for (request, expected) in cases {
        assert_eq!(scene.verdict("ops", &request, NOW), Err(expected));
    }
    let refused = |request: &RelayRequest| scene.verdict("ops", request, NOW).unwrap_err().to_string();
    assert!(refused(&longer).contains("bytes, this one has"), "a second spelling of a signature: {}", refused(&longer));
    assert!(refused(&stranger).contains("neither the application nor one of its gateways"));
    assert_eq!(scene.verdict("nobody", &good(), NOW), Err(Rejection::UnknownKey));
    assert_eq!(scene.verdict("", &good(), NOW), Err(Rejection::UnknownKey));
    assert_eq!(scene.verdict("ops", &good(), NOW + 11), Err(Rejection::Expired));
    scene.config.identities[0].enabled = false;
    assert_eq!(scene.verdict("ops", &good(), NOW + 11), Err(Rejection::Disabled));
}

// rule: R-26
#[test]
fn while_it_is_off_nothing_asks_for_it() {
    let scene = Scene::new();
    let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), "ops".parse().unwrap())]);
    let on = Simulation::new(&scene.config, None).unwrap();
    assert_eq!(on.asked(&headers), Some(Asked("ops".to_owned())));
    assert_eq!(on.asked(&HeaderMap::new()), None);
    let config = SimulationConfig { enabled: false, ..scene.config };
    let off = Simulation::new(&config, Some(&on)).unwrap();
    assert_eq!(off.asked(&headers), None);
    assert_eq!(off.slot().unwrap_err(), Rejection::UnknownKey, "turned off while a socket was open");
}

#[test]
fn what_stays_the_same_keeps_its_places_and_rates() {
    let mut config = Scene::new().config;
    config.max_concurrent = 1;
    let before = Simulation::new(&config, None).unwrap();
    let taken = before.slot().unwrap();
    let rate = |simulation: &Simulation| {
        let identity = &simulation.0.as_ref().unwrap().identities["ops"];
        identity.rate.take(std::time::Instant::now())
    };
    assert!(rate(&before) && rate(&before) && !rate(&before));
    config.freshness_window = relay_core::config::Period::from_secs(7);
    let after = Simulation::new(&config, Some(&before)).unwrap();
    assert_eq!(after.slot().unwrap_err(), Rejection::Busy);
    assert!(!rate(&after));
    drop(taken);
    drop(after.slot().unwrap());
    config.identities[0].max_rps = 3;
    assert!(rate(&Simulation::new(&config, Some(&after)).unwrap()), "another rate begins anew");
}
