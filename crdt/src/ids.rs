//! Identifiers: one newtype per thing, printed as lower-case hex.
//!
//! Ids are opaque: nothing here gives them an order in time or a meaning. Fresh ones are drawn by
//! the caller, since this crate has no randomness.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// Digits of a shortened id; what is shorter is no id (contract, "Ids").
pub const SHORT_DIGITS: usize = 8;

/// Declares an id of a fixed number of bytes.
macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $bytes:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(with = "minicbor::bytes")] pub [u8; $bytes]);

        impl $name {
            /// The number of bytes of this id.
            pub const BYTES: usize = $bytes;

            /// Returns the id that these bytes are, or nothing when their number is wrong.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The bytes of the id.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Returns the last digits, by which people tell ids apart: the ids of an
            /// organisation's records begin alike.
            pub fn short(&self) -> String {
                self.to_string().split_off(2 * $bytes - SHORT_DIGITS)
            }

            /// Whether these digits are the id, or enough of its beginning or its end.
            pub fn is_meant_by(&self, digits: &str) -> bool {
                let (whole, digits) = (self.to_string(), digits.to_ascii_lowercase());
                let ends = whole.starts_with(&digits) || whole.ends_with(&digits);
                digits.len() >= SHORT_DIGITS && ends
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                hex_decode(text).and_then(|bytes| Self::from_slice(&bytes)).ok_or(IdError { digits: $bytes * 2 })
            }
        }
    };
}

id!(
    /// A network: the hash of the hub's root statement.
    NetworkId, 16
);
id!(
    /// An organisation (机构): a college, an evaluation organisation or the hub.
    OrgId, 16
);
id!(
    /// A record of any kind, made offline; an organisation's record has the organisation's id.
    #[derive(Default)]
    RecordId, 16
);
id!(
    /// An act (行为): a step that somebody took.
    ActId, 16
);
id!(
    /// A batch (批): everything that one command wrote; it is undone together.
    BatchId, 16
);
id!(
    /// A document: the first half of the hash of its header.
    DocId, 16
);
id!(
    /// A device: the first half of SHA-256 over its Ed25519 public key.
    DeviceId, 16
);
id!(
    /// An Automerge actor: eight bytes of device tag, eight fresh ones (architecture 4).
    Actor, 16
);
id!(
    /// SHA-256 of an Automerge change; covers its whole ancestry.
    ChangeHash, 32
);
id!(
    /// SHA-256 over something that was judged, named or agreed.
    Digest, 32
);
id!(
    /// Random bytes that keep a digest over few possible values from being guessed.
    Salt, 16
);

impl DeviceId {
    /// Returns the id of the device that holds this Ed25519 public key.
    pub fn of_key(public_key: &[u8; 32]) -> Self {
        let hash: [u8; 32] = Sha256::digest(public_key).into();
        Self(hash[..16].try_into().expect("half of 32 bytes is 16 bytes"))
    }

    /// Returns the tag that every actor of this device begins with.
    pub fn tag(&self) -> [u8; 8] {
        self.0[..8].try_into().expect("half of 16 bytes is 8 bytes")
    }
}

impl Actor {
    /// Returns the actor of a device for one process run and one document.
    pub fn new(device: DeviceId, fresh: [u8; 8]) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&device.tag());
        bytes[8..].copy_from_slice(&fresh);
        Self(bytes)
    }

    /// Returns the tag of the device that this actor claims to be.
    pub fn tag(&self) -> [u8; 8] {
        self.0[..8].try_into().expect("half of 16 bytes is 8 bytes")
    }
}

impl Digest {
    /// Returns SHA-256 over the parts, one after the other.
    pub fn over(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        Self(hash.finalize().into())
    }

    /// Returns the first half, for ids that are hashes.
    pub fn half(&self) -> [u8; 16] {
        self.0[..16].try_into().expect("half of 32 bytes is 16 bytes")
    }
}

impl RecordId {
    /// Returns a new id of a record of an organisation: half of it says whose, half is fresh.
    ///
    /// Ids are seen by others; the first half keeps anybody from speaking for a record that is
    /// not his by writing under its id.
    pub fn of(owner: OrgId, fresh: [u8; 16]) -> Self {
        let mut bytes = fresh;
        bytes[..8].copy_from_slice(&owner.0[..8]);
        Self(bytes)
    }

    /// Returns the id of a record of an organisation that follows from what it is about: two
    /// devices that are offline make the same one.
    pub fn natural(owner: OrgId, parts: &[RecordId]) -> Self {
        let parts: Vec<&[u8]> = parts.iter().map(RecordId::as_bytes).collect();
        Self::of(owner, Digest::over(&parts).half())
    }

    /// Whether the id is one of an organisation's.
    pub fn is_of(&self, owner: OrgId) -> bool {
        self.0[..8] == owner.0[..8]
    }
}

impl From<OrgId> for RecordId {
    fn from(org: OrgId) -> Self {
        Self(org.0)
    }
}

impl From<RecordId> for OrgId {
    fn from(record: RecordId) -> Self {
        Self(record.0)
    }
}

/// Returns the bytes that an even number of hex digits stands for.
pub fn hex_decode(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits?;
    (digits.len() % 2 == 0).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Returns the lower-case hex digits of some bytes.
pub fn hex_encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has {digits} hex digits")]
pub struct IdError {
    /// The number of hex digits that were expected.
    pub digits: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse_as_hex() {
        let id = RecordId([0xa0; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("a0".parse::<RecordId>(), Err(IdError { digits: 32 }));
        assert_eq!("zz".repeat(16).parse::<RecordId>(), Err(IdError { digits: 32 }));
    }

    #[track_caller]
    fn check(digits: &str, expected: bool) {
        let id: RecordId = "00112233445566778899aabbccddeeff".parse().expect("an id");
        assert_eq!(id.is_meant_by(digits), expected, "{digits}");
    }

    #[test]
    fn an_id_is_meant_by_its_beginning_and_its_end() {
        let id = RecordId::of(OrgId([1; 16]), [0xab; 16]);
        assert_eq!(id.short(), "abababab");
        check("00112233445566778899aabbccddeeff", true);
        check("00112233", true);
        check("ccddeeff", true);
        check("CCDDEEFF", true);
        check("bbccddeeff", true);
        check("cddeeff", false);
        check("0011223", false);
        check("44556677", false);
        check("", false);
    }

    #[test]
    fn an_actor_names_its_device() {
        let device = DeviceId::of_key(&[7; 32]);
        assert_eq!(Actor::new(device, [1; 8]).tag(), device.tag());
        assert_ne!(Actor::new(device, [1; 8]), Actor::new(device, [2; 8]));
    }
}
