//! Lists: rows of the projection by conditions, search text and order.

use std::collections::BTreeMap;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql, params_from_iter};

use onex_crdt::act::Found;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::value::Value;

use super::lists::Lists;
use super::projection::{
    OrderColumn, SqlValue, column, columns, find_table, order_text, read, select, table, value_of,
};
use super::view::decode;
use super::{StoreError, projection};
use crate::api::{Compare, List, Query};

/// Returns the rows that a query asks for, and how many there are.
///
/// SQL answers what its indexes serve; what would read every row of a large kind is answered from
/// memory.
pub fn list(connection: &Connection, lists: &mut Lists, query: &Query) -> Result<List, StoreError> {
    let moment = connection.unchecked_transaction()?;
    let rows = projection::count(&moment, query.kind)?;
    if rows > ROWS_READ_MAX && is_for_memory(query) {
        return lists.list(&moment, query);
    }
    list_by_sql(&moment, query)
}

/// Whether SQL would go through all rows for a page.
fn is_for_memory(query: &Query) -> bool {
    let first = query.kind.order.first();
    let is_chosen = query.conditions.iter().all(|condition| {
        let key = condition.key.as_str();
        let is_indexed = query.kind.field(key).is_none_or(projection::is_indexed);
        is_indexed || key == "state" || first.is_some_and(|first| *first == key)
    });
    // An index over one column does not hold the rest of an order: SQLite would sort all rows.
    let order = query.order.as_ref();
    let is_ordered = order.is_none_or(|(key, descending)| key == "state" && !descending);
    let is_near = query.offset <= ROWS_SKIPPED_MAX && words(query).is_empty();
    query.limit.is_some() && !(is_chosen && is_ordered && is_near)
}

/// The same from the tables alone.
pub fn list_by_sql(connection: &Connection, query: &Query) -> Result<List, StoreError> {
    let kind = query.kind;
    let (mut condition, mut values) = condition(query);
    for word in words(query) {
        condition.push_str(&format!(
            " and number in (select number from {} where instr(text, ?) > 0)",
            find_table(kind)
        ));
        values.push(Bound::Text(word));
    }
    let total = match counted(connection, query)? {
        Some(total) => total,
        None => {
            let sql = format!("select count(*) from {} where {condition}", table(kind));
            let mut count = connection.prepare_cached(&sql)?;
            count.query_row(params_from_iter(values.iter()), |row| row.get::<_, i64>(0))? as usize
        }
    };
    let limit = query.limit.map_or(-1, |limit| limit as i64);
    let sql = format!(
        "select {} from {} where {condition} order by {} limit {limit} offset {}",
        columns(kind),
        table(kind),
        order_text(&order(query)),
        query.offset
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values.iter()), |row| read(kind, row))?;
    Ok(List { total, rows: rows.collect::<Result<_, _>>()? })
}

/// How many rows match, where that is kept: all of a kind, or all in some states.
fn counted(connection: &Connection, query: &Query) -> Result<Option<usize>, StoreError> {
    let by_state = query.conditions.iter().all(|condition| {
        condition.key == "state" && condition.compare == Compare::Equal && query.kind.has_state()
    });
    if !by_state || !words(query).is_empty() {
        return Ok(None);
    }
    let mut counts = projection::counts(connection, query.kind)?;
    if !query.conditions.is_empty() {
        let is_asked = |state: &str| {
            query.conditions.iter().any(|condition| condition.value.as_text() == Some(state))
        };
        counts.retain(|(state, _)| is_asked(state));
    }
    Ok(Some(counts.into_iter().map(|(_, rows)| rows).sum()))
}

/// The words of a query's text, each of which a row must hold.
pub(super) fn words(query: &Query) -> Vec<String> {
    let text = query.text.as_deref().unwrap_or_default();
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// What a query's conditions are in SQL, without its text.
pub(super) fn condition(query: &Query) -> (String, Vec<Bound>) {
    let mut parts = vec!["true".to_owned()];
    let mut values = Vec::new();
    let mut equal: BTreeMap<String, Vec<Bound>> = BTreeMap::new();
    for condition in &query.conditions {
        let column = match query.kind.field(&condition.key) {
            Some(field) => column(field),
            None if condition.key == "id" => "id".to_owned(),
            None => continue,
        };
        let value = Bound::Value(SqlValue(Some(condition.value.clone())));
        let compare = match condition.compare {
            Compare::Equal => {
                equal.entry(column).or_default().push(value);
                continue;
            }
            Compare::AtLeast => ">=",
            Compare::AtMost => "<=",
        };
        parts.push(format!("{column} {compare} ?"));
        values.push(value);
    }
    let is_narrow = |column: &String| {
        let field = query.kind.fields.iter().find(|field| projection::column(field) == *column);
        column == "id" || field.is_some_and(projection::is_indexed)
    };
    let narrows = equal.keys().any(is_narrow);
    for (column, alternatives) in equal {
        // A plus keeps SQLite from going by the state, which most rows have alike, where it could
        // go by an id.
        let plus = if narrows && !is_narrow(&column) { "+" } else { "" };
        let marks = vec!["?"; alternatives.len()].join(", ");
        parts.push(format!("{plus}{column} in ({marks})"));
        values.extend(alternatives);
    }
    (parts.join(" and "), values)
}

/// A value on its way into a statement.
#[derive(Debug)]
pub(super) enum Bound {
    /// A value of a field.
    Value(SqlValue),
    /// A word of a search.
    Text(String),
}

impl ToSql for Bound {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Bound::Value(value) => value.to_sql(),
            Bound::Text(text) => text.to_sql(),
        }
    }
}

