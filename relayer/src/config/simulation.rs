use relay_core::address::PublicKey;
use relay_core::chain::ChainTime;
use relay_core::config::{ConfigError, Period};
use relay_core::ring::placeholder_public_key;
use relay_core::units::ServiceId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Relays of the operator's own, by which a relayer is tested as it runs: they take the way of every relay, but cost nobody
/// anything and are never recorded. Unless it is enabled nothing of it counts, whatever it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulationConfig {
    /// Whether there are any.
    pub enabled: bool,
    /// How many may be in progress.
    pub max_concurrent: usize,
    /// How far the time in a request may be from ours, either way.
    pub freshness_window: Period,
    /// Who may send them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<IdentityConfig>,
    /// What is wrong with a section that is not enabled.
    #[doc(hidden)]
    #[serde(skip)]
    pub fault: Option<String>,
}

/// Somebody who may send simulated relays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct IdentityConfig {
    /// What the header `Pocket-Simulation-Key-Id` names.
    pub key_id: String,
    /// Must be `true` to be served.
    pub enabled: bool,
    /// RFC 3339; refused afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// Relays a second; 0 stands for 5.
    pub max_rps: i64,
    /// The application's public key, 33 bytes in hex digits. Its address is in every request.
    pub app_pubkey_hex: String,
    /// The public keys of its gateways; at least one.
    pub gateway_pubkeys_hex: Vec<String>,
    /// Services that may be asked; empty: all that are configured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_services: Vec<ServiceId>,
}

/// Relays a second where none are given.
const USUAL_RATE: u32 = 5;

/// An identity that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pinned {
    pub(crate) application: PublicKey,
    pub(crate) gateways: Vec<PublicKey>,
    pub(crate) not_after: Option<ChainTime>,
    pub(crate) rate: u32,
}

impl Default for SimulationConfig {
    fn default() -> Self {
        Fields::default().into()
    }
}

impl SimulationConfig {
    /// Checks all of it, if it is enabled.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.enabled { self.check_as_enabled() } else { Ok(()) }
    }

    fn check_as_enabled(&self) -> Result<(), ConfigError> {
        if self.identities.is_empty() {
            return Err(ConfigError::invalid("simulation", "enabled but no identities are pinned"));
        }
        if self.max_concurrent == 0 {
            return Err(ConfigError::invalid("simulation.maxConcurrent", "must be at least 1"));
        }
        if self.freshness_window.0.as_secs() == 0 {
            return Err(ConfigError::invalid("simulation.freshnessWindow", "must be at least 1s"));
        }
        for (at, identity) in self.identities.iter().enumerate() {
            if self.identities[..at].iter().any(|other| other.key_id == identity.key_id) {
                return Err(identity.invalid("duplicate key_id"));
            }
            identity.pin()?;
        }
        Ok(())
    }

    /// What deserves a look, though nothing is refused because of it.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let now = ChainTime::wall_clock();
        let mut warnings: Vec<String> = self.fault.iter().map(|fault| format!("simulation: {fault}")).collect();
        if !self.enabled && !self.identities.is_empty() {
            warnings.extend(self.check_as_enabled().err().map(|error| error.to_string()));
        }
        for identity in &self.identities {
            if let Ok(Pinned { not_after: Some(end), .. }) = identity.pin()
                && end < now
            {
                warnings.push(format!("simulation identity {:?} has expired: not_after is {end}", identity.key_id));
            }
        }
        warnings
    }
}

impl IdentityConfig {
    /// Reads what is text in the file.
    pub(crate) fn pin(&self) -> Result<Pinned, ConfigError> {
        if self.key_id.is_empty() {
            return Err(ConfigError::invalid("simulation identity", "key_id is required"));
        }
        let key = |text: &str| {
            let bytes = hex::decode(text.trim_start_matches("0x")).unwrap_or_default();
            let key = PublicKey::from_bytes(&bytes).map_err(|_| self.invalid("malformed pubkey hex"))?;
            if key == placeholder_public_key() {
                // Anybody can sign with it.
                return Err(self.invalid("placeholder ring key must not be pinned"));
            }
            Ok(key)
        };
        let application = key(&self.app_pubkey_hex)?;
        if self.gateway_pubkeys_hex.is_empty() {
            return Err(self.invalid("gateway_pubkeys_hex must have at least one entry"));
        }
        let gateways = self.gateway_pubkeys_hex.iter().map(|text| key(text)).collect::<Result<_, _>>()?;
        let rate = u32::try_from(self.max_rps).map_err(|_| self.invalid("max_rps must be > 0"))?;
        let not_after = self.not_after.as_deref().map(|text| {
            let time = is_rfc3339(text).then(|| text.parse().ok()).flatten();
            time.ok_or_else(|| self.invalid("not_after must be RFC3339"))
        });
        let rate = if rate == 0 { USUAL_RATE } else { rate };
        Ok(Pinned { application, gateways, not_after: not_after.transpose()?, rate })
    }

    fn invalid(&self, message: &str) -> ConfigError {
        ConfigError::invalid("simulation identity", format!("{message} ({:?})", self.key_id))
    }
}

/// The shape of `2026-01-01T00:00:00Z`, with an optional fraction and any zone; the numbers are checked by whoever reads it.
fn is_rfc3339(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let zone = time.find(['Z', 'z', '+', '-']);
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '.');
    date.len() == 10 && zone.is_some_and(|at| at >= 8 && digits(&time[..at]))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Fields {
    enabled: bool,
    max_concurrent: usize,
    freshness_window: Period,
    identities: Vec<IdentityConfig>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { enabled: false, max_concurrent: 32, freshness_window: Period::from_secs(30), identities: Vec::new() }
    }
}

