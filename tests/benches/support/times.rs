//! Many times of one thing: median and 99th percentile.

use std::time::Duration;

use super::report::{Line, Report, timed};

/// Adds the median and the 99th percentile of some times, in milliseconds.
pub fn add_times(
    report: &mut Report,
    what: &str,
    times: &mut [Duration],
    budget_ms: Option<f64>,
    baseline: Option<(Duration, &'static str)>,
) {
    times.sort();
    let baseline = baseline.map(|(time, of)| (ms(time), of));
    for (part, percent, budget) in [("p50", 50, None), ("p99", 99, budget_ms)] {
        let at = (times.len() - 1) * percent / 100;
        let (what, measured) = (format!("{what}, {part}"), ms(times[at]));
        let baseline = if percent == 50 { baseline } else { None };
        report.add(Line { what, measured, unit: "ms", budget, baseline });
    }
}

/// Milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// How long something takes, time by time.
pub fn times(repeats: usize, mut work: impl FnMut(usize)) -> Vec<Duration> {
    (0..repeats).map(|at| timed(|| work(at)).0).collect()
}
