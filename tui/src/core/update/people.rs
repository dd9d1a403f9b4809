//! What happens on the page of devices and people.

use onex_crdt::ids::RecordId;
use onex_crdt::records::membership::{
    DEVICE_ADOPT, DEVICE_CANCEL, DEVICE_REMOVE, ROLE_GRANT, ROLE_REMOVE,
};
use onex_crdt::roles::PersonRole;

use crate::core::commands::Does;
use crate::core::form::FormState;
use crate::core::load::{Task, Want};
use crate::core::model::{Model, Screen};
use crate::core::people::{Entry, PeoplePage};
use crate::core::update::{go, open};

/// Opens the page, or takes away what is marked on it.
pub fn does(model: &mut Model, does: Does) -> Vec<Task> {
    if matches!(does, Does::RemoveMarked) { remove(model) } else { show(model) }
}

/// Opens the page.
fn show(model: &mut Model) -> Vec<Task> {
    let mut tasks =
        if model.screen == Screen::Directory { Vec::new() } else { go(model, Screen::Directory) };
    model.people_open = true;
    model.people_at = 0;
    tasks.push(model.ask(Want::People));
    tasks
}

/// Opens the page where what was kept apart stands.
pub fn show_held(model: &mut Model) -> Vec<Task> {
    let tasks = show(model);
    model.people_at = HELD;
    tasks
}

/// Opens the page where the own device stands.
pub fn show_own(model: &mut Model) -> Vec<Task> {
    let tasks = show(model);
    model.people_at = OWN;
    tasks
}

/// Stands for the first change that was kept apart, until the page is read.
const HELD: usize = usize::MAX;
/// Stands for the own device, until the page is read.
const OWN: usize = usize::MAX - 1;

/// Takes what was read.
pub fn take(model: &mut Model, page: PeoplePage) {
    let entries = page.entries();
    let last = entries.len().saturating_sub(1);
    let own = model.me().map(|me| me.device);
    let wanted = |entry: &Entry<'_>| match entry {
        Entry::Held(_) => model.people_at == HELD,
        Entry::Device(device) => model.people_at == OWN && Some(device.id) == own,
        Entry::Asking(_) | Entry::Invitation(_) => false,
    };
    if model.people_at >= OWN {
        model.people_at = entries.iter().position(wanted).unwrap_or(last);
    }
    model.people_at = model.people_at.min(last);
    model.people = Some(page);
}

/// Moves the mark.
pub fn step(model: &mut Model, by: isize) {
    let entries = model.people.as_ref().map_or(0, |page| page.entries().len());
    model.people_at = model.people_at.saturating_add_signed(by).min(entries.saturating_sub(1));
}

/// Does what the marked entry asks for.
pub fn enter(model: &mut Model) -> Vec<Task> {
    match model.people_entry() {
        Some(Entry::Asking(asking)) => {
            let asking = asking.clone();
            open::confirm(model, &asking);
            Vec::new()
        }
        Some(Entry::Device(_)) if model.may(&ROLE_GRANT) => open::act(model, &ROLE_GRANT),
        Some(Entry::Held(_)) => open::act(model, &DEVICE_ADOPT),
        _ => Vec::new(),
    }
}

/// Opens the form that removes the marked device, or makes the marked invitation useless.
fn remove(model: &mut Model) -> Vec<Task> {
    match model.people_entry() {
        Some(Entry::Device(_)) => open::act(model, &DEVICE_REMOVE),
        Some(Entry::Invitation(_)) => open::act(model, &DEVICE_CANCEL),
        _ => Vec::new(),
    }
}

/// Makes the form of an action about devices one about what is marked: nobody types an id.
pub fn dress(model: &Model, form: &mut FormState) {
    let (id, effect) = match (form.action.id, model.people_entry()) {
        ("role.grant" | "role.remove", marked) => return dress_role(model, marked, form),
        ("device.cancel", Some(Entry::Invitation(it))) => (it.id, "effect-device-cancel"),
        ("device.remove", Some(Entry::Device(it))) => (RecordId(it.id.0), "effect-device-remove"),
        ("device.adopt", Some(Entry::Held(it))) => (it.id, "effect-device-adopt"),
        _ => return,
    };
    form.mark("id", id.to_string());
    form.effect = Some(effect);
}

/// A role is given to whom is marked, on the page of an organisation to its first device.
fn dress_role(model: &Model, marked: Option<Entry<'_>>, form: &mut FormState) {
    let page = model.page.as_ref().filter(|_| model.page_open && !model.people_open);
    let device = match marked {
        Some(Entry::Device(device)) => device,
        _ => match page.and_then(|page| page.devices.first()) {
            Some(device) => device,
            None => return,
        },
    };
    form.mark("device", device.id.to_string());
    if let (Some((person, _)), Some(field)) = (device.persons.first(), form.field_mut("person")) {
        field.text.clone_from(person);
    }
    let org = model.me().filter(|me| me.org_id == device.org_id).map(|me| me.org_role);
    let takes_away = form.action.id == ROLE_REMOVE.id;
    if let Some(field) = form.field_mut("role") {
        let fits = |role: &PersonRole| match takes_away {
            true => device.persons.iter().any(|(_, roles)| roles.contains(role)),
            false => org.is_none_or(|org| role.fits(org)),
        };
        let others = PersonRole::ALL.iter().filter(|role| !fits(role));
        field.hidden = others.map(|role| role.id()).collect();
    }
    form.focused = form.fields.iter().position(|field| field.key == "role").unwrap_or(0);
}
