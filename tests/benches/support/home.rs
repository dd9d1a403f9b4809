//! An office whose officer keeps a register of learners.

use std::path::Path;

use onex_crdt::action::Given;
use onex_crdt::field::time::Moment;
use onex_crdt::registry;
use onex_node::clock::Clock;
use onex_node::engine::Order;
use onex_node::{Founding, Node};

use super::people;

/// The story's clock; every run begins at the same moment.
pub fn clock() -> Clock {
    Clock::story(Moment::parse("2026-09-01T09:00:00+08:00").expect("a moment"))
}

/// The orders that put learners on the register.
pub fn orders(first: usize, learners: usize) -> Vec<Order> {
    (first..first + learners).map(people::order).collect()
}

/// A hub whose officer keeps a register.
pub fn office(folder: &Path) -> Node {
    std::fs::create_dir_all(folder).expect("a folder");
    let founding = Founding {
        name: "陕西省1+X证书试点项目办".to_owned(),
        region: "610000".to_owned(),
        person: "郝敏".to_owned(),
    };
    let node = Node::found(folder, &founding, clock()).expect("founded");
    let device = node.me().expect("me").device.to_string();
    let action = registry::action("role.grant").expect("the action exists");
    let values = [("device", device.as_str()), ("person", "郝敏"), ("role", "officer")];
    let read = |(key, text): (&str, &str)| {
        (key.to_owned(), action.read(key, text).expect("the value is right"))
    };
    let given: Given = values.into_iter().map(read).collect();
    node.act(action, &[], &given).expect("an admin grants roles");
    node
}