/// The order of the query, then the kind's own, ties by id (contract, "Order").
pub(super) fn order(query: &Query) -> Vec<OrderColumn> {
    let mut order = projection::own_order(query.kind);
    if let Some((key, descending)) = &query.order
        && let Some(field) = query.kind.field(key)
    {
        let column = column(field);
        order.retain(|one| one.column != column);
        order.insert(0, OrderColumn { column, descending: *descending });
    }
    order
}

/// Rows of a kind that a list may go through: fewer are read as fast as anything is kept of them.
pub(super) const ROWS_READ_MAX: usize = 5_000;
/// Rows before a page that SQL may skip.
const ROWS_SKIPPED_MAX: usize = 2_000;

/// Returns the values under a key, each with the number of its rows, in their own order.
pub fn facets(
    connection: &Connection,
    kind: &RecordKind,
    key: &str,
) -> Result<Vec<(Value, usize)>, StoreError> {
    let Some(field) = kind.field(key) else { return Ok(Vec::new()) };
    let sql = format!(
        "select {column}, count(*) from {} where {column} is not null
         group by 1 order by 1 limit {FACETS_MAX}",
        table(kind),
        column = column(field),
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| {
        let count: i64 = row.get(1)?;
        Ok(value_of(&field.ty.shape, row.get_ref(0)?).map(|value| (value, count as usize)))
    })?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The rows with this text under a key.
pub fn with_text(
    connection: &Connection,
    kind: &RecordKind,
    key: &str,
    text: &str,
) -> Result<Vec<Row>, StoreError> {
    let Some(field) = kind.field(key) else { return Ok(Vec::new()) };
    let condition = format!("{} = ?", column(field));
    select(connection, kind, &condition, &[Value::Text(text.to_owned())])
}

/// Returns the ids that begin with these hex digits, else those that end with them, at most two.
pub fn ids_meant_by(
    connection: &Connection,
    kind: &RecordKind,
    digits: &str,
) -> Result<Vec<RecordId>, StoreError> {
    let end = |filler: &str| {
        let whole = format!("{digits}{}", filler.repeat(2 * RecordId::BYTES - digits.len()));
        whole.parse::<RecordId>().map(|id| id.0.to_vec())
    };
    let (Ok(first), Ok(last)) = (end("0"), end("f")) else { return Ok(Vec::new()) };
    let sql = format!("select id from {} where id between ? and ? limit 2", table(kind));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([first, last], |row| row.get::<_, Vec<u8>>(0))?;
    let mut ids = rows.collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() {
        // No index has the ends; ids of a store are looked through in less than a moment.
        let sql = format!("select id from {} where hex(id) like ? limit 2", table(kind));
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([format!("%{digits}")], |row| row.get::<_, Vec<u8>>(0))?;
        ids = rows.collect::<Result<Vec<_>, _>>()?;
    }
    Ok(ids.iter().filter_map(|bytes| RecordId::from_slice(bytes)).collect())
}

/// The rows that have a field in conflict: id and keys.
pub fn conflicts(
    connection: &Connection,
    kind: &RecordKind,
) -> Result<Vec<(RecordId, Vec<String>)>, StoreError> {
    let sql = format!("select id, conflict from {} where conflict <> '' order by id", table(kind));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?)))?;
    let mut found = Vec::new();
    for row in rows {
        let (id, keys) = row?;
        let id = RecordId::from_slice(&id).ok_or(StoreError::Damaged { what: "id" })?;
        found.push((id, keys.split(',').map(str::to_owned).collect()));
    }
    Ok(found)
}

/// How many fields of rows are in conflict.
pub fn conflict_count(connection: &Connection) -> Result<usize, StoreError> {
    let mut count = 0;
    for kind in onex_crdt::registry::KINDS {
        count += conflicts(connection, kind)?.iter().map(|(_, keys)| keys.len()).sum::<usize>();
    }
    Ok(count)
}

/// The acts of a kind here, in the order in which they were made.
pub fn acts_of_kind(connection: &Connection, kind: &str) -> Result<Vec<Found>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select head.header, act.body, act.born from act join head on head.doc = act.doc
         where act.kind = ? order by act.born, act.id, act.doc",
    )?;
    let mut rows = statement.query([kind])?;
    let mut acts = Vec::new();
    while let Some(row) = rows.next()? {
        let header = decode(row.get_ref(0)?.as_blob()?, "header")?;
        let act = decode(row.get_ref(1)?.as_blob()?, "act")?;
        acts.push(Found { act, header, born: row.get::<_, i64>(2)? as u64 });
    }
    Ok(acts)
}

/// The rows in a state that have one value of a field alike, by that value.
pub fn alike(
    connection: &Connection,
    kind: &RecordKind,
    key: &str,
    state: &str,
) -> Result<Vec<Vec<RecordId>>, StoreError> {
    let (Some(field), Some(state_field)) = (kind.field(key), kind.field("state")) else {
        return Ok(Vec::new());
    };
    let (table, field, state_column) = (table(kind), column(field), column(state_field));
    let mut statement = connection.prepare_cached(&format!(
        "select id, {field} from {table} where +{state_column} = ?1 and {field} in
           (select {field} from {table} where {field} is not null
            group by {field} having count(*) > 1)
         order by {field}, id"
    ))?;
    let mut rows = statement.query([state])?;
    let mut groups: Vec<(String, Vec<RecordId>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id = RecordId::from_slice(row.get_ref(0)?.as_blob()?);
        let id = id.ok_or(StoreError::Damaged { what: "id" })?;
        let value: String = row.get(1)?;
        match groups.last_mut().filter(|(last, _)| *last == value) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((value, vec![id])),
        }
    }
    Ok(groups.into_iter().map(|(_, ids)| ids).filter(|ids| ids.len() > 1).collect())
}

/// Nobody chooses from more values than this; they search instead.
const FACETS_MAX: usize = 1000;
