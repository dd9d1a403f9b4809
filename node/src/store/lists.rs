//! Lists of large kinds in memory: the text that searches look in, and rows in an order.
//!
//! Numbers of rows only, never values that are shown: those are read when a page is. What is here
//! is caught up by the log of changes before each answer, so that another process's edits are in
//! it at once.

mod order;
mod texts;

use std::collections::BTreeMap;

use rusqlite::{Connection, params_from_iter};

use onex_crdt::record::RecordKind;
use onex_crdt::registry;

use self::order::Ordered;
use self::texts::Texts;
use super::projection::{columns, read, table};
use super::query::{Bound, ROWS_READ_MAX, condition, order, words};
use super::{StoreError, changes, projection};
use crate::api::{List, Query};

/// What is in memory, by kind.
#[derive(Default)]
pub struct Lists {
    kinds: BTreeMap<&'static str, KindLists>,
}

/// What is in memory of one kind.
#[derive(Default)]
struct KindLists {
    /// The place in the log of changes up to which it is right.
    position: i64,
    texts: Option<Texts>,
    orders: Vec<Ordered>,
    /// The last conditions asked for, as SQL with their values, and the rows that meet them.
    chosen: Option<(String, Bits)>,
}

impl Lists {
    /// Returns the rows that a query asks for, and how many there are.
    ///
    /// The connection is inside a transaction, so that everything is of one moment.
    pub fn list(&mut self, connection: &Connection, query: &Query) -> Result<List, StoreError> {
        let kind = query.kind;
        let lists = self.kinds.entry(kind.key).or_default();
        lists.catch_up(connection, kind)?;
        let words = words(query);
        let found = match words.is_empty() {
            true => None,
            false => Some(lists.texts(connection, kind)?.search(&words)),
        };
        let found = lists.met(connection, query, found)?;
        let limit = query.limit.unwrap_or(usize::MAX);
        let numbers = &lists.ordered(connection, query)?.numbers;
        let (total, page): (usize, Vec<u32>) = match &found {
            None => {
                let page = numbers.iter().skip(query.offset).take(limit);
                (numbers.len(), page.copied().collect())
            }
            Some(found) => {
                let page = numbers.iter().filter(|number| found.has(**number));
                (found.count(), page.skip(query.offset).take(limit).copied().collect())
            }
        };
        let sql = format!("select {} from {} where number = ?", columns(kind), table(kind));
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = page.iter().map(|number| statement.query_row([number], |row| read(kind, row)));
        Ok(List { total, rows: rows.collect::<Result<_, _>>()? })
    }

    /// Reads what searches in large kinds need, before anybody searches.
    pub fn prepared(connection: &Connection) -> Result<Self, StoreError> {
        let moment = connection.unchecked_transaction()?;
        let mut prepared = Self::default();
        for kind in registry::KINDS {
            if projection::count(&moment, kind)? <= ROWS_READ_MAX {
                continue;
            }
            let lists = prepared.kinds.entry(kind.key).or_default();
            lists.catch_up(&moment, kind)?;
            lists.texts(&moment, kind)?;
            lists.ordered(&moment, &Query::all(kind))?;
        }
        Ok(prepared)
    }

    /// Takes what was prepared elsewhere, for kinds of which nothing is here.
    pub fn adopt(&mut self, prepared: Self) {
        for (kind, lists) in prepared.kinds {
            self.kinds.entry(kind).or_insert(lists);
        }
    }
}

impl KindLists {
    /// Takes in what changed since the last answer, whoever changed it.
    fn catch_up(&mut self, connection: &Connection, kind: &RecordKind) -> Result<(), StoreError> {
        let newest = changes::newest(connection)?;
        if newest == self.position {
            return Ok(());
        }
        let changed = changes::since(connection, kind, self.position, CAUGHT_UP_MAX)?;
        match changed.map(|numbers| numbers.into_iter().map(narrow).collect::<Option<Vec<u32>>>()) {
            Some(Some(numbers)) if numbers.is_empty() => {}
            Some(Some(numbers)) => {
                self.chosen = None;
                if let Some(texts) = &mut self.texts {
                    texts.update(connection, kind, &numbers)?;
                }
                self.texts.take_if(|texts| texts.is_mostly_dead());
                for ordered in &mut self.orders {
                    ordered.update(connection, kind, &numbers)?;
                }
            }
            _ => *self = Self::default(),
        }
        self.position = newest;
        Ok(())
    }

    fn texts(&mut self, connection: &Connection, kind: &RecordKind) -> Result<&Texts, StoreError> {
        let texts = match self.texts.take() {
            Some(texts) => texts,
            None => Texts::read(connection, kind)?,
        };
        Ok(self.texts.insert(texts))
    }

    /// The rows in the order of a query.
    fn ordered(&mut self, connection: &Connection, query: &Query) -> Result<&Ordered, StoreError> {
        let order = order(query);
        let at = match self.orders.iter().position(|ordered| ordered.order == order) {
            Some(at) => at,
            None => {
                if self.orders.len() >= ORDERS_KEPT {
                    self.orders.remove(0);
                }
                self.orders.push(Ordered::read(connection, query.kind, order)?);
                self.orders.len() - 1
            }
        };
        Ok(&self.orders[at])
    }

    /// Of what was found, or of everything, the rows that meet a query's conditions.
    fn met(
        &mut self,
        connection: &Connection,
        query: &Query,
        found: Option<Bits>,
    ) -> Result<Option<Bits>, StoreError> {
        let (condition, values) = condition(query);
        if values.is_empty() {
            return Ok(found);
        }
        let asked = format!("{condition} {values:?}");
        let chosen = match self.chosen.take().filter(|(of, _)| *of == asked) {
            Some((_, chosen)) => chosen,
            None => chosen(connection, query.kind, &condition, &values)?,
        };
        let met = match found {
            Some(found) => found.and(&chosen),
            None => chosen.clone(),
        };
        self.chosen = Some((asked, chosen));
        Ok(Some(met))
    }
}

fn chosen(
    connection: &Connection,
    kind: &RecordKind,
    condition: &str,
    values: &[Bound],
) -> Result<Bits, StoreError> {
    let sql = format!("select number from {} where {condition}", table(kind));
    let mut statement = connection.prepare_cached(&sql)?;
    let numbers = statement.query_map(params_from_iter(values), |row| row.get::<_, u32>(0))?;
    let mut bits = Bits::default();
    for number in numbers {
        bits.set(number?);
    }
    Ok(bits)
}

/// The number of a row as it is kept here; larger ones than this are not kept.
fn narrow(number: i64) -> Option<u32> {
    u32::try_from(number).ok()
}

/// A set of rows by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, number: u32) {
        let at = number as usize / 64;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (number % 64);
    }

    fn has(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    fn and(mut self, other: &Bits) -> Bits {
        self.0.truncate(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(bits, other)| *bits &= other);
        self
    }

    fn count(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().enumerate().flat_map(|(at, bits)| {
            let bit = move |one: &u32| bits & (1 << one) != 0;
            (0..64u32).filter(bit).map(move |one| at as u32 * 64 + one)
        })
    }
}

/// Changes that are taken in one by one; after more everything is read again.
const CAUGHT_UP_MAX: usize = 500;
/// Orders of one kind that stay.
const ORDERS_KEPT: usize = 4;
