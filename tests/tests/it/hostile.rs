//! Bytes of a member that breaks every rule, through the whole admission: each refused with its
//! reason, within its memory, and an honest colleague's change beside it is taken.

pub mod member;
mod mutations;
mod node;

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::document::Document;
use onex_crdt::foreign::ForeignBytes;
use onex_protocol::admission::{Admission, DocumentBatch, FORK, REASONS, admit};
use onex_protocol::membership::Membership;
use onex_protocol::message::{Message, MessageError};
use onex_tests::counting::peak;
use onex_tests::hostile::attacks::{Attack, attacks, orphans, scene, twin, zstd_bomb};
use onex_tests::hostile::office::{Scene, SealOf, membership};

/// Most bytes that a refusal may take beyond what was received.
const EXTRA_BYTES_MAX: usize = 16 << 20;

/// Admits what was sent, together with a colleague's honest change.
fn admit_beside_colleague(scene: &Scene, mut batch: DocumentBatch, log: &Membership) -> Admission {
    let (change, seal) = scene.of_colleague();
    batch.changes.push(change.bytes);
    batch.seals.push(seal);
    let admission = admit(scene.held(), batch, log);
    assert!(admission.document.holds(&change.hash), "the colleague's change was lost");
    admission
}

/// Returns what is wrong with how an attack was met, and the bytes that it took.
fn faults(scene: &Scene, attack: Attack, log: &Membership) -> (Vec<String>, usize) {
    let Attack { name, batch, taken, reason } = attack;
    let sent = batch.changes.clone();
    let before = scene.document.save();
    let (admission, bytes) = peak(|| admit_beside_colleague(scene, batch, log));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let sent: BTreeSet<&Vec<u8>> = sent.iter().collect();
    for refused in admission.refused.iter().filter(|it| sent.contains(&it.bytes)) {
        *reasons.entry(refused.reason).or_default() += 1;
    }
    let found: Vec<_> = reasons.into_iter().collect();
    let loaded = Document::load(scene.document.header().clone(), &admission.document.save());
    let whole = loaded.is_ok_and(|loaded| loaded.heads() == admission.document.heads());
    let checks = [
        (REASONS.contains(&reason), format!("{reason} is no reason")),
        (found == [(reason, sent.len() - taken)], format!("{reason}, not {found:?}")),
        (admission.new.len() == taken + 1, format!("{} taken", admission.new.len())),
        (scene.document.save() == before, "the document was altered".to_owned()),
        (whole, "what was stored cannot be loaded".to_owned()),
        (bytes < EXTRA_BYTES_MAX, format!("{bytes} bytes")),
    ];
    let faults = checks.into_iter().filter(|(right, _)| !right);
    (faults.map(|(_, fault)| format!("{name}: {fault}")).collect(), bytes)
}

#[test]
fn every_attack_is_refused_within_its_memory() {
    let (_, control) = peak(|| std::hint::black_box(vec![0u8; 1 << 20]).len());
    assert!(control >= 1 << 20, "nothing is counted");
    let log = membership();
    let scene = scene(&log);
    let (mut most, mut wrong) = ((0, String::new()), Vec::new());
    for attack in attacks(&scene) {
        let name = attack.name.clone();
        let (faults, bytes) = faults(&scene, attack, &log);
        wrong.extend(faults);
        most = most.max((bytes, name));
    }
    println!("most memory: {} bytes for {}", most.0, most.1);
    assert_eq!(wrong, Vec::<String>::new());
}

/// Who writes another change under a number that he has used loses both, and nobody else anything.
#[test]
fn a_number_used_again_is_a_fork() {
    let log = membership();
    let scene = scene(&log);
    let held = scene.document.changes_since(&scene.without_member.heads());
    let (head, actor, seq) = (held[0].hash, held[0].actor, held[0].seq);
    let bytes = twin(&held[0].bytes);
    let parsed = ForeignBytes(bytes.clone()).parse().expect("well formed");
    let seal = scene.seal_of(&scene.member, SealOf { head: parsed.hash(), actor, seq });
    let batch = scene.batch(vec![bytes.clone()], vec![seal]);
    let admission = admit_beside_colleague(&scene, batch, &log);
    let apart: BTreeSet<_> =
        admission.refused.iter().map(|refused| (refused.change, refused.reason)).collect();
    assert_eq!(apart, [(Some(head), FORK), (Some(parsed.hash()), FORK)].into());
    assert_eq!(admission.gone.iter().map(|change| change.hash).collect::<Vec<_>>(), [head]);
    assert_eq!(admission.forks.iter().map(|forked| forked.actor).collect::<Vec<_>>(), [actor]);
}

/// More changes of one document than any two nodes exchange. A known fault: each takes about 1 KB
/// beyond what was received, so that this costs 100 MB for a moment.
#[test]
fn a_hundred_thousand_orphans_are_refused() {
    let log = membership();
    let scene = scene(&log);
    let (mut faults, bytes) = faults(&scene, orphans(&scene, 100_000), &log);
    faults.retain(|fault| !fault.ends_with(" bytes"));
    assert_eq!(faults, Vec::<String>::new());
    assert!((EXTRA_BYTES_MAX..8 * EXTRA_BYTES_MAX).contains(&bytes), "{bytes} bytes");
}

/// A message that inflates to a gigabyte is given up at its limit.
#[test]
fn a_message_that_inflates_without_end_is_refused() {
    let bomb = zstd_bomb(1 << 30);
    assert!(bomb.len() * 10_000 < 1 << 30);
    let (decoded, bytes) = peak(|| Message::decode(&bomb).err());
    assert!(matches!(decoded, Some(MessageError::TooLarge)), "{decoded:?}");
    assert!(bytes < EXTRA_BYTES_MAX, "{bytes} bytes");
}
