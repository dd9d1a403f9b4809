//! Tests of repairs: what differs is found and only that travels, whoever has more of what.
//!
//! A log can hide a difference only where a store went wrong, a right was given, or somebody lies;
//! here both are told that they took each other's log to its end.

use onex_crdt::document::Document;
use onex_crdt::header::{DIRECTORY, Header, ORGANISATION, PLAN};
use onex_protocol::machine::Report;
use onex_protocol::message::{Have, Message, Reconcile};
use onex_protocol::repair::{Known, Reached};
use onex_protocol::scope::Scope;

use crate::network::Network;
use crate::province::*;

fn directory(number: u16) -> Header {
    DIRECTORY.of(network(), HUB, number)
}

/// A hub and a college that agree on so many documents of the hub.
fn agreed(documents: u16) -> Network {
    let mut net = Network::new(3, &[HUB_1, COLLEGE_1]);
    for number in 0..documents {
        net.node(HUB_1).author(&directory(number), "名录");
    }
    // As if they had synced, without the time that it takes.
    let hub = net.node(HUB_1).store.clone();
    net.node(COLLEGE_1).store.copy(&hub);
    hide(&mut net, COLLEGE_1, HUB_1);
    assert!(net.sync(COLLEGE_1, HUB_1).equal);
    assert_eq!(net.kinds().len(), 2);
    net.sent.clear();
    net.acks_checked = false;
    net
}

/// Both believe to have taken the other's log to its end.
fn hide(net: &mut Network, one: u8, other: u8) {
    for (of, at) in [(one, other), (other, one)] {
        let end = net.node(of).store.end();
        net.node(at).store.taken.insert(device(of), end);
    }
}

/// Syncs what the logs do not show; returns the reports of caller and called.
fn repaired(net: &mut Network, caller: u8, called: u8) -> (Report, Report) {
    hide(net, caller, called);
    let report = net.sync(caller, called);
    assert!(report.equal && net.agree(caller, called), "{report:?}");
    assert!(net.repairs() > 0, "{:?}", net.kinds());
    (report, net.node(called).report().clone())
}

/// Takes a document back to some first changes and the seals on them.
fn take_back(net: &mut Network, seed: u8, header: &Header, changes: usize) {
    let store = &mut net.node(seed).store;
    let old = &store.documents[&header.id()];
    let kept: Vec<_> = old.changes_since(&[]).into_iter().take(changes).collect();
    let mut document = Document::genesis(header.clone());
    let bytes: Vec<_> = kept.iter().map(|change| change.bytes.clone()).collect();
    document.replay(&bytes).expect("they were there");
    let last = kept.last().expect("one at least").clone();
    let owner = if header.owner == HUB { HUB_1 } else { COLLEGE_1 };
    let seals = vec![seal(&document, owner, &last)];
    store.keep(header.id(), document, seals);
}

#[test]
fn only_missing_changes_travel() {
    let mut net = agreed(200);
    for number in 0..20 {
        net.node(HUB_1).author(&directory(number), "新增");
    }
    let (college, hub) = repaired(&mut net, COLLEGE_1, HUB_1);
    assert_eq!((hub.sent.documents, hub.sent.changes), (20, 20), "one change of each");
    assert_eq!((college.received.documents, college.sent.documents), (20, 0));
    net.sent.clear();
    assert!(net.sync(COLLEGE_1, HUB_1).equal);
    assert_eq!(net.kinds().len(), 2, "and never again: {:?}", net.kinds());
}

#[test]
fn it_does_not_matter_who_calls() {
    let mut net = agreed(100);
    take_back(&mut net, COLLEGE_1, &directory(7), 1);
    net.node(HUB_1).author(&directory(7), "新增");
    let (hub, college) = repaired(&mut net, HUB_1, COLLEGE_1);
    assert_eq!((hub.sent.changes, college.sent.documents), (1, 0));
}

#[test]
fn two_that_went_apart_each_get_what_they_lack() {
    let plan = PLAN.of(network(), COLLEGE, YEAR);
    for (caller, called) in [(COLLEGE_1, COLLEGE_2), (COLLEGE_2, COLLEGE_1)] {
        let mut net = Network::new(5, &[COLLEGE_1, COLLEGE_2]);
        net.node(COLLEGE_1).author(&plan, "都有");
        assert!(net.sync(COLLEGE_2, COLLEGE_1).equal);
        net.acks_checked = false;
        net.node(COLLEGE_1).author(&plan, "甲一");
        net.node(COLLEGE_1).author(&plan, "甲二");
        net.node(COLLEGE_2).author(&plan, "乙");
        let (report, other) = repaired(&mut net, caller, called);
        let (one, two) = if caller == COLLEGE_1 { (report, other) } else { (other, report) };
        assert_eq!((one.sent.changes, two.sent.changes), (2, 1), "{caller} called");
    }
}

#[test]
fn a_document_that_is_lacking_goes_whole() {
    let mut net = agreed(40);
    let organisation = ORGANISATION.of(network(), COLLEGE, YEAR);
    net.node(COLLEGE_1).author(&organisation, "王芳");
    net.node(COLLEGE_1).author(&organisation, "李强");
    let lost = directory(3).id();
    net.node(COLLEGE_1).store.documents.remove(&lost);
    net.node(COLLEGE_1).store.seals.remove(&lost);
    let (college, hub) = repaired(&mut net, COLLEGE_1, HUB_1);
    assert_eq!((college.sent.documents, college.sent.changes), (1, 2));
    assert_eq!((hub.sent.documents, hub.sent.changes), (1, 1));
}

