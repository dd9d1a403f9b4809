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
    sittings: 18,
    dials: 6,
    partitions: 2,
    offline: 3,
    restarts: 4,
    restores: 0,
    cuts: 6,
    crash_one_in: 1000,
    wrong_clocks: false,
    removals: 0,
    resumes: 0,
    bad: 0,
    misdeeds: 0,
};

/// The same, and in every fourth run what the other tests are about.
fn mixed(seed: u64) -> Profile {
    match seed % 4 {
        0 => Profile { restores: 1, resumes: 1, bad: 1, misdeeds: 4, ..NETWORK },
        _ => NETWORK,
    }
}

/// Removals of devices and roles, copies that go on beside each other, and up to three bad devices.
const DISTRUST: Profile =
    Profile { bad: 3, misdeeds: 12, removals: 2, resumes: 1, restores: 1, ..NETWORK };

/// Backups that are restored, and running states that go on from a copy.
const RESTORED: Profile = Profile { restores: 3, resumes: 2, ..NETWORK };

/// Runs a seed to its end.
fn province(seed: u64, profile: Profile) -> World {
    lived(World::new(seed, profile))
}

fn lived(mut world: World) -> World {
    world.plan();
    world.run();
    world.settle();
    world
}

/// One seed alone need not have everything.
fn must_all_be(totals: &Totals, names: &[&str]) {
    if totals.runs == 1 {
        return;
    }
    let counts: std::collections::BTreeMap<_, _> = totals.each().into_iter().collect();
    for name in names.iter().chain(&["documents compared", "changes acknowledged"]) {
        assert!(counts[*name] > 0, "no {name} in any run");
    }
    assert!(totals.devices >= 7 * totals.runs && totals.edits >= 100 * totals.runs, "{totals:?}");
}

#[test]
fn s1_provinces_come_to_agree_and_lose_nothing() {
    let totals = seeds("S1", 2000, |seed| province(seed, mixed(seed)).totals);
    let network = ["partitions", "one-way", "losses", "days offline", "restarts", "crashes"];
    must_all_be(&totals, &network);
    must_all_be(&totals, &["restores", "repairs", "refusals"]);
}

#[test]
fn s2_nobody_who_was_removed_or_is_bad_does_harm() {
    let totals = seeds("S2", 2000, |seed| province(seed, DISTRUST).totals);
    must_all_be(&totals, &["removals", "mutual removals", "role cuts", "regrants", "excluded"]);
    must_all_be(&totals, &["misdeeds", "refusals", "forks", "restores", "resumes"]);
}

#[test]
fn s5_a_restored_backup_does_no_harm() {
    let totals = seeds("S5", 1000, |seed| province(seed, RESTORED).totals);
    must_all_be(&totals, &["restores", "resumes", "repairs"]);
}

#[test]
fn s6_no_clock_alters_the_final_state() {
    let totals = seeds("S6", 500, |seed| {
        let right = province(seed, NETWORK);
        let wrong = province(seed, Profile { wrong_clocks: true, ..NETWORK });
        let (said, otherwise) = (right.said(), wrong.said());
        for (place, said) in &said {
            assert_eq!(Some(said), otherwise.get(place), "seed {seed}: {place:?}");
        }
        assert_eq!(said.len(), otherwise.len(), "seed {seed}");
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
        let mut world = World::new(seed, DISTRUST);
        world.trace = Some(Digest([0; 32]));
        let world = lived(world);
        (world.trace, world.totals)
    };
    seeds("S8", 200, |seed| {
        let first = trace(seed);
        assert_eq!(first, trace(seed), "seed {seed}");
        first.1
    });
}

/// A few seeds, or as many as fit into `ONEX_SIM_SECONDS` (README).
#[test]
fn long_run() {
    long("long", |seed| province(seed, if seed % 2 == 0 { DISTRUST } else { RESTORED }).totals);
}
