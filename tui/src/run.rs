//! The part that touches the terminal: entering and leaving it, its events, and when to draw.

pub mod app;
pub mod environment;
pub mod event_loop;
pub mod events;
pub mod guard;
pub mod node_backend;
pub mod probe;
pub mod prompt;
