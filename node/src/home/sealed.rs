//! The file that holds both keys under a passphrase or under a key of the system's keystore.
//!
//! Argon2id (RFC 9106) makes the passphrase a key, ChaCha20-Poly1305 (RFC 8439) seals with it. Each
//! file is sealed under a key that seals nothing else: salt and keystore key are drawn anew.

use argon2::{Algorithm, Argon2, Params, Version};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::keys::{KEY_BYTES, Keeping, Keys, KeysError, Passphrase};
use crate::clock::random;
use crate::sealing::{NONCE_BYTES, Sealing, TAG_BYTES};

/// What the file holds.
#[derive(Encode, Decode)]
pub(super) struct Sealed {
    /// What the key comes from.
    #[n(0)]
    by: By,
    #[cbor(n(1), with = "minicbor::bytes")]
    nonce: [u8; NONCE_BYTES],
    /// The key of the store, the device's key, the tag over both and over `by`.
    #[n(2)]
    sealed: ByteVec,
}

/// What the key comes from that opens a file.
#[derive(Encode, Decode)]
enum By {
    /// Argon2id over a passphrase.
    #[n(0)]
    Passphrase {
        #[cbor(n(0), with = "minicbor::bytes")]
        salt: [u8; SALT_BYTES],
        /// Memory in KiB.
        #[n(1)]
        memory: u32,
        /// Passes over the memory.
        #[n(2)]
        passes: u32,
        #[n(3)]
        lanes: u32,
    },
    /// The system's keystore, under this name.
    #[n(1)]
    Keystore {
        #[cbor(n(0), with = "minicbor::bytes")]
        entry: [u8; ENTRY_BYTES],
    },
}

/// The key that opens one file.
pub(super) type Opener = Zeroizing<[u8; KEY_BYTES]>;

impl Sealed {
    /// Seals keys under a passphrase.
    pub fn by_passphrase(keys: &Keys, passphrase: &Passphrase) -> Result<Self, KeysError> {
        let by =
            By::Passphrase { salt: random(), memory: MEMORY_KIB, passes: PASSES, lanes: LANES };
        let opener = derive(&by, passphrase)?;
        Ok(Self::new(keys, by, &opener))
    }

    /// Seals keys under a fresh key, which is for the keystore under the entry that is returned.
    pub fn by_keystore(keys: &Keys) -> (Self, [u8; ENTRY_BYTES], Opener) {
        let entry = random();
        let opener = Zeroizing::new(random());
        (Self::new(keys, By::Keystore { entry }, &opener), entry, opener)
    }

    fn new(keys: &Keys, by: By, opener: &Opener) -> Self {
        // The room for the tag is there from the start, so that no copy of the keys is left behind.
        let mut sealed = Vec::with_capacity(2 * KEY_BYTES + TAG_BYTES);
        sealed.extend(keys.store);
        sealed.extend(keys.device);
        let nonce = Sealing::new(opener).seal(&about(&by), &mut sealed);
        Self { by, nonce, sealed: sealed.into() }
    }

    /// Reads a file.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeysError> {
        let cbor = bytes.strip_prefix(MAGIC).ok_or(KeysError::Damaged)?;
        minicbor::decode(cbor).map_err(|_| KeysError::Damaged)
    }

    /// Returns the bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        minicbor::encode(self, &mut bytes).expect("a vector takes everything");
        bytes
    }

    /// How the keys are kept.
    pub fn keeping(&self) -> Keeping {
        match self.by {
            By::Passphrase { .. } => Keeping::Passphrase,
            By::Keystore { .. } => Keeping::Keystore,
        }
    }

    /// The name under which the keystore has the key, where it has one.
    pub fn entry(&self) -> Option<[u8; ENTRY_BYTES]> {
        match self.by {
            By::Keystore { entry } => Some(entry),
            By::Passphrase { .. } => None,
        }
    }

    /// Opens the keys with a passphrase. Takes a good part of a second, and 64 MiB.
    pub fn open_with(&self, passphrase: &Passphrase) -> Result<Keys, KeysError> {
        self.open(&derive(&self.by, passphrase)?).ok_or(KeysError::WrongPassphrase)
    }

    /// Opens the keys; nothing when the key is another one, or the file was altered.
    pub fn open(&self, opener: &Opener) -> Option<Keys> {
        let mut sealed = Zeroizing::new(self.sealed.to_vec());
        let opened = Sealing::new(opener).open(self.nonce, &about(&self.by), &mut sealed);
        let (store, device) = opened?.split_first_chunk()?;
        let device: &[u8; KEY_BYTES] = device.try_into().ok()?;
        Some(Keys { store: *store, device: *device })
    }
}

