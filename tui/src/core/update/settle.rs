//! What keys do on the page of a record in conflict.

use onex_crdt::ids::RecordId;
use onex_crdt::record::RecordKind;

use crate::core::backend::Answered;
use crate::core::commands::Does;
use crate::core::input::{Edited, TextInput};
use crate::core::keys::Key;
use crate::core::load::{Task, Want};
use crate::core::model::{Model, Notice};
use crate::core::settle::{Settle, SettlePage, disputes};
use crate::core::update::answers::failed;
use crate::core::update::reload;
use crate::view::theme::Mark;

/// Opens the page of a record, with what was picked there before, at one of its fields.
pub fn open(
    model: &mut Model,
    kind: &'static RecordKind,
    record: RecordId,
    field: Option<&str>,
) -> Vec<Task> {
    let known = model.settles.iter().position(|known| known.record == record);
    let mut settle = match known {
        Some(at) => model.settles.remove(at),
        None => Settle::new(kind, record),
    };
    let at = settle.fields.iter().position(|known| Some(known.conflict.field.as_str()) == field);
    settle.at = at.unwrap_or(settle.at);
    settle.sending = false;
    model.settle = Some(settle);
    vec![model.ask(Want::Settle(kind.key, record))]
}

/// Leaves the value that is typed, else the page; what was picked stays for the next time.
fn leave(model: &mut Model) -> Vec<Task> {
    if let Some(settle) = &mut model.settle
        && settle.input.take().is_some()
    {
        return Vec::new();
    }
    put_aside(model);
    reload(model)
}

/// Closes the page and remembers what was picked in it.
pub fn put_aside(model: &mut Model) {
    let Some(mut settle) = model.settle.take() else { return };
    settle.input = None;
    if settle.picked() > 0 {
        model.notice = Some(Notice::Said(Mark::Working, "notice-settle-later"));
        model.settles.insert(0, settle);
        model.settles.truncate(SETTLES_MAX);
    }
}

/// Does what an entry of the table says of the page; nothing when it says nothing of it.
pub fn does(model: &mut Model, does: Does) -> Option<Vec<Task>> {
    let settle = model.settle.as_mut()?;
    match does {
        Does::Side(by) => settle.turn(by),
        Does::Pick => settle.pick(),
        Does::Whole if settle.whole => settle.whole = false,
        Does::Whole => {
            let (kind, id) = (settle.kind, settle.record);
            return Some(vec![Task::Reveal { kind, id }]);
        }
        Does::Choices => settle.type_other(),
        Does::Move(by) => step(model, by),
        Does::Open => enter(model),
        Does::Back => return Some(leave(model)),
        Does::Send => return Some(send(model)),
        Does::Beside(by) => return Some(beside(model, by)),
        _ => return None,
    }
    Some(Vec::new())
}

/// Shows personal data whole, now that it is written down who looks.
pub fn revealed(model: &mut Model, looked_at: RecordId) {
    if let Some(settle) = model.settle.as_mut().filter(|settle| settle.record == looked_at) {
        settle.whole = true;
    }
}

/// Marks another field, once what is typed in this one is a value of it.
fn step(model: &mut Model, by: isize) {
    let Some(settle) = &mut model.settle else { return };
    if settle.input.is_some() && !settle.take_other() {
        model.notice = Some(Notice::Said(Mark::Problem, "notice-settle-wrong"));
        return;
    }
    settle.step(by);
}

/// Offers a key to the value that is being typed.
pub fn typed(model: &mut Model, key: Key) -> Option<Vec<Task>> {
    let input = model.settle.as_mut()?.input.as_mut()?;
    (input.key(key) != Edited::NotMine).then(Vec::new)
}

/// Inserts pasted text into the value that is being typed.
pub fn paste(model: &mut Model, text: &str) {
    let input: Option<&mut TextInput> = model.settle.as_mut().and_then(|s| s.input.as_mut());
    if let Some(input) = input {
        input.paste(text);
    }
}

/// Enter: takes what was typed, else picks the marked value and goes on to the next field.
fn enter(model: &mut Model) {
    let Some(settle) = &mut model.settle else { return };
    if settle.input.is_none() {
        settle.pick();
        settle.step(1);
    } else if !settle.take_other() {
        model.notice = Some(Notice::Said(Mark::Problem, "notice-settle-wrong"));
    }
}

/// Carries the choices out.
fn send(model: &mut Model) -> Vec<Task> {
    let Some(settle) = &mut model.settle else { return Vec::new() };
    if settle.sending {
        return Vec::new();
    }
    if settle.input.is_some() && !settle.take_other() {
        model.notice = Some(Notice::Said(Mark::Problem, "notice-settle-wrong"));
        return Vec::new();
    }
    let choices = settle.choices();
    if choices.is_empty() {
        model.notice = Some(Notice::Said(Mark::Attention, "notice-settle-nothing"));
        return Vec::new();
    }
    settle.sending = true;
    vec![Task::Choose { choices }]
}

/// Opens the record in conflict before or after this one.
fn beside(model: &mut Model, by: isize) -> Vec<Task> {
    let all = disputes(&model.conflicts);
    let Some(record) = model.settle.as_ref().map(|settle| settle.record) else { return Vec::new() };
    let Some(at) = all.iter().position(|dispute| dispute.record == record) else {
        return Vec::new();
    };
    let to = at.saturating_add_signed(by).min(all.len() - 1);
    if to == at {
        return Vec::new();
    }
    put_aside(model);
    model.notice = None;
    open(model, all[to].kind, all[to].record, None)
}

/// Takes what was read of the record; when nothing is in conflict any more the page closes.
pub fn take(model: &mut Model, page: SettlePage) -> Vec<Task> {
    let Some(settle) = &mut model.settle else { return Vec::new() };
    let had = !settle.fields.is_empty();
    let picked = settle.picked();
    settle.take(page);
    if settle.fields.is_empty() {
        model.settle = None;
        if !had {
            model.notice = Some(Notice::Said(Mark::Good, "notice-settle-gone"));
        }
    } else if settle.picked() < picked && !settle.sending {
        model.notice = Some(Notice::Said(Mark::Attention, "notice-settle-newer"));
    }
    Vec::new()
}

/// Says how many choices were carried out; the next record in conflict follows.
pub fn chosen(model: &mut Model, answered: Answered<usize>) -> Vec<Task> {
    let count = match answered {
        Ok(count) => count,
        Err(error) => {
            if let Some(settle) = &mut model.settle {
                settle.sending = false;
            }
            failed(model, error);
            return reload(model);
        }
    };
    let done = model.settle.take();
    let next = done.as_ref().and_then(|done| {
        let mut others = disputes(&model.conflicts).into_iter();
        others.find(|dispute| dispute.record != done.record)
    });
    model.notice = Some(Notice::Of(Mark::Good, "notice-settled", count.to_string()));
    let open_still = done.filter(|done| done.picked() < done.fields.len());
    let mut tasks = match (open_still, next) {
        (Some(done), _) => open(model, done.kind, done.record, None),
        (None, Some(next)) => open(model, next.kind, next.record, None),
        (None, None) => Vec::new(),
    };
    tasks.extend(reload(model));
    tasks
}

/// Pages that were left with something picked, as far as they are remembered.
const SETTLES_MAX: usize = 50;
