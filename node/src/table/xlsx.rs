//! Workbooks of Excel 2007 and later (ECMA-376): values, days, hidden rows, merged cells.
//!
//! Read here and not by calamine, which reserves as much memory as a file claims to need and does
//! not tell hidden rows or formulas that were never computed. Charts, styles and formulas
//! themselves are not read.

use std::collections::BTreeMap;

use super::package::Package;
use super::xml::{Element, Piece, Xml};
use super::{Builder, CELLS_MAX, Cell, Format, Merge, SHEETS_MAX, Table, TableError, serial_date};

/// Reads a workbook out of its package.
pub fn read(package: &mut Package) -> Result<Table, TableError> {
    let main = main_part(package)?;
    let folder = main.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let links = links(package, &main, &folder)?;
    let workbook = Workbook::read(&package.needed(&main)?)?;
    let part = |kind: &str| links.values().find(|link| link.is(kind)).map(|link| &link.target);
    let strings = match part("sharedStrings") {
        Some(name) => package.part(name)?.map_or(Ok(Vec::new()), |bytes| strings(&bytes))?,
        None => Vec::new(),
    };
    let is_date = match part("styles") {
        Some(name) => package.part(name)?.map_or(Ok(Vec::new()), |bytes| dates(&bytes))?,
        None => Vec::new(),
    };
    let book = Book { strings, is_date, is_1904: workbook.is_1904 };
    let mut builder = Builder::default();
    for (name, hidden, link) in workbook.sheets {
        let Some(link) = links.get(&link).filter(|link| link.is("worksheet")) else { continue };
        let bytes = package.needed(&link.target)?;
        builder.sheet(name, hidden)?;
        sheet(&bytes, &book, &mut builder)?;
    }
    builder.finish(Format::Xlsx)
}

/// What the cells of every sheet refer to.
struct Book {
    strings: Vec<String>,
    /// Whether the style of this number shows a day.
    is_date: Vec<bool>,
    is_1904: bool,
}

/// Where a relationship of the workbook points.
struct Link {
    kind: String,
    target: String,
}

impl Link {
    fn is(&self, kind: &str) -> bool {
        self.kind.rsplit('/').next() == Some(kind)
    }
}

fn main_part(package: &mut Package) -> Result<String, TableError> {
    let links = match package.part("_rels/.rels")? {
        Some(bytes) => read_links(&bytes, "")?,
        None => BTreeMap::new(),
    };
    let main = links.into_values().find(|link| link.is("officeDocument"));
    let main = main.map_or("xl/workbook.xml".to_owned(), |link| link.target);
    // A text document or a presentation is such a package too, and so is a binary workbook.
    let is_workbook = main.contains("workbook") && main.ends_with(".xml");
    if is_workbook { Ok(main) } else { Err(TableError::NoTable) }
}

fn links(
    package: &mut Package,
    main: &str,
    folder: &str,
) -> Result<BTreeMap<String, Link>, TableError> {
    let file = main.strip_prefix(folder).unwrap_or(main);
    let bytes = package.needed(&format!("{folder}_rels/{file}.rels"))?;
    read_links(&bytes, folder)
}

fn read_links(bytes: &[u8], folder: &str) -> Result<BTreeMap<String, Link>, TableError> {
    let mut xml = Xml::new(bytes);
    let mut links = BTreeMap::new();
    loop {
        match xml.next()? {
            Piece::Start(element) if element.name() == "Relationship" => {
                let id = element.attribute("Id")?.unwrap_or_default();
                let kind = element.attribute("Type")?.unwrap_or_default();
                let target = element.attribute("Target")?.unwrap_or_default();
                let target = match target.strip_prefix('/') {
                    Some(whole) => whole.to_owned(),
                    None => format!("{folder}{}", target.trim_start_matches("./")),
                };
                links.insert(id, Link { kind, target });
                if links.len() > LINKS_MAX {
                    return Err(TableError::TooLarge);
                }
            }
            Piece::Done => return Ok(links),
            _ => {}
        }
    }
}

struct Workbook {
    /// Name, whether hidden, relationship.
    sheets: Vec<(String, bool, String)>,
    is_1904: bool,
}

