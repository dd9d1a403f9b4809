//! Tables that people bring: workbooks and text become sheets of plain cells.
//!
//! Everything is bounded before it is parsed and recognised by its content, never by the ending of
//! a name. What a cell means is `import`'s matter; no file is opened here.

mod compound;
mod ods;
mod package;
mod text;
pub mod write;
mod xls;
mod xlsx;
mod xml;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use onex_crdt::field::time::Date;

/// A file or a pasted text as sheets.
#[derive(Clone, PartialEq)]
pub struct Table {
    /// How it was written.
    pub format: Format,
    /// Every sheet, in the order of the file; a text has one without a name.
    pub sheets: Vec<Sheet>,
}

/// How a table was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A workbook of Excel 2007 or later.
    Xlsx,
    /// A workbook of Excel 97-2003.
    Xls,
    /// A workbook of OpenDocument.
    Ods,
    /// Lines of text.
    Text {
        /// The name of the encoding, as the web calls it.
        encoding: &'static str,
        /// What stands between two cells.
        delimiter: char,
    },
}

/// One sheet: the rows that hold something, ascending.
#[derive(Clone, PartialEq, Default)]
pub struct Sheet {
    /// The name that its tab shows.
    pub name: String,
    /// Whether its tab is hidden.
    pub hidden: bool,
    /// Rows with at least one cell that is not empty.
    pub rows: Vec<Row>,
    /// Cells that are empty in the file and show the value of the merged cell above, as (row
    /// number, column).
    pub filled: BTreeSet<(u32, u16)>,
}

/// One row.
#[derive(Clone, PartialEq, Default)]
pub struct Row {
    /// The number that a spreadsheet shows, from 1; in text the number of the record, blank ones
    /// counted.
    pub number: u32,
    /// Whether a spreadsheet hides it.
    pub hidden: bool,
    cells: Vec<(u16, Cell)>,
}

/// What a cell holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text, as it stands there.
    Text(String),
    /// A number; digits beyond the 15th are lost in it.
    Number(f64),
    /// A number that is shown as a day.
    Date(Date),
    /// True or false.
    Bool(bool),
    /// An error, `#N/A`; or a formula that was never computed.
    Error,
}

impl Row {
    /// The cells that are not empty, by column from 0.
    pub fn cells(&self) -> impl Iterator<Item = (u16, &Cell)> {
        self.cells.iter().map(|(column, cell)| (*column, cell))
    }

    /// Returns what stands in a column, or nothing when it is empty.
    pub fn cell(&self, column: u16) -> Option<&Cell> {
        let at = self.cells.binary_search_by_key(&column, |(column, _)| *column).ok()?;
        self.cells.get(at).map(|(_, cell)| cell)
    }

    fn put(&mut self, column: u16, cell: Cell) {
        match self.cells.binary_search_by_key(&column, |(column, _)| *column) {
            Ok(at) => self.cells[at].1 = cell,
            Err(at) => self.cells.insert(at, (column, cell)),
        }
    }
}

impl Cell {
    /// Returns what a person reads: whole numbers without a point, days as `YYYY-MM-DD`.
    pub fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => format!("{number}"),
            Cell::Date(date) => date.to_string(),
            Cell::Bool(true) => "true".to_owned(),
            Cell::Bool(false) => "false".to_owned(),
            Cell::Error => String::new(),
        }
    }

    /// Whether nothing is to be seen in it.
    fn is_blank(&self) -> bool {
        matches!(self, Cell::Text(text) if text.trim().is_empty())
    }

    fn text_bytes(&self) -> usize {
        if let Cell::Text(text) = self { text.len() } else { 0 }
    }
}

