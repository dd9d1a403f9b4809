//! Tests of seals: what replaces what, how many are live, how they are written.

use super::*;
const NETWORK: NetworkId = NetworkId([
    0x62, 0xfe, 0xca, 0x97, 0xc5, 0xdf, 0x13, 0xee, 0xcb, 0x7b, 0x55, 0x8a, 0x36, 0x93, 0x9c, 0x40,
]);
const DOCUMENT: DocId = DocId([0xdd; 16]);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn actor(seed: u8) -> Actor {
    Actor::new(key(seed).device(), [7; 8])
}

fn hash(n: u8) -> ChangeHash {
    ChangeHash([n; 32])
}

fn body(n: u8, seed: u8, membership_position: u64) -> SealBody {
    SealBody {
        network: NETWORK,
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

#[test]
fn every_byte_of_a_seal_counts() {
    let bytes = seal(1, 11).to_bytes();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let holds = Seal::from_bytes(&flipped).is_ok_and(|it| it.verify(&key(11).public()));
        assert!(!holds, "byte {at}");
    }
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
fn a_seal_of_an_earlier_position_replaces_nothing() {
    let (below, above) = (Seal::make(&key(11), body(1, 11, 7)), seal(2, 11));
    for (first, second) in [(&below, &above), (&above, &below)] {
        let kept =
            newest(std::slice::from_ref(first), second.clone(), |older, newer| older < newer);
        assert_eq!(kept, Ok(vec![first.clone(), second.clone()]));
    }
}

/// All at once come to what one by one would, in whatever order.
#[test]
fn what_is_live_is_what_the_newest_would_leave() {
    let line = |heads: &[(ChangeHash, u64)]| {
        let mut below = BTreeMap::new();
        for (head, number) in heads {
            for older in 1..head.0[0] {
                let highest = below.entry(hash(older)).or_insert(*number);
                *highest = (*highest).max(*number);
            }
        }
        below
    };
    let at = |n, position| Seal::make(&key(11), body(n, 11, position));
    let other = seal(1, 12);
    let mut seals = vec![at(1, 7), at(2, 4), at(3, 4), at(3, 3), at(2, 5), other.clone()];
    for _ in 0..seals.len() {
        seals.rotate_left(1);
        let (mut live, beyond) = super::live(seals.clone(), line);
        live.sort_by_key(|seal| (seal.head, seal.device == other.device));
        assert_eq!(live, [at(1, 7), other.clone(), at(2, 5), at(3, 4)]);
        assert_eq!(beyond, []);
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

/// The same as one after another, for many at once; greater heads stand above smaller ones.
#[test]
fn many_seals_at_once_leave_the_same_live() {
    let below = |heads: &[(ChangeHash, u64)]| {
        let above = |n: u8| heads.iter().filter(move |(head, _)| head.0[0] > n);
        let highest = |n: u8| Some((hash(n), above(n).map(|(_, position)| *position).max()?));
        (1..=20).filter_map(highest).collect()
    };
    let at = |n, position| Seal::make(&key(11), body(n, 11, position));
    let check = |seals: &[Seal], expected: &[Seal]| {
        assert_eq!(live(seals.to_vec(), below), (expected.to_vec(), Vec::new()));
    };
    check(&[at(1, 4)], &[at(1, 4)]);
    check(&[at(1, 4), at(3, 4), at(2, 4)], &[at(3, 4)]);
    check(&[at(1, 7), at(2, 4)], &[at(1, 7), at(2, 4)]);
    check(&[at(1, 4), at(1, 7), at(1, 7)], &[at(1, 7)]);
    let others = seal(1, 12);
    check(&[others.clone(), at(2, 4)], &[others, at(2, 4)]);

    let apart = |_: &[(ChangeHash, u64)]| BTreeMap::new();
    let all: Vec<_> = (1..=17).rev().map(|n| at(n, 4)).collect();
    let (kept, beyond) = live(all.clone(), apart);
    assert_eq!((&kept[..], &beyond[..]), (&all[1..], &all[..1]), "those with the smallest heads");
    assert_eq!(live(all[1..].to_vec(), apart).1, []);
}

#[test]
fn golden_seal() {
    let seal = seal(1, 11);
    assert_eq!(Seal::from_bytes(&seal.to_bytes()).expect("its own encoding"), seal);
    crate::documented(&seal.to_bytes());
}
