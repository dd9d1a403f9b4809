//! B12: the college's third laptop is lost. What it writes afterwards is kept apart, one item of
//! it is brought back, and what a colleague wrote on top of it stays.
//!
//! The laptop reaches two nodes that have not heard of its removal yet. Once they have, it takes
//! part no more and is none of the province's nodes; its folder stays.

use onex_crdt::ids::{DeviceId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::membership::DEVICE_ADOPT;
use onex_node::api::{Closed, Quarantined, Step};

use super::province::Province;
use super::{DemoError, ensure};

const STEP: &str = "B12";
const LAPTOP: &str = "xatl-3";
/// Everybody but the hub's first device and the laptop, the college's first device first: it
/// brings on what it says of the removal.
const ALL: &[&str] = &["xatl-1", "hub-2", "xatl-2", "xyzy-1", "crrc-1", "zljy-1"];
/// Whom the late work reached, directly or by a colleague.
const REACHED: &[&str] = &["xatl-1", "xatl-2", "hub-2"];
const COLLEGE: &[&str] = &["xatl-1", "xatl-2"];

/// The contacts that the laptop writes of.
struct Contacts {
    /// Entered while it took part.
    known: RecordId,
    /// Entered after it was lost.
    late: RecordId,
}

/// Tells step B12.
pub fn tell(province: &mut Province) -> Result<(), DemoError> {
    let device = enrolment(province)?;
    let given = [("name", "何敏"), ("duty", "exam"), ("phone", IN_TIME)];
    let known = province.step(STEP, LAPTOP, "contact.add", &given)?;
    province.sync(STEP, LAPTOP)?;
    province.settle(STEP, ALL)?;
    let id = device.to_string();
    let given = [("id", id.as_str()), ("reason", "lost")];
    province.step(STEP, "hub-1", "device.remove", &given)?;
    let contacts = late_work(province, known)?;
    province.settle(STEP, ALL)?;
    let held = kept_apart(province, device, &contacts)?;
    adoption(province, device, &contacts, &held)
}

/// The phone number that the laptop entered in time, and the one after its loss.
const IN_TIME: &str = "19900009031";
const LATE: &str = "19900009032";
/// What the colleague writes on top of the late work.
const POST: &str = "考务秘书";

/// The laptop is let in and given roles, as the others were.
fn enrolment(province: &mut Province) -> Result<DeviceId, DemoError> {
    province.join(STEP, "xatl-1", LAPTOP, None, "李强")?;
    province.grant(STEP, "xatl-1", LAPTOP, &["teacher", "coordinator"])?;
    province.settle(STEP, &["xatl-1", LAPTOP, "xatl-2"])?;
    province.device(STEP, LAPTOP)
}

/// The laptop writes on, and two nodes take that which have not heard; a colleague builds on it.
/// The hub's first device turns the laptop away.
fn late_work(province: &mut Province, known: RecordId) -> Result<Contacts, DemoError> {
    let id = known.to_string();
    province.step(STEP, LAPTOP, "contact.edit", &[("id", &id), ("phone", LATE)])?;
    let given = [("name", "田野"), ("duty", "finance"), ("phone", "19900009033")];
    let late = province.step(STEP, LAPTOP, "contact.add", &given)?;
    for unaware in ["xatl-1", "hub-2"] {
        province.sync_with(STEP, LAPTOP, unaware)?;
        province.expect(STEP, &[unaware], "contact", late, &[("state", "active")])?;
    }
    province.sync_with(STEP, "xatl-2", "xatl-1")?;
    province.step(STEP, "xatl-2", "contact.edit", &[("id", &id), ("post", POST)])?;
    let report = province.sync_tried(STEP, LAPTOP, "hub-1")?;
    let removed = report.peers.iter().all(|peer| peer.closed == Some(Closed::Removed));
    ensure(STEP, removed, &"the hub does not turn the laptop away")?;
    let me = province.node(LAPTOP).me().map_err(|error| DemoError::step(STEP, &error))?;
    ensure(STEP, !me.device_active, &"the laptop does not know that it was removed")?;
    province.lose(LAPTOP);
    Ok(Contacts { known, late })
}

/// Nothing of the late work counts anywhere, and whoever received it has it in the quarantine;
/// what was entered in time and what the colleague wrote on top stay. Returns what is to be
/// adopted.
fn kept_apart(
    province: &Province,
    device: DeviceId,
    contacts: &Contacts,
) -> Result<Quarantined, DemoError> {
    province.expect_unseen(STEP, ALL, "contact", contacts.late)?;
    province.expect_unseen(STEP, &["hub-1"], "contact", contacts.late)?;
    for node in ALL.iter().chain(&["hub-1"]) {
        let row = province.row(STEP, node, Contact::KIND, contacts.known)?;
        let kept = (row.text("phone"), row.text("post"));
        ensure(STEP, kept == (Some(IN_TIME), Some(POST)), &format!("{kept:?} at {node}"))?;
    }
    for node in REACHED {
        let held = waiting(province, node)?;
        let late = |it: &Quarantined| {
            it.device == Some(device) && it.reason == "removed_device" && it.document_kind == OWN
        };
        let by = |it: &Quarantined| it.person.as_deref() == Some("李强");
        let all = held.len() == 2 && held.iter().all(|it| late(it) && by(it));
        ensure(STEP, all, &format!("{held:?} at {node}"))?;
        let may = held.iter().all(|it| it.adoptable == COLLEGE.contains(node));
        ensure(STEP, may, &format!("who may adopt at {node}"))?;
    }
    let of_late = |it: &Quarantined| it.records.as_deref() == Some(&[contacts.late]);
    let held = waiting(province, "xatl-1")?.into_iter().find(of_late);
    held.ok_or_else(|| DemoError::step(STEP, &"the late contact is not in the quarantine"))
}

/// The document of contacts, which everybody reads.
const OWN: &str = "organisation";

/// One item comes back under the coordinator's name with its source; the other one stays apart.
fn adoption(
    province: &mut Province,
    device: DeviceId,
    contacts: &Contacts,
    held: &Quarantined,
) -> Result<(), DemoError> {
    province.step(STEP, "xatl-1", "device.adopt", &[("id", &held.id.to_string())])?;
    province.settle(STEP, ALL)?;
    for node in ALL.iter().chain(&["hub-1"]) {
        let expected = [("state", "active"), ("duty", "finance"), ("phone", "199****9033")];
        province.expect(STEP, &[node], "contact", contacts.late, &expected)?;
        let step = newest_step(province, node, contacts.late)?;
        let adopted = step.kind == DEVICE_ADOPT.id && step.person == "王芳";
        ensure(STEP, adopted, &format!("{} by {} at {node}", step.kind, step.person))?;
        let source = step.source.map(|source| (Some(source.change), source.person, source.device));
        let (change, person, of) = source.unwrap_or_default();
        ensure(STEP, change == held.change, &format!("no source at {node}"))?;
        let named = person.as_deref() == Some("李强") && of == Some(device);
        ensure(STEP, named || !REACHED.contains(node), &format!("whose work it was at {node}"))?;
    }
    for node in REACHED {
        let left = waiting(province, node)?;
        let other = left.len() == 1 && left[0].records.as_deref() == Some(&[contacts.known]);
        ensure(STEP, other, &format!("{left:?} is left at {node}"))?;
    }
    Ok(())
}

/// What waits for somebody in the quarantine of a node.
fn waiting(province: &Province, node: &'static str) -> Result<Vec<Quarantined>, DemoError> {
    let held = province.node(node).quarantine();
    let mut held = held.map_err(|error| DemoError::step(STEP, &error))?;
    held.retain(|it| it.state == "held");
    Ok(held)
}

fn newest_step(
    province: &Province,
    node: &'static str,
    contact: RecordId,
) -> Result<Step, DemoError> {
    let history = province.node(node).history(Contact::KIND, contact);
    let history = history.map_err(|error| DemoError::step(STEP, &error))?;
    let newest = history.steps.into_iter().next_back();
    newest.ok_or_else(|| DemoError::step(STEP, &format!("no history at {node}")))
}
