//! The part of the interface that knows no terminal: what there is to do, what a key does, what a
//! worker is asked, and the words for refusals.

pub mod model;

pub mod commands;
pub mod drafts;
pub mod form;
pub mod health;
pub mod jobs;
pub mod list;
pub mod lock;
pub mod marking;
pub mod people;
pub mod settle;
pub mod sheet;
pub mod training;
pub mod undo;
pub mod update;
pub mod welcome;
pub mod wizard;

pub mod backend;
pub mod load;
pub mod problem;
pub mod refusal;

pub mod clean;
pub mod input;
pub mod keys;
pub mod mask;
pub mod menu;

#[cfg(test)]
pub(crate) mod story;
