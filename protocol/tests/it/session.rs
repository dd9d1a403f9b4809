//! Tests of whole sessions: nothing to do, what is new, first contact, repair, live.

use onex_crdt::header::{APPLICATION, DIRECTORY, ORGANISATION, PLAN};
use onex_protocol::machine::BATCHES_IN_FLIGHT_MAX;

use crate::network::Network;
use crate::province::*;

/// A hub and a college that hold some documents and agree.
fn agreed(seed: u64) -> Network {
    let mut net = Network::new(seed, &[HUB_1, COLLEGE_1, COLLEGE_2, OTHER_1, EVALUATOR_1]);
    let directory = DIRECTORY.of(network(), HUB, YEAR);
    net.node(HUB_1).author(&directory, "名录");
    for year in 0..20 {
        net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, 2000 + year), "历年名录");
    }
    net.node(COLLEGE_1).author(&ORGANISATION.of(network(), COLLEGE, YEAR), "王芳");
    net.node(COLLEGE_1).author(&PLAN.of(network(), COLLEGE, YEAR), "草稿");
    let application = APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR);
    net.node(COLLEGE_1).author(&application, "申报");
    let report = net.sync(COLLEGE_1, HUB_1);
    assert!(report.equal && net.agree(COLLEGE_1, HUB_1), "seed {seed}");
    net.sent.clear();
    net
}

fn for_seeds(test: impl Fn(u64)) {
    (1..25).for_each(test);
}

#[test]
fn first_contact_brings_everything_that_both_may_read() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        let report = net.node(COLLEGE_1).report().clone();
        assert_eq!((report.sent.documents, report.sent.changes), (2, 2), "seed {seed}");
        assert_eq!((report.received.documents, report.received.changes), (21, 21), "seed {seed}");
        assert_eq!(net.node(HUB_1).store.documents.len(), 23, "seed {seed}: not the plan");
        assert_eq!(net.node(HUB_1).report().received.documents, 2, "seed {seed}");
    });
}

#[test]
fn nothing_to_do_is_one_round_trip() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        let writes = (net.node(HUB_1).store.writes, net.node(COLLEGE_1).store.writes);
        let report = net.sync(COLLEGE_1, HUB_1);
        assert_eq!(net.kinds(), [(COLLEGE_1, "hello"), (HUB_1, "hello")], "seed {seed}");
        assert_eq!((report.round_trips, report.equal), (1, true), "seed {seed}");
        assert_eq!((report.sent.documents, report.received.documents), (0, 0));
        let bytes = report.sent.bytes + report.received.bytes;
        let frames = 2 * 4;
        assert!(bytes + frames <= 300, "seed {seed}: {bytes} bytes");
        let after = (net.node(HUB_1).store.writes, net.node(COLLEGE_1).store.writes);
        assert_eq!(after, writes, "seed {seed}: nothing is written");
        assert!(net.node(HUB_1).report().equal, "seed {seed}");
    });
}

#[test]
fn what_is_new_goes_and_no_more() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        net.node(COLLEGE_1).author(&ORGANISATION.of(network(), COLLEGE, YEAR), "李强");
        net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, YEAR), "新增");
        let report = net.sync(COLLEGE_1, HUB_1);
        assert_eq!((report.sent.documents, report.sent.changes), (1, 1), "seed {seed}");
        assert_eq!((report.received.documents, report.received.changes), (1, 1), "seed {seed}");
        assert!(report.equal && report.round_trips <= 3, "seed {seed}: {report:?}");
        assert!(net.agree(COLLEGE_1, HUB_1), "seed {seed}");
        net.sent.clear();
        net.sync(HUB_1, COLLEGE_1);
        assert_eq!(net.kinds().len(), 2, "seed {seed}: the cursors were told too");
    });
}

#[test]
fn two_devices_that_edit_one_document_agree() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        net.sync(COLLEGE_2, COLLEGE_1);
        let plan = PLAN.of(network(), COLLEGE, YEAR);
        net.node(COLLEGE_1).author(&plan, "甲");
        net.node(COLLEGE_2).author(&plan, "乙");
        let report = net.sync(COLLEGE_2, COLLEGE_1);
        assert!(report.equal && net.agree(COLLEGE_1, COLLEGE_2), "seed {seed}: {report:?}");
        let document = net.node(COLLEGE_1).store.document(&plan);
        assert_eq!(document.heads().len(), 2, "seed {seed}");
    });
}

