//! The flow of documents over one connection: what is new, its acknowledgements, the comparison of
//! sums, and the batches of one repair.
//!
//! Each side tells the other its sums only for a place of its log up to which the other has
//! everything, so that two sums may be compared whenever nothing is under way.

use std::collections::{BTreeSet, VecDeque};

use onex_crdt::header::DOCUMENT_KINDS;
use onex_crdt::ids::DocId;

use super::link::Wire;
use super::repair::{Next, Repair};
use super::{
    Admitted, Answer, BATCH_BYTES_AIM, BATCHES_IN_FLIGHT_MAX, Effect, Fault, IN_FLIGHT_BYTES_MAX,
    Query, Reader, Side,
};
use crate::admission::{DocumentBatch, HASH_BYTES, NO_RIGHT, TOO_LARGE, refusal_opens};
use crate::message::{
    Ack, BATCH_DOCUMENTS_MAX, Batch, DOCUMENT_BYTES_MAX, End, Have, Hello, LogPosition,
    MESSAGE_BYTES_MAX, Message, MessageError, Origin, PART_BYTES_MAX, Reason, Reconcile, Standing,
    Told,
};
use crate::scope::{Party, Scope, ScopeDigests};

/// Most inflated bytes of batches that wait for the store: what may be in flight, one largest
/// document, and the last message of it.
const HELD_BYTES_MAX: usize = IN_FLIGHT_BYTES_MAX + DOCUMENT_BYTES_MAX + MESSAGE_BYTES_MAX;

/// The state of the flow.
pub(super) struct Exchange {
    side: Side,
    reader: Reader,
    own_party: Party,
    scopes: [Scope; 3],
    /// Messages of proposals that were not answered.
    pub places_awaited: usize,
    /// The place in our log up to which everything was sent.
    sent: LogPosition,
    /// The place in the peer's log up to which everything is taken, or handed to the store.
    taken: LogPosition,
    /// Whether our log may have something for the peer.
    log_grew: bool,
    /// Whether what the peer sent has altered our sums.
    stale: bool,
    /// Whether the peer waits for our last batch, with or without documents in it.
    last_owed: bool,
    /// Whether the peer was told sums that are no longer ours.
    tell: bool,
    /// Whether the store owes an answer.
    asked: bool,
    /// Whether the sums in that answer will be older than a refusal that came since.
    outdated: bool,
    /// How often the membership log has altered while this lasts.
    logs: u64,
    /// How often when the store was last asked.
    logs_asked: u64,
    in_flight: VecDeque<InFlight>,
    /// Documents of which the peer lacks too much: what is new of them says nothing to it.
    withheld: BTreeSet<DocId>,
    parts: Vec<DocumentBatch>,
    parts_bytes: usize,
    admitting: VecDeque<Admitting>,
    acks: Vec<(LogPosition, Vec<(DocId, Reason)>)>,
    acks_heard: u64,
    acks_sent: u64,
    /// How many of our acknowledgements the peer must have heard for its sums to count.
    acks_needed: u64,
    /// Our sums at `sent`.
    own: Option<ScopeDigests>,
    /// Our sums when they were last known.
    newest: Option<ScopeDigests>,
    /// The peer's sums, if it has said that we have everything.
    peer: Option<ScopeDigests>,
    /// Whether the peer's last batch has come.
    peer_done: bool,
    repair: Repair,
}

struct InFlight {
    upto: LogPosition,
    documents: Vec<DocId>,
    bytes: usize,
    in_repair: bool,
    /// How often the membership log had altered when its documents were read.
    logs: u64,
}

struct Admitting {
    upto: LogPosition,
    bytes: usize,
    empty: bool,
    /// What this node may not have at all.
    refused: Vec<(DocId, Reason)>,
}

type Out = Vec<Effect>;

