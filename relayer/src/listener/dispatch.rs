use std::sync::Arc;

use http::{Request, Response};
use hyper::body::{Body, Incoming};

use super::{Caller, Listener, ReplyBody, grpc, websocket};

impl Listener {
    /// Health paths first; everything that nothing else claims is a relay, whatever its method and path.
    pub(super) async fn dispatch(self: Arc<Self>, request: Request<Incoming>, caller: Caller) -> Response<ReplyBody> {
        let path = request.uri().path();
        if matches!(path, "/health" | "/healthz" | "/ready") {
            read_if_empty(&request, &caller);
            return self.health();
        }
        if let Some(service) = path.strip_prefix("/ready/") {
            read_if_empty(&request, &caller);
            return self.service_health(service);
        }
        let _active = self.pipeline.metrics.http.arrived(request.version());
        if websocket::is_upgrade(&request) {
            return self.socket(request, caller).await;
        }
        if grpc::is_preflight(&request) {
            read_if_empty(&request, &caller);
            return grpc::preflight(request.headers());
        }
        if grpc::is_grpc_web(request.headers()) {
            return self.grpc_web(request).await;
        }
        if grpc::is_grpc(request.headers()) {
            return self.grpc(request).await;
        }
        self.relay(request, caller).await
    }
}

fn read_if_empty(request: &Request<Incoming>, caller: &Caller) {
    if request.body().is_end_stream() {
        caller.has_read();
    }
}
