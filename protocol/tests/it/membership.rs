//! Tests of the greeting: who is let in, and how membership logs of unequal length meet.

use onex_crdt::header::{DIRECTORY, ORGANISATION};
use onex_crdt::roles::PersonRole;
use onex_protocol::machine::Event;
use onex_protocol::membership::Membership;
use onex_protocol::root::Rotation;
use onex_protocol::statement::Statement;

use crate::network::Network;
use crate::province::*;

/// The log without its last entries.
fn behind(entries: usize) -> Membership {
    let log = membership();
    let all = log.entries_from(0);
    Membership::replay(all[..all.len() - entries].to_vec()).expect("a prefix")
}

/// Two nodes with these logs and a document each; codes with which both closed.
fn check(
    caller: (u8, Membership),
    called: (u8, Membership),
    expected: (&[u32], &[u32]),
) -> Network {
    let (one, other) = (caller.0, called.0);
    let mut net = Network::with(5, vec![caller, called]);
    // The hub's new device has no person with a role yet.
    if one != 3 {
        net.node(one).author(&ORGANISATION.of(network(), org_of(one).0, YEAR), "甲");
    }
    net.node(other).author(&ORGANISATION.of(network(), org_of(other).0, YEAR), "乙");
    net.connect(one, other);
    net.run();
    let kinds = net.kinds();
    assert_eq!(net.node(one).closed, expected.0, "{kinds:?}");
    assert_eq!(net.node(other).closed, expected.1, "{kinds:?}");
    if expected == (&[], &[]) {
        assert!(net.agree(one, other) && net.node(one).report().equal, "{kinds:?}");
        let log = net.node(other).membership.clone();
        assert_eq!(net.node(one).membership, log);
    } else {
        assert!(kinds.iter().all(|(_, kind)| *kind != "batch"), "{kinds:?}");
    }
    net
}

#[test]
fn logs_of_unequal_length_are_settled_first() {
    let all = membership;
    check((COLLEGE_1, all()), (HUB_1, all()), (&[], &[]));
    check((COLLEGE_1, behind(1)), (HUB_1, all()), (&[], &[]));
    check((COLLEGE_1, all()), (HUB_1, behind(1)), (&[], &[]));
    // The called side learns of the caller out of the caller's log, and the other way round.
    check((EVALUATOR_1, all()), (HUB_1, behind(1)), (&[], &[]));
    check((HUB_1, behind(1)), (EVALUATOR_1, all()), (&[], &[]));
    check((EVALUATOR_1, all()), (COLLEGE_1, behind(2)), (&[], &[]));
    check((COLLEGE_1, behind(2)), (EVALUATOR_1, all()), (&[], &[]));
}

#[test]
fn an_unknown_device_hears_nothing() {
    let mut net = check((STRANGER, membership()), (HUB_1, membership()), (&[5], &[5]));
    let (hub, kinds) = (HUB_1, net.kinds());
    assert_eq!(kinds.iter().filter(|(from, _)| *from == hub).count(), 1, "{kinds:?}");
    assert_eq!(net.node(HUB_1).store.writes, 0);
}

#[test]
fn a_removed_device_is_not_let_in() {
    let mut log = membership();
    say(&mut log, COLLEGE_1, device_remove(COLLEGE_2));
    check((COLLEGE_2, membership()), (HUB_1, log), (&[6], &[6]));
}

#[test]
fn another_network_is_another_world() {
    check((COLLEGE_1, membership()), (HUB_1, another_network()), (&[4], &[4]));
}

#[test]
fn a_fork_is_told_and_nothing_flows() {
    let (mut one, mut other) = (membership(), membership());
    say(&mut one, HUB_1, device_add(HUB, 2));
    say(&mut other, HUB_1, device_add(HUB, 3));
    check((COLLEGE_1, one.clone()), (HUB_1, other.clone()), (&[7], &[7]));
    // The longer one shows the fork too.
    say(&mut other, HUB_1, device_add(HUB, 4));
    check((COLLEGE_1, one.clone()), (HUB_1, other.clone()), (&[7], &[7]));
    check((COLLEGE_1, other), (HUB_1, one), (&[7], &[7]));
}