impl Exchange {
    /// Begins where the two Hellos say.
    pub fn new(
        side: Side,
        (reader, own_party): (Reader, Party),
        own: &Hello,
        peer: &Hello,
    ) -> Self {
        let told = own.digests.is_some() && peer.taken == own.log;
        let complete = own.taken == peer.log;
        Self {
            side,
            reader,
            own_party,
            scopes: Scope::between(own_party.org, reader.party.org),
            places_awaited: 0,
            sent: peer.taken,
            taken: own.taken,
            log_grew: !told,
            stale: false,
            last_owed: !told,
            tell: false,
            asked: false,
            outdated: false,
            logs: 0,
            logs_asked: 0,
            in_flight: VecDeque::new(),
            withheld: BTreeSet::new(),
            parts: Vec::new(),
            parts_bytes: 0,
            admitting: VecDeque::new(),
            acks: Vec::new(),
            acks_heard: 0,
            acks_sent: 0,
            acks_needed: 0,
            own: own.digests.filter(|_| told),
            newest: own.digests,
            peer: peer.digests.filter(|_| complete),
            peer_done: complete && peer.digests.is_some(),
            repair: Repair::None,
        }
    }

    /// Whether the peer owes something.
    pub fn is_waiting(&self) -> bool {
        !self.in_flight.is_empty()
            || !self.peer_done
            || self.places_awaited > 0
            || self.repair.is_waiting()
    }

    /// Bytes of a batch whose further parts are awaited.
    pub fn collected(&self) -> usize {
        self.parts_bytes
    }

    pub fn log_grew(&mut self, wire: &mut Wire, out: &mut Out) {
        self.log_grew = true;
        self.pump(wire, out);
    }

    /// The membership log is another one: the store judges everything again.
    pub fn membership_grew(&mut self) {
        self.logs += 1;
    }

    /// Takes a batch, or a part of one, and hands whole ones to the store.
    pub fn batch(
        &mut self,
        batch: Batch,
        inflated: usize,
        wire: &mut Wire,
        out: &mut Out,
    ) -> Result<(), Fault> {
        let Batch { documents, upto, end, origin } = batch;
        wire.reported = false;
        self.parts_bytes += inflated;
        let held: usize = self.admitting.iter().map(|batch| batch.bytes).sum();
        let waiting = self.admitting.len() + self.acks.len();
        if held + self.parts_bytes > HELD_BYTES_MAX || waiting >= BATCHES_IN_FLIGHT_MAX {
            return Err(Fault::Overrun);
        }
        parts_join(&mut self.parts, documents);
        if self.parts.len() > BATCH_DOCUMENTS_MAX {
            return Err(MessageError::TooManyDocuments.into());
        }
        match end {
            End::Part => return Ok(()),
            End::More => (self.peer, self.peer_done) = (None, false),
            End::Last(told) => (self.peer, self.peer_done) = (self.counting(told), true),
        }
        let (documents, foreign): (Vec<_>, Vec<_>) = std::mem::take(&mut self.parts)
            .into_iter()
            .partition(|document| self.own_party.may_read(&document.header));
        let refused = foreign.iter().map(|document| (document.id(), Reason(NO_RIGHT))).collect();
        let bytes = std::mem::take(&mut self.parts_bytes);
        let empty = documents.is_empty();
        self.admitting.push_back(Admitting { upto, bytes, empty, refused });
        self.taken = upto;
        let (peer, device) = (wire.peer, wire.device);
        out.push(Effect::Admit { peer, device, documents, upto, origin });
        Ok(())
    }

    /// The store has made a batch durable: it is acknowledged, as soon as we know where we stand.
    pub fn admitted(&mut self, admitted: Admitted, wire: &mut Wire, out: &mut Out) {
        let Some(batch) = self.admitting.pop_front() else {
            return;
        };
        wire.report.received.documents += admitted.documents;
        wire.report.received.changes += admitted.changes;
        wire.report.quarantined += admitted.quarantined;
        let mut refused = batch.refused;
        refused.extend(admitted.refused.into_iter().map(|(id, reason)| (id, Reason(reason))));
        refused.sort_unstable_by_key(|(id, reason)| (*id, reason.0));
        refused.dedup();
        self.stale |= !batch.empty;
        if !refused.is_empty() {
            // The peer leaves these out of its sums once it has heard of them, and tells them again.
            self.acks_needed = self.acks_sent + self.acks.len() as u64 + 1;
            self.peer = None;
        }
        self.acks.push((batch.upto, refused));
        self.pump(wire, out);
    }

