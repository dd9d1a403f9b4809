//! What the parser reads before Automerge sees a byte: changes put together by hand, limits to the
//! last one, mutations. What operations may do is `foreign`'s matter.

use onex_crdt::act::Act;
use onex_crdt::document::{Document, Write};
use onex_crdt::foreign::{
    CHANGE_BYTES_MAX, CHANGE_DEPS_MAX, CHANGE_OPERATIONS_MAX, CHANGE_PREDECESSORS_MAX,
    ForeignBytes, ForeignError, KEY_BYTES_MAX, MESSAGE_BYTES_MAX, OPERATION_COUNTER_MAX, read,
};
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::value::Value;
use sha2::{Digest as _, Sha256};

use crate::foreign::{
    CONTACT, ORG, act, actor, admit, base, check, create, honest, leader, rename,
};
use crate::province::device_of;

/// A change taken apart byte by byte, to be put together wrongly.
#[derive(Clone)]
struct Raw {
    kind: u8,
    deps: Vec<[u8; 32]>,
    actor: Vec<u8>,
    seq: u64,
    start: u64,
    message: Vec<u8>,
    others: Vec<Vec<u8>>,
    columns: Vec<(u64, Vec<u8>)>,
    extra: Vec<u8>,
}

impl Raw {
    /// One write of a register that nobody wrote before.
    fn register(document: &Document) -> Self {
        let key = format!("organisation/{ORG}/leader_post");
        let genesis = document.id().as_bytes().to_vec();
        let head = document.heads()[0];
        let mut string = vec![0x7f];
        string.extend(unsigned(key.len() as u64));
        string.extend(key.as_bytes());
        Self {
            kind: 1,
            deps: vec![head.0],
            actor: actor("xatl-2").as_bytes().to_vec(),
            seq: 1,
            start: automerge_max_op(document) + 1,
            message: "organisation.edit\n王芳".into(),
            others: vec![genesis],
            columns: vec![
                (1, vec![0x7f, 1]),
                (2, vec![0x7f, 1]),
                (21, string),
                (52, vec![1]),
                (66, vec![0x7f, 1]),
                (86, vec![0x7f, 0x36]),
                (87, b"abc".to_vec()),
                (112, vec![0x7f, 0]),
            ],
            extra: Vec::new(),
        }
    }

    fn column(mut self, specification: u64, data: Vec<u8>) -> Self {
        self.columns.retain(|(own, _)| *own != specification);
        self.columns.push((specification, data));
        self.columns.sort();
        self
    }

    fn body(&self) -> Vec<u8> {
        let mut body = unsigned(self.deps.len() as u64);
        self.deps.iter().for_each(|dep| body.extend(dep));
        body.extend(prefixed(&self.actor));
        body.extend(unsigned(self.seq));
        body.extend(unsigned(self.start));
        body.push(0);
        body.extend(prefixed(&self.message));
        body.extend(unsigned(self.others.len() as u64));
        self.others.iter().for_each(|other| body.extend(prefixed(other)));
        body.extend(unsigned(self.columns.len() as u64));
        for (specification, data) in &self.columns {
            body.extend(unsigned(*specification));
            body.extend(unsigned(data.len() as u64));
        }
        self.columns.iter().for_each(|(_, data)| body.extend(data));
        body.extend(&self.extra);
        body
    }

    fn bytes(&self) -> Vec<u8> {
        chunk(self.kind, &self.body())
    }
}

fn automerge_max_op(document: &Document) -> u64 {
    let last = document.changes_since(&[]).pop().expect("a change");
    automerge::Change::from_bytes(last.bytes).expect("our own").max_op()
}

fn unsigned(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn signed(mut number: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = number as u8 & 0x7f;
        number >>= 7;
        let done = (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0);
        bytes.push(if done { byte } else { byte | 0x80 });
        if done {
            return bytes;
        }
    }
}

fn prefixed(data: &[u8]) -> Vec<u8> {
    [unsigned(data.len() as u64), data.to_vec()].concat()
}

