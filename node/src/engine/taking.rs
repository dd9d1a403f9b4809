//! Taking: what peers send, and what a longer membership log makes count or not count any more.
//!
//! What counts is `admission`'s decision; here it becomes rows, and what a person of this device
//! wrote on top of something that no longer counts is written again where that still makes sense.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Transaction;

use onex_crdt::action::{Reason, Refusal, Who};
use onex_crdt::document::{Change, Document, TouchKey, Write};
use onex_crdt::foreign::{ForeignBytes, Parsed};
use onex_crdt::header::Header;
use onex_crdt::ids::{ActId, BatchId, ChangeHash, DeviceId, DocId, RecordId};
use onex_crdt::record::RecordKind;
use onex_crdt::records::membership::DEVICE_ADOPT;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_protocol::admission::{
    Admission, DocumentBatch, Forked, Held, Refused, admit, is_change, travels,
};
use onex_protocol::membership::Membership;
use onex_protocol::statement::Statement;

use super::{Engine, EngineError, Work, Writing, project};
use crate::clock::random;
use crate::store::documents::{self, Origin};
use crate::store::quarantine::{self, Content};
use crate::store::{StoreError, peers};

/// What became of foreign batches, or of a longer log.
#[derive(Debug, Default)]
pub struct Taken {
    /// Documents in which something was new.
    pub documents: usize,
    /// Changes that were new and are stored.
    pub admitted: usize,
    /// Changes that were kept apart, and why.
    pub refused: Vec<(DocId, &'static str)>,
    /// What this device is to say in the membership log: which branch of a fork it had.
    pub statements: Vec<Statement>,
}

/// One judgement of one document.
struct Judging {
    from: DeviceId,
    batch: DocumentBatch,
    log_grew: bool,
}

impl Engine {
    /// Takes a peer's batches in: admitted changes are stored and projected, others kept apart.
    pub fn take(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        from: DeviceId,
        batches: Vec<DocumentBatch>,
    ) -> Result<Taken, EngineError> {
        let (mut taken, mut work) = (Taken::default(), Work::default());
        for batch in batches {
            let judging = Judging { from, batch, log_grew: false };
            self.judge(transaction, membership, who, judging, &mut taken, &mut work)?;
        }
        project(transaction, membership, &work.touches)?;
        self.follow_up(transaction, membership, who, &mut work)?;
        self.seal(transaction, membership, work)?;
        Ok(taken)
    }

    /// Judges again what a membership log that has grown from a position on may concern.
    pub fn log_grew(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        from: u64,
    ) -> Result<Taken, EngineError> {
        let (mut taken, mut work) = (Taken::default(), Work::default());
        peers::refusals_close(transaction)?;
        for header in concerned(transaction, membership, from)? {
            let batch = DocumentBatch::empty(header);
            let judging = Judging { from: who.device, batch, log_grew: true };
            self.judge(transaction, membership, who, judging, &mut taken, &mut work)?;
        }
        work.touches.extend(documents::touched_acts(transaction, from)?);
        project(transaction, membership, &work.touches)?;
        self.seal(transaction, membership, work)?;
        Ok(taken)
    }

    fn judge(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        judging: Judging,
        taken: &mut Taken,
        work: &mut Work,
    ) -> Result<(), EngineError> {
        let Judging { from, batch, log_grew } = judging;
        let header = batch.header.clone();
        let before = match work.documents.remove(&header.id()) {
            Some(document) => document,
            None => self.cache.load(transaction, &header)?,
        };
        let id = header.id();
        let seals = documents::seals(transaction, id)?;
        let apart = quarantine::of(transaction, id)?;
        let held = Held { document: &before, seals: &seals, apart: &apart, log_grew };
        let outcome = admit(held, batch, membership);
        taken.refused.extend(outcome.told().map(|refused| (id, refused.reason)));
        self.keep_apart(transaction, &before, &outcome, &apart, from)?;
        taken.statements.extend(
            outcome.forks.iter().filter_map(|fork| resolution(membership, who, &header, fork)),
        );
        taken.admitted += outcome.new.len();
        taken.documents += usize::from(!outcome.new.is_empty());
        // Nothing that counts is nothing, since others may never have had it; but for a fork, which
        // is to be shown to everybody.
        let stands = !outcome.forks.is_empty() || !outcome.document.is_genesis();
        let stood = documents::stored_heads(transaction, id)?.is_some();
        let unchanged = outcome.new.is_empty() && outcome.gone.is_empty() && outcome.seals == seals;
        if unchanged && stands == stood {
            return Ok(());
        }
        self.actor_changes(id, &outcome.new);
        let document = &outcome.document;
        let origin = Origin::Peer(from, &outcome.back);
        documents::save(transaction, document, &outcome.new, &outcome.seals, origin)?;
        if outcome.gone.is_empty() {
            let touched = document.touched(&before.heads());
            work.touches.extend(documents::project_sources(transaction, document, &touched)?);
            documents::compact(transaction, document)?;
        } else {
            let gone = &outcome.gone;
            work.touches.extend(documents::replace(transaction, &before, document, gone)?);
        }
        if !stands {
            documents::forget(transaction, id)?;
        }
        self.cache.keep(document.clone());
        self.write_again(transaction, membership, work, &before, &outcome)
    }

