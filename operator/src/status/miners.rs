use serde::Deserialize;

/// What a miner answers at `/status`. Keys that are not read here are fine: miners and reader may be of different releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MinerReport {
    /// The miner's name.
    pub instance: String,
    /// The newest block it has seen.
    pub height: i64,
    /// The suppliers it knows about.
    pub suppliers: Vec<MinerSupplier>,
}

/// One supplier in a miner's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MinerSupplier {
    /// The operator address.
    pub address: String,
    /// Whether this miner owns it.
    pub owner: bool,
    /// The epoch of that ownership.
    pub epoch: u64,
    /// Sessions that are not settled yet.
    pub sessions: Vec<MinerSession>,
    /// The newest claim.
    pub last_claim: Option<MinerClaim>,
    /// Relays of settled claims.
    pub settled_relays: u64,
    /// Settled claims.
    pub settled_claims: u64,
    /// What they paid out, in uPOKT.
    pub earned_upokt: String,
    /// Sessions that were given up.
    pub lost: Vec<MinerLoss>,
}

/// A session that is not settled yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MinerSession {
    /// Its id.
    pub session_id: String,
    /// Relays recorded so far.
    pub relays: u64,
    /// Where it stands.
    pub phase: String,
    /// Last block in which a claim counts.
    pub claim_close: i64,
    /// Last block in which a proof counts.
    pub proof_close: i64,
    /// What went wrong last, if anything did.
    pub reason: Option<String>,
}

/// A claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MinerClaim {
    /// Its height.
    pub height: i64,
    /// Its session.
    pub session_id: String,
}

/// A session that was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MinerLoss {
    /// Why.
    pub reason: String,
    /// How many relays.
    pub relays: u64,
}

/// The owner among miners' reports, with the name of the miner.
pub(super) fn owner<'a>(reports: &'a [MinerReport], address: &str) -> Option<(&'a MinerReport, &'a MinerSupplier)> {
    reports
        .iter()
        .flat_map(|report| report.suppliers.iter().map(move |supplier| (report, supplier)))
        .filter(|(_, supplier)| supplier.owner && supplier.address == address)
        // While a supplier changes hands two may believe to own it; the higher epoch is right.
        .max_by_key(|(_, supplier)| supplier.epoch)
}
