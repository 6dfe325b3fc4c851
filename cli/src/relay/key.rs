use relay_core::address::SecretKey;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The key to sign with: whichever of the two was given, as hex or as the name of a file with hex.
pub(super) fn read(application: Option<&str>, gateway: Option<&str>) -> Result<SecretKey, Failure> {
    match (application, gateway) {
        (Some(given), None) => parse("--application-key", given),
        (None, Some(given)) => parse("--gateway-key", given),
        // The command line rules out both; the environment can still give the two.
        (Some(_), Some(_)) => Err("give one of --application-key and --gateway-key, not both".into()),
        (None, None) => Err("give --application-key or --gateway-key to sign relays with".into()),
    }
}

fn parse(flag: &str, given: &str) -> Result<SecretKey, Failure> {
    if let Ok(key) = SecretKey::from_hex(given) {
        return Ok(key);
    }
    // What was given may be a mistyped key, so it is not repeated.
    let text = std::fs::read_to_string(given)
        .map_err(|error| format!("{flag} is neither 64 hex digits nor a file that can be read ({error})"))?;
    let text = Zeroizing::new(text);
    SecretKey::from_hex(&text).map_err(|error| format!("the file of {flag}: {error}").into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const KEY: &str = "f24567be666b642762555585a4ad07be2aea13f3fe558903af6a5f1a9993f8e8";

    #[test]
    fn a_key_is_hex_or_a_file_with_hex() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "0x{KEY}").unwrap();
        let direct = read(Some(KEY), None).unwrap();
        let from_file = read(None, file.path().to_str()).unwrap();
        assert_eq!(direct.address(), from_file.address());
    }

    #[test]
    fn exactly_one_is_needed_and_never_repeated() {
        assert!(read(None, None).unwrap_err().to_string().contains("--gateway-key"));
        assert!(read(Some(KEY), Some(KEY)).unwrap_err().to_string().contains("not both"));
        let mistyped = &KEY[1..];
        assert!(!read(Some(mistyped), None).unwrap_err().to_string().contains(mistyped));
    }
}