#[test]
fn a_device_that_is_removed_while_connected_is_closed() {
    let mut net = Network::new(3, &[HUB_1, COLLEGE_1, COLLEGE_2]);
    net.connect(COLLEGE_1, HUB_1);
    net.connect(COLLEGE_2, HUB_1);
    net.run();
    let mut log = membership();
    say(&mut log, COLLEGE_1, device_remove(COLLEGE_2));
    net.node(HUB_1).membership = log.clone();
    net.node(HUB_1).event(Event::MembershipChanged(Box::new(log)));
    net.run();
    assert_eq!(net.node(HUB_1).closed, [6]);
    assert_eq!(net.node(COLLEGE_1).membership.position(), 9, "the others are told");
    net.sent.clear();
    net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, YEAR), "后来");
    net.run();
    assert!(net.agree(HUB_1, COLLEGE_1) && !net.agree(HUB_1, COLLEGE_2));
}

#[test]
fn a_proposal_comes_back_as_an_entry_in_the_same_session() {
    for seed in 1..30 {
        let mut net = Network::new(seed, &[HUB_1, COLLEGE_1, EVALUATOR_1]);
        net.connect(EVALUATOR_1, HUB_1);
        net.run();
        let person = "王芳".to_owned();
        let grant =
            |role| Statement::GrantRole { device: device(COLLEGE_2), person: person.clone(), role };
        let log = membership();
        let good = log.propose(&key(COLLEGE_1), grant(PersonRole::Teacher));
        let bad = log.propose(&key(COLLEGE_2), grant(PersonRole::Admin));
        net.node(COLLEGE_1).store.proposals = vec![good, bad];
        net.connect(COLLEGE_1, HUB_1);
        net.run();
        assert!(net.node(COLLEGE_1).report().equal, "seed {seed}");
        for seed in [HUB_1, COLLEGE_1, EVALUATOR_1] {
            let log = &net.node(seed).membership;
            assert!(log.holds(device(COLLEGE_2), "王芳", PersonRole::Teacher, 9));
            assert_eq!(log.position(), 9, "the other one was not allowed");
        }
        let later =
            net.node(COLLEGE_1).membership.propose(&key(COLLEGE_1), grant(PersonRole::Finance));
        net.node(COLLEGE_1).event(Event::Proposed(vec![later]));
        net.run();
        assert_eq!(net.node(EVALUATOR_1).membership.position(), 10, "seed {seed}: live");
    }
}

/// The log with a rotation at this place, by which the hub's first device or another one sequences.
fn rotated(log: &Membership, position: u64, sequencer: u8) -> Membership {
    let mut log = log.clone();
    let previous = log.entries_from(position - 1)[0].digest();
    let mut rotation = Rotation {
        version: log.root().version + 1,
        keys: vec![key(HUB_1).public()],
        threshold: 1,
        sequencer: key(sequencer).public(),
        person: "郝敏".to_owned(),
        position,
        previous,
        signatures: Vec::new(),
    };
    rotation.sign(network(), &key(HUB_1));
    let entry = log.rotation_place(&key(sequencer), rotation).expect("a good rotation");
    log.append(entry).expect("the root's word");
    log
}

#[test]
fn the_newer_root_decides_which_log_stands() {
    let old = membership();
    let end = old.position() + 1;
    let mut stolen = old.clone();
    say(&mut stolen, HUB_1, device_add(HUB, 2));
    say(&mut stolen, HUB_1, device_remove(OTHER_1));
    let new = rotated(&old, end, HUB_1);
    for log in [&old, &stolen, &new] {
        check((COLLEGE_1, log.clone()), (EVALUATOR_1, new.clone()), (&[], &[]));
        check((COLLEGE_1, new.clone()), (EVALUATOR_1, log.clone()), (&[], &[]));
    }
    // Two roots later, and the hub's new device called by somebody who never heard of it.
    let newer = rotated(&new, end + 1, 3);
    for log in [&old, &stolen, &new] {
        check((COLLEGE_1, log.clone()), (EVALUATOR_1, newer.clone()), (&[], &[]));
        check((3, newer.clone()), (COLLEGE_1, log.clone()), (&[], &[]));
    }
}

#[test]
fn a_rotation_reaches_whoever_is_connected() {
    for seed in 1..20 {
        let mut net = Network::new(seed, &[HUB_1, COLLEGE_1, EVALUATOR_1]);
        net.connect(COLLEGE_1, HUB_1);
        net.connect(EVALUATOR_1, HUB_1);
        net.run();
        let log = rotated(&membership(), 4, HUB_1);
        net.node(HUB_1).membership = log.clone();
        net.node(HUB_1).event(Event::MembershipChanged(Box::new(log.clone())));
        net.run();
        assert_eq!(net.node(HUB_1).membership, log, "seed {seed}");
        for peer in [COLLEGE_1, EVALUATOR_1] {
            assert_eq!(net.node(peer).membership, log, "seed {seed}: both devices are gone");
        }
    }
}
