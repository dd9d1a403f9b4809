//! Who has a home open: a lock that processes share, and marks of those that did not end well.
//!
//! Several processes may use one home at once; who replaces its database needs it to himself. A
//! mark is a hint to look at the disk sooner, no guard: it is not synced, and nothing rests on it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use onex_crdt::ids::hex_encode;

use crate::clock::random;
use crate::home::{self, Home};

/// A home that nobody else has open.
pub(crate) struct Alone {
    lock: File,
    folder: PathBuf,
}

/// This process among those that have a home open, until it is dropped.
pub(crate) struct Presence {
    /// Held as long as this is.
    _lock: File,
    mark: PathBuf,
}

impl Alone {
    /// Takes a home; nothing when another process, or another handle of this one, has it open.
    pub fn new(home: &Home) -> io::Result<Option<Self>> {
        let lock = home::lock_file(&home.folder().join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { lock, folder: home.folder().to_owned() })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Looks for marks of processes that are gone, and notes that they did not end well. Says
    /// whether the disk was looked at since.
    pub fn is_clean(&self) -> io::Result<bool> {
        for mark in marks(&self.folder)? {
            File::create(unclean(&self.folder))?;
            fs::remove_file(mark)?;
        }
        Ok(!is_unclean(&self.folder))
    }

    /// Lets others in, and stays.
    pub fn stay(self) -> io::Result<Presence> {
        self.lock.unlock()?;
        Presence::of(self.lock, &self.folder)
    }
}

impl Presence {
    /// Joins those that have a home open; waits for who replaces its database.
    pub fn new(home: &Home) -> io::Result<Self> {
        Self::of(home::lock_file(&home.folder().join(LOCK))?, home.folder())
    }

    fn of(lock: File, folder: &Path) -> io::Result<Self> {
        lock.lock_shared()?;
        let mark = folder.join(format!("{MARK}{}", hex_encode(&random::<8>())));
        File::create(&mark)?;
        Ok(Self { _lock: lock, mark })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // One that stays is taken for a process that did not end well: the disk is looked at.
        let _ = fs::remove_file(&self.mark);
    }
}

/// Whether a process that had the home open did not end well, and nobody has looked at the disk
/// since.
pub(crate) fn is_unclean(folder: &Path) -> bool {
    unclean(folder).exists()
}

/// Notes that the disk was looked at, and is whole.
pub(crate) fn looked_at(folder: &Path) -> io::Result<()> {
    home::remove(&unclean(folder))
}

fn unclean(folder: &Path) -> PathBuf {
    folder.join(UNCLEAN)
}

fn marks(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut marks = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(MARK) {
            marks.push(entry.path());
        }
    }
    Ok(marks)
}

const LOCK: &str = "open.lock";
const MARK: &str = "open-";
const UNCLEAN: &str = "unclean";

#[cfg(test)]
mod tests {
    use super::*;

    fn home(folder: &tempfile::TempDir) -> Home {
        Home::new(folder.path())
    }

    #[test]
    fn nobody_is_alone_beside_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Presence::new(&home(&folder)).expect("open");
        let second = Presence::new(&home(&folder)).expect("beside it");
        assert!(Alone::new(&home(&folder)).expect("asked").is_none());
        drop((first, second));
        let alone = Alone::new(&home(&folder)).expect("asked").expect("nobody is there");
        assert!(alone.is_clean().expect("looked"));
        drop(alone.stay().expect("stays"));
    }

    #[test]
    fn who_did_not_end_well_is_noticed_until_the_disk_was_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        File::create(folder.path().join("open-of-one-that-was-killed")).expect("a mark");
        let alone = Alone::new(&home(&folder)).expect("asked").expect("nobody is there");
        assert!(!alone.is_clean().expect("looked"));
        assert!(!alone.is_clean().expect("looked"), "nobody has looked at the disk");
        looked_at(folder.path()).expect("noted");
        assert!(alone.is_clean().expect("looked"));
        looked_at(folder.path()).expect("a second time there is nothing to note");
    }
}
