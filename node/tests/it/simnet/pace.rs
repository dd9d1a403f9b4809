//! What each way of pacing makes of a line: how much of it is used, and how much is sent for it.

use std::sync::Arc;
use std::time::Duration;

use onex_node::net::Ground;
use quinn::congestion::{BbrConfig, CubicConfig, NewRenoConfig};

use super::network::{Line, SLOW};
use super::transfer::Story;

/// Runs over the line of the budget.
const SEEDS: u64 = 40;
/// Runs of each way over each line of the comparison.
const SEEDS_COMPARED: u64 = 6;

/// What the runs over one line came to.
#[derive(Debug)]
struct Measured {
    /// Of the line, in percent: the middle run and the second slowest.
    used: [f64; 2],
    /// Bytes on the wire, both ways, for each of the payload, in the middle.
    wire: f64,
}

/// The budget of architecture section 9, which neither Cubic nor BBR keeps.
#[test]
fn the_slow_line_is_used_and_not_flooded() {
    let line = Line { loss_permille: 50, ..SLOW };
    let Measured { used, wire } = measure(SEEDS, &line, 200_000, |_| {});
    println!("256 kbit/s, 600 ms, 5 % lost: {used:.1?} % of the line, {wire:.2} of the payload");
    assert!(used[0] >= 60.0 && wire <= 1.3, "{used:?} {wire}");
}

/// Prints the ways of pacing beside each other; what is judged is in the test above.
#[test]
fn ways_of_pacing_are_compared() {
    let slow = |loss_permille| (Line { loss_permille, ..SLOW }, 200_000);
    let broad = Line {
        bits_per_second: 8_000_000,
        delay: Duration::from_millis(20),
        queue_bytes: 64 * 1024,
        loss_permille: 10,
        ..SLOW
    };
    let lines = [
        ("slow", slow(0)),
        ("slow, 5 % lost", slow(50)),
        ("slow, 10 % lost", slow(100)),
        ("slow, 20 % lost", slow(200)),
        ("slow, 5 %, jitter", (Line { jitter: Duration::from_millis(100), ..slow(50).0 }, 200_000)),
        ("slow, small queue", (Line { queue_bytes: 6 * 1024, ..SLOW }, 200_000)),
        ("8 Mbit/s, 40 ms, 1 %", (broad.clone(), 1_000_000)),
        ("the same, small queue", (Line { queue_bytes: 8 * 1024, ..broad }, 1_000_000)),
    ];
    for (name, (line, bytes)) in lines {
        let over = |change: &dyn Fn(&mut Ground)| measure(SEEDS_COMPARED, &line, bytes, change);
        let ours = over(&|_| {});
        let cubic = over(&|ground| ground.congestion = Arc::new(CubicConfig::default()));
        let reno = over(&|ground| ground.congestion = Arc::new(NewRenoConfig::default()));
        let bbr = over(&|ground| ground.congestion = Arc::new(BbrConfig::default()));
        for (way, measured) in [("ours", ours), ("Cubic", cubic), ("NewReno", reno), ("BBR", bbr)] {
            let Measured { used: [middle, slow], wire } = measured;
            println!("{name:22} {way:8} {middle:5.1} % ({slow:5.1} %) {wire:5.2}");
        }
    }
}

fn measure(seeds: u64, line: &Line, bytes: usize, change: impl Fn(&mut Ground)) -> Measured {
    let mut runs: Vec<(f64, f64)> = (0..seeds)
        .map(|seed| {
            let story = Story::bulk(seed, line.clone(), bytes);
            let outcome = story.play_on(&change);
            let payload = story.payload_bytes() as f64;
            let could = outcome.elapsed.as_secs_f64() * line.bits_per_second as f64 / 8.0;
            (payload / could * 100.0, outcome.wire_bytes() as f64 / payload)
        })
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let used = [runs[runs.len() / 2].0, runs[1].0];
    let mut wire: Vec<f64> = runs.iter().map(|run| run.1).collect();
    wire.sort_by(f64::total_cmp);
    Measured { used, wire: wire[wire.len() / 2] }
}
