//! Backups of a store, and their way back (trust F6, C3).
//!
//! A backup is a copy of the database under a key of its own, which it carries twice: under the
//! store's key, for the home that it comes from, and, where one is given, under a passphrase. The
//! device's key is never in it: a copy on another machine joins the network as a new device.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use onex_crdt::ids::{DeviceId, NetworkId, OrgId, hex_encode};
use onex_protocol::key::SigningKey;
use rusqlite::Connection;

use crate::clock::random;
use crate::engine::has_readers;
use crate::error::NodeError;
use crate::handle::Node;
use crate::home::{self, Guard, Home, Keys, KeysError, Passphrase, sync_folder};
use crate::presence::Alone;
use crate::repair::{Gathered, gather, longest, set_back};
use crate::sealing::Sealing;
use crate::space;
use crate::store::{self, Store, StoreError, check as raw, copy, membership, salvage, upgrade};

/// A backup that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// The file.
    pub file: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Whether a passphrase opens it; else only the home that it comes from does.
    pub has_passphrase: bool,
}

/// What became of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// The home is what it was then, with its own unsent work; the database before stays beside it.
    Home {
        /// When the backup was made, RFC 3339.
        made_at: String,
        /// The database before, if there was one.
        aside: Option<PathBuf>,
    },
    /// The data wait in a home without a device: it must join with an invitation.
    Waiting {
        /// When the backup was made, RFC 3339.
        made_at: String,
    },
}

/// The passphrases that a restore may need.
#[derive(Default)]
pub struct Unlocking<'a> {
    /// Of the home's own keys.
    pub home: Option<&'a Passphrase>,
    /// Of the backup.
    pub backup: Option<&'a Passphrase>,
}

/// What a backup says of itself, before the database.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct About {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    device: DeviceId,
    #[n(2)]
    made_at: String,
    /// The bytes of the database that follow.
    #[n(3)]
    bytes: u64,
}

/// The head of the file.
#[derive(Encode, Decode)]
struct Head {
    #[n(0)]
    about: About,
    /// The backup's key under the key of the store that it comes from.
    #[n(1)]
    own: ByteVec,
    /// The backup's key under a passphrase.
    #[n(2)]
    passphrase: Option<ByteVec>,
}

impl Node {
    /// Writes everything that is stored into one file, while the node works on.
    ///
    /// # Errors
    /// When the disk is full, or a file is there that is no backup.
    pub fn backup(
        &self,
        file: &Path,
        passphrase: Option<&Passphrase>,
    ) -> Result<BackedUp, NodeError> {
        let failed = |source| NodeError::folder(file, source);
        if file.exists() && read_head(file).is_err() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let (home, keys) = (&self.shared.home, &self.shared.keys);
        space::need_copy(&home.database()).map_err(StoreError::from)?;
        let aside = Temporary::beside(&home.database(), ASIDE);
        let key: [u8; 32] = random();
        {
            let store = Store::open(&home.database(), &keys.store)?;
            self.interruptible(store.read(), || copy::write(store.read(), &aside.0))?;
        }
        copy::rekey(&aside.0, &keys.store, &key)?;
        {
            let copied = raw::open(&aside.0, &key)?;
            self.interruptible(&copied, || copy::verified(&copied))?;
        }
        let (network, device) = self.standing()?;
        let bytes = fs::metadata(&aside.0).map_err(StoreError::from)?.len();
        let made_at = self.clock().now().to_string();
        let about = About { network, device, made_at, bytes };
        let sealed = passphrase.map(|passphrase| home::seal_key(&key, passphrase)).transpose();
        let sealed = sealed.map_err(|error| NodeError::keys(home, error))?;
        let own = wrap(&keys.store, &key, &about).into();
        let head = Head { about, own, passphrase: sealed.map(ByteVec::from) };
        let new = Temporary::beside(file, NEW);
        put_together(&new.0, &head, &aside.0).map_err(failed)?;
        read_back(&new.0, &head, (&keys.store, &key, passphrase), &aside.0)?;
        let bytes = fs::metadata(&new.0).map_err(failed)?.len();
        fs::rename(&new.0, file).map_err(failed)?;
        let folder = file.parent().filter(|folder| folder.is_dir());
        sync_folder(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        Ok(BackedUp { file: file.to_owned(), bytes, has_passphrase: passphrase.is_some() })
    }

    /// Writes the backup of the day, unless it is there, and forgets the oldest ones.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn backup_daily(&self) -> Result<Option<BackedUp>, NodeError> {
        let folder = daily(&self.shared.home);
        let failed = |source| NodeError::folder(&folder, source);
        fs::create_dir_all(&folder).map_err(failed)?;
        let file = folder.join(format!("{}{ENDING}", self.clock().now().date()));
        if file.exists() {
            return Ok(None);
        }
        let written = self.backup(&file, None)?;
        let mut others = backups(&folder).map_err(failed)?;
        others.retain(|other| *other != file);
        let many = others.len().saturating_sub(DAILY_KEPT - 1);
        // Another process of this home may do the same.
        others.iter().take(many).try_for_each(|other| home::remove(other)).map_err(failed)?;
        Ok(Some(written))
    }