#[test]
fn a_seal_that_is_lacking_is_brought() {
    for (caller, called) in [(COLLEGE_1, HUB_1), (HUB_1, COLLEGE_1)] {
        let mut net = agreed(40);
        let college = &mut net.node(COLLEGE_1).store;
        let document = college.document(&directory(3));
        college.keep(document.id(), document, Vec::new());
        let (one, other) = repaired(&mut net, caller, called);
        assert_eq!((one.sent.changes, other.sent.changes), (0, 0), "{caller} called");
    }
}

#[test]
fn more_documents_than_fit_into_a_turn() {
    for (caller, called) in [(HUB_1, COLLEGE_1), (COLLEGE_1, HUB_1)] {
        let mut net = agreed(540);
        for number in 0..540 {
            let id = directory(number).id();
            net.node(COLLEGE_1).store.documents.remove(&id);
            net.node(COLLEGE_1).store.seals.remove(&id);
        }
        for number in 2000..2020 {
            net.node(HUB_1).author(&directory(number), "新");
        }
        let (one, other) = repaired(&mut net, caller, called);
        assert_eq!(one.sent.documents + other.sent.documents, 560, "{caller} called");
    }
}

/// Of so many documents some differ by a change; the bytes both ways and the round trips.
fn cost(documents: u16, differing: u16) -> (u64, u64) {
    let mut net = agreed(documents);
    for number in 0..differing {
        let header = directory(number * (documents / differing));
        net.node(HUB_1).author(&header, "新增");
    }
    let (report, _) = repaired(&mut net, COLLEGE_1, HUB_1);
    (report.sent.bytes + report.received.bytes, report.round_trips)
}

#[test]
fn a_repair_costs_what_differs() {
    for (differing, bytes_max) in [(1, 3_000), (10, 15_000), (100, 90_000)] {
        let (bytes, round_trips) = cost(1_000, differing);
        println!("{differing} of 1,000: {bytes} B, {round_trips} round trips");
        assert!(bytes <= bytes_max, "{differing} differ: {bytes} bytes");
        assert!(round_trips <= 9, "{differing} differ: {round_trips} round trips");
    }
}

/// The college, deaf to any answer, says something to the hub that it called; the codes with which
/// the hub closes.
fn check(messages: &[Message], expected: &[u32]) -> Network {
    let mut net = agreed(100);
    net.connect(COLLEGE_1, HUB_1);
    net.run();
    net.sent.clear();
    net.mute(HUB_1);
    for message in messages {
        if net.node(HUB_1).closed.is_empty() {
            net.inject(COLLEGE_1, message.encode().bytes);
            net.run();
        }
    }
    assert_eq!(net.node(HUB_1).closed, expected);
    net
}

fn step(scopes: Vec<Scope>, ranges: Vec<u8>) -> Message {
    Message::Reconcile(Reconcile { scopes, ranges })
}

fn public() -> Vec<Scope> {
    vec![Scope::Public]
}

/// A first step over all documents with a wrong sum: everything differs.
fn all_differs() -> Vec<u8> {
    [&[0x61, 0, 0, 1][..], &[7; 16]].concat()
}

#[test]
fn a_comparison_that_makes_no_sense_closes() {
    check(&[step(vec![], all_differs())], &[3]);
    check(&[step(public(), vec![])], &[1]);
    check(&[step(public(), vec![0x60])], &[1]);
    check(&[step(public(), vec![0x61, 0, 0, 9])], &[1]);
    check(&[step(public(), vec![0x61, 0, 0, 2, 0xff, 0x7f])], &[1]);
    check(&[step(public(), vec![0x61; 70 * 1024])], &[9]);
    check(&[step(public(), all_differs()), step(public(), all_differs())], &[3]);
    let have = |documents, wanted| Message::Have(Have { documents, wanted });
    check(&[have(vec![], vec![])], &[3]);
    check(&[step(public(), all_differs()), have(vec![], vec![]), have(vec![], vec![])], &[3]);
    let many = vec![(directory(1).id(), Known::Nothing); 1025];
    check(&[step(public(), all_differs()), have(many, vec![])], &[9]);
}

#[test]
fn a_comparison_without_an_end_closes() {
    let endless: Vec<_> = (0..80)
        .map(|round| step(if round == 0 { public() } else { vec![] }, all_differs()))
        .collect();
    check(&endless, &[9]);
}

#[test]
fn a_peer_that_knows_what_cannot_be_gets_what_there_is() {
    let forged = Reached { actor: onex_crdt::ids::Actor([9; 16]), seq: u64::MAX, mark: [9; 8] };
    let known = [
        Known::Heads(vec![onex_crdt::ids::ChangeHash([9; 32])]),
        Known::Clock(vec![forged; 500]),
        Known::Nothing,
    ];
    let documents = known.map(|known| (directory(1).id(), known)).to_vec();
    let foreign = (PLAN.of(network(), OTHER, YEAR).id(), Known::Heads(vec![]));
    let documents = [documents, vec![foreign]].concat();
    let have = Message::Have(Have { documents, wanted: vec![] });
    let net = check(&[step(public(), all_differs()), have], &[]);
    let kinds: Vec<_> = net.kinds().into_iter().filter(|kind| kind.0 == HUB_1).collect();
    assert_eq!(kinds, [(HUB_1, "reconcile"), (HUB_1, "batch"), (HUB_1, "have")]);
}
