//! What stands in the sums of a node follows from what it knows, not from the order in which it
//! came to know it: forks that come whole, and documents in which nothing counts any more.

use onex_crdt::document::Authorship;
use onex_crdt::header::ORGANISATION;
use onex_crdt::ids::{Actor, Digest, OrgId};
use onex_crdt::record::{Fields, Record as _};
use onex_crdt::records::contact::Contact;
use onex_protocol::key::SigningKey;
use onex_protocol::machine::{Answer, Own, Query, Reader};
use onex_protocol::repair::Known;
use onex_protocol::scope::Party;
use onex_protocol::seal::{Seal, SealBody};
use onex_protocol::statement::{Frontier, RemovalReason, Root};

use super::*;
use crate::clock::Clock;
use crate::store::{Store, sync};

pub(super) const HUB: OrgId = OrgId([0xa1; 16]);
pub(super) const COLLEGE: OrgId = OrgId([0xb2; 16]);

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// A device says something, and the hub gives it its place.
pub(super) fn said(log: &mut Membership, by: u8, body: Statement) {
    let statement = log.propose(&key(by), body);
    let entry = log.sequence(&key(1), statement).expect("an allowed statement");
    log.append(entry).expect("it is next");
}

/// A hub with one device.
pub(super) fn founded() -> Membership {
    let root = Root {
        nonce: [0x11; 16],
        org: HUB,
        name: "省项目办".to_owned(),
        region: "610000".to_owned(),
        hub_key: key(1).public(),
        person: "郝敏".to_owned(),
    };
    Membership::found(&key(1), root).expect("a good root")
}

/// A hub, and a college with one device.
fn membership() -> Membership {
    let mut log = founded();
    let (org, role, name) = (COLLEGE, OrgRole::College, "某学院".to_owned());
    said(&mut log, 1, Statement::AddOrganisation { org, role, name });
    let (key, person) = (key(2).public(), "王芳".to_owned());
    said(&mut log, 1, Statement::AddDevice { org, key, person });
    log
}

fn header() -> Header {
    ORGANISATION.of(membership().network(), COLLEGE, 2026)
}

/// Changes of one actor of the college's device, each with a contact, and the seal of the last.
fn branch(contacts: &[u8]) -> (Vec<Change>, Seal) {
    branch_again(contacts, None)
}

/// The same, which writes something again that was kept apart.
fn branch_again(contacts: &[u8], source: Option<ChangeHash>) -> (Vec<Change>, Seal) {
    let mut document = Document::genesis(header());
    let author = Authorship {
        action: "contact.add".to_owned(),
        person: "王芳".to_owned(),
        at_seconds: 0,
        batch: None,
        undoes: None,
        source,
    };
    let fresh = source.map_or([1; 8], |hash| hash.0[..8].try_into().expect("a hash has more"));
    let actor = Actor::new(key(2).device(), fresh);
    let write = |number: &u8| {
        let (kind, id) = (Contact::KIND, RecordId([*number; 16]));
        let writes = [Write::Create { kind, id, fields: Fields::new() }];
        document.write(actor, &author, &writes).expect("it is written").expect("it is new")
    };
    let changes: Vec<Change> = contacts.iter().map(write).collect();
    let last = changes.last().expect("there is one");
    let body = SealBody {
        network: header().network,
        document: header().id(),
        head: last.hash,
        actor,
        seq: last.seq,
        membership_position: membership().position(),
    };
    let seal = Seal::make(&key(2), body);
    (changes, seal)
}

/// The hub's device, at the beginning.
struct Hub {
    _folder: tempfile::TempDir,
    store: Store,
    engine: Engine,
    log: Membership,
    who: Who,
}

impl Hub {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db"), &[7; 32]).expect("a store");
        let (log, clock) = (membership(), Clock::default());
        let who = Who {
            network: log.network(),
            org: HUB,
            org_role: OrgRole::Hub,
            device: key(1).device(),
            roles: [PersonRole::Lead, PersonRole::Admin].into(),
            person: "郝敏".to_owned(),
            now: clock.now(),
        };
        Self { _folder: folder, store, engine: Engine::new(key(1), clock), log, who }
    }

    fn take(&mut self, branches: &[(Vec<Change>, Seal)]) -> Taken {
        let changes = branches.iter().flat_map(|(changes, _)| changes);
        let seals = branches.iter().map(|(_, seal)| seal.clone()).collect();
        self.take_with(changes, seals)
    }

    fn take_with<'a>(
        &mut self,
        changes: impl IntoIterator<Item = &'a Change>,
        seals: Vec<Seal>,
    ) -> Taken {
        let changes = changes.into_iter().map(|change| change.bytes.clone()).collect();
        let batch = DocumentBatch { changes, seals, ..DocumentBatch::empty(header()) };
        let transaction = self.store.write().expect("a transaction");
        let from = key(2).device();
        let taken = self.engine.take(&transaction, &self.log, &self.who, from, vec![batch]);
        let taken = taken.expect("it is judged");
        transaction.commit().expect("stored");
        taken
    }

    fn hear(&mut self, body: Statement) {
        let from = self.log.position() + 1;
        said(&mut self.log, 1, body);
        let transaction = self.store.write().expect("a transaction");
        let grown = self.engine.log_grew(&transaction, &self.log, &self.who, from);
        grown.expect("it is judged");
        transaction.commit().expect("stored");
    }

    /// The state of the document, as it enters the sums.
    fn state(&self) -> Option<Digest> {
        let states = sync::states(self.store.read()).expect("readable");
        states.get(&header().id()).map(|(_, state)| *state)
    }

    /// What is listed as kept apart, with the reasons.
    fn apart(&self) -> Vec<(ChangeHash, String)> {
        let held = quarantine::all(self.store.read()).expect("readable");
        let mut apart: Vec<_> =
            held.into_iter().filter_map(|it| Some((it.change?, it.reason))).collect();
        apart.sort();
        apart
    }

    /// The changes that somebody is sent who has nothing.
    fn sent(&mut self, query: impl FnOnce(Reader) -> Query) -> Vec<Vec<u8>> {
        let party = Party { org: COLLEGE, role: OrgRole::College };
        let reader = Reader { device: key(3).device(), party };
        let Who { network, org, org_role: role, device, .. } = self.who;
        let own = Own { device, org, role, network };
        let answer = self.engine.answer(self.store.read(), own, query(reader));
        let documents = match answer.expect("it answers") {
            Answer::Delta { documents, .. } | Answer::Missing { documents, .. } => documents,
            other => panic!("not asked for: {other:?}"),
        };
        documents.into_iter().flat_map(|batch| batch.changes).collect()
    }
}

