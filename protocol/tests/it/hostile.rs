//! Tests of peers that break the rules: the connection is closed, nothing panics.

use onex_crdt::header::{CLASS, DIRECTORY, ORGANISATION};
use onex_crdt::ids::RecordId;
use onex_protocol::admission::DocumentBatch;
use onex_protocol::machine::{ACK_MS_MAX, CONNECTIONS_PER_ORG_MAX, GREETING_MS_MAX};
use onex_protocol::message::{
    Ack, BATCH_DOCUMENTS_MAX, Batch, End, LogPosition, Message, Origin, Reason, Standing,
};

use crate::network::Network;
use crate::province::*;

fn connected() -> Network {
    let mut net = Network::new(9, &[HUB_1, COLLEGE_1]);
    net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, YEAR), "名录");
    net.connect(COLLEGE_1, HUB_1);
    net.run();
    net
}

/// The college says something; the code with which the hub closes.
fn check(message: &Message, expected: u32) {
    check_bytes(message.encode().bytes, expected);
}

fn check_bytes(bytes: Vec<u8>, expected: u32) {
    let mut net = connected();
    net.inject(COLLEGE_1, bytes);
    net.run();
    assert_eq!(net.node(HUB_1).closed, [expected]);
}

#[test]
fn bytes_that_are_no_message_close() {
    check_bytes(vec![], 1);
    check_bytes(vec![1, 0, 0xff], 1);
    check_bytes(vec![2, 0, 0xff], 2);
    check_bytes(vec![1; 2 * 1024 * 1024], 13);
}

#[test]
fn messages_out_of_order_close() {
    let net = connected();
    let hello = Message::decode(&net.sent[0].bytes).expect("the first hello").0;
    check(&hello, 3);
    check(&Message::Want { from: 1 }, 3);
    check(
        &Message::Proposals(vec![membership().propose(&key(COLLEGE_1), device_add(HUB, 7)); 33]),
        3,
    );
    check(&Message::Pending { inviter_key: key(1).public(), proof: [0; 32] }, 3);
    check(&Message::Welcome(vec![]), 3);
    let upto = LogPosition::START;
    check(&Message::Ack(Ack { upto, refused: vec![], standing: Standing::Behind }), 3);
    let refused = vec![(DIRECTORY.of(network(), HUB, YEAR).id(), Reason("no_seal"))];
    check(&Message::Ack(Ack { upto, refused, standing: Standing::Behind }), 3);
}

#[test]
fn a_forged_entry_closes() {
    let mut log = membership();
    say(&mut log, HUB_1, device_add(HUB, 2));
    let mut forged = log.entries_from(8).to_vec();
    forged[0].signature.0[0] ^= 1;
    check(&Message::Statements(forged), 8);
}

#[test]
fn a_flood_of_batches_closes() {
    let mut net = connected();
    for _ in 0..200 {
        let upto = LogPosition { position: 9, mark: [9; 8] };
        let batch = Batch { documents: vec![], upto, end: End::More, origin: Origin::Delta };
        net.inject(COLLEGE_1, Message::Batch(batch).encode().bytes);
    }
    net.run();
    assert_eq!(net.node(HUB_1).closed, [9]);
}

/// Whether the hub takes a batch of empty documents, so many in each part, for malformed.
fn is_malformed(parts: &[usize]) -> bool {
    let mut net = connected();
    let mut classes = (0_u128..).map(|id| {
        let header = CLASS.about(network(), COLLEGE, RecordId(id.to_be_bytes()));
        DocumentBatch::empty(header)
    });
    for (at, count) in parts.iter().enumerate() {
        let documents = classes.by_ref().take(*count).collect();
        let upto = LogPosition { position: 9, mark: [9; 8] };
        let end = if at + 1 < parts.len() { End::Part } else { End::More };
        let batch = Batch { documents, upto, end, origin: Origin::Delta };
        if net.is_connected(COLLEGE_1) {
            net.inject(COLLEGE_1, Message::Batch(batch).encode().bytes);
            net.run();
        }
    }
    net.node(HUB_1).closed == [1]
}

