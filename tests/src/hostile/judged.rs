//! What admission makes of a foreign change, with everything asserted that must hold whatever the
//! bytes are.

use std::panic::catch_unwind;

use onex_crdt::document::Document;
use onex_crdt::foreign::{CHANGE_OPERATIONS_MAX, ForeignBytes};
use onex_crdt::ids::ChangeHash;
use onex_protocol::admission::{Admission, FORK, REASONS, admit};
use onex_protocol::membership::Membership;

use super::office::{Scene, SealOf};

/// Who else sends something at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nobody.
    Nobody,
    /// A colleague, whose change must be taken.
    Colleague,
}

/// Pushes a change through the admission, under a good seal of the member; returns why it was
/// kept apart, or nothing where it was taken. Who uses a number twice loses what he wrote under it.
///
/// # Panics
/// When the document is not whole afterwards, or something else was touched.
pub fn push(scene: &Scene, log: &Membership, bytes: &[u8], beside: Beside) -> Option<&'static str> {
    let parsed = ForeignBytes(bytes.to_vec()).parse().ok();
    let hash = parsed.as_ref().map(|parsed| parsed.hash());
    let seals = parsed.map(|parsed| {
        let (head, actor, seq) = (parsed.hash(), parsed.actor(), parsed.seq());
        scene.seal_of(&scene.member, SealOf { head, actor, seq })
    });
    let mut batch = scene.batch(vec![bytes.to_vec()], seals.into_iter().collect());
    let mut beside_heads = Vec::new();
    if beside == Beside::Colleague {
        let (change, seal) = scene.of_colleague();
        batch.changes.push(change.bytes);
        batch.seals.push(seal);
        beside_heads.push(change.hash);
    }
    let admission = admit(scene.held(), batch, log);
    let refused = admission.refused.iter().find(|refused| refused.bytes == bytes);
    let left = match refused {
        None => None,
        Some(refused) if refused.reason == FORK => Some(scene.without_member.heads()),
        Some(_) => Some(scene.document.heads()),
    };
    match left {
        Some(mut heads) => {
            if beside == Beside::Colleague {
                heads.retain(|head| !scene.without_member.heads().contains(head));
            }
            heads.extend(beside_heads);
            heads.sort_unstable();
            assert_eq!(admission.document.heads(), heads, "something was left behind");
        }
        None => whole(scene, &admission, hash),
    }
    assert!(admission.refused.iter().all(|it| REASONS.contains(&it.reason)), "no reason");
    refused.map(|refused| refused.reason)
}

/// Asserts that a document which has taken a change can be saved, loaded and read, and has lost
/// nothing.
fn whole(scene: &Scene, admission: &Admission, hash: Option<ChangeHash>) {
    let document = &admission.document;
    let is_held = hash.is_some_and(|hash| document.holds(&hash));
    assert!(is_held, "neither taken nor kept apart");
    let loaded = Document::load(document.header().clone(), &document.save());
    let loaded = loaded.expect("what was saved is loaded");
    assert_eq!(loaded.heads(), document.heads(), "saved and loaded it is another document");
    let held = scene.document.changes_since(&[]);
    assert!(held.iter().all(|change| loaded.holds(&change.hash)), "a change vanished");
    let (before, now) = (scene.document.everything(), loaded.everything());
    assert!(before.is_subset(&now), "a record or an act vanished");
    document.touched(&scene.document.heads());
}

/// Compares our parser with Automerge's, on what ours lets pass: Automerge does not survive the
/// rest.
///
/// # Panics
/// When both read the bytes and do not read the same.
pub fn compare(bytes: &[u8]) {
    let Ok(ours) = ForeignBytes(bytes.to_vec()).parse() else { return };
    let theirs = catch_unwind(|| automerge::Change::from_bytes(bytes.to_vec()));
    let Ok(Ok(theirs)) = theirs else { return };
    assert_eq!(ours.hash().0, theirs.hash().0);
    assert_eq!(ours.actor().as_bytes(), theirs.actor_id().to_bytes());
    assert_eq!(ours.seq(), theirs.seq());
    let deps: Vec<_> = theirs.deps().iter().map(|dep| ChangeHash(dep.0)).collect();
    assert_eq!(ours.deps(), deps);
    assert!(theirs.len() as u64 <= CHANGE_OPERATIONS_MAX, "more operations than were counted");
}
