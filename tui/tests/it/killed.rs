//! The plug is pulled in the middle of an import: the whole batch is there, or none of it.

use std::path::{Path, PathBuf};

use super::program::{Home, command};

/// Rows of the roster: enough that storing them takes a while.
const ROWS: usize = 2000;
/// How far the write-ahead log has grown when the process is killed, each in a home of its own.
const KILLED_AT_BYTES: [u64; 4] = [1, 64 * 1024, 512 * 1024, 2 * 1024 * 1024];

fn roster(folder: &Path) -> PathBuf {
    let mut text = "姓名,身份证号,手机号码\n".to_owned();
    for number in 0..ROWS {
        let body = format!("610199{}0401{:03}", 1990 + number / 1000, number % 1000);
        let check = onex_crdt::field::code::resident_check(&body).expect("17 digits");
        text.push_str(&format!("王芳,{body}{check},199{number:08}\n"));
    }
    let file = folder.join("roster.csv");
    std::fs::write(&file, text).expect("the folder takes it");
    file
}

/// Imports until the log is so long, then kills; tells whether the process still ran.
fn kill_at(home: &Home, file: &str, bytes: u64) -> bool {
    let log = home.folder.path().join("node").join("store.db-wal");
    let length = || std::fs::metadata(&log).map_or(0, |log| log.len());
    let before = length();
    let mut import = command(home.folder.path(), &["import", "learner", file]);
    let mut running = import.spawn().expect("the binary runs");
    while length() < before + bytes {
        if running.try_wait().expect("it is our child").is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    running.kill().expect("it is our child");
    !running.wait().expect("it is our child").success()
}

#[test]
fn all_of_a_batch_or_none_of_it_is_there() {
    let mut killed = 0;
    for bytes in KILLED_AT_BYTES {
        let home = Home::hub();
        let file = roster(home.folder.path());
        let file = file.to_str().expect("UTF-8");
        killed += usize::from(kill_at(&home, file, bytes));
        let total = home.json(&["list", "learner", "--limit", "1"])["total"].clone();
        assert!(total == 0 || total == ROWS, "killed at {bytes} bytes: {total} of {ROWS}");
        let again = home.json(&["import", "learner", file]);
        let saved = ["added", "updated", "rejected"].map(|key| again[key].as_u64().unwrap_or(0));
        assert_eq!(saved[0] + saved[1], ROWS as u64, "the file goes in afterwards: {again}");
        let total = home.json(&["list", "learner", "--limit", "1"])["total"].clone();
        assert_eq!(total, ROWS);
    }
    assert!(killed > 0, "no process was killed before its end");
}
