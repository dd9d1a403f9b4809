//! Tables as text: CSV and its relatives in the encodings that Chinese systems write.
//!
//! The encoding is told by a byte order mark or by the bytes themselves, the delimiter by which
//! one makes rows of equal length. Nothing in a text is a number: `001` stays `001`.

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::{Builder, COLUMNS_MAX, Cell, Format, Table, TableError};

/// Reads text of whatever encoding.
pub fn read(bytes: &[u8]) -> Result<Table, TableError> {
    let (encoding, bytes) = recognise(bytes);
    let (text, damaged) = encoding.decode_without_bom_handling(bytes);
    // A few bytes may be lost on the way; a file with many of them is another kind of file.
    let lost = if damaged { text.matches('\u{fffd}').count() } else { 0 };
    if lost > LOST_MAX && lost * 20 > text.chars().count() {
        return Err(TableError::NoTable);
    }
    read_decoded(&text, encoding.name())
}

/// Reads text.
pub fn read_decoded(text: &str, encoding: &'static str) -> Result<Table, TableError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.trim_start().get(..64).unwrap_or(text.trim_start()).to_ascii_lowercase();
    let marks = ["<!doctype", "<html", "<?xml", "<table", "<head", "<meta", "mime-version:"];
    if marks.iter().any(|mark| start.starts_with(mark)) {
        return Err(TableError::WebPage);
    }
    let strange = |c: &char| c.is_control() && !matches!(c, '\t' | '\r' | '\n');
    let strange = text.chars().filter(strange).count();
    if strange > LOST_MAX && strange * 50 > text.chars().count() {
        return Err(TableError::NoTable);
    }
    let (text, delimiter) = match told_delimiter(text) {
        Some((rest, delimiter)) => (rest, delimiter),
        None => (text, delimiter(text)),
    };
    let mut builder = Builder::default();
    builder.sheet(String::new(), false)?;
    for (at, record) in Records::new(text, delimiter).enumerate() {
        let number = u32::try_from(at + 1).map_err(|_| TableError::TooLarge)?;
        for (column, cell) in record.into_iter().enumerate() {
            if !cell.is_empty() {
                let column = u32::try_from(column).map_err(|_| TableError::TooLarge)?;
                builder.put(number, column, Cell::Text(cell))?;
            }
        }
    }
    builder.finish(Format::Text { encoding, delimiter })
}

/// Returns the encoding, and the bytes after a byte order mark.
fn recognise(bytes: &[u8]) -> (&'static Encoding, &[u8]) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return (encoding, &bytes[mark..]);
    }
    // Text in UTF-16 has zero bytes beside each digit and comma, at one side only.
    let sample = &bytes[..bytes.len().min(4096)];
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if odd > 0 && even * 10 < odd {
        return (UTF_16LE, bytes);
    }
    if even > 0 && odd * 10 < even {
        return (UTF_16BE, bytes);
    }
    let encoding = if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { GB18030 };
    (encoding, bytes)
}

/// A first line `sep=;`, by which Excel is told the delimiter; it counts as no record.
fn told_delimiter(text: &str) -> Option<(&str, char)> {
    let (line, rest) = text.split_once('\n')?;
    let mut told = line.trim_end_matches('\r').strip_prefix("sep=")?.chars();
    match (told.next(), told.next()) {
        (Some(delimiter), None) => Some((rest, delimiter)),
        _ => None,
    }
}

/// The delimiter that makes the most rows of one length, the longer the better.
fn delimiter(text: &str) -> char {
    let fit = |delimiter: char| {
        let records = Records::new(text, delimiter).take(SAMPLE_RECORDS);
        let widths: Vec<usize> = records.map(|record| record.len()).filter(|w| *w > 1).collect();
        let same = |width: usize| widths.iter().filter(|other| **other == width).count();
        widths.iter().map(|width| (same(*width), *width)).max().unwrap_or_default()
    };
    let found = DELIMITERS.into_iter().rev().max_by_key(|delimiter| fit(*delimiter));
    found.unwrap_or(',')
}

/// The records of a text (RFC 4180); a quotation mark inside a cell is a character of it.
struct Records<'a> {
    rest: Option<&'a str>,
    delimiter: char,
}

impl<'a> Records<'a> {
    fn new(text: &'a str, delimiter: char) -> Self {
        Self { rest: Some(text).filter(|text| !text.is_empty()), delimiter }
    }
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        let mut rest = self.rest?;
        let mut record = Vec::new();
        let columns = usize::from(COLUMNS_MAX);
        loop {
            let (cell, after) = cell(rest, self.delimiter);
            // Columns beyond the last one are kept only as far as tells that something is there.
            if record.len() < columns || (record.len() == columns && !cell.is_empty()) {
                record.push(cell);
            }
            let mut signs = after.chars();
            match signs.next() {
                Some(sign) if sign == self.delimiter => rest = signs.as_str(),
                Some('\r') => {
                    let line = signs.as_str();
                    self.rest = Some(line.strip_prefix('\n').unwrap_or(line));
                    break;
                }
                Some(_) => {
                    self.rest = Some(signs.as_str());
                    break;
                }
                None => {
                    self.rest = None;
                    break;
                }
            }
        }
        self.rest = self.rest.filter(|rest| !rest.is_empty());
        Some(record)
    }
}

