//! Copies of a database, and putting one in the other's place.
//!
//! What takes the place is complete, checked and on the disk before; what was there stays beside
//! it under another name. A crash at any moment leaves the one or the other.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use onex_protocol::membership::Membership;

use super::{KEY_BYTES, StoreError, check, membership, set_key};
use crate::home::{self, sync_folder};

/// Writes what a connection sees into a new file, under the same key.
pub fn write(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    remove(path)?;
    connection.execute("vacuum into ?", [path.to_string_lossy()])?;
    File::options().write(true).open(path)?.sync_all()?;
    Ok(())
}

/// Encrypts a file under another key.
pub fn rekey(path: &Path, old: &[u8; KEY_BYTES], new: &[u8; KEY_BYTES]) -> Result<(), StoreError> {
    let connection = Connection::open(path)?;
    set_key(&connection, old)?;
    // Pages under the old key would stay in a log; a copy needs none.
    let mode: String = connection.query_row("pragma journal_mode = delete", [], |r| r.get(0))?;
    if mode != "delete" {
        return Err(StoreError::NotDurable);
    }
    let hex = onex_crdt::ids::hex_encode(new);
    connection.pragma_update(None, "rekey", format!("x'{hex}'"))?;
    connection.close().map_err(|(_, error)| error)?;
    File::options().write(true).open(path)?.sync_all()?;
    Ok(())
}

/// Reads every page of a file and replays its membership log.
pub fn verify(path: &Path, key: &[u8; KEY_BYTES]) -> Result<Membership, StoreError> {
    verified(&check::open(path, key)?)
}

/// The same for one that is open.
pub fn verified(connection: &Connection) -> Result<Membership, StoreError> {
    if !check::pages(connection).is_empty() {
        return Err(StoreError::Damaged { what: "copy of the database" });
    }
    membership::load(connection)?.ok_or(StoreError::Damaged { what: "membership log" })
}

/// Puts a file in the place of the database, which nobody has open; the database stays as `aside`.
pub fn swap(new: &Path, database: &Path, aside: &Path) -> io::Result<()> {
    File::options().write(true).open(new)?.sync_all()?;
    let folder = database.parent().unwrap_or(Path::new("."));
    if database.exists() {
        remove(aside)?;
        // Both names are the old file until the new one takes one of them; a file system without
        // such names makes a copy.
        if fs::hard_link(database, aside).is_err() {
            fs::copy(database, aside)?;
            File::options().write(true).open(aside)?.sync_all()?;
        }
        // A log of the old file must never meet the new one.
        let log = beside(database, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            fs::rename(&log, beside(aside, "-wal"))?;
        }
        sync_folder(folder)?;
    }
    for ending in ["-wal", "-shm"] {
        remove(&beside(database, ending))?;
        remove(&beside(new, ending))?;
    }
    fs::rename(new, database)?;
    sync_folder(folder)
}

/// The first name of this kind beside the database that is free: `store.db.damaged-1`.
pub fn free_name(database: &Path, why: &str) -> PathBuf {
    let name = |number| beside(database, &format!(".{why}-{number}"));
    (1_u32..).map(name).find(|path| !path.exists()).expect("there are more numbers than files")
}

/// Removes a file and what SQLite keeps beside it, if they are there.
pub fn remove(path: &Path) -> io::Result<()> {
    let files = [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")];
    files.iter().try_for_each(|path| home::remove(path))
}

/// A file whose name goes on after that of another.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
