//! Tables out of files: what is read, and that nothing a file holds stops the process.

use std::io::{Cursor, Write as _};
use std::path::PathBuf;

use calamine::{Data, Reader as _, open_workbook_auto_from_rs};
use onex_node::table::{Cell, Format, Table, TableError, read, read_pasted};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;

pub fn roster(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/rosters");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A package of these parts.
fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).expect("memory takes it");
        zip.write_all(text.as_bytes()).expect("memory takes it");
    }
    zip.finish().expect("memory takes it").into_inner()
}

const LINKS: &str = r#"<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://x/styles" Target="styles.xml"/></Relationships>"#;
const WORKBOOK: &str =
    r#"<workbook xmlns:r="r"><sheets><sheet name="名单" r:id="r1"/></sheets></workbook>"#;
const STYLES: &str = r#"<styleSheet><numFmts><numFmt numFmtId="170" formatCode="yyyy&quot;年&quot;m&quot;月&quot;"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>"#;

/// A workbook with this XML in its only sheet.
pub fn xlsx(sheet: &str) -> Vec<u8> {
    let sheet = format!("<worksheet>{sheet}</worksheet>");
    package(&[
        ("[Content_Types].xml", "<Types/>"),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", LINKS),
        ("xl/styles.xml", STYLES),
        ("xl/worksheets/sheet1.xml", &sheet),
    ])
}

/// A workbook of OpenDocument with this XML in its only table.
pub fn ods(table: &str) -> Vec<u8> {
    let content = format!("<d><table:table table:name=\"名单\">{table}</table:table></d>");
    package(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", &content),
    ])
}