/// Reads one cell; returns it and the rest, which begins with what ended the cell.
fn cell(text: &str, delimiter: char) -> (String, &str) {
    let ends = |c: char| c == delimiter || c == '\r' || c == '\n';
    let plain = |text: &str| text.find(ends).unwrap_or(text.len());
    let quoted = text.strip_prefix('"').and_then(|quoted| {
        let mut from = 0;
        loop {
            let at = from + quoted[from..].find('"')?;
            if quoted[at + 1..].starts_with('"') {
                from = at + 2;
            } else {
                return Some((quoted[..at].replace("\"\"", "\""), &quoted[at + 1..]));
            }
        }
    });
    match quoted {
        Some((mut cell, after)) => {
            let end = plain(after);
            cell.push_str(&after[..end]);
            (cell, &after[end..])
        }
        None => {
            let end = plain(text);
            (text[..end].to_owned(), &text[end..])
        }
    }
}

/// Tried in this order where several fit alike.
const DELIMITERS: [char; 5] = ['\t', ',', ';', '|', '，'];
/// Records that are looked at for the delimiter.
const SAMPLE_RECORDS: usize = 60;
/// Characters that may be lost before the file is suspected of being no text.
const LOST_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let table = read(bytes).unwrap_or_else(|error| panic!("{error}"));
        let Format::Text { encoding, delimiter } = table.format else { panic!("no text") };
        let rows = table.sheets[0].rows.iter().map(|row| {
            let cells: Vec<String> =
                row.cells().map(|(column, cell)| format!("{column}:{}", cell.text())).collect();
            format!("{} {}", row.number, cells.join(" "))
        });
        let rows = rows.collect::<Vec<_>>().join("/");
        assert_eq!(format!("{encoding} {delimiter:?} {rows}"), expected);
    }

    #[test]
    fn delimiters_are_recognised() {
        check("姓名,学号\n王芳,1\n".as_bytes(), "UTF-8 ',' 1 0:姓名 1:学号/2 0:王芳 1:1");
        check("姓名;学号\r\n王,芳;1".as_bytes(), "UTF-8 ';' 1 0:姓名 1:学号/2 0:王,芳 1:1");
        check("姓名\t学号\r王芳\t1".as_bytes(), "UTF-8 '\\t' 1 0:姓名 1:学号/2 0:王芳 1:1");
        check("a|b\n1|2,3".as_bytes(), "UTF-8 '|' 1 0:a 1:b/2 0:1 1:2,3");
        check("姓名，学号\n王芳，1".as_bytes(), "UTF-8 '，' 1 0:姓名 1:学号/2 0:王芳 1:1");
        check("sep=;\na,b;c".as_bytes(), "UTF-8 ';' 1 0:a,b 1:c");
    }

    #[test]
    fn records_are_numbered_with_the_blank_ones() {
        check(b"a,b\n\n,\n1,2\n\n", "UTF-8 ',' 1 0:a 1:b/4 0:1 1:2");
        check(b"\"a\nb\",c\n1,\"2\"\"3\"", "UTF-8 ',' 1 0:a\nb 1:c/2 0:1 1:2\"3");
        check(b"a,5\" pipe\n\"b\"c,\"open", "UTF-8 ',' 1 0:a 1:5\" pipe/2 0:bc 1:\"open");
    }

    #[test]
    fn encodings_are_recognised() {
        let text = "姓名,学号\n王芳,1\n";
        let utf16 = |big: bool| -> Vec<u8> {
            let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            text.encode_utf16().flat_map(bytes).collect()
        };
        let expected = |encoding| format!("{encoding} ',' 1 0:姓名 1:学号/2 0:王芳 1:1");
        check(&[b"\xEF\xBB\xBF", text.as_bytes()].concat(), &expected("UTF-8"));
        check(&[&b"\xFF\xFE"[..], &utf16(false)].concat(), &expected("UTF-16LE"));
        check(&[&b"\xFE\xFF"[..], &utf16(true)].concat(), &expected("UTF-16BE"));
        check(&utf16(false), &expected("UTF-16LE"));
        check(&utf16(true), &expected("UTF-16BE"));
        check(&GB18030.encode(text).0, &expected("gb18030"));
    }

    #[test]
    fn what_is_no_table_is_told() {
        let check = |bytes: &[u8], expected| assert_eq!(read(bytes).err(), Some(expected));
        check(b"  <html><body><table>", TableError::WebPage);
        check(b"\xEF\xBB\xBF<?xml version=\"1.0\"?><Workbook/>", TableError::WebPage);
        check(b"\n\n,,\n", TableError::Empty);
        let noise: Vec<u8> = (0..4000_u32).map(|at| ((at * 7919) >> 3) as u8).collect();
        check(&noise, TableError::NoTable);
    }
}
