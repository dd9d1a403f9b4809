//! The node's folder: the database, and apart from it the key that encrypts it and the device's key.
//!
//! Both keys lie in one sealed file, under the system's keystore or a passphrase, or in two plain
//! ones that only the user may read. Whoever replaces the one by the other leaves at every moment
//! files that open. The database is not touched here.

mod keys;
mod keystore;
mod sealed;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::clock::random;
use sealed::Sealed;

pub use keys::{Guard, KEY_BYTES, Keeping, Keys, KeysError, Passphrase};

/// Whether this system has a keystore that can be used now. Takes some milliseconds where there is
/// none, and as long as its user needs to unlock it, within limits.
pub fn has_keystore() -> bool {
    keystore::is_there()
}

/// Seals one key under a passphrase, as a backup carries its own.
pub(crate) fn seal_key(
    key: &[u8; KEY_BYTES],
    passphrase: &Passphrase,
) -> Result<Vec<u8>, KeysError> {
    let keys = Keys { store: *key, device: [0; KEY_BYTES] };
    Ok(Sealed::by_passphrase(&keys, passphrase)?.encode())
}

/// Opens a key that was sealed so.
pub(crate) fn open_key(
    sealed: &[u8],
    passphrase: &Passphrase,
) -> Result<[u8; KEY_BYTES], KeysError> {
    Ok(Sealed::decode(sealed)?.open_with(passphrase)?.store)
}

