//! Tests of seals: forged, moved, stolen and missing ones, order, what replaces what.

use super::*;
use crate::statement::{RemovalReason, Root, Statement};
use onex_crdt::roles::OrgRole;

const HUB: OrgId = OrgId([0xa1; 16]);
const COLLEGE: OrgId = OrgId([0xb2; 16]);
const OTHER: OrgId = OrgId([0xd5; 16]);
const DOCUMENT: DocId = DocId([0xdd; 16]);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Positions: 1 college, 2 device 11, 3 device 12, 4 device 13, 5 removes 13, 6 other, 7 device 21.
fn membership() -> Membership {
    let root = Root {
        nonce: [0x11; 16],
        org: HUB,
        name: "省项目办".to_owned(),
        region: "610000".to_owned(),
        hub_key: key(1).public(),
        person: "郝敏".to_owned(),
    };
    let organisation =
        |org| Statement::AddOrganisation { org, role: OrgRole::College, name: "学院".to_owned() };
    let device = |org, seed| Statement::AddDevice {
        org,
        key: key(seed).public(),
        person: "王芳".to_owned(),
    };
    let removal = Statement::RemoveDevice {
        device: key(13).device(),
        reason: RemovalReason::Left,
        frontier: Vec::new(),
    };
    let mut membership = Membership::found(&key(1), root).expect("a good root");
    let statements = [
        (1, organisation(COLLEGE)),
        (1, device(COLLEGE, 11)),
        (11, device(COLLEGE, 12)),
        (11, device(COLLEGE, 13)),
        (11, removal),
        (1, organisation(OTHER)),
        (1, device(OTHER, 21)),
    ];
    for (seed, body) in statements {
        let statement = membership.propose(&key(seed), body);
        let entry = membership.sequence(&key(1), statement).expect("an allowed statement");
        membership.append(entry).expect("it is next");
    }
    membership
}

fn actor(seed: u8) -> Actor {
    Actor::new(key(seed).device(), [7; 8])
}

fn hash(n: u8) -> ChangeHash {
    ChangeHash([n; 32])
}

/// A change n by the device of a seed, as that device's n-th.
fn change(n: u8, seed: u8, deps: &[u8]) -> ChangeFacts {
    let deps = deps.iter().map(|n| hash(*n)).collect();
    ChangeFacts { hash: hash(n), deps, actor: actor(seed), seq: u64::from(n) }
}

fn body(n: u8, seed: u8, membership_position: u64) -> SealBody {
    SealBody {
        network: membership().network(),
        document: DOCUMENT,
        head: hash(n),
        actor: actor(seed),
        seq: u64::from(n),
        membership_position,
    }
}

fn seal(n: u8, seed: u8) -> Seal {
    Seal::make(&key(seed), body(n, seed, 4))
}

fn judge(changes: &[ChangeFacts], seals: &[Seal]) -> Verdicts {
    let batch = Batch { document: DOCUMENT, owner: COLLEGE, changes, seals };
    vouched(&batch, &|hash| hash.0[0] >= 200, &membership())
}

/// Changes are written `n` vouched, or `n reason`, in the order of their numbers.
fn check(changes: &[ChangeFacts], seals: &[Seal], expected: &str) {
    let verdicts = judge(changes, seals);
    let one = |change: &ChangeFacts| match verdicts.refused.get(&change.hash) {
        Some(refusal) => format!("{} {}", change.hash.0[0], refusal.reason()),
        None => format!("{}", change.hash.0[0]),
    };
    let found: Vec<_> = changes.iter().map(one).collect();
    assert_eq!(found.join(", "), expected);
    assert_eq!(verdicts.vouched.len() + verdicts.refused.len(), changes.len());
}

#[test]
fn one_seal_vouches_for_the_ancestry() {
    let chain = [change(1, 11, &[]), change(2, 11, &[1]), change(3, 11, &[2])];
    check(&chain, &[seal(3, 11)], "1, 2, 3");
    check(&chain, &[seal(2, 11)], "1, 2, 3 no_seal");
    check(&chain, &[], "1 no_seal, 2 no_seal, 3 no_seal");
    check(&[change(1, 11, &[200])], &[seal(1, 11)], "1");
}

