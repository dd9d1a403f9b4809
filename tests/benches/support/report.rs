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

/// How long something takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let done = work();
    (started.elapsed(), done)
}
