//! Widgets that draw plain data into a buffer.
//!
//! They hold no state, ask no store and move no cursor: what has the text cursor returns its
//! position, and the screen places the hardware cursor there (tui.md, finding 2).

pub mod text;
pub mod theme;

pub mod clear;
pub mod input;
pub mod popup;

pub mod frame;
pub mod hints;
pub mod rail;

pub mod empty;
pub mod form;
pub mod help;
pub mod palette;
pub mod table;

pub mod screens;
pub mod words;

#[cfg(test)]
mod random_data;
#[cfg(test)]
mod screen_tests;
#[cfg(test)]
mod shot;
#[cfg(test)]
mod snapshot_tests;
