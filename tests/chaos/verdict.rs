//! What must hold when a run is over.

use std::collections::BTreeMap;

use prost::Message as _;
use relay_core::proto::cosmos::tx::v1beta1::{TxBody, TxRaw};
use relay_core::proto::pocket::proof::MsgCreateClaim;
use relay_core::smst::Root;
use serde_json::Value;
use testbed::proxy::Broadcast;

use crate::judge::Judge;
use crate::ledger::{Ledger, Part};

/// A root for each part, or it is an offence: every claim that anybody signed and sent, wherever it got to.
pub(crate) fn one_root_each(broadcasts: &[Broadcast]) -> Vec<String> {
    let mut roots: BTreeMap<Part, Root> = BTreeMap::new();
    let mut offences = Vec::new();
    for claim in broadcasts.iter().flat_map(claims) {
        let header = claim.session_header.unwrap();
        let part: Part = (claim.supplier_operator_address.parse().unwrap(), header.session_id.into());
        let root = Root::try_from(claim.root_hash.as_ref()).unwrap();
        let first = *roots.entry(part.clone()).or_insert(root);
        if first != root {
            offences.push(format!("two roots were sent for {part:?}: {first} and {root}"));
        }
    }
    offences
}

fn claims(broadcast: &Broadcast) -> Vec<MsgCreateClaim> {
    let body = TxRaw::decode(&*broadcast.bytes).and_then(|tx| TxBody::decode(&*tx.body_bytes)).unwrap();
    let claims = body.messages.iter().filter(|message| message.type_url == "/pocket.proof.MsgCreateClaim");
    claims.map(|message| MsgCreateClaim::decode(&*message.value).unwrap()).collect()
}

/// Every answered relay is in a settled claim, apart from those that the relayer counts as late.
pub(crate) fn all_settled(answered: &Ledger, judge: &Judge, late: u64) -> Vec<String> {
    let mut offences = Vec::new();
    for (part, root) in &judge.claims {
        match judge.logs.get(part) {
            None => offences.push(format!("the log of {part:?} could not be read before it was settled")),
            Some(log) if log.root != *root => {
                offences.push(format!("the claim of {part:?} has the root {root}, its log {}", log.root));
            }
            Some(_) => {}
        }
        match judge.settled.get(part) {
            Some(relays) if *relays == root.count() => {}
            settled => {
                offences.push(format!("{} relays were claimed for {part:?}, settled: {settled:?}", root.count()));
            }
        }
    }
    if judge.valid_proofs < judge.claims.len() {
        offences.push(format!("{} valid proofs for {} claims", judge.valid_proofs, judge.claims.len()));
    }
    let mut missing = BTreeMap::new();
    for (part, hash) in answered.all() {
        if !judge.logs.get(part).is_some_and(|log| log.hashes.contains(&hash)) {
            *missing.entry(part).or_insert(0_u64) += 1;
        }
    }
    if missing.values().sum::<u64>() > late {
        offences.push(format!("answered, {late} of them late, and in no claim: {missing:?}"));
    }
    offences
}

/// The relayer's books explain every answer, and nothing is in its memory alone.
pub(crate) fn relayer_books(status: &Value) -> Vec<String> {
    let wrong = status["unexplained"] != 0 || status["books"]["unrecorded"] != 0;
    wrong.then(|| format!("the relayer's books do not balance: {status}")).into_iter().collect()
}

/// Each supplier has one owner, no session is open or was lost, and each entry of the logs has its place in the miners' books.
pub(crate) fn miners_books(all: &[Value], suppliers: usize) -> Vec<String> {
    let owned: Vec<_> =
        all.iter().flat_map(|miner| miner["suppliers"].as_array().cloned().unwrap_or_default()).collect();
    let mut offences = Vec::new();
    if owned.len() != suppliers {
        offences.push(format!("{} owners of {suppliers} suppliers", owned.len()));
    }
    for supplier in &owned {
        let tally = |term: &str| supplier["tally"][term].as_u64();
        let sum = ["leaves", "duplicates", "unclaimable"].map(|term| tally(term).unwrap()).iter().sum();
        let empty = |list: &str| supplier[list].as_array().is_some_and(Vec::is_empty);
        if tally("entries") != Some(sum) || tally("unclaimable") != Some(0) || !empty("lost") || !empty("sessions") {
            offences.push(format!("the books of a supplier do not balance, or something was lost: {supplier}"));
        }
    }
    offences
}

