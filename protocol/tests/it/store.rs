//! A store in memory that answers as the real one must.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use onex_crdt::document::{Change, Document};
use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, Digest, DocId, OrgId};
use onex_crdt::roles::OrgRole;
use onex_protocol::admission::{
    Admission, DocumentBatch, Forked, Held, Refused, admit, is_change, refusal_opens, travels,
};
use onex_protocol::machine::{Admitted, Answer, Own, Query, Reader};
use onex_protocol::membership::Membership;
use onex_protocol::message::LogPosition;
use onex_protocol::repair::{Known, compare};
use onex_protocol::scope::{Fingerprints, Party, Scope, document_digest};
use onex_protocol::seal::{Seal, newest};
use onex_protocol::statement::{Frontier, SignedStatement, Statement};

/// A change in the local log.
#[derive(Clone)]
pub struct LogEntry {
    pub document: DocId,
    pub change: ChangeHash,
    pub bytes: Arc<Vec<u8>>,
    /// What tells this log up to here from every other one. It follows from all entries so far: a
    /// restored log that grows anew may come to the same entry at the same place.
    mark: [u8; 8],
    /// The device that sent it; nothing for what was written here.
    pub origin: Option<DeviceId>,
}

#[derive(Clone)]
pub struct Store {
    pub own: Own,
    pub documents: BTreeMap<DocId, Document>,
    pub seals: BTreeMap<DocId, Vec<Seal>>,
    /// The digest of each document's state, as a store keeps it beside the document.
    states: BTreeMap<DocId, Digest>,
    pub log: Vec<LogEntry>,
    pub taken: BTreeMap<DeviceId, LogPosition>,
    pub given: BTreeMap<DeviceId, LogPosition>,
    /// Open refusals, in either direction.
    pub open: BTreeSet<(DeviceId, DocId)>,
    /// What was too large for a device.
    pub withheld: BTreeSet<(DeviceId, DocId)>,
    pub quarantine: BTreeMap<DocId, Vec<Refused>>,
    pub proposals: Vec<SignedStatement>,
    /// The header of every document of which something came.
    headers: BTreeMap<DocId, Header>,
    /// How many changes and seals were kept apart.
    pub refusals: u64,
    /// Forks that were seen and not looked at yet.
    pub forks: Vec<(DocId, Forked)>,
    /// Actors of changes that do not count any more: a process leaves them, since their numbers
    /// are taken.
    pub left: Vec<(DocId, Actor)>,
    /// Hands out what the reader may not have, as no good store does.
    pub leaks: bool,
    /// How many transactions wrote something.
    pub writes: u64,
}

impl Store {
    pub fn new(own: Own) -> Self {
        Self {
            own,
            documents: BTreeMap::new(),
            seals: BTreeMap::new(),
            states: BTreeMap::new(),
            log: Vec::new(),
            taken: BTreeMap::new(),
            given: BTreeMap::new(),
            open: BTreeSet::new(),
            withheld: BTreeSet::new(),
            quarantine: BTreeMap::new(),
            proposals: Vec::new(),
            headers: BTreeMap::new(),
            refusals: 0,
            forks: Vec::new(),
            left: Vec::new(),
            leaks: false,
            writes: 0,
        }
    }

    pub fn document(&self, header: &Header) -> Document {
        let held = self.documents.get(&header.id()).cloned();
        held.unwrap_or_else(|| Document::genesis(header.clone()))
    }

    /// Heads and sealed heads of every document that two parties may both read.
    pub fn shared(&self, party: Party) -> BTreeMap<DocId, (Vec<ChangeHash>, Vec<ChangeHash>)> {
        let own = self.party();
        let mut shared = BTreeMap::new();
        for (id, document) in &self.documents {
            if Scope::of(document.header(), own, party).is_some() {
                let mut seals: Vec<_> = self.seals[id].iter().map(|seal| seal.head).collect();
                seals.sort_unstable();
                shared.insert(*id, (document.heads(), seals));
            }
        }
        shared
    }

    pub fn party(&self) -> Party {
        Party { org: self.own.org, role: self.own.role }
    }

    pub fn end(&self) -> LogPosition {
        self.position(self.log.len() as u64)
    }

    fn position(&self, position: u64) -> LogPosition {
        match position.checked_sub(1).and_then(|at| self.log.get(at as usize)) {
            Some(entry) => LogPosition { position, mark: entry.mark },
            None => LogPosition::START,
        }
    }

