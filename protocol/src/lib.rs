//! How nodes agree: signatures, the membership log, seals, enrolment.
//!
//! Sans-IO: time, fresh bytes and everything received are arguments, what comes out is a value. No
//! clock, no randomness, no file, no socket, and no Automerge: changes appear as plain facts.

pub mod cbor;
pub mod key;
