//! The demo: the story comes out, and what it says of itself is computed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use onex_crdt::action::Given;
use onex_crdt::field::Shape;
use onex_crdt::record::{FieldDef, RecordKind};
use onex_crdt::registry;
use onex_node::Node;
use onex_node::api::Query;
use onex_node::clock::Clock;
use onex_tui::demo::Options;
use onex_tui::json;
use serde_json::Value;

use super::program::Home;

#[test]
fn the_story_comes_out_and_convergence_is_computed() {
    let home = Home::empty();
    let dir = home.folder.path().join("province");
    let dir = dir.to_str().expect("UTF-8");
    let outcome = home.json(&["demo", "--dir", dir, "--no-tui"]);
    let keys: Vec<&str> =
        outcome.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = [
        "dir",
        "seed",
        "network",
        "learners",
        "nodes",
        "steps",
        "records",
        "syncs",
        "sync_bytes",
        "conflicts",
        "converged",
        "seconds",
    ];
    assert_eq!(keys, expected);
    assert_eq!(outcome["converged"], true);
    assert_eq!(outcome["records"]["organisation"], 126);
    assert_eq!(outcome["records"]["application"], 3);
    let steps = outcome["steps"].as_array().expect("steps");
    let named: std::collections::BTreeSet<&str> =
        steps.iter().filter_map(|step| step["step"].as_str()).collect();
    for number in (0..=17).filter(|number| *number != 14) {
        assert!(named.contains(format!("A{number}").as_str()), "A{number} is told");
    }
    for number in 0..=12 {
        assert!(named.contains(format!("B{number}").as_str()), "B{number} is told");
    }
    check_learners(&outcome);
    check_refusals(steps);
    check_seeds(dir.as_ref());
    check_no_convergence(&outcome);
    let again = home.run(&["demo", "--dir", dir, "--no-tui", "--json"]);
    assert_eq!((again.status, &again.json()["refused"]["field"]), (1, &"dir".into()));
}

/// The learners of the story and those beside it; whose conflicts and undone rows are no more.
fn check_learners(outcome: &Value) {
    assert_eq!(outcome["conflicts"], 0, "each was shown and chosen");
    let records = &outcome["records"];
    let story = 45 + 2 + 1;
    assert_eq!(records["learner"], outcome["learners"].as_u64().expect("a number") + story);
    assert_eq!(records["class"], 9);
    assert_eq!(records["enrolment"], 330);
    let homes = outcome["nodes"].as_array().expect("nodes");
    let railway = homes.iter().filter(|node| node["name"] == "西安铁路职业技术学院");
    let people: Vec<&str> = railway.filter_map(|node| node["person"].as_str()).collect();
    assert_eq!(people, ["王芳", "李强"], "the laptop that is lost is none of the nodes");
}

fn check_refusals(steps: &[Value]) {
    let refused: Vec<(&str, &Value)> = steps
        .iter()
        .filter(|step| !step["refused"].is_null())
        .map(|step| (step["step"].as_str().unwrap_or_default(), &step["refused"]["field"]))
        .collect();
    let (standard, planned) = ("standard_id".into(), "planned_students".into());
    assert_eq!(refused, [("A4", &standard), ("A9", &planned), ("A16", &Value::Null)]);
}

/// Another province of the same seed shows the same; one of another seed has other contact
/// persons and learners, and nothing else that differs.
fn check_seeds(province: &Path) {
    let of_seed = |seed: u64| {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("province");
        let options = Options { dir: Some(dir.clone()), seed, learners: 300, explain: false };
        assert!(onex_tui::demo::run(&options).expect("the story comes out").converged);
        (shown(&dir, is_time), shown(&dir, is_time_or_secret))
    };
    let (same, other) = std::thread::scope(|scope| {
        let same = scope.spawn(|| of_seed(1));
        let other = of_seed(2);
        (same.join().expect("the story comes out"), other)
    });
    let first = (shown(province, is_time), shown(province, is_time_or_secret));
    assert_eq!(first, same, "the same seed");
    for (list, rows) in &first.1 {
        let same = *rows == other.1[list];
        assert!(same || LEARNING.contains(&list.1.as_str()), "another seed, {list:?}");
    }
    let differing = first.0.iter().filter(|(list, rows)| **rows != other.0[*list]);
    let kinds: BTreeSet<&str> = differing.map(|((_, kind), _)| kind.as_str()).collect();
    let expected = ["application", "contact"].into_iter().chain(LEARNING);
    assert_eq!(kinds, expected.collect(), "another seed");
}

/// What other learners differ in beside their personal data: sex, pinyin, who came.
const LEARNING: [&str; 3] = ["attendance", "enrolment", "learner"];

/// What every node lists of every kind, without some fields and in an order of its own.
fn shown(province: &Path, left_out: fn(&FieldDef) -> bool) -> BTreeMap<(String, String), String> {
    let mut lists = BTreeMap::new();
    let entries = std::fs::read_dir(province).expect("a folder").flatten();
    for entry in entries.filter(|entry| Node::exists(&entry.path())) {
        let node = Node::open(&entry.path(), Clock::System).expect("opens");
        for kind in registry::KINDS {
            let list = node.list(&Query::all(kind)).expect("readable");
            let home = entry.file_name().to_string_lossy().into_owned();
            let text = without(kind, json::list(json::Secrets::Masked, kind, &list), left_out);
            lists.insert((home, kind.key.to_owned()), text);
        }
    }
    lists
}

fn without(kind: &RecordKind, mut list: Value, left_out: fn(&FieldDef) -> bool) -> String {
    let rows = list["rows"].as_array_mut().expect("rows");
    for row in rows.iter_mut() {
        let fields = row.as_object_mut().expect("a row");
        kind.fields.iter().filter(|field| left_out(field)).for_each(|field| {
            fields.shift_remove(field.key).expect("every field is listed");
        });
        blank_ids(row);
    }
    rows.sort_by_cached_key(Value::to_string);
    list.to_string()
}

/// Blanks ids, digests and devices: some stand in fields of plain text, as those of acts do.
fn blank_ids(value: &mut Value) {
    match value {
        Value::String(text)
            if [32, 64].contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            "-".clone_into(text);
        }
        Value::Array(items) => items.iter_mut().for_each(blank_ids),
        Value::Object(fields) => fields.values_mut().for_each(blank_ids),
        _ => {}
    }
}

/// Times, which differ from run to run as ids do.
fn is_time(field: &FieldDef) -> bool {
    matches!(field.ty.shape, Shape::DateTime)
}

fn is_time_or_secret(field: &FieldDef) -> bool {
    is_time(field) || field.secret
}

/// One node that writes after the last sync makes the difference.
fn check_no_convergence(outcome: &Value) {
    let homes = outcome["nodes"].as_array().expect("nodes").iter();
    let nodes: Vec<Node> = homes
        .map(|node| {
            let home = node["home"].as_str().expect("a home");
            Node::open(home.as_ref(), Clock::System).expect("opens")
        })
        .collect();
    assert!(onex_tui::demo::converged(&nodes).expect("readable"));
    let add = registry::action("contact.add").expect("an action");
    let values = [("name", "王芳"), ("duty", "finance"), ("phone", "13900000021")];
    let given: Given = values
        .iter()
        .map(|(key, text)| ((*key).to_owned(), add.read(key, text).expect("a value")))
        .collect();
    nodes[2].act(add, &[], &given).expect("allowed");
    assert!(!onex_tui::demo::converged(&nodes).expect("readable"));
    let alone = [nodes[0].clone(), nodes[1].clone()];
    assert!(onex_tui::demo::converged(&alone).expect("readable"));
}
