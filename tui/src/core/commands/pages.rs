//! The entries of what every page shares and of the pages without a file of their own, and when
//! each can be done.

use onex_crdt::action::Action;
use onex_crdt::records::application::Outcome;
use onex_crdt::records::application::actions::{ADD, DECIDE, EDIT, SUBMIT, WITHDRAW};
use onex_crdt::records::{contact, learner, membership, organisation};
use onex_crdt::roles::OrgRole;
use onex_node::import::Roster;

use super::{At, Command, Does, act, decide, entry, keys, when};
use crate::core::form::{Left, Widget};
use crate::core::lock::{Asks, Lock};
use crate::core::model::{Model, Overlay, Screen, Welcome};
use crate::core::sheet::Sheet;
use crate::core::undo::TakeBack;

/// What can be done in the interface.
pub static COMMANDS: &[Command] = &[
    // Over everything.
    keys(&["Up"], 1, entry("palette-up", "cmd-up", At::Palette, Does::Move(-1))),
    keys(&["Down"], 2, entry("palette-down", "cmd-down", At::Palette, Does::Move(1))),
    keys(&["Enter"], 3, entry("palette-open", "cmd-do", At::Palette, Does::Open)),
    keys(
        &["Esc", "F10", "Ctrl+K"],
        4,
        entry("palette-close", "cmd-close", At::Palette, Does::Back),
    ),
    keys(&["Up"], 1, entry("help-up", "cmd-up", At::Help, Does::Move(-1))),
    keys(&["Down"], 2, entry("help-down", "cmd-down", At::Help, Does::Move(1))),
    keys(&["Esc", "F1", "Enter"], 3, entry("help-close", "cmd-close", At::Help, Does::Back)),
    keys(&["F3"], 4, entry("help-language", "cmd-language", At::Help, Does::Language)),
    keys(&["Up"], 1, entry("sheet-up", "cmd-up", At::Sheet, Does::Move(-1))),
    keys(&["Down"], 2, entry("sheet-down", "cmd-down", At::Sheet, Does::Move(1))),
    keys(
        &["Right", "Left"],
        3,
        when(sorts, entry("sheet-turn", "cmd-turn", At::Sheet, Does::Turn)),
    ),
    keys(&["Enter"], 4, entry("sheet-take", "cmd-take", At::Sheet, Does::Open)),
    keys(&["Esc"], 5, entry("sheet-close", "cmd-close", At::Sheet, Does::Back)),
    keys(&["Up"], 1, entry("jobs-up", "cmd-up", At::Jobs, Does::Move(-1))),
    keys(&["Down"], 2, entry("jobs-down", "cmd-down", At::Jobs, Does::Move(1))),
    keys(
        &["Delete", "F8"],
        3,
        when(can_stop, entry("jobs-stop", "cmd-stop-job", At::Jobs, Does::StopJob)),
    ),
    keys(&["Esc", "F12", "Ctrl+G"], 4, entry("jobs-close", "cmd-close", At::Jobs, Does::Back)),
    // Forms.
    keys(&["Up"], 1, entry("popup-up", "cmd-up", At::Popup, Does::Move(-1))),
    keys(&["Down"], 2, entry("popup-down", "cmd-down", At::Popup, Does::Move(1))),
    keys(&["Enter"], 3, entry("popup-take", "cmd-take", At::Popup, Does::Open)),
    keys(&["Esc", "F4", "Tab"], 4, entry("popup-close", "cmd-close", At::Popup, Does::Back)),
    keys(&["F2", "Ctrl+S"], 1, entry("form-send", "cmd-send", At::Form, Does::Send)),
    keys(&["Enter", "Tab", "Down"], 2, entry("form-next", "cmd-next", At::Form, Does::Move(1))),
    keys(&["Shift+Tab", "Up"], 3, entry("form-previous", "cmd-previous", At::Form, Does::Move(-1))),
    keys(
        &["F4", "Alt+Down", "Space"],
        4,
        when(has_choices, entry("form-choices", "cmd-choices", At::Form, Does::Choices)),
    ),
    keys(&["F8"], 6, when(is_restored, entry("form-anew", "cmd-form-anew", At::Form, Does::Swap))),
    keys(
        &["F8"],
        6,
        when(is_aside, entry("form-restore", "cmd-form-restore", At::Form, Does::Swap)),
    ),
    keys(&["PageDown"], 0, entry("form-page-down", "cmd-page-down", At::Form, Does::Pages(1))),
    keys(&["PageUp"], 0, entry("form-page-up", "cmd-page-up", At::Form, Does::Pages(-1))),
    keys(&["Esc"], 5, entry("form-leave", "cmd-leave-form", At::Form, Does::Back)),
    // A record in conflict.
    keys(&["Left"], 1, entry("settle-left", "cmd-side", At::Settle, Does::Side(-1))),
    keys(&["Right"], 1, entry("settle-right", "cmd-side", At::Settle, Does::Side(1))),
    keys(&["Up"], 2, entry("settle-up", "cmd-field", At::Settle, Does::Move(-1))),
    keys(&["Down"], 2, entry("settle-down", "cmd-field", At::Settle, Does::Move(1))),
    keys(&["Space"], 3, entry("settle-pick", "cmd-pick", At::Settle, Does::Pick)),
    keys(&["Enter"], 0, entry("settle-take", "cmd-pick-next", At::Settle, Does::Open)),
    keys(&["F2", "Ctrl+S"], 4, entry("settle-send", "cmd-settle", At::Settle, Does::Send)),
    keys(&["F4"], 5, entry("settle-other", "cmd-other-value", At::Settle, Does::Choices)),
    keys(&["F6"], 6, when(has_secret, entry("settle-whole", "cmd-whole", At::Settle, Does::Whole))),
    keys(&["F8", "Esc"], 7, entry("settle-later", "cmd-later", At::Settle, Does::Back)),
    keys(&["PageUp"], 0, entry("settle-before", "cmd-record-before", At::Settle, Does::Beside(-1))),
    keys(&["PageDown"], 0, entry("settle-after", "cmd-record-after", At::Settle, Does::Beside(1))),
    // What an undoing left alone.
    keys(&["Up"], 1, entry("undo-up", "cmd-choose", At::Undo, Does::Move(-1))),
    keys(&["Down"], 1, entry("undo-down", "cmd-choose", At::Undo, Does::Move(1))),
    keys(&["Space"], 2, entry("undo-tick", "cmd-undo-also", At::Undo, Does::Pick)),
    keys(&["F2", "Ctrl+S"], 3, entry("undo-send", "cmd-undo-ticked", At::Undo, Does::Send)),
    keys(&["Esc", "F8"], 4, entry("undo-leave", "cmd-undo-leave", At::Undo, Does::Back)),
    // First use.
    keys(
        &["Up"],
        2,
        when(has_roles, entry("welcome-up", "cmd-choose", At::Welcome, Does::Move(-1))),
    ),
    keys(
        &["Down"],
        2,
        when(has_roles, entry("welcome-down", "cmd-choose", At::Welcome, Does::Move(1))),
    ),
    keys(
        &["Enter"],
        1,
        when(goes_on, entry("welcome-next", "cmd-next-step", At::Welcome, Does::Open)),
    ),
    keys(&["Enter"], 1, when(unlocks, entry("lock-open", "cmd-open", At::Welcome, Does::Open))),
    keys(
        &["F9"],
        3,
        when(is_first, entry("welcome-glyphs", "cmd-glyphs", At::Welcome, Does::Glyphs)),
    ),
    keys(&["Esc"], 4, when(goes_back, entry("welcome-back", "cmd-back", At::Welcome, Does::Back))),
    keys(&["Esc"], 4, when(unlocks, entry("lock-clear", "cmd-clear", At::Welcome, Does::Back))),
    // A search.
    keys(&["Enter"], 1, entry("find-keep", "cmd-find-keep", At::Find, Does::Open)),
    keys(&["Esc"], 2, entry("find-clear", "cmd-find-clear", At::Find, Does::Back)),
    // 今日
    keys(&["Enter"], 1, when(has_due, entry("today-open", "cmd-do", At::Today, Does::Open))),
    // 申报
    keys(&["Enter"], 1, entry("lines-open", "cmd-open", At::Lines, Does::Open)),
    keys(&["F6"], 3, act(&ADD, At::Lines, |model| model.may(&ADD))),
    keys(&["F7"], 4, act(&SUBMIT, At::Lines, |model| can(model, &SUBMIT))),
    keys(&["F8"], 5, act(&WITHDRAW, At::Lines, |model| can(model, &WITHDRAW))),
    act(&EDIT, At::Lines, |model| can(model, &EDIT)),
    keys(&["F6"], 3, decide(Outcome::Filed, At::Lines, can_decide)),
    keys(&["F7"], 4, decide(Outcome::Returned, At::Lines, can_decide)),
    keys(&["F8"], 5, decide(Outcome::Rejected, At::Lines, can_decide)),
    decide(Outcome::Withdrawn, At::Lines, can_grant),
    decide(Outcome::Cancelled, At::Lines, can_decide),
    // One line.
    keys(
        &["Enter"],
        1,
        when(|model| can(model, &EDIT), entry("line-edit", "cmd-edit", At::Line, Does::Open)),
    ),
    keys(&["Up"], 2, entry("line-up", "cmd-scroll", At::Line, Does::Move(-1))),
    keys(&["Down"], 2, entry("line-down", "cmd-scroll", At::Line, Does::Move(1))),
    keys(&["PageUp"], 0, entry("line-page-up", "cmd-page-up", At::Line, Does::Pages(-1))),
    keys(&["PageDown"], 0, entry("line-page-down", "cmd-page-down", At::Line, Does::Pages(1))),
    keys(&["F7"], 4, act(&SUBMIT, At::Line, |model| can(model, &SUBMIT))),
    keys(&["F8"], 5, act(&WITHDRAW, At::Line, |model| can(model, &WITHDRAW))),
    keys(&["F6"], 3, decide(Outcome::Filed, At::Line, can_decide)),
    keys(&["F7"], 4, decide(Outcome::Returned, At::Line, can_decide)),
    keys(&["F8"], 5, decide(Outcome::Rejected, At::Line, can_decide)),
    decide(Outcome::Withdrawn, At::Line, can_grant),
    decide(Outcome::Cancelled, At::Line, can_decide),
    // 机构
    keys(&["Enter"], 1, entry("directory-open", "cmd-open", At::Directory, Does::Open)),
    keys(&["F6"], 3, act(&organisation::ADD, At::Directory, |model| model.may(&organisation::ADD))),
    // From elsewhere by the palette.
    act(&organisation::ADD, At::Page, |model| {
        model.screen != Screen::Directory && model.may(&organisation::ADD)
    }),
    keys(
        &["F8"],
        4,
        when(can_invite, entry("directory-invite", "cmd-invite", At::Directory, Does::Invite)),
    ),
    keys(
        &["Enter"],
        1,
        when(
            |model| own_page(model) && can(model, &contact::EDIT),
            entry("contact-edit", "cmd-edit", At::Organisation, Does::Open),
        ),
    ),
    keys(
        &["F6"],
        3,
        act(&contact::ADD, At::Organisation, |model| own_page(model) && model.may(&contact::ADD)),
    ),
    keys(
        &["F7"],
        4,
        act(&contact::CONFIRM, At::Organisation, |model| {
            own_page(model) && can(model, &contact::CONFIRM)
        }),
    ),
    keys(
        &["F8"],
        5,
        when(can_invite, entry("page-invite", "cmd-invite", At::Organisation, Does::Invite)),
    ),
    // 同步, 设置
    keys(&["Enter"], 1, entry("sync-open", "cmd-do", At::Sync, Does::Open)),
    keys(&["Enter"], 1, entry("settings-open", "cmd-change", At::Settings, Does::Open)),
    keys(&["F9"], 3, entry("settings-glyphs", "cmd-glyphs", At::Settings, Does::Glyphs)),
    entry("settings-colours", "cmd-colours", At::Settings, Does::Colours),
    // Lists and pages.
    keys(&["Up"], 2, entry("list-up", "cmd-up", At::List, Does::Move(-1))),
    keys(&["Down"], 2, entry("list-down", "cmd-down", At::List, Does::Move(1))),
    keys(&["PageUp"], 0, entry("list-page-up", "cmd-page-up", At::List, Does::Pages(-1))),
    keys(&["PageDown"], 0, entry("list-page-down", "cmd-page-down", At::List, Does::Pages(1))),
    keys(&["Home"], 0, entry("list-home", "cmd-home", At::List, Does::Move(isize::MIN + 1))),
    keys(&["End"], 0, entry("list-end", "cmd-end", At::List, Does::Move(isize::MAX))),
    keys(&["/"], 7, when(finds, entry("list-find", "cmd-find", At::List, Does::Find))),
    keys(&["Space"], 0, when(has_list, entry("list-tick", "cmd-tick", At::List, Does::Tick))),
    keys(&["Ctrl+A"], 0, when(has_list, entry("list-all", "cmd-all", At::List, Does::TickAll))),
    keys(&["Ctrl+O", "s"], 0, when(has_list, entry("list-sort", "cmd-sort", At::List, Does::Sort))),
    keys(
        &["Ctrl+F", "f"],
        0,
        when(has_list, entry("list-filter", "cmd-filter", At::List, Does::Filter)),
    ),
    keys(
        &["Delete"],
        0,
        when(has_chips, entry("list-unchip", "cmd-unchip", At::List, Does::Unchip)),
    ),
    keys(&["1"], 0, entry("go-today", "screen-today", At::Page, Does::Go(Screen::Today))),
    keys(&["2"], 0, entry("go-lines", "screen-lines", At::Page, Does::Go(Screen::Lines))),
    keys(
        &["3"],
        0,
        when(
            has_training,
            entry("go-training", "screen-training", At::Page, Does::Go(Screen::Training)),
        ),
    ),
    keys(
        &["0"],
        0,
        entry("go-directory", "screen-directory", At::Page, Does::Go(Screen::Directory)),
    ),
    keys(&["-"], 0, entry("go-sync", "screen-sync", At::Page, Does::Go(Screen::Sync))),
    keys(&["="], 0, entry("go-settings", "screen-settings", At::Page, Does::Go(Screen::Settings))),
    keys(
        &["Ctrl+P"],
        0,
        when(can_import, entry("import", "cmd-import", At::Page, Does::Import(Roster::Learner))),
    ),
    keys(&["Ctrl+Z"], 0, entry("undo", "cmd-undo", At::Page, Does::TakeBack(TakeBack::Last))),
    keys(&["Ctrl+Y"], 0, entry("redo", "cmd-redo", At::Page, Does::TakeBack(TakeBack::Undoing))),
    keys(&["Esc"], 10, entry("back", "cmd-back", At::Page, Does::Back)),
    // Everywhere.
    keys(&["F1", "?"], 8, entry("help", "cmd-help", At::Anywhere, Does::Help)),
    keys(&["F10", "Ctrl+K", ":"], 9, entry("palette", "cmd-palette", At::Anywhere, Does::Palette)),
    keys(&["F12", "Ctrl+G"], 0, entry("jobs", "cmd-jobs", At::Anywhere, Does::Jobs)),
    keys(&["F3"], 0, entry("language", "cmd-language", At::Anywhere, Does::Language)),
    keys(
        &["Ctrl+R"],
        0,
        when(has_node, entry("sync-now", "cmd-sync", At::Anywhere, Does::SyncNow)),
    ),
    keys(&["Ctrl+L"], 0, entry("repaint", "cmd-repaint", At::Anywhere, Does::Repaint)),
    keys(&["Ctrl+Q"], 11, entry("quit", "cmd-quit", At::Anywhere, Does::Quit)),
    keys(&["Ctrl+C"], 0, entry("interrupt", "cmd-interrupt", At::Anywhere, Does::Interrupt)),
];

