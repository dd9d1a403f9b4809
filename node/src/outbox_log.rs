//! The outbox log: own changes that nobody has acknowledged, once more beside the database (trust
//! F4), so that a damaged database does not lose them.
//!
//! Each record is encrypted and authenticated by itself: a damaged one hides no other. It is
//! written after the commit, so that it never holds what a person was told is not saved. Processes
//! of one home take turns by a lock beside it, since the log itself may be replaced by another file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use onex_crdt::header::Header;
use onex_protocol::seal::Seal;

use crate::home;
use crate::sealing::Sealing;

/// Unacknowledged changes of one document, with the seals that vouch for them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Unsent {
    /// The document.
    #[n(0)]
    pub header: Header,
    /// The changes, each after those that it follows.
    #[n(1)]
    pub changes: Vec<ByteVec>,
    /// The live seals of the document.
    #[n(2)]
    pub seals: Vec<Seal>,
}

/// The file beside the database.
pub(crate) struct OutboxLog {
    folder: PathBuf,
    key: Sealing,
}

/// What a reading of the file gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The records that are whole, in the order in which they were written.
    pub records: Vec<Unsent>,
    /// Whether all of the file is.
    pub whole: bool,
}

impl OutboxLog {
    /// Names the file in a folder; nothing is touched.
    pub fn new(folder: &Path, store_key: &[u8; 32]) -> Self {
        Self { folder: folder.to_owned(), key: Sealing::derived(KEY_DOMAIN, store_key) }
    }

    /// Appends records; they are on the disk when this returns.
    pub fn append(&self, records: &[Unsent]) -> io::Result<()> {
        let _turn = self.turn()?;
        let is_new = !self.path().exists();
        let mut file = self.open()?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(&self.sealed(records))?;
        file.sync_data()?;
        if is_new { home::sync_folder(&self.folder) } else { Ok(()) }
    }

    /// Reads every record. What a power cut has torn at the end, or rot within, is left out.
    pub fn read(&self) -> io::Result<Found> {
        let _turn = self.turn()?;
        match fs::read(self.path()) {
            Ok(bytes) => Ok(self.records(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Found { whole: true, ..Found::default() })
            }
            Err(error) => Err(error),
        }
    }

    /// Puts records in the place of all that is there, which stays until they are on the disk.
    pub fn replace(&self, records: &[Unsent]) -> io::Result<()> {
        let _turn = self.turn()?;
        home::replace(&self.folder, FILE, &self.sealed(records))
    }