/// Whichever came first, what was written again is known to have been.
#[test]
fn what_somebody_else_wrote_again_is_adopted() {
    let lost = branch(&[1, 2]);
    let again = lost.0.iter().map(|change| branch_again(&[3], Some(change.hash)));
    let again: Vec<_> = again.collect();
    for (one_first, other_first) in [(true, true), (true, false), (false, false)] {
        let mut hub = Hub::new();
        let states = |hub: &Hub| {
            let held = quarantine::all(hub.store.read()).expect("readable").into_iter();
            held.map(|it| (it.change, it.state)).collect::<BTreeMap<_, _>>()
        };
        for (at, first) in [one_first, other_first].into_iter().enumerate() {
            let (change, written) = (&lost.0[at..=at], &again[at]);
            if first {
                hub.take_with(change, Vec::new());
                assert_eq!(states(&hub)[&Some(change[0].hash)], "held");
            }
            hub.take(std::slice::from_ref(written));
            if !first {
                hub.take_with(change, Vec::new());
            }
            let states = states(&hub);
            assert_eq!(states[&Some(change[0].hash)], "adopted", "{at}, first: {first}");
        }
    }
}

fn forked(branches: &[&(Vec<Change>, Seal)]) -> Vec<(ChangeHash, String)> {
    let changes = branches.iter().flat_map(|(changes, _)| changes);
    let mut forked: Vec<_> = changes.map(|change| (change.hash, "fork".to_owned())).collect();
    forked.sort();
    forked
}

fn chosen(taken: &Taken) -> Option<ChangeHash> {
    match taken.statements.as_slice() {
        [Statement::Resolve { head, .. }] => Some(*head),
        _ => None,
    }
}

#[test]
fn a_fork_that_comes_whole_is_shown_and_resolved() {
    let (short, long) = (branch(&[1]), branch(&[2, 3]));
    let (mut at_once, mut in_turn) = (Hub::new(), Hub::new());
    let taken = at_once.take(&[short.clone(), long.clone()]);
    assert_eq!(taken.admitted, 0);
    assert_eq!(at_once.apart(), forked(&[&short, &long]), "both are listed");
    let nothing = |reader| Query::Missing {
        reader,
        documents: vec![(header().id(), Known::Nothing)],
        bytes_aim: usize::MAX,
    };
    assert_eq!(at_once.sent(nothing).len(), 3, "others are shown both");
    assert_eq!(in_turn.take(std::slice::from_ref(&short)).admitted, 1);
    let later = in_turn.take(std::slice::from_ref(&long));
    assert_eq!(in_turn.apart(), at_once.apart());
    assert_eq!(in_turn.state(), at_once.state(), "whatever came first");
    assert!(at_once.state().is_some());
    assert_eq!(chosen(&later), Some(short.0[0].hash), "what was here first");
    assert_eq!(chosen(&taken), Some(long.0[1].hash), "nothing was: the longer one");
    for hub in [&mut at_once, &mut in_turn] {
        hub.hear(taken.statements[0].clone());
        assert_eq!(hub.apart(), forked(&[&short]));
    }
    assert_eq!(in_turn.state(), at_once.state());
    let document = at_once.engine.document(at_once.store.read(), &header()).expect("readable");
    assert_eq!(document.heads(), [long.0[1].hash]);
}

#[test]
fn a_document_in_which_nothing_counts_stands_nowhere() {
    let work = branch(&[1, 2]);
    let (mut had, mut heard_first) = (Hub::new(), Hub::new());
    assert_eq!(had.take(std::slice::from_ref(&work)).admitted, 2);
    assert!(had.state().is_some());
    let removal = Statement::RemoveDevice {
        device: key(2).device(),
        reason: RemovalReason::Lost,
        frontier: Frontier::default(),
    };
    had.hear(removal.clone());
    heard_first.hear(removal);
    assert_eq!(heard_first.take(std::slice::from_ref(&work)).admitted, 0);
    assert_eq!((had.state(), heard_first.state()), (None, None));
    assert_eq!(had.apart(), heard_first.apart(), "it is listed at both");
    assert_eq!(had.apart().len(), 2);
    let since = onex_protocol::message::LogPosition::START;
    let all = |reader| Query::Delta { reader, since, bytes_aim: usize::MAX };
    assert_eq!(had.sent(all).len(), 0, "and sent to nobody");
}
