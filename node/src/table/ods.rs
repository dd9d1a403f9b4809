//! Workbooks of OpenDocument (ISO 26300): values, days, hidden rows, merged cells.
//!
//! Read here and not by calamine, whose reader repeats cells as often as a file says and waits for
//! ever at the end of one that was cut off.

use super::package::Package;
use super::xlsx::day;
use super::xml::{Element, Piece, Xml};
use super::{Builder, Cell, Format, Merge, ROWS_MAX, Table, TableError};

/// Reads a workbook out of its package.
pub fn read(package: &mut Package) -> Result<Table, TableError> {
    let kind = package.needed("mimetype")?;
    if !kind.starts_with(b"application/vnd.oasis.opendocument.spreadsheet") {
        return Err(TableError::NoTable);
    }
    if let Some(manifest) = package.part("meta-inf/manifest.xml")? {
        let mut xml = Xml::new(&manifest);
        loop {
            match xml.next()? {
                Piece::Start(element) if element.name() == "encryption-data" => {
                    return Err(TableError::Password);
                }
                Piece::Done => break,
                _ => {}
            }
        }
    }
    let content = package.needed("content.xml")?;
    let mut builder = Builder::default();
    let mut xml = Xml::new(&content);
    let mut hidden_styles = Vec::new();
    let mut style = String::new();
    loop {
        match xml.next()? {
            Piece::Start(element) => match element.name().as_str() {
                "style" => style = element.attribute("name")?.unwrap_or_default(),
                "table-properties" if element.attribute("display")?.as_deref() == Some("false") => {
                    hidden_styles.push(style.clone());
                }
                "table" => {
                    let style = element.attribute("style-name")?.unwrap_or_default();
                    let name = element.attribute("name")?.unwrap_or_default();
                    builder.sheet(name, hidden_styles.contains(&style))?;
                    sheet(&mut xml, &mut builder)?;
                }
                _ => {}
            },
            Piece::Done => break,
            _ => {}
        }
    }
    builder.finish(Format::Ods)
}

fn sheet(xml: &mut Xml, builder: &mut Builder) -> Result<(), TableError> {
    let mut next_row = 1_u32;
    let mut hidden = Vec::new();
    let mut merges = Vec::new();
    // Tables may stand within cells; only the outer one counts.
    let mut depth = 0_usize;
    loop {
        match xml.next()? {
            Piece::Start(element) if element.name() == "table-row" && depth == 0 => {
                let times = element.number("number-rows-repeated")?.unwrap_or(1);
                let shown = element.attribute("visibility")?.is_none_or(|v| v == "visible");
                let row = Rows { first: next_row, times: times.min(ROWS_MAX) };
                read_row(xml, row, builder, &mut merges)?;
                next_row = next_row.saturating_add(times);
                if !shown {
                    hidden.push((row.first, next_row - 1));
                }
            }
            Piece::Start(element) if element.name() == "table" => depth += 1,
            Piece::End(name) if name == "table" && depth == 0 => break,
            Piece::End(name) if name == "table" => depth -= 1,
            Piece::Done => return Err(TableError::Damaged),
            _ => {}
        }
    }
    merges.into_iter().try_for_each(|merge| builder.merge(merge))?;
    hidden.into_iter().for_each(|(first, last)| builder.hide(first, last));
    Ok(())
}

/// Equal rows: the number of the first, and how many.
#[derive(Clone, Copy)]
struct Rows {
    first: u32,
    times: u32,
}

