//! The projection: one table per record type, generated from its definition.
//!
//! It can be thrown away and built anew at any time; nothing is decided from it that another node
//! must agree with.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, ToSql, params, params_from_iter};

use onex_crdt::field::Shape;
use onex_crdt::ids::{Digest, RecordId};
use onex_crdt::record::{FieldDef, Fields, RecordKind, Row};
use onex_crdt::registry;
use onex_crdt::search;
use onex_crdt::value::Value;

use super::{StoreError, changes};

/// The name of a kind's table.
pub fn table(kind: &RecordKind) -> String {
    format!("row_{}", kind.key)
}

/// The name of a field's column.
pub fn column(field: &FieldDef) -> String {
    format!("f_{}", field.key)
}

/// The name of the narrow table in which searches look for rows of a kind.
pub fn find_table(kind: &RecordKind) -> String {
    format!("find_{}", kind.key)
}

/// Returns a digest of what the tables look like: another one means that they are made anew.
pub fn shape(kinds: &[&RecordKind]) -> Vec<u8> {
    let mut text = format!("{PROJECTION_RULES}");
    for kind in kinds {
        text.push_str(kind.key);
        for field in kind.fields {
            text.push_str(&format!(
                " {}:{}:{}:{}",
                field.key, field.ty.name, field.derived, field.indexed
            ));
        }
        text.push_str(&order_text(&own_order(kind)));
    }
    Digest::over(&[text.as_bytes()]).0.to_vec()
}

/// To be counted up when a rule for rows changes without a change of any definition.
const PROJECTION_RULES: u32 = 4;

/// Makes the tables of all kinds, empty.
///
/// Rows are numbered as they come, so that the wide table grows at its end whatever their ids; the
/// indexes over it stay narrow.
pub fn make_tables(connection: &Connection, kinds: &[&RecordKind]) -> Result<(), StoreError> {
    let first = changes::newest_if_any(connection)? + 1;
    connection.execute_batch(SHARED_TABLES)?;
    changes::begin(connection, first)?;
    for kind in kinds {
        let (table, find) = (table(kind), find_table(kind));
        let columns: Vec<String> = kind
            .fields
            .iter()
            .map(|field| format!("{} {}", column(field), sql_type(&field.ty.shape)))
            .collect();
        connection.execute_batch(&format!(
            "drop table if exists {table};
             create table {table} (number integer primary key, id blob not null unique,
               born integer not null, conflict text not null, stale integer not null, {})
             strict;
             drop table if exists {find};
             create table {find} (number integer primary key, text text not null) strict;",
            columns.join(", ")
        ))?;
        make_indexes(connection, kind)?;
    }
    Ok(())
}

/// The indexes that lists rest on: made once the rows are there, which is many times faster.
pub fn make_list_indexes(connection: &Connection, kind: &RecordKind) -> Result<(), StoreError> {
    let (table, order) = (table(kind), order_text(&own_order(kind)));
    let mut sql = format!("create index {table}_order on {table} ({order});");
    if let Some(state) = kind.field("state") {
        let state = column(state);
        sql.push_str(&format!("create index {table}_state on {table} ({state}, {order});"));
    }
    connection.execute_batch(&sql)?;
    Ok(())
}

/// The indexes that rules rest on.
fn make_indexes(connection: &Connection, kind: &RecordKind) -> Result<(), StoreError> {
    let table = table(kind);
    let mut sql = format!("create index {table}_conflict on {table} (id) where conflict <> '';");
    for field in kind.fields.iter().filter(|field| is_indexed(field)) {
        let column = column(field);
        sql.push_str(&format!("create index {table}_{column} on {table} ({column});"));
    }
    connection.execute_batch(&sql)?;
    Ok(())
}

/// Whether the tables have an index over a field alone.
pub fn is_indexed(field: &FieldDef) -> bool {
    field.indexed || matches!(field.ty.shape, Shape::Id(_))
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderColumn {
    /// The column.
    pub column: String,
    /// Whether the greatest stands first.
    pub descending: bool,
}

/// The order of a kind, ties by id (contract, "Order").
pub fn own_order(kind: &RecordKind) -> Vec<OrderColumn> {
    let mut order: Vec<OrderColumn> = Vec::new();
    for key in kind.order {
        let field = kind.field(key.trim_start_matches('-'));
        order.extend(
            field.map(|field| OrderColumn {
                column: column(field),
                descending: key.starts_with('-'),
            }),
        );
    }
    let plain = |column: &str| OrderColumn { column: column.to_owned(), descending: false };
    if kind.order.is_empty() {
        order.push(plain("born"));
    }
    order.push(plain("id"));
    order
}

/// An order as SQL says it.
pub fn order_text(order: &[OrderColumn]) -> String {
    let columns =
        order.iter().map(
            |OrderColumn { column, descending }| {
                if *descending { format!("{column} desc") } else { column.clone() }
            },
        );
    columns.collect::<Vec<_>>().join(", ")
}

fn sql_type(shape: &Shape) -> &'static str {
    match shape {
        Shape::Int | Shape::Decimal(_) | Shape::NumberedChoice(_) | Shape::Bool => "integer",
        Shape::Id(_) | Shape::Digest => "blob",
        _ => "text",
    }
}