    pub fn answer(&self, query: Query) -> Answer {
        match query {
            Query::State { device, party } => Answer::State {
                log: self.end(),
                taken: self.taken.get(&device).copied().unwrap_or(LogPosition::START),
                fingerprints: party
                    .map(|party| self.fingerprints(Reader { device, party }))
                    .unwrap_or_default(),
                proposals: self.proposals.clone(),
            },
            Query::Delta { reader, since, bytes_aim } => self.delta(reader, since, bytes_aim),
            Query::States { reader, scopes } => Answer::States(self.states(reader, &scopes)),
            Query::Heads { reader, documents, .. } => {
                let common = documents.iter().filter_map(|id| self.common(reader, id));
                let heads = common.clone().map(|it| (it.id(), Known::Heads(it.heads()))).collect();
                let shown = common.filter(|document| self.shows(&document.id()));
                let documents = shown.map(|document| self.packed(document, Vec::new())).collect();
                Answer::Heads { heads, documents }
            }
            Query::Missing { reader, documents, bytes_aim } => {
                self.missing(reader, &documents, bytes_aim)
            }
        }
    }

    fn fingerprints(&self, reader: Reader) -> Fingerprints {
        let mut sums = Fingerprints::default();
        for (id, document) in &self.documents {
            let sum = match Scope::of(document.header(), self.party(), reader.party) {
                Some(Scope::Public) => &mut sums.public,
                Some(Scope::Province) => &mut sums.province,
                Some(Scope::Pair(..)) => &mut sums.pair,
                None => continue,
            };
            if !self.open.contains(&(reader.device, *id)) {
                sum.add(id, &self.states[id]);
            }
        }
        sums
    }

    fn delta(&self, reader: Reader, since: LogPosition, bytes_aim: usize) -> Answer {
        let known = self.position(since.position) == since;
        let from = if known { since.position as usize } else { 0 };
        let mut batches: BTreeMap<DocId, DocumentBatch> = BTreeMap::new();
        let (mut bytes, mut upto) = (0, self.log.len());
        for (at, entry) in self.log.iter().enumerate().skip(from) {
            let Some(document) = self.documents.get(&entry.document) else {
                continue;
            };
            let scope = Scope::of(document.header(), self.party(), reader.party);
            if entry.origin == Some(reader.device) || (scope.is_none() && !self.leaks) {
                continue;
            }
            if bytes >= bytes_aim {
                upto = at;
                break;
            }
            batches.entry(entry.document).or_insert_with(|| {
                let batch = self.batch(document, &self.log[from..], Some(reader.device));
                bytes += batch.changes.iter().map(Vec::len).sum::<usize>();
                batch
            });
        }
        Answer::Delta {
            documents: batches.into_values().collect(),
            upto: self.position(upto as u64),
            more: upto < self.log.len(),
            fingerprints: self.fingerprints(reader),
        }
    }

    /// A document that both may read.
    fn common(&self, reader: Reader, id: &DocId) -> Option<&Document> {
        let document = self.documents.get(id)?;
        Scope::of(document.header(), self.party(), reader.party).map(|_| document)
    }

    fn states(&self, reader: Reader, scopes: &[Scope]) -> Vec<(DocId, Digest)> {
        let is_asked_for = |document: &&Document| {
            let scope = Scope::of(document.header(), self.party(), reader.party);
            let open = self.open.contains(&(reader.device, document.id()));
            scope.is_some_and(|scope| scopes.contains(&scope)) && !open
        };
        let ids = self.documents.values().filter(is_asked_for).map(Document::id);
        ids.map(|id| (id, self.states[&id])).collect()
    }

    fn missing(&self, reader: Reader, asked: &[(DocId, Known)], bytes_aim: usize) -> Answer {
        let (mut documents, mut tell, mut covered, mut bytes) = (Vec::new(), Vec::new(), 0, 0);
        for (id, known) in asked {
            if bytes >= bytes_aim {
                break;
            }
            covered += 1;
            let document = self.common(reader, id);
            let comparison = compare(document, known);
            tell.extend(comparison.tell.map(|known| (*id, known)));
            let Some(document) = document else { continue };
            if self.shows(id) || comparison.missing.is_some() {
                let batch = self.packed(document, comparison.missing.unwrap_or_default());
                bytes += batch.changes.iter().map(Vec::len).sum::<usize>();
                documents.push(batch);
            }
        }
        Answer::Missing { documents, tell, covered }
    }

    /// Whether something of a document is kept apart that travels with it.
    fn shows(&self, id: &DocId) -> bool {
        let apart = self.quarantine.get(id).into_iter().flatten();
        apart.into_iter().any(travels)
    }

