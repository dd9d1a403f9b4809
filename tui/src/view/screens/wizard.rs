//! The import of a roster: file or paste, columns, rows with what is wrong, what will be saved.
//!
//! The person's own file is shown whole: what is masked cannot be mended.

mod rows;

use onex_node::import::Draft;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::load::roster::NoRoster;
use crate::core::model::Model;
use crate::core::problem::mark_word;
use crate::core::wizard::{Step, Wizard};
use crate::view::frame::draw_rule;
use crate::view::input::draw_input;
use crate::view::popup::{centred, draw_box, first_shown};
use crate::view::screens::{below, jobs};
use crate::view::text::{Pen, fit, put, wrap};
use crate::view::theme::{HERE, Mark, Role};

/// Draws the step where the person stands.
pub fn draw(model: &Model, wizard: &Wizard, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    heading(model, wizard, area, buffer);
    let area = below(area, 2);
    let Some(draft) = wizard.draft.as_ref().filter(|_| wizard.step != Step::Source) else {
        return source(model, wizard, area, buffer);
    };
    match wizard.step {
        Step::Source | Step::Columns => columns(model, wizard, draft, area, buffer),
        Step::Rows => rows::draw(model, wizard, draft, area, buffer),
        Step::Summary => {
            summary(model, wizard, draft, area, buffer);
            None
        }
    }
}

/// What is imported from where, and the four steps.
fn heading(model: &Model, wizard: &Wizard, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let kind = wizard.roster.kind();
    let what = if look.lang == crate::i18n::Lang::Zh { kind.zh } else { kind.en };
    let name = if wizard.draft.is_some() && wizard.name.is_empty() {
        look.tr("import-pasted", &[])
    } else {
        wizard.name.clone()
    };
    let args = [("what", what.into()), ("name", name.as_str().into())];
    put(
        buffer,
        top(area),
        &format!(" {}", look.tr("import-heading", &args)),
        look.style(Role::Heading),
    );
    let mut pen = Pen::new(buffer, top(below(area, 1)));
    for (number, step) in (1u64..).zip(Step::ALL) {
        let id = match step {
            Step::Source => "import-step-source",
            Step::Columns => "import-step-columns",
            Step::Rows => "import-step-rows",
            Step::Summary => "import-step-summary",
        };
        let role = if step == wizard.step { Role::Accent } else { Role::Plain };
        let here = if step == wizard.step { HERE } else { " " };
        pen.write(&format!(" {here}{number} {} ", look.tr(id, &[])), look.style(role));
    }
}

fn source(model: &Model, wizard: &Wizard, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let area = below(area, 1);
    if let Some(pasted) = &wizard.pasted {
        return paste_field(model, pasted, area, buffer);
    }
    let mut pen = Pen::new(buffer, top(area));
    pen.write(&format!(" {} ", look.tr("import-file", &[])), look.style(Role::Plain));
    pen.write("▏", look.style(Role::Accent));
    let field = Rect { x: pen.x(), width: pen.room(), ..top(area) };
    let cursor = draw_input(&wizard.path, field, buffer, look.style(Role::Plain));
    let mut area = below(area, 1);
    let said = match wizard.failed {
        _ if wizard.reading => Some((look.tr("import-reading", &[]), Mark::Working)),
        Some(why) => Some((no_roster(model, why), Mark::Problem)),
        None => None,
    };
    if let Some((text, mark)) = &said {
        let text = format!(" {} {text}", mark.glyph());
        area = paragraph(model, &text, mark.role(), area, buffer);
    }
    let how = wrap(&look.tr("import-how", &[]), area.width.saturating_sub(2));
    let how_rows = u16::try_from(how.len() + 1).unwrap_or(u16::MAX);
    let list = Rect { height: area.height.saturating_sub(how_rows), ..area };
    let shown = wizard.shown();
    if shown.is_empty() && said.is_none() {
        let id = if wizard.folder.is_some() { "import-no-entries" } else { "notice-reading" };
        put(buffer, top(list), &format!("   {}", look.tr(id, &[])), look.style(Role::Plain));
    }
    let first = first_shown(wizard.entry, shown.len(), list.height);
    for (line, at) in list.rows().zip(first..shown.len()) {
        let entry = shown[at];
        let (here, role) =
            if at == wizard.entry { (HERE, Role::Selected) } else { (" ", Role::Plain) };
        let end = if entry.is_folder { crate::core::wizard::SEPARATOR } else { "" };
        put(buffer, line, &format!(" {here} {}{end}", entry.name), look.style(role));
    }
    let foot = below(area, list.height + 1);
    for (line, place) in how.iter().zip(foot.rows()) {
        put(buffer, place, &format!(" {line}"), look.style(Role::Plain));
    }
    cursor
}

