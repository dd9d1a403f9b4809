//! `onex export`: the records of a kind as a workbook or as CSV, by the ending of the name.
//!
//! Secret fields are masked, unless they are to be revealed. It is written down who exports what.

use std::path::{Path, PathBuf};

use onex_crdt::ids::RecordId;
use onex_crdt::record::RecordKind;
use onex_node::api::Query;
use onex_node::home::write_secret;
use onex_node::{Node, table};
use serde_json::json;

use super::{Failure, Output, given, lists, tables};
use crate::i18n::{Arg, Lang, tr};
use crate::json::Secrets;

/// What `onex export` is given.
pub struct Asked {
    pub kind: String,
    pub file: PathBuf,
    pub reveal: bool,
}

/// Writes all records of a kind.
pub fn export(lang: Lang, node: &Node, asked: &Asked) -> Result<Output, Failure> {
    let kind = given::kind(lang, &asked.kind, &[])?;
    let ending = Ending::of(&asked.file).ok_or_else(|| {
        Failure::usage(lang, "command-export-ending", &asked.file.display().to_string())
    })?;
    let list = node.list(&Query::all(kind)).map_err(|error| Failure::of(lang, error))?;
    let secrets = lists::secrets(lang, node, ("export", asked.reveal), kind, &list.rows)?;
    if secrets == Secrets::Masked {
        let ids: Vec<RecordId> = list.rows.iter().map(|row| row.id).collect();
        let noted = node.audit("export", kind.key, &ids, &[]);
        noted.map_err(|error| Failure::of(lang, error))?;
    }
    let rows = tables::exported(secrets, kind, &list.rows);
    let failed = |error: &std::io::Error| Failure::disk(lang, &asked.file, error);
    let bytes = match ending {
        Ending::Csv => tables::csv_lines(&rows).into_bytes(),
        Ending::Xlsx => workbook(kind, &rows).map_err(|error| failed(&error))?,
    };
    write_secret(&asked.file, &bytes).map_err(|error| failed(&error))?;
    let file = asked.file.display().to_string();
    let count = list.rows.len();
    let args = [("count", Arg::Count(count as u64)), ("file", Arg::Text(&file))];
    let text = tr(lang, "command-exported", &args);
    Ok(Output::done(json!({ "kind": kind.key, "file": file, "rows": count }), text))
}

fn workbook(kind: &RecordKind, rows: &[Vec<String>]) -> std::io::Result<Vec<u8>> {
    table::write::xlsx(kind.zh, rows).map_err(std::io::Error::other)
}

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Xlsx,
    Csv,
}

impl Ending {
    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "xlsx" => Some(Ending::Xlsx),
            "csv" => Some(Ending::Csv),
            _ => None,
        }
    }
}
