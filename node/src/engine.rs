//! The engine: actions and foreign batches become stored, sealed, projected changes.
//!
//! Everything that belongs together is one SQLite transaction (architecture 2, step 5); nothing is
//! sent or shown as saved before it has committed.

mod returned;
mod taking;
mod undo;

use std::collections::BTreeMap;

use rusqlite::Transaction;

use onex_crdt::action::{Action, Given, Pending, Reason, Refusal, Who, check_among};
use onex_crdt::document::{Authorship, Document, Write};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, BatchId, ChangeHash, DeviceId, DocId, RecordId};
use onex_crdt::records::receipt;
use onex_crdt::registry;
use onex_crdt::rights;
use onex_crdt::view::Touch;
use onex_protocol::key::SigningKey;
use onex_protocol::machine::{Answer, Own, Query};
use onex_protocol::membership::Membership;
use onex_protocol::seal::{self, Seal, SealBody};

use crate::clock::{Clock, random};
use crate::members::waits_for_others;
use crate::store::documents::{self, Cache, Origin};
use crate::store::view::SqlView;
use crate::store::{StoreError, sync};

pub use taking::Taken;

/// What writes need besides the store: keys, clock, and what is remembered between them.
pub struct Engine {
    key: SigningKey,
    clock: Clock,
    cache: Cache,
    actors: BTreeMap<DocId, Writing>,
}

/// The actor with which this process writes in a document.
struct Writing {
    actor: Actor,
    /// Its last change.
    last: ChangeHash,
}

/// One action on one record, or one new record.
#[derive(Debug, Clone)]
pub struct Order {
    /// The action.
    pub action: &'static Action,
    /// The record that `id=` names.
    pub id: Option<RecordId>,
    /// The values given.
    pub given: Given,
}

impl Engine {
    /// Returns the engine of a device.
    pub fn new(key: SigningKey, clock: Clock) -> Self {
        Self { key, clock, cache: Cache::default(), actors: BTreeMap::new() }
    }

    /// The device's key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A document as the store holds it.
    pub fn document(
        &mut self,
        transaction: &rusqlite::Connection,
        header: &Header,
    ) -> Result<Document, StoreError> {
        self.cache.load(transaction, header)
    }

    /// Answers a question of the sync machine.
    pub fn answer(
        &mut self,
        connection: &rusqlite::Connection,
        own: Own,
        query: Query,
    ) -> Result<Answer, StoreError> {
        // One read transaction: what another process commits meanwhile is not half in the answer.
        let reading = connection.unchecked_transaction()?;
        sync::answer(&reading, &mut self.cache, own, query)
    }

