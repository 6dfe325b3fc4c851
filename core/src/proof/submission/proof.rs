use bytes::Bytes;

use crate::address::{Address, AddressError, PublicKey};
use crate::proof::{AmountError, Claim, Pricing, ProofParams, claimed_upokt, proof_path, requirement};
use crate::proto::pocket::proof::MsgSubmitProof;
use crate::proto::pocket::service::{RelayRequest, RelayResponse};
use crate::relay::{
    DecodeError, RelayHash, RequestError, ResponseError, SignatureError, check_request, check_response, decode_relay,
    request_digest, verify_response,
};
use crate::ring::Verifier;
use crate::ring::membership::{self, RingCheckError, RingKeys};
use crate::session::{HeaderError, HeaderMismatch, SessionHeader, Windows};
use crate::smst::{self, AuditError, Claimed, ProofError};
use crate::units::{ComputeUnits, Height, Upokt};

/// What the chain knows when it judges a proof.
#[derive(Debug, Clone, Copy)]
pub struct ProofTerms<'a> {
    /// The session as the chain gives it for its first block.
    pub session: &'a SessionHeader,
    /// The claim as the chain stores it, if it does.
    pub claim: Option<&'a Claim>,
    /// The session's windows, under the parameters in force at its end.
    pub windows: &'a Windows,
    /// The block that is to hold the proof.
    pub height: Height,
    /// Hash of the block before the proof window opens.
    pub seed_block_hash: &'a [u8; 32],
    /// Compute units per relay in force at the session's first block.
    pub compute_units_per_relay: ComputeUnits,
    /// Difficulty and price in force at the session's first block.
    pub pricing: &'a Pricing,
    /// The proof module's live parameters.
    pub params: &'a ProofParams,
    /// What the supplier's account can spend.
    pub spendable: Upokt,
    /// The supplier's public key as the chain knows it.
    pub supplier_key: &'a PublicKey,
    /// The expected ring of the application.
    pub ring: &'a RingKeys,
}

