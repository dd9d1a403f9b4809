//! Tests of the sync machine: nodes with a store in memory on a network in memory.
//!
//! Nothing here sleeps, opens a socket or reads a clock; a seed decides every order.

mod admission;
mod cuts;
mod enrolment;
mod hostile;
mod membership;
mod network;
mod node;
mod privacy;
mod province;
mod random;
mod refusals;
mod repair;
mod session;
mod sim;
mod store;
