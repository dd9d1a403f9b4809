//! Undoing a batch: former values are written again, acts are taken back by acts. C33.
//!
//! What others have built on is left alone and named; what others have heard is taken back by the
//! action that exists for it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Transaction;

use onex_crdt::action::{Action, Desk, Given, Reason, Refusal, Says, Undo, Who, check};
use onex_crdt::document::{Document, Later, TouchKey, UNDONE, Undoing, Write};
use onex_crdt::header::Header;
use onex_crdt::ids::{ActId, BatchId, ChangeHash, DocId, RecordId};
use onex_crdt::record::RecordKind;
use onex_crdt::records::undo::{UNDO, UNDONE_ACT, meant, standing};
use onex_crdt::registry;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;
use onex_crdt::view::View;
use onex_protocol::membership::Membership;

use super::{Engine, EngineError, Work};
use crate::api::{Left, Undone};
use crate::clock::random;
use crate::store::steps::{self, Step};
use crate::store::view::SqlView;
use crate::store::{StoreError, documents};

/// What is to be written to take a batch back.
#[derive(Default)]
struct Plan {
    writes: Vec<(Header, Write)>,
    undone: Vec<(&'static RecordKind, RecordId)>,
    left: Vec<Left>,
}

impl Engine {
    /// Takes a batch back, and with it the records of `also` even where they were changed since.
    ///
    /// # Errors
    /// When nothing of it stands, it is somebody else's, or its action cannot be undone.
    pub fn undo(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        batch: BatchId,
        also: &[RecordId],
    ) -> Result<Undone, EngineError> {
        let refuse = |reason| Refusal::new(&UNDO, reason, None);
        let steps = own_steps(transaction, who, batch)?;
        let first = steps.first().ok_or(refuse(Reason::NothingToUndo))?;
        if also.is_empty() && steps::is_undone(transaction, batch, &first.tag)? {
            return Err(refuse(Reason::NothingToUndo).into());
        }
        if first.person != who.person && !who.roles.contains(&PersonRole::Admin) {
            return Err(refuse(Reason::OthersWork).into());
        }
        let action = registry::action(&first.action).ok_or(refuse(Reason::NotUndoable))?;
        let plan = match action.undo {
            Undo::No => return Err(refuse(Reason::NotUndoable).into()),
            Undo::By(other) => self.plan_by(transaction, membership, who, &steps, other)?,
            Undo::Edit => self.plan_edit(transaction, membership, who, &steps, also)?,
        };
        if plan.writes.is_empty() && plan.left.is_empty() {
            return Err(refuse(Reason::NothingToUndo).into());
        }
        let Plan { writes, undone, left } = plan;
        let mut done =
            Undone { of: batch, batch: None, action: action.id.to_owned(), undone, left };
        if !writes.is_empty() {
            let undoing = BatchId(random());
            let mut author = self.author(UNDO.id, &who.person, Some(undoing));
            author.undoes = Some(batch);
            let mut work = Work::default();
            self.write(transaction, membership, &mut work, &author, writes)?;
            self.follow_up(transaction, membership, who, &mut work)?;
            self.seal(transaction, membership, work)?;
            done.batch = Some(undoing);
        }
        Ok(done)
    }

    /// The action that takes another one back, on what that one was about.
    fn plan_by(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        steps: &[Step],
        other: &str,
    ) -> Result<Plan, EngineError> {
        let not_undoable = Refusal::new(&UNDO, Reason::NotUndoable, None);
        let action = registry::action(other).ok_or(not_undoable.clone())?;
        let kind = action.kind.ok_or(not_undoable)?;
        let mut subjects = BTreeSet::new();
        for (document, hashes) in self.documents_of(transaction, steps)? {
            for touched in document.touched_in(&hashes) {
                subjects.extend(subject_of(&document, kind, &touched));
            }
        }
        let view = SqlView::new(transaction, membership);
        let mut plan = Plan::default();
        for id in subjects {
            let (given, fresh) = (defaults(action), &mut random::<16>);
            let allowed = check(action, Some(id), &given, who, &view, fresh)?;
            plan.writes.extend(allowed.writes);
            plan.undone.push((kind, id));
        }
        view.finish()?;
        Ok(plan)
    }

    fn plan_edit(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        steps: &[Step],
        also: &[RecordId],
    ) -> Result<Plan, EngineError> {
        let view = SqlView::new(transaction, membership);
        let mut plan = Plan::default();
        let documents = self.documents_of(transaction, steps)?;
        let touched: Vec<BTreeSet<TouchKey>> =
            documents.iter().map(|(document, hashes)| document.touched_in(hashes)).collect();
        let own: BTreeSet<&TouchKey> = touched.iter().flatten().collect();
        for ((document, hashes), touched) in documents.iter().zip(&touched) {
            for key in touched {
                match key {
                    TouchKey::Record(kind, id) => {
                        let Some(kind) = registry::kind(kind) else { continue };
                        let later = if also.contains(id) { Later::Goes } else { Later::Stays };
                        let mut undoing = document.undo_record(kind, *id, hashes, later);
                        if later == Later::Stays {
                            hold_back(&view, document, (kind, *id), &own, &mut undoing);
                        }
                        plan.take(document.header(), kind, *id, undoing);
                    }
                    TouchKey::Act(id) => undo_act(&mut plan, &view, document, who, *id),
                }
            }
        }
        view.finish()?;
        Ok(plan)
    }