impl Workbook {
    fn read(bytes: &[u8]) -> Result<Self, TableError> {
        let mut xml = Xml::new(bytes);
        let mut workbook = Self { sheets: Vec::new(), is_1904: false };
        loop {
            match xml.next()? {
                Piece::Start(element) if element.name() == "sheet" => {
                    let name = element.attribute("name")?.unwrap_or_default();
                    let shown = element.attribute("state")?.is_none_or(|state| state == "visible");
                    let link = element.attribute("id")?.unwrap_or_default();
                    workbook.sheets.push((name, !shown, link));
                    if workbook.sheets.len() > SHEETS_MAX {
                        return Err(TableError::TooLarge);
                    }
                }
                Piece::Start(element) if element.name() == "workbookPr" => {
                    workbook.is_1904 = element.is("date1904")?;
                }
                Piece::Done => return Ok(workbook),
                _ => {}
            }
        }
    }
}

fn strings(bytes: &[u8]) -> Result<Vec<String>, TableError> {
    let mut xml = Xml::new(bytes);
    let mut strings = Vec::new();
    loop {
        match xml.next()? {
            Piece::Start(element) if element.name() == "si" => {
                if strings.len() >= STRINGS_MAX {
                    return Err(TableError::TooLarge);
                }
                strings.push(rich_text(&mut xml)?);
            }
            Piece::Done => return Ok(strings),
            _ => {}
        }
    }
}

/// The text of a string without its phonetic guide (拼音指南).
fn rich_text(xml: &mut Xml) -> Result<String, TableError> {
    let mut text = String::new();
    let mut depth = 0_usize;
    loop {
        match xml.next()? {
            Piece::Start(element) => match element.name().as_str() {
                "t" => text.push_str(&xml.text(&[])?),
                "rPh" => {
                    xml.text(&[])?;
                }
                _ => depth += 1,
            },
            Piece::End(_) if depth == 0 => return Ok(unescaped(&text)),
            Piece::End(_) => depth -= 1,
            Piece::Text(_) => {}
            Piece::Done => return Err(TableError::Damaged),
        }
    }
}

/// Undoes `_x000D_`, by which these workbooks write characters that XML has not.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 6).filter(|_| rest[at + 2..].get(4..5) == Some("_"));
        let c = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        match c {
            Some(c) => {
                out.push(c);
                rest = &rest[at + 7..];
            }
            None => {
                out.push_str("_x");
                rest = &rest[at + 2..];
            }
        }
    }
    out + rest
}

/// Which styles show a day.
fn dates(bytes: &[u8]) -> Result<Vec<bool>, TableError> {
    let mut xml = Xml::new(bytes);
    let mut formats = BTreeMap::new();
    let mut styles = Vec::new();
    let mut in_cells = false;
    loop {
        match xml.next()? {
            Piece::Start(element) => match element.name().as_str() {
                "numFmt" => {
                    let code = element.attribute("formatCode")?.unwrap_or_default();
                    let number = element.number("numFmtId")?.unwrap_or_default();
                    formats.insert(number, shows_day(&code));
                }
                "cellXfs" => in_cells = true,
                "xf" if in_cells => styles.push(element.number("numFmtId")?.unwrap_or_default()),
                _ => {}
            },
            Piece::End(name) if name == "cellXfs" => in_cells = false,
            Piece::Done => break,
            _ => {}
        }
    }
    // The built-in formats of days, those of Chinese systems included; 18-21 and 45-47 are times.
    let built_in = |number: u32| matches!(number, 14..=17 | 22 | 27..=31 | 36 | 50..=54 | 57 | 58);
    let is_date = |number: u32| formats.get(&number).copied().unwrap_or_else(|| built_in(number));
    Ok(styles.into_iter().map(is_date).collect())
}

/// Whether a format code writes a year or a day.
fn shows_day(code: &str) -> bool {
    let mut quoted = false;
    let mut bracketed = false;
    let mut escaped = false;
    for c in code.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' | '_' | '*' if !quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => bracketed = true,
            ']' => bracketed = false,
            'y' | 'Y' | 'd' | 'D' if !quoted && !bracketed => return true,
            ';' if !quoted => return false,
            _ => {}
        }
    }
    false
}

