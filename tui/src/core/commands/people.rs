//! Devices and people: their entries of the action table.

use onex_crdt::records::membership::{
    DEVICE_ADOPT, DEVICE_CANCEL, DEVICE_INVITE, DEVICE_REMOVE, ROLE_GRANT, ROLE_REMOVE,
};

use super::{At, Command, Does, act, entry, keys, when};
use crate::core::model::{Model, Screen};
use crate::core::people::Entry;

/// What takes a marked device or invitation away.
pub const REMOVING: [&str; 2] = [DEVICE_REMOVE.id, DEVICE_CANCEL.id];

/// What can be done with devices and people.
pub static COMMANDS: &[Command] = &[
    keys(&["F9"], 6, entry("directory-people", "cmd-people", At::Directory, Does::People)),
    keys(&["F9"], 6, entry("page-people", "cmd-people", At::Organisation, Does::People)),
    when(
        |model| model.screen != Screen::Directory && model.welcome.is_none(),
        entry("go-people", "cmd-people", At::Page, Does::People),
    ),
    keys(&["Enter"], 1, when(opens, entry("people-open", "cmd-do", At::People, Does::Open))),
    keys(
        &["F6"],
        4,
        when(
            |model| model.may(&DEVICE_INVITE),
            entry("people-invite", "cmd-invite-own", At::People, Does::Invite),
        ),
    ),
    keys(
        &["F7"],
        5,
        act(&ROLE_GRANT, At::People, |model| on_device(model) && model.may(&ROLE_GRANT)),
    ),
    keys(
        &["F8"],
        6,
        act(&ROLE_REMOVE, At::People, |model| on_device(model) && model.may(&ROLE_REMOVE)),
    ),
    keys(
        &["Delete"],
        3,
        when(removes, entry("people-remove", "cmd-people-remove", At::People, Does::RemoveMarked)),
    ),
];

fn on_device(model: &Model) -> bool {
    matches!(model.people_entry(), Some(Entry::Device(device)) if device.active)
}

/// Whether Enter leads somewhere from the marked entry.
fn opens(model: &Model) -> bool {
    match model.people_entry() {
        Some(Entry::Asking(_)) => true,
        Some(Entry::Device(device)) => device.active && model.may(&ROLE_GRANT),
        Some(Entry::Held(held)) => held.adoptable && model.may(&DEVICE_ADOPT),
        Some(Entry::Invitation(_)) | None => false,
    }
}

fn removes(model: &Model) -> bool {
    match model.people_entry() {
        Some(Entry::Device(device)) => device.active && model.may(&DEVICE_REMOVE),
        Some(Entry::Invitation(_)) => model.may(&DEVICE_CANCEL),
        _ => false,
    }
}
