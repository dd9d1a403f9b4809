//! Long work: a line of it under every screen, and the list of jobs with what happened before.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::jobs::{Ending, Job};
use crate::core::model::Model;
use crate::view::popup::{centred, draw_box, first_shown};
use crate::view::screens::said;
use crate::view::text::put;
use crate::view::theme::{HERE, Mark, Role};
use crate::view::words;

/// Returns what the status line says of the newest job: nothing at first, then a word, then how
/// far it has come and how long it will take.
pub fn status(model: &Model) -> Option<(Mark, String)> {
    let look = model.look;
    let job = model.jobs.running().next()?;
    let took = job.took(model.clock);
    if took < SILENT_MS {
        return None;
    }
    let title = look.tr(job.title, &[]);
    if took < WORD_MS {
        let said = look.tr("job-runs", &[("what", title.as_str().into())]);
        return Some((Mark::Working, said));
    }
    let count = model.jobs.running().count() as u64;
    let list = look.tr("job-list-hint", &[("count", count.into())]);
    Some((Mark::Working, format!("{}   {list}", progress(model, job))))
}

/// Returns a job with how far it has come: `导入名单 63%  ████░░  约 12 秒`.
pub fn progress(model: &Model, job: &Job) -> String {
    let look = model.look;
    let title = look.tr(job.title, &[]);
    if job.is_stopping() {
        return look.tr("job-stopping", &[("what", title.as_str().into())]);
    }
    let Some(percent) = job.percent() else {
        let took = time(model, job.took(model.clock) / 1000);
        return format!("{title}  {}", look.tr("job-took", &[("time", took.as_str().into())]));
    };
    let left = job.seconds_left(model.clock).map(|seconds| {
        let time = time(model, seconds);
        look.tr("job-left", &[("time", time.as_str().into())])
    });
    format!("{title} {percent}%  {}  {}", bar(percent, bar_width(model)), left.unwrap_or_default())
}

/// Returns a bar of this width.
pub fn bar(percent: u64, width: u16) -> String {
    let full = usize::try_from(percent.min(100) * u64::from(width) / 100).unwrap_or(0);
    "█".repeat(full) + &"░".repeat(usize::from(width) - full)
}

fn bar_width(model: &Model) -> u16 {
    if model.size.0 >= WIDE { 40 } else { 20 }
}

fn time(model: &Model, seconds: u64) -> String {
    match seconds {
        0..SECONDS_SHOWN_MAX => model.look.tr("time-seconds", &[("count", seconds.into())]),
        _ => model.look.tr("time-minutes", &[("count", seconds.div_ceil(60).into())]),
    }
}

/// Draws the list over the screen.
pub fn draw(model: &Model, selected: usize, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let window = centred(area, WIDTH_MAX, area.height.saturating_sub(4));
    let inside = draw_box(window, &look.tr("jobs-title", &[]), buffer, look);
    let jobs = model.jobs.all();
    let mut lines: Vec<(Mark, String)> = jobs.iter().map(|job| worded(model, job)).collect();
    lines.extend(model.notices.iter().map(|noted| {
        let (mark, text) = said(model, &noted.notice);
        let at = noted.at.map(words::moment).unwrap_or_default();
        (mark, format!("{at}  {text}"))
    }));
    if lines.is_empty() {
        put(buffer, inside, &look.tr("jobs-none", &[]), look.style(Role::Plain));
        return;
    }
    let first = first_shown(selected, lines.len(), inside.height);
    for (line, at) in inside.rows().zip(first..lines.len()) {
        let (mark, text) = &lines[at];
        let (here, role) = if at == selected { (HERE, Role::Selected) } else { (" ", Role::Plain) };
        put(buffer, line, &format!("{here} {} {text}", mark.glyph()), look.style(role));
    }
}

fn worded(model: &Model, job: &Job) -> (Mark, String) {
    let look = model.look;
    let Some((_, ending)) = job.ended else { return (Mark::Working, progress(model, job)) };
    let (mark, id) = match ending {
        Ending::Done => (Mark::Good, "job-done"),
        Ending::Stopped => (Mark::Absent, "job-stopped"),
        Ending::Failed => (Mark::Problem, "job-failed"),
    };
    let took = time(model, job.took(model.clock).div_ceil(1000));
    let title = look.tr(job.title, &[]);
    (mark, look.tr(id, &[("what", title.as_str().into()), ("time", took.as_str().into())]))
}

/// Until then a job is not worth a word, and until then not worth more than one (tui.md 5.4).
const SILENT_MS: u64 = 300;
const WORD_MS: u64 = 2_000;
const SECONDS_SHOWN_MAX: u64 = 120;
const WIDE: u16 = 110;
const WIDTH_MAX: u16 = 96;