    /// The changes of a document in a part of the log, but those that came from a device.
    fn batch(
        &self,
        document: &Document,
        log: &[LogEntry],
        skip_origin: Option<DeviceId>,
    ) -> DocumentBatch {
        let id = document.id();
        let changes = log
            .iter()
            .filter(|entry| entry.document == id)
            .filter(|entry| entry.origin.is_none() || entry.origin != skip_origin)
            .filter(|entry| document.holds(&entry.change))
            .map(|entry| entry.bytes.to_vec());
        self.packed(document, changes.collect())
    }

    /// Changes of a document with its seals; what shows a fork travels with its document.
    fn packed(&self, document: &Document, changes: Vec<Vec<u8>>) -> DocumentBatch {
        let id = document.id();
        let (header, seals) = (document.header().clone(), self.seals[&id].clone());
        let mut batch = DocumentBatch { changes, seals, ..DocumentBatch::empty(header) };
        // What stands between a seal and the changes below its head that count travels too.
        let apart = self.quarantine.get(&id).into_iter().flatten();
        batch.show(apart.cloned());
        batch
    }

    /// Stores a change that was written here, in one transaction with its seal.
    pub fn written(&mut self, document: Document, change: &Change, seal: Option<Seal>) {
        let id = document.id();
        let mut seals = self.seals.get(&id).cloned().unwrap_or_default();
        if let Some(seal) = seal {
            let is_ancestor = |older: &_, newer: &_| document.is_ancestor(older, newer);
            seals = newest(&seals, seal, is_ancestor).expect("few enough");
        }
        self.log_append(id, (change.hash, &change.bytes), None);
        self.keep(id, document, seals);
    }

    fn log_append(
        &mut self,
        document: DocId,
        (change, bytes): (ChangeHash, &[u8]),
        origin: Option<DeviceId>,
    ) {
        let bytes = Arc::new(bytes.to_vec());
        let before = self.end();
        let LogPosition { mark, .. } = before.then(before.position + 1, &document, &change);
        self.log.push(LogEntry { document, change, bytes, mark, origin });
    }

    /// Takes over everything of another store, as if it had come from its device.
    pub fn copy(&mut self, other: &Self) {
        self.documents = other.documents.clone();
        self.seals = other.seals.clone();
        self.states = other.states.clone();
        self.headers = other.headers.clone();
        self.log = other.log.clone();
        self.log.iter_mut().for_each(|entry| entry.origin = Some(other.own.device));
    }

    /// Keeps a document as it is now with its live seals.
    pub fn keep(&mut self, id: DocId, document: Document, seals: Vec<Seal>) {
        let sealed: Vec<_> = seals.iter().map(|seal| (seal.device, seal.head)).collect();
        self.headers.entry(id).or_insert_with(|| document.header().clone());
        self.states.insert(id, document_digest(&document.heads(), &sealed));
        self.documents.insert(id, document);
        self.seals.insert(id, seals);
    }

    pub fn admit(
        &mut self,
        device: DeviceId,
        documents: Vec<DocumentBatch>,
        upto: LogPosition,
        in_repair: bool,
        membership: &Membership,
    ) -> Admitted {
        let mut admitted = Admitted::default();
        for batch in documents {
            let id = batch.id();
            let outcome = self.judge(batch, Some(device), false, membership);
            let reasons: BTreeSet<_> = outcome.told().map(|it| it.reason).collect();
            admitted.quarantined += outcome.told().count() as u64;
            admitted.documents += u64::from(!outcome.new.is_empty());
            admitted.changes += outcome.new.len() as u64;
            if reasons.iter().any(|reason| refusal_opens(reason, in_repair)) {
                self.open.insert((device, id));
            } else {
                self.open.remove(&(device, id));
            }
            admitted.refused.extend(reasons.iter().map(|reason| (id, *reason)));
        }
        self.refusals += admitted.quarantined;
        self.taken.insert(device, upto);
        self.writes += 1;
        admitted
    }

