//! What a member that means harm does to a node that takes its work.

use onex_crdt::act::Act;
use onex_crdt::document::Authorship;
use onex_crdt::header::{APPLICATION, ORGANISATION};
use onex_crdt::ids::{Actor, Digest, OrgId, Salt};
use onex_crdt::record::{Fields, Record as _};
use onex_crdt::records::contact::Contact;
use onex_crdt::records::receipt::ReceiptRow;
use onex_crdt::value::Value;
use onex_protocol::seal::{Seal, SealBody};
use onex_protocol::statement::{Frontier, RemovalReason};

use super::tests::{COLLEGE, HUB, founded, key, said};
use super::*;
use crate::clock::Clock;
use crate::store::{Store, projection, sync};

const EVALUATOR: OrgId = OrgId([0xc3; 16]);
/// The device that means harm, and its honest colleague.
const HARMFUL: u8 = 2;
const HONEST: u8 = 3;

/// A hub, an evaluator, and a college with two devices, both with an admin; at the harmful one he
/// submits, too.
fn membership() -> Membership {
    let mut log = founded();
    for (org, role) in [(COLLEGE, OrgRole::College), (EVALUATOR, OrgRole::Evaluator)] {
        said(&mut log, 1, Statement::AddOrganisation { org, role, name: "某机构".to_owned() });
    }
    for (by, seed) in [(1, HARMFUL), (HARMFUL, HONEST)] {
        let (key, person) = (key(seed).public(), "王芳".to_owned());
        said(&mut log, by, Statement::AddDevice { org: COLLEGE, key, person });
    }
    for (seed, role) in [(HONEST, PersonRole::Admin), (HARMFUL, PersonRole::Coordinator)] {
        let (device, person) = (key(seed).device(), "王芳".to_owned());
        said(&mut log, HARMFUL, Statement::GrantRole { device, person, role });
    }
    log
}

fn header() -> Header {
    ORGANISATION.of(membership().network(), COLLEGE, 2026)
}

fn author() -> Authorship {
    Authorship {
        action: "contact.add".to_owned(),
        person: "王芳".to_owned(),
        at_seconds: 0,
        batch: None,
        undoes: None,
        source: None,
    }
}

fn written(document: &mut Document, actor: [u8; 8], writes: &[Write]) -> (Change, Seal) {
    written_by(&author(), document, actor, writes)
}

fn written_by(
    author: &Authorship,
    document: &mut Document,
    actor: [u8; 8],
    writes: &[Write],
) -> (Change, Seal) {
    let actor = Actor::new(key(HARMFUL).device(), actor);
    let change = document.write(actor, author, writes).expect("it is written");
    let change = change.expect("it is new");
    let body = SealBody {
        network: document.header().network,
        document: document.id(),
        head: change.hash,
        actor,
        seq: change.seq,
        membership_position: membership().position(),
    };
    (change, Seal::make(&key(HARMFUL), body))
}

/// The honest device, or the hub's, at the beginning.
struct Place {
    _folder: tempfile::TempDir,
    store: Store,
    engine: Engine,
    log: Membership,
    who: Who,
}

impl Place {
    fn new() -> Self {
        Self::of(HONEST, (COLLEGE, OrgRole::College), "王芳")
    }

    fn hub() -> Self {
        Self::of(1, (HUB, OrgRole::Hub), "郝敏")
    }

    fn of(seed: u8, (org, org_role): (OrgId, OrgRole), person: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db"), &[7; 32]).expect("a store");
        let (log, clock) = (membership(), Clock::default());
        let who = Who {
            network: log.network(),
            org,
            org_role,
            device: key(seed).device(),
            roles: [PersonRole::Admin].into(),
            person: person.to_owned(),
            now: clock.now(),
        };
        Self { _folder: folder, store, engine: Engine::new(key(seed), clock), log, who }
    }

    fn take(&mut self, batch: DocumentBatch) -> Result<Taken, EngineError> {
        let transaction = self.store.write().expect("a transaction");
        let from = key(HARMFUL).device();
        let taken = self.engine.take(&transaction, &self.log, &self.who, from, vec![batch])?;
        transaction.commit().expect("stored");
        Ok(taken)
    }

    fn write(&mut self, writes: Vec<(Header, Write)>) {
        let transaction = self.store.write().expect("a transaction");
        let mut work = Work::default();
        let done = self.engine.write(&transaction, &self.log, &mut work, &author(), writes);
        done.expect("it is written");
        self.engine.seal(&transaction, &self.log, work).expect("it is sealed");
        transaction.commit().expect("stored");
    }

    fn state(&self) -> Option<Digest> {
        let states = sync::states(self.store.read()).expect("readable");
        states.get(&header().id()).map(|(_, state)| *state)
    }

    fn hear(&mut self, by: u8, body: Statement) -> Result<Taken, EngineError> {
        let from = self.log.position() + 1;
        said(&mut self.log, by, body);
        let transaction = self.store.write().expect("a transaction");
        let grown = self.engine.log_grew(&transaction, &self.log, &self.who, from)?;
        transaction.commit().expect("stored");
        Ok(grown)
    }
}

fn batch(header: Header, work: &[&(Change, Seal)]) -> DocumentBatch {
    let changes = work.iter().map(|(change, _)| change.bytes.clone()).collect();
    let seals = work.iter().map(|(_, seal)| seal.clone()).collect();
    DocumentBatch { changes, seals, ..DocumentBatch::empty(header) }
}

