//! What keys do to a list: ticks, chips, and the sheets that order and filter it.

use std::collections::BTreeSet;

use onex_crdt::roles::OrgRole;
use onex_crdt::value::Value;

use crate::core::input::{Edited, TextInput};
use crate::core::keys::Key;
use crate::core::list::{ListState, Order, QUEUE, Ticks};
use crate::core::load::{Task, Want};
use crate::core::menu::Menu;
use crate::core::model::{Model, Overlay, Screen};
use crate::core::sheet::Sheet;
use crate::core::update::{FIND_CHARS_MAX, find_begin, list_ask};
use crate::view::words;

/// Opens the sheet that orders the list.
pub fn sort(model: &mut Model) {
    let Some(list) = model.list() else { return };
    let at = |order: &Order| list.spec.sorts.iter().position(|key| *key == order.key);
    let selected = list.order.as_ref().and_then(at).map_or(0, |at| at + 1);
    let descending = list.order.is_some_and(|order| order.descending);
    model.overlay = Some(Overlay::Sheet(Sheet::Sort { selected, descending, letter: None }));
}

/// Opens the sheet that filters the list.
pub fn filter(model: &mut Model) {
    if model.list().is_some() {
        model.overlay = Some(Overlay::Sheet(Sheet::Fields { selected: 0, letter: None }));
    }
}

/// Returns the keys that the list can be filtered by; `QUEUE` where lines wait for the hub.
pub fn filters(model: &Model) -> Vec<&'static str> {
    let Some(list) = model.list() else { return Vec::new() };
    let waits = model.screen == Screen::Lines && model.role() == Some(OrgRole::Hub);
    let queue = waits.then_some(QUEUE);
    queue.into_iter().chain(list.spec.filters.iter().copied()).collect()
}

/// One value of a field with the number of its rows and its words.
pub type Facet = (Value, usize, String);

/// Returns the values that fit what is typed in the sheet; nothing while they are read.
pub fn facets(model: &Model) -> Option<Vec<Facet>> {
    let Some(Overlay::Sheet(Sheet::Values { key, query, found, .. })) = &model.overlay else {
        return None;
    };
    let field = model.list()?.spec.kind.field(key)?;
    let worded = found.as_ref()?.iter().map(|(value, count)| {
        let words = words::value(model, field, value);
        (value.clone(), *count, words)
    });
    let worded: Vec<Facet> = worded.collect();
    let fitting = Menu::new(worded.iter().map(|(.., words)| words.as_str())).find(query.value());
    Some(fitting.into_iter().map(|hit| worded[hit.entry].clone()).collect())
}

/// How many entries the open sheet has.
fn entries(model: &Model) -> usize {
    match &model.overlay {
        Some(Overlay::Sheet(Sheet::Sort { .. })) => {
            model.list().map_or(0, |list| list.spec.sorts.len() + 1)
        }
        Some(Overlay::Sheet(Sheet::Fields { .. })) => filters(model).len(),
        Some(Overlay::Sheet(Sheet::Values { .. })) => facets(model).map_or(0, |all| all.len()),
        _ => 0,
    }
}

/// Moves the mark in the open sheet.
pub fn step(model: &mut Model, by: isize) {
    let last = entries(model).saturating_sub(1);
    if let Some(Overlay::Sheet(
        Sheet::Sort { selected, .. }
        | Sheet::Fields { selected, .. }
        | Sheet::Values { selected, .. },
    )) = &mut model.overlay
    {
        *selected = selected.saturating_add_signed(by).min(last);
    }
}

/// Turns the order of the sheet round.
pub fn turn(model: &mut Model) {
    if let Some(Overlay::Sheet(Sheet::Sort { descending, .. })) = &mut model.overlay {
        *descending = !*descending;
    }
}