/// Reads a file, whatever it is called.
///
/// # Errors
/// When it is too large, protected, damaged, or no table.
pub fn read(bytes: &[u8]) -> Result<Table, TableError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(TableError::TooLarge);
    }
    // The readers return errors; this holds what a library of theirs asserts about hostile bytes.
    let read = catch_unwind(AssertUnwindSafe(|| match kind(bytes)? {
        Kind::Zip => package::read(bytes),
        Kind::Compound => xls::read(bytes),
        Kind::Text => text::read(bytes),
    }));
    read.unwrap_or(Err(TableError::Damaged))
}

/// Reads text that was pasted: cells between tabs, as spreadsheets copy them, or other signs.
///
/// # Errors
/// When it is too large or holds nothing.
pub fn read_pasted(text: &str) -> Result<Table, TableError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(TableError::TooLarge);
    }
    text::read_decoded(text, "UTF-8")
}

enum Kind {
    Zip,
    Compound,
    Text,
}

fn kind(bytes: &[u8]) -> Result<Kind, TableError> {
    let start = bytes.trim_ascii_start();
    let opens = |signs: &[&[u8]]| signs.iter().any(|sign| bytes.starts_with(sign));
    if start.is_empty() {
        return Err(TableError::Empty);
    }
    if opens(&[b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"]) {
        return Ok(Kind::Zip);
    }
    if opens(&[&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]]) {
        return Ok(Kind::Compound);
    }
    if opens(&[b"%PDF", b"\x89PNG", b"\xFF\xD8\xFF", b"GIF8", b"Rar!", b"7z\xBC\xAF", b"\x1F\x8B"])
    {
        return Err(TableError::NoTable);
    }
    Ok(Kind::Text)
}

/// Collects rows in any order, within the bounds of a table.
#[derive(Default)]
struct Builder {
    cells: usize,
    text_bytes: usize,
    sheets: Vec<Sheet>,
}

impl Builder {
    fn sheet(&mut self, name: String, hidden: bool) -> Result<(), TableError> {
        if self.sheets.len() >= SHEETS_MAX {
            return Err(TableError::TooLarge);
        }
        self.sheets.push(Sheet { name, hidden, ..Sheet::default() });
        Ok(())
    }

    /// Counts a cell that stands there so many times, before anything is copied: a file says a long
    /// text once and may show it everywhere.
    fn weigh(&mut self, cell: &Cell, times: usize) -> Result<(), TableError> {
        self.cells = self.cells.saturating_add(times);
        let bytes = cell.text_bytes().saturating_mul(times);
        self.text_bytes = self.text_bytes.saturating_add(bytes);
        let fits = self.cells <= CELLS_MAX && self.text_bytes <= TEXT_BYTES_MAX;
        if fits { Ok(()) } else { Err(TableError::TooLarge) }
    }

    /// Puts a cell into the newest sheet; the row is numbered from 1, the column from 0.
    /// Blank text is nothing.
    fn put(&mut self, number: u32, column: u32, cell: Cell) -> Result<(), TableError> {
        if cell.is_blank() {
            return Ok(());
        }
        self.weigh(&cell, 1)?;
        let column = u16::try_from(column).ok().filter(|column| *column < COLUMNS_MAX);
        let (Some(column), 1..=ROWS_MAX) = (column, number) else {
            return Err(TableError::Damaged);
        };
        let sheet = self.sheets.last_mut().ok_or(TableError::Damaged)?;
        match sheet.rows.last_mut() {
            Some(row) if row.number == number => row.put(column, cell),
            Some(row) if row.number > number => {
                match sheet.rows.binary_search_by_key(&number, |row| row.number) {
                    Ok(at) => sheet.rows[at].put(column, cell),
                    // Rows out of order are damage or an attempt to make this slow.
                    Err(_) => return Err(TableError::Damaged),
                }
            }
            _ => sheet.rows.push(Row { number, hidden: false, cells: vec![(column, cell)] }),
        }
        Ok(())
    }