/// The files of a node.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
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
        let has_keys = self.folder.join(SEALED).is_file() || self.plain().all(|key| key.is_file());
        has_keys && self.database().is_file()
    }

    /// How the keys are kept; nothing where there are none.
    ///
    /// # Errors
    /// When the file of the keys cannot be read.
    pub fn keeping(&self) -> Result<Option<Keeping>, KeysError> {
        if let Some(sealed) = self.sealed()? {
            return Ok(Some(sealed.keeping()));
        }
        Ok(self.plain().all(|key| key.is_file()).then_some(Keeping::File))
    }

    /// Makes the folder and draws both keys; keys that wait there for an enrolment stay, and are
    /// kept as they are to be from now on.
    ///
    /// # Errors
    /// When a node lives here already, the folder cannot be written, or the keystore or the
    /// passphrase does not do.
    pub fn make(&self, guard: &Guard) -> Result<Keys, KeysError> {
        if self.is_node() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        self.draw(guard)
    }

    /// The same for a home whose database holds nothing.
    pub(crate) fn draw(&self, guard: &Guard) -> Result<Keys, KeysError> {
        let kept = self.keeping()?;
        if let Some(kept) = kept {
            match self.unlock(guard.passphrase()) {
                Ok(keys) => {
                    if kept != guard.keeping() {
                        self.keep(&keys, guard)?;
                    }
                    return Ok(keys);
                }
                Err(KeysError::Damaged) if kept == Keeping::File => {}
                Err(error) => return Err(error),
            }
        }
        fs::create_dir_all(&self.folder)?;
        only_for_the_user(&self.folder)?;
        let keys = Keys { store: random(), device: random() };
        self.keep(&keys, guard)?;
        Ok(keys)
    }

    /// Reads the keys of a home that needs no passphrase.
    ///
    /// # Errors
    /// `KeysError::Locked` when it needs one.
    pub fn keys(&self) -> Result<Keys, KeysError> {
        self.unlock(None)
    }

    /// Opens the keys; a passphrase that is not needed is not looked at.
    ///
    /// # Errors
    /// When they cannot be read, or the passphrase or the keystore does not open them.
    pub fn unlock(&self, passphrase: Option<&Passphrase>) -> Result<Keys, KeysError> {
        let Some(sealed) = self.sealed()? else { return self.plain_keys() };
        let keys = match sealed.entry() {
            Some(entry) => sealed.open(&keystore::get(entry)?).ok_or(KeysError::Damaged)?,
            None => sealed.open_with(passphrase.ok_or(KeysError::Locked)?)?,
        };
        self.tidy()?;
        Ok(keys)
    }

    /// Keeps the keys in another way, or under another passphrase. A crash at any moment leaves
    /// the old way or the new one.
    ///
    /// # Errors
    /// When the files cannot be written, or the keystore does not take its key; then the old way
    /// stays.
    pub fn keep(&self, keys: &Keys, guard: &Guard) -> Result<(), KeysError> {
        let lock = lock_file(&self.folder.join(LOCK))?;
        lock.lock()?;
        let old = self.sealed().ok().flatten().and_then(|sealed| sealed.entry());
        match guard {
            Guard::Passphrase(passphrase) => {
                self.replace(SEALED, &Sealed::by_passphrase(keys, passphrase)?.encode())?;
                self.remove_plain()?;
            }
            Guard::Keystore => {
                let (sealed, entry, opener) = Sealed::by_keystore(keys);
                keystore::put(entry, &opener)?;
                self.replace(SEALED, &sealed.encode())?;
                self.remove_plain()?;
            }
            Guard::File => {
                self.replace(STORE_KEY, &keys.store)?;
                self.replace(DEVICE_KEY, &keys.device)?;
                remove(&self.folder.join(SEALED))?;
                sync_folder(&self.folder)?;
            }
        }
        if let Some(entry) = old {
            keystore::forget(entry);
        }
        Ok(())
    }

    /// Removes what a crash has left: plain keys beside the sealed ones. Not while another process
    /// is about to keep the keys in plain files.
    fn tidy(&self) -> Result<(), KeysError> {
        if !self.loose().any(|key| key.exists()) {
            return Ok(());
        }
        let lock = lock_file(&self.folder.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) if self.sealed()?.is_some() => Ok(self.remove_plain()?),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn sealed(&self) -> Result<Option<Sealed>, KeysError> {
        match fs::read(self.folder.join(SEALED)) {
            Ok(bytes) => Sealed::decode(&bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn plain(&self) -> impl Iterator<Item = PathBuf> + '_ {
        [STORE_KEY, DEVICE_KEY].into_iter().map(|name| self.folder.join(name))
    }

    fn plain_keys(&self) -> Result<Keys, KeysError> {
        let read = |name| {
            let bytes = Zeroizing::new(fs::read(self.folder.join(name))?);
            <[u8; KEY_BYTES]>::try_from(&bytes[..]).map_err(|_| KeysError::Damaged)
        };
        Ok(Keys { store: read(STORE_KEY)?, device: read(DEVICE_KEY)? })
    }

    /// The plain keys, and what a crash has left of writing them.
    fn loose(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let new = [STORE_KEY, DEVICE_KEY].into_iter().map(|name| self.folder.join(new_of(name)));
        self.plain().chain(new)
    }

    fn remove_plain(&self) -> io::Result<()> {
        self.loose().try_for_each(|key| remove(&key))?;
        sync_folder(&self.folder)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace(&self.folder, name, bytes)
    }
}

const SEALED: &str = "keys.sealed";
const STORE_KEY: &str = "store.key";
const DEVICE_KEY: &str = "device.key";
const LOCK: &str = "keys.lock";

/// The name of a file that is to take another's place.
fn new_of(name: &str) -> String {
    format!("{name}.new")
}

/// Puts a file that only the user may read in another's place: what was there stays until the new
/// one is on the disk, as a whole and under its name.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (path, new) = (folder.join(name), folder.join(new_of(name)));
    remove(&new)?;
    write_secret(&new, bytes)?;
    fs::rename(new, path)?;
    sync_folder(folder)
}

/// A file by which processes of one home take turns; it holds nothing.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file that only the user may read: keys, invitations, what is exported.
///
/// # Errors
/// When it cannot be written.
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_private(OpenOptions::new().create(true).truncate(true), path, bytes)
}

/// Writes a file that only the user may read, and that is not there yet.
///
/// # Errors
/// When it is there, or cannot be written.
pub fn write_new_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_private(OpenOptions::new().create_new(true), path, bytes)
}

fn write_private(options: &mut OpenOptions, path: &Path, bytes: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.write(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until the names in a folder are on the disk as the files are.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
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

#[cfg(test)]
mod tests;
