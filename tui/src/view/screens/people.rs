//! 机构 > 设备与人员: who asks, invitations, devices with their people, and what was kept apart.

use onex_crdt::document::Write;
use onex_crdt::header::DOCUMENT_KINDS;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::records::membership::DEVICE_ADOPT;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_node::api::{Asking, DeviceRow, InvitationRow, Quarantined};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::form::FormState;
use crate::core::model::Model;
use crate::core::people::{PeoplePage, written_records};
use crate::i18n::Lang;
use crate::view::screens::sync::{Entry as Line, draw_entries};
use crate::view::text::{Pen, cut, fit};
use crate::view::theme::{Mark, Role};
use crate::view::words;

/// Draws the page; the cursor stands on the marked entry.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let Some(page) = &model.people else {
        Pen::new(buffer, area).write(&look.tr("notice-reading", &[]), look.style(Role::Plain));
        return None;
    };
    draw_entries(model, lines(model, page, area.width), model.people_at, area, buffer)
}

fn lines(model: &Model, page: &PeoplePage, width: u16) -> Vec<Line> {
    let look = model.look;
    let mut lines: Vec<Line> = Vec::new();
    if model.me().is_some_and(|me| !me.device_active) {
        lines.extend(removed(model));
    }
    let is_hub = model.me().is_some_and(|me| me.org_role == OrgRole::Hub);
    if is_hub && model.status.as_ref().is_some_and(|status| status.health.restored) {
        lines.push((look.tr("people-restored", &[]), Role::Attention, None));
        lines.push((String::new(), Role::Plain, None));
    }
    let mut entries = 0..;
    let mut section = |id: &str, none: Option<&str>, rows: Vec<(String, Role)>| {
        if lines.last().is_some_and(|(text, ..)| !text.is_empty()) {
            lines.push((String::new(), Role::Plain, None));
        }
        lines.push((look.tr(id, &[]), Role::Heading, None));
        if let Some(none) = none.filter(|_| rows.is_empty()) {
            lines.push((look.tr(none, &[]), Role::Plain, None));
        }
        lines.extend(rows.into_iter().map(|(text, role)| {
            let is_head = role == Role::Heading;
            (text, role, if is_head { None } else { entries.next() })
        }));
    };
    if !page.asking.is_empty() {
        let asking = page.asking.iter().map(|it| (asking(model, it), Role::Attention));
        section("people-asking", None, asking.collect());
    }
    let invitations = page.invitations.iter();
    let invitations = invitations.map(|it| (invitation(model, it), Role::Plain));
    section("people-invitations", Some("people-no-invitations"), invitations.collect());
    section("people-devices", Some("people-no-devices"), devices(model, page, width));
    let held = page.held.iter().map(|held| (kept_apart(model, held), Role::Attention));
    section("people-held", Some("people-no-held"), held.collect());
    lines
}

/// Who asks to be let in, with the digits that are compared.
pub fn asking(model: &Model, asking: &Asking) -> String {
    let org = words::name(model, asking.org_id.into());
    format!("{org}  {}  {}", asking.person, asking.digits)
}

/// What a person reads at a device that was removed.
pub fn removed(model: &Model) -> Vec<Line> {
    let look = model.look;
    vec![
        (look.tr("people-removed", &[]), Role::Problem, None),
        (look.tr("people-removed-do", &[]), Role::Plain, None),
        (String::new(), Role::Plain, None),
    ]
}

fn invitation(model: &Model, invitation: &InvitationRow) -> String {
    let org = words::name(model, invitation.org_id.into());
    let address = invitation.address.clone().unwrap_or_else(|| "-".into());
    let args = [
        ("org", org.as_str().into()),
        ("code", invitation.code.as_str().into()),
        ("address", address.as_str().into()),
        ("day", invitation.expires_on.as_str().into()),
    ];
    model.look.tr("people-invitation", &args)
}

/// The devices; at the hub each organisation has its name above them.
fn devices(model: &Model, page: &PeoplePage, width: u16) -> Vec<(String, Role)> {
    let several = page.devices.iter().any(|device| device.org_id != page.devices[0].org_id);
    let mut rows = Vec::new();
    let mut above = None;
    for row in &page.devices {
        if several && above != Some(row.org_id) {
            above = Some(row.org_id);
            rows.push((words::name(model, row.org_id.into()), Role::Heading));
        }
        let role = if row.active { Role::Plain } else { Role::Rule };
        rows.push((device(model, row, width), role));
    }
    rows
}

fn device(model: &Model, device: &DeviceRow, width: u16) -> String {
    let look = model.look;
    let role = |role: &PersonRole| {
        let choice = &PersonRole::CHOICES[*role as usize];
        if look.lang == Lang::Zh { choice.zh } else { choice.en }
    };
    let person = |(name, roles): &(String, Vec<PersonRole>)| {
        let roles: Vec<&str> = roles.iter().map(role).collect();
        match roles.is_empty() {
            true => name.clone(),
            false => format!("{name}({})", roles.join("/")),
        }
    };
    let persons: Vec<String> = device.persons.iter().map(person).collect();
    let (mark, state) = match device.active {
        true => (Mark::Good, "people-active"),
        false => (Mark::Absent, "people-gone"),
    };
    let own = model.me().is_some_and(|me| me.device == device.id);
    let seen = match (own, device.last_sync) {
        (true, _) => look.tr("people-here", &[]),
        (false, Some(at)) => words::moment(at),
        (false, None) => look.tr("sync-never", &[]),
    };
    let id = device.id.short();
    let room = width.saturating_sub(OTHER_COLUMNS).max(PERSONS_MIN);
    let persons = fit(&cut(&persons.join(" "), room), room);
    format!("{} {id}  {persons} {}  {seen}", mark.glyph(), look.tr(state, &[]))
}

