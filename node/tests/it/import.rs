//! Rosters out of files: rows, problems and warnings, file by file and case by case.

use std::collections::BTreeSet;

use onex_crdt::action::Reason;
use onex_crdt::field::time::Date;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, Row};
use onex_crdt::records::learner::Learner;
use onex_node::api::Query;
use onex_node::import::{
    Code, Draft, Fate, Known, KnownLearner, Leaving, Other, Problem, Roster, Tally,
};
use onex_node::table::{Format, read, read_pasted};
use onex_node::undoing::What;
use onex_node::{Node, NodeError};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::handle::{act, hub};
use super::table::{roster, xlsx};

fn today() -> Date {
    Date::new(2026, 4, 20).expect("a day")
}

fn draft(bytes: &[u8]) -> Draft {
    let table = read(bytes).unwrap_or_else(|error| panic!("{error}"));
    Draft::new(Roster::Learner, table, today()).expect("a header is known")
}

fn pasted(text: &str) -> Draft {
    let table = read_pasted(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    Draft::new(Roster::Learner, table, today()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `row column code` of every entry, sorted.
fn entries(of: impl Iterator<Item = (u32, Option<String>, String)>) -> Vec<String> {
    let shown =
        of.map(|(row, column, code)| format!("{row} {} {code}", column.unwrap_or_default()));
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    shown
}

fn problems(draft: &Draft) -> Vec<String> {
    let of =
        |problem: &Problem| (problem.row, problem.column.clone(), problem.code.id().to_owned());
    entries(draft.problems().into_iter().map(of))
}

fn warnings(draft: &Draft) -> Vec<String> {
    let all = draft.warnings().into_iter();
    entries(all.map(|warning| (warning.row, warning.column.clone(), warning.code.id().to_owned())))
}

fn expected(list: &Json) -> Vec<String> {
    let text = |value: &Json| value.as_str().map(str::to_owned);
    entries(list.as_array().expect("a list").iter().map(|entry| {
        let row = entry["row"].as_u64().expect("a row") as u32;
        (row, text(&entry["column"]), text(&entry["problem"]).expect("a code"))
    }))
}

/// Holds a file against what is expected of it.
#[track_caller]
fn check_file(name: &str) {
    let expect = roster(&format!("{name}.expect.json"));
    let expect: Json = serde_json::from_slice(&expect).expect("JSON");
    let draft = draft(&roster(name));
    let tally = draft.tally();
    assert_eq!(tally.rows as u64, expect["rows"].as_u64().expect("rows"), "{name}");
    assert_eq!(tally.added as u64, expect["good"].as_u64().expect("good"), "{name}");
    assert_eq!(tally.rejected, tally.rows - tally.added, "{name}");
    check_problems(name, &draft, &expect["bad"]);
    assert_eq!(warnings(&draft), expected(&expect["warnings"]), "{name}");
    let first = expect["header_row"].as_u64().expect("a row") as u32;
    assert_eq!(draft.header_rows(), (first, first), "{name}");
    let sheet = &draft.table().sheets[draft.sheet()].name;
    assert_eq!(sheet, expect["sheet"].as_str().unwrap_or_default(), "{name}");
    check_format(name, &draft, &expect);
    let good = draft.rows().iter().filter(|row| row.fate() == Fate::Add);
    let good = good.map(|row| {
        let text = |text: Option<&str>| text.expect("a good row has it").to_owned();
        (row.number, text(row.name()), text(row.id_number()))
    });
    let good: Vec<(u32, String, String)> = good.collect();
    let listed: Vec<(u32, String, String)> =
        serde_json::from_value(expect["good_rows"].clone()).expect("rows");
    assert_eq!(good, listed, "{name}");
    let lines = good.iter().map(|(row, name, number)| format!("{row}\t{name}\t{number}\n"));
    let digest = Sha256::digest(lines.collect::<String>());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, expect["good_rows_sha256"].as_str().expect("a digest"), "{name}");
    assert_eq!(draft.planned().len(), good.len(), "{name}");
}

fn check_problems(name: &str, draft: &Draft, bad: &Json) {
    let bad = bad.as_array().expect("a list");
    let found = draft.problems();
    assert_eq!(found.len(), bad.len(), "{name}: {found:?}");
    for (problem, entry) in found.iter().zip(bad) {
        let place = (Some(u64::from(problem.row)), problem.column.as_deref());
        assert_eq!(place, (entry["row"].as_u64(), entry["column"].as_str()), "{name}");
        let others = entry["also_ok"].as_array().into_iter().flatten();
        let codes: Vec<&str> =
            std::iter::once(&entry["problem"]).chain(others).filter_map(Json::as_str).collect();
        assert!(codes.contains(&problem.code.id()), "{name}: {problem:?}");
        if let Some(first) = entry["first_row"].as_u64() {
            assert_eq!(problem.of, Some(Other::Row(first as u32)), "{name}: {problem:?}");
        }
    }
}

fn check_format(name: &str, draft: &Draft, expect: &Json) {
    let Format::Text { encoding, delimiter } = draft.table().format else {
        assert!(expect["encoding"].is_null(), "{name}");
        return;
    };
    let named =
        expect["encoding"].as_str().expect("an encoding").to_lowercase().replace("-sig", "");
    assert_eq!(encoding.to_lowercase().replace('-', ""), named.replace('-', ""), "{name}");
    assert_eq!(Some(delimiter.to_string().as_str()), expect["delimiter"].as_str(), "{name}");
}

macro_rules! files {
    ($($test:ident: $name:literal;)+) => {
        $(#[test]
        fn $test() {
            check_file($name);
        })+
    };
}

files! {
    a_clean_workbook: "v01_clean.xlsx";
    titles_and_footers: "v02_title_footer.xlsx";
    an_old_workbook: "v03_biff8.xls";
    an_open_document: "v04_roster.ods";
    text_in_gb18030: "v05_gb18030.csv";
    text_with_a_byte_order_mark: "v06_utf8bom.csv";
    text_in_utf16: "v07_utf16le.csv";
    text_between_tabs: "v08_tab.csv";
    numbers_that_lost_digits: "v09_numeric_ids.xlsx";
    apostrophes_and_wide_digits: "v10_apostrophe_fullwidth.xlsx";
    duplicates: "v11_duplicates.xlsx";
    a_cover_sheet: "v12_cover_sheet.xlsx";
}

#[test]
fn every_file_has_its_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rosters");
    let files = std::fs::read_dir(folder).expect("the folder");
    let files = files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8"));
    let source = include_str!("import.rs");
    let rosters: Vec<String> = files.filter(|name| !name.ends_with(".json")).collect();
    assert_eq!(rosters.len(), 12);
    assert!(rosters.iter().all(|name| source.contains(&format!("\"{name}\";"))), "{rosters:?}");
}

const PERSON: &str = "610199200407255951";

/// The keys that the columns of a header are mapped to; `-` where there is none.
#[track_caller]
fn check_header(text: &str, rows: (u32, u32), expected: &str) {
    let draft = pasted(text);
    let keys = draft.columns().iter().map(|column| column.target.map_or("-", |target| target.key));
    assert_eq!(keys.collect::<Vec<_>>().join(" "), expected, "{text}");
    assert_eq!(draft.header_rows(), rows, "{text}");
}

#[test]
fn headers_stand_on_one_row_or_two() {
    check_header("姓名\t身份证号\n王芳\t1", (1, 1), "name id_number");
    check_header("名单\n\n* 姓 名\t身份证号（18位）\t序号\n王芳\t1", (3, 3), "name id_number -");
    check_header(
        "姓名\t证件\t\t手机\n\t类型\t号码\t\n王芳",
        (1, 2),
        "name id_type id_number phone",
    );
    check_header("名单\n姓名\t证件\t\n\t类型\t号码\n王芳", (2, 3), "name id_type id_number");
    check_header(
        "序号\t基本信息\t\t\n\t姓名\t性别\t身份证号\n1\t王芳",
        (1, 2),
        "- name gender id_number",
    );
    check_header("姓名\t手机\t联系电话\t身份证号\n王芳", (1, 1), "name phone - id_number");
    check_header("姓名\t联系电话\t手机号码\t身份证号\n王芳", (1, 1), "name - phone id_number");
    check_header("姓名;证件号码\n王芳;1", (1, 1), "name id_number");
    let none = read_pasted("甲\t乙\n1\t2").expect("a table");
    assert!(Draft::new(Roster::Learner, none, today()).is_err());
}

#[test]
fn headers_merged_over_two_rows_are_known() {
    let text = |place: &str, text: &str| format!("<c r=\"{place}\" t=\"str\"><v>{text}</v></c>");
    let rows = [
        vec![("A1", "学生名单")],
        vec![("A2", "姓名"), ("B2", "证件"), ("D2", "手机\n号码")],
        vec![("B3", "类型"), ("C3", "号码")],
        vec![("A4", "王芳"), ("C4", PERSON), ("D4", "19900001234")],
    ];
    let rows = rows.iter().zip(1..).map(|(cells, number)| {
        let cells: String = cells.iter().map(|(place, cell)| text(place, cell)).collect();
        format!("<row r=\"{number}\">{cells}</row>")
    });
    let merges = ["A1:D1", "A2:A3", "B2:C2", "D2:D3"];
    let merges: String = merges.map(|range| format!("<mergeCell ref=\"{range}\"/>")).concat();
    let sheet = format!("<sheetData>{}</sheetData>{merges}", rows.collect::<String>());
    let draft = draft(&xlsx(&sheet));
    let columns = draft.columns().iter();
    let columns: Vec<_> = columns.map(|column| (column.header.as_str(), column.target)).collect();
    let columns = columns.into_iter().map(|(header, target)| (header, target.map(|t| t.key)));
    let columns: Vec<(&str, Option<&str>)> = columns.collect();
    assert_eq!(
        columns,
        [
            ("姓名", Some("name")),
            ("证件类型", Some("id_type")),
            ("证件号码", Some("id_number")),
            ("手机\n号码", Some("phone"))
        ]
    );
    assert_eq!((draft.header_rows(), warnings(&draft)), ((2, 3), Vec::new()));
    assert_eq!(draft.tally(), Tally { rows: 1, added: 1, ..Tally::default() });
}

/// One learner with these cells beside name, number and mobile; its problems and warnings.
#[track_caller]
fn check_row(header: &str, cells: &str, expected: &[&str], warned: &[&str]) {
    let text = format!("姓名\t手机\t{header}\n王芳\t19900001234\t{cells}");
    let draft = pasted(&text);
    let short = |all: Vec<String>| -> Vec<String> {
        all.iter().map(|entry| entry.replacen("2 ", "", 1)).collect()
    };
    assert_eq!(short(problems(&draft)), expected, "{text}");
    assert_eq!(short(warnings(&draft)), warned, "{text}");
}

#[test]
fn numbers_of_documents_are_checked() {
    let check = |cells: &str, code: &str| {
        let expected = if code.is_empty() { vec![] } else { vec![format!("身份证号 {code}")] };
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check_row("身份证号", cells, &expected, &[]);
    };
    check(PERSON, "");
    check("610199200407255952", "check_digit");
    check("61019920040725595", "truncated_id");
    check("610199900401003", "truncated_id");
    check("6101992004072559511", "id_chars");
    check("6101992004072559", "truncated_id");
    check("610199********5951", "id_chars");
    check("6.10199E+17", "scientific_notation");
    check("610199202802290019", "bad_date");
    check("", "missing");
    check_row("身份证号", "11010519491231002x", &[], &["身份证号 lowercase_x"]);
    check_row("身份证号\t考生类型", "610199900401003\t社会人员", &[], &[]);
    check_row("证件号码\t证件类型\t性别\t出生日期", "E12345678\t护照\t女\t2004-05-06", &[], &[]);
    check_row("证件号码\t证件类型", "E1?\t护照", &["证件号码 id_chars"], &[]);
    check_row("证件号码\t证件类型", "E1\t军官证", &["证件类型 unknown_value"], &[]);
    check_row("身份证号\t证件类型", &format!("{PERSON}\t身份证"), &[], &["证件类型 value_alias"]);
}

#[test]
fn what_is_empty_is_missed_and_what_has_no_column_is_not() {
    // A passport tells neither sex nor day of birth.
    check_row("证件号码	证件类型", "E12345678	护照", &[], &[]);
    check_row("身份证号	学号", &format!("{PERSON}	"), &["学号 missing"], &[]);
    let social = format!("{PERSON}		社会");
    check_row("身份证号	学号	考生类型", &social, &[], &["考生类型 value_alias"]);
    let draft = pasted(
        "姓名	学号
王芳	1
	2
李强	",
    );
    assert_eq!(problems(&draft), ["3 姓名 missing", "4 学号 missing"]);
}

#[test]
fn other_cells_are_checked() {
    let check = |header: &str, cell: &str, problem: &str, warned: &str| {
        let of =
            |code: &str| if code.is_empty() { vec![] } else { vec![format!("{header} {code}")] };
        let (expected, marks) = (of(problem), of(warned));
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let marks: Vec<&str> = marks.iter().map(String::as_str).collect();
        check_row(&format!("身份证号\t{header}"), &format!("{PERSON}\t{cell}"), &expected, &marks);
    };
    check("性别", "男", "", "");
    check("性别", "女", "", "sex_mismatch");
    check("性别", "男性", "", "value_alias");
    check("性别", "未知", "unknown_value", "");
    check("出生日期", "2004/7/25", "", "");
    check("出生日期", "2004年7月25日", "", "");
    check("出生年月", "2004.07", "", "");
    check("出生日期", "2004-07-26", "", "birth_mismatch");
    check("出生日期", "2004-13-05", "bad_date", "");
    check("出生日期", "2030-01-01", "bad_date", "");
    check("学历层次", "大专", "", "level_alias");
    check("学历层次", "博士", "unknown_value", "");
    check("年级", "2023级", "", "");
    check("年级", "2023.0", "", "");
    check("年级", "二三级", "unknown_value", "");
    check("电子邮箱", "wang#x", "unknown_value", "");
    check("班级", " 软件2301 ", "", "whitespace_trimmed");
    check("班级", "#N/A", "", "");
    let text = format!("姓名\t手机\t身份证号\n王?\t1990000123\t{PERSON}\n王1\t２９９00001234\t");
    let expected = [
        "2 姓名 name_chars",
        "2 手机 phone",
        "3 姓名 name_chars",
        "3 手机 phone",
        "3 身份证号 missing",
    ];
    assert_eq!(problems(&pasted(&text)), expected);
}

#[test]
fn formulas_without_a_value_are_told() {
    let sheet = format!(
        r#"<sheetData><row r="1"><c r="A1" t="str"><v>姓名</v></c><c r="B1" t="str"><v>身份证号</v></c><c r="C1" t="str"><v>手机</v></c></row><row r="2"><c r="A2" t="e"><v>#REF!</v></c><c r="B2" t="str"><f>A9</f><v>{PERSON}</v></c><c r="C2"><f>A9</f></c></row></sheetData>"#
    );
    let found = problems(&draft(&xlsx(&sheet)));
    assert_eq!(found, ["2 姓名 formula_error", "2 手机 formula_error"]);
}

#[test]
fn totals_and_signatures_are_no_rows() {
    for footer in [
        "合计\t2人",
        "制表人：赵老师",
        "共2人",
        "审核：\t日期：",
        "注：手机号必填",
        "第1页 共1页",
        "以下空白",
    ] {
        let text = format!("姓名\t身份证号\t手机\n王芳\t{PERSON}\t19900001234\n\n{footer}\n");
        let draft = pasted(&text);
        assert_eq!(warnings(&draft), ["4  footer_skipped"], "{footer}");
        assert_eq!(draft.tally().rows, 1, "{footer}");
    }
    let text =
        format!("班级\t姓名\t身份证号\n共青团班\t王芳\t{PERSON}\n班级\t姓名\t身份证号\n\t李强\t");
    let draft = pasted(&text);
    assert_eq!(warnings(&draft), ["3  header_repeated"]);
    let problem = |row: u32, column: &str| format!("{row} {column} missing");
    assert!(problems(&draft).contains(&problem(4, "身份证号")), "{:?}", problems(&draft));
}

#[test]
fn blank_rows_are_told_between_others_only() {
    let text = format!(
        "序号\t姓名\t身份证号\t手机\n1\t王芳\t{PERSON}\t19900001234\n2\n\n4\t李强\t610199200808240283\t19900001235\n5\n"
    );
    let draft = pasted(&text);
    assert_eq!(warnings(&draft), ["3  blank_row", "4  blank_row"]);
    assert_eq!(draft.tally().rows, 2);
}

#[test]
fn hidden_rows_are_imported_and_told() {
    let cell = |text: &str| format!("<c t=\"str\"><v>{text}</v></c>");
    let row = |number: u32, hidden: &str, cells: [&str; 4]| {
        format!("<row r=\"{number}\" {hidden}>{}</row>", cells.map(cell).concat())
    };
    let rows = [
        row(1, "", ["姓名", "身份证号", "手机", "班级"]),
        row(2, "", ["王芳", PERSON, "19900001234", "甲班"]),
        row(3, "hidden=\"1\"", ["李强", "610199200808240283", "19900001235", ""]),
    ];
    let sheet = format!("<sheetData>{}</sheetData><mergeCell ref=\"D2:D3\"/>", rows.concat());
    let draft = draft(&xlsx(&sheet));
    assert_eq!(warnings(&draft), ["3  hidden_row", "3 班级 merged_fill"]);
    assert_eq!(draft.tally().added, 2);
    let class_name = draft.planned()[1].given["class_name"].clone();
    assert_eq!(
        class_name.and_then(|value| value.as_text().map(str::to_owned)),
        Some("甲班".into())
    );
}

#[test]
fn a_draft_is_changed_in_place() {
    let text = format!(
        "姓名\t身份证号\t电话一\t学号\n王芳\t{PERSON}\t19900001234\t1\n李强\t{PERSON}\t\t1"
    );
    let mut draft = pasted(&text);
    assert_eq!(draft.unknown_columns(), ["电话一"]);
    assert_eq!(problems(&draft), ["3 身份证号 duplicate_in_file"]);
    draft.map(2, Some("phone"));
    assert!(draft.unknown_columns().is_empty() && warnings(&draft).is_empty());
    assert_eq!(problems(&draft), ["3 电话一 missing", "3 身份证号 duplicate_in_file"]);
    draft.set(1, 1, "610199200808240283");
    assert_eq!(problems(&draft), ["3 学号 duplicate_in_file", "3 电话一 missing"]);
    draft.set(1, 2, "19900001235");
    draft.leave_out(0, Leaving::Out);
    assert_eq!(problems(&draft), Vec::<String>::new());
    assert_eq!(draft.tally(), Tally { rows: 1, added: 1, ..Tally::default() });
    draft.leave_out(0, Leaving::In);
    assert_eq!(problems(&draft), ["3 学号 duplicate_in_file"]);
    draft.set(1, 3, "2");
    assert_eq!(draft.tally(), Tally { rows: 2, added: 2, ..Tally::default() });
    assert_eq!((draft.text(1, 3), draft.text(0, 3)), ("2".to_owned(), "1".to_owned()));
    draft.map(1, Some("name"));
    assert_eq!(draft.columns()[0].target.map(|target| target.key), None);
    draft.map(9, Some("name"));
    draft.set(9, 9, "");
}

fn learner(id: u8, name: &str, id_number: Option<&str>) -> KnownLearner {
    let (name, id_number) = (Some(name.to_owned()), id_number.map(str::to_owned));
    KnownLearner { id: RecordId([id; 16]), name, id_number, is_active: true }
}

#[test]
fn the_store_decides_between_new_and_known() {
    let text = format!(
        "姓名\t身份证号\t学号\t手机\n王芳\t{PERSON}\t1\t19900001234\n李强\t610199200808240283\t2\t19900001235\n张伟\t610199200103088517\t3\t19900001236\n"
    );
    let mut draft = pasted(&text);
    let numbers = draft.numbers();
    assert_eq!(numbers.id_numbers.len(), 3);
    assert_eq!(numbers.student_nos, BTreeSet::from(["1", "2", "3"].map(str::to_owned)));
    let mut known = Known::default();
    let wang = learner(1, "王芳", Some(PERSON));
    known.by_id_number.insert(PERSON.to_owned(), wang.clone());
    known.by_student_no.insert("1".to_owned(), wang);
    known.by_id_number.insert("610199200808240283".to_owned(), learner(2, "李刚", None));
    known.by_student_no.insert("3".to_owned(), learner(3, "张伟", Some("610199200401078923")));
    draft.match_with(known);
    assert_eq!(draft.tally(), Tally { rows: 3, added: 0, updated: 1, rejected: 2 });
    assert_eq!(problems(&draft), ["3 身份证号 duplicate_in_store", "4 学号 duplicate_in_store"]);
    let found = draft.problems();
    assert_eq!(found[0].of, Some(Other::Record(RecordId([2; 16]))));
    let planned = draft.planned();
    assert_eq!((planned.len(), planned[0].id), (1, Some(RecordId([1; 16]))));
    assert!(!planned[0].given.contains_key("learner_kind"), "what is known stays");
}

#[test]
fn learners_of_the_register_get_their_places() {
    let text = format!(
        "学号\t姓名\t证件号码\n1\t王芳\t{PERSON}\n2\t李强\t\n3\t\t\n1\t王芳\t\n4\t张伟\n\t\t\n\t赵云\t"
    );
    let table = read_pasted(&text).expect("a table");
    let mut draft = Draft::new(Roster::Enrolment, table, today()).expect("a header");
    let mut known = Known::default();
    let wang = learner(1, "王芳", Some(PERSON));
    known.by_id_number.insert(PERSON.to_owned(), wang.clone());
    known.by_student_no.insert("1".to_owned(), wang);
    known.by_student_no.insert("2".to_owned(), learner(2, "李刚", None));
    known
        .by_student_no
        .insert("3".to_owned(), KnownLearner { is_active: false, ..learner(3, "钱", None) });
    draft.match_with(known);
    assert_eq!(
        problems(&draft),
        [
            "3 姓名 unknown_value",
            "4 学号 unknown_value",
            "5 学号 duplicate_in_file",
            "6 学号 unknown_value",
            "8 学号 missing",
        ]
    );
    assert_eq!(draft.problems()[0].field, "learner_name");
    assert_eq!(
        (draft.problems()[1].field, draft.problems()[1].code),
        ("learner_id", Code::UnknownValue)
    );
    assert_eq!(draft.planned().len(), 1);
}

#[test]
fn another_sheet_can_be_taken() {
    let mut draft = draft(&roster("v12_cover_sheet.xlsx"));
    assert!(draft.choose_sheet(0).is_err() && draft.choose_sheet(7).is_err());
    assert_eq!((draft.sheet(), draft.tally().rows), (1, 30));
    draft.choose_sheet(1).expect("it is a roster");
    assert_eq!(draft.tally().rows, 30);
}

/// A hub whose person keeps the register of its own desk.
fn desk(folder: &std::path::Path) -> Node {
    let node = hub(folder);
    let device = node.me().expect("me").device.to_string();
    act(&node, "role.grant", &[("device", &device), ("person", "郝敏"), ("role", "officer")])
        .expect("an admin grants roles");
    node
}

fn matched(node: &Node, text: &str) -> Draft {
    let mut draft = pasted(text);
    node.import_match(&mut draft).expect("an officer may");
    draft
}

#[test]
fn good_rows_are_saved_as_one_batch() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = desk(folder.path());
    let draft = {
        let mut draft = draft(&roster("v11_duplicates.xlsx"));
        node.import_match(&mut draft).expect("an officer may");
        draft
    };
    let stopped = node.import(&draft, None, &mut |_, _| false);
    assert!(matches!(stopped, Err(onex_node::NodeError::Stopped)));
    assert_eq!(node.list(&Query::all(Learner::KIND)).expect("a list").total, 0);
    let mut steps = Vec::new();
    let saved = node
        .import(&draft, None, &mut |at, of| {
            steps.push((at, of));
            true
        })
        .expect("saved");
    assert_eq!((saved.ids.len(), steps), (40, vec![(1, 1)]));
    let list = node.list(&Query::all(Learner::KIND)).expect("a list");
    assert_eq!(list.total, 40);
    let born = |row: &Row| row.text("birth_date").map(str::to_owned);
    assert!(list.rows.iter().all(|row| row.text("gender").is_some() && born(row).is_some()));
    // The same file again: everybody is known.
    let mut again = draft.clone();
    node.import_match(&mut again).expect("an officer may");
    assert_eq!(again.tally(), Tally { rows: 45, added: 0, updated: 40, rejected: 5 });
    node.import(&again, None, &mut |_, _| true).expect("nothing new");
    assert_eq!(node.list(&Query::all(Learner::KIND)).expect("a list").total, 40);
    let batch = saved.batch.expect("a batch").to_string();
    node.undo(&What::Named(batch), &[]).expect("an import is undone");
    assert_eq!(node.list(&Query::all(Learner::KIND)).expect("a list").total, 0);
}

