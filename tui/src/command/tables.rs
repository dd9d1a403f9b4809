//! Rows for people: columns aligned by cell width, and CSV that spreadsheets open as it is meant.
//!
//! Secret fields are masked in both, unless they are to be revealed.

use onex_crdt::field::Shape;
use onex_crdt::record::{FieldDef, RecordKind, Row};

use crate::core::clean::clean;
use crate::i18n::Lang;
use crate::json::{self, Secrets};
use crate::view::text::{cell_width, cut, fit};

/// Returns rows as lines, each column as wide as its widest cell; the last one is not filled.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|cell| cell_width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<u16> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| fit(cell, *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns the rows of a kind as a table with a header: the short id and what people read.
pub fn table(secrets: Secrets, lang: Lang, kind: &RecordKind, rows: &[Row]) -> String {
    let chinese = lang == Lang::Zh;
    let fields: Vec<&FieldDef> = kind.fields.iter().filter(|field| is_read(field)).collect();
    let label = |field: &&FieldDef| if chinese { field.zh } else { field.en };
    let header = std::iter::once("id".to_owned())
        .chain(fields.iter().map(|field| cut(label(field), CELL_WIDTH_MAX)));
    let mut lines = vec![header.collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| {
        let id = row.id.short();
        let cells = fields.iter().map(|field| {
            let text = json::text(secrets, field, row.fields.get(field.key), chinese);
            let mark = if row.conflict.iter().any(|key| key == field.key) { "!" } else { "" };
            cut(&format!("{mark}{}", clean(&text)), CELL_WIDTH_MAX)
        });
        std::iter::once(id).chain(cells).collect()
    }));
    aligned(&lines)
}

/// Returns one record as lines of label and value.
pub fn record(secrets: Secrets, lang: Lang, kind: &RecordKind, row: &Row) -> String {
    let chinese = lang == Lang::Zh;
    let id = vec!["id".to_owned(), row.id.to_string()];
    let filled = kind.fields.iter().filter(|field| row.fields.contains_key(field.key));
    let lines = filled.map(|field| {
        let label = if chinese { field.zh } else { field.en };
        let text = clean(&json::text(secrets, field, row.fields.get(field.key), chinese));
        let open = row.conflict.iter().any(|key| key == field.key);
        vec![label.to_owned(), if open { format!("! {text}") } else { text }]
    });
    aligned(&std::iter::once(id).chain(lines).collect::<Vec<_>>())
}

/// Fields that a table for people shows: required ones and the state; no ids, no digests.
fn is_read(field: &FieldDef) -> bool {
    let opaque = matches!(field.ty.shape, Shape::Id(_) | Shape::IdList(_) | Shape::Digest);
    !opaque && (field.required || field.key == "state")
}

/// Returns the rows of a kind as CSV: byte order mark, Chinese headers and values, RFC 4180 lines.
pub fn csv(secrets: Secrets, kind: &RecordKind, rows: &[Row]) -> String {
    let fields: Vec<&FieldDef> = kind.fields.iter().collect();
    let header = std::iter::once("id").chain(kind.fields.iter().map(|field| field.zh));
    let header: Vec<String> = header.map(str::to_owned).collect();
    let lines = rows.iter().map(|row| {
        let id = std::iter::once(row.id.to_string());
        id.chain(cells(secrets, &fields, row)).collect::<Vec<_>>()
    });
    csv_lines(&std::iter::once(header).chain(lines).collect::<Vec<_>>())
}

/// Returns the rows of a kind as they are exported: a number, then every field that another table
/// can hold, under its Chinese label (requirements 5.2).
pub fn exported(secrets: Secrets, kind: &RecordKind, rows: &[Row]) -> Vec<Vec<String>> {
    let digest = |field: &&FieldDef| matches!(field.ty.shape, Shape::Digest);
    // What a learner's record refers to has no meaning outside of the store.
    let inner = |field: &&FieldDef| field.derived && matches!(field.ty.shape, Shape::Id(_));
    let kept = kind.fields.iter().filter(|field| !digest(field) && !inner(field));
    let fields: Vec<&FieldDef> = kept.collect();
    let header = std::iter::once("序号").chain(fields.iter().map(|field| field.zh));
    let header = header.map(str::to_owned).collect();
    let lines = rows.iter().zip(1..).map(|(row, number)| {
        let number = std::iter::once(i32::to_string(&number));
        number.chain(cells(secrets, &fields, row)).collect()
    });
    std::iter::once(header).chain(lines).collect()
}

