//! What keys do while a roster is imported.

use onex_crdt::ids::RecordId;
use onex_node::api::Undone;
use onex_node::import::{Draft, Roster};
use onex_node::importing::Saved;

use crate::core::backend::Answered;
use crate::core::commands::Does;
use crate::core::input::Edited;
use crate::core::jobs::{JobId, Work};
use crate::core::keys::{Code, Key};
use crate::core::load::roster::{NoRoster, TableSource};
use crate::core::load::{Due, Message, Task};
use crate::core::model::{Model, Notice};
use crate::core::undo::TakeBack;
use crate::core::update::answers::failed;
use crate::core::update::{reload, undo};
use crate::core::wizard::{Folder, Step, Wizard, split_path};
use crate::view::theme::Mark;

/// Opens the import: where the person left it, or at its beginning.
pub fn open(model: &mut Model, roster: Roster, class: Option<RecordId>) -> Vec<Task> {
    model.wizard_open = true;
    if let Some(wizard) = &mut model.wizard
        && (wizard.is_unfinished() || wizard.job.is_some())
    {
        let said = Notice::Said(Mark::Working, "notice-import-goes-on");
        model.notice = Some(said);
        return Vec::new();
    }
    model.wizard = Some(Wizard::new(roster, class, &model.import_folder));
    vec![folder_ask(model)]
}

fn folder_ask(model: &Model) -> Task {
    let path = model.wizard.as_ref().map(|wizard| wizard.path.value().to_owned());
    Task::Folder { path: path.unwrap_or_default() }
}

/// Closes the page; what is in it stays.
pub fn close(model: &mut Model) -> Vec<Task> {
    model.wizard_open = false;
    let keeps = |wizard: &Wizard| wizard.is_unfinished() || wizard.job.is_some();
    if model.wizard.as_ref().is_some_and(keeps) {
        model.notice = Some(Notice::Said(Mark::Working, "notice-import-kept"));
    } else {
        model.wizard = None;
    }
    reload(model)
}

/// Offers a key to the text that is being typed.
pub fn typed(model: &mut Model, key: Key) -> Option<Vec<Task>> {
    let wizard = model.wizard.as_mut()?;
    if let Some(input) = &mut wizard.input {
        return (input.key(key) != Edited::NotMine).then(Vec::new);
    }
    if let Some(pasted) = &mut wizard.pasted {
        return pasted_key(pasted, key).then(Vec::new);
    }
    if wizard.step != Step::Source || wizard.reading {
        return None;
    }
    match wizard.path.key(key) {
        Edited::NotMine => None,
        Edited::Text => {
            (wizard.entry, wizard.failed, wizard.asked) = (0, None, false);
            Some(path_changed(model))
        }
        Edited::Cursor | Edited::Nothing => Some(Vec::new()),
    }
}

/// Where pastes arrive as keys, line ends and tabs are text. Returns whether the key was that.
fn pasted_key(pasted: &mut String, key: Key) -> bool {
    let letter = match key.code {
        Code::Enter => Some('\n'),
        Code::Tab if !key.held.shift => Some('\t'),
        Code::Backspace => {
            pasted.pop();
            return true;
        }
        _ => key.text(),
    };
    let Some(letter) = letter else { return false };
    if pasted.len() < PASTED_BYTES_MAX {
        pasted.push(letter);
    }
    true
}

/// Takes pasted text: a table where there can be one, else it is typed.
pub fn paste(model: &mut Model, text: &str) -> Vec<Task> {
    let Some(wizard) = &mut model.wizard else { return Vec::new() };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if let Some(input) = &mut wizard.input {
        input.paste(&text);
        return Vec::new();
    }
    if let Some(pasted) = &mut wizard.pasted {
        if pasted.len() + text.len() <= PASTED_BYTES_MAX {
            pasted.push_str(&text);
        }
        return Vec::new();
    }
    if wizard.step != Step::Source {
        return Vec::new();
    }
    if text.trim().contains(['\n', '\t']) {
        return read(model, TableSource::Text(text));
    }
    wizard.paste_path(&text);
    path_changed(model)
}

