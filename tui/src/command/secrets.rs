//! How the keys of the node are opened and kept: keystore, passphrase, files; `onex passphrase`.
//!
//! A passphrase comes from the file that `ONEX_PASSPHRASE_FILE` names, else from a terminal. A
//! program without either goes on as long as no passphrase is needed.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use onex_node::clock::Clock;
use onex_node::home::{Guard, Home, Keeping, Keys, KeysError, Passphrase, has_keystore};
use onex_node::{Node, NodeError};
use serde_json::json;

use super::place::{home, keystore_is_wanted, passphrase_file};
use super::{Failure, Output};
use crate::core::lock::{Lock, keeping_sentence};
use crate::i18n::{Lang, tr};
use crate::run::prompt::{ask, can_ask};

/// What `onex passphrase` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Puts the keys under a passphrase.
    Set,
    /// Puts them under another one.
    Change,
    /// Keeps them without one: by the system's keystore, else in files.
    Remove,
    /// Keeps them by the system's keystore.
    Keystore,
}

/// Opens the node, asking for a passphrase where one is needed.
pub fn open(lang: Lang) -> Result<Node, Failure> {
    let folder = home();
    with_passphrase(lang, &folder, |passphrase| Node::unlock(&folder, passphrase, Clock::System))
}

/// How the keys of a new node are kept.
pub fn guard_of_new(lang: Lang) -> Result<Guard, Failure> {
    let folder = home();
    if Node::exists(&folder) {
        // It is refused without asking anybody anything.
        return Ok(Guard::File);
    }
    if is_locked(&folder) {
        let keys = Home::new(&folder);
        let mut guard = Guard::File;
        with_passphrase(lang, &folder, |passphrase| {
            guard = passphrase.map_or(Guard::File, |known| Guard::Passphrase(known.clone()));
            unlock(&keys, passphrase)
        })?;
        return Ok(guard);
    }
    match guard_unasked(lang)? {
        Some(guard) => Ok(guard),
        None if can_ask() => {
            let asked = ask(lang, &mut Lock::new_one());
            let asked = asked.map_err(|error| Failure::not_asked(lang, &error))?;
            Ok(asked.map_or(Guard::File, Guard::Passphrase))
        }
        None => Ok(Guard::File),
    }
}

/// How the keys of a new node are kept where nobody needs to be asked: under the passphrase of the
/// file that is named, else by the keystore; nothing where there is neither.
pub fn guard_unasked(lang: Lang) -> Result<Option<Guard>, Failure> {
    if let Some(passphrase) = from_file(lang)? {
        return Ok(Some(Guard::Passphrase(passphrase)));
    }
    Ok((keystore_is_wanted() && has_keystore()).then_some(Guard::Keystore))
}

/// Whether the keys in a folder are under a passphrase.
pub fn is_locked(folder: &Path) -> bool {
    Home::new(folder).keeping().ok().flatten() == Some(Keeping::Passphrase)
}

/// The passphrase of the file that the environment names, if it names one.
pub fn from_file(lang: Lang) -> Result<Option<Passphrase>, Failure> {
    passphrase_file().map(|path| read(lang, &path)).transpose()
}

fn read(lang: Lang, path: &Path) -> Result<Passphrase, Failure> {
    Passphrase::read(path).map_err(|error| Failure::bad_file(lang, path, &error))
}

/// Opens something with the passphrase of the file, or with one that is asked for, a few times.
pub fn with_passphrase<T>(
    lang: Lang,
    folder: &Path,
    mut open: impl FnMut(Option<&Passphrase>) -> Result<T, NodeError>,
) -> Result<T, Failure> {
    let failed = |error| Failure::of(lang, error);
    if !is_locked(folder) {
        return open(None).map_err(failed);
    }
    if let Some(passphrase) = from_file(lang)? {
        return open(Some(&passphrase)).map_err(failed);
    }
    if !can_ask() {
        return open(None).map_err(failed);
    }
    let mut lock = Lock::existing();
    for _ in 1..TRIES_MAX {
        let given = ask(lang, &mut lock).map_err(|error| Failure::not_asked(lang, &error))?;
        match open(given.as_ref()) {
            Err(NodeError::Keys(KeysError::WrongPassphrase)) => lock.refuse(Some("lock-wrong")),
            opened => return opened.map_err(failed),
        }
    }
    let given = ask(lang, &mut lock).map_err(|error| Failure::not_asked(lang, &error))?;
    open(given.as_ref()).map_err(failed)
}

fn unlock(home: &Home, passphrase: Option<&Passphrase>) -> Result<Keys, NodeError> {
    home.unlock(passphrase).map_err(|error| NodeError::keys(home, error))
}

/// Sets, changes or removes the passphrase; `new` is a file with the new one.
pub fn passphrase(lang: Lang, what: What, new: Option<PathBuf>) -> Result<Output, Failure> {
    let folder = home();
    let keys_home = Home::new(&folder);
    if !Node::exists(&folder) {
        let folder = folder.display().to_string();
        return Err(Failure::of(lang, NodeError::NoNode { folder }));
    }
    let locked = is_locked(&folder);
    match what {
        What::Set if locked => return Err(Failure::of_keys(lang, "has-passphrase")),
        What::Change if !locked => return Err(Failure::of_keys(lang, "no-passphrase")),
        What::Set | What::Change | What::Remove | What::Keystore => {}
    }
    let keys = with_passphrase(lang, &folder, |passphrase| unlock(&keys_home, passphrase))?;
    let guard = match what {
        What::Set | What::Change => Guard::Passphrase(new_passphrase(lang, what, new)?),
        What::Keystore => Guard::Keystore,
        What::Remove if keystore_is_wanted() && has_keystore() => Guard::Keystore,
        What::Remove => Guard::File,
    };
    let kept = keys_home.keep(&keys, &guard).map_err(|error| NodeError::keys(&keys_home, error));
    kept.map_err(|error| Failure::of(lang, error))?;
    let keeping = guard.keeping();
    Ok(Output::done(json!({ "keys": keeping.id() }), tr(lang, keeping_sentence(keeping), &[])))
}

/// The new passphrase: of the file that was given, when it is set also of the one that the
/// environment names, else asked for.
fn new_passphrase(lang: Lang, what: What, new: Option<PathBuf>) -> Result<Passphrase, Failure> {
    let named = if what == What::Set { passphrase_file() } else { None };
    if let Some(path) = new.or(named) {
        return read(lang, &path);
    }
    if !can_ask() {
        return Err(Failure::of_keys(lang, "nobody-to-ask"));
    }
    let asked = ask(lang, &mut Lock::new_one());
    let asked = asked.map_err(|error| Failure::not_asked(lang, &error))?;
    asked.ok_or_else(|| Failure::of_keys(lang, "nothing-typed"))
}

/// How often a passphrase may be wrong before a command gives up.
const TRIES_MAX: usize = 5;