#[test]
fn a_third_organisation_gets_it_by_way_of_the_hub() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        let report = net.sync(EVALUATOR_1, HUB_1);
        assert!(report.equal, "seed {seed}: {report:?}");
        assert_eq!(report.received.documents, 23, "seed {seed}");
        let application = APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR).id();
        assert!(net.node(EVALUATOR_1).store.documents.contains_key(&application));
        assert!(net.agree(COLLEGE_1, EVALUATOR_1), "seed {seed}: they never spoke");
    });
}

#[test]
fn a_repair_finds_what_a_cursor_hides() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        let directory = DIRECTORY.of(network(), HUB, YEAR).id();
        net.acks_checked = false;
        net.node(COLLEGE_1).store.documents.remove(&directory);
        net.node(COLLEGE_1).store.seals.remove(&directory);
        let report = net.sync(COLLEGE_1, HUB_1);
        assert!(report.equal && net.agree(COLLEGE_1, HUB_1), "seed {seed}: {report:?}");
        assert_eq!(report.received.changes, 1, "seed {seed}");
        net.sent.clear();
        net.sync(COLLEGE_1, HUB_1);
        assert_eq!(net.kinds().len(), 2, "seed {seed}: it is not repaired again");
    });
}

#[test]
fn a_repair_brings_missing_dependencies() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        let directory = DIRECTORY.of(network(), HUB, YEAR);
        net.acks_checked = false;
        net.node(COLLEGE_1).store.documents.remove(&directory.id());
        net.node(COLLEGE_1).store.seals.remove(&directory.id());
        net.node(HUB_1).author(&directory, "新增");
        let report = net.sync(COLLEGE_1, HUB_1);
        assert!(report.equal && net.agree(COLLEGE_1, HUB_1), "seed {seed}: {report:?}");
    });
}

#[test]
fn a_restored_backup_begins_anew() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        let backup = net.node(COLLEGE_1).store.clone();
        let organisation = ORGANISATION.of(network(), COLLEGE, YEAR);
        net.node(COLLEGE_1).author(&organisation, "后来");
        net.sync(COLLEGE_1, HUB_1);
        net.acks_checked = false;
        net.node(COLLEGE_1).store = backup;
        net.node(COLLEGE_1).author(&organisation, "恢复之后");
        let report = net.sync(COLLEGE_1, HUB_1);
        assert!(report.equal && net.agree(COLLEGE_1, HUB_1), "seed {seed}: {report:?}");
        let document = net.node(HUB_1).store.document(&organisation);
        assert_eq!(document.changes_since(&[]).len(), 3, "seed {seed}");
    });
}

#[test]
fn changes_are_pushed_while_connected() {
    for_seeds(|seed| {
        let mut net = agreed(seed);
        net.connect(COLLEGE_1, HUB_1);
        net.connect(EVALUATOR_1, HUB_1);
        net.run();
        for name in ["一", "二", "三"] {
            let application = APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR);
            net.node(COLLEGE_1).author(&application, name);
            net.run();
            assert!(net.agree(COLLEGE_1, HUB_1), "seed {seed}");
            assert!(net.agree(COLLEGE_1, EVALUATOR_1), "seed {seed}: passed on");
        }
        assert!(net.node(EVALUATOR_1).report().equal, "seed {seed}");
        let repaired = net.node(HUB_1).report().sent.documents;
        assert!(repaired < 60, "seed {seed}: {repaired} documents, so that there was a repair");
    });
}

#[test]
fn nodes_that_write_all_the_time_come_to_rest_equal() {
    for seed in 1..50 {
        let mut net = Network::new(seed, &[HUB_1, COLLEGE_1, COLLEGE_2, EVALUATOR_1]);
        net.connect(COLLEGE_1, HUB_1);
        net.connect(HUB_1, EVALUATOR_1);
        net.connect(COLLEGE_2, COLLEGE_1);
        let application = APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR);
        for round in 0..12 {
            net.run_some(seed as usize * 3 % 17 + round);
            net.node(COLLEGE_1).author(&application, "甲");
            net.node(COLLEGE_2).author(&application, "乙");
            net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, YEAR), "丙");
            net.node(EVALUATOR_1).author(&ORGANISATION.of(network(), EVALUATOR, YEAR), "丁");
        }
        net.run();
        for (one, other) in [(COLLEGE_1, HUB_1), (HUB_1, EVALUATOR_1), (COLLEGE_1, COLLEGE_2)] {
            assert!(net.agree(one, other), "seed {seed}: {one} and {other}");
        }
        for seed_of in [HUB_1, COLLEGE_1, COLLEGE_2, EVALUATOR_1] {
            let reports = net.node(seed_of).reports.values();
            assert!(reports.clone().all(|report| report.equal), "seed {seed}: {seed_of}");
        }
        let repairs = net.repairs();
        assert_eq!(repairs, 0, "seed {seed}: sums were compared while something was under way");
    }
}

