//! Tests of the comparison of documents and of sets.

use super::*;
use onex_crdt::document::{Authorship, Write};
use onex_crdt::header::{DIRECTORY, Header};
use onex_crdt::ids::{DeviceId, NetworkId, OrgId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::value::Value;

fn header(number: u16) -> Header {
    DIRECTORY.of(NetworkId([1; 16]), OrgId([2; 16]), number)
}

/// Writes a contact, as one change of the actor with this number.
fn write(document: &mut Document, actor: u8, record: u8, name: &str) {
    let fields = BTreeMap::from([("name".to_owned(), Value::Text(name.to_owned()))]);
    let create = Write::Create { kind: Contact::KIND, id: RecordId([record; 16]), fields };
    let author = Authorship {
        action: "contact.add".to_owned(),
        person: "王芳".to_owned(),
        at_seconds: 1_780_000_000,
        batch: None,
        undoes: None,
        source: None,
    };
    let actor = Actor::new(DeviceId([7; 16]), [actor; 8]);
    document.write(actor, &author, &[create]).expect("a good write").expect("something is new");
}

fn written(writes: &[(u8, u8, &str)]) -> Document {
    let mut document = Document::genesis(header(1));
    writes.iter().for_each(|(actor, record, name)| write(&mut document, *actor, *record, name));
    document
}

/// How many changes are missing there, and what is told of the own document.
fn check(document: &Document, known: &Known, missing: Option<usize>, told: &str) {
    let comparison = compare(Some(document), known);
    let tell = match comparison.tell {
        None => "nothing",
        Some(Known::Nothing) => "lacking",
        Some(Known::Heads(_)) => "heads",
        Some(Known::Clock(_)) => "clock",
    };
    let found = (comparison.missing.map(|changes| changes.len()), tell);
    assert_eq!(found, (missing, told), "{known:?}");
}

fn clock_of(document: &Document) -> Known {
    Known::Clock(clock(&document.changes_since(&[])))
}

#[test]
fn heads_and_clocks_find_what_is_missing() {
    let shared = [(1, 1, "甲"), (1, 2, "乙")];
    let (base, mut ahead, mut aside) = (written(&shared), written(&shared), written(&shared));
    write(&mut ahead, 1, 3, "丙");
    write(&mut ahead, 2, 4, "丁");
    write(&mut aside, 3, 5, "戊");
    let heads = |document: &Document| Known::Heads(document.heads());
    check(&ahead, &heads(&base), Some(2), "nothing");
    check(&base, &heads(&ahead), None, "clock");
    check(&ahead, &heads(&ahead), Some(0), "heads");
    check(&ahead, &clock_of(&base), Some(2), "nothing");
    check(&base, &clock_of(&ahead), Some(0), "clock");
    check(&ahead, &clock_of(&aside), Some(2), "clock");
    check(&aside, &clock_of(&ahead), Some(1), "clock");
    check(&ahead, &clock_of(&ahead), Some(0), "nothing");
    check(&ahead, &Known::Nothing, Some(4), "nothing");
    check(&ahead, &Known::Clock(Vec::new()), Some(4), "nothing");
    let lacking = compare(None, &heads(&ahead));
    assert_eq!(lacking, Comparison { missing: None, tell: Some(Known::Nothing) });
}

#[test]
fn a_fork_hides_behind_no_number() {
    let one = written(&[(1, 1, "甲"), (1, 2, "乙"), (2, 9, "旁")]);
    let other = written(&[(1, 1, "甲"), (1, 3, "丙"), (2, 9, "旁")]);
    // The second change of actor 1 is another one there: all of that actor is sent, and more.
    check(&one, &clock_of(&other), Some(3), "clock");
    check(&other, &clock_of(&one), Some(3), "clock");
}

fn states(numbers: std::ops::Range<u16>, state: u8) -> Vec<(DocId, Digest)> {
    numbers.map(|number| (header(number).id(), Digest([state; 32]))).collect()
}

/// Compares two sets; returns what differs, the bytes and the messages.
fn compared(one: &[(DocId, Digest)], other: &[(DocId, Digest)]) -> (Differing, usize, usize) {
    let (one, other) = (ItemSet::new(one), ItemSet::new(other));
    let mut differing = Differing::default();
    let mut question = Some(one.begin());
    let (mut bytes, mut messages) = (0, 0);
    while let Some(asked) = question {
        let answer = other.answer(&asked).expect("a good question");
        assert!(asked.len().max(answer.len()) <= RECONCILE_BYTES_MAX);
        bytes += asked.len() + answer.len();
        messages += 2;
        question = one.go_on(&answer, &mut differing).expect("a good answer");
    }
    let there: Vec<_> = differing.there.iter().copied().collect();
    assert_eq!(other.named(&there).count(), there.len(), "each mark names one document");
    (differing, bytes, messages)
}

#[test]
fn sets_show_what_differs() {
    let all = states(0..3000, 1);
    let (differing, bytes, messages) = compared(&all, &all);
    assert!(differing.here.is_empty() && differing.there.is_empty());
    assert!(bytes < 500 && messages == 2, "{bytes} bytes in {messages} messages");

    let mut changed = all.clone();
    for (_, state) in changed.iter_mut().take(10) {
        *state = Digest([2; 32]);
    }
    let (differing, bytes, _) = compared(&all, &changed);
    let expected: BTreeSet<_> = all[..10].iter().map(|(id, _)| *id).collect();
    assert_eq!((differing.here, differing.there.len()), (expected, 10));
    assert!(bytes < 12_000, "{bytes} bytes");

    let (differing, ..) = compared(&all, &[]);
    assert_eq!((differing.here.len(), differing.there.len()), (3000, 0));
    let (differing, ..) = compared(&[], &all);
    assert_eq!((differing.here.len(), differing.there.len()), (0, 3000));
    let (differing, ..) = compared(&all, &states(0..3000, 2));
    assert_eq!((differing.here.len(), differing.there.len()), (3000, 3000));
}

#[test]
fn no_bytes_break_a_comparison() {
    let set = ItemSet::new(&states(0..500, 1));
    let other = ItemSet::new(&states(100..600, 1));
    let good = [set.begin(), other.answer(&set.begin()).expect("a good question")];
    let mut random = 7_u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize
    };
    for _ in 0..2_000 {
        let mut bytes = good[next() % 2].clone();
        for _ in 0..1 + next() % 4 {
            let at = next() % bytes.len();
            match next() % 3 {
                0 => bytes[at] = next() as u8,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.extend_from_within(at..),
            }
        }
        let mut differing = Differing::default();
        for answer in
            [set.answer(&bytes), set.go_on(&bytes, &mut differing).map(Option::unwrap_or_default)]
        {
            assert!(answer.map_or(0, |answer| answer.len()) <= RECONCILE_BYTES_MAX);
        }
        assert!(differing.here.len() <= 500 && differing.there.len() <= bytes.len() / 32);
    }
}
