use http::{Response, StatusCode};
use relay_core::units::ServiceId;
use serde_json::json;

use super::body::json as reply;
use super::{Listener, ReplyBody};
use crate::refusal::Refusal;

impl Listener {
    /// Says that somebody is here. Whether relays can be served is a question for the administration port.
    pub(super) fn health(&self) -> Response<ReplyBody> {
        let height = self.pipeline.feed.height();
        reply(StatusCode::OK, &json!({ "status": "healthy", "block_height": height }))
    }

    /// Never shows where a backend is.
    pub(super) fn service_health(&self, id: &str) -> Response<ReplyBody> {
        if id.is_empty() {
            return reply(StatusCode::BAD_REQUEST, &json!({ "error": "missing service ID" }));
        }
        let live = self.pipeline.live.load();
        let Some(service) = live.services.get(&ServiceId::from(id)) else {
            let error = Refusal::UnknownService(id.into()).to_string();
            return reply(StatusCode::NOT_FOUND, &json!({ "service_id": id, "ready": false, "error": error }));
        };
        let ready = service.is_healthy();
        let endpoints = || service.pools.values().flat_map(|pool| pool.endpoints());
        let (total, healthy) = (endpoints().count(), endpoints().filter(|endpoint| endpoint.is_good()).count());
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = json!({
            "service_id": id,
            "ready": ready,
            "block_height": self.pipeline.feed.height(),
            "backends": { "total": total, "healthy": healthy },
        });
        reply(status, &body)
    }
}