impl From<Fields> for SimulationConfig {
    fn from(fields: Fields) -> Self {
        let Fields { enabled, max_concurrent, freshness_window, identities } = fields;
        Self { enabled, max_concurrent, freshness_window, identities, fault: None }
    }
}

impl<'de> Deserialize<'de> for SimulationConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Self::default());
        }
        let disabled = matches!(value.get("enabled"), None | Some(Value::Bool(false)));
        match Fields::deserialize(value) {
            Ok(fields) => Ok(fields.into()),
            // Somebody left it there for later; it must not keep relays from being served.
            Err(error) if disabled => Ok(Self { fault: Some(error.to_string()), ..Self::default() }),
            Err(error) => Err(D::Error::custom(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use relay_core::address::SecretKey;

    use super::*;

    fn key(byte: u8) -> String {
        hex::encode(SecretKey::from_bytes(&[byte; 32]).unwrap().public_key().as_bytes())
    }

    fn good() -> IdentityConfig {
        IdentityConfig {
            key_id: "ops".to_owned(),
            enabled: true,
            app_pubkey_hex: key(1),
            gateway_pubkeys_hex: vec![key(2)],
            ..IdentityConfig::default()
        }
    }

    fn refused(change: impl FnOnce(&mut SimulationConfig)) -> String {
        let mut config = SimulationConfig { enabled: true, identities: vec![good()], ..SimulationConfig::default() };
        assert!(config.check().is_ok());
        change(&mut config);
        let refused = config.check().unwrap_err().to_string();
        config.enabled = false;
        assert!(config.check().is_ok(), "disabled means inert");
        refused
    }

    #[test]
    fn each_mistake_has_its_text() {
        let identity = |change: fn(&mut IdentityConfig)| refused(|config| change(&mut config.identities[0]));
        let placeholder = hex::encode(placeholder_public_key().as_bytes());
        let cases = [
            (refused(|config| config.identities.clear()), "simulation: enabled but no identities are pinned"),
            (refused(|config| config.max_concurrent = 0), "simulation.maxConcurrent: must be at least 1"),
            (identity(|one| one.key_id.clear()), "simulation identity: key_id is required"),
            (refused(|config| config.identities.push(good())), "simulation identity: duplicate key_id"),
            (identity(|one| one.app_pubkey_hex = "02ff".to_owned()), "simulation identity: malformed pubkey hex"),
            (identity(|one| one.app_pubkey_hex.replace_range(..2, "05")), "simulation identity: malformed pubkey hex"),
            (
                refused(|config| config.identities[0].gateway_pubkeys_hex.push(placeholder)),
                "simulation identity: placeholder ring key must not be pinned",
            ),
            (
                identity(|one| one.gateway_pubkeys_hex.clear()),
                "simulation identity: gateway_pubkeys_hex must have at least one entry",
            ),
            (identity(|one| one.max_rps = -1), "simulation identity: max_rps must be > 0"),
            (
                identity(|one| one.not_after = Some("2026-01-01".to_owned())),
                "simulation identity: not_after must be RFC3339",
            ),
            (
                identity(|one| one.not_after = Some("2026-13-01T00:00:00Z".to_owned())),
                "simulation identity: not_after must be RFC3339",
            ),
        ];
        for (text, expected) in cases {
            assert!(text.starts_with(expected), "{text:?} should begin with {expected:?}");
        }
    }

    #[test]
    fn zones_fractions_and_no_rate_are_read() {
        let mut identity = good();
        identity.not_after = Some("2026-01-01T02:00:00.5+02:00".to_owned());
        let pinned = identity.pin().unwrap();
        assert_eq!(pinned.not_after, Some(ChainTime::from_parts(1_767_225_600, 500_000_000)));
        assert_eq!(pinned.rate, 5);
    }

    // rule: R-26
    #[test]
    fn a_disabled_section_keeps_nobody_from_starting() {
        for text in [
            "{identities: [{key_id: x, appPubkeyHex: 7}], maxConcurrent: -1}",
            "{enabled: false, nonsense: {a: b}}",
            "null",
            "[1, 2]",
        ] {
            let config: SimulationConfig = relay_core::config::parse(text, "x").unwrap();
            assert!(!config.enabled && config.check().is_ok(), "{text}");
            assert_eq!(config.warnings().is_empty(), text == "null", "{text}: {:?}", config.warnings());
        }
        let mut left = SimulationConfig { identities: vec![good()], ..SimulationConfig::default() };
        assert!(left.warnings().is_empty());
        left.identities[0].app_pubkey_hex.clear();
        assert!(left.warnings()[0].contains("malformed pubkey hex"), "checked as if it were enabled");
        for text in ["{enabled: true, nonsense: 1}", "{enabled: 'yes'}"] {
            assert!(relay_core::config::parse::<SimulationConfig>(text, "x").is_err(), "{text}");
        }
    }

    #[test]
    fn an_expired_identity_is_only_warned_of() {
        let mut identity = good();
        identity.not_after = Some("2020-01-01T00:00:00Z".to_owned());
        let config = SimulationConfig { enabled: true, identities: vec![identity], ..SimulationConfig::default() };
        assert!(config.check().is_ok());
        assert!(config.warnings()[0].contains("expired"), "{:?}", config.warnings());
    }
}