    /// The peer has made our oldest batch in flight durable.
    pub fn ack(&mut self, ack: Ack, wire: &mut Wire, out: &mut Out) -> Result<(), Fault> {
        let Some(batch) = self.in_flight.pop_front().filter(|batch| batch.upto == ack.upto) else {
            return Err(Fault::OutOfOrder { what: "ack" });
        };
        self.acks_heard += 1;
        let refused: Vec<_> = ack.refused.iter().map(|(id, reason)| (*id, reason.0)).collect();
        if refused.iter().any(|(id, _)| !batch.documents.contains(id)) {
            return Err(Fault::OutOfOrder { what: "refusal" });
        }
        let opened = refused.iter().copied();
        // What was sent by an older log may count for nothing here too by now.
        let same_log = batch.logs == self.logs;
        let opened =
            opened.filter(|(_, reason)| same_log && refusal_opens(reason, batch.in_repair));
        let opened: Vec<_> = opened.collect();
        let is_open = |id: &DocId| opened.iter().any(|(other, _)| other == id);
        let closed = batch.documents.iter().copied().filter(|id| !is_open(id)).collect();
        let (device, upto) = (wire.device, ack.upto);
        out.push(Effect::Acknowledged { device, upto, opened, closed });
        // A refusal that was open before may be closed now: our sums are looked at again.
        self.log_grew |= !batch.documents.is_empty();
        if !refused.is_empty() {
            wire.report.refused.extend(refused);
            (self.tell, self.outdated) = (true, self.asked);
        }
        match ack.standing {
            Standing::Behind => self.peer = None,
            Standing::At(upto, told) => {
                self.peer = self.counting(told);
                if upto != self.taken {
                    self.taken = upto;
                    out.push(Effect::Taken { device, upto });
                }
            }
        }
        self.pump(wire, out);
        Ok(())
    }

    /// Takes what the store found. An answer that was not asked for is passed over.
    pub fn answer(&mut self, answer: Answer, wire: &mut Wire, out: &mut Out) -> Result<(), Fault> {
        if !std::mem::take(&mut self.asked) {
            return Ok(());
        }
        let outdated = std::mem::take(&mut self.outdated);
        match answer {
            Answer::State { .. } => {}
            Answer::Delta { documents, upto, more, fingerprints } => {
                self.sent = upto;
                let more = more || outdated;
                let own = (!more).then(|| fingerprints.digests());
                self.tell |= own.is_some_and(|own| self.newest.is_some_and(|told| told != own));
                (self.own, self.newest) = (own, own.or(self.newest));
                self.log_grew |= more;
                let documents = self.sendable(documents, Origin::Delta, wire, out);
                self.delta_send(documents, wire, out);
            }
            Answer::States(states) => {
                if let Repair::UnderWay(work) = &mut self.repair {
                    work.gathered(&states)?;
                }
            }
            Answer::Heads { heads, documents } => {
                if let Repair::UnderWay(work) = &mut self.repair {
                    work.headed(heads);
                }
                self.repair_send(documents, wire, out);
            }
            Answer::Missing { documents, tell, covered } => {
                if let Repair::UnderWay(work) = &mut self.repair {
                    work.served(covered, tell);
                }
                self.repair_send(documents, wire, out);
            }
        }
        self.pump(wire, out);
        Ok(())
    }

    /// Takes a step of the comparison of all documents.
    pub fn reconcile(
        &mut self,
        message: Reconcile,
        wire: &mut Wire,
        out: &mut Out,
    ) -> Result<(), Fault> {
        wire.reported = false;
        self.repair.reconcile(self.side, message, &self.scopes)?;
        self.pump(wire, out);
        Ok(())
    }

