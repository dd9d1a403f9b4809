//! The baseline: the same rows in one plain table of an unencrypted SQLite database, with an index
//! over the order of the list. No documents, no seals, no history.

use std::path::{Path, PathBuf};

use onex_crdt::record::{Fields, Record};
use onex_crdt::records::learner::{Learner, proposed_pinyin};
use onex_crdt::search;
use onex_crdt::value::Value;
use rusqlite::{Connection, params};

use super::people::person;

/// Writes so many learners into a new database, in one transaction.
pub fn written(path: &Path, learners: usize) -> Connection {
    let mut connection = Connection::open(path).expect("opens");
    connection.pragma_update(None, "journal_mode", "wal").expect("set");
    connection
        .execute_batch(
            "create table learner (id integer primary key, name text, pinyin text, id_number text,
               phone text, class_name text, student_no text, major_name text, address text,
               search text);
             create index learner_order on learner (class_name, pinyin, student_no);",
        )
        .expect("made");
    let transaction = connection.transaction().expect("begins");
    for number in 0..learners {
        let values = person(number).values;
        let of = |key| values.iter().find(|(of, _)| *of == key).map(|(_, text)| text.clone());
        let fields =
            values.iter().map(|(key, text)| ((*key).to_owned(), Value::Text(text.clone())));
        let fields: Fields = fields.collect();
        let mut insert = transaction
            .prepare_cached("insert into learner values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .expect("prepared");
        insert
            .execute(params![
                number as i64,
                of("name"),
                of("name").as_deref().and_then(proposed_pinyin),
                of("id_number"),
                of("phone"),
                of("class_name"),
                of("student_no"),
                of("major_name"),
                of("address"),
                search::text(Learner::KIND, &fields)
            ])
            .expect("inserted");
    }
    transaction.commit().expect("committed");
    connection
}

/// The database of so many learners beside the homes, written when it is not there yet.
pub fn kept(homes: &Path, learners: usize) -> PathBuf {
    let path = homes.join(format!("plain-{learners}.db"));
    if !path.exists() {
        let unfinished = homes.join("plain-unfinished.db");
        let _ = std::fs::remove_file(&unfinished);
        drop(written(&unfinished, learners));
        std::fs::rename(&unfinished, &path).expect("renamed");
    }
    path
}

/// A page of the list, found by a text, and how many rows match: what the list of a node gives.
pub fn page(
    connection: &Connection,
    text: Option<&str>,
    order: &str,
    offset: usize,
) -> (usize, Vec<String>) {
    let condition = if text.is_some() { "instr(search, ?1) > 0" } else { "?1 is null" };
    let count = format!("select count(*) from learner where {condition}");
    let total: i64 = connection.query_row(&count, [text], |row| row.get(0)).expect("counted");
    let sql = format!(
        "select name || pinyin || id_number || phone || class_name || student_no || major_name
           || address from learner where {condition} order by {order} limit 50 offset {offset}"
    );
    let mut statement = connection.prepare_cached(&sql).expect("prepared");
    let rows = statement.query_map([text], |row| row.get(0)).expect("read");
    (total as usize, rows.map(|row| row.expect("read")).collect())
}

/// The order of the list.
pub const ORDER: &str = "class_name, pinyin, student_no, id";
