//! A home with many learners, built through the engine once and kept between runs.

use std::path::{Path, PathBuf};

use onex_crdt::ids::hex_encode;
use onex_crdt::registry;
use onex_node::store::projection;

use super::home::{office, orders};
use super::report::{Report, timed};
use super::times::add_times;

/// Learners of one command, as one import brings them.
pub const BATCH_LEARNERS: usize = 20_000;

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
    add_times(report, "a batch of 20,000 while the home is built", &mut batches, None, None);
    drop(node);
    std::fs::rename(&unfinished, &home).expect("renamed");
    home
}
