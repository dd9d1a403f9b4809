//! Changes: our parser against Automerge's, then the whole admission under a good seal.
//!
//! The first byte chooses the document. The second says whether the rest is a change as it is or
//! what stands in one, whose checksum is then made right: without that no mutation comes far.

use std::collections::BTreeSet;

use crate::hostile::attacks::{attacks, scene};
use crate::hostile::bytes::{body_of, chunk};
use crate::hostile::judged::{Beside, compare, push};
use crate::hostile::office::{Scene, membership};
use onex_crdt::header::ORGANISATION;
use onex_protocol::membership::Membership;

/// As it is.
const WHOLE: u8 = 0;

thread_local! {
    static OFFICE: (Membership, Vec<Scene>) = {
        let log = membership();
        let scenes = Scene::all(&log);
        (log, scenes)
    };
}

/// Pushes a change through the admission.
pub fn run(data: &[u8]) {
    let [scene, form, rest @ ..] = data else { return };
    let bytes = if *form == WHOLE { rest.to_vec() } else { chunk(1, rest) };
    compare(&bytes);
    OFFICE.with(|(log, scenes)| {
        push(&scenes[usize::from(*scene) % scenes.len()], log, &bytes, Beside::Nobody);
    });
}

/// Honest changes of every kind of document, and the small ones of those that are known to do harm.
pub fn seeds() -> Vec<Vec<u8>> {
    OFFICE.with(|(log, scenes)| {
        let known = attacks(&scene(log)).into_iter().map(|attack| attack.batch.changes);
        let known = known.filter(|changes| changes.len() == 1).flatten();
        let known: BTreeSet<Vec<u8>> = known.filter(|it| it.len() <= SEED_BYTES_MAX).collect();
        // The attacks are made on the document of `scene`: here it is one of several.
        let on = scenes.iter().position(|it| it.document.header().kind == ORGANISATION.key);
        let on = on.expect("there is one of each kind") as u8;
        let known = known.iter().map(|bytes| [&[on, WHOLE], &bytes[..]].concat());
        honest(scenes).into_iter().chain(known).collect()
    })
}

fn honest(scenes: &[Scene]) -> Vec<Vec<u8>> {
    let of_scene = |(number, scene): (usize, &Scene)| {
        let honest = scene.honest();
        let whole = [&[number as u8, WHOLE], &honest[0][..]].concat();
        let bodies = honest.iter().filter_map(|bytes| body_of(bytes));
        let bodies = bodies.map(|body| [&[number as u8, 1], body].concat());
        bodies.chain([whole]).collect::<Vec<_>>()
    };
    scenes.iter().enumerate().flat_map(of_scene).collect()
}

/// A known attack that is longer is no good beginning.
const SEED_BYTES_MAX: usize = 2_000;