#[test]
fn a_known_learner_is_edited_and_another_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = desk(folder.path());
    let header = "姓名\t身份证号\t手机\t考生类型\t班级";
    let first = format!("{header}\n王芳\t{PERSON}\t19900001234\t社会人员\t甲班");
    node.import(&matched(&node, &first), None, &mut |_, _| true).expect("saved");
    let header = "姓名\t身份证号\t手机\t班级";
    let second = format!("{header}\n王芳\t{PERSON}\t19900001235\t\n王欣\t{PERSON}\t19900001236\t");
    let draft = matched(&node, &second);
    assert_eq!(problems(&draft), ["3 身份证号 duplicate_in_file"]);
    node.import(&draft, None, &mut |_, _| true).expect("saved");
    let rows = node.list(&Query::all(Learner::KIND)).expect("a list").rows;
    let texts = ["phone", "learner_kind", "class_name"].map(|key| rows[0].text(key));
    assert_eq!(texts, [Some("19900001235"), Some("social"), Some("甲班")], "what is empty stays");
    let third = format!("{header}\n王欣\t{PERSON}\t19900001236\t");
    let draft = matched(&node, &third);
    assert_eq!(problems(&draft), ["2 身份证号 duplicate_in_store"]);
    let saved = node.import(&draft, None, &mut |_, _| true).expect("nothing to save");
    assert_eq!((saved.batch, saved.ids.len()), (None, 0));
}

