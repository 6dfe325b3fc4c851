use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use super::{Caller, Listener, ReplyBody};

impl Listener {
    /// Health paths first; everything that nothing else claims is a relay, whatever its method and path.
    pub(super) async fn dispatch(self: Arc<Self>, request: Request<Incoming>, caller: Caller) -> Response<ReplyBody> {
        let path = request.uri().path();
        if matches!(path, "/health" | "/healthz" | "/ready") {
            return self.health();
        }
        if let Some(service) = path.strip_prefix("/ready/") {
            return self.service_health(service);
        }
        let _active = self.pipeline.metrics.http.arrived(request.version());
        // A WebSocket upgrade: hook of the socket.
        // gRPC-Web: hook of gRPC-Web.
        // gRPC: hook of gRPC.
        drop(caller);
        self.relay(request).await
    }
}
