//! Tests that need the inside of a node: its store on a disk that fails, the power that is cut.
//!
//! What can be seen from outside is tested in `node/tests`.

mod disk;
mod faults;
mod locks;
mod mount;
mod power;
mod story;