#[test]
fn a_batch_of_too_many_documents_closes() {
    let half = BATCH_DOCUMENTS_MAX / 2;
    assert!(!is_malformed(&[1, 1]));
    assert!(is_malformed(&[half, half, 1]));
    assert!(is_malformed(&[BATCH_DOCUMENTS_MAX + 1]));
}

#[test]
fn an_organisation_has_so_many_connections() {
    let mut log = membership();
    let devices: Vec<u8> = (40..40 + CONNECTIONS_PER_ORG_MAX as u8 + 1).collect();
    for device in &devices {
        say(&mut log, COLLEGE_1, device_add(COLLEGE, *device));
    }
    let all = [&[HUB_1, OTHER_1][..], &devices].concat();
    let nodes = all.into_iter().map(|seed| (seed, log.clone())).collect();
    let mut net = Network::with(3, nodes);
    for device in &devices {
        net.connect(*device, HUB_1);
    }
    net.run();
    assert_eq!(net.node(HUB_1).closed, [14]);
    assert!(net.sync(OTHER_1, HUB_1).equal, "others have room");
}

#[test]
fn documents_in_parts_do_not_pile_up() {
    let mut log = membership();
    let devices = [11, 12, 41, 42, 43];
    for device in &devices[2..] {
        say(&mut log, COLLEGE_1, device_add(COLLEGE, *device));
    }
    let all = [&[HUB_1, OTHER_1][..], &devices].concat();
    let mut net = Network::with(3, all.into_iter().map(|seed| (seed, log.clone())).collect());
    for device in devices {
        net.connect(device, HUB_1);
        net.run();
    }
    let header = ORGANISATION.of(network(), COLLEGE, YEAR);
    let (upto, end) = (LogPosition { position: 9, mark: [9; 8] }, End::Part);
    for round in 0..9_u8 {
        for device in devices {
            let changes = vec![vec![round; 900_000]];
            let documents = vec![DocumentBatch { changes, ..DocumentBatch::empty(header.clone()) }];
            let batch = Batch { documents, upto, end, origin: Origin::Delta };
            if net.is_connected(device) {
                net.inject(device, Message::Batch(batch).encode().bytes);
                net.run();
            }
        }
    }
    let closed = net.node(HUB_1).closed.clone();
    assert!(!closed.is_empty() && closed.iter().all(|code| *code == 9), "{closed:?}");
    assert!(net.sync(OTHER_1, HUB_1).equal, "others are served");
}

#[test]
fn silence_closes() {
    let mut net = Network::new(9, &[HUB_1, COLLEGE_1]);
    net.connect(COLLEGE_1, HUB_1);
    net.mute(COLLEGE_1);
    net.run();
    net.tick(GREETING_MS_MAX);
    assert_eq!(net.node(HUB_1).closed, []);
    net.tick(GREETING_MS_MAX + 1);
    assert_eq!(net.node(HUB_1).closed, [10]);

    let mut net = connected();
    net.tick(ACK_MS_MAX * 9);
    assert_eq!(net.node(HUB_1).closed, [], "at rest, silence is fine");
    net.mute(COLLEGE_1);
    net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, YEAR), "新增");
    net.run();
    net.tick(ACK_MS_MAX * 9 + 1);
    assert_eq!(net.node(HUB_1).closed, [], "the night before does not count");
    net.tick(ACK_MS_MAX * 10 + 1);
    assert_eq!(net.node(HUB_1).closed, [10]);
}

#[test]
fn one_connection_per_device_stays() {
    for seed in 1..30 {
        let mut net = Network::new(seed, &[HUB_1, COLLEGE_1]);
        net.connect(COLLEGE_1, HUB_1);
        net.connect(HUB_1, COLLEGE_1);
        net.run();
        net.node(COLLEGE_1).author(&ORGANISATION.of(network(), COLLEGE, YEAR), "王芳");
        net.run();
        assert!(net.agree(HUB_1, COLLEGE_1), "seed {seed}: one of the two is left");
        net.connect(COLLEGE_1, HUB_1);
        net.run();
        net.node(HUB_1).author(&DIRECTORY.of(network(), HUB, YEAR), "新增");
        net.run();
        assert!(net.agree(HUB_1, COLLEGE_1), "seed {seed}: the newer one is left");
    }
}
