use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ClaimKey, ClaimSize};
use crate::units::{ComputeUnits, Height, ServiceId, Upokt};

/// The attributes of one event: names and JSON-encoded values.
pub(super) struct Attributes<'a>(pub(super) &'a [(String, String)]);

impl Attributes<'_> {
    fn raw(&self, name: &str) -> Result<&str, String> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| format!("attribute {name} is missing"))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        serde_json::from_str(self.raw(name)?).map_err(|error| format!("attribute {name}: {error}"))
    }

    pub(super) fn text(&self, name: &str) -> Result<String, String> {
        self.json(name)
    }

    /// 64-bit numbers are quoted, 32-bit ones are not.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<T, String> {
        let digits = match self.json(name)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => return Err(format!("attribute {name} is {other}, not a number")),
        };
        digits.parse().map_err(|_| format!("attribute {name} is {digits:?}, not a number in range"))
    }

    /// An address, service id or anything else that is read from text.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Result<T, String>
    where
        T::Err: std::fmt::Display,
    {
        self.text(name)?.parse().map_err(|error| format!("attribute {name}: {error}"))
    }

    pub(super) fn upokt(&self, name: &str) -> Result<Upokt, String> {
        upokt(&self.text(name)?).map_err(|reason| format!("attribute {name}: {reason}"))
    }

    pub(super) fn key(&self) -> Result<ClaimKey, String> {
        Ok(ClaimKey {
            supplier: self.parsed("supplier_operator_address")?,
            application: self.parsed("application_address")?,
            service: ServiceId::from(self.text("service_id")?),
            session_end: Height(self.number("session_end_block_height")?),
        })
    }

    pub(super) fn size(&self) -> Result<ClaimSize, String> {
        Ok(ClaimSize {
            relays: self.number("num_relays")?,
            compute_units: ComputeUnits(self.number("num_claimed_compute_units")?),
            claimed: self.upokt("claimed_upokt")?,
        })
    }
}

/// Reads `123upokt`; nothing at all is zero.
pub(super) fn upokt(text: &str) -> Result<Upokt, String> {
    let digits = text.strip_suffix("upokt").unwrap_or(text);
    if digits.is_empty() {
        return Ok(Upokt(0));
    }
    digits.parse().map(Upokt).map_err(|_| format!("{text:?} is not an amount of upokt"))
}
