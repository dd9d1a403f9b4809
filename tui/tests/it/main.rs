//! The `onex` binary as a user meets it: arguments in, exit status and stdout out.

mod commands;
mod demo;
mod enrolment;
mod program;
mod pty;
mod terminal;
