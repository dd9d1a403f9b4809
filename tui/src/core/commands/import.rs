//! The import of a roster: its entries of the action table.

use super::{At, Command, Does, entry, keys, when};
use crate::core::model::Model;
use crate::core::undo::TakeBack;

/// What can be done in the import of a roster.
pub static COMMANDS: &[Command] = &[
    keys(&["Enter"], 1, entry("import-take", "cmd-take-file", At::ImportSource, Does::Open)),
    keys(&["Tab"], 2, entry("import-complete", "cmd-complete", At::ImportSource, Does::Complete)),
    keys(&["Up"], 3, entry("import-entry-up", "cmd-choose", At::ImportSource, Does::Move(-1))),
    keys(&["Down"], 3, entry("import-entry-down", "cmd-choose", At::ImportSource, Does::Move(1))),
    keys(&["F6"], 4, entry("import-paste", "cmd-paste-field", At::ImportSource, Does::PasteField)),
    keys(
        &["F2"],
        5,
        when(has_roster, entry("import-on", "cmd-import-on", At::ImportSource, Does::Send)),
    ),
    keys(&["Esc"], 6, entry("import-close", "cmd-leave-import", At::ImportSource, Does::Back)),
    keys(&["F2"], 1, entry("paste-take", "cmd-paste-take", At::ImportPaste, Does::Send)),
    keys(&["Esc"], 2, entry("paste-leave", "cmd-close", At::ImportPaste, Does::Back)),
    keys(&["Up"], 1, entry("column-up", "cmd-choose", At::ImportColumns, Does::Move(-1))),
    keys(&["Down"], 1, entry("column-down", "cmd-choose", At::ImportColumns, Does::Move(1))),
    keys(
        &["F4", "Enter"],
        2,
        entry("column-field", "cmd-column-field", At::ImportColumns, Does::Choices),
    ),
    keys(
        &["F6"],
        4,
        when(has_sheets, entry("import-sheet", "cmd-other-sheet", At::ImportColumns, Does::Sheet)),
    ),
    keys(&["F2"], 3, entry("columns-next", "cmd-import-rows", At::ImportColumns, Does::Send)),
    keys(&["Esc"], 5, entry("columns-back", "cmd-back", At::ImportColumns, Does::Back)),
    keys(&["Up"], 1, entry("target-up", "cmd-choose", At::ImportTargets, Does::Move(-1))),
    keys(&["Down"], 1, entry("target-down", "cmd-choose", At::ImportTargets, Does::Move(1))),
    keys(&["Enter"], 2, entry("target-take", "cmd-take", At::ImportTargets, Does::Open)),
    keys(&["Esc", "F4"], 3, entry("target-close", "cmd-close", At::ImportTargets, Does::Back)),
    keys(&["Enter"], 1, entry("row-mend", "cmd-mend", At::ImportRows, Does::Open)),
    keys(&["Left"], 2, entry("row-left", "cmd-cell", At::ImportRows, Does::Side(-1))),
    keys(&["Right"], 2, entry("row-right", "cmd-cell", At::ImportRows, Does::Side(1))),
    keys(&["Delete"], 3, entry("row-out", "cmd-leave-out", At::ImportRows, Does::LeaveOut)),
    keys(&["F2"], 4, entry("rows-next", "cmd-import-check", At::ImportRows, Does::Send)),
    keys(&["Up"], 5, entry("row-up", "cmd-choose", At::ImportRows, Does::Move(-1))),
    keys(&["Down"], 5, entry("row-down", "cmd-choose", At::ImportRows, Does::Move(1))),
    keys(&["PageUp"], 0, entry("row-page-up", "cmd-page-up", At::ImportRows, Does::Pages(-1))),
    keys(&["PageDown"], 0, entry("row-page-down", "cmd-page-down", At::ImportRows, Does::Pages(1))),
    keys(&["Home"], 0, entry("row-home", "cmd-home", At::ImportRows, Does::Move(isize::MIN + 1))),
    keys(&["End"], 0, entry("row-end", "cmd-end", At::ImportRows, Does::Move(isize::MAX))),
    keys(&["Esc"], 7, entry("rows-back", "cmd-back", At::ImportRows, Does::Back)),
    keys(
        &["Ctrl+Z"],
        6,
        when(has_saved, entry("rows-undo", "cmd-import-undo", At::ImportRows, LAST)),
    ),
    keys(&["Ctrl+Y"], 0, when(has_undone, entry("rows-redo", "cmd-redo", At::ImportRows, UNDOING))),
    keys(&["Enter", "F2"], 1, entry("cell-take", "cmd-cell-take", At::ImportCell, Does::Open)),
    keys(&["Esc"], 2, entry("cell-leave", "cmd-cell-leave", At::ImportCell, Does::Back)),
    keys(
        &["F2", "Ctrl+S"],
        1,
        entry("import-save", "cmd-import-save", At::ImportSummary, Does::Send),
    ),
    keys(&["Esc"], 2, entry("summary-back", "cmd-back", At::ImportSummary, Does::Back)),
];

const LAST: Does = Does::TakeBack(TakeBack::Last);
const UNDOING: Does = Does::TakeBack(TakeBack::Undoing);

fn has_saved(model: &Model) -> bool {
    model.wizard.as_ref().is_some_and(|wizard| wizard.last_saved().is_some())
}

fn has_undone(model: &Model) -> bool {
    let mut parts = model.wizard.iter().flat_map(|wizard| &wizard.parts);
    parts.any(|part| part.undoing.is_some())
}

fn has_roster(model: &Model) -> bool {
    model.wizard.as_ref().is_some_and(|wizard| wizard.draft.is_some())
}

fn has_sheets(model: &Model) -> bool {
    let draft = model.wizard.as_ref().and_then(|wizard| wizard.draft.as_ref());
    draft.is_some_and(|draft| draft.table().sheets.len() > 1)
}
