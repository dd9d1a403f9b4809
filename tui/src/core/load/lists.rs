//! Reading lists: windows of rows, the hub's queue, the values of a field, the ids of ticked rows.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::action::{Action, Given};
use onex_crdt::field::Shape;
use onex_crdt::field::time::Moment;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::application::Application;
use onex_crdt::records::class::Class;
use onex_crdt::records::learner::Learner;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::registry;
use onex_crdt::value::Value;
use onex_node::api::{Answer, Condition, List, Query};

use crate::core::backend::{Answered, Backend, BackendError};
use crate::core::load::{Known, Rows, Want, know, submitted_at};

/// The lists that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListOf {
    /// Application lines.
    Lines,
    /// Classes.
    Classes,
    /// Learners.
    Learners,
    /// Learners to be put into a class.
    Pick,
    /// Organisations.
    Directory,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Only what waits for the hub, the oldest first.
    pub queue: bool,
    /// A text to be found by.
    pub text: Option<String>,
    /// Conditions; those on one key are alternatives.
    pub conditions: Vec<Condition>,
    /// Another order than the kind's own: a key, and whether it descends.
    pub order: Option<(String, bool)>,
    /// Rows left out before.
    pub offset: usize,
    /// Rows at most.
    pub limit: usize,
}

/// Rows that were ticked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Many {
    /// These.
    Ids(Vec<RecordId>),
    /// Every row of a list but some.
    AllBut {
        /// The list.
        want: Box<Want>,
        /// Those left out.
        except: BTreeSet<RecordId>,
        /// How many the person saw that there are.
        count: usize,
    },
}

impl Many {
    /// Returns how many rows they are.
    pub fn count(&self) -> usize {
        match self {
            Many::Ids(ids) => ids.len(),
            Many::AllBut { count, .. } => *count,
        }
    }
}

impl ListOf {
    /// Returns the record type of its rows.
    pub fn kind(self) -> &'static RecordKind {
        match self {
            ListOf::Lines => Application::KIND,
            ListOf::Classes => Class::KIND,
            ListOf::Learners | ListOf::Pick => Learner::KIND,
            ListOf::Directory => Organisation::KIND,
        }
    }
}

/// Reads a window of a list.
pub fn rows(backend: &dyn Backend, list: ListOf, window: &Window) -> Answered<Rows> {
    if window.queue {
        return queue_rows(backend, window);
    }
    let List { total, rows } = backend.list(&windowed(list.kind(), window))?;
    Ok(Rows { offset: window.offset, total, rows, since: BTreeMap::new() })
}

fn windowed(kind: &'static RecordKind, window: &Window) -> Query {
    Query {
        kind,
        conditions: window.conditions.clone(),
        text: window.text.clone(),
        order: window.order.clone(),
        limit: Some(window.limit),
        offset: window.offset,
    }
}

fn queue_rows(backend: &dyn Backend, window: &Window) -> Answered<Rows> {
    let mut waiting = queue(backend, window.text.as_deref(), &window.conditions)?;
    if let Some((key, descending)) = &window.order {
        waiting.sort_by(|(one, _), (other, _)| {
            let order = one.fields.get(key).cmp(&other.fields.get(key));
            if *descending { order.reverse() } else { order }
        });
    }
    let total = waiting.len();
    let part = waiting.drain(..).skip(window.offset).take(window.limit);
    let (mut rows, mut since) = (Vec::new(), BTreeMap::new());
    for (row, at) in part {
        since.extend(at.map(|at| (row.id, at)));
        rows.push(row);
    }
    Ok(Rows { offset: window.offset, total, rows, since })
}

