//! Whether a service can be served, as gateways' and operators' tools ask for it under `/ready/{service}`.

use http::StatusCode;
use relay_core::units::{Height, ServiceId};
use serde_json::{Value, json};

use crate::live::Live;
use crate::refusal::Refusal;
use crate::service::Service;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Anybody, on the relay port: nothing about where backends are.
    Public,
    /// Whoever can reach the administration port: endpoints by name, with scheme and host, but never a path or a credential.
    Operator,
}

/// The status and the body.
pub(crate) fn health(live: &Live, id: &str, height: Height, viewer: Viewer) -> (StatusCode, Value) {
    if id.is_empty() {
        return (StatusCode::BAD_REQUEST, json!({ "error": "missing service ID" }));
    }
    let Some(service) = live.services.get(&ServiceId::from(id)) else {
        let error = Refusal::UnknownService(id.into()).to_string();
        return (StatusCode::NOT_FOUND, json!({ "service_id": id, "ready": false, "error": error }));
    };
    let ready = service.is_healthy();
    let endpoints = || service.pools.values().flat_map(|pool| pool.endpoints());
    let (total, healthy) = (endpoints().count(), endpoints().filter(|endpoint| endpoint.is_good()).count());
    let mut body = json!({
        "service_id": id,
        "ready": ready,
        "block_height": height,
        "backends": { "total": total, "healthy": healthy },
    });
    if viewer == Viewer::Operator {
        body["pool"] = pool(service);
        body["backends"]["endpoints"] = endpoints()
            .map(|endpoint| json!({ "name": *endpoint.name, "url": endpoint.site(), "healthy": endpoint.is_good() }))
            .collect();
    }
    if !ready {
        body["error"] = "no healthy backend".into();
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, body)
}

/// All pools of the service together. Saturation is for people: it never makes a service not ready.
fn pool(service: &Service) -> Value {
    let pools = || service.pools.values();
    let (mut in_flight, mut most) = (0, 0);
    for view in pools().map(|pool| pool.view()) {
        in_flight += view.in_flight;
        most += view.most;
    }
    let kept = pools().map(|pool| pool.connections_config()).max_by_key(|config| config.max_idle);
    json!({
        "max_conns_per_host": most,
        "max_idle_conns_per_host": kept.map_or(0, |config| config.max_idle),
        "idle_conn_timeout_seconds": kept.map_or(0, |config| config.idle_timeout.0.as_secs()),
        "in_flight": in_flight,
        "saturation_pct": in_flight * 100 / most.max(1),
    })
}
