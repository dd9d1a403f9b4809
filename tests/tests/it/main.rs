//! The tests that look at more than one crate, in one program: each further one links everything
//! again. A test of one crate's behaviour belongs to that crate.

mod architecture;
mod durable;
mod filing;
mod fuzz;
mod hostile;
mod nine_steps;
mod privacy;
mod province;
mod register;
mod removed;
mod roster;
mod seat;
mod training;
mod undo;

/// Every thread counts what it holds, for those tests that ask.
#[global_allocator]
static ALLOCATOR: onex_tests::counting::Counting = onex_tests::counting::Counting;
