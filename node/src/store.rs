//! The store: everything a node holds, in one encrypted SQLite database.
//!
//! All SQL of the project stands in this folder and in `node/migrations`. What a change means is
//! not decided here.

pub mod audit;
pub mod changes;
pub mod check;
pub mod copy;
pub mod documents;
pub mod draft;
pub mod enrolment;
pub mod files;
pub mod lists;
pub mod log;
pub mod membership;
pub mod outbox;
pub mod peers;
pub mod projection;
pub mod quarantine;
pub mod query;
pub mod salvage;
pub mod steps;
pub mod sync;
pub mod upgrade;
pub mod view;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use onex_crdt::document::DocumentError;
use onex_crdt::registry;

/// The bytes of the key that encrypts the database.
pub const KEY_BYTES: usize = 32;
/// How long a statement waits for another process of the same home.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// Prepared statements that stay: more than there are different ones in one long transaction.
const STATEMENTS_KEPT: usize = 512;

/// One connection to a node's database.
pub struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the database, or makes it when there is none. The projection is built anew where its
    /// tables have changed.
    ///
    /// # Errors
    /// When the file cannot be opened with this key, or is of another version: `upgrade` brings an
    /// older one up to date.
    pub fn open(path: &Path, key: &[u8; KEY_BYTES]) -> Result<Self, StoreError> {
        let store = Self::connect(path, key)?;
        match store.version()? {
            0 => store.migrated(),
            version if version < MIGRATIONS.len() as i64 => Err(StoreError::OlderProgram),
            _ => store.migrated(),
        }
    }

    /// Opens a copy and migrates it where it is.
    pub(crate) fn open_to_migrate(path: &Path, key: &[u8; KEY_BYTES]) -> Result<Self, StoreError> {
        Self::connect(path, key)?.migrated()
    }

    /// Closes the database; whatever was written is in its file then, unless somebody else has it
    /// open.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().map_err(|(_, error)| error)?)
    }

    fn connect(path: &Path, key: &[u8; KEY_BYTES]) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        set_key(&connection, key)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        for (pragma, value) in PRAGMAS {
            connection.pragma_update(None, pragma, value)?;
        }
        let store = Self { connection };
        store.assert_durable()?;
        Ok(store)
    }

    fn migrated(mut self) -> Result<Self, StoreError> {
        self.migrate()?;
        Ok(self)
    }

    fn version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    /// Begins a transaction that writes; nobody else writes until it ends.
    pub fn write(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// The connection, for reading.
    pub fn read(&self) -> &Connection {
        &self.connection
    }

    /// A number that moves whenever another connection has written.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// Ends what opening did for a projection that was built anew.
    pub fn settle(&self) -> Result<(), StoreError> {
        for (pragma, value) in PRAGMAS {
            if REBUILDING.iter().any(|(other, _)| other == pragma) {
                self.connection.pragma_update(None, pragma, value)?;
            }
        }
        Ok(())
    }

    /// The pragmas that durability rests on are what they were set to (trust F1).
    fn assert_durable(&self) -> Result<(), StoreError> {
        let mode: String =
            self.connection.pragma_query_value(None, "journal_mode", |r| r.get(0))?;
        let level: i64 = self.connection.pragma_query_value(None, "synchronous", |r| r.get(0))?;
        if mode.eq_ignore_ascii_case("wal") && level == SYNCHRONOUS_FULL {
            Ok(())
        } else {
            Err(StoreError::NotDurable)
        }
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let transaction = self.write()?;
        let version: i64 = transaction.pragma_query_value(None, "user_version", |r| r.get(0))?;
        let newest = MIGRATIONS.len() as i64;
        if version > newest {
            return Err(StoreError::NewerProgram);
        }
        for (number, sql) in MIGRATIONS.iter().enumerate().skip(version as usize) {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", number as i64 + 1)?;
        }
        if version < AUDIT_CHAINED {
            audit::chain(&transaction)?;
        }
        if version < LOG_CHAINED {
            log::chain(&transaction)?;
        }
        let shape = projection::shape(registry::KINDS);
        if meta(&transaction, PROJECTION_SHAPE)?.as_deref() != Some(shape.as_slice()) {
            for (pragma, value) in REBUILDING {
                transaction.pragma_update(None, pragma, value)?;
            }
            projection::make_tables(&transaction, registry::KINDS)?;
            documents::reproject(&transaction)?;
            set_meta(&transaction, PROJECTION_SHAPE, &shape)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Takes a value out of the table of odds and ends.
pub(crate) fn forget_meta(connection: &Connection, key: &str) -> Result<(), StoreError> {
    connection.execute("delete from meta where key = ?", [key])?;
    Ok(())
}

/// Has the projection made anew when the store is opened next.
pub(crate) fn forget_projection(connection: &Connection) -> Result<(), StoreError> {
    forget_meta(connection, PROJECTION_SHAPE)
}

/// Whether the newest entries of the membership log may be missing here, and with them numbers that
/// this device has given: the store came out of a backup or out of a damaged file.
pub fn is_restored(connection: &Connection) -> Result<bool, StoreError> {
    Ok(meta(connection, RESTORED)?.is_some())
}

/// Notes that a store was restored, or that it has heard from those who know.
pub(crate) fn set_restored(connection: &Connection, restored: bool) -> Result<(), StoreError> {
    if restored {
        return set_meta(connection, RESTORED, b"1");
    }
    forget_meta(connection, RESTORED)
}

const RESTORED: &str = "restored";

/// Tells SQLCipher the key of a database, before anything is read of it.
fn set_key(connection: &Connection, key: &[u8; KEY_BYTES]) -> Result<(), StoreError> {
    // What is wrong with a page is an error here, and is told by whoever meets it.
    connection.pragma_update(None, "cipher_log_level", "none")?;
    let hex = onex_crdt::ids::hex_encode(key);
    Ok(connection.pragma_update(None, "key", format!("x'{hex}'"))?)
}

/// Returns a value of the table of odds and ends.
pub fn meta(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("select value from meta where key = ?")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// Puts a value into the table of odds and ends.
pub fn set_meta(connection: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    connection.execute(
        "insert into meta (key, value) values (?, ?) on conflict do update set value = excluded.value",
        params![key, value],
    )?;
    Ok(())
}

const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_store.sql"),
    include_str!("../migrations/0002_training.sql"),
    include_str!("../migrations/0003_draft.sql"),
    include_str!("../migrations/0004_audit_chain.sql"),
    include_str!("../migrations/0005_apart.sql"),
    include_str!("../migrations/0006_log_mark.sql"),
    include_str!("../migrations/0007_withheld.sql"),
];
/// The version from which on the audit log is chained.
const AUDIT_CHAINED: i64 = 4;
/// The version from which on the marks of the local log are chained.
const LOG_CHAINED: i64 = 6;
const PROJECTION_SHAPE: &str = "projection_shape";
const SYNCHRONOUS_FULL: i64 = 2;
/// Trust F1; the temporary store stays in memory, so that nothing personal lies in a loose file.
const PRAGMAS: &[(&str, &str)] = &[
    ("journal_mode", "wal"),
    ("synchronous", "full"),
    ("foreign_keys", "on"),
    ("cell_size_check", "on"),
    ("trusted_schema", "off"),
    ("temp_store", "memory"),
    ("secure_delete", "on"),
    ("journal_size_limit", "16777216"),
    // In KiB: a page that is not kept is decrypted and authenticated again each time it is read.
    ("cache_size", "-65536"),
];

/// While the projection is built anew: its sources are read in the order of ids, which is none,
/// and the pages of the old tables are written over at once.
const REBUILDING: &[(&str, &str)] = &[("cache_size", "-262144"), ("secure_delete", "fast")];

/// Why the store failed; the node stops, since going on would lie to its peers.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("the database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The database would not keep what was acknowledged.
    #[error("the database does not run in write-ahead mode with full synchronisation")]
    NotDurable,
    /// The database was written by a newer program.
    #[error("the store was written by a newer version of this program")]
    NewerProgram,
    /// The database was written by an older program, which may have it open still.
    #[error("the store was written by an older version of this program, which may be running")]
    OlderProgram,
    /// A file beside the database cannot be used.
    #[error("a file of the store cannot be used")]
    Io(#[from] std::io::Error),
    /// The disk failed before; nothing more is written until the program is started again.
    #[error("the disk failed before, and nothing is written any more")]
    Stopped,
    /// A stored document does not read.
    #[error("a stored document is damaged")]
    Document(#[from] DocumentError),
    /// A stored value does not decode.
    #[error("a stored {what} is damaged")]
    Damaged {
        /// What it was meant to be.
        what: &'static str,
    },
}

impl StoreError {
    /// Whether the disk failed, or what it gave is damaged. What was written last may be there or
    /// not: nobody may try again, and nothing more may be said to be saved (trust F3).
    pub fn is_fatal(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure};
        match self {
            Self::Sqlite(error) => error.sqlite_error_code().is_some_and(|code| {
                [DatabaseCorrupt, NotADatabase, SystemIoFailure].contains(&code)
            }),
            Self::Stopped => true,
            _ => false,
        }
    }

    /// Whether the disk is full: nothing was written, and everything is as it was.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::Io(error) => error.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

impl From<rusqlite::types::FromSqlError> for StoreError {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Sqlite(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];

    /// A database as the program of an older version left it.
    fn of_version(path: &Path, version: usize) {
        let connection = Connection::open(path).expect("a file");
        let hex = onex_crdt::ids::hex_encode(&KEY);
        connection.pragma_update(None, "key", format!("x'{hex}'")).expect("a key");
        for sql in &MIGRATIONS[..version] {
            connection.execute_batch(sql).expect("it was merged");
        }
        connection.pragma_update(None, "user_version", version as i64).expect("a version");
    }

    #[test]
    fn a_database_of_every_version_opens() {
        for version in 0..=MIGRATIONS.len() {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("store.db");
            of_version(&path, version);
            let is_old = (1..MIGRATIONS.len()).contains(&version);
            let opened = Store::open(&path, &KEY);
            assert_eq!(matches!(opened, Err(StoreError::OlderProgram)), is_old, "{version}");
            drop(opened);
            upgrade::bring_up(&path, &KEY).expect("a copy is migrated");
            assert_eq!(copy::beside(&path, ".old").exists(), is_old, "the old file stays");
            let store = Store::open(&path, &KEY).expect("it is brought up to date");
            let drafts = draft::all(store.read(), "王芳").expect("there are drafts in it");
            assert_eq!(drafts, [], "of version {version}");
            drop(store);
            Store::open(&path, &KEY).expect("a second time there is nothing to do");
        }
    }
}
