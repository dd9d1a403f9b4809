//! The terminal interface of Onex: `core` decides, `view` draws, `run` touches the terminal.
//!
//! No SQL, no sockets and no signatures here: records come from the node's handle.

pub mod core;
pub mod i18n;
pub mod run;
pub mod view;

use std::process::ExitCode;

/// Runs the program and returns its exit status (architecture 8).
///
/// No command is wired in yet, so every call is wrong usage: status 2.
pub fn main() -> ExitCode {
    eprintln!("onex: no command is available in this build");
    ExitCode::from(2)
}
