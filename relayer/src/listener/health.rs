use http::{Response, StatusCode};
use serde_json::json;

use super::body::json as reply;
use super::{Listener, ReplyBody};
use crate::service_health::{Viewer, health};

impl Listener {
    /// Says that somebody is here. Whether relays can be served is a question for the administration port.
    pub(super) fn health(&self) -> Response<ReplyBody> {
        let height = self.pipeline.feed.height();
        reply(StatusCode::OK, &json!({ "status": "healthy", "block_height": height }))
    }

    pub(super) fn service_health(&self, id: &str) -> Response<ReplyBody> {
        let (status, body) = health(&self.pipeline.live.load(), id, self.pipeline.feed.height(), Viewer::Public);
        reply(status, &body)
    }
}
