//! What a member that means harm does to a node that takes its work.

use onex_crdt::document::Authorship;
use onex_crdt::header::ORGANISATION;
use onex_crdt::ids::{Actor, Digest, OrgId};
use onex_crdt::record::{Fields, Record as _};
use onex_crdt::records::contact::Contact;
use onex_crdt::value::Value;
use onex_protocol::key::SigningKey;
use onex_protocol::seal::{Seal, SealBody};
use onex_protocol::statement::{Frontier, RemovalReason, Root};

use super::*;
use crate::clock::Clock;
use crate::store::{Store, sync};

const HUB: OrgId = OrgId([0xa1; 16]);
const COLLEGE: OrgId = OrgId([0xb2; 16]);
/// The device that means harm, and its honest colleague.
const HARMFUL: u8 = 2;
const HONEST: u8 = 3;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn said(log: &mut Membership, by: u8, body: Statement) {
    let statement = log.propose(&key(by), body);
    let entry = log.sequence(&key(1), statement).expect("an allowed statement");
    log.append(entry).expect("it is next");
}

/// A hub, and a college with two devices, both with an admin.
fn membership() -> Membership {
    let root = Root {
        nonce: [0x11; 16],
        org: HUB,
        name: "省项目办".to_owned(),
        region: "610000".to_owned(),
        hub_key: key(1).public(),
        person: "郝敏".to_owned(),
    };
    let mut log = Membership::found(&key(1), root).expect("a good root");
    let (org, role, name) = (COLLEGE, OrgRole::College, "某学院".to_owned());
    said(&mut log, 1, Statement::AddOrganisation { org, role, name });
    for (by, seed) in [(1, HARMFUL), (HARMFUL, HONEST)] {
        let (key, person) = (key(seed).public(), "王芳".to_owned());
        said(&mut log, by, Statement::AddDevice { org: COLLEGE, key, person });
    }
    let (device, person, role) = (key(HONEST).device(), "王芳".to_owned(), PersonRole::Admin);
    said(&mut log, HARMFUL, Statement::GrantRole { device, person, role });
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
    let actor = Actor::new(key(HARMFUL).device(), actor);
    let change = document.write(actor, &author(), writes).expect("it is written");
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

/// The honest device, at the beginning.
struct Place {
    _folder: tempfile::TempDir,
    store: Store,
    engine: Engine,
    log: Membership,
    who: Who,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db"), &[7; 32]).expect("a store");
        let (log, clock) = (membership(), Clock::default());
        let who = Who {
            network: log.network(),
            org: COLLEGE,
            org_role: OrgRole::College,
            device: key(HONEST).device(),
            roles: [PersonRole::Admin].into(),
            person: "王芳".to_owned(),
            now: clock.now(),
        };
        Self { _folder: folder, store, engine: Engine::new(key(HONEST), clock), log, who }
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
