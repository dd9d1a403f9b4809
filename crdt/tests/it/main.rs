//! What the rules, documents and tables of `onex-crdt` promise, seen from outside.
//!
//! One program, so that it links once. No node, socket or database takes part.

mod convergence;
mod document;
mod foreign;
mod looks;
mod parser;
mod pilot;
mod province;
mod records;
mod registry;
mod rules;
mod status;
mod story;
mod training;