/// Asks for the folder of the path, unless it is here.
fn path_changed(model: &mut Model) -> Vec<Task> {
    let Some(wizard) = &mut model.wizard else { return Vec::new() };
    wizard.begin_anew();
    let (before, _) = split_path(wizard.path.value());
    let is_here = wizard.folder.as_ref().is_some_and(|folder| folder.path == before);
    if is_here || before.is_empty() { Vec::new() } else { vec![folder_ask(model)] }
}

/// Does what an entry of the table says of the page; nothing when it says nothing of it.
pub fn does(model: &mut Model, does: Does) -> Option<Vec<Task>> {
    if !model.wizard_open {
        return None;
    }
    let shown = isize::try_from(model.shown()).unwrap_or(1);
    let wizard = model.wizard.as_mut()?;
    match does {
        Does::Move(by) if wizard.choice.is_some() => choice_step(wizard, by),
        Does::Move(by) => wizard.step(by),
        Does::Pages(pages) => wizard.step(pages.saturating_mul(shown)),
        Does::Side(by) => wizard.turn(by),
        Does::Complete => {
            wizard.complete();
            return Some(path_changed(model));
        }
        Does::PasteField => wizard.pasted = Some(String::new()),
        Does::LeaveOut => {
            wizard.leave_out();
            return Some(match_ask(model));
        }
        Does::Sheet => return Some(sheet(model)),
        Does::Choices => choices(wizard),
        Does::Open => return Some(enter(model)),
        Does::Send => return Some(next(model)),
        Does::Back => return Some(back(model)),
        Does::TakeBack(TakeBack::Last) => {
            let batch = wizard.last_saved()?;
            return Some(undo::begin(model, TakeBack::Batch(batch)));
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn choice_step(wizard: &mut Wizard, by: isize) {
    let last = wizard.draft.as_ref().map_or(0, |draft| draft.targets().len());
    if let Some(choice) = &mut wizard.choice {
        *choice = choice.saturating_add_signed(by).min(last);
    }
}

/// Opens the list of fields that the marked column may be: none of them, then each.
fn choices(wizard: &mut Wizard) {
    let Some(draft) = wizard.draft.as_ref().filter(|_| wizard.step == Step::Columns) else {
        return;
    };
    let target = draft.columns().get(wizard.at).and_then(|column| column.target);
    let at = target.and_then(|target| draft.targets().iter().position(|t| t.key == target.key));
    wizard.choice = Some(at.map_or(0, |at| at + 1));
}

fn enter(model: &mut Model) -> Vec<Task> {
    let Some(wizard) = &mut model.wizard else { return Vec::new() };
    match wizard.step {
        Step::Source => return choose(model),
        Step::Columns => match wizard.choice.take() {
            None => choices(wizard),
            Some(choice) => {
                let targets = wizard.draft.as_ref().map(|draft| draft.targets());
                let target = choice.checked_sub(1).and_then(|at| targets?.get(at));
                let (at, key) = (wizard.at, target.map(|target| target.key));
                if let Some(draft) = wizard.draft_mut() {
                    draft.map(at, key);
                }
                return match_ask(model);
            }
        },
        Step::Rows if wizard.input.is_some() => {
            wizard.mended();
            return match_ask(model);
        }
        Step::Rows => wizard.mend(),
        Step::Summary => {}
    }
    Vec::new()
}

/// Takes the marked entry: a folder is opened, a file is read; what is here is asked about first.
fn choose(model: &mut Model) -> Vec<Task> {
    let Some(wizard) = &mut model.wizard else { return Vec::new() };
    let (path, is_folder) = wizard.chosen();
    if is_folder {
        wizard.go_to(&path);
        return path_changed(model);
    }
    if path.is_empty() || path.ends_with(crate::core::wizard::SEPARATOR) {
        return Vec::new();
    }
    read(model, TableSource::File(path))
}

fn read(model: &mut Model, source: TableSource) -> Vec<Task> {
    let Some(wizard) = &mut model.wizard else { return Vec::new() };
    if wizard.reading {
        return Vec::new();
    }
    if wizard.is_unfinished() && !wizard.asked {
        wizard.asked = true;
        model.notice = Some(Notice::Said(Mark::Attention, "notice-import-drops"));
        return Vec::new();
    }
    if let TableSource::File(path) = &source {
        model.import_folder = split_path(path).0.to_owned();
    }
    wizard.reading = true;
    vec![Task::ReadTable { roster: wizard.roster, source }]
}

/// F2: the next step, and at the last one the rows are saved.
fn next(model: &mut Model) -> Vec<Task> {
    let Some(wizard) = &mut model.wizard else { return Vec::new() };
    if let Some(text) = &wizard.pasted {
        if text.trim().is_empty() {
            model.notice = Some(Notice::Said(Mark::Attention, "notice-import-nothing-pasted"));
            return Vec::new();
        }
        let source = TableSource::Text(text.clone());
        return read(model, source);
    }
    if wizard.input.is_some() {
        return enter(model);
    }
    wizard.choice = None;
    match (wizard.step, &wizard.draft) {
        (_, None) => model.notice = Some(Notice::Said(Mark::Attention, "notice-import-no-source")),
        (Step::Source, Some(_)) => wizard.go(Step::Columns),
        (Step::Columns, Some(_)) => wizard.go(Step::Rows),
        (Step::Rows, Some(_)) => wizard.go(Step::Summary),
        (Step::Summary, Some(draft)) => {
            let tally = draft.tally();
            if tally.added + tally.updated == 0 {
                model.notice = Some(Notice::Said(Mark::Attention, "notice-import-no-rows"));
            } else if wizard.job.is_none() {
                let work = Work::Import { draft: draft.clone(), class: wizard.class };
                let task = model.jobs.begin(work, model.clock);
                if let Task::Job { id, .. } = &task {
                    wizard.job = Some(*id);
                }
                return vec![task];
            }
        }
    }
    Vec::new()
}

/// Esc: what is open over the step, the step before, and at the first one the page.
fn back(model: &mut Model) -> Vec<Task> {
    let Some(wizard) = &mut model.wizard else { return Vec::new() };
    let over = wizard.input.take().is_some() || wizard.choice.take().is_some();
    if over || wizard.pasted.take().is_some() {
        return Vec::new();
    }
    match wizard.step {
        Step::Source => return close(model),
        _ if wizard.job.is_some() => return close(model),
        Step::Columns => wizard.go(Step::Source),
        Step::Rows => wizard.go(Step::Columns),
        Step::Summary => wizard.go(Step::Rows),
    }
    Vec::new()
}

/// Takes the next sheet of the workbook that holds a roster.
fn sheet(model: &mut Model) -> Vec<Task> {
    let Some(draft) = model.wizard.as_mut().and_then(Wizard::draft_mut) else { return Vec::new() };
    let count = draft.table().sheets.len();
    let others = (1..count).map(|by| (draft.sheet() + by) % count);
    for other in others.collect::<Vec<_>>() {
        if draft.choose_sheet(other).is_ok() {
            return match_ask(model);
        }
    }
    model.notice = Some(Notice::Said(Mark::Absent, "notice-import-one-sheet"));
    Vec::new()
}

/// Asks the register about the numbers as they are now.
fn match_ask(model: &Model) -> Vec<Task> {
    let wizard = model.wizard.as_ref();
    let task = wizard.and_then(|wizard| {
        let draft = wizard.draft.clone()?;
        Some(Task::MatchTable { version: wizard.version, draft })
    });
    task.into_iter().collect()
}

/// Takes what a worker says of folders and tables.
pub fn message(model: &mut Model, message: Message) {
    match message {
        Message::Folder { path, found } => folder(model, &path, found),
        Message::TableRead(read) => table(model, read),
        Message::TableMatched(version, matching) => matched(model, version, matching),
        _ => {}
    }
}

/// Takes a folder that was read.
fn folder(model: &mut Model, asked: &str, found: Result<Folder, NoRoster>) {
    let Some(wizard) = &mut model.wizard else { return };
    if wizard.path.value() != asked {
        return;
    }
    match found {
        Ok(folder) => {
            let (before, begun) = split_path(asked);
            if before != folder.path {
                wizard.go_to(&format!("{}{begun}", folder.path));
            }
            wizard.folder = Some(folder);
        }
        Err(why) => {
            wizard.folder = None;
            wizard.failed = Some(why);
        }
    }
}

/// Takes a table that was read, or why there is none.
fn table(model: &mut Model, answered: Answered<Result<(String, Box<Draft>), NoRoster>>) {
    let Some(wizard) = &mut model.wizard else { return };
    wizard.reading = false;
    match answered {
        Ok(Ok((name, draft))) => wizard.take(name, *draft),
        Ok(Err(why)) => wizard.failed = Some(why),
        Err(error) => failed(model, error),
    }
}

/// Takes a draft that was compared with the register, if it is still the one that is here.
fn matched(model: &mut Model, version: u64, answered: Answered<Box<Draft>>) {
    let Some(wizard) = &mut model.wizard else { return };
    match answered {
        Ok(draft) if wizard.version == version => {
            let row = wizard.line().map(|line| line.row);
            wizard.draft = Some(std::sync::Arc::from(draft));
            wizard.keep_on(row);
        }
        Ok(_) => {}
        Err(error) => failed(model, error),
    }
}

/// Says what was saved; rows that were not wait to be mended, else the import is over.
pub fn saved(model: &mut Model, saved: &Saved) {
    let Some(wizard) = &mut model.wizard else { return };
    let tally = wizard.draft.as_ref().map(|draft| draft.tally()).unwrap_or_default();
    wizard.saved(saved);
    if tally.rejected == 0 {
        model.wizard = None;
        model.wizard_open = false;
    }
    let count = saved.ids.len();
    model.notice = Some(Notice::Imported { count, rejected: tally.rejected });
}

/// Takes in again what an undoing took back of what was saved from here, wherever that was asked
/// for.
pub fn undone(model: &mut Model, undone: &Undone) -> Vec<Task> {
    let concerns = model.wizard.as_mut().is_some_and(|wizard| wizard.undone(undone));
    if concerns { match_ask(model) } else { Vec::new() }
}

/// What 今日 says of the roster that waits.
pub fn due(model: &Model) -> Option<Due> {
    let wizard = model.wizard.as_ref().filter(|wizard| wizard.is_unfinished())?;
    let tally = wizard.draft.as_ref()?.tally();
    let (name, rows, rejected) = (wizard.name.clone(), tally.rows, tally.rejected);
    Some(Due::Import { name, rows, rejected })
}

/// Whether something that is due is less urgent than a roster that waits.
pub fn waits_behind(due: &Due) -> bool {
    let forms = matches!(due, Due::Unfinished(_) | Due::Draft(_) | Due::Requested(_));
    let classes = matches!(due, Due::Meeting(..) | Due::Unconfirmed(..));
    forms || classes || matches!(due, Due::Unsent(..) | Due::Contact(..))
}

/// The job that saves has ended without saving.
pub fn not_saved(model: &mut Model, job: JobId) {
    if let Some(wizard) = model.wizard.as_mut().filter(|wizard| wizard.job == Some(job)) {
        wizard.job = None;
    }
}

/// As much as a file may hold.
const PASTED_BYTES_MAX: usize = onex_node::table::FILE_BYTES_MAX;
