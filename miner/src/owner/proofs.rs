//! Proofs: whether one is required, which leaf it shows, and a look at it with the chain's eyes before it is sent.

use relay_core::chain::{Block, Chain, tx};
use relay_core::proof::{self, Claim, Pricing, ProofRefusal, ProofTerms, check_submission, proof_path};
use relay_core::relay::Target;
use relay_core::session::SessionHeader;
use relay_core::smst::{Root, SiblingData, gob};
use relay_core::units::{ComputeUnits, Height, SessionId, Upokt};
use tracing::{debug, error, warn};

use super::flights::Letter;
use super::{Owner, OwnerError, Surroundings};
use crate::lifecycle::{Action, ClaimView, LAST_CALL, Requirement, Send, Verdict};
use crate::session::Session;
use crate::submission::Kind;

impl Owner {
    /// Decides which claims need a proof, and brings due proofs on chain.
    pub(super) async fn bring_proofs(&mut self, block: &Block) -> Result<(), OwnerError> {
        self.decide_requirements(block).await;
        let due = self.due(block, |action| match action {
            Action::Proof(send) => Some(send),
            _ => None,
        });
        self.send_again(Kind::Proof, &due, block).await?;
        let mut letters = Vec::new();
        for (id, _) in due.iter().filter(|(_, send)| *send == Send::Fresh) {
            let made = self.proof_letter(id, block).await;
            let outcome = made.map(|letter| letters.extend(letter));
            self.go_on("making a proof", outcome)?;
        }
        let letters = self.within_funds(Kind::Proof, letters, block).await;
        self.launch(Kind::Proof, letters, block).await
    }

    async fn proof_letter(&mut self, id: &SessionId, block: &Block) -> Result<Option<Letter>, OwnerError> {
        let Some(message) = self.make_proof(id, block).await? else { return Ok(None) };
        let Some(session) = self.sessions.get(id) else { return Ok(None) };
        let Some(windows) = session.windows else { return Ok(None) };
        // A proof that turns out not to be required fails its transaction, so one whose need is not sure travels alone.
        let sure = session.requirement == Some((Requirement::Required, block.height));
        Ok(Some(Letter {
            session: id.clone(),
            message,
            open: windows.proof_open,
            close: windows.proof_close,
            alone: !sure || session.record.proof.travels_alone(),
            failed_before: session.record.proof.travels_alone(),
        }))
    }

    /// Finds out which claims need a proof, from the seed block on and again with each block: parameters may change until the
    /// proof window closes, and the chain decides by those of the block that holds the proof.
    async fn decide_requirements(&mut self, block: &Block) {
        let metrics = self.around.metrics.submission.clone();
        for (id, session) in &mut self.sessions {
            let (Some(windows), ClaimView::Found { root, verdict: Verdict::Pending, .. }) =
                (session.windows, session.claim)
            else {
                continue;
            };
            let decided = session.requirement.is_some_and(|(_, at)| at >= block.height);
            if decided || block.height < windows.seed_height() || block.height >= windows.proof_close {
                continue;
            }
            let claim =
                Claim { supplier: self.supplier.clone(), session: session.record.header.clone(), root: Root(root) };
            match requirement(&self.around, &claim, windows.seed_height(), block.height).await {
                Ok(decided) => {
                    metrics.checked(&self.supplier);
                    let required = decided.is_required();
                    let known = if required { Requirement::Required } else { Requirement::NotRequired };
                    if session.requirement.is_none_or(|(before, _)| before != known) {
                        metrics.decided(&self.supplier, reason_name(decided));
                        debug!(supplier = %self.supplier, session = %id, ?decided, height = %block.height, "whether a proof is required");
                    }
                    session.requirement = Some((known, block.height));
                }
                Err(reason) => {
                    metrics.check_failed(&self.supplier);
                    warn!(supplier = %self.supplier, session = %id, reason, "whether a proof is required is unknown for now");
                }
            }
        }
    }

