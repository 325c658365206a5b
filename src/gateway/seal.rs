//! The master key: seals what must be read again, and hashes what must only be recognised.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// 32 bytes from which every other key is derived, one for each purpose.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// A sealed text that this key does not open.
#[derive(Debug, thiserror::Error)]
#[error("sealed under another master key, or damaged")]
pub struct NotOurs;

impl MasterKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new key from the system's randomness.
    pub fn random() -> Self {
        Self(random())
    }

    /// Reads 64 hex digits; white space around them is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(bytes))
    }

    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// A value by which a database recognises its key; says nothing about the key itself.
    pub fn check_value(&self) -> String {
        hex::encode(self.derive("check"))
    }

    /// The keyed hash under which a secret is stored (HMAC-SHA-256, RFC 2104).
    pub fn hash(&self, secret: &str) -> String {
        hex::encode(mac(&self.derive("pepper"), secret.as_bytes()))
    }

    /// Encrypts and authenticates a text (ChaCha20-Poly1305, RFC 8439).
    pub fn seal(&self, text: &str) -> String {
        let nonce: [u8; 12] = random();
        let cipher = ChaCha20Poly1305::new(&self.derive("seal").into());
        let sealed = cipher.encrypt(&Nonce::from(nonce), text.as_bytes());
        let sealed = sealed.expect("only texts of more than 256 GiB cannot be sealed");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// # Errors
    /// When it was sealed under another key, or has been changed.
    pub fn open(&self, sealed: &str) -> Result<String, NotOurs> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| NotOurs)?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>().ok_or(NotOurs)?;
        let cipher = ChaCha20Poly1305::new(&self.derive("seal").into());
        let text = cipher.decrypt(&Nonce::from(*nonce), sealed).map_err(|_| NotOurs)?;
        String::from_utf8(text).map_err(|_| NotOurs)
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        mac(&self.0, purpose.as_bytes())
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

fn mac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Bytes from the system's randomness. A system without any cannot keep a secret, so there is nothing to go on with.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// `length` characters from 0-9, A-Z, a-z, each equally likely.
pub fn random_text(length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // 248 is the largest multiple of 62 in a byte; what lies above would favour the first letters.
        let even = random::<64>().into_iter().filter(|byte| *byte < 248);
        text.extend(even.take(length - text.len()).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_the_same_key_alone() {
        let (ours, theirs) = (MasterKey::random(), MasterKey::random());
        let sealed = ours.seal("sk-upstream");
        assert!(!sealed.contains("upstream"));
        assert_eq!(ours.open(&sealed).expect("ours"), "sk-upstream");
        assert!(theirs.open(&sealed).is_err());
        assert!(ours.open("nonsense").is_err());
    }

    #[test]
    fn a_key_reads_back_from_its_hex() {
        let key = MasterKey::random();
        let again = MasterKey::parse(&format!("{}\n", key.to_hex())).expect("hex");
        assert_eq!(again.hash("secret"), key.hash("secret"));
        assert!(MasterKey::parse("beef").is_none());
    }

    #[test]
    fn random_text_has_its_length_and_no_twins() {
        assert_eq!(random_text(40).len(), 40);
        assert_ne!(random_text(40), random_text(40));
    }
}