    fn standing(&self) -> Result<(NetworkId, DeviceId), NodeError> {
        let writer = self.writer()?;
        Ok((writer.membership.network(), writer.engine.key().device()))
    }
}

/// The day of the newest daily backup of a home, as its file is named.
pub(crate) fn newest_day(home: &Home) -> Option<String> {
    let newest = backups(&daily(home)).ok()?.pop()?;
    newest.file_stem().map(|stem| stem.to_string_lossy().into_owned())
}

/// Puts what a backup holds into a home, which nobody may have open: into the one that it comes
/// from, or into one without a node. Safe at any time, with any backup: own work that nobody has
/// acknowledged and what only this home holds is carried on, the rest comes from peers.
///
/// # Errors
/// When the file is no backup or does not open, or another node lives in the folder.
pub fn restore(
    folder: &Path,
    file: &Path,
    unlocking: &Unlocking<'_>,
    guard: &Guard,
) -> Result<Restored, NodeError> {
    let home = Home::new(folder);
    let head = read_head(file)?;
    let kept = home.keeping().map_err(|error| NodeError::keys(&home, error))?;
    let opened = match kept {
        Some(_) => home.unlock(unlocking.home),
        None => home.make(guard),
    };
    let keys = opened.map_err(|error| NodeError::keys(&home, error))?;
    let alone = Alone::new(&home).map_err(|source| NodeError::folder(folder, source))?;
    let _alone = alone.ok_or(NodeError::InUse)?;
    let own = SigningKey::from_seed(&keys.device).device() == head.about.device;
    if !own && home.database().exists() {
        return Err(NodeError::Backup(BackupError::OtherDevice));
    }
    let new = match own {
        true => copy::beside(&home.database(), ".new"),
        false => waiting(&home),
    };
    take_out(file, &head, &new, &keys, unlocking)?;
    let made_at = head.about.made_at;
    if !own {
        forget_place(&new, &keys, head.about.device)?;
        return Ok(Restored::Waiting { made_at });
    }
    carry_on(&home, &keys, &new)?;
    let aside = copy::free_name(&home.database(), "before-restore");
    copy::swap(&new, &home.database(), &aside).map_err(StoreError::from)?;
    Ok(Restored::Home { made_at, aside: aside.exists().then_some(aside) })
}

/// Puts data that wait for an enrolment where the node has its own, if they are of this network and
/// of the organisation that lets the device in: they hold what nobody else may read.
pub(crate) fn adopt(
    home: &Home,
    keys: &Keys,
    network: NetworkId,
    org: OrgId,
) -> Result<(), StoreError> {
    let waiting = waiting(home);
    if home.database().exists() || !waiting.exists() {
        return Ok(());
    }
    upgrade::bring_up(&waiting, &keys.store)?;
    let membership = copy::verify(&waiting, &keys.store)?;
    let of = store::meta(&raw::open(&waiting, &keys.store)?, OF_ORG)?;
    if membership.network() != network || of.as_deref() != Some(org.as_bytes()) {
        tracing::warn!("what was restored is of another organisation, and stays apart");
        return Ok(());
    }
    fs::rename(waiting, home.database())?;
    sync_folder(home.folder()).map_err(StoreError::from)
}

