//! Tests of messages: the golden copy, bounds, bombs.

use super::*;
use crate::repair::Reached;
use onex_crdt::ids::Actor;

fn position(n: u64) -> LogPosition {
    LogPosition { position: n, mark: [n as u8; 8] }
}

fn hello() -> Message {
    Message::Hello(Hello {
        network: NetworkId([0xa0; 16]),
        log: position(7),
        taken: position(5),
        membership: MembershipPosition { position: 12, head: [0x4d; 16], root: 1 },
        digests: Some(digests()),
    })
}

fn digests() -> ScopeDigests {
    ScopeDigests([1, 2, 3].map(|n| crate::scope::ScopeDigest([n; 16])))
}

fn told() -> Told {
    Told { acks_heard: 4, digests: digests() }
}

fn check(bytes: &[u8], expected: &str) {
    let found = match Message::decode(bytes) {
        Ok(_) => "good",
        Err(MessageError::TooLarge) => "too large",
        Err(MessageError::Version { .. }) => "version",
        Err(MessageError::Form) => "form",
        Err(MessageError::Compression) => "compression",
        Err(MessageError::TooManyDocuments) => "too many documents",
        Err(MessageError::Cbor(_)) => "cbor",
    };
    assert_eq!(found, expected, "{} bytes", bytes.len());
}

#[test]
fn golden_messages() {
    crate::documented(&hello().encode().bytes);
    let document = DocId([0xdd; 16]);
    let batch = Batch {
        documents: vec![DocumentBatch {
            header: onex_crdt::header::PLAN.of(
                NetworkId([0xa0; 16]),
                onex_crdt::ids::OrgId([0xb2; 16]),
                2026,
            ),
            changes: vec![vec![0xc1; 3]],
            seals: Vec::new(),
            apart: vec![ChangeHash([0xc1; 32])],
        }],
        upto: position(9),
        end: End::Last(told()),
        origin: Origin::Delta,
    };
    crate::documented(&Message::Batch(batch).encode().bytes);
    let ack = Ack {
        upto: position(9),
        refused: vec![(document, Reason("no_seal"))],
        standing: Standing::At(position(8), told()),
    };
    crate::documented(&Message::Ack(ack).encode().bytes);
    let ranges = vec![0x61, 0, 0, 2, 0];
    let step = Reconcile { scopes: vec![Scope::Public], ranges };
    crate::documented(&Message::Reconcile(step).encode().bytes);
    let actor = Actor::new(crate::key::SigningKey::from_seed(&[0x0b; 32]).device(), [7; 8]);
    let reached = Reached { actor, seq: 3, mark: [5; 8] };
    let known =
        [Known::Nothing, Known::Heads(vec![ChangeHash([1; 32])]), Known::Clock(vec![reached])];
    let documents = known.map(|known| (document, known)).to_vec();
    let have = Have { documents, wanted: vec![ItemMark([6; 8])] };
    crate::documented(&Message::Have(have).encode().bytes);
}

#[test]
fn reading_gives_back_what_was_written() {
    let small = hello();
    let large = Message::Close { code: 1, reason: "学".repeat(4000) };
    for message in [small, large] {
        let Encoded { bytes, inflated } = message.encode();
        assert_eq!(Message::decode(&bytes).expect("its own encoding"), (message, inflated));
    }
}

#[test]
fn a_batch_has_so_many_documents() {
    let header =
        onex_crdt::header::PLAN.of(NetworkId([0xa0; 16]), onex_crdt::ids::OrgId([0xb2; 16]), 2026);
    let batch = |count| {
        let documents = vec![DocumentBatch::empty(header.clone()); count];
        Batch { documents, upto: position(9), end: End::More, origin: Origin::Delta }
    };
    let bytes = |count| Message::Batch(batch(count)).encode().bytes;
    check(&bytes(BATCH_DOCUMENTS_MAX), "good");
    check(&bytes(BATCH_DOCUMENTS_MAX + 1), "too many documents");
}

#[test]
fn a_hello_is_small() {
    let bytes = hello().encode().bytes.len();
    assert!(bytes <= 140, "{bytes} bytes: two of them and their frames have 300");
}

#[test]
fn other_bytes_are_no_message() {
    let good = hello().encode().bytes;
    check(&good, "good");
    check(&[], "form");
    check(&[MESSAGE_VERSION], "form");
    check(&[9, 0, 0], "version");
    check(&[MESSAGE_VERSION, 7, 0], "form");
    check(&[&good[..], &[0]].concat(), "cbor");
    check(&good[..good.len() - 1], "cbor");
    check(&[MESSAGE_VERSION, FORM_ZSTD, 1, 2, 3], "compression");
    check(&[MESSAGE_VERSION, FORM_PLAIN, 0x82, 0x18, 99, 0], "cbor");
    check(&vec![MESSAGE_VERSION; MESSAGE_BYTES_MAX + 1], "too large");
}

/// Compresses into a frame with a window of so many bytes, as a power of two.
fn packed(plain: &[u8], window_log: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(vec![MESSAGE_VERSION, FORM_ZSTD], 19)
        .expect("an encoder into memory");
    encoder.window_log(window_log).expect("a window that zstd knows");
    std::io::Write::write_all(&mut encoder, plain).expect("memory takes every write");
    encoder.finish().expect("memory takes every write")
}

#[test]
fn a_bomb_is_not_inflated() {
    let bomb = packed(&vec![0; 256 * MESSAGE_BYTES_MAX], 20);
    assert!(bomb.len() < 64 * 1024);
    check(&bomb, "too large");
    check(&packed(&vec![0; MESSAGE_BYTES_MAX + 1], 20), "too large");
    check(&packed(&vec![0; MESSAGE_BYTES_MAX], 20), "cbor");
    check(&packed(&vec![0; MESSAGE_BYTES_MAX], 21), "compression");
    let two = [packed(&[0; 600], 20), packed(&[0; 600], 20)[2..].to_vec()].concat();
    check(&two, "compression");
}

#[test]
fn a_place_in_the_log_names_its_entry_and_all_before() {
    let then = |before: LogPosition, n, document, change| {
        before.then(n, &DocId([document; 16]), &ChangeHash([change; 32]))
    };
    let of = |n, document, change| then(LogPosition::START, n, document, change);
    assert_eq!(of(1, 2, 3), of(1, 2, 3));
    assert_ne!(of(1, 2, 3), of(1, 2, 4));
    assert_ne!(of(1, 2, 3), of(1, 3, 3));
    assert_ne!(of(1, 2, 3).mark, of(2, 2, 3).mark);
    let same = (then(of(1, 2, 3), 2, 5, 6), then(of(1, 2, 4), 2, 5, 6));
    assert_ne!(same.0, same.1, "the same entry after another one");
}

#[test]
fn absent_parts_at_the_end_of_a_header_are_left_out() {
    let (network, org) = (NetworkId([1; 16]), onex_crdt::ids::OrgId([2; 16]));
    let first = |header| cbor::encode(&header)[0];
    assert_eq!(first(onex_crdt::header::PLAN.of(network, org, 2026)), 0x85);
    assert_eq!(first(onex_crdt::header::ORGANISATION.of(network, org, 2026)), 0x83);
}