    /// The documents of a batch, each with its changes in order.
    fn documents_of(
        &mut self,
        transaction: &Transaction<'_>,
        steps: &[Step],
    ) -> Result<Vec<(Document, Vec<ChangeHash>)>, StoreError> {
        let mut hashes: BTreeMap<DocId, Vec<ChangeHash>> = BTreeMap::new();
        for step in steps {
            hashes.entry(step.doc).or_default().push(step.hash);
        }
        let mut found = Vec::new();
        for (id, hashes) in hashes {
            let header = documents::header(transaction, id)?;
            let header = header.ok_or(StoreError::Damaged { what: "step" })?;
            found.push((self.cache.load(transaction, &header)?, hashes));
        }
        Ok(found)
    }
}

impl Plan {
    fn take(&mut self, header: &Header, kind: &'static RecordKind, id: RecordId, undoing: Undoing) {
        if !undoing.left.is_empty() {
            self.left.push(Left { kind, id, since: undoing.left });
        } else if !undoing.writes.is_empty() {
            self.undone.push((kind, id));
        }
        self.writes.extend(undoing.writes.into_iter().map(|write| (header.clone(), write)));
    }
}

/// The steps of a batch that one device took in documents of the own organisation: others may
/// claim the same batch, and nobody but its owner writes into a document.
fn own_steps(
    transaction: &Transaction<'_>,
    who: &Who,
    batch: BatchId,
) -> Result<Vec<Step>, StoreError> {
    let mut steps = steps::of_batch(transaction, batch)?;
    let mut own: BTreeMap<DocId, bool> = BTreeMap::new();
    for step in &steps {
        if let Entry::Vacant(place) = own.entry(step.doc) {
            let header = documents::header(transaction, step.doc)?;
            place.insert(header.is_some_and(|header| header.owner == who.org));
        }
    }
    steps.retain(|step| own.get(&step.doc) == Some(&true));
    let here = who.device.tag();
    let tag = steps.iter().map(|step| step.tag.clone()).find(|tag| tag.as_slice() == here);
    if let Some(tag) = tag.or(steps.first().map(|step| step.tag.clone())) {
        steps.retain(|step| step.tag == tag);
    }
    Ok(steps)
}

/// The record of a kind that something touched is or is about.
fn subject_of(document: &Document, kind: &RecordKind, touched: &TouchKey) -> Option<RecordId> {
    match touched {
        TouchKey::Record(of, id) if of == kind.key => Some(*id),
        TouchKey::Record(..) => None,
        TouchKey::Act(act) => {
            let act = document.act(*act)?.act;
            let about = registry::action(&act.kind)?.kind?;
            (about == kind).then_some(act.subject)
        }
    }
}

/// What an undoing action is given where it asks for a reason.
fn defaults(action: &Action) -> Given {
    let reason = action.params.iter().filter(|param| param.key == "reason" && param.required);
    reason.map(|param| (param.key.to_owned(), Some(Value::Text(UNDO.zh.to_owned())))).collect()
}

/// A record that the batch made stays where somebody has taken a step on it since, or on what
/// names it.
fn hold_back(
    view: &SqlView<'_>,
    document: &Document,
    (kind, id): (&'static RecordKind, RecordId),
    own: &BTreeSet<&TouchKey>,
    undoing: &mut Undoing,
) {
    let hides = |write: &Write| matches!(write, Write::Set { key, .. } if key == UNDONE);
    if !undoing.writes.iter().any(hides) {
        return;
    }
    let mut since = steps_since(view, document.header(), id, own);
    for (other, row) in registry::naming(view, kind, id) {
        since.extend(steps_since(view, document.header(), row, own));
        let key = TouchKey::Record(other.key.to_owned(), row);
        if !own.contains(&key) && !view.sources(other, row).is_empty() {
            since.extend(registry::making(other).map(|action| action.id.to_owned()));
        }
    }
    if !since.is_empty() {
        undoing.writes.clear();
        undoing.left.extend(since);
    }
}

/// The actions of others that stand on a record.
fn steps_since(
    view: &SqlView<'_>,
    document: &Header,
    id: RecordId,
    own: &BTreeSet<&TouchKey>,
) -> BTreeSet<String> {
    let found = view.acts(id);
    let mut headers: Vec<&Header> = found.iter().map(|found| &found.header).collect();
    headers.push(document);
    headers.sort_unstable();
    headers.dedup();
    let steps = headers.into_iter().flat_map(|header| standing(view, &found, header));
    let others = steps.filter(|found| !own.contains(&TouchKey::Act(found.act.id)));
    others.map(|found| found.act.kind.clone()).collect()
}

/// Leaves an act that takes another one back to be written.
fn undo_act(plan: &mut Plan, view: &SqlView<'_>, document: &Document, who: &Who, id: ActId) {
    let Some(found) = document.act(id) else { return };
    let act = found.act;
    let given = Given::new();
    let mut fresh = random::<16>;
    let mut desk = Desk::new(&UNDO, who, view, &given, &mut fresh);
    let says = Says::nothing().with(UNDONE_ACT, Some(Value::Text(id.to_string())));
    desk.act(document.header().clone(), act.subject, says);
    plan.writes.extend(desk.into_writes());
    // What is brought back is about the record of the act that was taken back.
    let meant = meant(act, |id| Some(document.act(id)?.act));
    let kind = registry::action(&meant.kind).and_then(|action| action.kind);
    if let Some(kind) = kind {
        plan.undone.push((kind, meant.subject));
    }
}
