//! Honest changes of every kind of document, altered at random and sealed by a member: taken only
//! where the document stays whole, refused otherwise, and felt by nobody else.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use onex_tests::hostile::judged::{Beside, compare, push};
use onex_tests::hostile::mutation::{Random, altered};
use onex_tests::hostile::office::{Scene, membership};

/// Mutations of each kind of document.
const MUTATIONS: usize = 2_000;

#[test]
fn mutations_are_refused_or_harmless() {
    let log = membership();
    let scenes = Scene::all(&log);
    let before: Vec<_> = scenes.iter().map(|scene| scene.document.save()).collect();
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    for (seed, scene) in scenes.iter().enumerate() {
        let mut random = Random(seed as u64);
        let honest = scene.honest();
        for number in 0..MUTATIONS {
            let bytes = altered(&honest, &mut random);
            let beside = if number % 8 == 0 { Beside::Colleague } else { Beside::Nobody };
            let judged = catch_unwind(AssertUnwindSafe(|| {
                compare(&bytes);
                push(scene, &log, &bytes, beside)
            }));
            let kind = &scene.document.header().kind;
            let judged = judged.unwrap_or_else(|_| panic!("{kind} {number}: {bytes:02x?}"));
            *tally.entry(judged.unwrap_or("taken")).or_default() += 1;
        }
    }
    let after: Vec<_> = scenes.iter().map(|scene| scene.document.save()).collect();
    assert!(before == after, "a document was altered");
    println!("{} mutations: {tally:?}", scenes.len() * MUTATIONS);
    let hardly = |reason: &str| tally.get(reason).copied().unwrap_or_default() < 50;
    let expected = ["taken", "malformed", "too_large", "missing_dependency", "no_right"];
    let rare: Vec<_> = expected.into_iter().filter(|reason| hardly(reason)).collect();
    assert!(rare.is_empty(), "{rare:?} were hardly reached: {tally:?}");
}
