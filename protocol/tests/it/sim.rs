//! The simulated province: whole organisations over the real machine, admission, seals, membership
//! log and documents, in virtual time, with everything going wrong that a seed decides.
//!
//! Disk faults below a transaction and the transport below a message are not simulated here.

mod bad;
mod check;
mod clock;
mod faults;
mod layout;
mod lines;
mod model;
mod run;
mod totals;
mod work;
mod world;

use faults::Profile;
use onex_crdt::ids::Digest;
use run::{long, seeds};
use totals::Totals;
use world::World;

/// Lines that break, nodes that stop, partitions, days offline.
const NETWORK: Profile = Profile {
    edits: 42,
    dials: 8,
    partitions: 2,
    offline: 3,
    restarts: 4,
    restores: 0,
    cuts: 6,
    crash_one_in: 1000,
    wrong_clocks: false,
    bad: 0,
    misdeeds: 0,
};

/// Runs a seed to its end.
fn province(seed: u64, profile: Profile) -> World {
    let mut world = World::new(seed, profile);
    world.plan();
    world.run();
    world.settle();
    world
}

fn must_all_be(totals: &Totals, names: &[&str]) {
    for (name, count) in totals.each() {
        assert!(count > 0 || !names.contains(&name), "no {name} in any run");
    }
}

#[test]
fn s1_provinces_come_to_agree_and_lose_nothing() {
    let totals = seeds("S1", 100, |seed| province(seed, NETWORK).totals);
    must_all_be(&totals, &["partitions", "one-way", "losses", "days offline", "restarts"]);
}

#[test]
fn s5_a_restored_backup_does_no_harm() {
    let profile = Profile { restores: 4, ..NETWORK };
    let totals = seeds("S5", 50, |seed| province(seed, profile).totals);
    must_all_be(&totals, &["restores", "repairs"]);
}

#[test]
fn s6_no_clock_alters_the_final_state() {
    let totals = seeds("S6", 50, |seed| {
        let right = province(seed, NETWORK);
        let wrong = province(seed, Profile { wrong_clocks: true, ..NETWORK });
        for (place, said) in right.said() {
            assert_eq!(Some(&said), wrong.said().get(&place), "seed {seed}: {place:?}");
        }
        // A later time takes a byte more here and there.
        let totals = Totals { bytes: right.totals.bytes, ..wrong.totals };
        assert_eq!(right.totals, totals, "seed {seed}");
        totals
    });
    must_all_be(&totals, &["losses", "restarts"]);
}

#[test]
fn s8_a_seed_is_the_same_twice() {
    let trace = |seed| {
        let mut world = World::new(seed, NETWORK);
        world.trace = Some(Digest([0; 32]));
        world.plan();
        world.run();
        world.settle();
        (world.trace, world.totals)
    };
    seeds("S8", 10, |seed| {
        let first = trace(seed);
        assert_eq!(first, trace(seed), "seed {seed}");
        first.1
    });
}

/// `ONEX_SIM_SECONDS=3600 cargo test --release -p onex-protocol --test it sim::long -- --nocapture`
#[test]
fn long_run() {
    long("long", |seed| province(seed, NETWORK).totals);
}

#[test]
fn s2_bad_devices_do_no_harm() {
    let profile = Profile { bad: 3, misdeeds: 20, ..NETWORK };
    let totals = seeds("S2", 50, |seed| province(seed, profile).totals);
    must_all_be(&totals, &["misdeeds", "refusals"]);
}
