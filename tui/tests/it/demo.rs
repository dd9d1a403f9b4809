//! The demo: the story comes out, and what it says of itself is computed.

use onex_crdt::action::Given;
use onex_crdt::registry;
use onex_node::Node;
use onex_node::clock::Clock;
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
    check_refusals(steps);
    check_no_convergence(&outcome);
    let again = home.run(&["demo", "--dir", dir, "--no-tui", "--json"]);
    assert_eq!((again.status, &again.json()["refused"]["field"]), (1, &"dir".into()));
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