/// Why the chain would refuse a proof, or judge it invalid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProofRefusal {
    /// The sender is no account.
    #[error("the proof message's supplier is no account: {0}")]
    Account(#[from] AddressError),
    /// No proof bytes.
    #[error("the proof message has no proof")]
    Empty,
    /// No session header.
    #[error("the proof message has no session header")]
    MissingHeader,
    /// A header against the rules.
    #[error("the proof message has an invalid session header: {0}")]
    Header(#[from] HeaderError),
    /// Another session than the chain's.
    #[error("the proof message is for another session: {0}")]
    Session(HeaderMismatch),
    /// Too early or too late.
    #[error("block {height} is outside the proof window {open} to {close}")]
    Window {
        /// The block.
        height: Height,
        /// First block of the window.
        open: Height,
        /// Last block of the window.
        close: Height,
    },
    /// The claim never landed, or is gone.
    #[error("the chain holds no claim of this supplier for {0}: find out whether the claim landed")]
    NoClaim(SessionHeader),
    /// The message speaks for another supplier than the claim.
    #[error("the proof message is from {got:?}, the claim from {expected}")]
    Supplier {
        /// The claim's.
        expected: Address,
        /// The message's.
        got: String,
    },
    /// The claim has another header.
    #[error("the stored claim is for another session: {0}")]
    ClaimSession(HeaderMismatch),
    /// The trie part of the proof.
    #[error(transparent)]
    Trie(#[from] AuditError),
    /// The leaf.
    #[error(transparent)]
    Leaf(#[from] ProofError),
    /// The leaf is no relay.
    #[error("the proven leaf is {0}")]
    Relay(#[from] DecodeError),
    /// The relay's request breaks the basic rules.
    #[error("the proven relay: {0}")]
    Request(#[from] RequestError),
    /// The relay's response breaks the basic rules.
    #[error("the proven relay: {0}")]
    Response(#[from] ResponseError),
    /// The relay was meant for another supplier.
    #[error("the proven relay was meant for supplier {got}, the claim is of {expected}")]
    RelaySupplier {
        /// The claim's.
        expected: Address,
        /// The relay's.
        got: Address,
    },
    /// The relay belongs to another session.
    #[error("the proven relay's {part}: {mismatch}")]
    RelaySession {
        /// `request` or `response`.
        part: &'static str,
        /// The difference.
        mismatch: HeaderMismatch,
    },
    /// The relay should not be in the trie.
    #[error("the proven relay {hash} is not below the difficulty target {target}")]
    Difficulty {
        /// The relay.
        hash: RelayHash,
        /// The target.
        target: crate::relay::Target,
    },
    /// The application did not sign.
    #[error("the proven relay's request: {0}")]
    RequestSignature(#[from] RingCheckError),
    /// The supplier did not sign.
    #[error("the proven relay's response: {0}")]
    ResponseSignature(#[from] SignatureError),
    /// The claim cannot be priced, so nobody knows whether a proof is required.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// The chain refuses proofs that it did not ask for.
    #[error("the chain asks for no proof of this claim: do not send one")]
    NotRequired,
    /// The account must hold strictly more than the fee, even when the fee is 0.
    #[error("the supplier can spend {spendable}, it needs more than the proof fee of {fee}: fund its account")]
    Funds {
        /// What it can spend.
        spendable: Upokt,
        /// The fee.
        fee: Upokt,
    },
}

/// Checks a proof as the chain will, in block `terms.height` and at its end.
///
/// Nothing about the relay is judged more strictly than the chain does: at this point the claim is made, and a proof held
/// back is as lost as one refused. Only the encoding of the trie proof must be ours.
pub fn check_submission(
    message: &MsgSubmitProof,
    terms: &ProofTerms<'_>,
    verifier: &Verifier,
) -> Result<(), ProofRefusal> {
    let claim = check_message(message, terms)?;
    let path = proof_path(terms.seed_block_hash, &terms.session.id);
    let claimed = Claimed { root: &claim.root, path: &path, weight: terms.compute_units_per_relay.0 };
    let proof = smst::audit(&message.proof, &claimed)?;
    check_relay(proof.leaf()?.relay, claim, terms, verifier)?;
    check_demand(claim, terms)
}

/// The rules that need nothing but the message.
pub(in crate::proof) fn check_basics(message: &MsgSubmitProof) -> Result<SessionHeader, ProofRefusal> {
    message.supplier_operator_address.parse::<Address>()?;
    let header = message.session_header.as_ref().ok_or(ProofRefusal::MissingHeader)?.try_into()?;
    if message.proof.is_empty() {
        return Err(ProofRefusal::Empty);
    }
    Ok(header)
}

fn check_message<'a>(message: &MsgSubmitProof, terms: &ProofTerms<'a>) -> Result<&'a Claim, ProofRefusal> {
    let header = check_basics(message)?;
    header.must_equal(terms.session).map_err(ProofRefusal::Session)?;
    let Windows { proof_open: open, proof_close: close, .. } = *terms.windows;
    if !terms.windows.proof_is_open(terms.height) {
        return Err(ProofRefusal::Window { height: terms.height, open, close });
    }
    let claim = terms.claim.ok_or(ProofRefusal::NoClaim(header))?;
    if message.supplier_operator_address != claim.supplier.as_str() {
        let (expected, got) = (claim.supplier.clone(), message.supplier_operator_address.clone());
        return Err(ProofRefusal::Supplier { expected, got });
    }
    claim.session.must_equal(terms.session).map_err(ProofRefusal::ClaimSession)?;
    Ok(claim)
}

fn check_relay(bytes: &[u8], claim: &Claim, terms: &ProofTerms<'_>, verifier: &Verifier) -> Result<(), ProofRefusal> {
    let relay = decode_relay(Bytes::copy_from_slice(bytes))?;
    let (request, response): (RelayRequest, RelayResponse) =
        (relay.req.unwrap_or_default(), relay.res.unwrap_or_default());
    let identity = check_request(&request)?;
    if identity.supplier != claim.supplier {
        return Err(ProofRefusal::RelaySupplier { expected: claim.supplier.clone(), got: identity.supplier });
    }
    let answered = check_response(&response)?;
    for (part, header) in [("request", &identity.session), ("response", &answered)] {
        header.must_equal(terms.session).map_err(|mismatch| ProofRefusal::RelaySession { part, mismatch })?;
    }
    // Over the bytes as they are, which need not be the canonical encoding.
    let (hash, target) = (RelayHash::of(bytes), terms.pricing.target);
    if !target.admits(&hash) {
        return Err(ProofRefusal::Difficulty { hash, target });
    }
    let signature = request.meta.as_ref().map(|meta| meta.signature.as_slice()).unwrap_or_default();
    membership::check(verifier, &request_digest(&request), signature, terms.ring)?;
    verify_response(&response, terms.supplier_key)?;
    Ok(())
}

fn check_demand(claim: &Claim, terms: &ProofTerms<'_>) -> Result<(), ProofRefusal> {
    let ProofParams { submission_fee: fee, .. } = *terms.params;
    if terms.spendable <= fee {
        return Err(ProofRefusal::Funds { spendable: terms.spendable, fee });
    }
    let claimed = claimed_upokt(ComputeUnits(claim.root.sum()), terms.pricing)?;
    if requirement(&claim.hash_while_pending(), claimed, terms.params, terms.seed_block_hash).is_required() {
        Ok(())
    } else {
        Err(ProofRefusal::NotRequired)
    }
}
