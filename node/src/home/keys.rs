//! The two keys of a node, a person's passphrase, and the ways in which keys are kept.
//!
//! None of them is ever printed: there is no `Debug`, and what is dropped is wiped.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::{Zeroize as _, Zeroizing};

/// The bytes of either key.
pub const KEY_BYTES: usize = 32;

/// The secrets of a node; never printed, and wiped from memory when dropped.
pub struct Keys {
    /// The key that encrypts the database.
    pub store: [u8; KEY_BYTES],
    /// The seed of the device's Ed25519 key.
    pub device: [u8; KEY_BYTES],
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.store.zeroize();
        self.device.zeroize();
    }
}

/// What a person types to open the keys; never empty, never printed, and wiped when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a text; nothing when it is empty or too long.
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= PASSPHRASE_BYTES_MAX;
        fits.then_some(Self(text))
    }

    /// Reads a file that holds nothing but the passphrase; one line end after it does not count.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, too long or no text.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut text = Zeroizing::new(String::with_capacity(PASSPHRASE_BYTES_MAX + 3));
        File::open(path)?.take(PASSPHRASE_BYTES_MAX as u64 + 3).read_to_string(&mut text)?;
        let kept = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let length = kept.unwrap_or(&text).len();
        text.truncate(length);
        Self::new(text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// How the keys of a home are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// Under a key that the system's keystore keeps for the user.
    Keystore,
    /// Under a passphrase.
    Passphrase,
    /// In files that only the user may read, and anybody who has the disk.
    File,
}

impl Keeping {
    /// The word for it in `onex status --json`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Keystore => "keystore",
            Self::Passphrase => "passphrase",
            Self::File => "file",
        }
    }
}

/// How keys are to be kept from now on.
#[derive(Clone)]
pub enum Guard {
    /// By the system's keystore.
    Keystore,
    /// Under a passphrase.
    Passphrase(Passphrase),
    /// In files.
    File,
}

impl Guard {
    /// The way without its secret.
    pub fn keeping(&self) -> Keeping {
        match self {
            Self::Keystore => Keeping::Keystore,
            Self::Passphrase(_) => Keeping::Passphrase,
            Self::File => Keeping::File,
        }
    }

    /// The passphrase, where it is one.
    pub fn passphrase(&self) -> Option<&Passphrase> {
        match self {
            Self::Passphrase(passphrase) => Some(passphrase),
            Self::Keystore | Self::File => None,
        }
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder or a file in it cannot be used.
    #[error("cannot use the files of the keys")]
    Io(#[from] io::Error),
    /// A passphrase is needed and none was given.
    #[error("the keys are under a passphrase")]
    Locked,
    /// The passphrase is another one, or the file was altered: neither can be told from the other.
    #[error("the passphrase does not open the keys")]
    WrongPassphrase,
    /// The file of the keys does not read.
    #[error("the file of the keys is damaged")]
    Damaged,
    /// The system's keystore is not there, does not answer, or does not have the key.
    #[error("the system's keystore does not give the key")]
    Keystore,
}

/// Nobody types more, and a file that is longer is none with a passphrase.
const PASSPHRASE_BYTES_MAX: usize = 1024;
