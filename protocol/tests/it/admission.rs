//! Tests of admission: what one batch makes of one document.

use onex_crdt::document::{Change, Document, Write};
use onex_crdt::header::{APPLICATION, Header, PLAN};
use onex_crdt::ids::RecordId;
use onex_crdt::record::Record as _;
use onex_crdt::records::contact::Contact;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;
use onex_protocol::admission::{
    Admission, DocumentBatch, Held, REASONS, Refused, admit, refusal_opens,
};
use onex_protocol::seal::Seal;
use onex_protocol::statement::{Frontier, RemovalReason, Statement};

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

fn held<'a>(document: &'a Document, seals: &'a [Seal]) -> Held<'a> {
    Held { document, seals, apart: &[], log_grew: false }
}

fn take(header: &Header, changes: Vec<Vec<u8>>, seals: Vec<Seal>) -> Admission {
    let document = Document::genesis(header.clone());
    let batch = DocumentBatch { changes, seals, ..DocumentBatch::empty(header.clone()) };
    admit(held(&document, &[]), batch, &membership())
}

fn bytes(changes: &[Change]) -> Vec<Vec<u8>> {
    changes.iter().map(|change| change.bytes.clone()).collect()
}

/// How many changes are new, and the reasons of what is kept apart.
fn check(admission: &Admission, new: usize, refused: &[&str]) {
    let reasons: Vec<_> = admission.told().map(|refused| refused.reason).collect();
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
    let batch = DocumentBatch { changes: bytes(&changes), seals, ..DocumentBatch::empty(plan()) };
    let again = admit(held(&first.document, &first.seals), batch, &membership());
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

/// A document with two changes of the first device, upon the second one the second device's.
fn shared() -> (Document, Vec<Change>) {
    let (mut document, mut changes) = chain(&plan(), COLLEGE_1, 2);
    changes.push(write(&mut document, COLLEGE_2, 7, "何静"));
    (document, changes)
}

fn both_seals(document: &Document, changes: &[Change]) -> Vec<Seal> {
    vec![seal(document, COLLEGE_1, &changes[1]), seal(document, COLLEGE_2, &changes[2])]
}

/// What an outcome keeps apart, for the next judgement.
fn apart(outcome: &Admission, before: &[Refused]) -> Vec<Refused> {
    let mut apart: Vec<_> = before.to_vec();
    apart.retain(|it| outcome.refused.iter().all(|refused| refused.bytes != it.bytes));
    apart.extend(outcome.refused.iter().cloned());
    apart
}

fn nothing() -> DocumentBatch {
    DocumentBatch::empty(plan())
}

#[test]
fn of_a_fork_only_what_lies_below_counts_whichever_branch_came_first() {
    let (document, changes) = shared();
    // `write` draws the actor from the record: the first record again, with another name.
    let forked = [write(&mut Document::genesis(plan()), COLLEGE_1, 1, "甲")];
    let branch = DocumentBatch {
        changes: bytes(&forked),
        seals: vec![seal(&document, COLLEGE_1, &forked[0])],
        ..DocumentBatch::empty(plan())
    };
    let honest = DocumentBatch {
        changes: bytes(&changes),
        seals: both_seals(&document, &changes),
        ..DocumentBatch::empty(plan())
    };
    let outcome = |first: DocumentBatch, second: DocumentBatch| {
        let empty = Document::genesis(plan());
        let one = admit(held(&empty, &[]), first, &membership());
        let rest = apart(&one, &[]);
        let before =
            Held { document: &one.document, seals: &one.seals, apart: &rest, log_grew: false };
        let two = admit(before, second, &membership());
        let rest = apart(&two, &rest);
        (two, rest)
    };
    let (one, one_apart) = outcome(honest.clone(), branch.clone());
    let (other, other_apart) = outcome(branch, honest);
    assert_eq!(one.document.heads(), other.document.heads());
    assert_eq!(one.document.heads(), Document::genesis(plan()).heads(), "both began there");
    assert_eq!((one.gone.len(), other.gone.len()), (3, 1));
    let reasons = |apart: &[Refused]| {
        let mut all: Vec<_> = apart.iter().map(|it| (it.change, it.reason)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(reasons(&one_apart), reasons(&other_apart));
    assert_eq!((one.forks[0].seq, one.forks[0].head), (1, changes[0].hash));
    assert_eq!((other.forks[0].seq, other.forks[0].head), (1, forked[0].hash));

    // An admin says which branch was there first: on both sides the same counts again.
    let mut log = membership();
    let (device, actor) = (device(COLLEGE_1), changes[0].actor);
    let (document, seq, head) = (plan().id(), 1, changes[0].hash);
    say(&mut log, COLLEGE_1, Statement::Resolve { device, document, actor, seq, head });
    for (outcome, apart) in [(one, one_apart), (other, other_apart)] {
        let document = &outcome.document;
        let held = Held { document, seals: &outcome.seals, apart: &apart, log_grew: true };
        let after = admit(held, nothing(), &log);
        assert!(after.document.holds(&changes[2].hash), "a colleague's on top of it too");
        assert!(!after.document.holds(&forked[0].hash));
        assert_eq!((after.new.len(), after.forks.len()), (3, 0));
    }
}

/// Whoever reads a document chooses: an admin could otherwise take back what the hub holds, by
/// a branch at his own device that ends before it.
#[test]
fn an_admin_takes_nothing_back_that_the_hub_holds() {
    let one = |header: Header, by, counts| {
        let mut document = Document::genesis(header.clone());
        let first = write(&mut document, COLLEGE_1, 1, "王芳");
        let (kind, mut id) = (Contact::KIND, [COLLEGE_1; 16]);
        id[..4].copy_from_slice(&1u32.to_be_bytes());
        let (key, value) = ("name".to_owned(), Some(Value::Text("李强".to_owned())));
        let set = Write::Set { kind, id: RecordId(id), key, value };
        let (_, author) = document.authorship(&first.hash).expect("it says");
        let second = document.write(first.actor, &author, &[set]).expect("a good write");
        let changes = [first, second.expect("something is new")];
        let seals = vec![seal(&document, COLLEGE_1, &changes[1])];
        let before = take(&header, bytes(&changes), seals);
        check(&before, 2, &[]);
        let mut log = membership();
        let (device, actor, head) = (device(COLLEGE_1), changes[0].actor, changes[0].hash);
        let resolve = Statement::Resolve { device, document: header.id(), actor, seq: 1, head };
        say(&mut log, by, resolve);
        let (document, seals) = (&before.document, &before.seals[..]);
        let held = Held { document, seals, apart: &[], log_grew: true };
        let after = admit(held, DocumentBatch::empty(header), &log);
        assert_eq!(after.document.holds(&changes[1].hash), counts);
    };
    one(APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR), COLLEGE_1, true);
    one(APPLICATION.between(network(), COLLEGE, EVALUATOR, YEAR), HUB_1, false);
    one(plan(), COLLEGE_1, false);
    one(plan(), HUB_1, true);
}

#[test]
fn a_removal_cuts_at_its_frontier_and_takes_along_what_hangs_on_the_rest() {
    let (document, changes) = shared();
    let admission = take(&plan(), bytes(&changes), both_seals(&document, &changes));
    let mut log = membership();
    let frontier = Frontier::whole(vec![seal(&document, COLLEGE_1, &changes[0])]);
    let reason = RemovalReason::Lost;
    let removal =
        Statement::RemoveDevice { device: device(COLLEGE_1), reason, frontier: frontier.clone() };
    say(&mut log, HUB_1, removal);
    let held =
        Held { document: &admission.document, seals: &admission.seals, apart: &[], log_grew: true };
    let still = admit(held, nothing(), &log);
    assert_eq!(still.gone, [], "the hub does not read a plan, and says nothing of it");
    let cut = log.cuts().next().expect("a device was removed").position;
    let (second, person) = (device(COLLEGE_2), person_at(COLLEGE_2).to_owned());
    let role = PersonRole::Admin;
    say(&mut log, HUB_1, Statement::GrantRole { device: second, person, role });
    say(&mut log, COLLEGE_2, Statement::SetFrontier { cut, frontier });
    let after = admit(held, nothing(), &log);
    let gone: Vec<_> = after.gone.iter().map(|change| change.hash).collect();
    assert!(gone.contains(&changes[1].hash) && gone.contains(&changes[2].hash));
    let mut reasons: Vec<_> = after.told().map(|refused| refused.reason).collect();
    reasons.sort_unstable();
    assert_eq!((after.new.len(), reasons), (0, vec!["missing_dependency", "removed_device"]));
    assert_eq!(after.document.heads(), [changes[0].hash]);
}

/// Whoever hears of a document after its writer was removed may never see a seal of his that is
/// live: the log has those that vouch for what stays.
#[test]
fn what_stays_of_a_removed_device_is_vouched_for_by_the_log() {
    let (document, changes) = chain(&plan(), COLLEGE_1, 2);
    let mut log = membership();
    let (second, person) = (device(COLLEGE_2), person_at(COLLEGE_2).to_owned());
    let role = PersonRole::Admin;
    say(&mut log, HUB_1, Statement::GrantRole { device: second, person, role });
    let frontier = Frontier::whole(vec![seal(&document, COLLEGE_1, &changes[0])]);
    let (device, reason) = (device(COLLEGE_1), RemovalReason::Lost);
    say(&mut log, COLLEGE_2, Statement::RemoveDevice { device, reason, frontier });
    let empty = Document::genesis(plan());
    let batch = |changes, seals| DocumentBatch { changes, seals, ..DocumentBatch::empty(plan()) };
    let without = batch(bytes(&changes[..1]), Vec::new());
    check(&admit(held(&empty, &[]), without, &log), 1, &[]);
    let beyond = vec![seal(&document, COLLEGE_1, &changes[1])];
    let all = admit(held(&empty, &[]), batch(bytes(&changes), beyond), &log);
    check(&all, 1, &["removed_device"]);
}

#[test]
fn a_role_that_was_taken_away_ends_where_it_was_held() {
    let mut document = Document::genesis(plan());
    let changes: Vec<_> = (1..=2).map(|n| write(&mut document, COLLEGE_2, n, "何静")).collect();
    let seals = vec![seal(&document, COLLEGE_2, &changes[1])];
    let mut log = membership();
    let role = PersonRole::Coordinator;
    let (device, person) = (device(COLLEGE_2), person_at(COLLEGE_2).to_owned());
    let frontier = Frontier::whole(vec![seal(&document, COLLEGE_2, &changes[0])]);
    let batch = || DocumentBatch {
        changes: bytes(&changes),
        seals: seals.clone(),
        ..DocumentBatch::empty(plan())
    };
    let before = take(&plan(), bytes(&changes), seals.clone());
    check(&before, 2, &[]);
    say(&mut log, COLLEGE_1, Statement::RemoveRole { device, person, role, frontier });
    let empty = Document::genesis(plan());
    check(&admit(held(&empty, &[]), batch(), &log), 1, &["no_right"]);
    let held =
        Held { document: &before.document, seals: &before.seals, apart: &[], log_grew: true };
    let after = admit(held, nothing(), &log);
    check(&after, 0, &["no_right"]);
    assert_eq!(after.document.heads(), [changes[0].hash]);
}

#[test]
fn who_has_no_role_for_it_changes_nothing() {
    let mut document = Document::genesis(plan());
    let change = write_as(&mut document, COLLEGE_2, 1, "何静", "一个没有角色的人");
    let admission = take(
        &plan(),
        bytes(std::slice::from_ref(&change)),
        vec![seal(&document, COLLEGE_2, &change)],
    );
    check(&admission, 0, &["no_right"]);

    // It is tried again with whatever comes, and told to nobody who did not send it: a refusal that
    // is told leaves the document out of what two nodes compare.
    let (other, changes) = chain(&plan(), COLLEGE_1, 1);
    let (empty, apart) = (Document::genesis(plan()), apart(&admission, &[]));
    let held = Held { document: &empty, seals: &[], apart: &apart, log_grew: false };
    let seals = vec![seal(&other, COLLEGE_1, &changes[0])];
    let batch = DocumentBatch { changes: bytes(&changes), seals, ..nothing() };
    let after = admit(held, batch, &membership());
    check(&after, 1, &[]);
    assert_eq!(after.told().count(), 0);
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

/// Live seals are part of what two nodes compare: were it those that came first, two nodes that
/// hold the same would differ for ever, and repair it whenever they meet.
#[test]
fn which_seals_are_live_follows_from_what_is_known() {
    let signed = |n| {
        let mut document = Document::genesis(plan());
        let change = write(&mut document, COLLEGE_1, n, "王芳");
        (seal(&document, COLLEGE_1, &change), change.bytes)
    };
    let mut signed: Vec<_> = (1..=20).map(signed).collect();
    let mut outcome = || {
        signed.reverse();
        let (mut document, mut seals) = (Document::genesis(plan()), Vec::new());
        let mut rest: Vec<Refused> = Vec::new();
        for (seal, change) in &signed {
            let (changes, seals_sent) = (vec![change.clone()], vec![seal.clone()]);
            let batch =
                DocumentBatch { changes, seals: seals_sent, ..DocumentBatch::empty(plan()) };
            let before = Held { document: &document, seals: &seals, apart: &rest, log_grew: false };
            let after = admit(before, batch, &membership());
            rest = apart(&after, &rest);
            rest.retain(|it| after.seals.iter().all(|seal| seal.to_bytes() != it.bytes));
            (document, seals) = (after.document, after.seals);
        }
        let mut live: Vec<_> = seals.iter().map(|seal| seal.head).collect();
        live.sort_unstable();
        (live, rest.len())
    };
    let (one, other) = (outcome(), outcome());
    assert_eq!((one.0.len(), one.1), (16, 4));
    assert_eq!(one, other, "whichever came first");
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
