//! The node's QUIC on a simulated network under virtual time: hours of a bad line in seconds.
//!
//! Endpoint, TLS and framing are the product's; sockets, clock and random numbers are a seed's. A
//! failure names its seed. What the network does is in `network`, what is transferred in
//! `transfer`.

pub mod network;
mod nodes;
mod pace;
pub mod random;
mod silent;
mod transfer;

use std::sync::Arc;

use onex_node::net::Ground;
use tokio::task::LocalSet;

use transfer::{Story, Totals};

/// Runs of Q1 (trust section 3).
const SEEDS: u64 = 500;
/// Runs that are played twice for S8.
const SEEDS_TWICE: u64 = 200;

#[test]
fn every_transfer_arrives_over_every_line() {
    let mut totals = Totals::default();
    let begun = std::time::Instant::now();
    for seed in 0..SEEDS {
        let story = Story::from_seed(seed);
        totals.add(&story, &story.play());
    }
    println!("Q1: {totals:?}, {:?} of real time", begun.elapsed());
    let Totals { lost, repeated, overtaking, queue_full, too_long, cut, .. } = totals;
    for count in [lost, repeated, overtaking, queue_full, too_long, cut] {
        assert!(count > 0, "a fault that never struck: {totals:?}");
    }
    assert!(totals.resumed > 0 && totals.moved > 0 && totals.failed_calls > 0, "{totals:?}");
}

#[test]
fn a_seed_tells_every_byte() {
    for seed in 0..SEEDS_TWICE {
        let story = Story::from_seed(seed);
        let (once, again) = (story.play(), story.play());
        assert_eq!(once.trace, again.trace, "seed {seed}");
        assert_eq!(once.bytes, again.bytes, "seed {seed}: the same lengths, other bytes");
    }
}

#[test]
fn without_the_hooks_of_tls_the_bytes_are_others() {
    let ring = |ground: &mut Ground| {
        ground.provider = Arc::new(rustls::crypto::ring::default_provider());
        ground.first_ids = None;
    };
    for seed in 0..8 {
        let story = Story::from_seed(seed);
        let (once, again) = (story.play_on(ring), story.play_on(ring));
        assert_eq!(once.trace, again.trace, "seed {seed}");
        assert_ne!(once.bytes, again.bytes, "seed {seed}: nothing was drawn");
    }
}

/// Plays something to its end on a clock of its own, which stands still while there is work.
fn play<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without IO");
    runtime.block_on(LocalSet::new().run_until(what))
}