/// A chunk with the right magic, checksum and length.
fn chunk(kind: u8, body: &[u8]) -> Vec<u8> {
    let hashed = [vec![kind], prefixed(body)].concat();
    let checksum = &Sha256::digest(&hashed)[..4];
    [&[0x85, 0x6f, 0x4a, 0x83], checksum, &hashed].concat()
}

/// A run of one value, as run-length encoded columns have it.
fn run(length: i64, value: u64) -> Vec<u8> {
    [signed(length), unsigned(value)].concat()
}

#[test]
fn a_change_made_by_hand_is_taken() {
    let document = base();
    let raw = Raw::register(&document);
    let admitted = admit(&document, &[raw.bytes()]).expect("it is well formed");
    let source = admitted.source(Organisation::KIND, ORG.into()).expect("the organisation");
    assert_eq!(source.fields["leader_post"], Value::Text("abc".to_owned()));
}

/// What the layer above judges and stores is what stood in the bytes.
#[test]
fn what_is_parsed_is_what_was_sent() {
    let document = base();
    let raw = Raw { seq: 300, ..Raw::register(&document) };
    let parsed = ForeignBytes(raw.bytes()).parse().expect("well formed");
    assert_eq!((parsed.seq(), parsed.actor()), (300, actor("xatl-2")));
    assert_eq!(parsed.deps(), document.heads());
    assert_eq!(parsed.into_bytes(), raw.bytes());
}

#[test]
fn only_single_plain_changes_are_parsed() {
    let document = base();
    let raw = Raw::register(&document);
    let malformed = |bytes: Vec<u8>| check(&document, bytes, ForeignError::Malformed);
    malformed(Vec::new());
    malformed(b"onex".to_vec());
    malformed(document.save());
    for kind in [0, 2, 3, 4, 255] {
        malformed(Raw { kind, ..raw.clone() }.bytes());
    }
    let many: Vec<Write> = (10..40).map(create).collect();
    let long = honest(&document, &many);
    let mut change = automerge::Change::from_bytes(long.clone()).expect("our own");
    let deflated = change.bytes().into_owned();
    assert_ne!(deflated, long);
    malformed(deflated);
    let good = raw.bytes();
    for at in 0..good.len() {
        malformed(good[..at].to_vec());
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        malformed(flipped);
    }
    malformed([good.clone(), vec![0]].concat());
    malformed([good.clone(), good].concat());
    malformed(Raw { extra: vec![0], ..raw.clone() }.bytes());
    malformed(Raw { extra: b"author".to_vec(), ..raw }.bytes());
}

#[test]
fn headers_are_within_their_limits() {
    let document = base();
    let raw = Raw::register(&document);
    let refused = |raw: Raw, error| check(&document, raw.bytes(), error);
    for length in [0, 8, 15, 17, 32, 255] {
        refused(Raw { actor: vec![7; length], ..raw.clone() }, ForeignError::Malformed);
        refused(Raw { others: vec![vec![7; length]], ..raw.clone() }, ForeignError::Malformed);
    }
    let deps = |count: u64| Raw { deps: vec![[9; 32]; count as usize], ..raw.clone() };
    refused(deps(CHANGE_DEPS_MAX), ForeignError::MissingDependency);
    refused(deps(CHANGE_DEPS_MAX + 1), ForeignError::TooLarge);
    refused(Raw { seq: 0, ..raw.clone() }, ForeignError::Malformed);
    refused(Raw { start: 0, ..raw.clone() }, ForeignError::Malformed);
    for start in [OPERATION_COUNTER_MAX, 1 << 32, u64::MAX] {
        refused(Raw { start, ..raw.clone() }, ForeignError::Malformed);
    }
    // What follows from the document is asked later; the header alone is enough for these.
    let header = |seq, start| read(&Raw { seq, start, ..raw.clone() }.bytes()).map(|_| ());
    assert_eq!(header(0, 1), Err(ForeignError::Malformed));
    assert_eq!(header(1, 0), Err(ForeignError::Malformed));
    assert_eq!(header(1, OPERATION_COUNTER_MAX - 1), Err(ForeignError::Malformed));
    assert_eq!(header(1, OPERATION_COUNTER_MAX - 2), Ok(()));
    let two = raw.clone().column(66, run(2, 1));
    let two = Raw { start: OPERATION_COUNTER_MAX - 2, ..two };
    assert_eq!(read(&two.bytes()), Err(ForeignError::Malformed), "the last one is beyond");
    let message = |bytes: u64| Raw { message: vec![b'x'; bytes as usize], ..raw.clone() };
    assert!(admit(&document, &[message(MESSAGE_BYTES_MAX).bytes()]).is_ok());
    refused(message(MESSAGE_BYTES_MAX + 1), ForeignError::TooLarge);
    refused(Raw { message: vec![0xff; 4], ..raw.clone() }, ForeignError::Malformed);
    let long = raw.clone().column(87, vec![b'x'; CHANGE_BYTES_MAX]);
    refused(long, ForeignError::TooLarge);
    refused(raw.clone().column(66 | 8, vec![0x7f, 1]), ForeignError::Malformed);
    refused(raw.clone().column(148, vec![1]), ForeignError::Malformed);
    refused(raw.clone().column(3 << 8, vec![1]), ForeignError::Malformed);
    let mut twice = raw.clone();
    twice.columns.insert(4, (66, run(1 << 40, 1)));
    refused(twice, ForeignError::Malformed);
    let mut turned = raw;
    turned.columns.reverse();
    refused(turned, ForeignError::Malformed);
}

