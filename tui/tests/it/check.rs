//! `onex check`, `onex backup` and `onex restore`, as somebody types them.

use std::fs;

use super::program::{Home, Running};

fn database(home: &Home) -> std::path::PathBuf {
    home.folder.path().join("node").join("store.db")
}

#[test]
fn a_whole_node_checks_clean_with_every_key() {
    let home = Home::hub();
    home.make("contact.add", &["name=欧阳静", "duty=考务", "phone=13900000021"]);
    let report = home.json(&["check"]);
    assert_eq!((&report["ok"], report["documents"].as_u64()), (&true.into(), Some(2)));
    assert!(report["changes"].as_u64() >= Some(2), "{report}");
    let checks = report["checks"].as_array().expect("checks");
    let names: Vec<_> = checks.iter().filter_map(|check| check["check"].as_str()).collect();
    let all = ["database", "changes", "seals", "membership", "snapshots", "projection", "audit"];
    assert_eq!(names, all);
    for check in checks {
        assert_eq!((&check["ok"], &check["bad"]), (&true.into(), &serde_json::json!([])));
        assert!(check["count"].is_u64(), "{check}");
    }
    assert_eq!(report["changes"], checks[1]["count"]);
    let run = home.run(&["check"]);
    assert!(run.status == 0 && run.out.contains("数据完好"), "{run:?}");
}

/// Turns one bit over in the middle of the database: a page of the rows there.
fn damage(home: &Home) {
    let mut bytes = fs::read(database(home)).expect("a database");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(database(home), bytes).expect("it is ours");
}

#[test]
fn a_flipped_bit_is_named_and_fails_the_command() {
    let home = Home::hub();
    damage(&home);
    let run = home.run(&["check", "--json"]);
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    assert_eq!(report["ok"], false);
    assert_eq!(report["checks"][0]["bad"][0]["what"], "page", "{report}");
    let run = home.run(&["check"]);
    assert!(run.status == 3 && run.out.contains("onex check --repair"), "{run:?}");
}

#[test]
fn a_damaged_database_is_made_anew_and_kept_aside() {
    let home = Home::hub();
    home.make("contact.add", &["name=欧阳静", "duty=考务", "phone=13900000021"]);
    damage(&home);
    let report = home.json(&["check", "--repair"]);
    let repaired = &report["repaired"];
    assert_eq!((&report["ok"], &repaired["found"][0]["ok"]), (&true.into(), &false.into()));
    assert_eq!((&repaired["documents"], &repaired["missing"]), (&2.into(), &serde_json::json!([])));
    assert!(std::path::Path::new(repaired["aside"].as_str().expect("a file")).exists());
    assert_eq!(home.json(&["list", "contact"])["total"], 1, "nothing is lost");
    home.make("contact.add", &["name=陈晨", "duty=考务", "phone=13900000022"]);
    let again = home.json(&["check", "--repair"]);
    assert_eq!((&again["ok"], &again["repaired"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(home.json(&["list", "contact"])["total"], 2);
}

#[test]
fn a_backup_is_restored_by_command_and_nothing_is_lost() {
    let home = Home::hub();
    let file = home.folder.path().join("b.onexbak");
    let file = file.to_str().expect("UTF-8");
    let written = home.json(&["backup", file]);
    assert_eq!((&written["passphrase"], &written["file"]), (&false.into(), &file.into()));
    home.make("contact.add", &["name=欧阳静", "duty=考务", "phone=13900000021"]);
    let restored = home.json(&["restore", file]);
    assert_eq!(restored["restored"], "home");
    assert!(std::path::Path::new(restored["aside"].as_str().expect("a file")).exists());
    assert_eq!(home.json(&["list", "contact"])["total"], 1, "nobody else has it");
    assert_eq!(home.json(&["status"])["health"]["restored"], false, "the newest log was there");
    let granted = home.json(&["check"]);
    assert_eq!(granted["ok"], true, "{granted}");
    let missing = home.run(&["restore", "no-such-file", "--json"]);
    assert_ne!(missing.status, 0, "{missing:?}");
    let none = home.folder.path().join("none");
    fs::write(&none, "nothing").expect("written");
    let none = home.run(&["restore", none.to_str().expect("UTF-8"), "--json"]);
    assert_eq!((none.status, &none.json()["refused"]["field"]), (1, &"file".into()), "{none:?}");
}

#[test]
fn a_backup_with_a_passphrase_waits_elsewhere_for_an_enrolment() {
    let home = Home::hub();
    let file = home.folder.path().join("b.onexbak");
    let secret = home.folder.path().join("secret");
    fs::write(&secret, "备份的口令").expect("written");
    let [file, secret] = [&file, &secret].map(|path| path.to_str().expect("UTF-8"));
    home.json(&["backup", file, "--passphrase-file", secret]);
    let other = Home::empty();
    let refused = other.run(&["restore", file, "--json"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    let restored = other.json(&["restore", file, "--passphrase-file", secret]);
    assert_eq!(restored["restored"], "waiting");
    let run = other.run(&["status"]);
    assert_eq!(run.status, 1, "it has no device in the network yet: {run:?}");
}

#[test]
fn a_killed_server_is_noticed_until_somebody_has_checked() {
    let home = Home::hub();
    assert_eq!(home.json(&["status"])["health"]["database"], "good");
    drop(Running::serve(&home));
    assert_eq!(home.json(&["status"])["health"]["database"], "due");
    assert_eq!(home.json(&["check"])["ok"], true);
    assert_eq!(home.json(&["status"])["health"]["database"], "good");
}
