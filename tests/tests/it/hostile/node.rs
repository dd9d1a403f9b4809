//! A node that serves while a member attacks it over QUIC: it serves on, honest peers sync, other
//! documents are as they were, and what was refused is listed with its reason.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::header::ORGANISATION;
use onex_crdt::ids::{Digest, DocId};
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

#[test]
fn a_node_serves_on_under_attack() {
    let province = Province::college();
    let values = [("role", "evaluator"), ("short_code", "CNKJ"), ("name", "某评价机构")];
    let org = province.act("hub-2", "organisation.add", None, &values);
    province.settle();
    let hub = province.node("hub-1");
    let member = Member::join(hub, org.into());
    let header = ORGANISATION.of(member.log.network(), org.into(), YEAR);
    let devices = [member.key.clone(), member.key.clone(), member.key.clone()];
    let scene = Scene::begun(header.clone(), devices, member.log.position());
    let mut talk = member.talk();
    let honest = scene.document.changes_since(&[]).into_iter().map(|change| change.bytes);
    let batch = scene.batch(honest.collect(), scene.seals.clone());
    let ack = member.send(&mut talk, vec![batch]).expect("an answer");
    assert_eq!(ack.refused, [], "what is honest is taken");
    let before = states(hub, header.id());

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
    let mut turned_away = false;
    for bytes in [vec![], vec![1, 0, 0xff], vec![7; 2000], zstd_bomb(1 << 30)] {
        match member.try_talk() {
            Some(mut talk) => assert!(member.is_closed_on(&mut talk, &bytes), "{bytes:?}"),
            None => turned_away = true,
        }
    }
    assert!(turned_away, "a device that does all this may not come back at once");

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
    assert!(states(hub, header.id()) == before, "another document was altered");
    let values = [("name", "周敏"), ("duty", "coordinator"), ("phone", "13900000022")];
    province.act("xatl-1", "contact.add", None, &values);
    let report = province.node("xatl-1").sync(None).expect("reached");
    assert!(report.peers.iter().all(|peer| peer.reached && peer.error.is_none()), "{report:?}");
    let college = states(province.node("xatl-1"), header.id());
    let hub = states(province.node("hub-1"), header.id());
    let differing = college.iter().filter(|(id, state)| hub.get(id).is_some_and(|it| it != *state));
    assert_eq!(differing.count(), 0);
}