/// Offers a key to the sheet: values are searched, and a letter after the one that opened the
/// sheet shows that a name is being typed.
pub fn typed(model: &mut Model, key: Key) -> Option<Vec<Task>> {
    let Some(Overlay::Sheet(sheet)) = &mut model.overlay else { return None };
    let opened_by = match sheet {
        Sheet::Values { query, selected, .. } => {
            let edited = query.key(key);
            if edited == Edited::Text {
                *selected = 0;
            }
            return (edited != Edited::NotMine).then(Vec::new);
        }
        Sheet::Sort { letter, .. } | Sheet::Fields { letter, .. } => (*letter)?,
    };
    key.text().filter(|text| text.is_alphabetic())?;
    model.overlay = None;
    find_begin(model, opened_by);
    Some(find_begin(model, key))
}

/// Takes the marked entry of the sheet.
pub fn take(model: &mut Model) -> Vec<Task> {
    let Some(Overlay::Sheet(sheet)) = model.overlay.clone() else { return Vec::new() };
    match sheet {
        Sheet::Sort { selected, descending, .. } => {
            model.overlay = None;
            let Some(list) = model.list_mut() else { return Vec::new() };
            let key = selected.checked_sub(1).and_then(|at| list.spec.sorts.get(at));
            list.order = key.map(|key| Order { key, descending });
            list.selected = 0;
            list.selected_id = None;
            list_ask(model)
        }
        Sheet::Fields { selected, .. } => match filters(model).get(selected) {
            None => Vec::new(),
            Some(&QUEUE) => {
                model.overlay = None;
                let Some(list) = model.list_mut() else { return Vec::new() };
                list.toggle_queue();
                list_ask(model)
            }
            Some(key) => values(model, key),
        },
        Sheet::Values { key, selected, .. } => {
            let chosen = facets(model).and_then(|facets| facets.into_iter().nth(selected));
            let (Some((value, ..)), Some(list)) = (chosen, model.list_mut()) else {
                return Vec::new();
            };
            list.toggle(key, &value);
            list_ask(model)
        }
    }
}

/// Opens the values of a field.
fn values(model: &mut Model, key: &'static str) -> Vec<Task> {
    let Some(kind) = model.list().map(|list| list.spec.kind) else { return Vec::new() };
    let query = TextInput::new("", FIND_CHARS_MAX);
    let sheet = Sheet::Values { key, query, found: None, selected: 0 };
    model.overlay = Some(Overlay::Sheet(sheet));
    vec![model.ask(Want::Facets(kind.key, key))]
}

/// Takes the values that were read.
pub fn found(model: &mut Model, values: Vec<(Value, usize)>) {
    if let Some(Overlay::Sheet(Sheet::Values { found, .. })) = &mut model.overlay {
        *found = Some(values);
    }
}

/// Ticks the marked row, or takes its tick away; the mark goes on to the next row.
pub fn tick(model: &mut Model) {
    let Some(list) = model.list_mut() else { return };
    if let Some(id) = list.current().map(|row| row.id) {
        list.ticks.toggle(id);
        list.step(1);
    }
}

/// Ticks every row that matches; when all are ticked, none.
pub fn tick_all(model: &mut Model) {
    let Some(list) = model.list_mut() else { return };
    let all = list.ticked() == list.total() && list.total() > 0;
    list.ticks = if all { Ticks::none() } else { Ticks::AllBut(BTreeSet::new()) };
}

/// Takes the newest chip away.
pub fn unchip(model: &mut Model) -> Vec<Task> {
    let Some(list) = model.list_mut() else { return Vec::new() };
    let Some(chip) = list.chips.pop() else { return Vec::new() };
    if chip.key == QUEUE {
        list.rows = None;
    }
    list.restart();
    list_ask(model)
}

/// One step back in a list: the search, then ticks, then chips. Nothing when there is none.
/// Chips with which the list begins stay.
pub fn back(model: &mut Model) -> Option<Vec<Task>> {
    let list = model.list_mut()?;
    if list.finding {
        clear_find(list);
        return Some(list_ask(model));
    }
    if list.ticked() > 0 {
        list.ticks = Ticks::none();
        return Some(Vec::new());
    }
    if list.find.is_some() {
        clear_find(list);
        return Some(list_ask(model));
    }
    let is_added = list.chips.last().is_some_and(|chip| list.is_added(chip));
    is_added.then(|| unchip(model))
}

fn clear_find(list: &mut ListState) {
    list.finding = false;
    list.find = None;
    list.restart();
}
