//! Tests of admission: what one batch makes of one document.

use onex_crdt::document::{Change, Document};
use onex_crdt::header::{APPLICATION, Header, PLAN};
use onex_protocol::admission::{Admission, DocumentBatch, REASONS, admit, refusal_opens};
use onex_protocol::seal::Seal;

use crate::province::*;

fn plan() -> Header {
    PLAN.of(network(), COLLEGE, YEAR)
}

/// A document of `count` changes of one device, each on the one before.
fn chain(header: &Header, seed: u8, count: u8) -> (Document, Vec<Change>) {
    let mut document = Document::genesis(header.clone());
    let changes = (1..=count).map(|n| write(&mut document, seed, u32::from(n), "王芳")).collect();
    (document, changes)
}

fn take(header: &Header, changes: Vec<Vec<u8>>, seals: Vec<Seal>) -> Admission {
    let document = Document::genesis(header.clone());
    let batch = DocumentBatch { header: header.clone(), changes, seals };
    admit(&document, &[], batch, &membership())
}

fn bytes(changes: &[Change]) -> Vec<Vec<u8>> {
    changes.iter().map(|change| change.bytes.clone()).collect()
}

/// How many changes are new, and the reasons of what is kept apart.
fn check(admission: &Admission, new: usize, refused: &[&str]) {
    let reasons: Vec<_> = admission.refused.iter().map(|refused| refused.reason).collect();
    assert_eq!((admission.new.len(), &reasons[..]), (new, refused));
    assert!(reasons.iter().all(|reason| REASONS.contains(reason)));
}

#[test]
fn sealed_changes_are_taken_in_any_order() {
    let (document, changes) = chain(&plan(), COLLEGE_1, 3);
    let mut shuffled = bytes(&changes);
    shuffled.reverse();
    let admission = take(&plan(), shuffled, vec![seal(&document, COLLEGE_1, &changes[2])]);
    check(&admission, 3, &[]);
    assert_eq!(admission.document.heads(), document.heads());
    assert_eq!(admission.seals.len(), 1);
}

#[test]
fn what_is_held_is_passed_over() {
    let (document, changes) = chain(&plan(), COLLEGE_1, 2);
    let seals = vec![seal(&document, COLLEGE_1, &changes[1])];
    let first = take(&plan(), bytes(&changes), seals.clone());
    let batch = DocumentBatch { header: plan(), changes: bytes(&changes), seals };
    let again = admit(&first.document, &first.seals, batch, &membership());
    check(&again, 0, &[]);
    assert_eq!(again.seals, first.seals);
}

#[test]
fn a_newer_seal_takes_the_place_of_an_older_one() {
    let (document, changes) = chain(&plan(), COLLEGE_1, 2);
    let (old, new) =
        (seal(&document, COLLEGE_1, &changes[0]), seal(&document, COLLEGE_1, &changes[1]));
    for seals in [vec![old.clone(), new.clone()], vec![new.clone(), old]] {
        assert_eq!(take(&plan(), bytes(&changes), seals).seals, std::slice::from_ref(&new));
    }
}

#[test]
fn a_bad_change_takes_only_its_dependants_along() {
    // Of two devices: the second one's change cannot be read, a third change follows both.
    let (mut document, mut changes) = chain(&plan(), COLLEGE_1, 2);
    let mut fork = Document::genesis(plan());
    let foreign = write(&mut fork, COLLEGE_2, 9, "乙");
    document.replay(std::slice::from_ref(&foreign.bytes)).expect("it is good");
    changes.push(write(&mut document, COLLEGE_1, 3, "甲"));
    let seals = || {
        vec![
            seal(&document, COLLEGE_1, &changes[1]),
            seal(&document, COLLEGE_1, &changes[2]),
            seal(&document, COLLEGE_2, &foreign),
        ]
    };
    let mut list = bytes(&changes);
    list.push(foreign.bytes.clone());
    check(&take(&plan(), list.clone(), seals()), 4, &[]);
    list[3][20] ^= 1;
    let admission = take(&plan(), list, seals());
    check(&admission, 2, &["malformed", "missing_dependency", "missing_dependency"]);
    assert_eq!(admission.seals.len(), 1, "the seal of what is here");
}