#[test]
fn a_document_larger_than_a_message_arrives() {
    let mut net = Network::new(7, &[HUB_1, COLLEGE_1]);
    let organisation = ORGANISATION.of(network(), COLLEGE, YEAR);
    for n in 0..30u32 {
        let name: String = (0..20_000u32).map(|at| char::from(b'a' + digit(n, at))).collect();
        net.node(COLLEGE_1).author(&organisation, &name);
    }
    let report = net.sync(COLLEGE_1, HUB_1);
    assert!(report.equal && net.agree(COLLEGE_1, HUB_1), "{report:?}");
    let batches = net.kinds().iter().filter(|kind| **kind == (COLLEGE_1, "batch")).count();
    assert!(batches >= 2, "{batches} messages");
}

/// What no receiver would hold is not sent, and that is said at every session; everything else goes.
#[test]
fn a_document_larger_than_a_batch_is_told_and_stays_here() {
    let mut net = Network::new(7, &[HUB_1, COLLEGE_1]);
    let large = ORGANISATION.of(network(), COLLEGE, YEAR);
    for n in 0..45u32 {
        let letter = |at| char::from(b' ' + (noise(n, at) % 95) as u8);
        let name: String = (0..240_000).map(letter).collect();
        net.node(COLLEGE_1).author(&large, &name);
    }
    let application = APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR);
    net.node(COLLEGE_1).author(&application, "申报");
    for session in ["the delta", "the repair after it"] {
        let report = net.sync(COLLEGE_1, HUB_1);
        assert_eq!(report.refused, [(large.id(), "too_large")], "{session}: said once");
        assert!(!report.equal && report.error.is_none(), "{session}: {report:?}");
        let node = net.node(COLLEGE_1);
        assert!(node.store.withheld.contains(&(device(HUB_1), large.id())), "{session}");
        let hub = &net.node(HUB_1).store;
        assert!(hub.documents.contains_key(&application.id()), "{session}");
        assert!(!hub.documents.contains_key(&large.id()), "{session}");
    }
}

#[test]
fn many_documents_go_in_several_batches() {
    (1..6).for_each(|seed| {
        let mut net = Network::new(seed, &[HUB_1, COLLEGE_1]);
        for year in 0..40u32 {
            let name: String =
                (0..30_000u32).map(|at| char::from(b'a' + digit(year, at))).collect();
            net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, 2000 + year as u16), &name);
        }
        net.node(COLLEGE_1).author(&ORGANISATION.of(network(), COLLEGE, YEAR), "王芳");
        let report = net.sync(COLLEGE_1, HUB_1);
        assert!(report.equal && net.agree(COLLEGE_1, HUB_1), "seed {seed}: {report:?}");
        assert_eq!(report.received.documents, 40, "seed {seed}");
        let hub = net.node(HUB_1).report().clone();
        assert_eq!(hub.sent.documents, 40, "seed {seed}: none twice, no repair");
    });
}

#[test]
fn without_acknowledgements_only_so_much_is_sent() {
    let mut net = Network::new(2, &[HUB_1, COLLEGE_1]);
    for year in 0..60u32 {
        let name: String = (0..30_000u32).map(|at| char::from(b'a' + digit(year, at))).collect();
        net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, 2000 + year as u16), &name);
    }
    net.connect(COLLEGE_1, HUB_1);
    while net.sent.is_empty() {
        net.run_some(1);
    }
    net.mute(COLLEGE_1);
    net.run();
    let of_hub = |kind: &&(u8, &str)| **kind == (HUB_1, "batch");
    let batches = |net: &Network| net.kinds().iter().filter(of_hub).count();
    assert_eq!(batches(&net), 3, "each is a little above the aim, a fourth would be too much");

    let mut net = Network::new(2, &[HUB_1, COLLEGE_1]);
    net.connect(COLLEGE_1, HUB_1);
    net.run();
    net.mute(COLLEGE_1);
    for _ in 0..2 * BATCHES_IN_FLIGHT_MAX {
        net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, YEAR), "新增");
        net.run();
    }
    assert_eq!(batches(&net), BATCHES_IN_FLIGHT_MAX, "small ones are counted too");
}

/// A digit that zstd cannot guess.
fn digit(n: u32, at: u32) -> u8 {
    noise(n, at) as u8 % 26
}

fn noise(n: u32, at: u32) -> u32 {
    let mixed = (n << 16 ^ at).wrapping_mul(0x9e37_79b1);
    (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b) >> 24
}
