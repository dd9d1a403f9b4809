//! The part of the interface that knows no terminal: keys, text being typed, menu search.

pub mod backend;
pub mod clean;
pub mod input;
pub mod keys;
pub mod mask;
pub mod menu;
pub mod refusal;
