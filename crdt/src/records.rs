//! The record types: each a definition, the rule for its rows and the actions on it.
//!
//! A new record type is one such file and its line in `registry`.

pub mod agreement;
pub mod application;
pub mod attendance;
pub mod call;
pub mod certificate;
pub mod class;
pub mod conflict;
pub mod contact;
pub mod decision;
pub mod learner;
pub mod listing;
pub mod membership;
pub mod organisation;
pub mod receipt;
mod shared;
pub mod standard;
pub mod undo;

pub use shared::row_of;
