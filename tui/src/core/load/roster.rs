//! Worker's part of an import: folders, files, pasted tables, what the register knows already.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use onex_node::import::{Draft, Roster};
use onex_node::table::{self, FILE_BYTES_MAX, Table, TableError};

use crate::core::backend::{Answered, Backend};
use crate::core::problem::Unusable;
use crate::core::wizard::{Folder, FolderEntry, SEPARATOR, split_path};

/// Where a table comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableSource {
    /// A file.
    File(String),
    /// Text that was pasted.
    Text(String),
}

/// Why there is no roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoster {
    /// The folder cannot be read.
    Folder,
    /// The file cannot be read.
    File,
    /// It is no roster.
    Unusable(Unusable),
}

/// Returns what can be chosen in the folder of a path; an empty path means the person's own folder.
pub fn folder(path: &str) -> Result<Folder, NoRoster> {
    let own = || std::env::home_dir().map(|home| with_separator(&home)).unwrap_or_default();
    let (before, _) = split_path(path);
    let folder = match before.strip_prefix('~') {
        _ if path.is_empty() => own(),
        Some(rest) => own() + rest.trim_start_matches(['/', std::path::MAIN_SEPARATOR]),
        None => before.to_owned(),
    };
    let found = std::fs::read_dir(&folder).map_err(|_| NoRoster::Folder)?;
    let entries = found.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let is_folder = entry.path().is_dir();
        let fits = is_folder || ENDINGS.iter().any(|end| name.to_lowercase().ends_with(end));
        (fits && !name.starts_with('.')).then_some(FolderEntry { name, is_folder })
    });
    let mut entries: Vec<FolderEntry> = entries.take(ENTRIES_MAX).collect();
    entries.sort_by(|a, b| (!a.is_folder, &a.name).cmp(&(!b.is_folder, &b.name)));
    Ok(Folder { path: folder, entries })
}

fn with_separator(path: &Path) -> String {
    let path = path.display().to_string();
    if path.ends_with(SEPARATOR) { path } else { path + SEPARATOR }
}

/// Reads a table, finds the roster in it and compares it with the register.
pub fn read(
    backend: &dyn Backend,
    roster: Roster,
    source: &TableSource,
) -> Answered<Result<(String, Draft), NoRoster>> {
    let (name, table) = match source {
        TableSource::File(path) => (file_name(path), file(path)),
        TableSource::Text(text) => (String::new(), table::read_pasted(text).map_err(no_table)),
    };
    let table = match table {
        Ok(table) => table,
        Err(why) => return Ok(Err(why)),
    };
    let today = backend.me()?.now.date();
    let Ok(mut draft) = Draft::new(roster, table, today) else {
        return Ok(Err(NoRoster::Unusable(Unusable::NoHeader)));
    };
    backend.import_match(&mut draft)?;
    Ok(Ok((name, draft)))
}

fn file_name(path: &str) -> String {
    split_path(path).1.to_owned()
}

fn file(path: &str) -> Result<Table, NoRoster> {
    let path = PathBuf::from(path);
    // A pipe or a device may have no end, and waits for a writer before it is looked at.
    let is_file = std::fs::metadata(&path).is_ok_and(|about| about.is_file());
    let opened = is_file.then(|| std::fs::File::open(&path).ok()).flatten();
    let mut bytes = Vec::new();
    let read =
        opened.ok_or(NoRoster::File)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|_| NoRoster::File)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(no_table(TableError::TooLarge));
    }
    table::read(&bytes).map_err(no_table)
}

fn no_table(error: TableError) -> NoRoster {
    NoRoster::Unusable(Unusable::Table(error))
}

/// How names of tables end; a file of another name can be typed.
const ENDINGS: [&str; 7] = [".xlsx", ".xlsm", ".xls", ".ods", ".csv", ".tsv", ".txt"];
/// Entries of a folder that are shown at most.
const ENTRIES_MAX: usize = 1000;
