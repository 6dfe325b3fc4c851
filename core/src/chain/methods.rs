//! Which request goes where and what comes back.

use super::grpc::Method;
use crate::proto::cosmos::auth::v1beta1 as auth;
use crate::proto::cosmos::bank::v1beta1 as bank;
use crate::proto::cosmos::tx::v1beta1 as tx;
use crate::proto::pocket::{application, proof, service, session, shared, supplier, tokenomics};

macro_rules! methods {
    ($($request:path => $reply:path, $path:literal;)*) => {
        $(impl Method for $request {
            type Reply = $reply;
            const PATH: &'static str = $path;
        })*
    };
}

methods! {
    shared::QueryParamsRequest => shared::QueryParamsResponse, "/pocket.shared.Query/Params";
    shared::QueryParamsAtHeightRequest => shared::QueryParamsAtHeightResponse, "/pocket.shared.Query/ParamsAtHeight";
    session::QueryParamsRequest => session::QueryParamsResponse, "/pocket.session.Query/Params";
    session::QueryGetSessionRequest => session::QueryGetSessionResponse, "/pocket.session.Query/GetSession";
    application::QueryParamsRequest => application::QueryParamsResponse, "/pocket.application.Query/Params";
    application::QueryGetApplicationRequest => application::QueryGetApplicationResponse, "/pocket.application.Query/Application";
    supplier::QueryParamsRequest => supplier::QueryParamsResponse, "/pocket.supplier.Query/Params";
    supplier::QueryGetSupplierRequest => supplier::QueryGetSupplierResponse, "/pocket.supplier.Query/Supplier";
    service::QueryGetServiceRequest => service::QueryGetServiceResponse, "/pocket.service.Query/Service";
    service::QueryParamsRequest => service::QueryParamsResponse, "/pocket.service.Query/Params";
    service::QueryGetRelayMiningDifficultyAtHeightRequest => service::QueryGetRelayMiningDifficultyAtHeightResponse, "/pocket.service.Query/RelayMiningDifficultyAtHeight";
    service::QueryComputeUnitsPerRelayAtHeightRequest => service::QueryComputeUnitsPerRelayAtHeightResponse, "/pocket.service.Query/ComputeUnitsPerRelayAtHeight";
    proof::QueryParamsRequest => proof::QueryParamsResponse, "/pocket.proof.Query/Params";
    proof::QueryGetClaimRequest => proof::QueryGetClaimResponse, "/pocket.proof.Query/Claim";
    proof::QueryAllClaimsRequest => proof::QueryAllClaimsResponse, "/pocket.proof.Query/AllClaims";
    tokenomics::QueryParamsRequest => tokenomics::QueryParamsResponse, "/pocket.tokenomics.Query/Params";
    auth::QueryAccountRequest => auth::QueryAccountResponse, "/cosmos.auth.v1beta1.Query/Account";
    bank::QueryBalanceRequest => bank::QueryBalanceResponse, "/cosmos.bank.v1beta1.Query/Balance";
    tx::SimulateRequest => tx::SimulateResponse, "/cosmos.tx.v1beta1.Service/Simulate";
    tx::BroadcastTxRequest => tx::BroadcastTxResponse, "/cosmos.tx.v1beta1.Service/BroadcastTx";
}
