//! The projection: one table per record type, generated from its definition.
//!
//! It can be thrown away and built anew at any time; nothing is decided from it that another node
//! must agree with.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, ToSql, params_from_iter};

use onex_crdt::field::Shape;
use onex_crdt::ids::{Digest, RecordId};
use onex_crdt::record::{FieldDef, Fields, RecordKind, Row};
use onex_crdt::search;
use onex_crdt::value::Value;

use super::StoreError;

/// The name of a kind's table.
pub fn table(kind: &RecordKind) -> String {
    format!("row_{}", kind.key)
}

/// The name of a field's column.
pub fn column(field: &FieldDef) -> String {
    format!("f_{}", field.key)
}

/// Returns a digest of what the tables look like: another one means that they are made anew.
pub fn shape(kinds: &[&RecordKind]) -> Vec<u8> {
    let mut text = format!("{PROJECTION_RULES}");
    for kind in kinds {
        text.push_str(kind.key);
        for field in kind.fields {
            text.push_str(&format!(" {}:{}:{}", field.key, field.ty.name, field.derived));
        }
    }
    Digest::over(&[text.as_bytes()]).0.to_vec()
}

/// To be counted up when a rule for rows changes without a change of any definition.
const PROJECTION_RULES: u32 = 2;

/// Makes the tables of all kinds, empty.
pub fn make_tables(connection: &Connection, kinds: &[&RecordKind]) -> Result<(), StoreError> {
    for kind in kinds {
        let table = table(kind);
        let columns: Vec<String> = kind
            .fields
            .iter()
            .map(|field| format!("{} {}", column(field), sql_type(&field.ty.shape)))
            .collect();
        connection.execute_batch(&format!(
            "drop table if exists {table};
             create table {table} (id blob primary key, born integer not null,
               conflict text not null, stale integer not null, search text not null, {})
             strict, without rowid;",
            columns.join(", ")
        ))?;
        let is_indexed =
            |field: &&FieldDef| field.indexed || matches!(field.ty.shape, Shape::Id(_));
        for field in kind.fields.iter().filter(is_indexed) {
            let column = column(field);
            connection
                .execute_batch(&format!("create index {table}_{column} on {table} ({column});"))?;
        }
        connection.execute_batch(&format!(
            "create index {table}_conflict on {table} (id) where conflict <> '';"
        ))?;
    }
    Ok(())
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
    let columns: Vec<String> = kind.fields.iter().map(column).collect();
    let marks = vec!["?"; columns.len() + 5].join(", ");
    let sql = format!(
        "insert or replace into {} (id, born, conflict, stale, search, {}) values ({marks})",
        table(kind),
        columns.join(", ")
    );
    let mut values: Vec<Box<dyn ToSql>> = vec![
        Box::new(row.id.0.to_vec()),
        Box::new(row.born as i64),
        Box::new(row.conflict.join(",")),
        Box::new(row.stale),
        Box::new(search::text(kind, &row.fields)),
    ];
    for field in kind.fields {
        let value = row.fields.get(field.key).filter(|value| field.ty.shape.fits(value));
        values.push(Box::new(SqlValue(value.cloned())));
    }
    connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Takes a row away.
pub fn delete(connection: &Connection, kind: &RecordKind, id: RecordId) -> Result<(), StoreError> {
    let sql = format!("delete from {} where id = ?", table(kind));
    connection.prepare_cached(&sql)?.execute([id.0.as_slice()])?;
    Ok(())
}

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