#[test]
fn a_colleague_under_my_seal_is_not_vouched_for() {
    let changes = [change(1, 12, &[]), change(2, 11, &[1])];
    check(&changes, &[seal(2, 11)], "1 no_seal, 2 missing_dependency");
    check(&changes, &[seal(2, 11), seal(1, 12)], "1, 2");
}

#[test]
fn a_stolen_tag_is_not_vouched_for() {
    let stolen = [change(1, 12, &[])];
    check(&stolen, &[Seal::make(&key(11), body(1, 12, 4))], "1 no_seal");
    let mut passed_off = Seal::make(&key(11), body(1, 12, 4));
    passed_off.device = key(12).device();
    check(&stolen, &[passed_off], "1 bad_seal");
}

#[test]
fn a_seal_holds_for_its_document_network_and_head() {
    let changes = [change(1, 11, &[])];
    let with = |alter: &dyn Fn(&mut SealBody)| {
        let mut body = body(1, 11, 4);
        alter(&mut body);
        Seal::make(&key(11), body)
    };
    check(&changes, &[with(&|_| ())], "1");
    check(&changes, &[with(&|it| it.document.0[0] ^= 1)], "1 bad_seal");
    check(&changes, &[with(&|it| it.network.0[0] ^= 1)], "1 bad_seal");
    check(&changes, &[with(&|it| it.seq = 2)], "1 bad_seal");
    check(&changes, &[with(&|it| it.actor.0[15] ^= 1)], "1 bad_seal");
    check(&changes, &[with(&|it| it.head = hash(9))], "1 no_seal");
    check(&changes, &[with(&|it| it.head = hash(9)), with(&|_| ())], "1");
}

#[test]
fn a_seal_needs_a_device_of_the_owner_at_that_time() {
    let at = |seed, position| Seal::make(&key(seed), body(1, seed, position));
    check(&[change(1, 13, &[])], &[at(13, 3)], "1 unknown_device");
    check(&[change(1, 13, &[])], &[at(13, 4)], "1");
    check(&[change(1, 13, &[])], &[at(13, 5)], "1 removed_device");
    check(&[change(1, 13, &[])], &[at(13, 5), at(13, 4)], "1");
    check(&[change(1, 11, &[])], &[at(11, 7)], "1");
    check(&[change(1, 11, &[])], &[at(11, 8)], "1 unknown_device");
    check(&[change(1, 21, &[])], &[at(21, 7)], "1 wrong_owner");
    check(&[change(1, 1, &[])], &[at(1, 7)], "1 wrong_owner");
    check(&[change(1, 99, &[])], &[at(99, 7)], "1 unknown_device");
}

#[test]
fn what_hangs_on_a_missing_or_refused_change_is_refused() {
    let changes = [change(1, 11, &[200]), change(2, 11, &[1, 99]), change(3, 11, &[2])];
    check(&changes, &[seal(3, 11)], "1, 2 missing_dependency, 3 missing_dependency");
    let changes = [change(1, 99, &[]), change(2, 11, &[]), change(3, 11, &[1, 2])];
    check(&changes, &[seal(3, 11)], "1 unknown_device, 2, 3 missing_dependency");
    let circle = [change(1, 11, &[2]), change(2, 11, &[1])];
    check(&circle, &[seal(2, 11)], "1 missing_dependency, 2 missing_dependency");
}

#[test]
fn every_byte_of_a_seal_counts() {
    let changes = [change(1, 11, &[])];
    let bytes = seal(1, 11).to_bytes();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let Ok(flipped) = Seal::from_bytes(&flipped) else {
            continue;
        };
        assert_eq!(judge(&changes, &[flipped]).vouched, [], "byte {at}");
    }
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut changes = vec![
        change(4, 11, &[3, 2]),
        change(1, 11, &[]),
        change(3, 12, &[1]),
        change(2, 11, &[1]),
        change(5, 99, &[4]),
    ];
    let mut seals = vec![seal(4, 11), seal(3, 12), seal(2, 11)];
    let first = judge(&changes, &seals);
    assert_eq!(first.vouched, [hash(1), hash(2), hash(3), hash(4)]);
    for _ in 0..changes.len() {
        changes.rotate_left(1);
        seals.reverse();
        let again = judge(&changes, &seals);
        assert_eq!((&again.vouched, &again.refused), (&first.vouched, &first.refused));
    }
}

