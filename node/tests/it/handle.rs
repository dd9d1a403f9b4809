//! One node through its handle: founding, actions, refusals, reopening.

use std::path::Path;

use onex_crdt::action::{Given, Reason};
use onex_crdt::field::time::Moment;
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::registry;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;
use onex_node::api::Query;
use onex_node::clock::Clock;
use onex_node::{Founding, Node, NodeError};

pub fn clock() -> Clock {
    Clock::story(Moment::parse("2026-04-01T09:00:00+08:00").expect("a moment"))
}

pub fn hub(folder: &Path) -> Node {
    let founding = Founding {
        name: "陕西省1+X证书试点项目办".to_owned(),
        region: "610000".to_owned(),
        person: "郝敏".to_owned(),
    };
    Node::found(folder, &founding, clock()).expect("a new folder takes a hub")
}

pub fn given(action: &str, values: &[(&str, &str)]) -> Given {
    let action = registry::action(action).expect("the action exists");
    let read = |(key, text): &(&str, &str)| {
        ((*key).to_owned(), action.read(key, text).expect("the value is right"))
    };
    values.iter().map(read).collect()
}

pub fn act(node: &Node, action: &str, values: &[(&str, &str)]) -> Result<String, NodeError> {
    let table = registry::action(action).expect("the action exists");
    let answers = node.act(table, &[], &given(action, values))?;
    Ok(answers[0].id.to_string())
}

pub const COLLEGE: &[(&str, &str)] = &[
    ("role", "college"),
    ("name", "西安铁路职业技术学院"),
    ("short_code", "13945"),
    ("school_code", "4161013945"),
    ("region_code", "610100"),
    ("reporting_unit", "610100"),
];

#[test]
fn a_founded_hub_knows_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    let me = node.me().expect("me");
    assert_eq!(me.org_name, "陕西省1+X证书试点项目办");
    assert_eq!(me.roles, [PersonRole::Lead, PersonRole::Admin]);
    assert_eq!(me.org_state.as_deref(), Some("active"));
}

#[test]
fn what_was_answered_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    let device = node.me().expect("me").device.to_string();
    act(&node, "role.grant", &[("device", &device), ("person", "郝敏"), ("role", "officer")])
        .expect("an admin grants roles");
    let id = act(&node, "organisation.add", COLLEGE).expect("an officer adds");
    drop(node);
    let node = Node::open(folder.path(), clock()).expect("the node opens");
    let id = node.find_id(Organisation::KIND, &id[..8]).expect("a prefix names it");
    let row = node.row(Organisation::KIND, id).expect("readable").expect("there");
    assert_eq!(row.text("name"), Some("西安铁路职业技术学院"));
    assert_eq!(row.state(), Some("active"));
    let found = node
        .list(&Query { text: Some("xatl".to_owned()), ..Query::all(Organisation::KIND) })
        .expect("search");
    assert_eq!(found.total, 1);
    assert_eq!(found.rows[0].id, id);
}

#[test]
fn a_refusal_names_the_field_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    let refused = act(&node, "organisation.add", COLLEGE);
    assert!(
        matches!(refused, Err(NodeError::Refused(ref r)) if r.reason == Reason::NoRight),
        "{refused:?}"
    );
    let device = node.me().expect("me").device.to_string();
    act(&node, "role.grant", &[("device", &device), ("person", "郝敏"), ("role", "officer")])
        .expect("an admin grants roles");
    act(&node, "organisation.add", COLLEGE).expect("an officer adds");
    let again = act(&node, "organisation.add", COLLEGE);
    let Err(NodeError::Refused(refusal)) = again else { panic!("{again:?}") };
    assert_eq!((refusal.reason, refusal.field.as_deref()), (Reason::Duplicate, Some("name")));
    assert_eq!(node.list(&Query::all(Organisation::KIND)).expect("list").total, 2);
}

#[test]
fn a_contact_has_a_history_with_old_and_new_values() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    let values = [("name", "郝敏"), ("duty", "coordinator"), ("phone", "13900000021")];
    let id = act(&node, "contact.add", &values).expect("added");
    let id = node.find_id(Contact::KIND, &id).expect("an id");
    let edit = registry::action("contact.edit").expect("exists");
    node.act(edit, &[id], &given("contact.edit", &[("post", "主任")])).expect("edited");
    let history = node.history(Contact::KIND, id).expect("history");
    assert_eq!(history.steps.len(), 2);
    assert_eq!(history.steps[1].changed.len(), 1);
    assert_eq!(history.steps[1].changed[0].0, "post");
    assert_eq!(history.steps[1].person, "郝敏");
    let confirm = registry::action("contact.confirm").expect("exists");
    node.act(confirm, &[id], &Given::new()).expect("confirmed");
    let row = node.row(Contact::KIND, id).expect("readable").expect("there");
    assert_eq!(row.text("confirmed_on"), Some("2026-04-01"));
}

#[test]
fn a_list_is_filtered_by_several_values_of_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    let device = node.me().expect("me").device.to_string();
    act(&node, "role.grant", &[("device", &device), ("person", "郝敏"), ("role", "officer")])
        .expect("an admin grants roles");
    act(&node, "organisation.add", COLLEGE).expect("an officer adds");
    let text = |text: &str| Value::Text(text.to_owned());
    let facets = node.facets(Organisation::KIND, "role").expect("values");
    assert_eq!(facets, [(text("college"), 1), (text("hub"), 1)]);
    assert_eq!(node.facets(Organisation::KIND, "uscc").expect("none has one"), []);
    let check = |values: &[(&str, &str)], expected: usize| {
        let query = values.iter().fold(Query::all(Organisation::KIND), |query, (key, value)| {
            query.with(key, text(value))
        });
        assert_eq!(node.list(&query).expect("a list").total, expected, "{values:?}");
    };
    check(&[("role", "college")], 1);
    check(&[("role", "college"), ("role", "hub")], 2);
    check(&[("role", "college"), ("role", "hub"), ("short_code", "13945")], 1);
    check(&[("role", "hub"), ("short_code", "13945")], 0);
}
