//! Bytes of a member that breaks every rule, through the whole admission: each refused with its
//! reason, within its memory, and an honest colleague's change beside it is taken.

pub mod member;
mod mutations;
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use onex_crdt::document::Document;
use onex_crdt::foreign::ForeignBytes;
use onex_protocol::admission::{
    Admission, DOCUMENT_CHANGES_MAX, DOCUMENT_SEALS_MAX, DocumentBatch, FORK, Held, REASONS, admit,
};
use onex_protocol::membership::Membership;
use onex_protocol::message::{Message, MessageError};
use onex_tests::counting::peak;
use onex_tests::hostile::attacks::{
    Attack, attacks, deletion, orphans, scene, seals, twin, zstd_bomb,
};
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

/// Judges a batch; tells its time and memory, which must stay within the bound.
fn judge(what: &str, scene: &Scene, batch: DocumentBatch, log: &Membership) -> Admission {
    let began = Instant::now();
    let (admission, bytes) = peak(|| admit(scene.held(), batch, log));
    println!("{what}: {bytes} bytes, {:?}", began.elapsed());
    assert!(bytes < EXTRA_BYTES_MAX, "{what}: {bytes} bytes");
    assert!(admission.new.is_empty() && admission.gone.is_empty(), "{what}");
    assert_eq!(admission.document.heads(), scene.document.heads(), "{what}");
    admission
}

fn reasons(admission: &Admission) -> BTreeSet<&'static str> {
    admission.refused.iter().map(|refused| refused.reason).collect()
}

/// As many changes of one document as are judged together, and far more than that.
#[test]
fn a_hundred_thousand_orphans_are_refused() {
    let log = membership();
    let scene = scene(&log);
    let began = Instant::now();
    let most = DOCUMENT_CHANGES_MAX - 1;
    let (faults, bytes) = faults(&scene, orphans(&scene, most), &log);
    println!("{most} orphans: {bytes} bytes, {:?}", began.elapsed());
    assert_eq!(faults, Vec::<String>::new());
    for count in [DOCUMENT_CHANGES_MAX + 1, 100_000] {
        let batch = orphans(&scene, count).batch;
        let admission = judge(&format!("{count} orphans"), &scene, batch, &log);
        assert_eq!(reasons(&admission), ["too_large"].into());
        assert_eq!(admission.told().count(), count, "the sender hears of each");
    }
}

/// What is kept apart already is judged again with every batch, and is not held twice for it.
#[test]
fn what_is_apart_is_judged_again_where_it_is() {
    let log = membership();
    let scene = scene(&log);
    let apart = admit(scene.held(), orphans(&scene, 4_000).batch, &log).refused;
    let held = Held { apart: &apart, ..scene.held() };
    let empty = || scene.batch(Vec::new(), Vec::new());
    let (admission, bytes) = peak(|| admit(held, empty(), &log));
    println!("4,000 orphans that are apart: {bytes} bytes");
    assert!(admission.refused.is_empty(), "nothing is new");
    let without = peak(|| admit(scene.held(), orphans(&scene, 4_000).batch, &log)).1;
    assert!(bytes < without, "{bytes} bytes, {without} when they come");
}

/// As many seals as are verified together, and far more than that.
#[test]
fn a_hundred_thousand_seals_are_refused() {
    let log = membership();
    let scene = scene(&log);
    let most = seals(&scene, DOCUMENT_SEALS_MAX, DOCUMENT_SEALS_MAX);
    let admission = judge(&format!("{DOCUMENT_SEALS_MAX} seals"), &scene, most, &log);
    assert_eq!(reasons(&admission), ["missing_dependency"].into());
    assert_eq!(admission.refused.len(), DOCUMENT_SEALS_MAX);
    for count in [DOCUMENT_SEALS_MAX + 1, 100_000] {
        let batch = seals(&scene, count, 1);
        let admission = judge(&format!("{count} seals"), &scene, batch, &log);
        assert_eq!(reasons(&admission), ["too_large"].into());
        assert_eq!(admission.refused.len(), DOCUMENT_SEALS_MAX, "no more than are judged");
    }
}

/// What is below a change that can never be applied counts by the seal above it. Whoever hears of
/// it from others must come to the same: the change and its seal travel, and are not tried again.
#[test]
fn what_stands_below_a_deletion_counts_everywhere() {
    let log = membership();
    let scene = scene(&log);
    let one = admit(scene.held(), deletion(&scene), &log);
    let found = |it: &Admission| (it.new.len(), reasons(it), it.document.heads());
    assert_eq!((one.new.len(), reasons(&one)), (1, ["malformed"].into()));
    let honest = one.new.iter().map(|change| change.bytes.clone()).collect();
    let mut batch = scene.batch(honest, one.seals.clone());
    batch.show(one.refused.clone());
    let other = admit(scene.held(), batch, &log);
    assert_eq!(found(&other), found(&one));
    assert_eq!((one.told().count(), other.told().count()), (1, 0), "whoever shows it is not told");
    let held =
        Held { document: &one.document, seals: &one.seals, apart: &one.refused, log_grew: true };
    let again = admit(held, scene.batch(Vec::new(), Vec::new()), &log);
    assert_eq!((again.new.len(), again.refused), (0, Vec::new()), "nothing is told again");
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
