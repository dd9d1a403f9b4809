//! Tests of lines that break: after every message in turn, and again while resuming.

use onex_crdt::header::{APPLICATION, DIRECTORY, ORGANISATION};

use crate::network::Network;
use crate::province::*;

/// Two nodes with something for each other, large enough for several batches.
fn apart(seed: u64) -> Network {
    let mut net = Network::new(seed, &[HUB_1, COLLEGE_1]);
    for year in 0..12 {
        let name = format!("历年{year}").repeat(15_000);
        net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, 2000 + year), &name);
    }
    let application = APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR);
    net.node(COLLEGE_1).author(&application, "申报");
    net.node(COLLEGE_1).author(&ORGANISATION.of(network(), COLLEGE, YEAR), "王芳");
    net
}

#[test]
fn a_cut_after_any_message_loses_nothing() {
    for seed in 1..6 {
        let mut whole = apart(seed);
        assert!(whole.sync(COLLEGE_1, HUB_1).equal);
        for cut in 1..=whole.sent.len() {
            let mut net = apart(seed);
            net.cut_after = Some(cut);
            net.sync(COLLEGE_1, HUB_1);
            let report = net.sync(COLLEGE_1, HUB_1);
            assert!(report.equal, "seed {seed}, cut after {cut}: {report:?}");
            assert!(net.agree(COLLEGE_1, HUB_1), "seed {seed}, cut after {cut}");
            assert!(net.node(COLLEGE_1).store.quarantine.values().all(Vec::is_empty), "cut {cut}");
        }
    }
}

#[test]
fn acknowledged_batches_are_not_sent_again() {
    let mut net = apart(3);
    net.cut_after = Some(8);
    net.sync(COLLEGE_1, HUB_1);
    let given = net.node(HUB_1).store.given.get(&device(COLLEGE_1)).map_or(0, |at| at.position);
    assert!(given > 0 && given < 12, "{given}: the cut is in the middle");
    let report = net.sync(COLLEGE_1, HUB_1);
    let again = net.node(HUB_1).report().sent.documents;
    assert!(report.equal && again <= 12 - given, "{again} documents after {given}");
}

/// Whatever the line breaks behind, each side knows at the end that the other one has everything:
/// an acknowledgement that was lost is made up for by the next greeting.
#[test]
fn a_lost_acknowledgement_comes_with_the_next_greeting() {
    let (mut lost, sent) = (0, {
        let mut whole = apart(2);
        whole.sync(COLLEGE_1, HUB_1);
        whole.sent.len()
    });
    for cut in 1..=sent {
        let mut net = apart(2);
        net.cut_after = Some(cut);
        net.sync(COLLEGE_1, HUB_1);
        let college = device(COLLEGE_1);
        let upto = net.node(COLLEGE_1).store.end();
        let taken = net.node(HUB_1).store.taken.get(&college) == Some(&upto);
        let untold = net.node(COLLEGE_1).store.given.get(&device(HUB_1)) != Some(&upto);
        if !(taken && untold) {
            continue;
        }
        lost += 1;
        net.sync(COLLEGE_1, HUB_1);
        let sent = net.node(COLLEGE_1).report().sent.documents;
        let given = net.node(COLLEGE_1).store.given.get(&device(HUB_1)).copied();
        // What comes from the hub grows the log here, and is not for the hub.
        let reached = given.is_some_and(|given| given.position >= upto.position);
        assert!(sent == 0 && reached, "cut after {cut}: {sent} sent, {given:?} given");
    }
    assert!(lost > 0, "no acknowledgement was lost: {sent} messages");
}

#[test]
fn three_nodes_converge_over_bad_lines() {
    for seed in 1..25 {
        let mut net = Network::new(seed, &[HUB_1, COLLEGE_1, COLLEGE_2, EVALUATOR_1]);
        let organisation = ORGANISATION.of(network(), COLLEGE, YEAR);
        let application = APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR);
        for round in 0..6 {
            net.node(COLLEGE_1).author(&organisation, "甲");
            net.node(COLLEGE_2).author(&application, "乙");
            net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, 2000 + round), "丙");
            net.cut_after = Some((seed as usize * 7 + usize::from(round) * 5) % 19 + 1);
            net.connect(COLLEGE_1, HUB_1);
            net.connect(COLLEGE_2, COLLEGE_1);
            net.connect(EVALUATOR_1, HUB_1);
            net.run();
            net.node(COLLEGE_2).restart();
            net.hang_up();
        }
        net.cut_after = None;
        for _ in 0..2 {
            net.sync(COLLEGE_2, COLLEGE_1);
            net.sync(COLLEGE_1, HUB_1);
            net.sync(EVALUATOR_1, HUB_1);
        }
        for (one, other) in [(COLLEGE_1, COLLEGE_2), (COLLEGE_1, HUB_1), (COLLEGE_2, EVALUATOR_1)] {
            assert!(net.agree(one, other), "seed {seed}: {one} and {other}");
        }
        assert!(net.node(EVALUATOR_1).report().equal, "seed {seed}");
    }
}
