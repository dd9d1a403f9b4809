//! Runs many seeds: over two threads, with the totals printed, and one seed alone when asked.
//!
//! `ONEX_SIM_SEED=N` runs that seed alone; `ONEX_SIM_SECONDS=S` lets the long run go on so long.
#![expect(
    clippy::disallowed_methods,
    reason = "who calls the machine may read clocks and settings"
)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::totals::Totals;

const THREADS: u64 = 2;

/// Runs the seeds from 1 to a number, unless one is asked for; returns what happened in them.
pub fn seeds(name: &str, count: u64, run: impl Fn(u64) -> Totals + Sync) -> Totals {
    if let Some(seed) = setting("ONEX_SIM_SEED") {
        return until(name, seed..seed + 1, || true, run);
    }
    until(name, 1..count + 1, || true, run)
}

/// Runs seeds for as long as `ONEX_SIM_SECONDS` says, a few otherwise.
pub fn long(name: &str, run: impl Fn(u64) -> Totals + Sync) -> Totals {
    let seconds = setting("ONEX_SIM_SECONDS");
    let first = setting("ONEX_SIM_SEED").unwrap_or(1_000_000);
    let end = if seconds.is_some() { u64::MAX } else { first + 4 };
    let begin = Instant::now();
    until(name, first..end, || begin.elapsed().as_secs() < seconds.unwrap_or(u64::MAX), run)
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a whole number"))
}

fn until(
    name: &str,
    seeds: std::ops::Range<u64>,
    goes_on: impl Fn() -> bool + Sync,
    run: impl Fn(u64) -> Totals + Sync,
) -> Totals {
    let begin = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let sum = Mutex::new(Totals::default());
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while goes_on() && failed.lock().expect("not poisoned").is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                        Ok(totals) => sum.lock().expect("not poisoned").add(&totals),
                        Err(panic) => {
                            eprintln!("{name} failed: ONEX_SIM_SEED={seed}");
                            *failed.lock().expect("not poisoned") = Some(panic);
                        }
                    }
                }
            });
        }
    });
    if let Some(panic) = failed.into_inner().expect("not poisoned") {
        resume_unwind(panic);
    }
    let totals = sum.into_inner().expect("not poisoned");
    let seconds = begin.elapsed().as_secs_f64();
    assert!(totals.runs > 0, "{name}: nothing was run");
    let counts: Vec<_> = totals.each().iter().map(|(name, n)| format!("{name} {n}")).collect();
    let rate = totals.runs as f64 / seconds;
    println!("{name}: {seconds:.1} s, {rate:.1} runs/s; {}", counts.join(", "));
    totals
}
