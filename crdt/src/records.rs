//! The record types: each a definition, the rule for its rows and the actions on it.
//!
//! A new record type is one such file and its line in `registry`.

pub mod organisation;
pub mod contact;
pub mod certificate;
pub mod standard;
pub mod listing;
pub mod call;
pub mod agreement;
pub mod application;
pub mod decision;
pub mod receipt;
pub mod membership;
mod shared;
