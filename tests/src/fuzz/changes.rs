//! Changes: our parser against Automerge's, then the whole admission under a good seal.
//!
//! The first byte chooses the document. The second says whether the rest is a change as it is or
//! what stands in one, whose checksum is then made right: without that no mutation comes far.

use crate::hostile::bytes::{body_of, chunk};
use crate::hostile::judged::{Beside, compare, push};
use crate::hostile::office::{Scene, membership};
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

/// Honest changes of every kind of document.
pub fn seeds() -> Vec<Vec<u8>> {
    let of_scene = |(number, scene): (usize, &Scene)| {
        let honest = scene.honest();
        let whole = [&[number as u8, WHOLE], &honest[0][..]].concat();
        let bodies = honest.iter().filter_map(|bytes| body_of(bytes));
        let bodies = bodies.map(|body| [&[number as u8, 1], body].concat());
        bodies.chain([whole]).collect::<Vec<_>>()
    };
    OFFICE.with(|(_, scenes)| scenes.iter().enumerate().flat_map(of_scene).collect())
}
