//! Fuzz targets as plain functions: bytes in, a panic where something that must hold does not.
//!
//! `tests/tests/it/fuzz.rs` replays their corpus (`tests/corpus`) and some thousand mutations of
//! it; the folder `fuzz` has a program for each, for cargo-fuzz.

mod changes;
mod frames;
mod machine;
mod messages;
mod signed;
mod store;
mod tables;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A target: what it is called, what it does with bytes, and honest inputs to begin with.
pub struct Target {
    /// The name of its corpus and of its program.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Makes inputs that are right, so that mutations come far.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many mutations of its inputs are replayed with the tests.
    pub mutations: usize,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "frames", run: frames::run, seeds: frames::seeds, mutations: 3_000 },
    Target { name: "messages", run: messages::run, seeds: messages::seeds, mutations: 3_000 },
    Target { name: "changes", run: changes::run, seeds: changes::seeds, mutations: 3_000 },
    Target { name: "signed", run: signed::run, seeds: signed::seeds, mutations: 3_000 },
    Target { name: "machine", run: machine::run, seeds: machine::seeds, mutations: 600 },
    Target { name: "tables", run: tables::run, seeds: tables::seeds, mutations: 600 },
    Target { name: "store", run: store::run, seeds: store::seeds, mutations: 100 },
];

/// Runs a target by its name.
///
/// # Panics
/// When there is no such target, or the bytes break something.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target of the list").run)(data);
}

/// Returns where the inputs lie that were found for a target, each a file.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

/// Returns the inputs of a target: those that it makes itself and those that were found.
///
/// # Errors
/// When the files cannot be read; a target for which nothing was found has none.
pub fn corpus(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut inputs = (target.seeds)();
    if folder(target.name).is_dir() {
        let files = fs::read_dir(folder(target.name))?.map(|file| Ok(file?.path()));
        let mut files = files.collect::<io::Result<Vec<_>>>()?;
        files.sort();
        for file in files {
            inputs.push(fs::read(file)?);
        }
    }
    Ok(inputs)
}