#[test]
fn what_automerge_does_not_take_leaves_the_rest() {
    // One actor and number twice, with different content: only one of them can be taken.
    let (document, changes) = chain(&plan(), COLLEGE_1, 2);
    let mut twin = Document::genesis(plan());
    let forked = write(&mut twin, COLLEGE_1, 1, "李强");
    let mut other = Document::genesis(plan());
    let colleague = write(&mut other, COLLEGE_2, 7, "何静");
    let seals = vec![
        seal(&document, COLLEGE_1, &changes[1]),
        seal(&document, COLLEGE_1, &forked),
        seal(&document, COLLEGE_2, &colleague),
    ];
    let mut list = bytes(&changes);
    list.extend([forked.bytes, colleague.bytes]);
    let admission = take(&plan(), list, seals);
    assert!(admission.document.holds(&colleague.hash), "the colleague's is taken");
    let reasons: Vec<_> = admission.refused.iter().map(|refused| refused.reason).collect();
    assert!(reasons.contains(&"malformed"), "a number that is taken: {reasons:?}");
    let here = |seal: &Seal| admission.document.holds(&seal.head);
    assert!(admission.seals.iter().all(here), "no seal is kept over what is not here");
}

#[test]
fn seals_decide_who_wrote() {
    let (document, changes) = chain(&plan(), COLLEGE_1, 2);
    let good = seal(&document, COLLEGE_1, &changes[1]);
    check(&take(&plan(), bytes(&changes), vec![]), 0, &["no_seal", "no_seal"]);
    let half = seal(&document, COLLEGE_1, &changes[0]);
    check(&take(&plan(), bytes(&changes), vec![half]), 1, &["no_seal"]);
    let mut forged = good.clone();
    forged.signature.0[3] ^= 1;
    let admission = take(&plan(), bytes(&changes), vec![forged.clone()]);
    check(&admission, 0, &["bad_seal", "bad_seal"]);
    check(&take(&plan(), bytes(&changes), vec![good, forged]), 2, &["bad_seal"]);
    let (document, changes) = chain(&plan(), OTHER_1, 1);
    let foreign = seal(&document, OTHER_1, &changes[0]);
    check(&take(&plan(), bytes(&changes), vec![foreign]), 0, &["wrong_owner"]);
}

#[test]
fn a_document_that_nobody_may_own_is_refused_whole() {
    let refuse = |header: Header, reason: &str| {
        let (document, changes) = chain(&header, COLLEGE_1, 1);
        let seals = vec![seal(&document, COLLEGE_1, &changes[0])];
        let admission = take(&header, bytes(&changes), seals);
        check(&admission, 0, &[reason]);
        assert_eq!(admission.refused[0].change, Some(changes[0].hash));
    };
    refuse(PLAN.of(network(), EVALUATOR, YEAR), "wrong_owner");
    refuse(PLAN.of(another_network().network(), COLLEGE, YEAR), "wrong_owner");
    refuse(APPLICATION.between(network(), COLLEGE, OTHER, YEAR), "no_right");
    refuse(Header { year: None, ..plan() }, "no_right");
    refuse(Header { kind: "secrets".to_owned(), ..plan() }, "no_right");
}

#[test]
fn at_most_16_seals_of_a_device_are_live() {
    let mut seals = Vec::new();
    let mut changes = Vec::new();
    for n in 1..=17 {
        let mut document = Document::genesis(plan());
        let change = write(&mut document, COLLEGE_1, n, "王芳");
        seals.push(seal(&document, COLLEGE_1, &change));
        changes.push(change.bytes);
    }
    let admission = take(&plan(), changes, seals);
    check(&admission, 17, &["fork"]);
    assert_eq!(admission.seals.len(), 16);
}

#[test]
fn only_a_repair_makes_a_missing_dependency_final() {
    assert!(refusal_opens("no_seal", false));
    assert!(!refusal_opens("missing_dependency", false));
    assert!(refusal_opens("missing_dependency", true));
}

#[test]
fn ancestors_are_found_along_the_dependencies() {
    let (mut document, changes) = chain(&plan(), COLLEGE_1, 3);
    let mut fork = Document::genesis(plan());
    let beside = write(&mut fork, COLLEGE_2, 9, "乙");
    document.replay(std::slice::from_ref(&beside.bytes)).expect("it is good");
    let check = |older: &Change, newer: &Change, expected| {
        assert_eq!(document.is_ancestor(&older.hash, &newer.hash), expected);
    };
    check(&changes[0], &changes[1], true);
    check(&changes[0], &changes[2], true);
    check(&changes[2], &changes[0], false);
    check(&changes[1], &changes[1], false);
    check(&beside, &changes[2], false);
    check(&changes[2], &beside, false);
    assert!(!fork.is_ancestor(&changes[0].hash, &beside.hash), "not here");
}
