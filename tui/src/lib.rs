//! The terminal interface of Onex: `core` decides, `view` draws, `run` touches the terminal.
//!
//! No SQL, no sockets and no signatures here: records come from the node's handle.

pub mod command;
pub mod core;
pub mod demo;
pub mod i18n;
pub mod json;
pub mod run;
pub mod view;

use std::process::ExitCode;

/// Runs the program and returns its exit status (architecture 8).
pub fn main() -> ExitCode {
    command::run(std::env::args_os())
}
