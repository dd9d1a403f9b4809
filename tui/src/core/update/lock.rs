//! The page on which a passphrase is typed: before the first screen, or while a node is made.

use crate::core::backend::BackendError;
use crate::core::load::Task;
use crate::core::lock::{Asks, Given, Lock};
use crate::core::model::{Model, Notice, Welcome};
use crate::core::update::open;

/// Takes what is typed.
pub fn enter(model: &mut Model) -> Vec<Task> {
    let Some(lock) = &mut model.lock else { return Vec::new() };
    let opens = lock.asks == Asks::Existing;
    let passphrase = match lock.enter() {
        Given::NotYet => return Vec::new(),
        Given::Passphrase(passphrase) if opens => return vec![Task::Unlock(passphrase)],
        Given::Passphrase(passphrase) => Some(passphrase),
        Given::None => None,
    };
    model.lock = None;
    model.wants_lock = false;
    if let Some(Welcome::Locked(Some(role))) = model.welcome {
        model.welcome = Some(Welcome::Role { selected: role });
        open::role_form(model, role);
    }
    vec![Task::Guard(passphrase)]
}

/// Asks how the keys of a new node are to be kept, after it was said what it is to be.
pub fn ask_new(model: &mut Model, role: usize) {
    model.lock = Some(Lock::new_one());
    model.welcome = Some(Welcome::Locked(Some(role)));
}

/// One step back: to what it is to be, or to an empty field.
pub fn back(model: &mut Model) {
    match model.welcome {
        Some(Welcome::Locked(Some(role))) => {
            model.lock = None;
            model.welcome = Some(Welcome::Role { selected: role });
        }
        _ => model.lock.iter_mut().for_each(Lock::clear),
    }
}

/// The keys were not opened.
pub fn refused(model: &mut Model, error: BackendError) {
    let Some(lock) = &mut model.lock else { return };
    match error {
        BackendError::Failed(id) if id == WRONG => lock.refuse(Some("lock-wrong")),
        BackendError::Failed(text) => {
            lock.refuse(None);
            model.notice = Some(Notice::Failed(text));
        }
        BackendError::Refused(refusal) => {
            lock.refuse(None);
            model.notice = Some(Notice::Refused(refusal));
        }
    }
}

/// What a node says when the passphrase is another one.
pub const WRONG: &str = "failure-wrong-passphrase";