/// Why there is no roster, and what to do.
fn no_roster(model: &Model, why: NoRoster) -> String {
    let look = model.look;
    match why {
        NoRoster::Folder => look.tr("import-no-folder", &[]),
        NoRoster::File => look.tr("import-no-file", &[]),
        NoRoster::Unusable(unusable) => {
            let words = unusable.words(look.lang);
            let args = [("what", words.what.as_str().into()), ("next", words.next.as_str().into())];
            look.tr("import-failed", &args)
        }
    }
}

/// The field for a pasted table: its last lines, and how many there are.
fn paste_field(model: &Model, pasted: &str, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let lines: Vec<&str> = pasted.split('\n').collect();
    let args = [("count", (lines.len() as u64).into())];
    let area = paragraph(
        model,
        &format!(" {}", look.tr("import-paste-how", &args)),
        Role::Plain,
        area,
        buffer,
    );
    draw_rule(top(area), buffer, look);
    let field = below(area, 1);
    let room = usize::from(field.height).max(1);
    let first = lines.len().saturating_sub(room);
    let mut cursor = None;
    for (line, place) in lines[first..].iter().zip(field.rows()) {
        let mut pen = Pen::new(buffer, place);
        pen.write(&format!(" {}", line.replace('\t', "  ")), look.style(Role::Plain));
        cursor = Some(Position::new(pen.x().min(place.right().saturating_sub(1)), place.y));
    }
    cursor
}

fn columns(
    model: &Model,
    wizard: &Wizard,
    draft: &Draft,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let look = model.look;
    let sheet = &draft.table().sheets[draft.sheet()].name;
    let unknown = draft.unknown_columns().len() as u64;
    let args = [
        ("sheet", sheet.as_str().into()),
        ("rows", (draft.rows().len() as u64).into()),
        ("unknown", unknown.into()),
    ];
    let id = if sheet.is_empty() { "import-columns" } else { "import-columns-sheet" };
    put(buffer, top(below(area, 1)), &format!(" {}", look.tr(id, &args)), look.style(Role::Plain));
    let area = below(area, 2);
    let width = area.width / 3;
    let titles = ["import-column", "import-example", "import-field"].map(|id| look.tr(id, &[]));
    let titles: Vec<String> =
        titles.iter().map(|title| fit(title, width.saturating_sub(2))).collect();
    put(buffer, top(area), &format!("   {}", titles.join(" ")), look.style(Role::Heading));
    let list = below(area, 1);
    let columns = draft.columns();
    let first = first_shown(wizard.at, columns.len(), list.height);
    let mut cursor = None;
    for (line, at) in list.rows().zip(first..columns.len()) {
        let column = &columns[at];
        let (mark, field) = match column.target {
            Some(target) => (Mark::Good, field_name(model, target.field)),
            None if column.ignored => (Mark::Absent, look.tr("import-ignored", &[])),
            None => (Mark::Attention, look.tr("import-unknown", &[])),
        };
        let example = (0..draft.rows().len()).map(|row| draft.text(row, at));
        let example = example.take(EXAMPLES).find(|text| !text.is_empty()).unwrap_or_default();
        let is_marked = at == wizard.at;
        let (here, role) = if is_marked { (HERE, Role::Selected) } else { (" ", Role::Plain) };
        let cell = width.saturating_sub(2);
        let text = format!(" {here} {} {} ", fit(&column.header, cell), fit(&example, cell));
        put(buffer, line, "", look.style(role));
        let mut pen = Pen::new(buffer, line);
        pen.write(&text, look.style(role));
        let style = look.style(mark.role());
        let style = if is_marked { style.patch(look.style(role)) } else { style };
        pen.write(&format!("{} {field}", mark.glyph()), style);
        if is_marked {
            cursor = Some(line.as_position());
        }
    }
    match wizard.choice {
        Some(choice) => targets(model, draft, choice, buffer),
        None => cursor,
    }
}