#[test]
fn what_a_roster_lacks_keeps_nobody_off_the_register() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = desk(folder.path());
    let text = "姓名\t学号\n王芳\t1\n李强\t2";
    node.import(&matched(&node, text), None, &mut |_, _| true).expect("saved");
    let text = "姓名\t证件号码\t证件类型\nAnna Li\tE12345678\t护照";
    node.import(&matched(&node, text), None, &mut |_, _| true).expect("saved");
    assert_eq!(node.list(&Query::all(Learner::KIND)).expect("a list").total, 3);
    let more = format!("姓名\t学号\t身份证号\n王芳\t1\t{PERSON}\n李强\t2\t");
    let draft = matched(&node, &more);
    assert_eq!(draft.tally(), Tally { rows: 2, added: 0, updated: 1, rejected: 1 });
    node.import(&draft, None, &mut |_, _| true).expect("saved");
    let rows = node.list(&Query::all(Learner::KIND)).expect("a list").rows;
    let wang = rows.iter().find(|row| row.text("name") == Some("王芳")).expect("there");
    let texts = ["id_number", "birth_date", "gender"].map(|key| wang.text(key));
    assert_eq!(texts, [Some(PERSON), Some("2004-07-25"), Some("1")]);
}

#[test]
fn who_may_not_add_may_not_import() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    let mut draft = pasted(&format!("姓名\t身份证号\t手机\n王芳\t{PERSON}\t19900001234"));
    let refused = node.import_match(&mut draft);
    assert!(
        matches!(refused, Err(NodeError::Refused(ref refusal)) if refusal.reason == Reason::NoRight)
    );
}
