//! Workbooks of Excel 97-2003 (BIFF): calamine reads the cells, after a look at what it would do.
//!
//! The records are walked first: protection, how large the sheets are, which rows are hidden.
//! calamine reserves memory for what a sheet claims to hold and for the whole rectangle of what it
//! holds; neither is left to the file.

use std::collections::BTreeSet;
use std::io::Cursor;

use calamine::{Data, Dimensions, Reader as _, SheetType, SheetVisible, Xls};

use super::compound::{Compound, wrapped};
use super::xlsx::day;
use super::{
    Builder, CELLS_MAX, Cell, Format, Merge, SHEETS_MAX, TEXT_BYTES_MAX, Table, TableError,
    serial_date,
};

/// Reads a workbook out of its compound file.
pub fn read(bytes: &[u8]) -> Result<Table, TableError> {
    let compound = Compound::open(bytes)?;
    if compound.has("EncryptedPackage") {
        return Err(TableError::Password);
    }
    let stream = match compound.stream("Workbook")? {
        Some(stream) => stream,
        None => compound.stream("Book")?.ok_or(TableError::NoTable)?,
    };
    let mut stream = stream;
    let hidden_rows = look_over(&mut stream)?;
    let file = wrapped("Workbook", &stream);
    let mut workbook: Xls<_> = Xls::new(Cursor::new(file)).map_err(|_| TableError::Damaged)?;
    let is_1904 = workbook.has_1904_epoch();
    let mut builder = Builder::default();
    let sheets = workbook.sheets_metadata().to_owned();
    for (at, sheet) in sheets.into_iter().enumerate() {
        if sheet.typ != SheetType::WorkSheet {
            continue;
        }
        let range = workbook.worksheet_range(&sheet.name).map_err(|_| TableError::Damaged)?;
        let (top, left) = range.start().unwrap_or_default();
        builder.sheet(sheet.name.clone(), sheet.visible != SheetVisible::Visible)?;
        for (row, column, data) in range.used_cells() {
            let (row, column) = (top + row as u32 + 1, left + column as u32);
            if let Some(cell) = cell(data, is_1904) {
                builder.put(row, column, cell)?;
            }
        }
        for merge in workbook.merge_cells_by_sheet_name(&sheet.name).unwrap_or_default() {
            builder.merge(merged(merge))?;
        }
        hidden_rows
            .iter()
            .filter(|(of, _)| *of == at)
            .for_each(|(_, row)| builder.hide(*row, *row));
    }
    builder.finish(Format::Xls)
}

fn cell(data: &Data, is_1904: bool) -> Option<Cell> {
    Some(match data {
        Data::Empty => return None,
        Data::String(text) if text.is_empty() => return None,
        Data::String(text) | Data::DurationIso(text) => Cell::Text(text.clone()),
        Data::Int(number) => Cell::Number(*number as f64),
        Data::Float(number) => Cell::Number(*number),
        Data::Bool(flag) => Cell::Bool(*flag),
        Data::DateTimeIso(text) => day(text),
        Data::Error(_) => Cell::Error,
        Data::DateTime(moment) => {
            let serial = moment.as_f64();
            let date = if moment.is_datetime() { serial_date(serial, is_1904) } else { None };
            date.map_or(Cell::Number(serial), Cell::Date)
        }
    })
}

fn merged(range: Dimensions) -> Merge {
    let column = range.start.1.min(u32::from(u16::MAX)) as u16;
    Merge { first_row: range.start.0 + 1, last_row: range.end.0.saturating_add(1), column }
}

