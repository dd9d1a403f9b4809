//! Replays the corpus of every fuzz target, and some mutations of it. The long runs are those of
//! cargo-fuzz (docs/ARCHITECTURE.md, "Hostile bytes").

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use onex_tests::fuzz::{TARGETS, corpus, folder};
use onex_tests::hostile::mutation::{Random, byte_altered, repeated, spliced, truncated};

/// Most bytes of the corpus of all targets.
const CORPUS_BYTES_MAX: u64 = 300 * 1024;

fn altered(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let input = inputs[random.below(inputs.len())].clone();
    match random.below(8) {
        0 => truncated(input, random),
        1 => spliced(&input, &inputs[random.below(inputs.len())], random),
        2 if !input.is_empty() => repeated(input, random),
        _ => (0..=random.below(3)).fold(input, |input, _| byte_altered(input, random)),
    }
}

fn check(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let run = |input: &[u8], what: &str| {
        let ended = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
        assert!(ended.is_ok(), "{name}, {what}: {input:02x?}");
    };
    let inputs = corpus(target).expect("the corpus can be read");
    for (number, input) in inputs.iter().enumerate() {
        run(input, &format!("input {number}"));
    }
    let mut random = Random(1);
    for number in 0..target.mutations {
        run(&altered(&inputs, &mut random), &format!("mutation {number}"));
    }
}

#[test]
fn frames() {
    check("frames");
}

#[test]
fn messages() {
    check("messages");
}

#[test]
fn changes() {
    check("changes");
}

#[test]
fn signed() {
    check("signed");
}

#[test]
fn machine() {
    check("machine");
}

#[test]
fn tables() {
    check("tables");
}

#[test]
fn store() {
    check("store");
}

/// What was found for a target that is no more would be replayed by nobody.
#[test]
fn every_input_that_was_found_belongs_to_a_target() {
    let found = folder("").read_dir().expect("there is a corpus");
    let mut inputs = 0;
    for entry in found {
        let path = entry.expect("readable").path();
        let target = TARGETS.iter().find(|target| path.ends_with(target.name));
        assert!(target.is_some(), "{} belongs to no target", path.display());
        inputs += fs::read_dir(&path).expect("a folder").count();
    }
    assert!(inputs >= 5, "the attacks that were known from the beginning are here");
}

/// Each target has a program for cargo-fuzz, and the corpus stays small.
#[test]
fn every_target_has_its_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut bytes = 0;
    for target in TARGETS {
        let program = root.join("fuzz/fuzz_targets").join(format!("{}.rs", target.name));
        let text = fs::read_to_string(&program).unwrap_or_default();
        assert!(text.contains(&format!("\"{}\"", target.name)), "{}", program.display());
        let files = fs::read_dir(folder(target.name)).into_iter().flatten();
        bytes += files
            .map(|file| file.and_then(|it| it.metadata()).map_or(0, |it| it.len()))
            .sum::<u64>();
    }
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes");
}