    /// Carries orders out as one batch, all or none.
    ///
    /// Each part of the orders sees what the parts before it did; orders of one part must not
    /// depend on each other, and are written together. `then` gives further orders, one after
    /// the other, which may name what those before made. The caller commits; documents are
    /// remembered only by `commit`.
    pub fn carry_out<'o>(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        parts: impl IntoIterator<Item = Result<&'o [Order], EngineError>>,
        then: impl FnOnce(&[RecordId]) -> Vec<Order>,
    ) -> Result<(BatchId, Vec<RecordId>), EngineError> {
        let batch = BatchId(random());
        let mut work = Work::default();
        let mut ids = Vec::new();
        for part in parts {
            ids.extend(self.carry_part(transaction, membership, who, &mut work, batch, part?)?);
        }
        for order in then(&ids) {
            let part = std::slice::from_ref(&order);
            ids.extend(self.carry_part(transaction, membership, who, &mut work, batch, part)?);
        }
        self.follow_up(transaction, membership, who, &mut work)?;
        self.seal(transaction, membership, work)?;
        Ok((batch, ids))
    }

    /// Writes orders that do not depend on each other together, and returns their records.
    fn carry_part(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        work: &mut Work,
        batch: BatchId,
        part: &[Order],
    ) -> Result<Vec<RecordId>, EngineError> {
        let action = part.first().map_or("", |order| order.action.id);
        let author = self.author(action, &who.person, Some(batch));
        let (writes, made) = allowed(transaction, membership, who, part)?;
        self.write(transaction, membership, work, &author, writes)?;
        Ok(made)
    }

    /// Writes what was decided elsewhere, as one batch of an action.
    pub fn write_as(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        action: &Action,
        writes: Vec<(Header, Write)>,
    ) -> Result<(), EngineError> {
        let mut work = Work::default();
        let author = self.author(action.id, &who.person, Some(BatchId(random())));
        self.write(transaction, membership, &mut work, &author, writes)?;
        self.follow_up(transaction, membership, who, &mut work)?;
        self.seal(transaction, membership, work)
    }

    /// Writes records without an action's rule: the founding of a network.
    pub fn write_founding(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        person: &str,
        writes: Vec<(Header, Write)>,
    ) -> Result<(), EngineError> {
        let mut work = Work::default();
        let author = self.author("network.found", person, None);
        self.write(transaction, membership, &mut work, &author, writes)?;
        self.seal(transaction, membership, work)
    }

    fn author(&self, action: &str, person: &str, batch: Option<BatchId>) -> Authorship {
        Authorship {
            action: action.to_owned(),
            person: person.to_owned(),
            at_seconds: self.clock.now().unix_seconds(),
            batch,
            undoes: None,
            source: None,
        }
    }

    /// Writes each document's share as one change, and projects what it touched.
    fn write(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        work: &mut Work,
        author: &Authorship,
        writes: Vec<(Header, Write)>,
    ) -> Result<(), EngineError> {
        let mut shares: BTreeMap<DocId, (Header, Vec<Write>)> = BTreeMap::new();
        for (header, write) in writes {
            shares.entry(header.id()).or_insert_with(|| (header, Vec::new())).1.push(write);
        }
        let now = self.clock.now().to_string();
        let mut touches = Vec::new();
        for (id, (header, writes)) in shares {
            let mut document = match work.documents.remove(&id) {
                Some(document) => document,
                None => self.cache.load(transaction, &header)?,
            };
            let actor = self.actor(&document);
            let written = document.write(actor, author, &writes).map_err(StoreError::from);
            if let Ok(Some(change)) = &written {
                let change = change.clone();
                right_check(membership, &document, &change.hash, self.key.device())?;
                self.actors.insert(id, Writing { actor, last: change.hash });
                let seals = documents::seals(transaction, id)?;
                let own = match has_readers(membership, document.header()) {
                    true => Origin::Own(&now),
                    false => Origin::Private,
                };
                documents::save(transaction, &document, &[change], &seals, own)?;
                let touched = writes.iter().map(Write::touch).collect();
                touches.extend(documents::project_sources(transaction, &document, &touched)?);
            }
            work.documents.insert(id, document);
            written?;
        }
        project(transaction, membership, &touches)?;
        work.touches.extend(touches);
        Ok(())
    }

    /// The actor of this process in a document: a fresh one unless all that it has written there
    /// is part of it. What counts no more, or was not stored, takes its numbers along.
    fn actor(&self, document: &Document) -> Actor {
        let own = self.actors.get(&document.id());
        let own = own.filter(|own| document.holds(&own.last));
        own.map_or_else(|| Actor::new(self.key.device(), random::<8>()), |own| own.actor)
    }

    /// Writes what this device gives by itself after lines were touched.
    fn follow_up(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
        work: &mut Work,
    ) -> Result<(), EngineError> {
        // A restored device may have given numbers that it does not know of yet.
        if who.device != membership.sequencer()
            || waits_for_others(transaction, membership, who.device)?
        {
            return Ok(());
        }
        for _ in 0..FOLLOW_UPS_MAX {
            let lines = registry::touched_lines(&work.touches);
            let view = SqlView::new(transaction, membership);
            let writes = receipt::follow_ups(&view, who, &lines, &mut random::<16>);
            view.finish()?;
            if writes.is_empty() {
                break;
            }
            let author = self.author(receipt::RECEIPT, &who.person, None);
            match self.write(transaction, membership, work, &author, writes) {
                // What the hub cannot say of others' acts must not keep it from hearing them.
                Err(EngineError::Store(StoreError::Document(error))) => {
                    tracing::error!(%error, "receipts or numbers were not written");
                    break;
                }
                written => written?,
            }
        }
        Ok(())
    }

    /// Seals the new head of every document that was written, and remembers the documents.
    fn seal(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        work: Work,
    ) -> Result<(), EngineError> {
        for (id, document) in work.documents {
            let heads = document.heads();
            let Some((head, actor, seq)) = own_head(&document, &heads, self.key.device()) else {
                continue;
            };
            let seal = Seal::make(
                &self.key,
                SealBody {
                    network: membership.network(),
                    document: id,
                    head,
                    actor,
                    seq,
                    membership_position: membership.position(),
                },
            );
            let stored = documents::seals(transaction, id)?;
            let seals =
                seal::newest(&stored, seal, |older, newer| document.is_ancestor(older, newer));
            let seals = seals.unwrap_or(stored);
            documents::save(transaction, &document, &[], &seals, Origin::Private)?;
            documents::compact(transaction, &document)?;
            self.cache.keep(document);
        }
        Ok(())
    }

    /// Forgets documents in memory, after a transaction that did not commit.
    pub fn forget(&mut self) {
        self.cache = Cache::default();
    }
}