    /// Takes what the peer has of documents that differ.
    pub fn have(&mut self, have: Have, wire: &mut Wire, out: &mut Out) -> Result<(), Fault> {
        self.repair.have(have)?;
        self.pump(wire, out);
        Ok(())
    }

    /// Sends what is new; where there is nothing, our sums with an acknowledgement, or alone if the
    /// peer waits for them.
    fn delta_send(&mut self, documents: Vec<DocumentBatch>, wire: &mut Wire, out: &mut Out) {
        let end = self.told().map_or(End::More, End::Last);
        match (documents.is_empty(), self.told()) {
            (true, None) => {}
            (true, Some(_)) if self.stale && !self.last_owed => {}
            (true, Some(told)) if !self.acks.is_empty() && !self.last_owed => {
                self.acks_send(Standing::At(self.sent, told), wire, out);
            }
            (true, Some(_)) if !self.tell && !self.last_owed => {}
            _ => {
                self.acks_send(Standing::Behind, wire, out);
                self.tell = self.stale;
                self.batch_send(documents, end, Origin::Delta, wire, out);
            }
        }
    }

    /// Does the next thing, if nothing must be waited for.
    pub fn pump(&mut self, wire: &mut Wire, out: &mut Out) {
        if self.asked {
            return;
        }
        if !self.has_credit() || (self.stale && !self.peer_done) {
            self.acks_send(Standing::Behind, wire, out);
        }
        if !self.has_credit() {
            return;
        }
        let (reader, bytes_aim) = (self.reader, BATCH_BYTES_AIM);
        if self.log_grew || ((self.stale || self.tell) && self.peer_done) {
            (self.log_grew, self.stale) = (false, false);
            return self.ask(Query::Delta { reader, since: self.sent, bytes_aim }, wire, out);
        }
        loop {
            match self.repair.next(reader) {
                Next::Ask(query) => return self.ask(query, wire, out),
                Next::Say(message) => {
                    wire.reported = false;
                    wire.send(&message, out);
                }
                Next::Wait | Next::Over => break,
            }
        }
        if self.last_owed && !self.repair.is_under_way() {
            return self.ask(Query::Delta { reader, since: self.sent, bytes_aim }, wire, out);
        }
        if let Some(told) = self.told() {
            self.acks_send(Standing::At(self.sent, told), wire, out);
        }
        self.compare(wire, out);
    }

    fn ask(&mut self, query: Query, wire: &mut Wire, out: &mut Out) {
        (self.asked, self.logs_asked) = (true, self.logs);
        wire.ask(query, out);
    }

    /// When nothing is under way, compares the sums: equal, or a repair, or the truth.
    fn compare(&mut self, wire: &mut Wire, out: &mut Out) {
        let under_way = self.stale
            || self.tell
            || self.last_owed
            || !self.in_flight.is_empty()
            || !self.admitting.is_empty()
            || !self.parts.is_empty()
            || !self.acks.is_empty()
            || self.places_awaited > 0
            || self.repair.is_under_way();
        let (Some(own), Some(peer), false) = (self.own, self.peer, under_way) else {
            return;
        };
        let differing = own.differing(&peer, self.scopes);
        wire.report.equal = differing.is_empty();
        if differing.is_empty() {
            self.sent_whole(self.withheld.clone(), wire);
        }
        match self.repair {
            Repair::None if !differing.is_empty() => {
                self.repair.begin(self.side, differing);
                self.pump(wire, out);
            }
            Repair::Awaited if !differing.is_empty() => {}
            Repair::Awaited => {
                self.repair = Repair::None;
                wire.finish(out);
            }
            _ => wire.finish(out),
        }
    }

