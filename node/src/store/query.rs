//! Lists: rows of the projection by conditions, search text and order.

use std::collections::BTreeMap;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql, params_from_iter};

use onex_crdt::act::Found;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::value::Value;

use super::StoreError;
use super::projection::{SqlValue, column, columns, read, select, table, value_of};
use super::view::decode;
use crate::api::{Compare, List, Query};

/// Returns the rows that a query asks for, and how many there are.
pub fn list(connection: &Connection, query: &Query) -> Result<List, StoreError> {
    let kind = query.kind;
    let (condition, values) = condition(query);
    let count = format!("select count(*) from {} where {condition}", table(kind));
    let total: i64 = connection
        .prepare_cached(&count)?
        .query_row(params_from_iter(values.iter()), |row| row.get(0))?;
    let limit = query.limit.map_or(-1, |limit| limit as i64);
    let sql = format!(
        "select {} from {} where {condition} order by {} limit {limit} offset {}",
        columns(kind),
        table(kind),
        order(query),
        query.offset
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values.iter()), |row| read(kind, row))?;
    Ok(List { total: total as usize, rows: rows.collect::<Result<_, _>>()? })
}

fn condition(query: &Query) -> (String, Vec<Bound>) {
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
    for (column, alternatives) in equal {
        parts.push(format!("{column} in ({})", vec!["?"; alternatives.len()].join(", ")));
        values.extend(alternatives);
    }
    for word in query.text.as_deref().unwrap_or_default().split_whitespace() {
        parts.push("instr(search, ?) > 0".to_owned());
        values.push(Bound::Text(word.to_lowercase()));
    }
    (parts.join(" and "), values)
}

enum Bound {
    Value(SqlValue),
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

/// The order of the query, else the kind's own, ties by id (contract, "Order").
fn order(query: &Query) -> String {
    let mut keys: Vec<String> = Vec::new();
    let mut push = |key: &str, descending: bool| {
        if let Some(field) = query.kind.field(key) {
            keys.push(format!("{}{}", column(field), if descending { " desc" } else { "" }));
        }
    };
    if let Some((key, descending)) = &query.order {
        push(key, *descending);
    }
    for key in query.kind.order {
        push(key.trim_start_matches('-'), key.starts_with('-'));
    }
    if query.kind.order.is_empty() {
        keys.push("born".to_owned());
    }
    keys.push("id".to_owned());
    keys.join(", ")
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

/// Returns the ids that begin with these hex digits, at most two.
pub fn ids_with_prefix(
    connection: &Connection,
    kind: &RecordKind,
    prefix: &str,
) -> Result<Vec<RecordId>, StoreError> {
    let sql = format!("select id from {} where hex(id) like ? limit 2", table(kind));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([format!("{prefix}%")], |row| row.get::<_, Vec<u8>>(0))?;
    let ids = rows.collect::<Result<Vec<_>, _>>()?;
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
        "select id, {field} from {table} where {state_column} = ?1 and {field} in
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