/// Whether an action can be taken on what is ticked, else on what is marked.
pub(super) fn can(model: &Model, action: &Action) -> bool {
    if let Some(list) = model.list().filter(|list| list.ticked() > 0) {
        return action.kind == Some(list.spec.kind) && model.may(action);
    }
    let Some(row) = model.subject_of(action) else { return false };
    let state = row.state().unwrap_or_default();
    (action.from.is_empty() || action.from.contains(&state)) && model.may(action)
}

fn can_decide(model: &Model) -> bool {
    can(model, &DECIDE)
}

fn can_grant(model: &Model) -> bool {
    let asked = |row: &onex_crdt::record::Row| row.text("pending_request") == Some("withdrawal");
    let ticks = model.list().is_some_and(|list| list.ticked() > 0);
    !ticks && can_decide(model) && model.subject().is_some_and(|(_, row)| asked(row))
}

fn own_page(model: &Model) -> bool {
    let own = model.me().map(|me| onex_crdt::ids::RecordId::from(me.org_id));
    model.page.as_ref().map(|page| page.row.id) == own
}

fn can_invite(model: &Model) -> bool {
    let row = match (model.page_open, &model.page) {
        (true, Some(page)) => Some(&page.row),
        _ => model.directory.current(),
    };
    let own = model.me().map(|me| onex_crdt::ids::RecordId::from(me.org_id));
    let of_hub = model.role() == Some(OrgRole::Hub);
    model.may(&membership::DEVICE_INVITE) && row.is_some_and(|row| of_hub || Some(row.id) == own)
}