    /// Leaves out what the peer or we may not read, and what no receiver would hold, which is said;
    /// urgent kinds go first. A repair sends all that the peer lacks of a document, a delta only
    /// what is new of it.
    fn sendable(
        &mut self,
        documents: Vec<DocumentBatch>,
        origin: Origin,
        wire: &mut Wire,
        out: &mut Out,
    ) -> Vec<DocumentBatch> {
        let (own, peer) = (self.own_party, self.reader.party);
        let known = |id| origin == Origin::Delta && self.withheld.contains(&id);
        let (mut documents, large): (Vec<_>, Vec<_>) = documents
            .into_iter()
            .filter(|document| Scope::of(&document.header, own, peer).is_some())
            .partition(|it| it.bytes() <= DOCUMENT_BYTES_MAX && !known(it.id()));
        if origin == Origin::Repair {
            self.sent_whole(documents.iter().map(DocumentBatch::id).collect(), wire);
        }
        if !large.is_empty() {
            let (device, large) = (wire.device, large.iter().map(DocumentBatch::id));
            let large: Vec<_> = large.collect();
            let new = large.iter().filter(|id| self.withheld.insert(**id));
            wire.report.refused.extend(new.map(|id| (*id, TOO_LARGE)));
            out.push(Effect::Withheld { device, documents: large });
        }
        let urgency = |document: &DocumentBatch| {
            DOCUMENT_KINDS.iter().position(|kind| kind.key == document.header.kind)
        };
        documents.sort_by_cached_key(|document| (urgency(document), document.id()));
        documents
    }

    /// Takes back that documents were too large: the peer lacks nothing of them, or will not.
    fn sent_whole(&mut self, documents: BTreeSet<DocId>, wire: &mut Wire) {
        let whole = |id: &DocId| self.withheld.contains(id) && documents.contains(id);
        wire.report.refused.retain(|(id, reason)| *reason != TOO_LARGE || !whole(id));
        self.withheld.retain(|id| !documents.contains(id));
    }

    fn repair_send(&mut self, documents: Vec<DocumentBatch>, wire: &mut Wire, out: &mut Out) {
        let documents = self.sendable(documents, Origin::Repair, wire, out);
        if !documents.is_empty() {
            self.batch_send(documents, End::More, Origin::Repair, wire, out);
        }
    }

    fn batch_send(
        &mut self,
        documents: Vec<DocumentBatch>,
        end: End,
        origin: Origin,
        wire: &mut Wire,
        out: &mut Out,
    ) {
        wire.reported = false;
        wire.report.sent.documents += documents.len() as u64;
        wire.report.sent.changes +=
            documents.iter().map(|document| document.changes.len() as u64).sum::<u64>();
        let ids = documents.iter().map(DocumentBatch::id).collect();
        let upto = self.sent;
        let mut parts = parts_split(documents);
        let last = parts.pop().unwrap_or_default();
        let mut bytes = 0;
        for documents in parts {
            let part = Batch { documents, upto, end: End::Part, origin };
            bytes += wire.send(&Message::Batch(part), out);
        }
        bytes += wire.send(&Message::Batch(Batch { documents: last, upto, end, origin }), out);
        self.last_owed = !matches!(end, End::Last(_));
        let (in_repair, logs) = (origin == Origin::Repair, self.logs_asked);
        self.in_flight.push_back(InFlight { upto, documents: ids, bytes, in_repair, logs });
    }

    /// Sends the acknowledgements that are due. Whoever is told nothing of our sums now will be.
    fn acks_send(&mut self, standing: Standing, wire: &mut Wire, out: &mut Out) {
        if !self.acks.is_empty() {
            self.tell = standing == Standing::Behind;
        }
        for (upto, refused) in std::mem::take(&mut self.acks) {
            self.acks_sent += 1;
            wire.send(&Message::Ack(Ack { upto, refused, standing }), out);
        }
    }

    /// Our sums, as they are told now.
    fn told(&self) -> Option<Told> {
        self.own.map(|digests| Told { acks_heard: self.acks_heard, digests })
    }

    /// The peer's sums, unless it told them before it heard of our last refusal.
    fn counting(&self, told: Told) -> Option<ScopeDigests> {
        (told.acks_heard >= self.acks_needed).then_some(told.digests)
    }