fn cells(secrets: Secrets, fields: &[&FieldDef], row: &Row) -> Vec<String> {
    let cells = fields.iter().map(|field| {
        let text = json::text(secrets, field, row.fields.get(field.key), true);
        if is_number(field) { text } else { guarded(&text) }
    });
    cells.collect()
}

/// Returns lines as CSV that spreadsheets open as it is meant: byte order mark, RFC 4180.
pub fn csv_lines(lines: &[Vec<String>]) -> String {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let written = lines.iter().try_for_each(|line| writer.write_record(line));
    written.expect("memory takes every line");
    let bytes = writer.into_inner().expect("memory takes every line");
    BYTE_ORDER_MARK.to_owned() + &String::from_utf8(bytes).expect("written from text")
}

fn is_number(field: &FieldDef) -> bool {
    matches!(field.ty.shape, Shape::Int | Shape::Decimal(_)) && !field.secret
}

/// Puts an apostrophe before what a spreadsheet would run as a formula.
fn guarded(text: &str) -> String {
    let dangerous = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if dangerous { format!("'{text}") } else { text.to_owned() }
}

const BYTE_ORDER_MARK: &str = "\u{feff}";
/// Wider cells are cut.
const CELL_WIDTH_MAX: u16 = 32;

#[cfg(test)]
mod tests {
    use onex_crdt::record::Record;
    use onex_crdt::records::contact::Contact;
    use onex_crdt::value::Value;

    use super::*;

    fn contact(name: &str, post: &str) -> Row {
        let mut row = Row::default();
        for (key, value) in
            [("name", name), ("duty", "finance"), ("phone", "13900000021"), ("state", "active")]
        {
            row.set_text(key, value);
        }
        row.set("post", Some(Value::Text(post.to_owned())));
        row
    }

    #[test]
    fn columns_are_aligned_by_cells() {
        let rows = [vec!["ab", "c"], vec!["汉字", "d"]];
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|c| (*c).to_owned()).collect()).collect();
        assert_eq!(aligned(&rows), "ab    c\n汉字  d");
        assert_eq!(aligned(&[]), "");
    }

    #[test]
    fn tables_show_masks_and_words() {
        let shown = table(Secrets::Masked, Lang::Zh, Contact::KIND, &[contact("欧阳静", "处长")]);
        assert!(shown.contains("欧阳*") && shown.contains("139****0021"), "{shown}");
        assert!(shown.contains("财务") && !shown.contains("静"), "{shown}");
        let bell =
            table(Secrets::Masked, Lang::Zh, Contact::KIND, &[contact("\u{1b}]0;x\u{7}", "处长")]);
        assert!(!bell.contains(['\u{1b}', '\u{7}']), "{bell:?}");
    }

    #[test]
    fn csv_is_safe_in_a_spreadsheet() {
        let shown = csv(
            Secrets::Masked,
            Contact::KIND,
            &[contact("王芳", "=1+1"), contact("王芳", "a,\"b\"")],
        );
        assert!(shown.starts_with('\u{feff}'));
        let lines: Vec<&str> = shown.trim_start_matches('\u{feff}').split("\r\n").collect();
        assert!(lines[0].starts_with("id,所属机构,姓名,职务,职责,手机号码"), "{}", lines[0]);
        assert!(lines[1].contains(",王*,'=1+1,财务,139****0021,"), "{}", lines[1]);
        assert!(lines[2].contains(",\"a,\"\"b\"\"\","), "{}", lines[2]);
        for (text, expected) in [("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("1-2", "1-2")] {
            assert_eq!(guarded(text), expected);
        }
    }
}
