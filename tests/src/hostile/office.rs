//! Organisations with three devices each, and a document of every kind that one of them owns: the
//! first device began it, the second is hostile, the third is an honest colleague.

use onex_crdt::act::Act;
use onex_crdt::document::{Authorship, Change, Document, Write};
use onex_crdt::field::Shape;
use onex_crdt::header::{
    AGREEMENT, APPLICATION, CATALOGUE, CLASS, DECISIONS, DIRECTORY, Header, LEARNERS, LISTING,
    ORGANISATION, PILOT_STUDENTS, PLAN,
};
use onex_crdt::ids::{ActId, Actor, DeviceId, NetworkId, OrgId, RecordId};
use onex_crdt::record::{Fields, RecordKind};
use onex_crdt::registry;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_protocol::admission::{DocumentBatch, Held};
use onex_protocol::key::SigningKey;
use onex_protocol::membership::Membership;
use onex_protocol::seal::{Seal, SealBody, newest};
use onex_protocol::statement::{Root, Statement};

/// The hub.
pub const HUB: OrgId = OrgId([0xa1; 16]);
/// A college.
pub const COLLEGE: OrgId = OrgId([0xb2; 16]);
/// An evaluator.
pub const EVALUATOR: OrgId = OrgId([0xd5; 16]);
/// The year of everything.
pub const YEAR: u16 = 2026;
/// The seed of the device that sequences the log.
const HUB_1: u8 = 1;
/// The first devices' seeds; each organisation has the next two as well.
const FIRST: [(OrgId, u8); 3] = [(HUB, HUB_1), (COLLEGE, 11), (EVALUATOR, 21)];

/// A member of the network that every test knows.
pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The log of all organisations and devices.
pub fn membership() -> Membership {
    let root = Root {
        nonce: [0x11; 16],
        org: HUB,
        name: "省项目办".to_owned(),
        region: "610000".to_owned(),
        hub_key: key(HUB_1).public(),
        person: "王芳".to_owned(),
    };
    let mut log = Membership::found(&key(HUB_1), root).expect("a good root");
    for (org, role) in [(COLLEGE, OrgRole::College), (EVALUATOR, OrgRole::Evaluator)] {
        say(&mut log, HUB_1, Statement::AddOrganisation { org, role, name: "某机构".to_owned() });
    }
    for (org, first) in FIRST {
        for seed in first..first + 3 {
            if seed != HUB_1 {
                let by = if seed == first { HUB_1 } else { first };
                let (key, person) = (key(seed).public(), "王芳".to_owned());
                let device = key.device();
                say(&mut log, by, Statement::AddDevice { org, key, person: person.clone() });
                let role = PersonRole::Admin;
                if seed != first {
                    say(&mut log, first, Statement::GrantRole { device, person, role });
                }
            }
        }
    }
    log
}

fn say(log: &mut Membership, seed: u8, body: Statement) {
    let statement = log.propose(&key(seed), body);
    let entry = log.sequence(&key(HUB_1), statement).expect("an allowed statement");
    log.append(entry).expect("it is next");
}

/// The header of a document of every kind.
pub fn headers(network: NetworkId) -> Vec<Header> {
    let shard = (key(11).device(), 0);
    vec![
        DECISIONS.between(network, HUB, COLLEGE, YEAR),
        DIRECTORY.of(network, HUB, YEAR),
        LISTING.of(network, HUB, YEAR),
        ORGANISATION.of(network, COLLEGE, YEAR),
        CATALOGUE.of(network, EVALUATOR, YEAR),
        AGREEMENT.between(network, EVALUATOR, COLLEGE, YEAR),
        APPLICATION.between(network, COLLEGE, EVALUATOR, YEAR),
        CLASS.about(network, COLLEGE, RecordId([0x77; 16])),
        LEARNERS.shard(network, COLLEGE, YEAR, shard),
        PILOT_STUDENTS.between(network, COLLEGE, HUB, YEAR),
        PLAN.of(network, COLLEGE, YEAR),
    ]
}

/// The record types that documents of a kind hold, beside acts.
fn records(kind: &str) -> &'static [&'static str] {
    match kind {
        "directory" => &["organisation", "certificate"],
        "listing" => &["listing", "call"],
        "organisation" => &["contact", "organisation"],
        "catalogue" => &["certificate", "cert_level", "standard", "scheme"],
        "agreement" => &["agreement"],
        "class" => &["class", "meeting"],
        "learners" | "pilot_students" => &["learner"],
        "application" | "plan" => &["application"],
        _ => &["decision", "receipt"],
    }
}

