//! x

pub mod net;
