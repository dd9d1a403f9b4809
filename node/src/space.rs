//! Room on the disk: a ballast to let go of, and marks below which less is taken (trust F3).
//!
//! Own work comes first: what peers send is refused long before the disk is full, and a file that
//! holds nothing is given up so that a person can save what he has begun.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::clock::random;
use crate::home;

/// Bytes of the ballast. Saving a form takes some 100 KB of the log: this is dozens of them, and
/// ten homes on one computer give up no more than 40 MB for it.
pub const BALLAST_BYTES: usize = 4 * 1024 * 1024;
/// What peers send is not taken when less is free: their bytes can be fetched again.
pub const PEERS_FREE_MIN: u64 = 64 * 1024 * 1024;
/// The ballast is given up when less is free.
pub const OWN_FREE_MIN: u64 = 2 * 1024 * 1024;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Room {
    /// Not enough to save anything for long: the ballast is, or was, given up.
    Full,
    /// Enough for own work, not for what peers send.
    Low,
    /// Enough.
    #[default]
    Enough,
}

impl Room {
    /// How much room so many free bytes are.
    pub fn of(free: u64) -> Self {
        match free {
            free if free < OWN_FREE_MIN => Self::Full,
            free if free < PEERS_FREE_MIN => Self::Low,
            _ => Self::Enough,
        }
    }

    /// The word for it in `onex status --json`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Low => "low",
            Self::Enough => "enough",
        }
    }

    /// The room on the disk of a folder. A system that does not tell has enough.
    pub fn in_folder(folder: &Path) -> Self {
        fs4::available_space(folder).map_or(Self::Enough, Self::of)
    }
}

/// Writes the ballast, where there is room and it is not there.
pub(crate) fn take_ballast(folder: &Path) -> io::Result<()> {
    let path = folder.join(BALLAST);
    let there = fs::metadata(&path).is_ok_and(|file| file.len() >= BALLAST_BYTES as u64);
    if there || Room::in_folder(folder) < Room::Enough {
        return Ok(());
    }
    let mut file = File::create(&path)?;
    // Drawn anew piece by piece: what repeats itself takes no room on some disks.
    for _ in 0..BALLAST_BYTES / BALLAST_PIECE {
        file.write_all(&random::<BALLAST_PIECE>())?;
    }
    file.sync_all()
}

/// Gives the ballast up, if it is there.
pub(crate) fn drop_ballast(folder: &Path) -> io::Result<()> {
    home::remove(&folder.join(BALLAST))
}

/// Whether the disk has the room for a copy of a file, and for working with it.
pub(crate) fn need_copy(path: &Path) -> io::Result<()> {
    let needed = fs::metadata(path)?.len().saturating_mul(5) / 2 + OWN_FREE_MIN;
    let folder = path.parent().unwrap_or(Path::new("."));
    match fs4::available_space(folder) {
        Ok(free) if free < needed => Err(io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    }
}

const BALLAST: &str = "ballast";
const BALLAST_PIECE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_refused_before_own_work() {
        for (free, room) in [
            (0, Room::Full),
            (OWN_FREE_MIN, Room::Low),
            (PEERS_FREE_MIN - 1, Room::Low),
            (PEERS_FREE_MIN, Room::Enough),
        ] {
            assert_eq!(Room::of(free), room, "{free}");
        }
        assert!(Room::Full < Room::Low && Room::Low < Room::Enough);
    }

    #[test]
    fn the_ballast_is_taken_once_and_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(BALLAST);
        take_ballast(folder.path()).expect("taken");
        let taken = fs::metadata(&path).expect("it is there");
        assert_eq!(taken.len(), BALLAST_BYTES as u64);
        take_ballast(folder.path()).expect("it is there already");
        drop_ballast(folder.path()).expect("given up");
        drop_ballast(folder.path()).expect("a second time there is nothing to give up");
        assert!(!path.exists());
    }
}