/// A few bytes that stand for very much: 135 of them stopped a node (trust 0.4).
#[test]
fn run_lengths_are_counted_before_they_are_unrolled() {
    let document = base();
    let raw = Raw::register(&document);
    let bombs = [1 << 20, 1 << 31, 1 << 40, i64::MAX];
    let columns = [1, 2, 17, 19, 66, 86, 113, 115];
    for length in bombs {
        for column in columns {
            let bomb = raw.clone().column(column, run(length, 1)).bytes();
            assert!(bomb.len() < 300);
            check(&document, bomb, ForeignError::TooLarge);
            let nulls = [vec![0], unsigned(length as u64)].concat();
            check(&document, raw.clone().column(column, nulls).bytes(), ForeignError::TooLarge);
        }
        let insert = raw.clone().column(52, unsigned(length as u64));
        check(&document, insert.bytes(), ForeignError::TooLarge);
        let predecessors = raw.clone().column(112, run(1, length as u64));
        check(&document, predecessors.bytes(), ForeignError::TooLarge);
        let many = raw.clone().column(112, run(20_000, length as u64 / 20_000));
        check(&document, many.bytes(), ForeignError::TooLarge);
        let literal = raw.clone().column(66, signed(-length));
        check(&document, literal.bytes(), ForeignError::Malformed);
    }
    let operations = |count: i64| raw.clone().column(66, run(count, 1));
    check(&document, operations(CHANGE_OPERATIONS_MAX as i64 + 1).bytes(), ForeignError::TooLarge);
    check(&document, operations(CHANGE_OPERATIONS_MAX as i64).bytes(), ForeignError::Malformed);
    let long = vec![b'k'; KEY_BYTES_MAX as usize + 1];
    let key = [signed(10_000), prefixed(&long)].concat();
    check(&document, raw.column(21, key).bytes(), ForeignError::TooLarge);
}

/// Nodes that differed in a limit would not hold the same documents: to change one is a change of
/// format.
#[test]
fn the_limits_are_those_of_the_format() {
    let bytes = (CHANGE_BYTES_MAX, MESSAGE_BYTES_MAX, KEY_BYTES_MAX);
    assert_eq!(bytes, (262_144, 1_024, 256));
    assert_eq!((CHANGE_OPERATIONS_MAX, CHANGE_PREDECESSORS_MAX), (20_000, 80_000));
    assert_eq!((CHANGE_DEPS_MAX, OPERATION_COUNTER_MAX), (64, 2_147_483_648));
}