/// Writes a row over what was there.
pub fn put(connection: &Connection, kind: &RecordKind, row: &Row) -> Result<(), StoreError> {
    let before = place(connection, kind, row.id)?;
    let state = row.state().unwrap_or_default();
    if before.as_ref().is_none_or(|before| before.state != state) {
        if let Some(before) = &before {
            add_to_count(connection, kind, &before.state, -1)?;
        }
        add_to_count(connection, kind, state, 1)?;
    }
    let sql = &PUTS[kind.key];
    let mut values: Vec<Box<dyn ToSql>> = vec![
        Box::new(before.as_ref().map(|before| before.number)),
        Box::new(row.id.0.to_vec()),
        Box::new(row.born as i64),
        Box::new(row.conflict.join(",")),
        Box::new(row.stale),
    ];
    for field in kind.fields {
        let value = row.fields.get(field.key).filter(|value| field.ty.shape.fits(value));
        values.push(Box::new(SqlValue(value.cloned())));
    }
    connection.prepare_cached(&sql.row)?.execute(params_from_iter(values))?;
    let number = before.map_or_else(|| connection.last_insert_rowid(), |before| before.number);
    let text = search::text(kind, &row.fields);
    connection.prepare_cached(&sql.find)?.execute(params![number, text])?;
    changes::put(connection, kind, number)
}

/// What writing a row of a kind says to SQLite, worded once: it is as long as the row.
struct Puts {
    place: String,
    row: String,
    find: String,
}

static PUTS: LazyLock<BTreeMap<&'static str, Puts>> =
    LazyLock::new(|| registry::KINDS.iter().map(|kind| (kind.key, Puts::of(kind))).collect());

impl Puts {
    fn of(kind: &RecordKind) -> Self {
        let (table, find) = (table(kind), find_table(kind));
        let state = kind.field("state").map_or_else(|| "null".to_owned(), column);
        let columns: Vec<String> = kind.fields.iter().map(column).collect();
        let marks = vec!["?"; columns.len() + 5].join(", ");
        let sets: Vec<String> =
            columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        Self {
            place: format!("select number, {state} from {table} where id = ?"),
            row: format!(
                "insert into {table} (number, id, born, conflict, stale, {}) values ({marks})
                 on conflict (number) do update set born = excluded.born,
                   conflict = excluded.conflict, stale = excluded.stale, {}",
                columns.join(", "),
                sets.join(", ")
            ),
            find: format!(
                "insert into {find} (number, text) values (?, ?) on conflict do update
                 set text = excluded.text where text <> excluded.text"
            ),
        }
    }
}

/// Takes a row away.
pub fn delete(connection: &Connection, kind: &RecordKind, id: RecordId) -> Result<(), StoreError> {
    let Some(before) = place(connection, kind, id)? else { return Ok(()) };
    for table in [table(kind), find_table(kind)] {
        let sql = format!("delete from {table} where number = ?");
        connection.prepare_cached(&sql)?.execute([before.number])?;
    }
    add_to_count(connection, kind, &before.state, -1)?;
    changes::put(connection, kind, before.number)
}

/// Where a row stands, and in which state.
struct Place {
    number: i64,
    state: String,
}

fn place(
    connection: &Connection,
    kind: &RecordKind,
    id: RecordId,
) -> Result<Option<Place>, StoreError> {
    let mut statement = connection.prepare_cached(&PUTS[kind.key].place)?;
    let place = statement.query_row([id.0.as_slice()], |row| {
        let state: Option<String> = row.get(1)?;
        Ok(Place { number: row.get(0)?, state: state.unwrap_or_default() })
    });
    Ok(place.optional()?)
}

fn add_to_count(
    connection: &Connection,
    kind: &RecordKind,
    state: &str,
    more: i64,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "insert into row_count (kind, state, rows) values (?, ?, ?)
         on conflict do update set rows = rows + excluded.rows",
    )?;
    statement.execute(params![kind.key, state, more])?;
    Ok(())
}

