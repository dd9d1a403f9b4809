//! Messages: what is read can be written and is then read as the same, within its bounds.

use onex_crdt::ids::{Actor, ChangeHash, DocId, NetworkId};
use onex_protocol::message::{
    Ack, Batch, End, Have, Hello, LogPosition, MESSAGE_BYTES_MAX, MembershipPosition, Message,
    Origin, Reason, Reconcile, Standing, Told,
};
use onex_protocol::repair::{ItemMark, Known, Reached};
use onex_protocol::scope::{Scope, ScopeDigest, ScopeDigests};

use crate::hostile::attacks::{scene, zstd_bomb};
use crate::hostile::office::{COLLEGE, HUB, membership};

/// Reads a message.
pub fn run(data: &[u8]) {
    let Ok((message, inflated)) = Message::decode(data) else { return };
    assert!(inflated <= MESSAGE_BYTES_MAX);
    let again = message.encode();
    assert_eq!(again.inflated, inflated);
    let (read, _) = Message::decode(&again.bytes).expect("what was written is read");
    assert_eq!(read, message);
}

/// The messages of a session.
pub fn seeds() -> Vec<Vec<u8>> {
    let log = membership();
    let scene = scene(&log);
    let changes = scene.document.changes_since(&[]).into_iter().map(|change| change.bytes);
    let documents = vec![scene.batch(changes.collect(), scene.seals.clone())];
    let position = LogPosition { position: 3, mark: [7; 8] };
    let digests = ScopeDigests([ScopeDigest([1; 16]); 3]);
    let told = Told { acks_heard: 1, digests };
    let hello = Hello {
        network: NetworkId([1; 16]),
        log: position,
        taken: LogPosition::START,
        membership: MembershipPosition::of(&log),
        digests: Some(digests),
    };
    let refused = vec![(DocId([4; 16]), Reason("no_seal"))];
    let batch = |end, origin| Batch { documents: documents.clone(), upto: position, end, origin };
    let scopes = vec![Scope::Public, Scope::pair(HUB, COLLEGE)];
    let reached = Reached { actor: Actor([5; 16]), seq: 3, mark: [5; 8] };
    let heads = vec![ChangeHash([1; 32])];
    let known = [Known::Nothing, Known::Heads(heads), Known::Clock(vec![reached])];
    let known = known.map(|known| (DocId([4; 16]), known)).to_vec();
    let messages = [
        Message::Hello(hello),
        Message::Want { from: 2 },
        Message::Statements(log.entries_from(0).to_vec()),
        Message::Batch(batch(End::Last(told), Origin::Delta)),
        Message::Batch(batch(End::Part, Origin::Repair)),
        Message::Reconcile(Reconcile { scopes, ranges: vec![0x61, 0, 0, 2, 0] }),
        Message::Have(Have { documents: known, wanted: vec![ItemMark([6; 8])] }),
        Message::Ack(Ack { upto: position, refused, standing: Standing::At(position, told) }),
        Message::Close { code: 3, reason: "再见".to_owned() },
    ];
    let mut seeds: Vec<_> = messages.iter().map(|message| message.encode().bytes).collect();
    seeds.push(zstd_bomb(1 << 24));
    seeds
}
