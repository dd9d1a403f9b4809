//! What Onex replicates and what it means: ids, record types, edits, acts, rules, documents.
//!
//! No file, socket, clock or random number is touched here; time and fresh bytes are arguments.

pub mod act;
pub mod action;
pub mod document;
pub mod effective;
pub mod field;
pub mod foreign;
pub mod header;
pub mod ids;
pub mod record;
pub mod records;
pub mod registry;
pub mod rights;
pub mod roles;
pub mod search;
pub mod value;
pub mod view;