    /// An actor of this process that comes back from elsewhere was copied with the machine's
    /// memory: it is left to the copy (trust C3).
    fn actor_changes(&mut self, id: DocId, new: &[Change]) {
        let of_own = |own: &Writing| new.iter().any(|change| change.actor == own.actor);
        if self.actors.get(&id).is_some_and(of_own) {
            self.actors.remove(&id);
        }
    }

    /// Keeps apart what was refused, and lets go of what counts now.
    fn keep_apart(
        &self,
        transaction: &Transaction<'_>,
        before: &Document,
        outcome: &Admission,
        apart: &[Refused],
        from: DeviceId,
    ) -> Result<(), StoreError> {
        let header = before.header();
        let now = self.clock.now().to_string();
        let own = self.key.device();
        let all = parsed(outcome.refused.iter().chain(apart));
        let unread = unread(transaction, before, outcome, apart)?;
        let mut always = quarantine::Room::UNBOUNDED;
        let mut room = quarantine::Room::of(transaction, from)?;
        let mut evidence = quarantine::Room::of_evidence(transaction, header.id(), own)?;
        for refused in &outcome.refused {
            let of_own = refused.change.is_some_and(|change| before.holds(&change));
            let (from, content) = match (of_own, refused.change) {
                (true, _) => (own, content(before, refused)),
                (false, Some(change)) if unread.contains(&change) && is_readable(refused) => {
                    let read = with_apart(&outcome.document, &all, change);
                    (from, read.and_then(|document| content(&document, refused)))
                }
                (false, _) => (from, None),
            };
            let room = match of_own {
                true => &mut always,
                false if travels(refused) => &mut evidence,
                false => &mut room,
            };
            quarantine::put(transaction, header, refused, content.as_ref(), (from, room), &now)?;
        }
        let counts = |refused: &&Refused| {
            let seal = outcome.seals.iter().any(|seal| seal.to_bytes() == refused.bytes);
            let new = |change| outcome.new.iter().any(|it| Some(it.hash) == change);
            seal || (is_change(&refused.bytes) && new(refused.change))
        };
        for refused in apart.iter().filter(counts) {
            quarantine::release(transaction, header.id(), &refused.bytes)?;
        }
        // Whoever else wrote it again has done so for everybody.
        for source in written_again(outcome, apart) {
            quarantine::adopted(transaction, source)?;
        }
        Ok(())
    }