    fn has_credit(&self) -> bool {
        let bytes: usize = self.in_flight.iter().map(|batch| batch.bytes).sum();
        self.in_flight.len() < BATCHES_IN_FLIGHT_MAX
            && (self.in_flight.is_empty() || bytes + BATCH_BYTES_AIM <= IN_FLIGHT_BYTES_MAX)
    }
}

/// Cuts documents into messages of at most `PART_BYTES_MAX`; one that is cut appears again in the
/// next message, its seals with its last changes.
fn parts_split(documents: Vec<DocumentBatch>) -> Vec<Vec<DocumentBatch>> {
    let mut parts = Parts { done: Vec::new(), open: Vec::new(), filled: 0 };
    for DocumentBatch { header, changes, seals, apart } in documents {
        let sealing = seals.len() * crate::seal::SEAL_BYTES_MAX;
        let mut piece = DocumentBatch::empty(header);
        for change in changes {
            parts.make_room(change.len(), sealing, &mut piece);
            piece.changes.push(change);
        }
        for hash in apart {
            parts.make_room(HASH_BYTES, sealing, &mut piece);
            piece.apart.push(hash);
        }
        piece.seals = seals;
        parts.filled += sealing;
        parts.open.push(piece);
    }
    parts.done.push(parts.open);
    parts.done
}

struct Parts {
    done: Vec<Vec<DocumentBatch>>,
    open: Vec<DocumentBatch>,
    filled: usize,
}

impl Parts {
    /// Closes the open part if so many bytes have no room in it beside the seals of their document.
    fn make_room(&mut self, bytes: usize, sealing: usize, piece: &mut DocumentBatch) {
        if self.filled + bytes + sealing > PART_BYTES_MAX && self.filled > 0 {
            let next = DocumentBatch::empty(piece.header.clone());
            let whole = std::mem::replace(piece, next);
            let has_some = !whole.changes.is_empty() || !whole.apart.is_empty();
            self.open.extend(Some(whole).filter(|_| has_some));
            self.done.push(std::mem::take(&mut self.open));
            self.filled = 0;
        }
        self.filled += bytes;
    }
}

/// Appends a part: where it goes on with the document that came last, to that one.
fn parts_join(parts: &mut Vec<DocumentBatch>, documents: Vec<DocumentBatch>) {
    for document in documents {
        match parts.last_mut().filter(|last| last.header == document.header) {
            Some(last) => {
                last.changes.extend(document.changes);
                last.seals.extend(document.seals);
                last.apart.extend(document.apart);
            }
            None => parts.push(document),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onex_crdt::header::PLAN;
    use onex_crdt::ids::{NetworkId, OrgId};

    fn document(year: u16, changes: &[usize]) -> DocumentBatch {
        let header = PLAN.of(NetworkId([1; 16]), OrgId([2; 16]), year);
        let changes = changes.iter().map(|length| vec![7; *length]).collect();
        DocumentBatch { changes, ..DocumentBatch::empty(header) }
    }

    /// Documents are cut into parts with these numbers of changes per document, and come back.
    fn check(documents: Vec<DocumentBatch>, expected: &[&[usize]]) {
        let parts = parts_split(documents.clone());
        let counts: Vec<Vec<_>> =
            parts.iter().map(|part| part.iter().map(|it| it.changes.len()).collect()).collect();
        assert_eq!(counts, expected);
        let mut joined = Vec::new();
        parts.into_iter().for_each(|part| parts_join(&mut joined, part));
        assert_eq!(joined, documents);
    }

    #[test]
    fn documents_that_are_too_large_go_in_parts() {
        let half = PART_BYTES_MAX / 2;
        check(vec![], &[&[]]);
        check(vec![document(1, &[10, 10]), document(2, &[10])], &[&[2, 1]]);
        check(vec![document(1, &[half, half]), document(2, &[1])], &[&[2], &[1]]);
        check(vec![document(1, &[half, half, 1]), document(2, &[1])], &[&[2], &[1, 1]]);
        check(vec![document(1, &[half; 5])], &[&[2], &[2], &[1]]);
        check(vec![document(1, &[]), document(2, &[])], &[&[0, 0]]);
    }
}
