//! Sealing with ChaCha20-Poly1305 (RFC 8439): what is in a file and must not be read or altered.
//!
//! Where keys come from, and what is sealed, is the callers' matter. Nonces are drawn: under no key
//! are so many texts sealed that two of them could be equal.

use onex_crdt::ids::Digest;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::clock::random;

/// The bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// The bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = ring::aead::NONCE_LEN;
/// The bytes by which what is sealed is longer.
pub(crate) const TAG_BYTES: usize = 16;

/// A key that seals and opens.
pub(crate) struct Sealing(LessSafeKey);

impl Sealing {
    /// Takes a key that seals nothing else.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key);
        Self(LessSafeKey::new(key.expect("the key has the cipher's length")))
    }

    /// Makes a key of its own for one purpose out of one that has several.
    pub fn derived(purpose: &[u8], key: &[u8; KEY_BYTES]) -> Self {
        Self::new(&Digest::over(&[purpose, key]).0)
    }

    /// Seals a text where it stands, together with what is sealed along without being hidden;
    /// returns the nonce. Room for `TAG_BYTES` more keeps it from being copied.
    pub fn seal(&self, along: &[u8], text: &mut Vec<u8>) -> [u8; NONCE_BYTES] {
        let nonce = random();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(along), text)
            .expect("nothing here is too long to be sealed");
        nonce
    }

    /// Opens a text where it stands; nothing where the key is another one, or something was
    /// altered.
    pub fn open<'t>(
        &self,
        nonce: [u8; NONCE_BYTES],
        along: &[u8],
        sealed: &'t mut [u8],
    ) -> Option<&'t [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(along), sealed).ok().map(|opened| &*opened)
    }

    /// Seals a text, with its nonce before it.
    pub fn wrap(&self, along: &[u8], mut text: Vec<u8>) -> Vec<u8> {
        let nonce = self.seal(along, &mut text);
        [&nonce[..], &text].concat()
    }

    /// Opens what `wrap` has sealed.
    pub fn unwrap(&self, along: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = wrapped.split_first_chunk()?;
        let mut sealed = sealed.to_vec();
        self.open(*nonce, along, &mut sealed).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_for_its_key_and_whole() {
        let (key, along) = (Sealing::derived(b"a purpose", &[1; KEY_BYTES]), b"beside");
        let wrapped = key.wrap(along, b"text".to_vec());
        assert_eq!(wrapped.len(), NONCE_BYTES + 4 + TAG_BYTES);
        assert_eq!(key.unwrap(along, &wrapped).as_deref(), Some(&b"text"[..]));
        assert_ne!(wrapped, key.wrap(along, b"text".to_vec()), "each has its nonce");
        assert_eq!(key.unwrap(b"other", &wrapped), None);
        let other = Sealing::derived(b"another", &[1; KEY_BYTES]);
        assert_eq!(other.unwrap(along, &wrapped), None);
        for at in 0..wrapped.len() {
            let mut altered = wrapped.clone();
            altered[at] ^= 1;
            assert_eq!(key.unwrap(along, &altered), None, "byte {at}");
            assert_eq!(key.unwrap(along, &wrapped[..at]), None, "cut at {at}");
        }
    }
}
