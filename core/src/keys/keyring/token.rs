use std::num::NonZeroU32;

use aes_kw::{KeyInit as _, KwAes128};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::pbkdf2;
use serde::Deserialize;
use zeroize::Zeroizing;

/// The one way in which keyrings encrypt: a key from the passphrase wraps a key that encrypts the item.
const ALGORITHM: &str = "PBES2-HS256+A128KW";
const ENCRYPTION: &str = "A256GCM";
/// More rounds than anybody writes would only keep a processor busy; 8192 are usual.
const MOST_ROUNDS: u32 = 1_300_000;

/// Why a token cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("is not an encrypted item of a keyring")]
    Form,
    #[error("is encrypted in a way that keyrings do not use ({0}, at most {MOST_ROUNDS} rounds)")]
    Method(String),
    #[error("cannot be decrypted with the passphrase")]
    Locked,
    #[error("was changed after it was encrypted")]
    Damaged,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    /// Rounds.
    p2c: u32,
    /// Salt.
    p2s: String,
}

/// Decrypts a JSON Web Encryption in its compact form.
pub(super) fn decrypt(token: &str, password: &str) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    let parts: Vec<&str> = token.trim().split('.').collect();
    let [protected, wrapped, nonce, text, tag] = parts[..] else { return Err(TokenError::Form) };
    let header: Header = serde_json::from_slice(&decode(protected)?).map_err(|_| TokenError::Form)?;
    let rounds = NonZeroU32::new(header.p2c).filter(|rounds| rounds.get() <= MOST_ROUNDS);
    let (Some(rounds), ALGORITHM, ENCRYPTION) = (rounds, header.alg.as_str(), header.enc.as_str()) else {
        return Err(TokenError::Method(format!("{} with {}, {} rounds", header.alg, header.enc, header.p2c)));
    };
    let salt = [header.alg.as_bytes(), &[0], &decode(&header.p2s)?].concat();
    let mut wrapping = Zeroizing::new([0; 16]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut *wrapping);
    let mut key = Zeroizing::new([0; 32]);
    let wrapped: [u8; 40] = decode(wrapped)?.try_into().map_err(|_| TokenError::Form)?;
    KwAes128::new(&(*wrapping).into()).unwrap_key(&wrapped, &mut *key).map_err(|_| TokenError::Locked)?;

    let nonce = Nonce::try_assume_unique_for_key(&decode(nonce)?).map_err(|_| TokenError::Form)?;
    let mut sealed = Zeroizing::new([decode(text)?, decode(tag)?].concat());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).map_err(|_| TokenError::Form)?);
    let open = key.open_in_place(nonce, Aad::from(protected), &mut sealed).map_err(|_| TokenError::Damaged)?;
    Ok(Zeroizing::new(open.to_vec()))
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Form)
}