    /// Judges a batch with all that is known of its document, and stores the outcome.
    fn judge(
        &mut self,
        batch: DocumentBatch,
        origin: Option<DeviceId>,
        log_grew: bool,
        membership: &Membership,
    ) -> Admission {
        let id = batch.id();
        self.headers.entry(id).or_insert_with(|| batch.header.clone());
        let document = self.document(&batch.header);
        let seals = self.seals.get(&id).cloned().unwrap_or_default();
        let apart = self.quarantine.get(&id).cloned().unwrap_or_default();
        let held = Held { document: &document, seals: &seals, apart: &apart, log_grew };
        let mut outcome = admit(held, batch, membership);
        self.keep_apart(id, &outcome);
        self.forks.extend(outcome.forks.iter().map(|fork| (id, *fork)));
        self.left.extend(outcome.gone.iter().map(|change| (id, change.actor)));
        for change in &outcome.new {
            let origin = origin.filter(|_| !outcome.back.contains(&change.hash));
            self.log_append(id, (change.hash, &change.bytes), origin);
        }
        let forked = !outcome.forks.is_empty();
        if forked || !outcome.new.is_empty() || self.documents.contains_key(&id) {
            let judged = std::mem::replace(&mut outcome.document, document);
            let empty = !forked && outcome.new.is_empty() && judged.changes_since(&[]).is_empty();
            self.keep(id, judged, std::mem::take(&mut outcome.seals));
            if empty {
                // Nothing that counts is nothing, since others may never have had it; but for a
                // fork, which is to be shown to everybody.
                self.documents.remove(&id);
                self.seals.remove(&id);
            }
        }
        outcome
    }

    /// Keeps apart what was refused, and lets go of what counts now.
    fn keep_apart(&mut self, id: DocId, outcome: &Admission) {
        let held = self.quarantine.entry(id).or_default();
        held.retain(|it| outcome.refused.iter().all(|refused| refused.bytes != it.bytes));
        held.extend(outcome.refused.iter().cloned());
        let counts = |it: &Refused| match Seal::from_bytes(&it.bytes) {
            Ok(seal) => outcome.seals.contains(&seal),
            Err(_) => it.change.is_some_and(|change| outcome.document.holds(&change)),
        };
        held.retain(|it| !counts(it));
    }

    pub fn acknowledged(
        &mut self,
        device: DeviceId,
        upto: LogPosition,
        opened: &[(DocId, &'static str)],
        closed: &[DocId],
    ) {
        let before = self.given.insert(device, upto).map_or(0, |at| at.position);
        self.open.retain(|(other, id)| *other != device || !closed.contains(id));
        self.open.extend(opened.iter().map(|(id, _)| (device, *id)));
        // The outbox has what was written here; what others sent was never in it.
        let new = self.log.get(before as usize..upto.position as usize).unwrap_or_default();
        let clears = new.iter().any(|entry| entry.origin.is_none());
        self.writes += u64::from(clears || !opened.is_empty() || !closed.is_empty());
    }

    /// Judges again what entries of the log from a position on may have altered; tells whether
    /// something counts now that did not.
    pub fn rejudge(&mut self, membership: &Membership, from: u64) -> bool {
        self.open.clear();
        let (mut orgs, mut documents) = (BTreeSet::new(), BTreeSet::new());
        for entry in membership.entries_from(from) {
            match &entry.statement.body {
                Statement::RemoveDevice { device, .. } | Statement::RemoveRole { device, .. } => {
                    orgs.extend(membership.device(*device).map(|device| device.org));
                }
                Statement::SetFrontier { cut, .. } => {
                    let cut = membership.cuts().find(|it| it.position == *cut);
                    let device = cut.and_then(|cut| membership.device(cut.device));
                    orgs.extend(device.map(|device| device.org));
                }
                Statement::Resolve { document, .. } => drop(documents.insert(*document)),
                _ => {}
            }
        }
        let apart = |id: &DocId| self.quarantine.get(id).is_some_and(|apart| !apart.is_empty());
        let headers: Vec<Header> = self.headers.values().cloned().collect();
        let concerned = headers.into_iter().filter(|header| {
            let id = header.id();
            orgs.contains(&header.owner) || documents.contains(&id) || apart(&id)
        });
        let mut grew = false;
        for header in concerned.collect::<Vec<_>>() {
            let batch = DocumentBatch::empty(header);
            grew |= !self.judge(batch, None, true, membership).new.is_empty();
        }
        grew
    }

    /// Whether a change is kept apart.
    pub fn keeps_apart(&self, document: &DocId, change: &ChangeHash) -> bool {
        let apart = self.quarantine.get(document).map_or(&[][..], Vec::as_slice);
        apart.iter().any(|it| it.change == Some(*change) && is_change(&it.bytes))
    }

    /// What this side holds of a device's work: at the hub in the documents that it reads,
    /// elsewhere in the others.
    pub fn frontier(&self, device: DeviceId, hub: OrgId) -> Frontier {
        let by_hub = self.own.role == OrgRole::Hub;
        let read = self.seals.iter();
        let read = read.filter(|(id, _)| self.headers[id].may_read(hub, OrgRole::Hub) == by_hub);
        let sealed = read.flat_map(|(_, seals)| seals).filter(|seal| seal.device == device);
        Frontier::whole(sealed.cloned().collect())
    }
}
