//! The rows of a kind in one order, by number.

use std::cmp::Ordering;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension};

use onex_crdt::record::RecordKind;

use super::super::StoreError;
use super::super::projection::{OrderColumn, order_text, table};

/// Rows in an order.
pub(super) struct Ordered {
    pub order: Vec<OrderColumn>,
    pub numbers: Vec<u32>,
}

impl Ordered {
    /// Reads the order of every row.
    pub fn read(
        connection: &Connection,
        kind: &RecordKind,
        order: Vec<OrderColumn>,
    ) -> Result<Self, StoreError> {
        let sql = format!("select number from {} order by {}", table(kind), order_text(&order));
        let mut statement = connection.prepare_cached(&sql)?;
        let numbers = statement.query_map([], |row| row.get(0))?;
        Ok(Self { numbers: numbers.collect::<Result<_, _>>()?, order })
    }

    /// Puts some rows, sorted by number, where they belong now.
    pub fn update(
        &mut self,
        connection: &Connection,
        kind: &RecordKind,
        changed: &[u32],
    ) -> Result<(), StoreError> {
        let mut sorted = changed.to_vec();
        sorted.sort_unstable();
        self.numbers.retain(|number| sorted.binary_search(number).is_err());
        let columns: Vec<&str> = self.order.iter().map(|one| one.column.as_str()).collect();
        let sql = format!("select {} from {} where number = ?", columns.join(", "), table(kind));
        let mut statement = connection.prepare_cached(&sql)?;
        for number in sorted {
            if let Some(keys) = keys(&mut statement, columns.len(), number)? {
                let at = self.place(&mut statement, &keys)?;
                self.numbers.insert(at, number);
            }
        }
        Ok(())
    }

    /// Where a row with these keys belongs.
    fn place(
        &self,
        statement: &mut CachedStatement<'_>,
        wanted: &[Value],
    ) -> Result<usize, StoreError> {
        let (mut low, mut high) = (0, self.numbers.len());
        while low < high {
            let middle = low.midpoint(high);
            let there = keys(statement, self.order.len(), self.numbers[middle])?;
            let there = there.ok_or(StoreError::Damaged { what: "order" })?;
            match self.compare(&there, wanted) {
                Ordering::Less => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn compare(&self, left: &[Value], right: &[Value]) -> Ordering {
        let columns = self.order.iter().zip(left.iter().zip(right));
        let differing = columns.map(|(column, (left, right))| match column.descending {
            true => compare(right, left),
            false => compare(left, right),
        });
        differing.into_iter().find(|one| one.is_ne()).unwrap_or(Ordering::Equal)
    }
}

fn keys(
    statement: &mut CachedStatement<'_>,
    columns: usize,
    number: u32,
) -> Result<Option<Vec<Value>>, StoreError> {
    let keys = statement.query_row([number], |row| (0..columns).map(|at| row.get(at)).collect());
    Ok(keys.optional()?)
}

/// Compares as SQLite does: nothing, numbers, texts, bytes.
fn compare(left: &Value, right: &Value) -> Ordering {
    let class = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    };
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Blob(left), Value::Blob(right)) => left.cmp(right),
        _ => class(left).cmp(&class(right)),
    }
}