fn sheet(bytes: &[u8], book: &Book, builder: &mut Builder) -> Result<(), TableError> {
    let mut xml = Xml::new(bytes);
    let mut place = Place { row: 0, column: 0 };
    let mut hidden = Vec::new();
    loop {
        match xml.next()? {
            Piece::Start(element) => match element.name().as_str() {
                "row" => {
                    let next = place.row + 1;
                    place = Place { row: element.number("r")?.unwrap_or(next), column: 0 };
                    if element.is("hidden")? {
                        hidden.push(place.row);
                    }
                }
                "c" => {
                    if let Some(reference) = element.attribute("r")? {
                        place = Place::read(&reference)?;
                    }
                    if let Some(cell) = cell(&mut xml, &element, book)? {
                        builder.put(place.row, place.column, cell)?;
                    }
                    place.column += 1;
                }
                "mergeCell" => {
                    let range = element.attribute("ref")?.unwrap_or_default();
                    let (first, last) = range.split_once(':').ok_or(TableError::Damaged)?;
                    let (first, last) = (Place::read(first)?, Place::read(last)?);
                    let column = u16::try_from(first.column).map_err(|_| TableError::Damaged)?;
                    let merge = Merge { first_row: first.row, last_row: last.row, column };
                    builder.merge(merge)?;
                }
                _ => {}
            },
            Piece::Done => break,
            _ => {}
        }
    }
    hidden.into_iter().for_each(|row| builder.hide(row, row));
    Ok(())
}

/// Where a cell stands: the row from 1, the column from 0.
#[derive(Clone, Copy)]
struct Place {
    row: u32,
    column: u32,
}

impl Place {
    /// Reads `AB12`.
    fn read(text: &str) -> Result<Self, TableError> {
        let text = text.trim_matches('$').replace('$', "");
        let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
        if !(1..=3).contains(&letters) {
            return Err(TableError::Damaged);
        }
        let (letters, digits) = text.split_at(letters);
        let value = |byte: u8| u32::from(byte.to_ascii_uppercase() - b'A') + 1;
        let column = letters.bytes().fold(0, |sum, byte| sum * 26 + value(byte)) - 1;
        let row = digits.parse().map_err(|_| TableError::Damaged)?;
        Ok(Self { row, column })
    }
}

/// Reads a cell to its end; nothing when it is empty.
fn cell(xml: &mut Xml, element: &Element, book: &Book) -> Result<Option<Cell>, TableError> {
    let kind = element.attribute("t")?.unwrap_or_default();
    let style = element.number("s")?.unwrap_or_default() as usize;
    let mut value = None;
    let mut is_formula = false;
    loop {
        match xml.next()? {
            Piece::Start(inner) => match inner.name().as_str() {
                "v" => value = Some(xml.text(&[])?),
                "is" => return rest_of_cell(xml).map(|text| text.map(Cell::Text)),
                "f" => {
                    is_formula = true;
                    xml.text(&[])?;
                }
                _ => {
                    xml.text(&[])?;
                }
            },
            Piece::End(_) => break,
            Piece::Text(_) => {}
            Piece::Done => return Err(TableError::Damaged),
        }
    }
    let Some(value) = value.filter(|value| !value.is_empty() || kind == "str") else {
        return Ok(is_formula.then_some(Cell::Error));
    };
    let text = |text: String| if text.is_empty() { None } else { Some(Cell::Text(text)) };
    Ok(match kind.as_str() {
        "s" => {
            let at: usize = value.trim().parse().map_err(|_| TableError::Damaged)?;
            text(book.strings.get(at).ok_or(TableError::Damaged)?.clone())
        }
        "str" => text(unescaped(&value)),
        "b" => Some(Cell::Bool(matches!(value.trim(), "1" | "true"))),
        "e" => Some(Cell::Error),
        "d" => Some(day(&value)),
        _ => Some(number(&value, style, book)?),
    })
}

fn rest_of_cell(xml: &mut Xml) -> Result<Option<String>, TableError> {
    let text = rich_text(xml)?;
    xml.text(&[])?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn number(value: &str, style: usize, book: &Book) -> Result<Cell, TableError> {
    let number: f64 = value.trim().parse().map_err(|_| TableError::Damaged)?;
    let is_date = book.is_date.get(style).copied().unwrap_or(false);
    let date = if is_date { serial_date(number, book.is_1904) } else { None };
    Ok(date.map_or(Cell::Number(number), Cell::Date))
}

/// A day as ISO 8601 writes it, perhaps with a time; another text stays one.
pub fn day(text: &str) -> Cell {
    use onex_crdt::field::time::Date;
    let date = text.get(..10).and_then(|date| Date::parse(date).ok());
    date.map_or_else(|| Cell::Text(text.to_owned()), Cell::Date)
}

/// Most texts that cells share: no more of them are ever shown.
const STRINGS_MAX: usize = CELLS_MAX;
/// Most relationships of a part.
const LINKS_MAX: usize = 5_000;