/// How many rows of a kind there are, by state; kinds without states have them under none.
pub fn counts(
    connection: &Connection,
    kind: &RecordKind,
) -> Result<Vec<(String, usize)>, StoreError> {
    let mut statement =
        connection.prepare_cached("select state, rows from row_count where kind = ?")?;
    let rows = statement.query_map([kind.key], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)? as usize))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many rows of a kind there are.
pub fn count(connection: &Connection, kind: &RecordKind) -> Result<usize, StoreError> {
    Ok(counts(connection, kind)?.into_iter().map(|(_, rows)| rows).sum())
}

/// Sources too are numbered as they come: their bodies are wide, and ids are drawn.
const SHARED_TABLES: &str = "
    drop table if exists source;
    create table source (number integer primary key, kind text not null, id blob not null,
      doc blob not null, body blob not null, unique (kind, id, doc)) strict;
    create index source_doc on source (doc, kind);
    drop table if exists row_count;
    create table row_count (kind text not null, state text not null, rows integer not null,
      primary key (kind, state)) strict, without rowid;
    drop table if exists row_change;
    create table row_change (position integer primary key, kind text not null,
      number integer not null) strict;";

/// Returns a row.
pub fn get(
    connection: &Connection,
    kind: &RecordKind,
    id: RecordId,
) -> Result<Option<Row>, StoreError> {
    let sql = format!("select {} from {} where id = ?", columns(kind), table(kind));
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([id.0.as_slice()], |row| read(kind, row)).optional()?)
}

/// Returns the rows that a condition over columns picks, ordered by id.
pub fn select(
    connection: &Connection,
    kind: &RecordKind,
    condition: &str,
    values: &[Value],
) -> Result<Vec<Row>, StoreError> {
    let sql =
        format!("select {} from {} where {condition} order by id", columns(kind), table(kind));
    let mut statement = connection.prepare_cached(&sql)?;
    let values: Vec<SqlValue> = values.iter().cloned().map(|v| SqlValue(Some(v))).collect();
    let rows = statement.query_map(params_from_iter(values), |row| read(kind, row))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The columns that `read` expects, in order.
pub fn columns(kind: &RecordKind) -> String {
    let fields: Vec<String> = kind.fields.iter().map(column).collect();
    format!("id, born, conflict, stale, {}", fields.join(", "))
}

/// Reads a row from the columns above.
pub fn read(kind: &RecordKind, sql: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let id: Vec<u8> = sql.get(0)?;
    let conflict: String = sql.get(2)?;
    let mut fields = Fields::new();
    for (at, field) in kind.fields.iter().enumerate() {
        if let Some(value) = value_of(&field.ty.shape, sql.get_ref(at + 4)?) {
            fields.insert(field.key.to_owned(), value);
        }
    }
    Ok(Row {
        id: RecordId::from_slice(&id).unwrap_or_default(),
        born: sql.get::<_, i64>(1)? as u64,
        conflict: conflict.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
        stale: sql.get(3)?,
        fields,
    })
}

/// A row as it reads once it was stored: what does not fit its column is left out.
pub fn as_stored(kind: &RecordKind, mut row: Row) -> Row {
    row.fields.retain(|key, value| kind.field(key).is_some_and(|field| field.ty.shape.fits(value)));
    for value in row.fields.values_mut() {
        if let Value::List(items) = value {
            *items = items.join("\n").split('\n').map(str::to_owned).collect();
        }
    }
    row.conflict.retain(|key| !key.is_empty());
    row
}

/// Reads one column of a shape.
pub fn value_of(shape: &Shape, sql: ValueRef<'_>) -> Option<Value> {
    match (sql, shape) {
        (ValueRef::Integer(number), Shape::Bool) => Some(Value::Bool(number != 0)),
        (ValueRef::Integer(number), _) => Some(Value::Int(number)),
        (ValueRef::Blob(bytes), _) => Some(Value::Bytes(bytes.to_vec())),
        (ValueRef::Text(text), shape) => {
            let text = String::from_utf8_lossy(text).into_owned();
            if shape.is_list() {
                return Some(Value::List(text.split('\n').map(str::to_owned).collect()));
            }
            Some(Value::Text(text))
        }
        _ => None,
    }
}

/// A value on its way into a column.
#[derive(Debug)]
pub struct SqlValue(pub Option<Value>);

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match &self.0 {
            None => ToSqlOutput::from(rusqlite::types::Null),
            Some(Value::Text(text)) => ToSqlOutput::from(text.as_str()),
            Some(Value::Int(number)) => ToSqlOutput::from(*number),
            Some(Value::Bool(flag)) => ToSqlOutput::from(*flag),
            Some(Value::Bytes(bytes)) => ToSqlOutput::from(bytes.as_slice()),
            Some(Value::List(items)) => ToSqlOutput::from(items.join("\n")),
        })
    }
}
