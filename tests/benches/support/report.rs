//! Figures, each beside its budget and a baseline of the same run. What a figure means is said by
//! whoever measures it.

use std::time::{Duration, Instant};

/// The table that a program prints at its end.
#[derive(Default)]
pub struct Report {
    lines: Vec<Line>,
}

/// One figure.
pub struct Line {
    pub what: String,
    pub measured: f64,
    pub unit: &'static str,
    /// The budget of architecture 9, where it names one for this.
    pub budget: Option<f64>,
    /// The same question asked of something plain, and what that is.
    pub baseline: Option<(f64, &'static str)>,
}

impl Report {
    /// Adds a figure, and prints it at once: the whole takes minutes.
    pub fn add(&mut self, line: Line) {
        eprintln!("{}", line.text());
        self.lines.push(line);
    }

    /// Adds the median and the 99th percentile of some times, in milliseconds.
    pub fn add_times(
        &mut self,
        what: &str,
        times: &mut Vec<Duration>,
        budget_ms: Option<f64>,
        baseline: Option<(Duration, &'static str)>,
    ) {
        times.sort();
        let baseline = baseline.map(|(time, of)| (ms(time), of));
        for (part, percent, budget) in [("p50", 50, None), ("p99", 99, budget_ms)] {
            let at = (times.len() - 1) * percent / 100;
            let (what, measured) = (format!("{what}, {part}"), ms(times[at]));
            let baseline = if percent == 50 { baseline } else { None };
            self.add(Line { what, measured, unit: "ms", budget, baseline });
        }
    }

    /// Prints everything, with what was missed by which factor.
    pub fn print(&self) {
        println!("\n{:<58} {:>12} {:>12}  {:<16} baseline", "what", "measured", "budget", "");
        for line in &self.lines {
            println!("{}", line.text());
        }
    }
}

impl Line {
    fn text(&self) -> String {
        let Line { what, measured, unit, .. } = self;
        let budget = self.budget;
        let budget = budget.map_or("-".to_owned(), |budget| format!("{} {unit}", rounded(budget)));
        let verdict = match self.budget {
            None => String::new(),
            Some(budget) if *measured <= budget => "met".to_owned(),
            Some(budget) if budget > 0.0 => format!("missed {:.1} x", measured / budget),
            Some(_) => "missed".to_owned(),
        };
        let baseline = self
            .baseline
            .map_or(String::new(), |(value, of)| format!("{} {unit} {of}", rounded(value)));
        let measured = format!("{} {unit}", rounded(*measured));
        format!("{what:<58} {measured:>12} {budget:>12}  {verdict:<16} {baseline}")
    }
}

fn rounded(value: f64) -> String {
    match value {
        value if value == value.trunc() || value >= 1000.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// Milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// How long something takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let done = work();
    (started.elapsed(), done)
}

/// How long something takes, time by time.
pub fn times(repeats: usize, mut work: impl FnMut(usize)) -> Vec<Duration> {
    (0..repeats).map(|at| timed(|| work(at)).0).collect()
}

/// A figure of a process in `/proc`, where there is one: 0 elsewhere.
pub fn proc_figure(file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Seconds of processor time that this process has used, where `/proc` tells (Linux: ticks of
/// 10 ms).
pub fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit_once(')').map_or("", |(_, after)| after);
    let fields = after.split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Forgets the highest memory so far, so that the next peak is of what follows (Linux).
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The highest memory since, in megabytes.
pub fn peak_mb() -> f64 {
    proc_figure("status", "VmHWM:") as f64 / 1024.0
}