fn finds(model: &Model) -> bool {
    model.list().is_some_and(|list| !list.finding)
}

fn has_choices(model: &Model) -> bool {
    let field = model.form.as_ref().and_then(|form| form.current());
    field.is_some_and(|field| !matches!(field.widget(), Widget::Text) || !field.ready.is_empty())
}

fn is_restored(model: &Model) -> bool {
    model.form.as_ref().is_some_and(|form| form.left == Left::Restored)
}

fn is_aside(model: &Model) -> bool {
    model.form.as_ref().is_some_and(|form| matches!(form.left, Left::Aside(_)))
}

fn can_stop(model: &Model) -> bool {
    let Some(Overlay::Jobs { selected }) = model.overlay else { return false };
    let job = model.jobs.all().get(selected);
    job.is_some_and(|job| job.can_stop && job.ended.is_none() && !job.is_stopping())
}

fn has_secret(model: &Model) -> bool {
    let fields = model.settle.iter().flat_map(|settle| {
        settle.fields.iter().filter_map(|field| settle.kind.field(&field.conflict.field))
    });
    fields.into_iter().any(|field| field.secret)
}

fn can_import(model: &Model) -> bool {
    model.may(&learner::actions::ADD)
}

fn has_due(model: &Model) -> bool {
    model.today.as_ref().is_some_and(|due| !due.is_empty())
}

