//! A store in memory that answers as the real one must.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::document::Document;
use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, DeviceId, DocId};
use onex_protocol::admission::{Admission, DocumentBatch, Held, Refused, admit, refusal_opens};
use onex_protocol::machine::{Admitted, Answer, Own, Query, Reader};
use onex_protocol::membership::Membership;
use onex_protocol::message::LogPosition;
use onex_protocol::scope::{Fingerprints, Party, Scope, document_digest};
use onex_protocol::seal::Seal;
use onex_protocol::statement::SignedStatement;

/// A change in the local log.
#[derive(Clone)]
pub struct LogEntry {
    pub document: DocId,
    pub change: ChangeHash,
    /// The device that sent it; nothing for what was written here.
    pub origin: Option<DeviceId>,
}

#[derive(Clone)]
pub struct Store {
    pub own: Own,
    pub documents: BTreeMap<DocId, Document>,
    pub seals: BTreeMap<DocId, Vec<Seal>>,
    pub log: Vec<LogEntry>,
    pub taken: BTreeMap<DeviceId, LogPosition>,
    pub given: BTreeMap<DeviceId, LogPosition>,
    /// Open refusals, in either direction.
    pub open: BTreeSet<(DeviceId, DocId)>,
    pub quarantine: BTreeMap<DocId, Vec<Refused>>,
    pub proposals: Vec<SignedStatement>,
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
            log: Vec::new(),
            taken: BTreeMap::new(),
            given: BTreeMap::new(),
            open: BTreeSet::new(),
            quarantine: BTreeMap::new(),
            proposals: Vec::new(),
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
            Some(entry) => LogPosition::of(position, &entry.document, &entry.change),
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
            Query::Scope { reader, scope, after, bytes_aim } => {
                self.scope(reader, scope, after, bytes_aim)
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
                let seals: Vec<_> =
                    self.seals[id].iter().map(|seal| (seal.device, seal.head)).collect();
                sum.add(id, &document_digest(&document.heads(), &seals));
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

    fn scope(
        &self,
        reader: Reader,
        scope: Scope,
        after: Option<DocId>,
        bytes_aim: usize,
    ) -> Answer {
        let in_scope = |document: &Document| {
            Scope::of(document.header(), self.party(), reader.party) == Some(scope)
                && !self.open.contains(&(reader.device, document.id()))
        };
        let mut rest = self
            .documents
            .values()
            .filter(|document| after.is_none_or(|after| document.id() > after))
            .filter(|document| in_scope(document));
        let (mut documents, mut bytes) = (Vec::new(), 0);
        for document in rest.by_ref() {
            let batch = self.batch(document, &self.log, None);
            bytes += batch.changes.iter().map(Vec::len).sum::<usize>();
            documents.push(batch);
            if bytes >= bytes_aim {
                break;
            }
        }
        Answer::Scope { documents, more: rest.next().is_some() }
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
            .filter_map(|entry| document.change(&entry.change))
            .map(|change| change.bytes)
            .collect();
        DocumentBatch { header: document.header().clone(), changes, seals: self.seals[&id].clone() }
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
            let document = self.document(&batch.header);
            let seals = self.seals.get(&id).cloned().unwrap_or_default();
            let apart = self.quarantine.get(&id).cloned().unwrap_or_default();
            let held = Held { document: &document, seals: &seals, apart: &apart, log_grew: false };
            let outcome = admit(held, batch, membership);
            let told: BTreeSet<_> = outcome.told().map(|it| it.reason).collect();
            let count = outcome.told().count() as u64;
            self.keep_apart(id, &outcome);
            for change in &outcome.new {
                let (change, origin) = (change.hash, Some(device));
                self.log.push(LogEntry { document: id, change, origin });
            }
            if !outcome.new.is_empty() || self.documents.contains_key(&id) {
                self.documents.insert(id, outcome.document);
                self.seals.insert(id, outcome.seals);
            }
            admitted.documents += u64::from(!outcome.new.is_empty());
            admitted.changes += outcome.new.len() as u64;
            admitted.quarantined += count;
            let reasons = told;
            if reasons.iter().any(|reason| refusal_opens(reason, in_repair)) {
                self.open.insert((device, id));
            } else {
                self.open.remove(&(device, id));
            }
            admitted.refused.extend(reasons.iter().map(|reason| (id, *reason)));
        }
        self.taken.insert(device, upto);
        self.writes += 1;
        admitted
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
        self.given.insert(device, upto);
        self.open.retain(|(other, id)| *other != device || !closed.contains(id));
        self.open.extend(opened.iter().map(|(id, _)| (device, *id)));
        self.writes += 1;
    }
}
