//! The `onex` binary as a user meets it: arguments in, exit status and stdout out.

mod at_rest;
mod check;
mod commands;
mod demo;
mod enrolment;
mod import;
mod killed;
mod program;
// Windows' pseudo console draws by itself and keeps the modes that are looked at here.
#[cfg(unix)]
mod pty;
#[cfg(unix)]
mod pty_training;
#[cfg(unix)]
mod secrets;
#[cfg(unix)]
mod terminal;