/// Walks the records of a workbook as calamine will, and takes out what a sheet claims to hold.
///
/// Returns the hidden rows as (sheet, row number).
fn look_over(stream: &mut [u8]) -> Result<BTreeSet<(usize, u32)>, TableError> {
    let mut sheets = Vec::new();
    let mut shared = Vec::new();
    let mut before = 0;
    for record in Records::new(stream, 0) {
        let Record { kind, at, size } = record?;
        match kind {
            SHARED_TEXTS => shared = vec![&stream[at..at + size]],
            CONTINUE if before == SHARED_TEXTS => shared.push(&stream[at..at + size]),
            FILE_PASS => return Err(TableError::Password),
            BOUND_SHEET if size >= 4 => sheets.push(u32_at(stream, at) as usize),
            END => break,
            _ => {}
        }
        before = if kind == CONTINUE { before } else { kind };
    }
    let texts = Texts { parts: &shared, at: TEXTS_HEAD }.lengths();
    let mut text_bytes = 0_usize;
    if sheets.len() > SHEETS_MAX {
        return Err(TableError::TooLarge);
    }
    let mut hidden = BTreeSet::new();
    let mut claims = Vec::new();
    let mut records = 0_usize;
    for (number, start) in sheets.into_iter().enumerate() {
        if start > stream.len() {
            return Err(TableError::Damaged);
        }
        let mut sheet = Extent::default();
        let mut depth = 0_usize;
        for record in Records::new(stream, start) {
            let Record { kind, at, size } = record?;
            records += 1;
            match kind {
                BEGIN => depth += 1,
                END if depth <= 1 => break,
                END => depth -= 1,
                DIMENSIONS => claims.push(at - 4),
                ROW if size >= 14 && stream[at + 12] & ROW_HIDDEN != 0 => {
                    hidden.insert((number, u32::from(u16_at(stream, at)) + 1));
                }
                kind if CELLS.contains(&kind) && size >= 4 => {
                    sheet.add(u16_at(stream, at), u16_at(stream, at + 2));
                    if kind == SHARED_TEXT && size >= 10 {
                        let text = texts.get(u32_at(stream, at + 6) as usize);
                        text_bytes = text_bytes.saturating_add(*text.unwrap_or(&TEXT_MAX));
                    }
                }
                MANY_NUMBERS if size >= 6 => {
                    let row = u16_at(stream, at);
                    sheet.add(row, u16_at(stream, at + 2));
                    sheet.add(row, u16_at(stream, at + size - 2));
                    sheet.cells += size / 6;
                }
                _ => {}
            }
        }
        let is_large = sheet.cells > CELLS_MAX || sheet.area() > AREA_MAX;
        if is_large || records > RECORDS_MAX || text_bytes > TEXT_BYTES_MAX {
            return Err(TableError::TooLarge);
        }
    }
    for at in claims {
        stream[at..at + 2].copy_from_slice(&NOTHING.to_le_bytes());
    }
    Ok(hidden)
}

/// The texts that cells share, in the parts of their record: only how long each becomes.
struct Texts<'a> {
    parts: &'a [&'a [u8]],
    at: usize,
}

impl Texts<'_> {
    /// The bytes of each text at most.
    fn lengths(mut self) -> Vec<usize> {
        std::iter::from_fn(|| self.next()).collect()
    }

    fn next(&mut self) -> Option<usize> {
        let characters = self.number(2)?;
        let flags = self.number(1)?;
        let runs = if flags & 8 != 0 { self.number(2)? } else { 0 };
        let more = if flags & 4 != 0 { self.number(4)? } else { 0 };
        let mut left = characters;
        let mut wide = flags & 1;
        while left > 0 {
            let part = self.parts.first()?;
            let here = (part.len().saturating_sub(self.at) / (1 + wide)).min(left);
            self.at += here * (1 + wide);
            left -= here;
            if left > 0 {
                // Where a text goes on in the next part, its width is told again.
                self.turn();
                wide = self.number(1)? & 1;
            }
        }
        let mut skipped = runs.saturating_mul(4).saturating_add(more);
        while skipped > 0 {
            let part = self.parts.first()?;
            let here = part.len().saturating_sub(self.at).min(skipped);
            self.at += here;
            skipped -= here;
            if skipped > 0 {
                self.turn();
            }
        }
        Some(characters * UTF8_BYTES)
    }

    fn turn(&mut self) {
        self.parts = self.parts.get(1..).unwrap_or_default();
        self.at = 0;
    }

    /// The next bytes as a number.
    fn number(&mut self, bytes: u32) -> Option<usize> {
        let mut number = 0;
        for place in 0..bytes {
            while self.at >= self.parts.first()?.len() {
                self.turn();
            }
            number |= usize::from(self.parts.first()?[self.at]) << (8 * place);
            self.at += 1;
        }
        Some(number)
    }
}

/// How far the cells of a sheet reach.
#[derive(Default)]
struct Extent {
    cells: usize,
    rows: Option<(u16, u16)>,
    columns: Option<(u16, u16)>,
}

impl Extent {
    fn add(&mut self, row: u16, column: u16) {
        let wider = |range: Option<(u16, u16)>, at: u16| {
            range.map_or((at, at), |(first, last)| (first.min(at), last.max(at)))
        };
        self.cells += 1;
        self.rows = Some(wider(self.rows, row));
        self.columns = Some(wider(self.columns, column));
    }