/// The last size that is read, and the first that is not. Whether columns fit each other is asked
/// later.
#[test]
fn a_limit_is_the_last_that_is_taken() {
    let raw = Raw::register(&base());
    let check = |raw: Raw, is_read: bool| {
        let found = read(&raw.bytes()).map(|_| ());
        assert_eq!(found, if is_read { Ok(()) } else { Err(ForeignError::TooLarge) });
    };
    let values = |bytes: usize| raw.clone().column(87, vec![b'x'; bytes]);
    let other = values(CHANGE_BYTES_MAX / 2).bytes().len() - CHANGE_BYTES_MAX / 2;
    let most = [
        (CHANGE_OPERATIONS_MAX, &[1, 2, 17, 19, 66, 86, 112][..]),
        (CHANGE_PREDECESSORS_MAX, &[113, 115][..]),
    ];
    for past in [0, 1] {
        check(values(CHANGE_BYTES_MAX - other + past), past == 0);
        let past = past as u64;
        for (most, columns) in most {
            for column in columns {
                let zeros = run((most + past) as i64, 0);
                check(raw.clone().column(*column, zeros), past == 0);
                let nulls = [vec![0], unsigned(most + past)].concat();
                check(raw.clone().column(*column, nulls), past == 0);
            }
        }
        check(raw.clone().column(52, unsigned(CHANGE_OPERATIONS_MAX + past)), past == 0);
        let key = [signed(-1), prefixed(&vec![b'k'; (KEY_BYTES_MAX + past) as usize])].concat();
        check(raw.clone().column(21, key), past == 0);
        let each = (CHANGE_OPERATIONS_MAX + past) as usize;
        let literal = [signed(-(each as i64)), vec![1; each]].concat();
        check(raw.clone().column(66, literal), past == 0);
        let many = run(1, CHANGE_PREDECESSORS_MAX + past);
        check(raw.clone().column(112, many), past == 0);
    }
}

/// Bytes that were altered at random and given a right checksum: refused or taken, but felt by
/// nobody else. The seed is fixed; each mutation can be found again by its number.
#[test]
fn mutations_stop_nobody() {
    let document = base();
    let second = Write::Act(Act { position: 9, device: device_of("xatl-2"), ..act() }.identified());
    let many: Vec<Write> = (10..40).map(create).collect();
    let seeds = [
        honest(&document, &[rename("汪芳")]),
        honest(&document, &[leader("赵院长"), create(9)]),
        honest(&document, &[second, rename("黄芳"), rename("汪芳")]),
        honest(&document, &many),
        Raw::register(&document).bytes(),
    ];
    let bodies = seeds.map(|bytes| {
        let body = (10..13).map(|at| bytes[at..].to_vec()).find(|body| chunk(1, body) == bytes);
        body.expect("magic, checksum, type, a length of one to three bytes")
    });
    let mut random = Random(42);
    let before = document.save();
    let (mut parsed, mut taken) = (0, 0);
    for _ in 0..20_000 {
        let mut body = bodies[random.next() as usize % bodies.len()].clone();
        for _ in 0..=random.next() % 3 {
            mutate(&mut body, &mut random);
        }
        let Ok(change) = ForeignBytes(chunk(1, &body)).parse() else { continue };
        parsed += 1;
        if let Ok((admitted, _)) = document.admit(&[change.vouched()], &|_, _| true) {
            taken += 1;
            admitted.everything();
            admitted.source(Contact::KIND, CONTACT);
            admitted.touched(&document.heads());
            let original = admitted.act(act().id).map(|found| found.act);
            assert_eq!(original, Some(act()), "an act was altered");
        }
    }
    assert!(document.save() == before, "the document was altered");
    assert!(parsed > 1_000 && taken > 10, "{parsed} parsed, {taken} taken: hardly a test");
}

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }
}

fn mutate(body: &mut Vec<u8>, random: &mut Random) {
    let at = random.next() as usize % body.len().max(1);
    let byte = random.next() as u8;
    match random.next() % 6 {
        0 => body[at] ^= 1 << (byte % 8),
        1 => body[at] = byte,
        2 => body.insert(at, byte),
        3 if body.len() > 1 => drop(body.remove(at)),
        4 => body[at] = [0, 1, 2, 0x7e, 0x7f, 0x80, 0xff][byte as usize % 7],
        _ => {
            let end = (at + 1 + byte as usize % 8).min(body.len());
            let copied = body[at..end].to_vec();
            let to = random.next() as usize % body.len();
            body.splice(to..to, copied);
        }
    }
}