/// A backup that is open for reading; its file is forgotten with it.
pub(crate) struct Opened {
    pub connection: Connection,
    _file: Temporary,
}

/// A file that is gone when nobody needs it any more, or has another name then.
struct Temporary(PathBuf);

impl Temporary {
    /// One that nobody else has, in the folder of a file.
    fn beside(path: &Path, why: &str) -> Self {
        Self(copy::beside(path, &format!("{why}{}", hex_encode(&random::<8>()))))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays is taken away by whoever has the home to himself next.
        let _ = copy::remove(&self.0);
    }
}

/// The newest daily backup that opens.
pub(crate) fn newest(home: &Home, keys: &Keys) -> Option<Opened> {
    let files = backups(&daily(home)).ok()?;
    files.iter().rev().find_map(|file| {
        let head = read_head(file).ok()?;
        let aside = Temporary::beside(&home.database(), ASIDE);
        take_out(file, &head, &aside.0, keys, &Unlocking::default()).ok()?;
        let connection = raw::open(&aside.0, &keys.store).ok()?;
        Some(Opened { connection, _file: aside })
    })
}

/// Writes the database of a backup into a file under the store's key, up to date and verified.
fn take_out(
    file: &Path,
    head: &Head,
    to: &Path,
    keys: &Keys,
    unlocking: &Unlocking<'_>,
) -> Result<(), NodeError> {
    let key = match unwrap(&keys.store, &head.own, &head.about) {
        Some(key) => key,
        None => {
            let sealed = head.passphrase.as_ref().ok_or(BackupError::OtherHome)?;
            let passphrase = unlocking.backup.ok_or(BackupError::NeedsPassphrase)?;
            home::open_key(sealed, passphrase).map_err(BackupError::Keys)?
        }
    };
    copy::remove(to).map_err(StoreError::from)?;
    let mut from = File::open(file).map_err(|source| NodeError::folder(file, source))?;
    let begin = read_to_database(&mut from).map(|_| ());
    begin.map_err(|_| BackupError::NoBackup)?;
    home::write_secret(to, &[]).map_err(StoreError::from)?;
    let mut out = File::options().write(true).open(to).map_err(StoreError::from)?;
    let copied = io::copy(&mut from.take(head.about.bytes), &mut out).map_err(StoreError::from)?;
    if copied != head.about.bytes {
        return Err(BackupError::Damaged.into());
    }
    out.sync_all().map_err(StoreError::from)?;
    drop(out);
    let damaged = |_| NodeError::from(BackupError::Damaged);
    let membership = copy::verify(to, &key).map_err(damaged)?;
    if membership.network() != head.about.network {
        return Err(BackupError::Damaged.into());
    }
    copy::rekey(to, &key, &keys.store)?;
    upgrade::bring_up(to, &keys.store)?;
    Ok(())
}

/// What a copy on another machine must not go on with; notes of which organisation it is.
fn forget_place(path: &Path, keys: &Keys, from: DeviceId) -> Result<(), StoreError> {
    let mut store = Store::open(path, &keys.store)?;
    let transaction = store.write()?;
    let membership = membership::load(&transaction)?;
    let of = membership.as_ref().and_then(|membership| membership.device(from));
    let of = of.ok_or(StoreError::Damaged { what: "membership log" })?;
    store::set_meta(&transaction, OF_ORG, of.org.as_bytes())?;
    set_back(&transaction)?;
    store::set_restored(&transaction, true)?;
    store::forget_meta(&transaction, crate::members::LISTEN)?;
    transaction.commit()?;
    store.close()
}

