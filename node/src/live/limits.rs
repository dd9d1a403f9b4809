//! What peers may cost this node: memory, turns, time, handshakes, and what becomes of those who
//! break the rules (trust G).
//!
//! Everything here is a value that is told what happens and when; sockets, clocks and tasks are the
//! driver's. Limits delay, and never decide what becomes of a document.

mod handshakes;
mod memory;
mod score;
mod turns;

pub(super) use handshakes::Handshakes;
pub(super) use memory::Memory;
pub(super) use score::{Offence, Scores};
pub(super) use turns::Turns;

use onex_crdt::ids::OrgId;

/// Among whom a limit is shared: an organisation, or all strangers together.
pub(super) type Party = Option<OrgId>;
