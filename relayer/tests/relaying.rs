//! A relayer in its real surroundings: a chain, a Redis, a backend, and callers that sign as gateways do.

// Here a panic is how a failure is told, also in what the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "relaying/abuse.rs"]
mod abuse;
#[path = "relaying/backends.rs"]
mod backends;
#[path = "relaying/backends_limits.rs"]
mod backends_limits;
#[path = "relaying/backends_probe.rs"]
mod backends_probe;
#[path = "relaying/backends_retry.rs"]
mod backends_retry;
#[path = "relaying/backends_tls.rs"]
mod backends_tls;
#[path = "relaying/budgets.rs"]
mod budgets;
#[path = "relaying/budgets_shared.rs"]
mod budgets_shared;
#[path = "relaying/chain_trouble.rs"]
mod chain_trouble;
#[path = "relaying/child.rs"]
mod child;
#[path = "relaying/curl.rs"]
mod curl;
#[path = "relaying/drain.rs"]
mod drain;
#[path = "relaying/failover.rs"]
mod failover;
#[path = "relaying/grpc.rs"]
mod grpc;
#[path = "relaying/hard_node.rs"]
mod hard_node;
#[path = "relaying/http.rs"]
mod http;
#[path = "relaying/limits.rs"]
mod limits;
#[path = "relaying/log.rs"]
mod log;
#[path = "relaying/metrics.rs"]
mod metrics;
#[path = "relaying/optimistic.rs"]
mod optimistic;
#[path = "relaying/readiness.rs"]
mod readiness;
#[path = "relaying/recording.rs"]
mod recording;
#[path = "relaying/redis_trouble.rs"]
mod redis_trouble;
#[path = "relaying/refused.rs"]
mod refused;
#[path = "relaying/reload.rs"]
mod reload;
#[path = "relaying/resting.rs"]
mod resting;
#[path = "relaying/served.rs"]
mod served;
#[path = "relaying/simulation.rs"]
mod simulation;
#[path = "relaying/stage.rs"]
mod stage;
#[path = "relaying/start.rs"]
mod start;
#[path = "relaying/stream_node.rs"]
mod stream_node;
#[path = "relaying/streams.rs"]
mod streams;
#[path = "relaying/timing.rs"]
mod timing;
#[path = "relaying/tls.rs"]
mod tls;
#[path = "relaying/validation.rs"]
mod validation;
#[path = "relaying/ways.rs"]
mod ways;
#[path = "relaying/websocket.rs"]
mod websocket;