    /// Writes again what this device wrote on top of changes that do not count any more, where
    /// all of it still makes sense; the rest stays apart and can be adopted (trust B4).
    fn write_again(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        work: &mut Work,
        before: &Document,
        outcome: &Admission,
    ) -> Result<(), EngineError> {
        let hangs = |change: &Change| {
            let of = |it: &&Refused| it.change == Some(change.hash);
            let reason = outcome.refused.iter().find(of).map(|refused| refused.reason);
            change.actor.tag() == self.key.device().tag() && reason == Some("missing_dependency")
        };
        let gone: BTreeSet<ChangeHash> =
            outcome.gone.iter().filter(|change| hangs(change)).map(|change| change.hash).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let header = before.header();
        let ordered = before.changes_since(&[]).into_iter().map(|change| change.hash);
        for hash in ordered.filter(|hash| gone.contains(hash)) {
            let document = match work.documents.get(&header.id()) {
                Some(document) => document.clone(),
                None => self.cache.load(transaction, header)?,
            };
            let author = before.authorship(&hash).map(|(_, author)| author);
            let (Some(writes), Some(mut author)) = (before.writes_of(&hash), author) else {
                continue;
            };
            if !applies(&document, &writes) {
                continue;
            }
            author.source = Some(hash);
            let writes = writes.into_iter().map(|write| (header.clone(), write)).collect();
            match self.write(transaction, membership, work, &author, writes) {
                Ok(()) => quarantine::adopted(transaction, hash)?,
                // What does not fit must not keep this device from hearing what counts.
                Err(EngineError::Refused(_) | EngineError::Store(StoreError::Document(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What a change that was kept apart would write; nothing where it cannot be read.
    pub fn kept(
        &mut self,
        connection: &rusqlite::Connection,
        held: &quarantine::Held,
    ) -> Result<Option<Vec<Write>>, StoreError> {
        let document = self.cache.load(connection, &held.header)?;
        let apart = parsed(&quarantine::of(connection, held.header.id())?);
        let read = |hash| with_apart(&document, &apart, hash)?.writes_of(&hash);
        Ok(held.change.and_then(read))
    }

    /// Writes the content of a change that was kept apart as this person's own.
    ///
    /// # Errors
    /// When it cannot be read, does not fit what is here, or asks for a role he does not have.
    pub fn adopt(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        held: &quarantine::Held,
    ) -> Result<(), EngineError> {
        let refuse = |reason| Refusal::new(&DEVICE_ADOPT, reason, Some("id"));
        if !held.is_adoptable(who.org) {
            return Err(refuse(Reason::NotAdoptable).into());
        }
        let document = self.cache.load(transaction, &held.header)?;
        let hash = held.change.ok_or(refuse(Reason::NotAdoptable))?;
        let writes = self.kept(transaction, held)?.ok_or(refuse(Reason::NotAdoptable))?;
        if !applies(&document, &writes) {
            return Err(refuse(Reason::HangsOnOthers).into());
        }
        let own = |write| match write {
            Write::Act(mut act) => {
                (act.device, act.person) = (who.device, who.person.clone());
                (act.at, act.position) = (who.now.to_string(), membership.position());
                Write::Act(act.identified())
            }
            other => other,
        };
        let writes = writes.into_iter().map(|write| (held.header.clone(), own(write))).collect();
        let mut author = self.author(DEVICE_ADOPT.id, &who.person, Some(BatchId(random())));
        author.source = Some(hash);
        let mut work = Work::default();
        self.write(transaction, membership, &mut work, &author, writes)?;
        self.follow_up(transaction, membership, who, &mut work)?;
        self.seal(transaction, membership, work)?;
        Ok(quarantine::adopted(transaction, hash)?)
    }
}

/// What may be kept apart and was written again: by a change that is new, or, where something is
/// kept apart that was not before, by any. Who has written what was asked for the rest already.
fn written_again(outcome: &Admission, apart: &[Refused]) -> Vec<ChangeHash> {
    let changes = |refused: &[Refused]| -> BTreeSet<ChangeHash> {
        let changes = refused.iter().filter(|it| is_change(&it.bytes));
        changes.filter_map(|it| it.change).collect()
    };
    let (before, now) = (changes(apart), changes(&outcome.refused));
    if !now.is_subset(&before) {
        return outcome.document.written_again().into_values().collect();
    }
    let author = |change: &Change| Some(outcome.document.authorship(&change.hash)?.1);
    let authors = outcome.new.iter().filter(|_| !before.is_empty()).filter_map(author);
    authors.filter_map(|author| author.source).collect()
}

/// The documents that entries of the log from a position on may concern: those of which something
/// is apart, those of devices that were cut, those in which a fork was resolved.
fn concerned(
    transaction: &Transaction<'_>,
    membership: &Membership,
    from: u64,
) -> Result<Vec<Header>, StoreError> {
    let mut headers: BTreeMap<DocId, Header> = BTreeMap::new();
    let mut devices = BTreeSet::new();
    for entry in membership.entries_from(from) {
        match &entry.statement.body {
            Statement::RemoveDevice { device, .. } | Statement::RemoveRole { device, .. } => {
                devices.insert(*device);
            }
            Statement::SetFrontier { cut, .. } => {
                devices.extend(membership.cut(*cut).map(|cut| cut.device));
            }
            Statement::Resolve { document, .. } => {
                let header = documents::header(transaction, *document)?;
                headers.extend(header.map(|header| (*document, header)));
            }
            // What it has dropped of the log may have concerned any document.
            Statement::Rotate(_) => {
                let all = documents::headers(transaction)?.into_iter();
                headers.extend(all.map(|header| (header.id(), header)));
            }
            _ => {}
        }
    }
    for device in devices {
        let sealed = documents::sealed_by(transaction, device)?;
        headers.extend(sealed.into_iter().map(|(header, _)| (header.id(), header)));
    }
    for header in quarantine::documents(transaction)? {
        headers.insert(header.id(), header);
    }
    Ok(headers.into_values().collect())
}

/// What this device says of a fork, if it is for it to say: the hub's sequencer for documents that
/// the hub reads, an admin of the owner for others. The branch that was here first counts (R6);
/// where both came at once, the longer one.
fn resolution(
    membership: &Membership,
    who: &Who,
    header: &Header,
    fork: &Forked,
) -> Option<Statement> {
    let by_hub = header.may_read(membership.hub(), OrgRole::Hub);
    let mine = match by_hub {
        true => membership.sequencer() == who.device,
        false => header.owner == who.org && who.roles.contains(&PersonRole::Admin),
    };
    let Forked { actor, seq, head } = *fork;
    let mut devices = membership.devices_of(header.owner).filter(|_| mine);
    let (device, _) = devices.find(|(id, _)| id.tag() == actor.tag())?;
    Some(Statement::Resolve { device, document: header.id(), actor, seq, head })
}

/// Changes that were kept apart, by their hash.
type Apart = BTreeMap<ChangeHash, Parsed>;

fn parsed<'a>(apart: impl IntoIterator<Item = &'a Refused>) -> Apart {
    let changes = apart.into_iter().filter(|refused| refused.reason != "too_large");
    let parsed = changes.filter_map(|it| ForeignBytes(it.bytes.clone()).parse().ok());
    parsed.map(|parsed| (parsed.hash(), parsed)).collect()
}

/// Returns a document with a change that is apart, and what of the others that one follows;
/// nothing where that cannot be applied. Only for reading.
fn with_apart(document: &Document, apart: &Apart, change: ChangeHash) -> Option<Document> {
    let (mut needed, mut open) = (BTreeMap::new(), vec![change]);
    while let Some(hash) = open.pop() {
        if document.holds(&hash) || needed.contains_key(&hash) {
            continue;
        }
        let found = apart.get(&hash)?;
        open.extend(found.deps());
        needed.insert(hash, found.clone().vouched());
    }
    let needed: Vec<_> = needed.into_values().collect();
    document.admit(&needed, &|_, _| true).ok().map(|(document, _)| document)
}

/// Most changes of a document that are read for what they do at a time: each is applied on a copy.
const READ_MAX: usize = 20;

/// The refused changes that are read this time, of those that nobody has read here: new ones
/// before those that came earlier, when there were too many.
fn unread(
    transaction: &Transaction<'_>,
    before: &Document,
    outcome: &Admission,
    apart: &[Refused],
) -> Result<BTreeSet<ChangeHash>, StoreError> {
    let read = quarantine::read_changes(transaction, before.id())?;
    let stored: BTreeSet<_> =
        apart.iter().filter(|it| is_change(&it.bytes)).filter_map(|it| it.change).collect();
    let refused = outcome.refused.iter().filter(|refused| is_readable(refused));
    let changes = refused.filter_map(|refused| refused.change);
    let mut unread: Vec<ChangeHash> =
        changes.filter(|change| !before.holds(change) && !read.contains(change)).collect();
    unread.sort_by_key(|change| stored.contains(change));
    unread.truncate(READ_MAX);
    Ok(unread.into_iter().collect())
}

/// Whether a change that was kept apart may be read for what it does.
fn is_readable(refused: &Refused) -> bool {
    is_change(&refused.bytes) && (travels(refused) || refused.reason == "removed_device")
}

/// What a change of a document does.
fn content(document: &Document, refused: &Refused) -> Option<Content> {
    let hash = refused.change.filter(|_| is_readable(refused))?;
    let deed = document.deed(&hash)?;
    let record = |key| match key {
        TouchKey::Record(_, id) => Some(id),
        TouchKey::Act(id) => document.act(id).map(|found| found.act.subject),
    };
    let records: BTreeSet<_> =
        document.touched_in(&[hash]).into_iter().filter_map(record).collect();
    let records = records.into_iter().collect();
    Some(Content { tag: deed.actor.tag(), person: deed.person?, records })
}

/// Whether writes can be carried out on a document: every record that is set exists or is made by
/// them, none that is made exists.
fn applies(document: &Document, writes: &[Write]) -> bool {
    let mut made: BTreeSet<(&'static str, RecordId)> = BTreeSet::new();
    let exists = |kind: &'static RecordKind, id| document.source(kind, id).is_some();
    let has_act = |id: ActId| document.act(id).is_some();
    writes.iter().all(|write| match write {
        Write::Create { kind, id, .. } => made.insert((kind.key, *id)) && !exists(kind, *id),
        Write::Set { kind, id, .. } => made.contains(&(kind.key, *id)) || exists(kind, *id),
        Write::Register { .. } => true,
        Write::Act(act) => !has_act(act.id),
    })
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod attacked;
