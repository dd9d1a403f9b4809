//! Drafts: what one process wrote is what the next one finds, and only that person finds it.

use std::collections::BTreeMap;

use onex_crdt::ids::RecordId;
use onex_node::Node;

use super::handle::{clock, hub};

const EDIT: &str = "contact.edit";
const RECORD: RecordId = RecordId([0x55; 16]);

fn texts(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
    texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

/// Action, record, texts by field.
type Expected<'a> = (&'a str, Option<RecordId>, &'a [(&'a str, &'a str)]);

#[track_caller]
fn check(node: &Node, expected: &[Expected]) {
    let drafts = node.drafts().expect("readable");
    let found = drafts.iter().map(|d| (d.action.as_str(), d.subject, d.texts.clone()));
    let expected =
        expected.iter().map(|(action, subject, given)| (*action, *subject, texts(given)));
    let (found, expected): (Vec<_>, Vec<_>) = (found.collect(), expected.collect());
    assert_eq!(found, expected);
}

#[test]
fn another_handle_on_the_home_finds_what_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = hub(folder.path());
    let second = Node::open(folder.path(), clock()).expect("a second process");
    first.draft_put(EDIT, Some(RECORD), &texts(&[("name", "王芳"), ("post", "")])).expect("kept");
    first.draft_put("contact.add", None, &texts(&[("name", "李强")])).expect("kept");
    let both: &[Expected] = &[
        ("contact.add", None, &[("name", "李强")]),
        (EDIT, Some(RECORD), &[("name", "王芳"), ("post", "")]),
    ];
    check(&second, both);
    drop(first);
    check(&second, both);

    second.draft_put(EDIT, Some(RECORD), &texts(&[("post", "主任")])).expect("kept");
    second.draft_drop("contact.add", None).expect("forgotten");
    let third = Node::open(folder.path(), clock()).expect("the next start");
    check(&third, &[(EDIT, Some(RECORD), &[("post", "主任")])]);
    check(&third.as_person("孙涛"), &[]);
    third.draft_put(EDIT, Some(RECORD), &BTreeMap::new()).expect("forgotten");
    check(&second, &[]);
}

#[test]
fn no_file_of_the_home_shows_what_was_typed() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    node.draft_put("contact.add", None, &texts(&[("phone", "13900610199")])).expect("kept");
    for file in std::fs::read_dir(folder.path()).expect("the home") {
        let bytes = std::fs::read(file.expect("an entry").path()).unwrap_or_default();
        assert!(!bytes.windows(11).any(|window| window == b"13900610199"));
    }
}
