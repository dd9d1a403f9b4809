//! 机构: the directory, and one organisation with its contacts, devices and roles.

use onex_crdt::field::show;
use onex_crdt::record::{FieldDef, Record, Row as Org};
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::roles::PersonRole;
use onex_node::api::DeviceRow;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::load::OrganisationPage;
use crate::core::model::Model;
use crate::i18n::Lang;
use crate::view::empty::EmptyState;
use crate::view::screens::lists::{column, draw_bars, draw_list};
use crate::view::screens::{below, draw_text, split};
use crate::view::table::{Align, Cell, ColumnWidth, Keep};
use crate::view::text::put;
use crate::view::theme::{HERE, Mark, Role};
use crate::view::words;

/// Draws the directory, or the organisation that is open.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if model.page_open {
        draw_page(model, area, buffer);
        return None;
    }
    let look = model.look;
    let heading = look.tr("directory-heading", &[]);
    put(
        buffer,
        Rect { height: area.height.min(1), ..area },
        &format!(" {heading}"),
        look.style(Role::Heading),
    );
    let (area, right) = split(model, below(area, 1), buffer);
    let (area, find) = draw_bars(model, &model.directory, area, buffer);
    if let Some(right) = right {
        draw_page(model, right, buffer);
    }
    if model.directory.rows.is_some() && model.directory.total() == 0 {
        let (title, reason) = (look.tr("directory-none", &[]), look.tr("directory-none-why", &[]));
        EmptyState { title: &title, reason: &reason, choices: &[], selected: 0 }
            .draw(area, buffer, look);
        return find;
    }
    let column = |of, width, keep| column(model, &model.directory, of, width, Align::Left, keep);
    let columns = [
        column(("column-organisation", "name"), ColumnWidth::AtLeast(24), Keep::Always),
        column(("column-code", "short_code"), ColumnWidth::Fixed(6), Keep::Always),
        column(("column-role", "role"), ColumnWidth::Fixed(14), Keep::Always),
        column(("column-region", "region_code"), ColumnWidth::Fixed(12), Keep::IfRoom),
        column(("column-state", "state"), ColumnWidth::Fixed(10), Keep::Always),
    ];
    let row = draw_list(model, &model.directory, &columns, area, buffer, |row| cells(model, row));
    find.or(row)
}

fn cells(model: &Model, row: &Org) -> Vec<Cell> {
    let shown = |key: &str| match (Organisation::KIND.field(key), row.fields.get(key)) {
        (Some(field), Some(value)) => words::value(model, field, value),
        _ => String::new(),
    };
    let place =
        if row.fields.contains_key("reporting_unit") { "reporting_unit" } else { "region_code" };
    let mark = if row.state() == Some("active") { Mark::Good } else { Mark::Attention };
    let state = words::state(model.look, Organisation::KIND, row);
    let texts = [shown("name"), shown("short_code"), shown("role"), shown(place)];
    let mut cells: Vec<Cell> = texts.iter().map(|text| Cell::from(text.as_str())).collect();
    cells.push(Cell { mark: Some(mark), text: state });
    cells
}

fn draw_page(model: &Model, area: Rect, buffer: &mut Buffer) {
    let wanted = if model.page_open { None } else { model.directory.current().map(|row| row.id) };
    let page = model.page.as_ref().filter(|page| wanted.is_none_or(|id| page.row.id == id));
    let lines = match page {
        Some(page) => page_text(model, page),
        None if model.directory.total() == 0 && !model.page_open => Vec::new(),
        None => vec![(model.look.tr("notice-reading", &[]), Role::Plain)],
    };
    draw_text(&lines, 0, area, buffer, model);
}

fn page_text(model: &Model, page: &OrganisationPage) -> Vec<(String, Role)> {
    let look = model.look;
    let mut lines = vec![(words::title(model, Organisation::KIND, &page.row), Role::Heading)];
    for field in Organisation::KIND.fields.iter().filter(|field| field.key != "name") {
        if let Some(value) = page.row.fields.get(field.key) {
            let label = words::label(look.lang, Organisation::KIND, field.key);
            lines.push((format!("{label}  {}", words::value(model, field, value)), Role::Plain));
        }
    }
    lines.push((String::new(), Role::Plain));
    lines.push((look.tr("page-contacts", &[]), Role::Heading));
    if page.contacts.is_empty() {
        lines.push((look.tr("page-no-contacts", &[]), Role::Plain));
    }
    for (at, contact) in page.contacts.iter().enumerate() {
        let is_marked = model.page_open && at == model.contact_at;
        let here = if is_marked { HERE } else { " " };
        let role = if is_marked { Role::Selected } else { Role::Plain };
        lines.push((format!("{here} {}", contact_text(model, contact)), role));
    }
    lines.push((String::new(), Role::Plain));
    lines.push((look.tr("page-devices", &[]), Role::Heading));
    if page.devices.is_empty() {
        lines.push((look.tr("page-no-devices", &[]), Role::Plain));
    }
    lines.extend(page.devices.iter().map(|device| (device_text(model, device), Role::Plain)));
    lines
}

/// A contact whole: whoever opens an organisation wants to call somebody.
fn contact_text(model: &Model, contact: &Org) -> String {
    let shown = |field: &FieldDef| {
        let value = contact.fields.get(field.key)?;
        Some(show(&field.ty.shape, value, model.look.lang == Lang::Zh))
    };
    let keys = ["name", "duty", "post", "phone", "email"];
    let fields = keys.iter().filter_map(|key| Contact::KIND.field(key).and_then(shown));
    let confirmed = contact
        .text("confirmed_on")
        .map(|day| model.look.tr("page-confirmed", &[("day", day.into())]));
    fields.chain(confirmed).collect::<Vec<_>>().join("  ")
}

fn device_text(model: &Model, device: &DeviceRow) -> String {
    let look = model.look;
    let role = |role: &PersonRole| {
        let choice = &PersonRole::CHOICES[*role as usize];
        if look.lang == Lang::Zh { choice.zh } else { choice.en }
    };
    let persons: Vec<String> = device
        .persons
        .iter()
        .map(|(name, roles)| {
            format!("{name}({})", roles.iter().map(role).collect::<Vec<_>>().join("/"))
        })
        .collect();
    let mark = if device.active { Mark::Good } else { Mark::Absent };
    let seen = device.last_sync.map(words::moment).unwrap_or_default();
    let id = device.id.short();
    format!("{} {id}  {}  {seen}", mark.glyph(), persons.join(" "))
}