/// A document as a member finds it, and who writes there.
pub struct Scene {
    /// What is held, with a change of each device.
    pub document: Document,
    /// The same without the member's own change, on which nobody has built.
    pub without_member: Document,
    /// The live seals.
    pub seals: Vec<Seal>,
    /// The hostile device, which may write here.
    pub member: SigningKey,
    /// An honest device of the same organisation.
    pub colleague: SigningKey,
    /// The position of the membership log that all of them have seen.
    position: u64,
    kinds: Vec<&'static RecordKind>,
}

impl Scene {
    /// The document of a header of this office.
    pub fn new(header: Header, log: &Membership) -> Self {
        let first = FIRST.iter().find(|(org, _)| *org == header.owner).map(|(_, seed)| *seed);
        let first = first.expect("an owner of this office");
        Self::begun(header, [key(first), key(first + 1), key(first + 2)], log.position())
    }

    /// A document with records of its types, an act, and a change of each of three devices.
    pub fn begun(header: Header, devices: [SigningKey; 3], position: u64) -> Self {
        let kinds = records(&header.kind).iter().filter_map(|key| registry::kind(key));
        let kinds = kinds.filter(|kind| kind.stored().next().is_some()).collect();
        let [first, member, colleague] = devices;
        let document = Document::genesis(header);
        let (without_member, seals) = (document.clone(), Vec::new());
        let mut scene =
            Self { document, without_member, seals, member, colleague, position, kinds };
        let creates = scene.kinds.iter().map(|kind| scene.create(kind, 1));
        let mut begun: Vec<Write> = creates.collect();
        begun.extend([scene.register(40), Write::Act(scene.act(first.device(), 1))]);
        scene.write(&first, &begun);
        let [colleague, member] = [scene.colleague.clone(), scene.member.clone()];
        let of_colleague = [scene.register(41)];
        scene.write(&colleague, &of_colleague);
        scene.without_member = scene.document.clone();
        let of_member = [scene.register(42)];
        scene.write(&member, &of_member);
        scene
    }

    fn write(&mut self, writer: &SigningKey, writes: &[Write]) {
        let mut document = self.document.clone();
        let change = write(&mut document, Actor::new(writer.device(), OLD), writes);
        let is_ancestor = |older: &_, newer: &_| document.is_ancestor(older, newer);
        let incoming = self.seal(writer, &change);
        self.seals = newest(&self.seals, incoming, is_ancestor).expect("few enough");
        self.document = document;
    }

    /// Seals a change as an honest device does.
    pub fn seal(&self, key: &SigningKey, change: &Change) -> Seal {
        let Change { hash: head, actor, seq, .. } = *change;
        self.seal_of(key, SealOf { head, actor, seq })
    }

    /// Seals whatever a key is made to seal.
    pub fn seal_of(&self, key: &SigningKey, of: SealOf) -> Seal {
        let SealOf { head, actor, seq } = of;
        let (network, document) = (self.document.header().network, self.document.id());
        let membership_position = self.position;
        Seal::make(key, SealBody { network, document, head, actor, seq, membership_position })
    }

    /// The scenes of every kind of document.
    pub fn all(log: &Membership) -> Vec<Self> {
        headers(log.network()).into_iter().map(|header| Self::new(header, log)).collect()
    }

    /// Honest changes of the member on top of what is held: of an actor that is known here and of
    /// a new one, of every kind of write.
    pub fn honest(&self) -> Vec<Vec<u8>> {
        let device = self.member.device();
        let act = |number| Write::Act(self.act(device, number));
        let creates: Vec<Write> = self.kinds.iter().map(|kind| self.create(kind, 7)).collect();
        let lists = [
            vec![self.set(2)],
            creates.clone(),
            vec![self.register(3), self.register(4)],
            vec![act(5)],
            [creates, vec![self.set(5), self.set(6), self.register(7), act(8)]].concat(),
        ];
        let actors = [Actor::new(device, OLD), Actor::new(device, NEW)];
        let written = lists.iter().filter(|writes| !writes.is_empty());
        let pairs = written.flat_map(|writes| actors.map(|actor| (actor, writes)));
        pairs
            .map(|(actor, writes)| write(&mut self.document.clone(), actor, writes).bytes)
            .collect()
    }

