//! A home with many learners, built through the engine once and kept between runs.

use std::path::{Path, PathBuf};

use onex_crdt::action::Given;
use onex_crdt::field::time::Moment;
use onex_crdt::ids::hex_encode;
use onex_crdt::registry;
use onex_node::clock::Clock;
use onex_node::engine::Order;
use onex_node::store::projection;
use onex_node::{Founding, Node};

use super::people;
use super::report::{Report, timed};

/// Learners of one command, as one import brings them.
pub const BATCH_LEARNERS: usize = 20_000;

/// The story's clock; every run begins at the same moment.
pub fn clock() -> Clock {
    Clock::story(Moment::parse("2026-09-01T09:00:00+08:00").expect("a moment"))
}

/// Returns the home with so many learners, which is built when it is not there yet.
pub fn built(report: &mut Report, learners: usize) -> PathBuf {
    let shape = hex_encode(&projection::shape(registry::KINDS)[..6]);
    let homes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-homes");
    let home = homes.join(format!("{learners}-{shape}"));
    if home.exists() {
        return home;
    }
    let unfinished = homes.join(format!("{learners}-{shape}-unfinished"));
    let _ = std::fs::remove_dir_all(&unfinished);
    let node = office(&unfinished);
    let mut batches = Vec::new();
    for first in (0..learners).step_by(BATCH_LEARNERS) {
        let orders = orders(first, BATCH_LEARNERS.min(learners - first));
        let (time, done) = timed(|| node.act_many(&[&orders]));
        done.expect("every learner is taken");
        eprintln!("{} learners, {time:.2?}", first + orders.len());
        batches.push(time);
    }
    report.add_times("a batch of 20,000 while the home is built", &mut batches, None, None);
    drop(node);
    std::fs::rename(&unfinished, &home).expect("renamed");
    home
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
