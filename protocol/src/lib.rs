//! How nodes agree: signatures, the membership log, seals, enrolment, and the sync machine.
//!
//! Sans-IO: time, fresh bytes and everything received are arguments, what comes out is a value. No
//! clock, no randomness, no file, no socket, and no Automerge: changes appear as plain facts.

pub mod armour;
pub mod cbor;
pub mod enrolment;
pub mod key;
pub mod membership;
pub mod recovery;
pub mod root;
pub mod seal;
pub mod statement;

pub mod admission;
pub mod judgement;
pub mod repair;
pub mod scope;

pub mod message;

pub mod machine;

/// Checks that `docs/PROTOCOL.md` shows these bytes, in lines that end with `# what it is`: the
/// document is the golden copy.
#[cfg(test)]
pub(crate) fn documented(bytes: &[u8]) {
    let document: String = include_str!("../../docs/PROTOCOL.md")
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace())
        .collect();
    let hex = onex_crdt::ids::hex_encode(bytes);
    assert!(document.contains(&hex), "docs/PROTOCOL.md does not show {hex}");
}