/// The checks themselves: each must be able to fail.
#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost_types::Any;
    use relay_core::address::Address;
    use relay_core::proto::pocket::session::SessionHeader;
    use relay_core::relay::{MinedRelay, RelayHash};
    use serde_json::json;
    use testbed::proxy::Fate;

    use super::*;
    use crate::judge::Logged;

    fn part() -> Part {
        (Address::from_payload(&[7; 20]).unwrap(), "aa".into())
    }

    fn relay(number: u8) -> MinedRelay {
        let bytes = Bytes::from(vec![number; 20]);
        MinedRelay { hash: RelayHash::of(&bytes), bytes }
    }

    fn ledger(relays: &[u8]) -> Ledger {
        let mut ledger = Ledger::default();
        for number in relays {
            ledger.put(part(), relay(*number));
        }
        ledger
    }

    /// A part whose log and settled claim hold these relays.
    fn settled(relays: &[u8]) -> Judge {
        let ledger = ledger(relays);
        let root = ledger.roots()[&part()];
        let mut judge = Judge::default();
        judge.valid_proofs = 1;
        judge.claims.insert(part(), root);
        judge.logs.insert(part(), Logged { hashes: ledger.hashes(), root });
        judge.settled.insert(part(), root.count());
        judge
    }

    fn broadcast(root: &Root) -> Broadcast {
        let header = SessionHeader { session_id: "aa".into(), ..SessionHeader::default() };
        let claim = MsgCreateClaim {
            supplier_operator_address: part().0.as_str().to_owned(),
            session_header: Some(header),
            root_hash: root.0.to_vec(),
        };
        let message = Any { type_url: "/pocket.proof.MsgCreateClaim".into(), value: claim.encode_to_vec() };
        let body = TxBody { messages: vec![message], ..TxBody::default() };
        let tx = TxRaw { body_bytes: body.encode_to_vec(), ..TxRaw::default() };
        Broadcast { bytes: tx.encode_to_vec().into(), fate: Fate::Dropped }
    }

    #[test]
    fn an_answer_that_no_claim_has_is_noticed_unless_it_came_late() {
        assert_eq!(all_settled(&ledger(&[1, 2]), &settled(&[1, 2, 3]), 0), [""; 0]);
        assert_eq!(all_settled(&ledger(&[1, 4]), &settled(&[1, 2, 3]), 1), [""; 0]);
        assert_eq!(all_settled(&ledger(&[1, 4]), &settled(&[1, 2, 3]), 0).len(), 1);
    }

    #[test]
    fn a_claim_that_is_not_settled_not_proven_or_not_of_its_log_is_noticed() {
        let answered = ledger(&[1]);
        let cases: [fn(&mut Judge); 4] = [
            |judge| judge.settled.clear(),
            |judge| judge.valid_proofs = 0,
            |judge| judge.logs.get_mut(&part()).unwrap().root = ledger(&[9]).roots()[&part()],
            |judge| *judge.settled.get_mut(&part()).unwrap() -= 1,
        ];
        for (number, spoil) in cases.into_iter().enumerate() {
            let mut judge = settled(&[1, 2]);
            spoil(&mut judge);
            assert_eq!(all_settled(&answered, &judge, 0).len(), 1, "case {number}");
        }
    }

    #[test]
    fn a_second_root_is_noticed_even_if_no_node_took_it() {
        let [one, two] = [[1_u8, 2], [1, 3]].map(|relays| broadcast(&ledger(&relays).roots()[&part()]));
        assert_eq!(one_root_each(&[one.clone(), one.clone()]), [""; 0]);
        assert_eq!(one_root_each(&[one, two]).len(), 1);
    }

    #[test]
    fn books_that_do_not_balance_are_noticed() {
        let tally = json!({"entries": 5, "leaves": 3, "duplicates": 2, "unclaimable": 0});
        let good = json!({"suppliers": [{"tally": tally, "lost": [], "sessions": []}]});
        assert_eq!(miners_books(&[good.clone(), json!(null)], 1), [""; 0]);
        assert_eq!(miners_books(&[good.clone(), good.clone()], 1).len(), 1, "two owners");
        let spoils: [fn(&mut Value); 4] = [
            |supplier| supplier["tally"]["entries"] = json!(6),
            |supplier| supplier["tally"]["unclaimable"] = json!(1),
            |supplier| supplier["lost"] = json!([{}]),
            |supplier| supplier["sessions"] = json!([{}]),
        ];
        for spoil in spoils {
            let mut bad = good.clone();
            spoil(&mut bad["suppliers"][0]);
            assert_eq!(miners_books(&[bad.clone()], 1).len(), 1, "{bad}");
        }
        assert_eq!(relayer_books(&json!({"unexplained": 0, "books": {"unrecorded": 0}})), [""; 0]);
        assert_eq!(relayer_books(&json!({"unexplained": 1, "books": {"unrecorded": 0}})).len(), 1);
        assert_eq!(relayer_books(&json!({"unexplained": 0, "books": {"unrecorded": 1}})).len(), 1);
    }
}