#[test]
fn known_changes_are_not_judged_again() {
    let verdicts = judge(&[change(200, 99, &[]), change(1, 11, &[200])], &[seal(1, 11)]);
    assert_eq!((verdicts.vouched, verdicts.refused.len()), (vec![hash(1)], 0));
}

#[test]
fn seals_have_verdicts_of_their_own() {
    let changes = [change(1, 11, &[]), change(2, 12, &[99])];
    let elsewhere = Seal::make(&key(11), SealBody { document: DocId([1; 16]), ..body(1, 11, 4) });
    let for_another = Seal::make(&key(11), body(200, 12, 4));
    let seals =
        [seal(1, 11), seal(2, 12), seal(9, 11), seal(200, 11), elsewhere, for_another, seal(1, 21)];
    let expected = [
        Ok(()),
        Err(Refusal::MissingDependency),
        Err(Refusal::MissingDependency),
        Ok(()),
        Err(Refusal::BadSeal),
        Err(Refusal::BadSeal),
        Err(Refusal::WrongOwner),
    ];
    assert_eq!(judge(&changes, &seals).seals, expected);
}

/// In these tests even heads and odd heads are two lines, in each the greater is the newer.
fn keep(stored: &[u8], incoming: u8) -> Vec<u8> {
    let stored: Vec<_> = stored.iter().map(|n| seal(*n, 11)).collect();
    let line = |older: &ChangeHash, newer: &ChangeHash| {
        older.0[0] % 2 == newer.0[0] % 2 && older.0[0] < newer.0[0]
    };
    let kept = newest(&stored, seal(incoming, 11), line).expect("few enough");
    kept.iter().map(|seal| seal.head.0[0]).collect()
}

#[test]
fn a_seal_replaces_only_what_its_ancestry_contains() {
    assert_eq!(keep(&[], 2), [2]);
    assert_eq!(keep(&[2], 4), [4]);
    assert_eq!(keep(&[4], 2), [4]);
    assert_eq!(keep(&[2], 3), [2, 3]);
    assert_eq!(keep(&[2, 3], 4), [3, 4]);
    assert_eq!(keep(&[2], 2), [2]);
}

#[test]
fn seals_of_others_stay() {
    let elsewhere = Seal::make(&key(11), SealBody { document: DocId([1; 16]), ..body(1, 11, 4) });
    let stored = [seal(1, 12), elsewhere];
    let kept = newest(&stored, seal(2, 11), |_, _| true).expect("few enough");
    assert_eq!(kept, [stored[0].clone(), stored[1].clone(), seal(2, 11)]);
}

#[test]
fn the_same_head_keeps_one_seal_whatever_came_first() {
    let (early, late) = (seal(1, 11), Seal::make(&key(11), body(1, 11, 7)));
    for (first, second) in [(&early, &late), (&late, &early)] {
        let kept = newest(std::slice::from_ref(first), second.clone(), |_, _| false);
        assert_eq!(kept, Ok(vec![late.clone()]));
    }
}

#[test]
fn at_most_16_seals_are_live() {
    let stored: Vec<_> = (1..=16).map(|n| seal(n, 11)).collect();
    let refusal = SealError::TooMany { document: DOCUMENT, device: key(11).device() };
    assert_eq!(newest(&stored, seal(17, 11), |_, _| false), Err(refusal));
    let kept = newest(&stored, seal(17, 11), |older, newer| older.0[0] > 1 && older < newer)
        .expect("it replaces");
    assert_eq!(kept, [seal(1, 11), seal(17, 11)]);
    assert!(newest(&stored[1..], seal(17, 11), |_, _| false).is_ok());
}

#[test]
fn golden_seal() {
    let seal = seal(1, 11);
    assert_eq!(Seal::from_bytes(&seal.to_bytes()).expect("its own encoding"), seal);
    crate::documented(&seal.to_bytes());
}
