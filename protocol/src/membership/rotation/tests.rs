//! Tests of rotations: the ceremony from root 1 to root 6, every way to get it wrong, the log that
//! is cut back (M8).

use onex_crdt::roles::OrgRole;

use super::super::tests::{COLLEGE, HUB, add, add_org, grant, key, province, remove, say};
use super::*;
use crate::key::PublicKey;
use crate::statement::StatementError;
use onex_crdt::ids::OrgId;

fn publics(seeds: &[u8]) -> Vec<PublicKey> {
    let mut keys: Vec<_> = seeds.iter().map(|seed| key(*seed).public()).collect();
    keys.sort_unstable();
    keys
}

/// The next rotation of a log, signed by nobody.
fn next(log: &Membership, seeds: &[u8], threshold: u32) -> Rotation {
    Rotation {
        version: log.root().version + 1,
        keys: publics(seeds),
        threshold,
        sequencer: log.device(log.sequencer()).expect("it is a device").key,
        person: "郝敏".to_owned(),
        position: log.position() + 1,
        previous: log.head(),
        signatures: Vec::new(),
    }
}

fn signed(log: &Membership, mut rotation: Rotation, seeds: &[u8]) -> Rotation {
    seeds.iter().for_each(|seed| rotation.sign(log.network(), &key(*seed)));
    rotation
}

/// Gives a rotation its place; `seed` is the sequencer's.
fn take(log: &mut Membership, seed: u8, rotation: Rotation) -> Result<(), MembershipError> {
    let entry = log.rotation_place(&key(seed), rotation)?;
    log.append(entry)
}

/// Root 2: three keys, two of them sign.
fn rotated() -> Membership {
    let mut log = province();
    let rotation = signed(&log, next(&log, &[51, 52, 53], 2), &[1, 51, 52]);
    take(&mut log, 1, rotation).expect("the old key and two of three");
    log
}

#[test]
fn a_root_changes_hands_five_times() {
    let mut log = province();
    let steps: [(&[u8], u32, &[u8]); 5] = [
        (&[51, 52, 53], 2, &[1, 51, 52]),
        (&[51, 52, 53, 54, 55], 3, &[51, 52, 53]),
        (&[52, 53, 54, 55, 56], 3, &[52, 53, 54]),
        (&[61, 62, 63], 2, &[52, 53, 54, 61, 63]),
        (&[61], 1, &[61, 62]),
    ];
    for (version, (keys, threshold, signers)) in (2..).zip(steps) {
        let rotation = signed(&log, next(&log, keys, threshold), signers);
        take(&mut log, 1, rotation).expect("a good rotation");
        assert_eq!(log.root().version, version);
        assert_eq!(log.rotation_of(version), Some(log.position()));
        say(&mut log, 1, add_org(OrgId([version as u8; 16]), OrgRole::College))
            .expect("it goes on");
    }
    let again = Membership::replay(log.entries_from(0).to_vec()).expect("from the first root on");
    assert_eq!(again, log);
}

#[track_caller]
fn check(alter: impl Fn(&Membership, &mut Rotation), signers: &[u8], expected: RotationError) {
    let log = rotated();
    let mut rotation = next(&log, &[52, 53, 54], 2);
    alter(&log, &mut rotation);
    let rotation = signed(&log, rotation, signers);
    let before = log.clone();
    let mut log = log;
    let refusal = take(&mut log, 1, rotation).expect_err("not the next root");
    assert_eq!(refusal, MembershipError::Rotation(expected));
    assert_eq!(log, before, "nothing of it stays");
}

#[test]
fn every_wrong_rotation_has_its_reason() {
    let version = |found| RotationError::Version { expected: 3, found };
    let under = |version, found| RotationError::UnderSigned { version, found, needed: 2 };
    check(|_, it| it.version = 4, &[52, 53], version(4));
    check(|_, it| it.version = 2, &[52, 53], version(2));
    check(|_, it| it.version = 1, &[52, 53], version(1));
    check(|_, it| it.version = 0, &[52, 53], version(0));
    check(|_, it| it.version = u64::MAX, &[52, 53], version(u64::MAX));
    check(|_, _| {}, &[], under(2, 0));
    check(|_, _| {}, &[51, 54], under(2, 1));
    check(|_, _| {}, &[52, 54], under(2, 1));
    check(|_, _| {}, &[51, 52], under(3, 1));
    check(|_, _| {}, &[1, 52, 53], RotationError::Foreign { key: key(1).public() });
    check(|_, _| {}, &[52, 53, 99], RotationError::Foreign { key: key(99).public() });
    check(|_, it| it.position -= 1, &[52, 53], RotationError::Place);
    check(
        |log, it| it.sequencer = log.devices[&key(2).device()].key,
        &[52, 53],
        RotationError::Place,
    );
}