/// The lines that wait for the hub, those submitted first in front.
pub fn queue(
    backend: &dyn Backend,
    text: Option<&str>,
    conditions: &[Condition],
) -> Answered<Vec<(Row, Option<Moment>)>> {
    let waits =
        [("state", "submitted"), ("pending_request", "change"), ("pending_request", "withdrawal")];
    let mut found: BTreeMap<RecordId, (Row, Option<Moment>)> = BTreeMap::new();
    for (key, value) in waits {
        let value = Value::Text(value.to_owned());
        let mut asked = conditions.iter().filter(|condition| condition.key == key).peekable();
        if asked.peek().is_some() && !asked.any(|condition| condition.value == value) {
            continue;
        }
        let query = Query {
            conditions: conditions.iter().filter(|c| c.key != key).cloned().collect(),
            text: text.map(str::to_owned),
            limit: Some(QUEUE_MAX),
            ..Query::all(Application::KIND)
        };
        for row in backend.list(&query.with(key, value))?.rows {
            if let std::collections::btree_map::Entry::Vacant(place) = found.entry(row.id) {
                let since = submitted_at(&backend.history(Application::KIND, row.id)?);
                place.insert((row, since));
            }
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    let age = |at: &Option<Moment>| at.map_or(i64::MAX, Moment::unix_seconds);
    found.sort_by_key(|(row, at)| (age(at), row.id));
    Ok(found)
}

/// The values under a key, those of a choice in its order, with the records that they name.
pub fn facets(
    backend: &dyn Backend,
    kind: &str,
    key: &str,
    known: &mut Known,
) -> Answered<Vec<(Value, usize)>> {
    let Some((kind, field)) = registry::kind(kind).and_then(|kind| Some((kind, kind.field(key)?)))
    else {
        return Ok(Vec::new());
    };
    let mut values = backend.facets(kind, key)?;
    match field.ty.shape {
        Shape::Choice(choices) => values.sort_by_key(|(value, _)| {
            choices.iter().position(|choice| Some(choice.id) == value.as_text())
        }),
        Shape::Id(of) => {
            let ids = values.iter().filter_map(|(value, _)| value.as_bytes());
            for id in ids.filter_map(RecordId::from_slice) {
                if let Some(of) = registry::kind(of) {
                    know(backend, of, id, known)?;
                }
            }
        }
        _ => {}
    }
    Ok(values)
}

/// Carries an action out on ticked rows: on each of them, or on one record that takes them all.
pub fn act_many(
    backend: &dyn Backend,
    action: &'static Action,
    many: Many,
    into: Option<(&'static str, RecordId)>,
    mut given: Given,
) -> Answered<Vec<Answer>> {
    let ids = many_ids(backend, many)?;
    let Some((key, subject)) = into else { return backend.act(action, &ids, &given) };
    let ids = ids.iter().map(ToString::to_string).collect();
    given.insert(key.to_owned(), Some(Value::List(ids)));
    backend.act(action, &[subject], &given)
}

/// The ids of ticked rows. Rows that nobody saw are not acted on: when there are now more or
/// fewer than the person was told, nothing is done.
fn many_ids(backend: &dyn Backend, many: Many) -> Answered<Vec<RecordId>> {
    let (want, except, count) = match many {
        Many::Ids(ids) => return Ok(ids),
        Many::AllBut { want, except, count } => (want, except, count),
    };
    if count > MANY_MAX {
        return Err(BackendError::Failed("failure-too-many".to_owned()));
    }
    let Want::Rows(list, mut window) = *want else { return Ok(Vec::new()) };
    let mut ids = Vec::new();
    window.limit = MANY_PAGE;
    loop {
        window.offset = ids.len();
        let rows = rows(backend, list, &window)?;
        ids.extend(rows.rows.iter().map(|row| row.id));
        if rows.rows.is_empty() || ids.len() >= rows.total {
            break;
        }
    }
    ids.retain(|id| !except.contains(id));
    match ids.len() == count {
        true => Ok(ids),
        false => Err(BackendError::Failed("failure-list-moved".to_owned())),
    }
}

const QUEUE_MAX: usize = 300;
/// More rows than this are not acted on at once: it is one transaction.
const MANY_MAX: usize = 20_000;
const MANY_PAGE: usize = 1_000;