fn read_row(
    xml: &mut Xml,
    rows: Rows,
    builder: &mut Builder,
    merges: &mut Vec<Merge>,
) -> Result<(), TableError> {
    let mut column = 0_u32;
    let mut cells: Vec<(u32, Cell)> = Vec::new();
    let mut weight = Builder::default();
    loop {
        match xml.next()? {
            Piece::Start(element) => {
                let name = element.name();
                if name != "table-cell" && name != "covered-table-cell" {
                    xml.text(&[])?;
                    continue;
                }
                let times = element.number("number-columns-repeated")?.unwrap_or(1);
                let tall = element.number("number-rows-spanned")?.unwrap_or(1);
                let cell = read_cell(xml, &element)?;
                // Blank ones, which a file may repeat without end, hold nothing.
                let cell = cell.filter(|cell| name == "table-cell" && !cell.is_blank());
                if let Some(cell) = cell {
                    weight.weigh(&cell, times as usize)?;
                    cells.extend((0..times).map(|at| (column.saturating_add(at), cell.clone())));
                    if let (2.., Ok(column)) = (tall, u16::try_from(column)) {
                        let last_row = rows.first.saturating_add(tall - 1);
                        merges.push(Merge { first_row: rows.first, last_row, column });
                    }
                }
                column = column.saturating_add(times);
            }
            Piece::End(_) => break,
            Piece::Text(_) => {}
            Piece::Done => return Err(TableError::Damaged),
        }
    }
    if cells.is_empty() {
        return Ok(());
    }
    for row in rows.first..rows.first.saturating_add(rows.times) {
        for (column, cell) in &cells {
            builder.put(row, *column, cell.clone())?;
        }
    }
    Ok(())
}

/// Reads a cell to its end; nothing when it is empty.
fn read_cell(xml: &mut Xml, element: &Element) -> Result<Option<Cell>, TableError> {
    let kind = element.attribute("value-type")?.unwrap_or_default();
    let value = element.attribute("value")?;
    let date = element.attribute("date-value")?;
    let yes = element.is("boolean-value")?;
    let given = element.attribute("string-value")?;
    let is_formula = element.attribute("formula")?.is_some();
    let text = paragraphs(xml)?;
    // `value-type` also stands in a namespace of LibreOffice's, where it says `error`.
    let is_error = is_formula && (text.starts_with('#') || text.starts_with("Err:"));
    if is_error {
        return Ok(Some(Cell::Error));
    }
    let text = given.unwrap_or(text);
    Ok(match kind.as_str() {
        "float" | "percentage" | "currency" => {
            let number = value.unwrap_or_default().trim().parse();
            Some(Cell::Number(number.map_err(|_| TableError::Damaged)?))
        }
        "date" => Some(day(&date.unwrap_or_default())),
        "boolean" => Some(Cell::Bool(yes)),
        _ if !text.is_empty() => Some(Cell::Text(text)),
        _ => is_formula.then_some(Cell::Error),
    })
}

/// The text of a cell, a line for each paragraph; notes and drawings are left out.
fn paragraphs(xml: &mut Xml) -> Result<String, TableError> {
    let mut text = String::new();
    let mut depth = 0_usize;
    let mut lines = 0_usize;
    let mut in_line = 0_usize;
    loop {
        match xml.next()? {
            Piece::Start(element) => {
                match element.name().as_str() {
                    "p" | "h" if in_line == 0 => {
                        lines += 1;
                        text.push_str(if lines > 1 { "\n" } else { "" });
                        in_line = depth + 1;
                    }
                    "s" => {
                        let spaces = element.number("c")?.unwrap_or(1).min(SPACES_MAX);
                        text.extend(std::iter::repeat_n(' ', spaces as usize));
                    }
                    "tab" => text.push('\t'),
                    "line-break" => text.push('\n'),
                    "annotation" | "frame" | "table" | "shapes" => {
                        xml.text(&[])?;
                        continue;
                    }
                    _ => {}
                }
                depth += 1;
            }
            Piece::End(_) if depth == 0 => return Ok(text),
            Piece::End(_) => {
                if in_line == depth {
                    in_line = 0;
                }
                depth -= 1;
            }
            Piece::Text(part) if in_line > 0 => text.push_str(&part),
            Piece::Text(_) => {}
            Piece::Done => return Err(TableError::Damaged),
        }
    }
}

/// More spaces in a row than this say nothing.
const SPACES_MAX: u32 = 64;
