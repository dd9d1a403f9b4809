//! The tables of everything there is: record types and actions.
//!
//! Rows are computed in the order of `KINDS`, so that a rule may read rows of the kinds before it.

use std::collections::BTreeSet;

use crate::act::Act;
use crate::action::{Action, Subject};
use crate::field::Shape;
use crate::ids::{ActId, OrgId, RecordId};
use crate::record::{FieldDef, Record, RecordKind};
use crate::records::agreement::{self, Agreement};
use crate::records::application::{Application, actions as application};
use crate::records::attendance::{self, Attendance, Meeting};
use crate::records::call::{self, Call};
use crate::records::certificate::{self, CertLevel, Certificate};
use crate::records::class::enrolment::{self, Enrolment};
use crate::records::class::{Class, actions as class};
use crate::records::conflict;
use crate::records::contact::{self, Contact};
use crate::records::decision::Decision;
use crate::records::learner::{Learner, actions as learner};
use crate::records::listing::{self, Listing};
use crate::records::membership;
use crate::records::organisation::{self, Organisation};
use crate::records::receipt::ReceiptRow;
use crate::records::standard::{self, Scheme, Standard};
use crate::records::undo;
use crate::value::Value;
use crate::view::{Touch, View};

/// Every record type, in the order in which rows are computed.
pub const KINDS: &[&RecordKind] = &[
    Organisation::KIND,
    Contact::KIND,
    Standard::KIND,
    Scheme::KIND,
    Listing::KIND,
    CertLevel::KIND,
    Certificate::KIND,
    Agreement::KIND,
    Application::KIND,
    Call::KIND,
    Decision::KIND,
    ReceiptRow::KIND,
    Learner::KIND,
    Meeting::KIND,
    Attendance::KIND,
    Enrolment::KIND,
    Class::KIND,
];

/// Everything that a person can do to records, organisations and devices.
pub static ACTIONS: &[&Action] = &[
    &organisation::ADD,
    &organisation::EDIT,
    &contact::ADD,
    &contact::EDIT,
    &contact::CONFIRM,
    &contact::REMOVE,
    &certificate::ADD,
    &certificate::EDIT,
    &certificate::LEVEL_ADD,
    &certificate::LEVEL_EDIT,
    &standard::PUBLISH,
    &standard::SCHEME_ADD,
    &listing::ADD,
    &call::OPEN,
    &call::CLOSE,
    &agreement::PROPOSE,
    &agreement::CONFIRM,
    &application::ADD,
    &application::EDIT,
    &application::SUBMIT,
    &application::WITHDRAW,
    &application::DECIDE,
    &class::OPEN,
    &class::EDIT,
    &class::ENROL,
    &class::CONFIRM,
    &class::REMOVE,
    &class::CLOSE,
    &class::CANCEL,
    &learner::ADD,
    &learner::EDIT,
    &learner::MERGE,
    &learner::LEAVE,
    &learner::REMOVE,
    &learner::PILOT,
    &attendance::actions::MEETING_ADD,
    &attendance::actions::MEETING_EDIT,
    &attendance::actions::MARK,
    &conflict::CHOOSE,
    &undo::UNDO,
    &membership::DEVICE_INVITE,
    &membership::DEVICE_CONFIRM,
    &membership::DEVICE_CANCEL,
    &membership::DEVICE_REMOVE,
    &membership::DEVICE_ADOPT,
    &membership::ROLE_GRANT,
    &membership::ROLE_REMOVE,
];

/// Returns the record type with a key.
pub fn kind(key: &str) -> Option<&'static RecordKind> {
    KINDS.iter().copied().find(|kind| kind.key == key)
}

/// Returns the action with an id.
pub fn action(id: &str) -> Option<&'static Action> {
    ACTIONS.iter().copied().find(|action| action.id == id)
}

/// The rows besides its subject that an act speaks of: places of a roster, marks of a sheet.
///
/// An act that undoes another speaks of the same; `other` looks that one up.
pub fn about(act: &Act, owner: OrgId, other: impl Fn(ActId) -> Option<Act>) -> BTreeSet<RecordId> {
    let meant = undo::meant(act.clone(), other);
    let mut about: BTreeSet<RecordId> = match meant.kind.as_str() {
        "class.enrol" => enrolment::about(&meant, owner).into_iter().collect(),
        "attendance.mark" => attendance::about(&meant, owner).into_iter().collect(),
        "learner.merge" => {
            meant.says("into").and_then(|into| into.parse().ok()).into_iter().collect()
        }
        _ => BTreeSet::new(),
    };
    about.remove(&act.subject);
    about
}

/// The rows of all kinds that name a record: who takes it away takes something from them.
pub fn naming(
    view: &dyn View,
    kind: &RecordKind,
    id: RecordId,
) -> Vec<(&'static RecordKind, RecordId)> {
    let value = Value::Bytes(id.0.to_vec());
    let mut naming = Vec::new();
    for other in KINDS {
        let names = |field: &&FieldDef| matches!(field.ty.shape, Shape::Id(key) if key == kind.key);
        for field in other.stored().filter(names) {
            let rows = view.rows_where(other, field.key, &value);
            naming.extend(rows.into_iter().map(|row| (*other, row.id)));
        }
    }
    naming
}

/// The action that makes records of a kind.
pub fn making(kind: &RecordKind) -> Option<&'static Action> {
    let makes = |action: &&&Action| {
        action.subject == Subject::Makes && action.kind.is_some_and(|of| *of == *kind)
    };
    ACTIONS.iter().find(makes).copied()
}

/// Which rows some touches may have altered, kind by kind in the order of `KINDS`.
///
/// `recompute` is called with each kind and its rows, before the next kind is asked: a rule may
/// read the rows of the kinds before it. Where a kind refers to itself, as a newer standard names
/// the older one, its rows are computed twice: the second time each sees the others.
pub fn recompute(
    view: &dyn View,
    touches: &[Touch],
    mut recompute: impl FnMut(&'static RecordKind, RecordId),
) {
    for kind in KINDS {
        let ids = (kind.affected)(view, touches);
        let refers_to_itself = kind.stored().any(|field| match field.ty.shape {
            Shape::Id(other) | Shape::IdList(other) => other == kind.key,
            _ => false,
        });
        let passes = if refers_to_itself && ids.len() > 1 { 2 } else { 1 };
        for _ in 0..passes {
            ids.iter().for_each(|id| recompute(kind, *id));
        }
    }
}

/// The lines that touches concern, for what the hub writes by itself.
pub fn touched_lines(touches: &[Touch]) -> Vec<RecordId> {
    let lines = touches.iter().filter_map(|touch| touch.act("application."));
    lines.map(|(_, line)| line).collect::<BTreeSet<_>>().into_iter().collect()
}
