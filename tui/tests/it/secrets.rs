//! The keys of a home: under a passphrase by file and at a terminal, changed, removed, and plainly
//! said where they lie unprotected.

use std::path::Path;

use super::program::{Home, Run, command};
use super::terminal::Terminal;

const FIRST: &str = "一把旧的钥匙一把";
const SECOND: &str = "一把新的钥匙两把";

/// A file with a passphrase, beside the home.
fn written(home: &Home, name: &str, passphrase: &str) -> String {
    let path = home.folder.path().join(name);
    std::fs::write(&path, format!("{passphrase}\n")).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

/// Runs the binary with a file that holds the passphrase.
fn run(home: &Home, file: Option<&str>, arguments: &[&str]) -> Run {
    let mut command = command(home.folder.path(), arguments);
    if let Some(file) = file {
        command.env("ONEX_PASSPHRASE_FILE", file);
    }
    let output = command.output().expect("the binary runs");
    Run {
        status: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

#[track_caller]
fn check_keys(home: &Home, file: Option<&str>, keys: &str) {
    let status = run(home, file, &["status", "--json"]);
    assert_eq!((status.status, &status.json()["keys"]), (0, &keys.into()), "{status:?}");
}

#[track_caller]
fn check_refused(home: &Home, file: Option<&str>, arguments: &[&str], why: &str) {
    let refused = run(home, file, arguments);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.err.contains(why), "{refused:?}");
    assert!(![FIRST, SECOND].iter().any(|secret| refused.err.contains(secret)), "{refused:?}");
}

fn files(home: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(home.join("node")).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("reads").file_name();
    let mut names: Vec<String> =
        entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
    names.retain(|name| name.contains("key"));
    names.sort();
    names
}

#[test]
fn a_passphrase_in_a_file_answers_for_every_command() {
    let home = Home::empty();
    let (first, second) = (written(&home, "first", FIRST), written(&home, "second", SECOND));
    let (first, second) = (Some(first.as_str()), Some(second.as_str()));
    let init = ["init", "--role", "hub", "--name", "某省项目办", "--region", "610000"];
    assert_eq!(run(&home, first, &init).status, 0);
    assert_eq!(files(home.folder.path()), ["keys.lock", "keys.sealed"]);
    check_keys(&home, first, "passphrase");
    check_refused(&home, None, &["status"], "没有给出口令");
    check_refused(&home, None, &["list", "contact"], "没有给出口令");
    check_refused(&home, second, &["status"], "口令不对");
    check_refused(&home, Some("/nowhere"), &["status"], "/nowhere");

    check_refused(&home, first, &["passphrase", "set"], "已经设有口令");
    check_refused(&home, first, &["passphrase", "change"], "没有终端");
    let new = ["passphrase", "change", "--new", second.expect("named"), "--json"];
    check_refused(&home, second, &new[..4], "口令不对");
    assert_eq!(run(&home, first, &new).json()["keys"], "passphrase");
    check_refused(&home, first, &["status"], "口令不对");
    check_keys(&home, second, "passphrase");

    let removed = run(&home, second, &["passphrase", "remove"]);
    assert!(removed.out.contains("没有保护"), "{removed:?}");
    assert_eq!(files(home.folder.path()), ["device.key", "keys.lock", "store.key"]);
    check_keys(&home, None, "file");
    check_refused(&home, None, &["passphrase", "change"], "还没有设口令");
    assert_eq!(run(&home, first, &["passphrase", "set", "--json"]).json()["keys"], "passphrase");
    check_keys(&home, first, "passphrase");
}

#[test]
fn a_program_without_a_passphrase_goes_on_and_is_told() {
    let home = Home::hub();
    check_keys(&home, None, "file");
    let told = home.run(&["status"]);
    assert!(told.out.contains("没有保护") && told.out.contains("onex passphrase set"), "{told:?}");
}

#[test]
fn the_interface_asks_before_its_first_screen() {
    let home = Home::hub();
    let file = written(&home, "first", FIRST);
    assert_eq!(run(&home, Some(&file), &["passphrase", "set"]).status, 0);
    let mut terminal = Terminal::open(&home.folder.path().join("node"));
    terminal.see("用口令保护").write(SECOND).see("●●●●●●●●").press("Enter").see("口令不对");
    terminal.write(FIRST).press("Enter").see("[1今日]").see("管理员");
    terminal.leave();
    let audit = run(&home, Some(&file), &["list", "audit", "--json"]).json();
    let lines = audit["rows"].as_array().expect("rows");
    assert_eq!(lines.last().map(|line| &line["what"]), Some(&"open".into()), "{audit}");
}

#[test]
fn the_first_use_sets_one_at_the_terminal() {
    let home = Home::empty();
    let file = written(&home, "first", FIRST);
    let mut terminal = Terminal::open(&home.folder.path().join("node"));
    terminal.press("Enter").see("你是谁").press("Down Down Enter").see("设一个口令");
    terminal.press("Enter").see("再按一次 Enter");
    terminal.write(FIRST).press("Enter").see("再输入一次").write(SECOND).press("Enter");
    terminal.see("两次输入的不一样").write(FIRST).press("Enter").see("再输入一次");
    terminal.write(FIRST).press("Enter").see("枢纽名称");
    terminal.fill("某省项目办").down_to("行政区划代码").fill("610000");
    terminal.down_to("你的姓名").fill("郝敏").press("F2").see("[1今日]");
    terminal.leave();
    check_keys(&home, Some(&file), "passphrase");
}

#[test]
fn who_did_what_is_in_the_audit_log() {
    let home = Home::hub();
    let contact = home.make("contact.add", &["name=王芳", "duty=coordinator", "phone=13900000021"]);
    home.json(&["show", "contact", &contact, "--reveal"]);
    let id = format!("id={contact}");
    home.json(&["do", "contact.confirm", &id]);
    let table = home.folder.path().join("contacts.csv");
    home.json(&["export", "contact", table.to_str().expect("UTF-8"), "--reveal"]);
    let audit = home.json(&["list", "audit"]);
    let rows = audit["rows"].as_array().expect("rows");
    let said: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            (text("what"), text("kind"), row["fields"][0].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        said,
        [
            ("sign", "", "role.grant"),
            ("reveal", "contact", "name"),
            ("sign", "contact", "contact.confirm"),
            ("export", "contact", "name"),
        ]
    );
    let keys: Vec<&String> = rows[1].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["id", "at", "person", "device", "what", "kind", "ids", "fields"]);
    assert_eq!(rows[1]["ids"][0], contact.as_str());
    assert!(!audit.to_string().contains("王芳"), "ids only");
    let refused = home.run(&["list", "audit", "--person", "李强"]);
    assert_eq!(refused.status, 1, "{refused:?}");
}
