//! Tests of what goes over the wire: nothing that the receiver may not read is named.

use onex_crdt::header::{AGREEMENT, APPLICATION, DECISIONS, DIRECTORY, Header, ORGANISATION, PLAN};
use onex_protocol::admission::DocumentBatch;
use onex_protocol::cbor;
use onex_protocol::message::{Batch, End, LogPosition, Message, Origin, Reconcile, Told};
use onex_protocol::scope::{Scope, ScopeDigest, ScopeDigests};

use crate::network::Network;
use crate::province::*;

/// What a device sent, inflated, one message after the other.
fn sent_by(net: &Network, seed: u8) -> Vec<u8> {
    let sent = net.sent.iter().filter(|sent| sent.from == seed);
    sent.flat_map(|sent| cbor::encode(&Message::decode(&sent.bytes).expect("a message").0))
        .collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a document's header, its id or a text in it is in some bytes.
fn names(bytes: &[u8], header: &Header, text: &str) -> bool {
    contains(bytes, &cbor::encode(header))
        || contains(bytes, header.id().as_bytes())
        || contains(bytes, text.as_bytes())
}

fn documents() -> Vec<(u8, Header, &'static str)> {
    let network = network();
    vec![
        (HUB_1, DIRECTORY.of(network, HUB, YEAR), "名录里的机构"),
        (HUB_1, DECISIONS.between(network, HUB, COLLEGE, YEAR), "给甲校的决定"),
        (HUB_1, DECISIONS.between(network, HUB, OTHER, YEAR), "给乙校的决定"),
        (COLLEGE_1, ORGANISATION.of(network, COLLEGE, YEAR), "联系人王芳"),
        (COLLEGE_1, PLAN.of(network, COLLEGE, YEAR), "甲校的草稿"),
        (COLLEGE_1, APPLICATION.between(network, COLLEGE, EVALUATOR, YEAR), "甲校的申报"),
        (EVALUATOR_1, AGREEMENT.between(network, EVALUATOR, COLLEGE, YEAR), "与甲校的协议"),
    ]
}

#[test]
fn what_the_receiver_may_not_read_is_never_named() {
    for seed in 1..20 {
        let mut net = Network::new(seed, &[HUB_1, COLLEGE_1, COLLEGE_2, OTHER_1, EVALUATOR_1]);
        for (author, header, text) in documents() {
            net.node(author).author(&header, text);
        }
        for caller in [COLLEGE_1, EVALUATOR_1, COLLEGE_1] {
            assert!(net.sync(caller, HUB_1).equal);
        }
        for (sender, receiver) in
            [(HUB_1, OTHER_1), (COLLEGE_1, HUB_1), (COLLEGE_1, OTHER_1), (COLLEGE_1, COLLEGE_2)]
        {
            // Both a first contact and, after a loss, a repair.
            net.sent.clear();
            net.sync(receiver, sender);
            let party = net.node(receiver).store.party();
            let lost = DIRECTORY.of(network(), HUB, YEAR).id();
            net.acks_checked = false;
            net.node(receiver).store.documents.remove(&lost);
            net.sync(receiver, sender);
            let wire = sent_by(&net, sender);
            let mut allowed = 0;
            for (_, header, text) in documents() {
                let held = net.node(sender).store.documents.contains_key(&header.id());
                let named = names(&wire, &header, text);
                if !party.may_read(&header) {
                    assert!(!named, "seed {seed}: {sender} names {text} to {receiver}");
                }
                allowed += u32::from(held && named);
            }
            assert!(allowed > 0, "seed {seed}: the search finds what is allowed");
        }
    }
}

#[test]
fn a_store_that_hands_out_too_much_is_filtered() {
    let mut net = Network::new(1, &[HUB_1, OTHER_1]);
    for (_, header, text) in documents() {
        net.node(HUB_1).author(&header, text);
    }
    net.node(HUB_1).store.leaks = true;
    net.sync(OTHER_1, HUB_1);
    let wire = sent_by(&net, HUB_1);
    let (_, plan, text) = &documents()[4];
    assert!(!names(&wire, plan, text), "the machine looks again");
    let (_, directory, text) = &documents()[0];
    assert!(names(&wire, directory, text), "what is allowed goes out");
}

#[test]
fn what_one_may_not_have_is_not_taken() {
    let mut net = Network::new(1, &[HUB_1, COLLEGE_1]);
    net.connect(HUB_1, COLLEGE_1);
    net.run();
    net.sent.clear();
    let header = PLAN.of(network(), COLLEGE, YEAR);
    let documents = vec![DocumentBatch::empty(header.clone())];
    let digests = ScopeDigests([ScopeDigest([0; 16]); 3]);
    let end = End::Last(Told { acks_heard: 0, digests });
    let upto = LogPosition { position: 1, mark: [1; 8] };
    let batch = Message::Batch(Batch { documents, upto, end, origin: Origin::Delta });
    net.inject(COLLEGE_1, batch.encode().bytes);
    net.run();
    assert!(!net.node(HUB_1).store.documents.contains_key(&header.id()));
    let refused = net.sent.iter().any(|sent| match Message::decode(&sent.bytes) {
        Ok((Message::Ack(ack), _)) => {
            ack.refused.iter().any(|(id, why)| *id == header.id() && why.0 == "no_right")
        }
        _ => false,
    });
    assert!(refused, "the sender is told");
}

#[test]
fn a_foreign_scope_is_refused() {
    let mut net = Network::new(1, &[HUB_1, COLLEGE_1]);
    net.connect(COLLEGE_1, HUB_1);
    net.run();
    let scopes = vec![Scope::pair(OTHER, EVALUATOR)];
    let step = Message::Reconcile(Reconcile { scopes, ranges: vec![0x61] });
    net.inject(COLLEGE_1, step.encode().bytes);
    net.run();
    assert_eq!(net.node(HUB_1).closed, [3]);
}