/// A record of which only a register counts any more looks as if it were there, and cannot be set.
#[test]
fn what_cannot_be_written_again_does_not_keep_a_node_from_hearing_of_a_removal() {
    let mut place = Place::new();
    let mut document = Document::genesis(header());
    let (kind, id, name) = (Contact::KIND, RecordId([9; 16]), Some(Value::Text("甲".to_owned())));
    let register = Write::Register { kind, id, key: "name", value: name.clone() };
    let stays = written(&mut document, [1; 8], &[register]);
    let create = Write::Create { kind, id, fields: Fields::new() };
    let goes = written(&mut document, [1; 8], &[create]);
    let taken = place.take(batch(header(), &[&stays, &goes])).expect("it is judged");
    assert_eq!(taken.admitted, 2);
    let (key_of, value) = ("name".to_owned(), Some(Value::Text("乙".to_owned())));
    place.write(vec![(header(), Write::Set { kind, id, key: key_of, value })]);
    let (device, reason) = (key(HARMFUL).device(), RemovalReason::Lost);
    let frontier = Frontier::whole(vec![stays.1.clone()]);
    let removal = Statement::RemoveDevice { device, reason, frontier };
    place.hear(1, removal).expect("the removal is taken");
    let document = place.engine.document(place.store.read(), &header()).expect("readable");
    assert_eq!(document.heads(), [stays.0.hash]);
}

/// A peer of whom nothing more is kept apart still shows a fork; what counts must not go to and
/// fro with what is judged next.
#[test]
fn a_fork_is_remembered_whatever_its_bearer_has_sent_before() {
    let mut place = Place::new();
    let junk = |numbers: std::ops::Range<u32>| {
        let changes = numbers.map(|n| [&[7; 60][..], &n.to_be_bytes()].concat()).collect();
        DocumentBatch { changes, ..DocumentBatch::empty(header()) }
    };
    place.take(junk(0..1000)).expect("it is judged");
    let create = |n: u8| {
        let (kind, id) = (Contact::KIND, RecordId([n; 16]));
        let writes = [Write::Create { kind, id, fields: Fields::new() }];
        written(&mut Document::genesis(header()), [1; 8], &writes)
    };
    let (one, other) = (create(1), create(2));
    assert_eq!(place.take(batch(header(), &[&one])).expect("it is judged").admitted, 1);
    place.take(batch(header(), &[&other])).expect("it is judged");
    let forked = place.state();
    place.take(junk(1000..1001)).expect("it is judged");
    assert_eq!(place.state(), forked, "nothing that matters has come");
}

/// Each reading costs a copy of the document: so many at a time, and what was read is not read
/// again, however often it is sent.
#[test]
fn what_is_kept_apart_is_read_once_and_little_by_little() {
    let mut place = Place::new();
    let stranger = Authorship { person: "某人".to_owned(), ..author() };
    let forbidden = |number: u8| {
        let (kind, id) = (Contact::KIND, RecordId([number; 16]));
        let writes = [Write::Create { kind, id, fields: Fields::new() }];
        written_by(&stranger, &mut Document::genesis(header()), [number; 8], &writes)
    };
    let count = READ_MAX + READ_MAX / 2;
    let work: Vec<_> = (0..count as u8).map(forbidden).collect();
    let sent = batch(header(), &work.iter().collect::<Vec<_>>());
    for expected in [READ_MAX, count] {
        let taken = place.take(sent.clone()).expect("it is judged");
        assert_eq!((taken.admitted, taken.refused.len()), (0, count));
        let held = quarantine::all(place.store.read()).expect("readable");
        assert_eq!(held.len(), count);
        assert_eq!(held.iter().filter(|it| it.content.is_some()).count(), expected);
    }
}

/// A line of the college.
const LINE: RecordId = RecordId(COLLEGE.0);

/// A submission of it.
fn submit(number: u64) -> Write {
    Write::Act(
        Act {
            id: ActId([0; 16]),
            kind: "application.submit".to_owned(),
            subject: LINE,
            person: "王芳".to_owned(),
            device: key(HARMFUL).device(),
            at: "2026-04-01T12:00:00+08:00".to_owned(),
            position: membership().position(),
            after: Vec::new(),
            judged: None,
            body: [("reason".to_owned(), Value::Text(format!("理由{number}")))].into(),
            salt: Some(Salt([5; 16])),
        }
        .identified(),
    )
}

/// Each pass looks at all acts on the line: a hub gives so many receipts at once, and the others
/// when it hears of the line again.
#[test]
fn of_one_line_so_many_receipts_are_given_at_once() {
    let mut place = Place::hub();
    let header = APPLICATION.between(membership().network(), COLLEGE, EVALUATOR, 2026);
    let mut document = Document::genesis(header.clone());
    for (numbers, expected) in [(0..300, 240), (300..301, 301)] {
        let writes: Vec<_> = numbers.map(submit).collect();
        let work = written(&mut document, [1; 8], &writes);
        let taken = place.take(batch(header.clone(), &[&work])).expect("it is judged");
        assert_eq!(taken.admitted, 1);
        let given = projection::count(place.store.read(), ReceiptRow::KIND).expect("readable");
        assert_eq!(given, expected);
    }
}