/// Carries into a restored database what only the database before it holds: the newest membership
/// log, forms that were begun, files, unacknowledged work, and documents that nobody else may read.
fn carry_on(home: &Home, keys: &Keys, new: &Path) -> Result<(), StoreError> {
    let mut store = Store::open(new, &keys.store)?;
    let transaction = store.write()?;
    let mut is_behind = true;
    if home.database().exists()
        && let Ok(before) = raw::open(&home.database(), &keys.store)
    {
        let log = longest(&before);
        is_behind = raw::entries(&before).map_or(true, |all| all.len() > log.len());
        for entry in log {
            // Another log than the backup's begins elsewhere: it is of no use here.
            if membership::put(&transaction, &entry).is_err() {
                is_behind = true;
                break;
            }
        }
        salvage::carry_table(&before, &transaction, "draft")?;
        salvage::carry_table(&before, &transaction, "blob")?;
        salvage::carry_table(&before, &transaction, "audit")?;
        salvage::carry_table(&before, &transaction, "outbox")?;
        salvage::carry_table(&before, &transaction, "quarantine")?;
        for statement in membership::proposals(&before).unwrap_or_default() {
            membership::propose(&transaction, &statement)?;
        }
        let unsent = salvage::outbox_documents(&before);
        let membership = membership::load(&transaction)?;
        for id in salvage::document_ids(&before) {
            let Some(found) = gather(&before, id) else { continue };
            let alone = membership
                .as_ref()
                .is_some_and(|membership| !has_readers(membership, found.document.header()));
            if alone || unsent.contains(&id) {
                let both = match gather(&transaction, id) {
                    Some(saved) => saved.joined(found),
                    None => found,
                };
                let Gathered { document, seals, .. } = both;
                salvage::put_document(&transaction, &document, &seals)?;
            }
        }
        salvage::prune(&transaction)?;
    }
    set_back(&transaction)?;
    store::set_restored(&transaction, is_behind)?;
    store::forget_projection(&transaction)?;
    transaction.commit()?;
    store.close()?;
    copy::verify(new, &keys.store).map(|_| ())
}

/// Writes head and database into a file.
fn put_together(file: &Path, head: &Head, database: &Path) -> io::Result<()> {
    let bytes = minicbor::to_vec(head).expect("encoding into memory does not fail");
    let length = u32::try_from(bytes.len()).expect("a head is short");
    home::write_new_secret(file, &[])?;
    let mut out = File::options().write(true).open(file)?;
    out.write_all(MAGIC)?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&bytes)?;
    io::copy(&mut File::open(database)?, &mut out)?;
    out.sync_all()
}

/// Reads a backup that was written: its keys open it, and it has the database that was verified.
fn read_back(
    file: &Path,
    head: &Head,
    (own, key, passphrase): (&[u8; 32], &[u8; 32], Option<&Passphrase>),
    database: &Path,
) -> Result<(), NodeError> {
    let failed = |source| NodeError::folder(file, source);
    let mut written = File::open(file).map_err(failed)?;
    let read = read_to_database(&mut written).map_err(|_| BackupError::Damaged)?;
    let by_passphrase = read.passphrase.as_ref().zip(passphrase);
    let by_passphrase = by_passphrase.map(|(sealed, passphrase)| {
        home::open_key(sealed, passphrase).is_ok_and(|opened| opened == *key)
    });
    let opens = unwrap(own, &read.own, &read.about) == Some(*key)
        && by_passphrase.unwrap_or(head.passphrase.is_none());
    let verified = File::open(database).map_err(StoreError::from)?;
    match opens && same(written, verified).map_err(failed)? {
        true => Ok(()),
        false => Err(BackupError::Damaged.into()),
    }
}

/// Whether two files go on in the same way.
fn same(one: File, other: File) -> io::Result<bool> {
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    loop {
        let (read, expected) = (one.fill_buf()?, other.fill_buf()?);
        let both = read.len().min(expected.len());
        if both == 0 || read[..both] != expected[..both] {
            return Ok(read.is_empty() && expected.is_empty());
        }
        one.consume(both);
        other.consume(both);
    }
}

