//! Every way of keeping keys, and every state in which a crash can leave a home.

use zeroize::Zeroizing;

use super::*;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.to_owned())).expect("not empty")
}

fn under(text: &str) -> Guard {
    Guard::Passphrase(passphrase(text))
}

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::new(&folder.path().join("node"));
    (folder, home)
}

/// The names of the files of a home.
fn files(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.folder()).expect("a folder");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("reads").file_name();
    let mut names: Vec<String> =
        entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[track_caller]
fn check_opens(home: &Home, given: Option<&str>, keys: &Keys) {
    let opened = home.unlock(given.map(passphrase).as_ref());
    let opened = opened.unwrap_or_else(|error| panic!("{given:?}: {error}"));
    assert_eq!((opened.store, opened.device), (keys.store, keys.device));
}

#[track_caller]
fn check_locked(home: &Home, given: Option<&str>) {
    let refused = home.unlock(given.map(passphrase).as_ref()).err();
    match given {
        None => assert!(matches!(refused, Some(KeysError::Locked)), "{refused:?}"),
        Some(_) => assert!(matches!(refused, Some(KeysError::WrongPassphrase)), "{refused:?}"),
    }
}

#[test]
fn a_passphrase_is_set_changed_and_removed() {
    let (_folder, home) = home();
    assert_eq!(home.keeping().expect("reads"), None);
    let keys = home.make(&Guard::File).expect("made");
    assert_eq!(home.keeping().expect("reads"), Some(Keeping::File));
    check_opens(&home, None, &keys);

    home.keep(&keys, &under("第一个口令")).expect("set");
    assert_eq!(home.keeping().expect("reads"), Some(Keeping::Passphrase));
    assert_eq!(files(&home), ["keys.lock", "keys.sealed"]);
    check_opens(&home, Some("第一个口令"), &keys);
    check_locked(&home, Some("第二个口令"));
    check_locked(&home, None);

    home.keep(&keys, &under("第二个口令")).expect("changed");
    check_opens(&home, Some("第二个口令"), &keys);
    check_locked(&home, Some("第一个口令"));

    home.keep(&keys, &Guard::File).expect("removed");
    assert_eq!(files(&home), ["device.key", "keys.lock", "store.key"]);
    check_opens(&home, None, &keys);
}

/// A home of an older program: two plain files and nothing else.
#[test]
fn an_older_home_opens() {
    let (_folder, home) = home();
    fs::create_dir_all(home.folder()).expect("a folder");
    fs::write(home.folder().join("store.key"), [3; 32]).expect("written");
    assert_eq!(home.keeping().expect("reads"), None, "one key is none");
    fs::write(home.folder().join("device.key"), [4; 32]).expect("written");
    check_opens(&home, None, &Keys { store: [3; 32], device: [4; 32] });
    assert_eq!(files(&home), ["device.key", "store.key"], "opening writes nothing");
}

/// What each step of `keep` leaves when the computer stops right after it.
#[test]
fn a_crash_at_any_step_leaves_keys_that_open() {
    let (_folder, home) = home();
    let keys = home.make(&under("口令")).expect("made");
    let path = |name: &str| home.folder().join(name);
    let sealed = fs::read(path("keys.sealed")).expect("a file");
    let plain = ["store.key", "device.key"];
    let secrets = [keys.store, keys.device];
    let half = &sealed[..sealed.len() / 2];
    // While it is set: the sealed file half written, whole, and one plain key after the other gone.
    let setting = [
        (vec![("keys.sealed.new", half)], &plain[..]),
        (vec![("keys.sealed.new", &sealed[..])], &plain[..]),
        (vec![("keys.sealed", &sealed[..])], &plain[..]),
        (vec![("keys.sealed", &sealed[..])], &plain[1..]),
    ];
    // While it is removed: plain keys half written, and one after the other there.
    let removing = [
        (vec![("keys.sealed", &sealed[..]), ("store.key.new", &secrets[0][..7])], &plain[..0]),
        (vec![("keys.sealed", &sealed[..]), ("device.key.new", &secrets[1][..])], &plain[..1]),
        (vec![("keys.sealed", &sealed[..])], &plain[..]),
        (vec![], &plain[..]),
    ];
    for (others, there) in setting.into_iter().chain(removing) {
        files(&home).iter().for_each(|name| fs::remove_file(path(name)).expect("removed"));
        for (name, secret) in plain.iter().zip(&secrets).filter(|(name, _)| there.contains(name)) {
            fs::write(path(name), secret).expect("written");
        }
        for (name, bytes) in &others {
            fs::write(path(name), bytes).expect("written");
        }
        let is_sealed = others.iter().any(|(name, _)| *name == "keys.sealed");
        check_opens(&home, is_sealed.then_some("口令"), &keys);
        let plain_left = files(&home).iter().any(|name| name.starts_with(['s', 'd']));
        assert_eq!(plain_left, !is_sealed, "{others:?}: plain keys beside sealed ones go");
    }
    home.keep(&keys, &under("新口令")).expect("can be set again");
    check_opens(&home, Some("新口令"), &keys);
}

#[test]
fn keys_that_wait_for_an_enrolment_stay() {
    let (_folder, home) = home();
    let keys = home.make(&Guard::File).expect("made");
    let again = home.make(&under("口令")).expect("made");
    assert_eq!(again.device, keys.device);
    assert_eq!(home.keeping().expect("reads"), Some(Keeping::Passphrase));
    assert!(matches!(home.make(&Guard::File), Err(KeysError::Locked)));
    assert!(matches!(home.make(&under("别的")), Err(KeysError::WrongPassphrase)));
    assert_eq!(home.make(&under("口令")).expect("made").store, keys.store);
}

#[test]
fn a_passphrase_in_a_file_is_its_text_without_the_line_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("passphrase");
    for (written, read) in [
        ("一句话 with spaces", Some("一句话 with spaces")),
        ("一句话\n", Some("一句话")),
        ("一句话\r\n", Some("一句话")),
        ("一句话\n\n", Some("一句话\n")),
        (" \n", Some(" ")),
        ("\n", None),
        ("", None),
    ] {
        fs::write(&path, written).expect("written");
        let found = Passphrase::read(&path).ok();
        assert_eq!(
            found.as_ref().map(Passphrase::as_bytes),
            read.map(str::as_bytes),
            "{written:?}"
        );
    }
    fs::write(&path, "长".repeat(400)).expect("written");
    assert!(Passphrase::read(&path).is_err(), "too long");
    fs::write(&path, [0xff, 0xfe]).expect("written");
    assert!(Passphrase::read(&path).is_err(), "no text");
}

#[cfg(unix)]
#[test]
fn only_the_user_may_read_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, home) = home();
    let keys = home.make(&Guard::File).expect("made");
    let mode = |name: &str| {
        let file = fs::metadata(home.folder().join(name)).expect("a file");
        file.permissions().mode() & 0o777
    };
    assert_eq!([mode("store.key"), mode("device.key"), mode("")], [0o600, 0o600, 0o700]);
    home.keep(&keys, &under("口令")).expect("set");
    assert_eq!(mode("keys.sealed"), 0o600);
}