#[test]
fn a_rotation_is_bounded_and_in_order() {
    let log = rotated();
    let refuse = |alter: &dyn Fn(&mut Rotation)| {
        let mut rotation = signed(&log, next(&log, &[52, 53, 54], 2), &[52, 53]);
        alter(&mut rotation);
        log.rotation_place(&key(1), rotation).expect_err("out of bounds")
    };
    let keys = MembershipError::Statement(StatementError::RootKeys);
    assert_eq!(refuse(&|it| it.keys[1] = it.keys[0]), keys);
    assert_eq!(refuse(&|it| it.keys.reverse()), keys);
    assert_eq!(refuse(&|it| it.keys.clear()), keys);
    assert_eq!(refuse(&|it| it.keys = publics(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), keys);
    assert_eq!(refuse(&|it| it.threshold = 0), keys);
    assert_eq!(refuse(&|it| it.threshold = 4), keys);
    assert_eq!(refuse(&|it| it.signatures[1] = it.signatures[0]), keys);
    assert_eq!(refuse(&|it| it.signatures.reverse()), keys);
    let unusable = MembershipError::Statement(StatementError::UnusableKey);
    assert_eq!(refuse(&|it| it.keys[0] = PublicKey([2; 32])), keys_or(&unusable, &keys));
    let key = signed(&log, next(&log, &[52, 53, 54], 2), &[52, 53]).signatures[0].0;
    let bad = MembershipError::Rotation(RotationError::BadSignature { key });
    assert_eq!(refuse(&|it| it.signatures[0].1.0[7] ^= 1), bad);
    assert_eq!(refuse(&|it| it.person.push('静')), bad, "all of it is signed");
}

/// A key without a point may also break the order, which is looked at first.
fn keys_or(unusable: &MembershipError, keys: &MembershipError) -> MembershipError {
    let mut sorted = publics(&[52, 53, 54]);
    sorted[0] = PublicKey([2; 32]);
    if sorted.is_sorted() { unusable.clone() } else { keys.clone() }
}

#[test]
fn a_rotation_of_another_network_or_place_is_none() {
    let mut log = rotated();
    let rotation = signed(&log, next(&log, &[52, 53, 54], 2), &[52, 53]);
    let mut foreign = next(&log, &[52, 53, 54], 2);
    let other = onex_crdt::ids::NetworkId([7; 16]);
    [52, 53].into_iter().for_each(|seed| foreign.sign(other, &key(seed)));
    let refusal = log.rotation_place(&key(1), foreign).expect_err("of another network");
    assert!(matches!(refusal, MembershipError::Rotation(RotationError::BadSignature { .. })));
    say(&mut log, 11, grant(12, "李强", onex_crdt::roles::PersonRole::Teacher)).expect("one more");
    // The same place still is one before the end: the entry that took it meanwhile goes.
    let before = log.clone();
    take(&mut log, 1, rotation.clone()).expect("the root's word wins");
    assert_eq!(log.position(), before.position());
    assert_eq!(log.first_new(&before), before.position());
    let again = log.rotation_place(&key(1), rotation);
    assert!(again.is_ok(), "the same entry is here already");
    let proposed = log.propose(&key(1), Statement::Rotate(next(&log, &[1], 1)));
    let refusal = log.sequence(&key(1), proposed);
    assert_eq!(refusal, Err(MembershipError::NotAllowed { kind: "rotate" }));
}

/// Around a good rotation stand its sequencer's own signatures, and a past that was there.
#[test]
fn the_entry_of_a_rotation_is_its_sequencers() {
    let log = rotated();
    let next = signed(&log, next(&log, &[52, 53, 54], 2), &[52, 53]);
    let (position, previous) = (next.position, next.previous);
    let check = |signer: u8, sequencer: u8, seen: u64, expected| {
        let body = Statement::Rotate(next.clone());
        let statement = SignedStatement::sign(&key(signer), log.network(), body, seen);
        let entry = Entry::sign(&key(sequencer), position, previous, statement);
        assert_eq!(log.clone().append(entry), expected, "{signer} {sequencer} {seen}");
    };
    check(1, 1, position - 1, Ok(()));
    for (signer, sequencer, seen) in [(1, 1, position), (2, 1, position - 1), (1, 2, position - 1)]
    {
        check(signer, sequencer, seen, Err(RotationError::Place.into()));
    }
}

#[test]
fn a_device_that_was_removed_does_not_sequence_again() {
    let mut log = rotated();
    say(&mut log, 1, remove(3)).expect("a lead removes");
    let mut rotation = next(&log, &[51, 52, 53], 2);
    rotation.sequencer = key(3).public();
    let rotation = signed(&log, rotation, &[51, 52]);
    let device = key(3).device();
    let refusal = log.rotation_place(&key(3), rotation);
    assert_eq!(refusal, Err(MembershipError::RemovedDevice { device }));
}

#[test]
fn the_root_cuts_off_what_a_thief_has_signed() {
    let good = rotated();
    let mut stolen = good.clone();
    say(&mut stolen, 1, add(HUB, 77, "无名氏")).expect("the thief has the device");
    say(&mut stolen, 1, remove(11)).expect("and removes an admin");
    let honest = good.clone();
    // Three of the hub's staff meet; device 2 is to sequence.
    let mut rotation = next(&good, &[51, 52, 53], 2);
    (rotation.sequencer, rotation.person) = (key(2).public(), "孙涛".to_owned());
    let rotation = signed(&good, rotation, &[51, 53]);
    let entry = good.rotation_place(&key(2), rotation).expect("two of three");
    for mut log in [honest, stolen.clone()] {
        let before = log.clone();
        log.append(entry.clone()).expect("the root's word");
        assert_eq!(log.first_new(&before), good.position() + 1);
        assert_eq!(log.sequencer(), key(2).device());
        assert!(log.device(key(77).device()).is_none(), "never was there");
        assert!(log.device(key(11).device()).is_some_and(|device| device.active));
        // What the thief signs later, or signed for those places, is nobody's word any more.
        for late in stolen.entries_from(good.position() + 1) {
            let device = key(1).device();
            let refusal = log.append(late.clone()).expect_err("the old sequencer");
            assert_eq!(refusal, MembershipError::NotSequencer { device });
        }
        let statement = log.propose(&key(2), remove(1));
        let entry = log.sequence(&key(2), statement).expect("a lead removes the stolen device");
        log.append(entry).expect("it is next");
    }
}

#[test]
fn a_new_device_may_sequence_when_the_hub_lost_its_only_one() {
    let mut log = rotated();
    let mut rotation = next(&log, &[51, 52, 53], 2);
    (rotation.sequencer, rotation.person) = (key(81).public(), "孙涛".to_owned());
    let rotation = signed(&log, rotation, &[51, 52]);
    take(&mut log, 81, rotation).expect("a fresh key");
    let device = log.device(key(81).device()).expect("it joined the hub");
    assert_eq!((device.org, device.active), (HUB, true));
    let mut rotation = next(&log, &[51, 52, 53], 2);
    rotation.sequencer = key(11).public();
    let rotation = signed(&log, rotation, &[51, 52]);
    let refusal = log.rotation_place(&key(11), rotation);
    let device = key(11).device();
    assert_eq!(refusal, Err(MembershipError::NotSequencer { device }), "a college's device");
}

#[test]
fn a_rotation_after_a_fork_needs_the_place_of_the_fork() {
    let good = rotated();
    let (mut one, mut other) = (good.clone(), good.clone());
    say(&mut one, 11, remove(12)).expect("an admin removes");
    say(&mut other, 11, add(COLLEGE, 14, "何静")).expect("an admin adds");
    let late = signed(&one, next(&one, &[51, 52, 53], 2), &[51, 52]);
    let entry = one.rotation_place(&key(1), late).expect("good on its own past");
    let position = good.position() + 1;
    assert_eq!(other.append(entry), Err(MembershipError::Fork { position }));
    let early = signed(&good, next(&good, &[51, 52, 53], 2), &[51, 52]);
    let entry = good.rotation_place(&key(1), early).expect("where both still agree");
    one.append(entry.clone()).expect("the root's word");
    other.append(entry).expect("the root's word");
    assert_eq!(one, other);
}
