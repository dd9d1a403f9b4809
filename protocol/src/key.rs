//! Device keys, signatures, and the domains that keep one kind of signature from passing as another.
//!
//! Keys are not made here, since this crate draws no random bytes: a seed is an argument.

use std::fmt;

use ed25519_dalek::{Signer as _, VerifyingKey};
use minicbor::{Decode, Encode};
use onex_crdt::ids::{DeviceId, hex_encode};

/// What a signature is about; its text goes before the signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// A statement of the membership log.
    Statement,
    /// An entry of the membership log.
    Entry,
    /// A seal of a document.
    Seal,
    /// A rotation of the root.
    Root,
    /// A device's request to join, in a file.
    Request,
}

impl Domain {
    /// Every domain.
    pub const ALL: &'static [Self] =
        &[Self::Statement, Self::Entry, Self::Seal, Self::Root, Self::Request];

    /// The text that is signed with the bytes; its number is the version of their layout.
    pub fn text(self) -> &'static str {
        match self {
            Self::Statement => "onex/statement/1",
            Self::Entry => "onex/entry/1",
            Self::Seal => "onex/seal/1",
            Self::Root => "onex/root/1",
            Self::Request => "onex/request/1",
        }
    }

    /// Returns what is really signed: the domain, a zero byte, the bytes.
    fn message(self, bytes: &[u8]) -> Vec<u8> {
        [self.text().as_bytes(), &[0], bytes].concat()
    }
}

/// The algorithm of a signature: a byte in every signed thing, so that another can follow (A1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), verified strictly.
    #[n(1)]
    Ed25519,
}

/// The private key of a device. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Returns the key of a seed of 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Returns the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Returns the device that this key makes.
    pub fn device(&self) -> DeviceId {
        self.public().device()
    }

    /// Signs bytes of a domain; the same key and bytes always give the same signature.
    pub fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(&domain.message(bytes)).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.device())
    }
}

/// The public key of a device; any 32 bytes until `is_usable` says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct PublicKey(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

impl PublicKey {
    /// Returns the device that holds this key.
    pub fn device(&self) -> DeviceId {
        DeviceId::of_key(&self.0)
    }

    /// Whether these bytes are a point of the curve, and none of small order.
    pub fn is_usable(&self) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| !key.is_weak())
    }

    /// Whether the signature over bytes of a domain is this key's, by the strict rules: no
    /// signature has a second form.
    #[must_use]
    pub fn verify(&self, domain: Domain, bytes: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(&domain.message(bytes), &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex_encode(&self.0))
    }
}

/// A signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Signature(#[cbor(with = "minicbor::bytes")] pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", hex_encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_domain_key_and_bytes_only() {
        let key = SigningKey::from_seed(&[1; 32]);
        for &made in Domain::ALL {
            let signature = key.sign(made, b"bytes");
            for &read in Domain::ALL {
                assert_eq!(key.public().verify(read, b"bytes", &signature), made == read);
            }
            assert!(!key.public().verify(made, b"byteS", &signature));
            let other = SigningKey::from_seed(&[2; 32]);
            assert!(!other.public().verify(made, b"bytes", &signature));
        }
    }

    #[test]
    fn every_bit_of_a_signature_counts() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signature = key.sign(Domain::Seal, b"bytes");
        for bit in 0..512 {
            let mut flipped = signature;
            flipped.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.public().verify(Domain::Seal, b"bytes", &flipped), "bit {bit}");
        }
    }

    #[test]
    fn a_point_of_small_order_is_no_key() {
        let mut neutral = PublicKey([0; 32]);
        neutral.0[0] = 1;
        assert!(!neutral.is_usable());
        assert!(!PublicKey([2; 32]).is_usable());
        assert!(SigningKey::from_seed(&[1; 32]).public().is_usable());
        // With the neutral element, R = identity and s = 0 would satisfy the lax equation.
        let mut forged = Signature([0; 64]);
        forged.0[0] = 1;
        assert!(!neutral.verify(Domain::Seal, b"anything", &forged));
    }

    #[test]
    fn a_signing_key_is_not_printed() {
        let printed = format!("{:?}", SigningKey::from_seed(&[0xab; 32]));
        assert!(!printed.contains("abab"), "{printed}");
    }
}
