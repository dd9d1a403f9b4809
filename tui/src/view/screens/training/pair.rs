//! Two records of one person side by side: which one is kept.

use onex_crdt::ids::RecordId;
use onex_crdt::record::{FieldDef, Record, Row};
use onex_crdt::records::learner::Learner;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::model::Model;
use crate::core::training::LearnerPage;
use crate::view::screens::{below, draw_text};
use crate::view::text::{Pen, put, wrap};
use crate::view::theme::{HERE, Mark, Role};
use crate::view::words;

/// Draws both; the kept one has the mark.
pub fn draw(
    model: &Model,
    ids: [RecordId; 2],
    kept: usize,
    scroll: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let look = model.look;
    let pair = model.training.pair.as_ref();
    let is_here = |pair: &&[LearnerPage; 2]| pair.each_ref().map(|page| page.history.row.id) == ids;
    let Some(pair) = pair.filter(is_here) else {
        draw_text(&[(look.tr("notice-reading", &[]), Role::Plain)], 0, area, buffer, model);
        return;
    };
    let heading = format!(" {}", look.tr("pair-title", &[]));
    put(buffer, Rect { height: area.height.min(1), ..area }, &heading, look.style(Role::Heading));
    let effect = wrap(&look.tr("pair-effect", &[]), area.width.saturating_sub(2));
    let mut foot = area.rows().rev();
    for line in effect.iter().rev() {
        if let Some(place) = foot.next() {
            put(buffer, place, &format!(" {line}"), look.style(Role::Plain));
        }
    }
    let foot_rows = u16::try_from(effect.len()).unwrap_or(0);
    let inside = below(area, 2);
    let inside = Rect { height: inside.height.saturating_sub(foot_rows + 1), ..inside };
    let lines = lines(model, pair);
    let last = lines.len().saturating_sub(usize::from(inside.height).saturating_sub(1));
    let mut places = inside.rows();
    if let Some(place) = places.next() {
        draw_line(model, &titles(model, kept), kept, Role::Heading, place, buffer);
    }
    for ((texts, role), place) in lines.iter().skip(scroll.min(last)).zip(places) {
        draw_line(model, texts, kept, *role, place, buffer);
    }
}

fn titles(model: &Model, kept: usize) -> [String; 3] {
    let title = |at| model.look.tr(if at == kept { "pair-kept" } else { "pair-other" }, &[]);
    [String::new(), title(0), title(1)]
}

/// Label and both values of each field that one of them has; those that differ are marked.
fn lines(model: &Model, pair: &[LearnerPage; 2]) -> Vec<([String; 3], Role)> {
    let look = model.look;
    let [one, other] = pair.each_ref().map(|page| &page.history.row);
    let mut lines = Vec::new();
    for field in Learner::KIND.fields {
        let (left, right) = (one.fields.get(field.key), other.fields.get(field.key));
        if left.is_none() && right.is_none() {
            continue;
        }
        let differs = left != right;
        let sign = if differs { Mark::Attention.glyph() } else { " " };
        let label = format!("{sign} {}", words::label(look.lang, Learner::KIND, field.key));
        let role = if differs { Role::Attention } else { Role::Plain };
        lines.push(([label, shown(model, field, one), shown(model, field, other)], role));
    }
    let label = format!("  {}", look.tr("learner-classes", &[]));
    let classes = pair.each_ref().map(|page| {
        let names = page.places.iter().map(|place| words::name_at(model, place, "class_id"));
        names.collect::<Vec<_>>().join(" ")
    });
    let [left, right] = classes;
    lines.push(([label, left, right], Role::Plain));
    lines
}

/// A name is shown whole: it is what is compared.
fn shown(model: &Model, field: &FieldDef, row: &Row) -> String {
    match (field.key, row.fields.get(field.key)) {
        ("name", _) => row.text("name").unwrap_or_default().to_owned(),
        (_, Some(value)) => words::value(model, field, value),
        (_, None) => "-".to_owned(),
    }
}

fn draw_line(
    model: &Model,
    texts: &[String; 3],
    kept: usize,
    role: Role,
    place: Rect,
    buffer: &mut Buffer,
) {
    let look = model.look;
    let width = place.width.saturating_sub(LABEL_WIDTH) / 2;
    let mut pen = Pen::new(buffer, place);
    pen.write_fit(&texts[0], LABEL_WIDTH, look.style(role));
    for (at, text) in texts[1..].iter().enumerate() {
        let here = if at == kept { HERE } else { " " };
        let role = if at == kept { Role::Accent } else { role };
        pen.write_fit(&format!("{here} {text}"), width, look.style(role));
    }
}

const LABEL_WIDTH: u16 = 20;
