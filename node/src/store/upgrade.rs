//! Migration of a database that an older program has left: copy, migrate, verify, swap (trust F7).
//!
//! The old file stays until the next start after a clean end. Nobody else may have it open.

use std::path::Path;

use rusqlite::Connection;

use super::{KEY_BYTES, MIGRATIONS, Store, StoreError, check, copy};
use crate::space;

/// Brings a database up to date; one that is, or that is not there, stays as it is.
///
/// # Errors
/// When the disk has not the room for a copy, or the copy does not hold what the database holds;
/// the database is as it was then.
pub fn bring_up(path: &Path, key: &[u8; KEY_BYTES]) -> Result<(), StoreError> {
    if !path.exists() {
        return Ok(());
    }
    let old = check::open(path, key)?;
    let version: i64 = old.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 || version >= MIGRATIONS.len() as i64 {
        return Ok(());
    }
    space::need_copy(path)?;
    let new = copy::beside(path, NEW);
    copy::write(&old, &new)?;
    let held = counts(&old)?;
    old.close().map_err(|(_, error)| error)?;
    let store = Store::open_to_migrate(&new, key)?;
    if counts(store.read())? != held {
        return Err(StoreError::Damaged { what: "copy of the database" });
    }
    store.close()?;
    if held.membership > 0 {
        copy::verify(&new, key)?;
    }
    copy::swap(&new, path, &copy::beside(path, OLD))?;
    Ok(())
}

/// Forgets the file of before the last migration, after a run that ended well.
pub fn forget_old(path: &Path) -> std::io::Result<()> {
    copy::remove(&copy::beside(path, OLD))
}

/// What a migration must not alter.
#[derive(PartialEq, Eq)]
struct Held {
    documents: i64,
    seals: i64,
    log: i64,
    outbox: i64,
    membership: i64,
}

fn counts(connection: &Connection) -> Result<Held, StoreError> {
    let count = |table: &str| -> Result<i64, StoreError> {
        let sql = format!("select count(*) from {table}");
        Ok(connection.query_row(&sql, [], |row| row.get(0))?)
    };
    Ok(Held {
        documents: count("head")?,
        seals: count("seal")?,
        log: count("log")?,
        outbox: count("outbox")?,
        membership: count("membership")?,
    })
}

const NEW: &str = ".new";
const OLD: &str = ".old";