/// Forgets what backups have left that were cut off. Nobody else has the home open.
pub(crate) fn tidy(home: &Home) -> io::Result<()> {
    let of_copies = (home.folder().to_owned(), home.database());
    let of_days = (daily(home), PathBuf::from(ENDING));
    for (folder, name) in [of_copies, of_days] {
        let name = name.file_name().unwrap_or(name.as_os_str()).to_string_lossy().into_owned();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let found = entry.file_name().to_string_lossy().into_owned();
            if [ASIDE, NEW].iter().any(|why| found.contains(&format!("{name}{why}"))) {
                home::remove(&entry.path())?;
            }
        }
    }
    Ok(())
}

fn read_head(file: &Path) -> Result<Head, NodeError> {
    let mut file = File::open(file).map_err(|source| NodeError::folder(file, source))?;
    read_to_database(&mut file).map_err(|_| BackupError::NoBackup.into())
}

/// Reads the head; the database comes next.
fn read_to_database(file: &mut File) -> io::Result<Head> {
    let no_backup = || io::Error::from(io::ErrorKind::InvalidData);
    let mut begin = [0; MAGIC.len() + 4];
    file.read_exact(&mut begin)?;
    let (magic, length) = begin.split_at(MAGIC.len());
    let length = u32::from_be_bytes(length.try_into().map_err(|_| no_backup())?);
    if magic != MAGIC || length > HEAD_BYTES_MAX {
        return Err(no_backup());
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes)?;
    minicbor::decode(&bytes).map_err(|_| no_backup())
}

fn daily(home: &Home) -> PathBuf {
    home.folder().join("backups")
}

/// The backups in a folder, the oldest first: they are named by their days.
fn backups(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(ENDING) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Where data wait until their home has been let into the network again.
fn waiting(home: &Home) -> PathBuf {
    copy::beside(&home.database(), ".restored")
}

fn encoded(about: &About) -> Vec<u8> {
    minicbor::to_vec(about).expect("encoding into memory does not fail")
}

/// A key under another key, for one backup.
fn wrap(under: &[u8; 32], key: &[u8; 32], about: &About) -> Vec<u8> {
    Sealing::derived(KEY_DOMAIN, under).wrap(&encoded(about), key.to_vec())
}

fn unwrap(under: &[u8; 32], wrapped: &[u8], about: &About) -> Option<[u8; 32]> {
    Sealing::derived(KEY_DOMAIN, under).unwrap(&encoded(about), wrapped)?.try_into().ok()
}

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is none.
    #[error("the file is no backup")]
    NoBackup,
    /// The file is cut off or altered.
    #[error("the backup is damaged")]
    Damaged,
    /// It has no passphrase and comes from another home.
    #[error("the backup has no passphrase and comes from another home")]
    OtherHome,
    /// Its passphrase was not given.
    #[error("the backup is under a passphrase")]
    NeedsPassphrase,
    /// The passphrase does not open it.
    #[error("the backup does not open")]
    Keys(#[source] KeysError),
    /// A node of another device lives in the folder.
    #[error("a node of another device lives in the folder")]
    OtherDevice,
}

/// What the file begins with; its number is the version of the layout.
const MAGIC: &[u8] = b"onex/backup/1\n";
const KEY_DOMAIN: &[u8] = b"onex/backup/1";
/// The key of the organisation whose data wait for an enrolment, in the table of odds and ends.
const OF_ORG: &str = "restored_of";
const ENDING: &str = ".onexbak";
/// How the names go on of a copy of the database, and of a file that is not whole yet.
const ASIDE: &str = ".backup-";
const NEW: &str = ".new-";
/// A longer head was not written by this program.
const HEAD_BYTES_MAX: u32 = 64 * 1024;
/// Daily backups that are kept (trust F6).
const DAILY_KEPT: usize = 14;

#[cfg(test)]
mod tests;
