//! Files that people import: workbooks and text become a draft of learners, whatever they hold.

use std::path::Path;

use onex_crdt::field::time::Date;
use onex_node::import::{Draft, Roster};
use onex_node::table::{CELLS_MAX, read};

/// Reads a file, and asks the draft everything that a screen asks.
pub fn run(data: &[u8]) {
    let Ok(table) = read(data) else { return };
    let cells = table.sheets.iter().flat_map(|sheet| &sheet.rows).map(|row| row.cells().count());
    assert!(cells.sum::<usize>() <= 2 * CELLS_MAX);
    let today = Date::parse("2026-04-01").expect("a date");
    for roster in [Roster::of("learner"), Roster::of("enrolment")].into_iter().flatten() {
        let Ok(mut draft) = Draft::new(roster, table.clone(), today) else { continue };
        draft.numbers();
        draft.warnings();
        draft.unknown_columns();
        draft.problems();
        draft.tally();
        draft.planned();
        if !draft.rows().is_empty() && !draft.columns().is_empty() {
            draft.set(0, 0, "610199200401010017");
            draft.map(0, None);
            draft.tally();
        }
        if draft.table().sheets.len() > 1 {
            // A sheet without a header leaves the draft as it was.
            let _ = draft.choose_sheet(1);
        }
    }
}

/// Small files of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/tests/data/rosters");
    let workbooks = ["v03_biff8.xls", "v04_roster.ods", "v12_cover_sheet.xlsx"];
    let workbooks = workbooks.into_iter().filter_map(|name| std::fs::read(folder.join(name)).ok());
    let csv = "姓名,证件号码,手机号码\n王芳,610199200401010017,13900000021\n李强,,\n";
    let mut seeds = vec![
        csv.as_bytes().to_vec(),
        [&[0xef, 0xbb, 0xbf], csv.as_bytes()].concat(),
        csv.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        csv.replace(',', "\t").into_bytes(),
        b"\"a\"\"b\",\"c\nd\"\r\n".to_vec(),
    ];
    seeds.extend(workbooks);
    seeds
}