    fn area(&self) -> usize {
        let length = |range: Option<(u16, u16)>| {
            range.map_or(0, |(first, last)| usize::from(last - first) + 1)
        };
        length(self.rows) * length(self.columns)
    }
}

/// One record: its kind, where its data begin, how many bytes they are.
struct Record {
    kind: u16,
    at: usize,
    size: usize,
}

/// The records of a stream from some place on.
struct Records<'a> {
    stream: &'a [u8],
    next: usize,
}

impl<'a> Records<'a> {
    fn new(stream: &'a [u8], start: usize) -> Records<'a> {
        Records { stream, next: start }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next.checked_add(4).filter(|at| *at <= self.stream.len())?;
        let size = usize::from(u16_at(self.stream, at - 2));
        self.next = at + size;
        if self.next > self.stream.len() {
            return Some(Err(TableError::Damaged));
        }
        Some(Ok(Record { kind: u16_at(self.stream, at - 4), at, size }))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

const BEGIN: u16 = 0x0809;
const END: u16 = 0x000A;
const FILE_PASS: u16 = 0x002F;
const BOUND_SHEET: u16 = 0x0085;
const DIMENSIONS: u16 = 0x0200;
const ROW: u16 = 0x0208;
/// The bit of a row's flags that hides it.
const ROW_HIDDEN: u8 = 0x20;
const MANY_NUMBERS: u16 = 0x00BD;
const SHARED_TEXTS: u16 = 0x00FC;
const CONTINUE: u16 = 0x003C;
/// A cell that shows a shared text.
const SHARED_TEXT: u16 = 0x00FD;
/// Two counts stand before the shared texts.
const TEXTS_HEAD: usize = 8;
/// Bytes of a UTF-16 unit in UTF-8 at most.
const UTF8_BYTES: usize = 3;
/// The longest shared text: what is taken for one that is not found.
const TEXT_MAX: usize = 65_535 * UTF8_BYTES;
/// Records that hold one cell: numbers, texts, truths, formulas.
const CELLS: [u16; 8] = [0x0203, 0x0204, 0x00D6, 0x0205, 0x027E, 0x00FD, 0x0006, 0x0221];
/// A kind of record that no reader knows.
const NOTHING: u16 = 0x7FFF;
/// Largest rectangle around the cells of a sheet: calamine holds each of its places.
const AREA_MAX: usize = 2_500_000;
/// Most records of all sheets together.
const RECORDS_MAX: usize = 2_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        let size = u16::try_from(data.len()).expect("a short record");
        [&kind.to_le_bytes()[..], &size.to_le_bytes(), data].concat()
    }

    /// A stream with one shared text of 60,000 characters in two parts and a short one after it,
    /// and so many cells that show one of them.
    fn stream(text: u32, cells: u16) -> Vec<u8> {
        let long = 60_000_u16.to_le_bytes();
        let head = [&[0; TEXTS_HEAD][..], &long, &[0], &[b'a'; 8_000]].concat();
        let rest = [&[0][..], &[b'a'; 52_000], &[1, 0, 8, 1, 0, b'b', 0, 0, 0, 0]].concat();
        let start = 4 + 4 + 4 + head.len() + 4 + rest.len() + 4;
        let start = u32::try_from(start).expect("a short stream").to_le_bytes();
        let mut stream = record(BOUND_SHEET, &start);
        for (kind, data) in [(SHARED_TEXTS, head), (CONTINUE, rest), (END, Vec::new())] {
            stream.extend(record(kind, &data));
        }
        stream.extend(record(BEGIN, &[]));
        for row in 0..cells {
            let place = [&row.to_le_bytes()[..], &[0; 4]].concat();
            stream.extend(record(SHARED_TEXT, &[&place[..], &text.to_le_bytes()].concat()));
        }
        stream.extend(record(END, &[]));
        stream
    }

    #[test]
    fn a_shared_text_is_weighed_as_often_as_it_is_shown() {
        let check = |text, cells, fits| {
            let looked = look_over(&mut stream(text, cells));
            assert_eq!(looked.is_ok(), fits, "{text} {cells}");
        };
        check(0, 300, true);
        check(0, 1_000, false);
        check(1, 60_000, true);
        check(2, 1_000, false);
    }
}