/// The key that a passphrase makes.
fn derive(by: &By, passphrase: &Passphrase) -> Result<Opener, KeysError> {
    let By::Passphrase { salt, memory, passes, lanes } = by else {
        return Err(KeysError::Damaged);
    };
    if *memory > MEMORY_KIB_MAX || *passes > PASSES_MAX || *lanes > LANES_MAX {
        return Err(KeysError::Damaged);
    }
    let params = Params::new(*memory, *passes, *lanes, Some(KEY_BYTES));
    let params = params.map_err(|_| KeysError::Damaged)?;
    let mut opener = Opener::default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *opener)
        .map_err(|_| KeysError::Damaged)?;
    Ok(opener)
}

/// What is sealed along without being hidden.
fn about(by: &By) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    minicbor::encode(by, &mut bytes).expect("a vector takes everything");
    bytes
}

/// What the file begins with; its number is the version of the layout.
const MAGIC: &[u8] = b"onex/keys/1\n";
const SALT_BYTES: usize = 16;
/// The bytes of a name in the keystore.
pub(super) const ENTRY_BYTES: usize = 16;
/// The second recommended option of RFC 9106, section 4: 64 MiB, three passes, four lanes. The
/// first one takes 2 GiB, which an office computer may not have.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// A file that asks for more than these was not written by this program, or a later one.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.to_owned())).expect("not empty")
    }

    fn keys() -> Keys {
        Keys { store: [1; KEY_BYTES], device: [2; KEY_BYTES] }
    }

    #[test]
    fn the_right_passphrase_opens_and_no_other() {
        let sealed = Sealed::by_passphrase(&keys(), &passphrase("一把钥匙")).expect("seals");
        let bytes = sealed.encode();
        for secret in [[1; KEY_BYTES], [2; KEY_BYTES]] {
            assert!(!bytes.windows(8).any(|window| window == &secret[..8]), "a key in the open");
        }
        let read = Sealed::decode(&bytes).expect("reads");
        assert_eq!((read.keeping(), read.entry()), (Keeping::Passphrase, None));
        let opened = read.open_with(&passphrase("一把钥匙")).map_err(|error| error.to_string());
        assert!(opened.is_ok_and(|opened| opened.store == [1; 32] && opened.device == [2; 32]));
        let wrong = read.open_with(&passphrase("一把钥匙 "));
        assert!(matches!(wrong, Err(KeysError::WrongPassphrase)));
    }

    #[test]
    fn every_altered_byte_is_noticed() {
        let (sealed, entry, opener) = Sealed::by_keystore(&keys());
        assert_eq!(sealed.entry(), Some(entry));
        let bytes = sealed.encode();
        assert!(sealed.open(&opener).is_some());
        assert!(sealed.open(&Opener::default()).is_none());
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            let opened = Sealed::decode(&altered).ok().and_then(|read| read.open(&opener));
            assert!(opened.is_none(), "byte {at}");
            let cut = Sealed::decode(&bytes[..at]).ok().and_then(|read| read.open(&opener));
            assert!(cut.is_none(), "cut at {at}");
        }
    }

    #[test]
    fn a_file_cannot_ask_for_all_memory() {
        let by = By::Passphrase { salt: [0; 16], memory: u32::MAX, passes: 1, lanes: 1 };
        let greedy = Sealed::new(&keys(), by, &Opener::default());
        let opened = greedy.open_with(&passphrase("x"));
        assert!(matches!(opened, Err(KeysError::Damaged)));
    }
}
