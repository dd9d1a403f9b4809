//! What a member that breaks every rule sends: changes put together byte by byte, attacks that
//! are known, honest changes that were altered at random.
//!
//! Everything here is made up of seeds and constants: each input can be made again.

pub mod attacks;
pub mod bytes;
pub mod judged;
pub mod mutation;
pub mod office;