    /// Marks rows of the newest sheet as hidden.
    fn hide(&mut self, first: u32, last: u32) {
        let Some(sheet) = self.sheets.last_mut() else { return };
        let from = sheet.rows.partition_point(|row| row.number < first);
        for row in sheet.rows[from..].iter_mut().take_while(|row| row.number <= last) {
            row.hidden = true;
        }
    }

    /// Gives the rows below a merged cell its value, where those rows hold something.
    fn merge(&mut self, merge: Merge) -> Result<(), TableError> {
        let Some(sheet) = self.sheets.last_mut() else { return Ok(()) };
        if merge.last_row <= merge.first_row {
            return Ok(());
        }
        let at = sheet.rows.partition_point(|row| row.number < merge.first_row);
        let Some(top) = sheet.rows.get(at).filter(|row| row.number == merge.first_row) else {
            return Ok(());
        };
        let Some(value) = top.cell(merge.column).cloned() else { return Ok(()) };
        for row in sheet.rows[at + 1..].iter_mut().take_while(|row| row.number <= merge.last_row) {
            self.cells += 1;
            self.text_bytes += value.text_bytes();
            if self.cells > CELLS_MAX || self.text_bytes > TEXT_BYTES_MAX {
                return Err(TableError::TooLarge);
            }
            if row.cell(merge.column).is_none() {
                row.put(merge.column, value.clone());
                sheet.filled.insert((row.number, merge.column));
            }
        }
        Ok(())
    }

    fn finish(self, format: Format) -> Result<Table, TableError> {
        if self.sheets.iter().all(|sheet| sheet.rows.is_empty()) {
            return Err(TableError::Empty);
        }
        Ok(Table { format, sheets: self.sheets })
    }
}

/// Cells that are shown as one: rows from 1, the leftmost column.
#[derive(Debug, Clone, Copy)]
struct Merge {
    first_row: u32,
    last_row: u32,
    column: u16,
}

/// Returns the day that a spreadsheet shows for a serial number, if it is one of ours.
pub(crate) fn serial_date(serial: f64, is_1904: bool) -> Option<Date> {
    // Serial 60 is 29 February 1900, which never was; days before it count one less.
    let offset = if is_1904 { DAYS_1904 } else { DAYS_1900 };
    let shift = if !is_1904 && serial < 60.0 { 1 } else { 0 };
    if !(0.0..=SERIAL_MAX).contains(&serial) {
        return None;
    }
    Date::from_days(serial.floor() as i64 + offset + shift)
}

/// 1899-12-30, from which serial numbers after February 1900 count.
const DAYS_1900: i64 = -25_569;
/// 1904-01-01.
const DAYS_1904: i64 = -24_107;
/// 9999-12-31, the last day of a spreadsheet.
const SERIAL_MAX: f64 = 2_958_466.0;

/// Largest file (contract, `too_large`).
pub const FILE_BYTES_MAX: usize = 20 << 20;
/// Most bytes that a file inflates to.
const INFLATED_BYTES_MAX: u64 = 200 << 20;
/// Most cells that are not empty, in all sheets.
pub const CELLS_MAX: usize = 200_000;
/// Most bytes of text in all cells: more than the largest file of text.
const TEXT_BYTES_MAX: usize = 64 << 20;
/// Most sheets.
const SHEETS_MAX: usize = 256;
/// Rows of a spreadsheet.
const ROWS_MAX: u32 = 1_048_576;
/// Columns of a spreadsheet.
const COLUMNS_MAX: u16 = 16_384;

/// Why bytes are no table that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// More bytes or cells than are read.
    #[error("the table is too large")]
    TooLarge,
    /// Nothing in it.
    #[error("the table is empty")]
    Empty,
    /// Protected by a password.
    #[error("the workbook is protected by a password")]
    Password,
    /// A web page, perhaps with the ending of a workbook.
    #[error("this is a web page")]
    WebPage,
    /// Another kind of file.
    #[error("this is no table")]
    NoTable,
    /// Cut off or altered.
    #[error("the file is damaged")]
    Damaged,
}