/// The list of fields that a column may be.
fn targets(model: &Model, draft: &Draft, choice: usize, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let mut names = vec![look.tr("import-nothing", &[])];
    names.extend(draft.targets().iter().map(|target| field_name(model, target.field)));
    let wanted = u16::try_from(names.len() + 2).unwrap_or(u16::MAX);
    let window =
        centred(buffer.area, TARGETS_WIDTH, wanted.min(buffer.area.height.saturating_sub(4)));
    let inside = draw_box(window, &look.tr("import-field", &[]), buffer, look);
    let first = first_shown(choice, names.len(), inside.height);
    let mut cursor = None;
    for (line, at) in inside.rows().zip(first..names.len()) {
        let (here, role) = if at == choice { (HERE, Role::Selected) } else { (" ", Role::Plain) };
        put(buffer, line, &format!("{here} {}", names[at]), look.style(role));
        if at == choice {
            cursor = Some(line.as_position());
        }
    }
    cursor
}

/// What will be saved, what was put right, and that it can be undone.
fn summary(model: &Model, wizard: &Wizard, draft: &Draft, area: Rect, buffer: &mut Buffer) {
    let look = model.look;
    let mut area = below(area, 1);
    put(buffer, top(area), &format!(" {}", tally(model, wizard, draft)), look.style(Role::Heading));
    area = below(area, 2);
    let job = model.jobs.all().iter().find(|job| Some(job.id) == wizard.job);
    if let Some(job) = job.filter(|job| job.ended.is_none()) {
        let text = format!(" {} {}", Mark::Working.glyph(), jobs::progress(model, job));
        area = paragraph(model, &text, Role::Accent, area, buffer);
    }
    let tally = draft.tally();
    let mut texts = vec![(look.tr("import-save-how", &[]), Role::Plain)];
    if tally.rejected > 0 {
        let count = [("count", (tally.rejected as u64).into())];
        texts.push((look.tr("import-rejected-how", &count), Role::Attention));
    }
    for (text, role) in texts {
        area = paragraph(model, &format!(" {text}"), role, area, buffer);
    }
    let mut counts: std::collections::BTreeMap<_, u64> = std::collections::BTreeMap::new();
    for warning in draft.warnings() {
        *counts.entry(warning.code).or_default() += 1;
    }
    if counts.is_empty() {
        return;
    }
    put(
        buffer,
        top(area),
        &format!(" {}", look.tr("import-noted", &[])),
        look.style(Role::Heading),
    );
    for ((code, count), line) in counts.into_iter().zip(below(area, 1).rows()) {
        let text = mark_word(look.lang, code);
        let args = [("count", count.into()), ("what", text.as_str().into())];
        put(
            buffer,
            line,
            &format!("   {}", look.tr("import-noted-times", &args)),
            look.style(Role::Plain),
        );
    }
}

/// `42 新增 · 2 更新 · 1 没有保存`.
fn tally(model: &Model, wizard: &Wizard, draft: &Draft) -> String {
    let tally = draft.tally();
    let done = wizard.done.len();
    let left_out = draft.rows().len().saturating_sub(tally.rows + done) as u64;
    let args = [
        ("added", (tally.added as u64).into()),
        ("updated", (tally.updated as u64).into()),
        ("rejected", (tally.rejected as u64).into()),
        ("out", left_out.into()),
        ("done", (done as u64).into()),
    ];
    let mut text = model.look.tr("import-tally", &args);
    for (id, count) in [("import-tally-out", left_out), ("import-tally-done", done as u64)] {
        if count > 0 {
            text += " ";
            text += &model.look.tr(id, &args);
        }
    }
    text
}

fn field_name(model: &Model, field: &onex_crdt::record::FieldDef) -> String {
    if model.look.lang == crate::i18n::Lang::Zh { field.zh } else { field.en }.to_owned()
}

fn paragraph(model: &Model, text: &str, role: Role, area: Rect, buffer: &mut Buffer) -> Rect {
    let lines = wrap(text, area.width.saturating_sub(2));
    for (line, place) in lines.iter().zip(area.rows()) {
        put(buffer, place, &format!(" {line}"), model.look.style(role));
    }
    below(area, u16::try_from(lines.len() + 1).unwrap_or(u16::MAX))
}

fn top(area: Rect) -> Rect {
    Rect { height: area.height.min(1), ..area }
}

/// Rows that are looked at for an example.
const EXAMPLES: usize = 20;
const TARGETS_WIDTH: u16 = 44;
