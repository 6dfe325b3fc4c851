//! Relays over gRPC and gRPC-Web, with real clients and real nodes of gRPC.

#[path = "grpc/budgets.rs"]
mod budgets;
#[path = "grpc/call.rs"]
mod call;
#[path = "grpc/ends.rs"]
mod ends;
#[path = "grpc/faults.rs"]
mod faults;
#[path = "grpc/node.rs"]
mod node;
#[path = "grpc/refused.rs"]
mod refused;
#[path = "grpc/simulated.rs"]
mod simulated;
#[path = "grpc/streams.rs"]
mod streams;
#[path = "grpc/tls.rs"]
mod tls;
#[path = "grpc/unary.rs"]
mod unary;
#[path = "grpc/web.rs"]
mod web;
