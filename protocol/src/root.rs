//! The root of a network: which keys, k of n, say who gives statements their places (trust A2).
//!
//! A rotation of the root is judged here, its place in the log by `membership`. Nothing expires: a
//! node that was away for a year reads and works on.

use minicbor::{Decode, Encode};
use onex_crdt::ids::{Digest, NetworkId};

use crate::armour;
use crate::cbor;
use crate::enrolment::InvitationError;
use crate::key::{Domain, PublicKey, Signature, SigningKey};
use crate::statement::{PERSON_CHARS_MAX, StatementError, key_check, text_check};

/// Most keys of a root.
pub const ROOT_KEYS_MAX: usize = 9;

/// The keys that decide at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootKeys {
    /// Which root it is: the network begins with 1.
    pub version: u64,
    /// The keys, ascending.
    pub keys: Vec<PublicKey>,
    /// How many of them must sign.
    pub threshold: u32,
}

impl RootKeys {
    /// Returns the root of a network that begins: the key of the hub's first device alone.
    pub(crate) fn first(hub_key: PublicKey) -> Self {
        Self { version: 1, keys: vec![hub_key], threshold: 1 }
    }
}

/// The next root, and who sequences from its place in the log on.
///
/// It names its place: the root's word wins over whatever the sequencer before signed for that
/// place or a later one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rotation {
    /// Which root it is: one more than the one before.
    #[n(0)]
    pub version: u64,
    /// The keys, ascending, at least one, at most `ROOT_KEYS_MAX`.
    #[n(1)]
    pub keys: Vec<PublicKey>,
    /// How many of them must sign.
    #[n(2)]
    pub threshold: u32,
    /// The device that sequences from now on: one of the hub's, or a new one, which joins it.
    #[n(3)]
    pub sequencer: PublicKey,
    /// A person at that device, who is `lead` and `admin` from now on.
    #[n(4)]
    pub person: String,
    /// The place of the entry.
    #[n(5)]
    pub position: u64,
    /// The digest of the entry before.
    #[n(6)]
    pub previous: Digest,
    /// The signatures so far, by key, ascending.
    #[n(7)]
    pub signatures: Vec<(PublicKey, Signature)>,
}

impl Rotation {
    /// Adds the signature of a key; one of the same key is replaced.
    pub fn sign(&mut self, network: NetworkId, key: &SigningKey) {
        let signature = key.sign(Domain::Root, &self.signed_bytes(network));
        self.signatures.retain(|(signer, _)| *signer != key.public());
        self.signatures.push((key.public(), signature));
        self.signatures.sort_unstable_by_key(|(signer, _)| *signer);
    }

    /// Returns the root that this makes.
    pub fn root(&self) -> RootKeys {
        RootKeys { version: self.version, keys: self.keys.clone(), threshold: self.threshold }
    }

    /// Checks what can be checked without the root before.
    pub(crate) fn check(&self) -> Result<(), StatementError> {
        text_check("person", &self.person, PERSON_CHARS_MAX)?;
        key_check(&self.sequencer)?;
        let count = self.keys.len();
        let in_order = self.keys.is_sorted_by(|a, b| a < b)
            && self.signatures.is_sorted_by(|(a, _), (b, _)| a < b);
        let bounded = (1..=ROOT_KEYS_MAX).contains(&count)
            && self.signatures.len() <= 2 * ROOT_KEYS_MAX
            && (1..=count).contains(&(self.threshold as usize));
        if !in_order || !bounded {
            return Err(StatementError::RootKeys);
        }
        self.keys.iter().try_for_each(key_check)
    }

    /// Checks version and signatures against the root before: enough of its keys and enough of
    /// the new ones (TUF 5.3.4, 5.3.5).
    pub fn verify(&self, network: NetworkId, before: &RootKeys) -> Result<(), RotationError> {
        let expected = before.version + 1;
        if self.version != expected {
            return Err(RotationError::Version { expected, found: self.version });
        }
        let signed = self.signed_bytes(network);
        for (key, signature) in &self.signatures {
            if !before.keys.contains(key) && !self.keys.contains(key) {
                return Err(RotationError::Foreign { key: *key });
            }
            if !key.verify(Domain::Root, &signed, signature) {
                return Err(RotationError::BadSignature { key: *key });
            }
        }
        for root in [before, &self.root()] {
            let found = self.signatures.iter().filter(|(key, _)| root.keys.contains(key)).count();
            if found < root.threshold as usize {
                let (version, needed) = (root.version, root.threshold);
                return Err(RotationError::UnderSigned { version, found, needed });
            }
        }
        Ok(())
    }

    fn signed_bytes(&self, network: NetworkId) -> Vec<u8> {
        let Self { version, keys, threshold, sequencer, person, position, previous, .. } = self;
        cbor::encode(&(network, version, keys, threshold, sequencer, person, position, previous))
    }
}

/// A rotation on its way from hand to hand: the file that the keepers of the keys sign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RotationFile {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The rotation.
    #[n(1)]
    pub rotation: Rotation,
}

impl RotationFile {
    /// Returns the text of the file.
    pub fn to_text(&self) -> String {
        armour::encode(ROTATION, &cbor::encode(self))
    }

    /// Reads such a text. Signatures are verified where the rotation takes its place.
    pub fn from_text(text: &str) -> Result<Self, InvitationError> {
        let bytes = armour::decode(ROTATION, text, ROTATION_TEXT_MAX)?;
        let file: Self = cbor::decode_exact(&bytes, ROTATION_BYTES_MAX)?;
        file.rotation.check()?;
        Ok(file)
    }
}

const ROTATION: &str = "onex-rotation";
const ROTATION_BYTES_MAX: usize = 8 * 1024;
const ROTATION_TEXT_MAX: usize = 32 * 1024;

/// Why a rotation does not make the next root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// Not the next version: skipped, repeated, or an older one.
    #[error("root {expected} comes next, not {found}")]
    Version {
        /// The next version.
        expected: u64,
        /// The version given.
        found: u64,
    },
    /// Signed by somebody else too.
    #[error("a key signed that is in neither root")]
    Foreign {
        /// The key.
        key: PublicKey,
    },
    /// A signature does not hold.
    #[error("a signature of a root key does not hold")]
    BadSignature {
        /// The key.
        key: PublicKey,
    },
    /// Too few keys of the root before, or of the new one.
    #[error("{found} keys of root {version} signed, {needed} are needed")]
    UnderSigned {
        /// The root.
        version: u64,
        /// How many of its keys signed.
        found: usize,
        /// How many must.
        needed: u32,
    },
    /// At another place than the one that it names, or not sequenced by whom it names.
    #[error("the rotation names another place in the log, or another sequencer")]
    Place,
}
