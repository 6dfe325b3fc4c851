use relay_core::address::SecretKey;
use relay_core::client::sign_request;
use relay_core::proto::pocket::service::{RelayRequest, RelayResponse};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckResponse;

use super::call::{CHECK, GrpcStage, ask, payload, unframed};
use crate::simulation::{KEY_ID, application, counted, gateway, header, signed, simulation};

async fn send(stage: &GrpcStage, request: &RelayRequest) -> Result<RelayResponse, Status> {
    let mut call = Request::new(request.clone());
    call.metadata_mut().insert("pocket-simulation-key-id", KEY_ID.parse().unwrap());
    stage.client.clone().send_relay(call).await.map(tonic::Response::into_inner)
}

// rule: D-25, R-26
#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_relay_over_grpc_is_answered_once_and_never_recorded() {
    let stage = GrpcStage::with(|config| config.simulation = simulation()).await;
    let request = signed(&stage.stage, &header(), payload(CHECK, &[ask("")]));
    let mut forged = request.clone();
    forged.meta.as_mut().unwrap().signature[40] ^= 1;
    let refused = send(&stage, &forged).await.unwrap_err();
    let text = "simulation rejected: simulation: ring signature verification failed: ";
    assert!(refused.code() == Code::PermissionDenied && refused.message().starts_with(text), "{refused}");

    let response = send(&stage, &request).await.unwrap();
    let verified = stage.verified(&request, &response);
    assert_eq!(unframed::<HealthCheckResponse>(&verified.answer.body).status, 1);
    let replayed = send(&stage, &request).await.unwrap_err();
    let text = "simulation rejected: simulation: request already seen (replay)";
    assert_eq!((replayed.code(), replayed.message()), (Code::AlreadyExists, text));

    let running = &stage.stage.running;
    for result in ["success", "verify_failed", "replay_rejected"] {
        assert_eq!(counted(running, "grpc", stage.stage.supplier().as_str(), result, 1).await, 1, "{result}");
    }
    assert!(stage.metric("ha_relayer_grpc_relays_total").await.is_empty(), "counted apart");
    assert!(stage.metric("ha_relayer_grpc_relay_errors_total").await.is_empty());
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.unexplained()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_callers_know_as_refusals_of_every_call_stays_so() {
    let stage = GrpcStage::with(|config| config.simulation = simulation()).await;
    let stranger = SecretKey::from_bytes(&[31; 32]).unwrap();
    let ring = [*application().public_key(), *gateway().public_key()];
    let payload = payload(CHECK, &[ask("")]);
    let foreign = sign_request(&header(), &ring, stranger.address(), payload.clone(), &gateway()).unwrap();
    let refused = send(&stage, &foreign).await.unwrap_err();
    let text = format!("no signer for supplier {}", stranger.address());
    assert_eq!((refused.code(), refused.message()), (Code::FailedPrecondition, text.as_str()));
    let mut elsewhere = header();
    elsewhere.service = "svc9".into();
    let refused = send(&stage, &signed(&stage.stage, &elsewhere, payload)).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::NotFound, "unknown service: svc9"));
}
