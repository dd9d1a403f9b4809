//! Taking back what was done: the keys for it, and the page of what was left alone.

use crate::core::commands::Does;
use crate::core::jobs::Work;
use crate::core::load::Task;
use crate::core::model::{Model, Notice};
use crate::core::undo::{TakeBack, UndoPage, UndoReport};
use crate::core::update::wizard;
use crate::view::theme::Mark;

/// Begins to take something back, unless that is under way. Whoever wants back what an undoing
/// took that took nothing hears so first: the one before it may be long ago.
pub fn begin(model: &mut Model, what: TakeBack) -> Vec<Task> {
    if model.jobs.runs("job-undo") {
        return Vec::new();
    }
    if std::mem::take(&mut model.undone_nothing) && what == TakeBack::Undoing {
        model.notice = Some(Notice::Said(Mark::Attention, "notice-redo-nothing"));
        return Vec::new();
    }
    vec![model.jobs.begin(Work::Undo { what, also: Vec::new() }, model.clock)]
}

/// Says what was taken back; what was left alone opens as a page.
pub fn done(model: &mut Model, report: UndoReport) -> Vec<Task> {
    model.known.extend(report.known.clone());
    model.undo_page = UndoPage::of(&report);
    model.undone_nothing = report.what != TakeBack::Undoing && report.undone.batch.is_none();
    let again = wizard::undone(model, &report.undone);
    model.notice = Some(Notice::Undone(Box::new(report)));
    again
}

/// Does what an entry of the table says of the page; nothing when it says nothing of it.
pub fn does(model: &mut Model, does: Does) -> Option<Vec<Task>> {
    let page = model.undo_page.as_mut()?;
    match does {
        Does::Move(by) => page.step(by),
        Does::Pick => page.tick(),
        Does::Back => model.undo_page = None,
        Does::Send => return Some(send(model)),
        _ => return None,
    }
    Some(Vec::new())
}

fn send(model: &mut Model) -> Vec<Task> {
    let Some(page) = &model.undo_page else { return Vec::new() };
    if page.ticked.is_empty() {
        model.notice = Some(Notice::Said(Mark::Attention, "notice-undo-nothing"));
        return Vec::new();
    }
    let also = page.ticked.iter().copied().collect();
    let work = Work::Undo { what: TakeBack::Batch(page.batch), also };
    model.undo_page = None;
    vec![model.jobs.begin(work, model.clock)]
}