    /// An honest change of the colleague, who has not heard of the member's, with its seal.
    pub fn of_colleague(&self) -> (Change, Seal) {
        let actor = Actor::new(self.colleague.device(), OLD);
        let change = write(&mut self.without_member.clone(), actor, &[self.register(9)]);
        let seal = self.seal(&self.colleague, &change);
        (change, seal)
    }

    /// What admission is told of this document.
    pub fn held(&self) -> Held<'_> {
        Held { document: &self.document, seals: &self.seals, apart: &[], log_grew: false }
    }

    /// A batch for this document.
    pub fn batch(&self, changes: Vec<Vec<u8>>, seals: Vec<Seal>) -> DocumentBatch {
        let header = self.document.header().clone();
        DocumentBatch { changes, seals, ..DocumentBatch::empty(header) }
    }

    fn create(&self, kind: &'static RecordKind, number: u64) -> Write {
        let id = RecordId([number as u8; 16]);
        let fields: Fields = kind
            .stored()
            .map(|field| (field.key.to_owned(), value(&field.ty.shape, number)))
            .collect();
        Write::Create { kind, id, fields }
    }

    fn set(&self, number: u64) -> Write {
        let Some((kind, field)) = self.kinds.first().and_then(|k| Some((*k, k.stored().next()?)))
        else {
            return self.register(number);
        };
        let value = Some(value(&field.ty.shape, number));
        Write::Set { kind, id: RecordId([1; 16]), key: field.key.to_owned(), value }
    }

    /// A register, or an act where a document holds nothing else.
    fn register(&self, number: u64) -> Write {
        let Some(kind) = self.kinds.first() else {
            return Write::Act(self.act(self.member.device(), 100 + number));
        };
        let fields: Vec<_> = kind.stored().collect();
        let field = fields[number as usize % fields.len()];
        let value = Some(value(&field.ty.shape, number));
        Write::Register { kind, id: RecordId([0x33; 16]), key: field.key, value }
    }

    fn act(&self, device: DeviceId, number: u64) -> Act {
        let after: Vec<ActId> = (1..number % 3).map(|at| ActId([at as u8; 16])).collect();
        let body = [("reason".to_owned(), Value::Text(format!("理由{number}")))].into();
        Act {
            id: ActId([0; 16]),
            kind: "application.submit".to_owned(),
            subject: RecordId([1; 16]),
            person: "王芳".to_owned(),
            device,
            at: "2026-04-01T12:00:00+08:00".to_owned(),
            position: number,
            after,
            judged: None,
            body,
            salt: None,
        }
        .identified()
    }
}

/// Writes as an honest device does.
pub fn write(document: &mut Document, actor: Actor, writes: &[Write]) -> Change {
    let author = Authorship {
        action: "contact.edit".to_owned(),
        person: "王芳".to_owned(),
        at_seconds: 1_780_000_000,
        batch: None,
        undoes: None,
        source: None,
    };
    let written = document.write(actor, &author, writes).expect("within the limits");
    written.expect("something is new")
}

/// What a seal names.
pub struct SealOf {
    /// The head.
    pub head: onex_crdt::ids::ChangeHash,
    /// Its actor.
    pub actor: Actor,
    /// Its number.
    pub seq: u64,
}

/// The fresh bytes of each device's actor that has written before.
pub const OLD: [u8; 8] = [1; 8];
/// The fresh bytes of one that has not.
pub const NEW: [u8; 8] = [2; 8];

fn value(shape: &Shape, number: u64) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    match shape {
        Shape::Text => Value::Text(format!("文字{number}")),
        Shape::Date => Value::Text(format!("2026-04-{:02}", 1 + number % 28)),
        Shape::DateTime => Value::Text(format!("2026-04-{:02}T12:00:00+08:00", 1 + number % 28)),
        Shape::Choice(choices) => text(choices[number as usize % choices.len()].id),
        Shape::Int | Shape::Decimal(_) | Shape::NumberedChoice(_) => Value::Int(number as i64),
        Shape::Bool => Value::Bool(number.is_multiple_of(2)),
        Shape::Id(_) => Value::Bytes(vec![number as u8; 16]),
        Shape::Digest => Value::Bytes(vec![number as u8; 32]),
        Shape::List | Shape::ChoiceList(_) | Shape::IdList(_) | Shape::Parts(_) => {
            Value::List(vec![format!("一{number}"), "二".to_owned()])
        }
    }
}
