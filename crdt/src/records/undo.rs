//! Undo (撤销) and which acts stand: what was undone no longer counts. C33.
//!
//! Only acts that nobody else reads are undone like this; what others have heard is taken back by
//! an action of its own. Records are undone by writing former values (`document::undo_record`).

use std::collections::BTreeSet;

use crate::act::{Act, Causality, Found};
use crate::action::{Action, FieldsGiven, Param, Run, Subject, Undo};
use crate::field::Field;
use crate::field::text::{LongText, Text};
use crate::header::Header;
use crate::ids::ActId;
use crate::registry;
use crate::roles::OrgRole::{self, College, Evaluator, Hub};
use crate::roles::PersonRole::{self, Admin};
use crate::view::View;

use super::shared;

/// Everybody who can write anything.
pub(super) const ANYBODY: &[(OrgRole, &[PersonRole])] =
    &[(Hub, PersonRole::ALL), (College, PersonRole::ALL), (Evaluator, PersonRole::ALL)];

/// Takes a batch back: the own last one, or one that is named. C33.
pub const UNDO: Action = Action {
    id: "undo",
    zh: "撤销",
    en: "Undo",
    who: ANYBODY,
    kind: None,
    subject: Subject::Nothing,
    fields: FieldsGiven::None,
    params: &[
        Param::optional("id", "操作或批次", "act or batch", <Text<8, 32> as Field>::TYPE),
        Param::optional(
            "also",
            "之后被改过也撤销的记录",
            "records to undo though changed since",
            <LongText<4000> as Field>::TYPE,
        ),
    ],
    from: &[],
    undo: Undo::Edit,
    run: Run::Node,
};

/// The key under which an undoing act names the act that it takes back.
pub const UNDONE_ACT: &str = "act";

/// Returns the act that this one takes back.
pub fn undone_act(act: &Act) -> Option<ActId> {
    (act.kind == UNDO.id).then(|| act.says(UNDONE_ACT)?.parse().ok()).flatten()
}

/// Returns what an act is about in the end: the act that it takes back, or brings back, or itself.
///
/// The id of an act covers what it names, so that no ring of them can be made.
pub fn meant(act: Act, other: impl Fn(ActId) -> Option<Act>) -> Act {
    let mut meant = act;
    for _ in 0..UNDOINGS_DEEP {
        match undone_act(&meant).and_then(&other) {
            Some(before) => meant = before,
            None => break,
        }
    }
    meant
}

/// Undoings of undoings that are followed: by the interface there are never more than two, and a
/// long chain of a forger's would be walked from each of its acts.
pub const UNDOINGS_DEEP: usize = 64;

/// The acts of one document that count and were not undone, in order.
pub fn standing<'a>(view: &dyn View, found: &'a [Found], document: &Header) -> Vec<&'a Found> {
    let own = found.iter().filter(|found| found.header == *document);
    let causality = shared::causality(view, own);
    let ordered = causality.ordered();
    let mut undone: BTreeSet<ActId> = BTreeSet::new();
    let mut standing = Vec::new();
    for found in ordered.into_iter().rev() {
        let target = undone_act(&found.act);
        let again = target.is_some_and(|act| undone.contains(&act));
        if again || undone.contains(&found.act.id) || !is_valid(view, &causality, found) {
            continue;
        }
        match target {
            Some(act) => drop(undone.insert(act)),
            None => standing.push(found),
        }
    }
    standing.reverse();
    standing
}

/// Whether an act counts; an undoing one where its person took the step that it takes back, or is
/// an admin, and had seen it.
fn is_valid(view: &dyn View, causality: &Causality<'_>, found: &Found) -> bool {
    let Some(action) = registry::action(&found.act.kind) else { return false };
    if !shared::counts(view.authority(), causality, found, action) {
        return false;
    }
    let Some(undone) = undone_act(&found.act) else { return true };
    let of_himself = causality
        .acts()
        .any(|other| other.act.id == undone && other.act.person == found.act.person);
    let act = &found.act;
    let position = causality.position(act.id).unwrap_or_default();
    let may = of_himself || view.authority().holds(act.device, &act.person, Admin, position);
    may && causality.follows(act.id, undone)
}