fn shown(table: &Table) -> String {
    let rows = table.sheets[0].rows.iter().map(|row| {
        let cells = row.cells().map(|(column, cell)| {
            let kind = match cell {
                Cell::Text(_) => "",
                Cell::Number(_) => "#",
                Cell::Date(_) => "@",
                Cell::Bool(_) => "?",
                Cell::Error => "!",
            };
            let filled = table.sheets[0].filled.contains(&(row.number, column));
            format!("{column}{}{kind}{}", if filled { "<" } else { ":" }, cell.text())
        });
        let hidden = if row.hidden { "-" } else { "" };
        format!("{}{hidden} {}", row.number, cells.collect::<Vec<_>>().join(" "))
    });
    rows.collect::<Vec<_>>().join("/")
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    let table = read(bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(shown(&table), expected);
}

#[track_caller]
fn check_error(bytes: &[u8], expected: TableError) {
    assert_eq!(read(bytes).err(), Some(expected));
}

#[test]
fn cells_of_a_workbook_keep_what_they_are() {
    let row = r#"<sheetData><row r="2"><c r="A2" t="inlineStr"><is><t>王</t><rPh><t>wang</t></rPh><r><t xml:space="preserve"> 芳</t></r></is></c><c r="C2"><v>6.10199200401010E+17</v></c><c r="D2" s="1"><v>38000</v></c><c r="E2" s="2"><v>38000.5</v></c><c r="F2" t="b"><v>1</v></c><c r="G2" t="e"><v>#N/A</v></c><c r="H2"><f>A1</f></c><c r="I2" t="str"><f>A1</f><v>值&amp;_x000A_</v></c><c r="J2"><f>1+1</f><v>2</v></c><c r="K2"/></row><row><c><v>7</v></c></row></sheetData>"#;
    let expected = "2 0:王 芳 2:#610199200401010000 3:@2004-01-14 4:@2004-01-14 5:?true 6:! 7:! \
                    8:值&\n 9:#2/3 0:#7";
    check(&xlsx(row), expected);
}

#[test]
fn hidden_rows_and_merged_cells_are_known() {
    let sheet = r#"<sheetData><row r="1"><c r="A1" t="str"><v>班级</v></c></row><row r="2" hidden="1"><c r="A2" t="str"><v>甲</v></c><c r="B2"><v>1</v></c></row><row r="3"><c r="B3"><v>2</v></c></row><row r="5"><c r="B5"><v>3</v></c></row></sheetData><mergeCells><mergeCell ref="A2:A4"/></mergeCells>"#;
    check(&xlsx(sheet), "1 0:班级/2- 0:甲 1:#1/3 0<甲 1:#2/5 1:#3");
    let cell = |text: &str| {
        format!(
            "<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>"
        )
    };
    let rows = [
        format!("<table:table-row>{}</table:table-row>", cell("班级")),
        "<table:table-row table:number-rows-repeated=\"2\"/>".to_owned(),
        format!(
            "<table:table-row table:visibility=\"collapse\"><table:table-cell table:number-rows-spanned=\"2\" office:value-type=\"string\"><text:p>甲<text:s text:c=\"2\"/>乙</text:p><office:annotation><text:p>注</text:p></office:annotation></table:table-cell>{}</table:table-row>",
            cell("1")
        ),
        format!("<table:table-row><table:covered-table-cell/>{}</table:table-row>", cell("2")),
    ];
    check(&ods(&rows.concat()), "1 0:班级/4- 0:甲  乙 1:1/5 0<甲  乙 1:2");
}

#[test]
fn cells_of_an_open_document_keep_what_they_are() {
    let row = r#"<table:table-row><table:table-cell office:value-type="float" office:value="19900001234" table:number-columns-repeated="2"><text:p>1.99E10</text:p></table:table-cell><table:table-cell table:number-columns-repeated="1020"/><table:table-cell office:value-type="date" office:date-value="2004-01-14T00:00:00"/><table:table-cell office:value-type="boolean" office:boolean-value="true"/><table:table-cell table:formula="of:=A1" office:value-type="string" office:string-value="" calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>a</text:p><text:p>b</text:p></table:table-cell></table:table-row>"#;
    check(
        &ods(row),
        "1 0:#19900001234 1:#19900001234 1022:@2004-01-14 1023:?true 1024:! 1025:a\nb",
    );
}

#[test]
fn pasted_cells_stand_between_tabs() {
    let table = read_pasted("姓名\t学号\n王芳\t001\n").expect("a table");
    assert_eq!(shown(&table), "1 0:姓名 1:学号/2 0:王芳 1:001");
    assert_eq!(table.format, Format::Text { encoding: "UTF-8", delimiter: '\t' });
    assert_eq!(read_pasted(" \n").err(), Some(TableError::Empty));
}

/// The cells of every sheet as another reader sees them.
fn by_calamine(bytes: Vec<u8>) -> Vec<String> {
    let mut book = open_workbook_auto_from_rs(Cursor::new(bytes)).expect("a workbook");
    let mut cells = Vec::new();
    for (name, range) in book.worksheets() {
        let (top, left) = range.start().unwrap_or_default();
        for (row, column, data) in range.used_cells() {
            let text = match data {
                Data::Float(number) => number.to_string(),
                Data::DateTime(moment) => {
                    let (year, month, day, ..) = moment.to_ymd_hms_milli();
                    format!("{year:04}-{month:02}-{day:02}")
                }
                other => other.to_string(),
            };
            cells.push(format!(
                "{name} {} {} {text}",
                top as usize + row + 1,
                left as usize + column
            ));
        }
    }
    cells.sort();
    cells
}

#[test]
fn another_reader_sees_the_same_cells() {
    for name in [
        "v01_clean.xlsx",
        "v02_title_footer.xlsx",
        "v03_biff8.xls",
        "v04_roster.ods",
        "v09_numeric_ids.xlsx",
        "v10_apostrophe_fullwidth.xlsx",
        "v11_duplicates.xlsx",
        "v12_cover_sheet.xlsx",
    ] {
        let table = read(&roster(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut cells = Vec::new();
        for sheet in &table.sheets {
            for row in &sheet.rows {
                let of = |(column, cell): (u16, &Cell)| {
                    format!("{} {} {column} {}", sheet.name, row.number, cell.text())
                };
                let own = row.cells().filter(|(at, _)| !sheet.filled.contains(&(row.number, *at)));
                cells.extend(own.map(of));
            }
        }
        cells.sort();
        assert_eq!(cells, by_calamine(roster(name)), "{name}");
    }
}

#[test]
fn bombs_are_too_large_before_they_burst() {
    let zeros = "0".repeat(3 << 20);
    let bomb = package(&[("[Content_Types].xml", "<Types/>"), ("xl/workbook.xml", &zeros)]);
    assert!(bomb.len() < 10_000);
    check_error(&bomb, TableError::TooLarge);
    // A directory that names fewer bytes than there are does not help.
    let mut liar = bomb.clone();
    let size = (3_u32 << 20).to_le_bytes();
    let places: Vec<usize> =
        liar.windows(4).enumerate().filter(|(_, word)| *word == size).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        liar[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
    }
    assert!(read(&liar).is_err());
    check_error(&vec![b'a'; (20 << 20) + 1], TableError::TooLarge);
    check_error("a,b,c,d\n".repeat(50_001).as_bytes(), TableError::TooLarge);
    assert!(read("a,b,c,d\n".repeat(50_000).as_bytes()).is_ok());
}

#[test]
fn what_a_sheet_repeats_is_counted() {
    let wide = r#"<table:table-row table:number-rows-repeated="1000000"><table:table-cell office:value-type="string" table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    check_error(&ods(wide), TableError::TooLarge);
    let deep = r#"<table:table-row table:number-rows-repeated="1048570"/><table:table-row><table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    check(&ods(deep), "1048571 0:x");
    let beyond = r#"<table:table-row table:number-rows-repeated="4000000000"/><table:table-row><table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    check_error(&ods(beyond), TableError::Damaged);
    check_error(&ods("<table:table-row>"), TableError::Damaged);
    let far = r#"<sheetData><row><c r="XFD1048576"><v>1</v></c></row></sheetData>"#;
    check(&xlsx(far), "1048576 16383:#1");
    for place in ["XFE1", "A1048577", "A0", "1", "AAAA1", "A99999999999"] {
        let sheet = format!("<sheetData><row><c r=\"{place}\"><v>1</v></c></row></sheetData>");
        check_error(&xlsx(&sheet), TableError::Damaged);
    }
    let all = r#"<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>"#.to_owned();
    let merges = r#"<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>"#.repeat(1000);
    check(&xlsx(&(all + &merges)), "1 0:#1");
}

/// A text that stands once in a file and everywhere in its sheet would fill the memory.
#[test]
fn long_texts_that_are_repeated_are_weighed() {
    // Digits that no packing shrinks much: a package that swells is refused before this is asked.
    let digits = (0..60_000_u32).map(|at| format!("{:08x}", at.wrapping_mul(2_654_435_769)));
    let long: String = digits.collect();
    let merged = format!(
        r#"<sheetData><row r="1"><c r="A1" t="str"><v>{long}</v></c></row>{}</sheetData><mergeCells><mergeCell ref="A1:A1001"/></mergeCells>"#,
        (2..=1001)
            .map(|row| format!(r#"<row r="{row}"><c r="B{row}"><v>1</v></c></row>"#))
            .collect::<String>()
    );
    check_error(&xlsx(&merged), TableError::TooLarge);
    let links = LINKS.replace("styles", "sharedStrings");
    let cells: String = (1..=1000)
        .map(|row| format!(r#"<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>"#))
        .collect();
    let shared = package(&[
        ("[Content_Types].xml", "<Types/>"),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", &links),
        ("xl/sharedStrings.xml", &format!("<sst><si><t>{long}</t></si></sst>")),
        (
            "xl/worksheets/sheet1.xml",
            &format!("<worksheet><sheetData>{cells}</sheetData></worksheet>"),
        ),
    ]);
    check_error(&shared, TableError::TooLarge);
    let repeated = format!(
        r#"<table:table-row><table:table-cell office:value-type="string" table:number-columns-repeated="1000"><text:p>{long}</text:p></table:table-cell></table:table-row>"#
    );
    check_error(&ods(&repeated), TableError::TooLarge);
}

/// Blank cells hold nothing, however often a file repeats them: counting them took for ever.
#[test]
fn blank_cells_that_are_repeated_cost_nothing() {
    let blank = r#"<table:table-row table:number-rows-repeated="1048576"><table:table-cell office:value-type="string" table:number-columns-repeated="16384"><text:p><text:s/></text:p></table:table-cell></table:table-row>"#;
    let name = r#"<table:table-row><table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    check(&ods(&format!("{name}{blank}{blank}")), "1 0:x");
    check_error(&vec![b','; 4 << 20], TableError::Empty);
    check_error("a,".repeat(1 << 20).as_bytes(), TableError::Damaged);
}

#[test]
fn what_cannot_be_read_says_why() {
    check_error(b"", TableError::Empty);
    check_error(b" \r\n", TableError::Empty);
    check_error(b"<html><table><tr><td>x</td></tr></table></html>", TableError::WebPage);
    check_error(b"%PDF-1.7 ...", TableError::NoTable);
    check_error(&package(&[("word/document.xml", "<w/>")]), TableError::NoTable);
    let word = [
        ("[Content_Types].xml", "<Types/>"),
        (
            "_rels/.rels",
            r#"<Relationships><Relationship Id="r" Type="x/officeDocument" Target="word/document.xml"/></Relationships>"#,
        ),
    ];
    check_error(&package(&word), TableError::NoTable);
    check_error(&xlsx("<sheetData/>"), TableError::Empty);
    let entity = "<!DOCTYPE a [<!ENTITY b \"c\">]><sheetData/>";
    check_error(&xlsx(entity), TableError::Damaged);
    let locked = [
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", "?"),
        (
            "META-INF/manifest.xml",
            "<m:manifest><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>",
        ),
    ];
    check_error(&package(&locked), TableError::Password);
}

#[test]
fn hidden_rows_of_an_old_workbook_are_known() {
    let mut file = roster("v03_biff8.xls");
    // A record of the kind ROW, 16 bytes, of the fifth row; its flags stand in the last four.
    let row = [0x08, 0x02, 0x10, 0x00, 0x04, 0x00];
    let at = file.windows(row.len()).position(|bytes| bytes == row).expect("a row");
    file[at + 4 + 12] |= 0x20;
    let table = read(&file).expect("a table");
    let sheet = table.sheets.iter().find(|sheet| sheet.name == "名册").expect("the roster");
    let hidden = sheet.rows.iter().filter(|row| row.hidden);
    assert_eq!(hidden.map(|row| row.number).collect::<Vec<_>>(), [5]);
}

#[test]
fn an_old_workbook_that_claims_too_much_is_not_believed() {
    let file = roster("v03_biff8.xls");
    let record = |kind: [u8; 4]| file.windows(4).position(|bytes| bytes == kind).expect("there");
    // DIMENSIONS that name four thousand million rows: calamine would make room for them.
    let claims = record([0x00, 0x02, 0x0E, 0x00]);
    let mut boasting = file.clone();
    boasting[claims + 8..claims + 12].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    let rows = |table: Table| table.sheets.iter().map(|sheet| sheet.rows.len()).sum::<usize>();
    assert_eq!(read(&boasting).map(rows), Ok(31));
    // A text in the last row and the last column: calamine would hold every cell before it.
    let text = record([0xFD, 0x00, 0x0A, 0x00]);
    let mut far = file.clone();
    far[text + 4..text + 8].copy_from_slice(&[0xFF; 4]);
    check_error(&far, TableError::TooLarge);
}

#[test]
fn protected_workbooks_ask_for_no_password() {
    // A new workbook under a password is an old compound file with this stream in it.
    let mut file = roster("v03_biff8.xls");
    let name = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let entry = name("Workbook");
    let at = file.windows(entry.len()).position(|bytes| bytes == entry).expect("an entry");
    let mut old = file.clone();
    let locked = name("EncryptedPackage");
    file[at..at + locked.len()].copy_from_slice(&locked);
    check_error(&file, TableError::Password);
    // An old one has a record at the beginning of its stream.
    let begin = [0x09, 0x08, 0x10, 0x00, 0x00, 0x06, 0x05, 0x00];
    let at = old.windows(8).position(|bytes| bytes == begin).expect("the stream begins");
    old[at + 20..at + 22].copy_from_slice(&[0x2F, 0x00]);
    check_error(&old, TableError::Password);
}

#[test]
fn no_beginning_of_a_file_stops_the_process() {
    let row = r#"<sheetData><row r="1"><c r="A1" t="str"><v>姓名</v></c></row></sheetData>"#;
    for whole in [xlsx(row), ods("<table:table-row/>")] {
        for end in 4..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
    }
    let old = roster("v03_biff8.xls");
    for end in (0..old.len()).step_by(97) {
        let _ = read(&old[..end]);
    }
}

#[test]
fn no_altered_byte_stops_the_process() {
    let whole = roster("v03_biff8.xls");
    for at in (0..whole.len()).step_by(41) {
        for value in [0x00, 0x3C, 0x7F, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _ = read(&bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_stop_the_process(bytes in prop::collection::vec(any::<u8>(), 0..600), kind in 0..4) {
        let start: &[u8] = match kind {
            0 => b"PK\x03\x04",
            1 => b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
            2 => b"\xFF\xFE",
            _ => b"",
        };
        let _ = read(&[start, &bytes].concat());
    }

    #[test]
    fn no_sheet_stops_the_process(
        sheet in "(<(sheetData|row|c|v|f|is|t|mergeCell)( (r|t|s|ref)=\"([A-Z]{1,3}[0-9]{1,4}|s|str|[0-9]{1,9}|A1:B9)\")?/?>|</(row|c|v|is|t)>|[0-9.]{1,5}|&amp;|&x;){0,40}",
        table in "(<(table:table-row|table:table-cell|text:p)( (table:number-rows-repeated|table:number-columns-repeated|office:value-type|office:value)=\"(float|string|[0-9]{1,9})\")?/?>|</(table:table-row|table:table-cell|text:p)>|[0-9]{1,5}){0,40}",
    ) {
        let _ = read(&xlsx(&sheet));
        let _ = read(&ods(&table));
    }
}
