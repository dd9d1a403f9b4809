//! `onex import` and `onex export`: files in, answers out.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::program::{Home, Run};

const GOOD: &str = "610199200407255951";

/// A hub whose person is its officer, with a file in its folder.
fn home(name: &str, text: &str) -> (Home, String) {
    let home = Home::hub();
    let file = home.folder.path().join(name);
    std::fs::write(&file, text).expect("the folder takes it");
    let file = file.to_str().expect("UTF-8").to_owned();
    (home, file)
}

fn roster(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../node/tests/data/rosters");
    folder.join(name).to_str().expect("UTF-8").to_owned()
}

#[track_caller]
fn check_status(home: &Home, arguments: &[&str], status: i32) -> Run {
    let run = home.run(arguments);
    assert_eq!(run.status, status, "{arguments:?}: {run:?}");
    run
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn mixed() -> String {
    format!(
        "姓名,身份证号,手机号码,性别,寝室号\n王芳,{GOOD},19900001234,女,1\n李强,610199200407255952,\
         19900001235,男,2\n赵云,{GOOD},19900001236,男,3\n,610199200808240283,1990000,女,4\n"
    )
}

#[test]
fn good_rows_are_saved_and_bad_ones_listed() {
    let (home, file) = home("roster.csv", &mixed());
    let answer = home.json(&["import", "learner", &file]);
    assert_eq!(
        keys(&answer),
        [
            "kind",
            "batch",
            "dry_run",
            "rows",
            "added",
            "updated",
            "rejected",
            "unknown_columns",
            "warnings",
            "problems"
        ]
    );
    let counts = ["rows", "added", "updated", "rejected"].map(|key| answer[key].clone());
    assert_eq!(counts, [4, 1, 0, 3].map(|count| json!(count)));
    assert_eq!(answer["unknown_columns"], json!(["寝室号"]));
    let warnings = json!([
        { "row": 1, "column": "寝室号", "code": "unknown_column" },
        { "row": 2, "column": "性别", "code": "sex_mismatch" },
    ]);
    assert_eq!(answer["warnings"], warnings);
    let problems = answer["problems"].as_array().expect("problems");
    assert_eq!(keys(&problems[0]), ["row", "column", "field", "code", "value", "of", "what", "do"]);
    assert_eq!(problems[0]["value"], "**************5952");
    assert_eq!(problems[0]["what"], "校验位应为 1");
    let short = |problem: &Value| {
        let of = |key: &str| problem[key].to_string().replace('"', "");
        format!("{} {} {} {}", of("row"), of("column"), of("code"), of("of"))
    };
    assert_eq!(
        problems.iter().map(short).collect::<Vec<_>>(),
        [
            "3 身份证号 check_digit null",
            "4 身份证号 duplicate_in_file 2",
            "5 姓名 missing null",
            "5 手机号码 phone null",
        ]
    );
    assert_eq!(home.json(&["list", "learner"])["total"], 1);
    let again = home.json(&["import", "learner", &file]);
    assert_eq!([&again["added"], &again["updated"]], [&json!(0), &json!(1)]);
    let batch = format!("id={}", answer["batch"].as_str().expect("a batch"));
    home.json(&["do", "undo", &batch]);
    assert_eq!(home.json(&["list", "learner"])["total"], 0);
}

#[test]
fn a_dry_run_answers_alike_and_saves_nothing() {
    let (home, file) = home("roster.csv", &mixed());
    let mut dry = home.json(&["import", "learner", &file, "--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["batch"]), (&json!(true), &Value::Null));
    assert_eq!(home.json(&["list", "learner"])["total"], 0);
    let mut saved = home.json(&["import", "learner", &file]);
    for answer in [&mut dry, &mut saved] {
        answer["dry_run"] = Value::Null;
        answer["batch"] = Value::Null;
    }
    assert_eq!(dry, saved);
}

#[test]
fn every_file_of_other_programs_is_taken() {
    let home = Home::hub();
    for (name, rows, good) in [
        ("v02_title_footer.xlsx", 34, 33),
        ("v03_biff8.xls", 30, 28),
        ("v04_roster.ods", 28, 25),
        ("v05_gb18030.csv", 36, 34),
        ("v07_utf16le.csv", 25, 24),
    ] {
        let answer = home.json(&["import", "learner", &roster(name), "--dry-run"]);
        assert_eq!((&answer["rows"], &answer["added"]), (&json!(rows), &json!(good)), "{name}");
    }
}

#[test]
fn people_read_a_table_and_a_summary() {
    let (home, file) = home("roster.csv", &mixed());
    let run = check_status(&home, &["import", "learner", &file], 0);
    assert_eq!(run.err, "");
    for expected in [
        "行  列",
        "校验位应为 1",
        "与第 2 行相同",
        "没有导入的列：寝室号",
        "共 4 行：新增 1，更新 0，未保存 3",
        "onex do undo id=",
    ] {
        assert!(run.out.contains(expected), "{expected}: {}", run.out);
    }
    assert!(!run.out.contains(GOOD) && !run.out.contains("王芳"), "{}", run.out);
}

#[test]
fn nothing_saved_is_status_one() {
    let (home, file) = home("roster.csv", &format!("姓名,身份证号,手机\n王?,{GOOD},19900001234\n"));
    let run = check_status(&home, &["import", "learner", &file, "--json"], 1);
    let answer = run.json();
    assert_eq!((&answer["rejected"], &answer["batch"]), (&json!(1), &Value::Null));
    assert_eq!(answer["problems"][0]["code"], "name_chars");
}

#[test]
fn a_file_that_is_no_roster_is_refused() {
    let cases = [
        ("page.xls", "<html><table><tr><td>姓名</td></tr></table></html>", "unreadable"),
        ("empty.csv", "\n\n", "unreadable"),
        ("other.csv", "甲,乙\n1,2\n", "unreadable"),
        ("cut.xlsx", "PK\u{3}\u{4}", "unreadable"),
        ("large.csv", &"a,b,c,d\n".repeat(50_001), "too_large"),
    ];
    for (name, text, code) in cases {
        let (home, file) = home(name, text);
        let answer = check_status(&home, &["import", "learner", &file, "--json"], 1).json();
        assert_eq!(keys(&answer), ["refused", "problems"], "{name}");
        assert_eq!(answer["refused"]["field"], Value::Null);
        let problem = &answer["problems"][0];
        assert_eq!(problem["code"], code, "{name}");
        for key in ["row", "column", "field", "value", "of"] {
            assert_eq!(problem[key], Value::Null, "{name}");
        }
        let words = check_status(&home, &["import", "learner", &file], 1);
        assert!(words.out.is_empty() && words.err.contains("没有办成"), "{name}: {words:?}");
    }
}

#[test]
fn wrong_usage_of_import_and_export_is_told() {
    let (home, file) = home("roster.csv", &mixed());
    let missing = "/no/such/file.csv";
    for (arguments, status) in [
        (&["import", "application", &file][..], 2),
        (&["import", "enrolment", &file], 2),
        (&["import", "learner", &file, "colour=red"], 2),
        (&["import", "learner", &file, "class=00000000"], 1),
        (&["import", "learner", missing], 1),
        (&["import", "learner", &file, "--person", "张三"], 1),
        (&["export", "nothing", &file], 2),
        (&["export", "learner", "learners.pdf"], 2),
        (&["export", "learner", missing], 3),
    ] {
        let run = check_status(&home, arguments, status);
        assert!(run.out.is_empty() && !run.err.is_empty(), "{arguments:?}: {run:?}");
    }
}

#[test]
fn what_is_exported_revealed_can_be_imported_again() {
    let (home, file) = home(
        "roster.csv",
        &format!("姓名,身份证号,手机号码,备注,学号\n王芳,{GOOD},19900001234,=1+1,001\n"),
    );
    home.json(&["import", "learner", &file]);
    let out = |name: &str| home.folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let masked = out("masked.csv");
    let answer = home.json(&["export", "learner", &masked]);
    assert_eq!((&answer["kind"], &answer["rows"]), (&json!("learner"), &json!(1)));
    let text = std::fs::read_to_string(&masked).expect("written");
    assert!(text.starts_with("\u{feff}序号,姓名,姓名拼音,证件类型,证件号码,性别,"), "{text}");
    assert!(text.contains("王*") && text.contains("'=1+1") && !text.contains(GOOD), "{text}");
    for name in ["all.csv", "all.XLSX"] {
        let all = out(name);
        home.json(&["export", "learner", &all, "--reveal"]);
        let answer = home.json(&["import", "learner", &all]);
        let counts = ["rows", "updated"].map(|key| answer[key].clone());
        assert_eq!(counts, [json!(1), json!(1)], "{answer}");
        assert_eq!(answer["unknown_columns"], json!([]), "{name}");
    }
    let audit = home.json(&["list", "audit"]);
    let rows = audit["rows"].as_array().expect("rows");
    let said: Vec<&str> = rows.iter().filter_map(|row| row["what"].as_str()).collect();
    assert_eq!(said, ["sign", "import", "export", "export", "import", "export", "import"]);
    let fields = rows.iter().filter(|row| row["what"] == "export").map(|row| &row["fields"]);
    let masked: Vec<bool> = fields.map(|keys| *keys == json!([])).collect();
    assert_eq!(masked, [true, false, false], "what was shown as it is, is named");
    let empty = out("calls.xlsx");
    home.json(&["export", "call", &empty]);
}
