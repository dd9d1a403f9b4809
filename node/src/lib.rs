//! The running node: store, projection, network, and the handle that commands and screens hold.
//!
//! What records mean is the crdt crate's matter, how nodes agree the protocol crate's.

pub mod api;
mod audit;
pub mod backup;
pub mod check;
pub mod clock;
mod conflict;
pub mod drafts;
pub mod engine;
mod error;
pub mod files;
pub mod handle;
pub mod home;
pub mod import;
pub mod importing;
pub mod live;
pub mod members;
pub mod net;
mod outbox_log;
mod presence;
pub mod removal;
pub mod repair;
pub mod report;
pub mod rooting;
mod sealing;
pub mod space;
pub mod store;
pub mod table;
#[cfg(test)]
mod tests;
pub mod undoing;
mod unsent;
pub mod upkeep;

pub use error::NodeError;
pub use handle::{Founding, Node, Way};
pub use live::{Joining, Serving};