    /// Empties the file, if that is right while nobody can append: whoever writes commits first and
    /// appends then, so that what was asked here has seen his commit or comes before it.
    pub fn clear_if<E: From<io::Error>>(
        &self,
        right: impl FnOnce(&[Unsent]) -> Result<bool, E>,
    ) -> Result<(), E> {
        if fs::metadata(self.path()).map_or(0, |file| file.len()) == 0 {
            return Ok(());
        }
        let _turn = self.turn()?;
        let mut file = self.open()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if right(&self.records(&bytes).records)? {
            file.set_len(0)?;
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Waits until nobody else reads or writes, and keeps them out while it is held.
    fn turn(&self) -> io::Result<File> {
        let lock = home::lock_file(&self.folder.join(LOCK))?;
        lock.lock()?;
        Ok(lock)
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        options.open(self.path())
    }

    fn sealed(&self, records: &[Unsent]) -> Vec<u8> {
        records.iter().flat_map(|record| self.seal(record)).collect()
    }

    /// Length, nonce, ciphertext and tag of a record.
    fn seal(&self, record: &Unsent) -> Vec<u8> {
        let bytes = minicbor::to_vec(record).expect("encoding into memory does not fail");
        let sealed = self.key.wrap(KEY_DOMAIN, bytes);
        let length = u32::try_from(sealed.len()).expect("a document has its bound");
        [&length.to_le_bytes()[..], &sealed].concat()
    }

    fn records(&self, mut bytes: &[u8]) -> Found {
        let mut found = Found { whole: true, ..Found::default() };
        while !bytes.is_empty() {
            let Some((record, rest)) = split(bytes) else {
                found.whole = false;
                break;
            };
            match self.opened(record) {
                Some(record) => found.records.push(record),
                None => found.whole = false,
            }
            bytes = rest;
        }
        found
    }

    fn opened(&self, record: &[u8]) -> Option<Unsent> {
        minicbor::decode(&self.key.unwrap(KEY_DOMAIN, record)?).ok()
    }
}

/// The first record and what follows it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

const FILE: &str = "outbox.log";
const LOCK: &str = "outbox.lock";
const KEY_DOMAIN: &[u8] = b"onex/outbox/1";

#[cfg(test)]
mod tests {
    use super::*;
    use onex_crdt::header::PLAN;
    use onex_crdt::ids::{NetworkId, OrgId};

    const KEY: [u8; 32] = [7; 32];

    fn record(year: u16) -> Unsent {
        let header = PLAN.of(NetworkId([1; 16]), OrgId([2; 16]), year);
        Unsent { header, changes: vec![vec![9; 500].into()], seals: Vec::new() }
    }

    fn log(folder: &tempfile::TempDir) -> OutboxLog {
        OutboxLog::new(folder.path(), &KEY)
    }

    fn three(folder: &tempfile::TempDir) -> Vec<u8> {
        log(folder).append(&[record(2024), record(2025)]).expect("written");
        log(folder).append(&[record(2026)]).expect("written");
        std::fs::read(folder.path().join(FILE)).expect("it is there")
    }

    #[test]
    fn what_was_appended_is_read_by_who_has_the_key() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(log(&folder).read().expect("none"), Found { records: vec![], whole: true });
        let bytes = three(&folder);
        assert!(!bytes.windows(8).any(|window| window == [9; 8]), "it is encrypted");
        let found = log(&folder).read().expect("reads");
        let records = vec![record(2024), record(2025), record(2026)];
        assert_eq!(found, Found { records, whole: true });
        let other = OutboxLog::new(folder.path(), &[8; 32]).read().expect("reads");
        assert_eq!(other, Found { records: vec![], whole: false });
        log(&folder).replace(&[record(2026)]).expect("replaced");
        assert_eq!(log(&folder).read().expect("reads").records, [record(2026)]);
    }

    /// Whatever bit is flipped and wherever the file ends, the records before are whole, and after
    /// a flip within a record those behind it too.
    #[test]
    fn damage_hides_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = three(&folder);
        let each = bytes.len() / 3;
        let read = |bytes: &[u8]| log(&folder).records(bytes);
        for end in 0..bytes.len() {
            let found = read(&bytes[..end]);
            assert_eq!(found.records.len(), end / each, "cut at {end}");
            assert_eq!(found.whole, end % each == 0, "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            let found = read(&altered);
            let in_length = at % each < 4;
            assert!(!found.whole, "byte {at}");
            assert!(found.records.len() >= if in_length { at / each } else { 2 }, "byte {at}");
            assert!(found.records.len() <= 2, "byte {at}");
        }
    }

    /// Wherever a replacement breaks off, either all of the old log is under its name or all of the
    /// new one: the old file is not touched.
    #[test]
    fn what_is_replaced_stays_until_the_new_one_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let before = three(&folder);
        let old = folder.path().join("old");
        std::fs::hard_link(folder.path().join(FILE), &old).expect("a second name");
        // What a crash has left of writing the new one is in nobody's way.
        std::fs::write(folder.path().join("outbox.log.new"), b"half").expect("written");
        log(&folder).replace(&[record(2026)]).expect("replaced");
        assert!(std::fs::read(&old).expect("it is there") == before, "it was not touched");
        let records = vec![record(2026)];
        assert_eq!(log(&folder).read().expect("reads"), Found { records, whole: true });
        assert!(!folder.path().join("outbox.log.new").exists());
    }

    #[test]
    fn it_is_emptied_only_where_that_is_right() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log(&folder);
        log.append(&[record(2026)]).expect("written");
        log.clear_if(|records| Ok::<_, io::Error>(records.is_empty())).expect("asked");
        assert_eq!(log.read().expect("reads").records.len(), 1);
        log.clear_if(|records| Ok::<_, io::Error>(records == [record(2026)])).expect("asked");
        assert_eq!(log.read().expect("reads").records.len(), 0);
    }
}