type Writes = Vec<(Header, Write)>;

/// What the rules allow of a part, and the records concerned.
fn allowed(
    transaction: &Transaction<'_>,
    membership: &Membership,
    who: &Who,
    part: &[Order],
) -> Result<(Writes, Vec<RecordId>), EngineError> {
    let (mut pending, mut writes, mut ids) = (Pending::default(), Vec::new(), Vec::new());
    let view = SqlView::new(transaction, membership);
    for Order { action, id, given } in part {
        let fresh = &mut random::<16>;
        let allowed = check_among(&mut pending, action, *id, given, who, &view, fresh)?;
        writes.extend(allowed.writes);
        ids.push(allowed.id);
    }
    view.finish()?;
    Ok((writes, ids))
}

/// Nobody else would take what its person has no role for.
fn right_check(
    membership: &Membership,
    document: &Document,
    change: &ChangeHash,
    device: DeviceId,
) -> Result<(), EngineError> {
    let Some(deed) = document.deed(change) else { return Ok(()) };
    let position = membership.position();
    let org = membership.organisation(document.header().owner);
    let person = deed.person.clone().unwrap_or_default();
    let holds = |role| membership.holds(device, &person, role, position);
    match org.is_some_and(|org| rights::may_do(&deed, org.role, &holds)) {
        true => Ok(()),
        false => {
            let author = document.authorship(change).map(|(_, author)| author.action);
            let action = author.and_then(|action| registry::action(&action));
            let action = action.unwrap_or(&onex_crdt::records::undo::UNDO);
            Err(Refusal::new(action, Reason::NoRight, None).into())
        }
    }
}

/// Whether another device may read a document: the hub's, or a further one of the owner.
pub(crate) fn has_readers(membership: &Membership, header: &Header) -> bool {
    use onex_crdt::roles::OrgRole::Hub;
    let own = header.owner;
    let by_hub = membership.hub() != own && header.may_read(membership.hub(), Hub);
    let parties = header.counterpart.is_some();
    by_hub || parties || membership.devices_of(own).filter(|(_, device)| device.active).count() > 1
}

/// What the writes of one transaction have in common.
#[derive(Default)]
struct Work {
    documents: BTreeMap<DocId, Document>,
    touches: Vec<Touch>,
}

/// Passes of follow-ups at most: each looks at every act on the lines, and writes a bounded number
/// of receipts. What is left then follows when a line is touched again.
const FOLLOW_UPS_MAX: usize = 4;

fn project(
    transaction: &Transaction<'_>,
    membership: &Membership,
    touches: &[Touch],
) -> Result<(), StoreError> {
    let view = SqlView::new(transaction, membership);
    documents::project_rows(transaction, &view, touches)?;
    view.finish()
}

/// The newest head that this device itself wrote.
fn own_head(
    document: &Document,
    heads: &[ChangeHash],
    device: DeviceId,
) -> Option<(ChangeHash, Actor, u64)> {
    let changes = heads.iter().filter_map(|hash| document.change(hash));
    let own = changes.filter(|change| change.actor.tag() == device.tag());
    own.max_by_key(|change| change.seq).map(|change| (change.hash, change.actor, change.seq))
}

/// Why orders or a batch were not carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A rule refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever asked for it wants it no longer; nothing was done.
    #[error("stopped before the end")]
    Stopped,
}

impl From<rusqlite::Error> for EngineError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