    /// Builds the proof of a session and checks it as the chain will. `None` when it would not hold; the reason is noted.
    async fn make_proof(&mut self, id: &SessionId, block: &Block) -> Result<Option<prost_types::Any>, OwnerError> {
        let around = self.around.clone();
        let Some(session) = self.sessions.get_mut(id) else { return Ok(None) };
        let (Some(windows), ClaimView::Found { root, .. }) = (session.windows, session.claim) else { return Ok(None) };
        let root = Root(root);
        let seed = around.chain.block(windows.seed_height()).await?.hash;
        let path = proof_path(&seed, id);
        let values = read_values(&around.store, &self.supplier, id, session, &path).await?;
        let Some(trie) = session.trie() else { return Ok(None) };
        let weight = ComputeUnits(trie.weight());
        let made = trie.prove(&path, SiblingData::Send, |entry| {
            values.iter().find(|(known, _)| known == entry).map(|(_, relay)| relay.as_ref())
        });
        let made = match made {
            Ok(made) => made,
            Err(reason) => {
                error!(supplier = %self.supplier, session = %id, %reason, "no proof could be made");
                let service = self.sessions.get(id).map(|session| session.record.header.service.clone());
                if let Some(service) = service {
                    self.around.metrics.submission.skipped(Kind::Proof, &self.supplier, &service, "build_failed");
                }
                return self.note_error(Kind::Proof, id, reason.to_string()).await.map(|()| None);
            }
        };
        let claim = Claim { supplier: self.supplier.clone(), session: session.record.header.clone(), root };
        let message = claim.proof_message(gob::encode(&made.compact()));
        match self.judge(&claim, &message, weight, &seed, block).await {
            Ok(Ok(())) => Ok(Some(tx::proof(&message))),
            Ok(Err(ProofRefusal::NotRequired)) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.requirement = Some((Requirement::NotRequired, block.height));
                }
                Ok(None)
            }
            Ok(Err(refusal)) => {
                error!(supplier = %self.supplier, session = %id, %refusal, "the chain would judge this proof invalid; it is not sent");
                self.note_error(Kind::Proof, id, refusal.to_string()).await.map(|()| None)
            }
            // What is needed to judge it cannot be had. Near the end it goes out unjudged.
            Err(reason) if block.height >= windows.proof_close - LAST_CALL => {
                warn!(supplier = %self.supplier, session = %id, reason, "a proof is sent without having been checked");
                Ok(Some(tx::proof(&message)))
            }
            Err(reason) => {
                warn!(supplier = %self.supplier, session = %id, reason, "a proof cannot be checked yet");
                Ok(None)
            }
        }
    }

    async fn judge(
        &self,
        claim: &Claim,
        message: &relay_core::proto::pocket::proof::MsgSubmitProof,
        compute_units_per_relay: ComputeUnits,
        seed_block_hash: &[u8; 32],
        block: &Block,
    ) -> Result<Result<(), ProofRefusal>, String> {
        let chain = &self.around.chain;
        let header = &claim.session;
        let text = |error: relay_core::chain::ChainError| error.to_string();
        let windows = crate::session::windows(chain, header.end).await.map_err(text)?;
        let pricing = pricing(chain, header).await?;
        let params = self.around.params.at(chain, block.height).await?;
        let (_, spendable) = chain.balance(&self.supplier).await.map_err(text)?;
        let ring = chain.ring_keys(&header.application, header.end).await.map_err(|error| error.to_string())?;
        let terms = ProofTerms {
            session: header,
            claim: Some(claim),
            windows: &windows,
            height: block.height + 1,
            seed_block_hash,
            compute_units_per_relay,
            pricing: &pricing,
            params: &params,
            spendable,
            supplier_key: self.wallet.public_key(),
            ring: &ring,
        };
        Ok(check_submission(message, &terms, &self.around.verifier))
    }
}

/// The relays that the proof of a path shows: the closest one and, if it is a leaf, the one beside it.
async fn read_values(
    store: &relay_core::store::Store,
    supplier: &relay_core::address::Address,
    id: &SessionId,
    session: &mut Session,
    path: &[u8; 32],
) -> Result<Vec<(relay_core::store::EntryId, bytes::Bytes)>, OwnerError> {
    let Some(closest) = session.trie().and_then(|trie| trie.closest(path)) else { return Ok(Vec::new()) };
    let mut values = Vec::with_capacity(2);
    for entry in std::iter::once(closest.relay).chain(closest.sibling) {
        if let Some(found) = store.entry(supplier, id, entry).await? {
            values.push((entry, found.relay));
        }
    }
    Ok(values)
}

fn reason_name(decided: proof::Requirement) -> Option<&'static str> {
    match decided {
        proof::Requirement::NotRequired => None,
        proof::Requirement::Probabilistic => Some("probabilistic"),
        proof::Requirement::Threshold => Some("threshold"),
    }
}

/// What turns the sum of a session's trie into money.
pub(super) async fn pricing(chain: &Chain, header: &SessionHeader) -> Result<Pricing, String> {
    let params = chain.params_at(header.start).await.map_err(|error| error.to_string())?;
    let target = chain.difficulty_at(&header.service, header.start).await.map_err(|error| error.to_string())?;
    Ok(Pricing::new(&params, Target(target)))
}

/// Decides as the chain will when the proof arrives.
async fn requirement(
    around: &Surroundings,
    claim: &Claim,
    seed_height: Height,
    height: Height,
) -> Result<proof::Requirement, String> {
    let seed = around.chain.block(seed_height).await.map_err(|error| error.to_string())?.hash;
    let pricing = pricing(&around.chain, &claim.session).await?;
    let params = around.params.at(&around.chain, height).await?;
    let claimed: Upokt =
        proof::claimed_upokt(ComputeUnits(claim.root.sum()), &pricing).map_err(|error| error.to_string())?;
    Ok(proof::requirement(&claim.hash_while_pending(), claimed, &params, &seed))
}
