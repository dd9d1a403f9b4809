//! The node's folder: database, its key, the device's key.
//!
//! Both keys lie in files that only the user may read. Keystores and passphrases are not here yet.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::clock::random;

/// The files of a node.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
}

/// The secrets of a node; never printed.
pub struct Keys {
    /// The key that encrypts the database.
    pub store: [u8; 32],
    /// The seed of the device's Ed25519 key.
    pub device: [u8; 32],
}

impl Home {
    /// Names a folder; nothing is touched.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("store.db")
    }

    /// Whether a node lives here.
    pub fn is_node(&self) -> bool {
        self.folder.join(DEVICE_KEY).is_file() && self.database().is_file()
    }

    /// Makes the folder and draws both keys; keys that wait there for an enrolment stay.
    ///
    /// # Errors
    /// When a node lives here already, or the folder cannot be written.
    pub fn make(&self) -> io::Result<Keys> {
        if self.is_node() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        if let Ok(keys) = self.keys() {
            return Ok(keys);
        }
        fs::create_dir_all(&self.folder)?;
        only_for_the_user(&self.folder)?;
        let keys = Keys { store: random(), device: random() };
        write_secret(&self.folder.join(STORE_KEY), &keys.store)?;
        write_secret(&self.folder.join(DEVICE_KEY), &keys.device)?;
        Ok(keys)
    }

    /// Reads both keys.
    ///
    /// # Errors
    /// When a file is missing or has not the length of a key.
    pub fn keys(&self) -> io::Result<Keys> {
        let read = |name| {
            let bytes = fs::read(self.folder.join(name))?;
            bytes.try_into().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
        };
        Ok(Keys { store: read(STORE_KEY)?, device: read(DEVICE_KEY)? })
    }
}

const STORE_KEY: &str = "store.key";
const DEVICE_KEY: &str = "device.key";

/// Writes a file that only the user may read.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn only_for_the_user(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn only_for_the_user(_: &Path) -> io::Result<()> {
    Ok(())
}