fn kept_apart(model: &Model, held: &Quarantined) -> String {
    let look = model.look;
    let reason = look.tr(&format!("held-{}", held.reason), &[]);
    let (who, what) = (writer(model, held), content(model, held));
    let at = words::moment(held.received_at);
    format!("{reason}  {who}  {what}  {at}")
}

/// Who wrote what was kept apart, else who sent it.
fn writer(model: &Model, held: &Quarantined) -> String {
    match (&held.person, held.device) {
        (Some(person), Some(device)) => format!("{person} {}", device.short()),
        _ => {
            let from = held.received_from.short();
            model.look.tr("people-kept-from", &[("device", from.as_str().into())])
        }
    }
}

/// What was kept apart in a few words: the first record with the fields that would be written.
fn content(model: &Model, held: &Quarantined) -> String {
    let records = written_records(&held.writes);
    let Some((kind, id)) = records.first() else {
        // Whoever sent it may have named any kind.
        let kind = DOCUMENT_KINDS.iter().find(|kind| kind.key == held.document_kind);
        return model.look.tr(&format!("document-{}", kind.map_or("other", |kind| kind.key)), &[]);
    };
    let first = record(model, &held.writes, kind, *id);
    if records.len() == 1 {
        return first;
    }
    let args = [("first", first.as_str().into()), ("count", (records.len() as u64).into())];
    model.look.tr("people-kept-more", &args)
}

fn record(model: &Model, writes: &[Write], kind: &'static RecordKind, id: RecordId) -> String {
    let look = model.look;
    let called = if look.lang == Lang::Zh { kind.zh } else { kind.en };
    let made = writes.iter().find_map(|write| match write {
        Write::Create { kind: of, id: made, fields } if (*of, *made) == (kind, id) => Some(fields),
        _ => None,
    });
    if let Some(fields) = made {
        let row = Row { id, fields: fields.clone(), ..Row::default() };
        return format!("{called} {}", words::title(model, kind, &row));
    }
    let keys = fields_of(writes, id).map(|(key, _)| words::label(look.lang, kind, key));
    let keys: Vec<String> = keys.collect();
    format!("{called} {}：{}", words::name(model, id), keys.join("、"))
}

/// The fields of a record that are written, with their values.
fn fields_of(writes: &[Write], record: RecordId) -> impl Iterator<Item = (&str, Option<&Value>)> {
    writes.iter().flat_map(move |write| match write {
        Write::Create { id, fields, .. } if *id == record => {
            fields.iter().map(|(key, value)| (key.as_str(), Some(value))).collect()
        }
        Write::Set { id, key, value, .. } if *id == record => vec![(key.as_str(), value.as_ref())],
        Write::Register { id, key, value, .. } if *id == record => vec![(*key, value.as_ref())],
        _ => Vec::new(),
    })
}

/// What a form about a device or about what was kept apart says of it: whose it is, and what
/// adopting it would write.
pub fn about(model: &Model, form: &FormState) -> Option<(String, Vec<String>)> {
    let id = form.preset_text("id").or(form.preset_text("device"))?;
    let page = model.people.as_ref().filter(|_| model.people_open);
    match form.action.id {
        action if action == DEVICE_ADOPT.id => {
            let held = page?.held.iter().find(|held| held.id.to_string() == id)?;
            let mut lines = Vec::new();
            for (kind, id) in written_records(&held.writes) {
                lines.push(record(model, &held.writes, kind, id));
                lines.extend(fields_of(&held.writes, id).map(|(key, value)| {
                    let label = words::label(model.look.lang, kind, key);
                    format!("  {label}  {}", words::changed(model, kind, key, value))
                }));
            }
            let acts = held.writes.iter().filter_map(|write| match write {
                Write::Act(act) => Some(words::action(model.look, &act.kind)),
                _ => None,
            });
            lines.extend(acts);
            lines.truncate(CONTENT_LINES_MAX);
            Some((writer(model, held), lines))
        }
        _ => {
            let devices = page.map(|page| &page.devices);
            let devices = devices.or(model.page.as_ref().map(|page| &page.devices))?;
            let device = devices.iter().find(|device| device.id.to_string() == id)?;
            let persons: Vec<&str> = device.persons.iter().map(|(name, _)| name.as_str()).collect();
            Some((format!("{} {}", persons.join(" "), device.id.short()), Vec::new()))
        }
    }
}

/// Lines of what would be written: the form has room for its field below them.
const CONTENT_LINES_MAX: usize = 9;
/// Cells of a device's line that are not its people's.
const OTHER_COLUMNS: u16 = 38;
const PERSONS_MIN: u16 = 12;
