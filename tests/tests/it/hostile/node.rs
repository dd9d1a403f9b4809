//! A node that serves while a member attacks it over QUIC: it serves on, honest peers sync, other
//! documents are as they were, and what was refused is listed with its reason.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::header::ORGANISATION;
use onex_crdt::ids::{Digest, DocId};
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_node::Node;
use onex_tests::hostile::attacks::{attacks, orphans, zstd_bomb};
use onex_tests::hostile::office::{Scene, YEAR};

use super::member::Member;
use crate::province::Province;

/// What a message can carry.
const MESSAGE_BYTES: usize = 900 * 1024;
/// The attack with the most changes is sent last, and smaller than in memory: what is kept apart
/// of one peer is bounded.
const ORPHANS: usize = 3_000;

fn states(node: &Node, but: DocId) -> BTreeMap<DocId, Digest> {
    let states = node.document_states().expect("readable").into_iter();
    states.map(|(header, digest)| (header.id(), digest)).filter(|(id, _)| *id != but).collect()
}

/// An evaluator that is let in by the hub's first device, and the id of its own document.
fn member(province: &Province, seed: u8) -> (Member, Scene) {
    let (code, name) = (format!("CN{seed:02X}"), format!("某评价机构{seed}"));
    let values = [("role", "evaluator"), ("short_code", code.as_str()), ("name", name.as_str())];
    let org = province.act("hub-2", "organisation.add", None, &values);
    province.settle();
    let member = Member::join(province.node("hub-1"), org.into(), seed);
    let header = ORGANISATION.of(member.log.network(), org.into(), YEAR);
    let devices = [member.key.clone(), member.key.clone(), member.key.clone()];
    let scene = Scene::begun(header, devices, member.log.position());
    (member, scene)
}

/// The node serves on: what a college writes now arrives, and no document that both have differs.
fn check_served(province: &Province, but: DocId, phone: &str) {
    let values = [("name", "周敏"), ("duty", "coordinator"), ("phone", phone)];
    let contact = province.act("xatl-1", "contact.add", None, &values);
    let report = province.node("xatl-1").sync(None).expect("reached");
    assert!(report.peers.iter().all(|peer| peer.reached && peer.error.is_none()), "{report:?}");
    let [college, hub] = ["xatl-1", "hub-1"].map(|name| province.node(name));
    let arrived = hub.row(Contact::KIND, contact).expect("readable");
    assert_eq!(arrived.expect("it arrived").text("phone"), Some(phone));
    let [college, hub] = [college, hub].map(|node| states(node, but));
    let both = college.iter().filter_map(|(id, state)| Some((state, hub.get(id)?)));
    let (same, differing): (Vec<_>, Vec<_>) = both.partition(|(one, other)| one == other);
    assert!(!same.is_empty() && differing.is_empty(), "{} same, {differing:?}", same.len());
}

#[test]
fn a_node_serves_on_under_attack() {
    let province = Province::college();
    let hub = province.node("hub-1");
    let (member, scene) = member(&province, 0x66);
    let own = scene.document.header().id();
    let mut talk = member.talk();
    let honest = scene.document.changes_since(&[]).into_iter().map(|change| change.bytes);
    let batch = scene.batch(honest.collect(), scene.seals.clone());
    let ack = member.send(&mut talk, vec![batch]).expect("an answer");
    assert_eq!(ack.refused, [], "what is honest is taken");
    let before = states(hub, own);

    let mut told = BTreeSet::new();
    let mut all = attacks(&scene);
    // The member is alone in its organisation: it has no colleague whose tag it could steal.
    all.retain(|attack| {
        let bytes = attack.batch.changes.iter().map(Vec::len).sum::<usize>();
        let few = attack.batch.changes.len() < 10;
        few && bytes < MESSAGE_BYTES && attack.name != "a colleague's tag"
    });
    all.push(orphans(&scene, ORPHANS));
    let mut sent = BTreeSet::new();
    for attack in all {
        // What is kept apart already, and travels with its document, is not told again.
        let again = attack.batch.changes.iter().all(|bytes| sent.contains(bytes));
        sent.extend(attack.batch.changes.iter().cloned());
        let ack = member.send(&mut talk, vec![attack.batch]);
        let ack = ack.unwrap_or_else(|| panic!("{}: no answer", attack.name));
        assert!(again || !ack.refused.is_empty(), "{}: nothing is refused", attack.name);
        told.extend(ack.refused.iter().map(|(_, reason)| reason.0));
    }
    assert!(member.try_talk().is_none(), "a device that does all this may not come back at once");

    let listed: BTreeSet<_> =
        hub.quarantine().expect("readable").into_iter().map(|held| held.reason).collect();
    // Many of the attacks bear one number of one actor: in the end they are forks of each other.
    let expected = ["malformed", "too_large", "fork", "missing_dependency"];
    for reason in expected {
        assert!(listed.contains(reason), "{reason} is not listed: {listed:?}");
    }
    for reason in expected {
        assert!(told.contains(reason), "{reason} was not told: {told:?}");
    }
    assert!(states(hub, own) == before, "another document was altered");
    check_served(&province, own, "13900000022");
}

/// What is no message at all ends the connection of a device that has done nothing else, a bomb
/// shuts it out; the node serves on, and no document is altered.
#[test]
fn a_node_serves_on_after_every_bomb() {
    let province = Province::college();
    let (malformed, version, bomb) = (1, 2, 13);
    let bombs = [
        ("nothing", vec![], malformed),
        ("half a message", vec![1, 0, 0xff], malformed),
        ("another version", vec![7; 2000], version),
        ("a gigabyte of one byte", zstd_bomb(1 << 30), bomb),
    ];
    for (number, (name, bytes, code)) in (1..).zip(bombs) {
        let (member, scene) = member(&province, number);
        let own = scene.document.header().id();
        let mut talk = member.talk();
        let before = states(province.node("hub-1"), own);
        assert_eq!(member.closed_on(&mut talk, &bytes), Some(code), "{name}");
        assert_eq!(member.try_talk().is_none(), code == bomb, "{name}: it comes back");
        assert!(states(province.node("hub-1"), own) == before, "{name}: a document was altered");
        check_served(&province, own, &format!("1390000003{number}"));
    }
}