fn has_list(model: &Model) -> bool {
    model.list().is_some()
}

fn has_chips(model: &Model) -> bool {
    model.list().is_some_and(|list| !list.chips.is_empty())
}

fn sorts(model: &Model) -> bool {
    matches!(model.overlay, Some(Overlay::Sheet(Sheet::Sort { .. })))
}

fn has_training(model: &Model) -> bool {
    model.screens().contains(&Screen::Training)
}

fn has_node(model: &Model) -> bool {
    model.welcome.is_none()
}

/// Whether the passphrase of keys that are there is asked for: there is nothing to go back to.
fn unlocks(model: &Model) -> bool {
    matches!(model.lock, Some(Lock { asks: Asks::Existing, is_tried: false, .. }))
}

fn goes_on(model: &Model) -> bool {
    match &model.lock {
        Some(lock) => lock.asks != Asks::Existing && !lock.is_tried,
        None => !matches!(model.welcome, Some(Welcome::Waiting(_))),
    }
}

/// Whether this is the first step of the first use.
fn is_first(model: &Model) -> bool {
    matches!(model.welcome, Some(Welcome::Keys))
}

fn goes_back(model: &Model) -> bool {
    goes_on(model) && !is_first(model)
}

fn has_roles(model: &Model) -> bool {
    matches!(model.welcome, Some(Welcome::Role { .. }))
}
