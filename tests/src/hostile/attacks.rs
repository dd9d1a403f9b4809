//! Attacks that are known to stop or to poison a program that hands foreign bytes to Automerge
//! (trust 0.4, C4), each as a batch of a member with a right to write and a good seal.
//!
//! Altered at random nothing is here: that is `mutation`'s matter.

use std::io::Write as _;
use std::num::NonZeroU64;

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ExpandedChange, ObjType, ScalarValue};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use onex_crdt::foreign::{
    CHANGE_BYTES_MAX, CHANGE_DEPS_MAX, CHANGE_OPERATIONS_MAX, ForeignBytes, KEY_BYTES_MAX,
    MESSAGE_BYTES_MAX,
};
use onex_crdt::header::ORGANISATION;
use onex_crdt::ids::{Actor, ChangeHash};
use onex_protocol::admission::DocumentBatch;
use onex_protocol::key::SigningKey;
use onex_protocol::membership::Membership;
use onex_protocol::seal::Seal;
use sha2::{Digest as _, Sha256};

use super::bytes::{
    ACTION, COLUMNS, INSERT, KEY_STRING, OBJECT_COUNTER, PREDECESSOR_GROUP, RawChange, VALUE_META,
    VALUE_RAW, chunk, prefixed, run, signed, unsigned,
};
use super::office::{COLLEGE, NEW, Scene, SealOf, YEAR, key};

/// What a hostile member sends.
pub struct Attack {
    /// What it is.
    pub name: String,
    /// The changes and seals, for the document of `scene`.
    pub batch: DocumentBatch,
    /// How many of the changes are taken all the same.
    pub taken: usize,
    /// Why the others are kept apart.
    pub reason: &'static str,
}

/// The document that every attack is made on.
pub fn scene(log: &Membership) -> Scene {
    Scene::new(ORGANISATION.of(log.network(), COLLEGE, YEAR), log)
}

/// Every attack on the document.
pub fn attacks(scene: &Scene) -> Vec<Attack> {
    let workshop = Workshop { scene, honest: scene.honest() };
    let mut attacks = Vec::new();
    attacks.push(workshop.twins());
    attacks.extend(workshop.counters());
    attacks.extend(workshop.bombs());
    attacks.push(workshop.orphans(10_000));
    attacks.push(workshop.many(400));
    attacks.extend(workshop.beyond_limits());
    attacks.extend(workshop.not_canonical());
    attacks.extend(workshop.operations());
    attacks.extend(workshop.seals());
    attacks
}

/// A message that inflates 1 : 10,000 and more: zstd blocks of one byte repeated.
pub fn zstd_bomb(inflated: usize) -> Vec<u8> {
    const BLOCK: usize = 128 * 1024;
    let blocks = inflated.div_ceil(BLOCK);
    // Version, zstd; then magic, no options, a window of 128 KiB.
    let mut bytes = vec![1, 1, 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for at in 1..=blocks {
        let header = (BLOCK as u32) << 3 | 1 << 1 | u32::from(at == blocks);
        bytes.extend(&header.to_le_bytes()[..3]);
        bytes.push(0);
    }
    bytes
}

/// Returns another change with the number of an honest one.
pub fn twin(bytes: &[u8]) -> Vec<u8> {
    let mut raw = RawChange::read(bytes).expect("an honest change");
    raw.time += 1;
    raw.bytes()
}

/// As many changes as that in a row that follows something which never comes.
pub fn orphans(scene: &Scene, count: usize) -> Attack {
    Workshop { scene, honest: scene.honest() }.orphans(count)
}

/// As many seals as that of the member over heads that nobody has; only the first ones are signed
/// for what they say, where all are to be verified.
pub fn seals(scene: &Scene, count: usize, signed: usize) -> DocumentBatch {
    let device = scene.member.device();
    let head = |at: usize| {
        let mut head = [0xee; 32];
        head[..8].copy_from_slice(&(at as u64).to_be_bytes());
        ChangeHash(head)
    };
    let of = |at| SealOf { head: head(at), actor: Actor::new(device, NEW), seq: 1 + at as u64 };
    let mut seals: Vec<_> =
        (0..signed.min(count)).map(|at| scene.seal_of(&scene.member, of(at))).collect();
    let last = seals.last().cloned();
    let forged =
        (seals.len()..count).filter_map(|at| Some(Seal { head: head(at), ..last.clone()? }));
    seals.extend(forged.collect::<Vec<_>>());
    scene.batch(Vec::new(), seals)
}

/// An honest change of the member, one on top of it that deletes, and a seal over the latter alone.
pub fn deletion(scene: &Scene) -> DocumentBatch {
    let workshop = Workshop { scene, honest: scene.honest() };
    let honest = workshop.honest[1].clone();
    let below = automerge::Change::from_bytes(honest.clone()).expect("an honest change");
    let next = NonZeroU64::new(below.max_op() + 1).expect("not the first operation");
    let deletion = workshop.forged(|change| {
        (change.seq, change.start_op, change.deps) = (below.seq() + 1, next, vec![below.hash()]);
        change.operations[0].action = OpType::Delete;
    });
    let seal = workshop.sealed(&deletion, &scene.member);
    scene.batch(vec![honest, deletion], vec![seal])
}

struct Workshop<'a> {
    scene: &'a Scene,
    honest: Vec<Vec<u8>>,
}

impl Workshop<'_> {
    /// One change with a good seal of the member.
    fn attack(&self, name: impl Into<String>, bytes: Vec<u8>, reason: &'static str) -> Attack {
        let seal = self.sealed(&bytes, &self.scene.member);
        Attack {
            name: name.into(),
            batch: self.scene.batch(vec![bytes], vec![seal]),
            taken: 0,
            reason,
        }
    }

    /// A seal over bytes; where they are no change, over what their hash would be.
    fn sealed(&self, bytes: &[u8], key: &SigningKey) -> Seal {
        let parsed = ForeignBytes(bytes.to_vec()).parse().ok();
        let head = parsed.as_ref().map_or(ChangeHash([5; 32]), |parsed| parsed.hash());
        let actor = parsed.as_ref().map_or(Actor::new(key.device(), NEW), |it| it.actor());
        let seq = parsed.as_ref().map_or(1, |parsed| parsed.seq());
        self.scene.seal_of(key, SealOf { head, actor, seq })
    }

    /// The honest change of an actor that is new here, in its parts.
    fn raw(&self) -> RawChange {
        RawChange::read(&self.honest[5]).expect("an honest change")
    }

    /// An honest change of one field, altered before its hash is taken.
    fn forged(&self, alter: impl FnOnce(&mut ExpandedChange)) -> Vec<u8> {
        let change = automerge::Change::from_bytes(self.honest[1].clone());
        let mut expanded = change.expect("an honest change").decode();
        alter(&mut expanded);
        automerge::Change::from(expanded).raw_bytes().to_vec()
    }

    /// Two changes of one number: a restored backup, or a lie.
    fn twins(&self) -> Attack {
        let changes = [self.honest[1].clone(), twin(&self.honest[1])];
        let seals = changes.iter().map(|bytes| self.sealed(bytes, &self.scene.member)).collect();
        let batch = self.scene.batch(changes.to_vec(), seals);
        Attack { name: "a number used twice".to_owned(), batch, taken: 0, reason: "fork" }
    }

    /// Counters at which Automerge, or whoever writes next, fails.
    fn counters(&self) -> Vec<Attack> {
        let raw = self.raw();
        let start = |start| RawChange { start, ..raw.clone() }.bytes();
        let mut attacks = Vec::new();
        for wrong in [0, 1, raw.start - 1, raw.start + 1] {
            attacks.push(self.attack(format!("first counter {wrong}"), start(wrong), "malformed"));
        }
        for power in [31, 32, 63] {
            for wrong in [(1u64 << power) - 2, 1 << power] {
                let name = format!("first counter {wrong}");
                attacks.push(self.attack(name, start(wrong), "malformed"));
            }
        }
        let seq = |seq| RawChange { seq, ..raw.clone() }.bytes();
        for wrong in [0, 2, 1 << 40, u64::MAX] {
            let name = format!("number {wrong} of an actor not seen before");
            let reason = if wrong == 0 { "malformed" } else { "missing_dependency" };
            attacks.push(self.attack(name, seq(wrong), reason));
        }
        attacks
    }

    /// A few bytes that stand for very many.
    fn bombs(&self) -> Vec<Attack> {
        let raw = self.raw();
        let short = RawChange { message: Vec::new(), ..raw.clone() };
        let run_length = short.with(ACTION, run(1 << 31, 1)).bytes();
        let million = deflated(1_000_001, b'x');
        let text = raw
            .clone()
            .with(VALUE_RAW, million.clone())
            .with(ACTION, run(1_000_001, 1))
            .with(INSERT, [unsigned(0), unsigned(1_000_001)].concat());
        let mut packed = text.clone().with(ACTION, raw.column(ACTION));
        packed.columns.retain(|(own, _)| *own != VALUE_RAW);
        packed.columns.push((VALUE_RAW | 8, million));
        let mut attacks = vec![
            self.attack("run of 2^31 operations", run_length, "too_large"),
            self.attack("1,000,001 operations", text.bytes(), "too_large"),
            self.attack("1,000,001 letters, deflated", packed.bytes(), "malformed"),
            self.attack(
                "chunk that inflates 1 : 1,000",
                chunk(2, &deflated(240 << 20, 0)),
                "malformed",
            ),
            self.attack("300 KiB", chunk(1, &[0; 300 * 1024]), "too_large"),
        ];
        for column in
            COLUMNS.into_iter().filter(|column| ![VALUE_RAW, INSERT, KEY_STRING].contains(column))
        {
            for length in [1 << 31, i64::MAX] {
                let name = format!("run of {length} in column {column}");
                let bomb = raw.clone().with(column, run(length, 1)).bytes();
                attacks.push(self.attack(name, bomb, "too_large"));
            }
        }
        let keys = raw.clone().with(KEY_STRING, [signed(1 << 31), prefixed(b"k")].concat());
        attacks.push(self.attack("2^31 keys", keys.bytes(), "too_large"));
        let predecessors = raw.clone().with(PREDECESSOR_GROUP, run(1, 1 << 31)).bytes();
        attacks.push(self.attack("2^31 values replaced", predecessors, "too_large"));
        let most = raw.with(ACTION, run(CHANGE_OPERATIONS_MAX as i64, 1)).bytes();
        attacks.push(self.attack("as many operations as may be, without keys", most, "malformed"));
        attacks
    }

    /// Changes of which the first follows something that never comes, each the one before.
    fn orphans(&self, count: usize) -> Attack {
        let mut orphan = RawChange { message: Vec::new(), ..self.raw() };
        orphan.columns.clear();
        orphan.others.clear();
        orphan.deps = vec![[9; 32]];
        let mut changes = Vec::new();
        for at in 1..=count as u64 {
            (orphan.seq, orphan.start) = (at, 100 + at);
            let bytes = orphan.bytes();
            orphan.deps = vec![Sha256::digest(&bytes[8..]).into()];
            changes.push(bytes);
        }
        let last = changes.last().map(Vec::as_slice).unwrap_or_default();
        let seals = vec![self.sealed(last, &self.scene.member)];
        let batch = self.scene.batch(changes, seals);
        let name = format!("{count} orphans");
        Attack { name, batch, taken: 0, reason: "missing_dependency" }
    }

    /// Changes beside each other that are well formed and each deletes something.
    fn many(&self, count: u64) -> Attack {
        let deletes = |at: u64| {
            self.forged(|change| {
                change.operations[0].action = OpType::Delete;
                let actor = Actor::new(self.scene.member.device(), (1 << 32 | at).to_be_bytes());
                change.actor_id = ActorId::from(actor.as_bytes());
            })
        };
        let changes: Vec<_> = (0..count).map(deletes).collect();
        let seals = changes.iter().map(|it| self.sealed(it, &self.scene.member)).collect();
        let batch = self.scene.batch(changes, seals);
        Attack { name: format!("{count} deletions"), batch, taken: 0, reason: "malformed" }
    }

    fn beyond_limits(&self) -> Vec<Attack> {
        let raw = self.raw();
        let deps = |count| RawChange { deps: vec![[9; 32]; count], ..raw.clone() }.bytes();
        let long = vec![b'k'; KEY_BYTES_MAX as usize + 1];
        let keys = raw.clone().with(KEY_STRING, [signed(10_000), prefixed(&long)].concat());
        let others = RawChange { others: vec![vec![7; 16]; 4000], ..raw.clone() };
        let message = vec![b'x'; MESSAGE_BYTES_MAX as usize + 1];
        let message = RawChange { message, ..raw.clone() }.bytes();
        let full = raw.clone().with(VALUE_RAW, vec![b'x'; CHANGE_BYTES_MAX]).bytes();
        let few = CHANGE_DEPS_MAX as usize;
        let mut attacks = vec![
            self.attack("65 dependencies", deps(few + 1), "too_large"),
            self.attack("64 dependencies that are not here", deps(few), "missing_dependency"),
            self.attack("a key of 257 bytes, 10,000 times", keys.bytes(), "too_large"),
            self.attack("4,000 other actors", others.bytes(), "malformed"),
            self.attack("a message of 1,025 bytes", message, "too_large"),
            self.attack("a value of 256 KiB", full, "too_large"),
        ];
        for column in [3 << 8, 148, 165, ACTION | 8, 1 << 20] {
            let unknown = raw.clone().with(column, vec![1]).bytes();
            attacks.push(self.attack(format!("unknown column {column}"), unknown, "malformed"));
        }
        let extra = RawChange { extra: b"author".to_vec(), ..raw }.bytes();
        attacks.push(self.attack("bytes after the columns", extra, "malformed"));
        attacks
    }

    /// Other encodings of the same: a document would write them back with another hash.
    fn not_canonical(&self) -> Vec<Attack> {
        let raw = self.raw();
        let action = raw.column(ACTION);
        let value = action.last().copied().unwrap_or(1);
        let as_run = raw.clone().with(ACTION, vec![1, value]).bytes();
        let long_form = raw.clone().with(ACTION, vec![0x7f, value | 0x80, 0]).bytes();
        let empty = raw.clone().with(17, Vec::new()).bytes();
        let twice =
            RawChange { others: [raw.others.clone(), raw.others.clone()].concat(), ..raw.clone() };
        let unused =
            RawChange { others: [raw.others.clone(), vec![vec![7; 16]]].concat(), ..raw.clone() };
        let utf8 = RawChange { message: vec![0xff; 4], ..raw.clone() }.bytes();
        let mut turned = raw.clone();
        turned.columns.reverse();
        let mut body = raw.body();
        body[0] |= 0x80;
        body.insert(1, 0);
        let cases = [
            ("one value written as a run", as_run),
            ("a number in a longer form", long_form),
            ("a count in a longer form", chunk(1, &body)),
            ("an empty column", empty),
            ("an actor named twice", twice.bytes()),
            ("an actor named and not used", unused.bytes()),
            ("a message that is no text", utf8),
            ("columns in another order", turned.bytes()),
        ];
        cases.map(|(name, bytes)| self.attack(name, bytes, "malformed")).into()
    }

    /// What no honest device does to a document.
    fn operations(&self) -> Vec<Attack> {
        let collection = |counter| {
            let genesis = ActorId::from(self.scene.document.id().as_bytes());
            ObjectId::Id(OpId::new(counter, &genesis))
        };
        let (records, entries) = (collection(1), collection(2));
        let elsewhere = ObjectId::Id(OpId::new(77, &ActorId::from([9; 16].as_slice())));
        let forged =
            |alter: &dyn Fn(&mut Op)| self.forged(|change| alter(&mut change.operations[0]));
        let unseen = |alter: &dyn Fn(&mut Op)| {
            forged(&|op| {
                op.pred = Vec::new().into();
                alter(op);
            })
        };
        let make = |shape| unseen(&|op: &mut Op| op.action = OpType::Make(shape));
        let put = |value: ScalarValue| unseen(&|op| op.action = OpType::Put(value.clone()));
        let first = self.scene.document.changes_since(&[])[0].actor;
        let replaced = OpId::new(3, &ActorId::from(first.as_bytes()));
        let cases = [
            ("a record is deleted", forged(&|op| op.action = OpType::Delete)),
            (
                "a value of another key is replaced",
                forged(&|op| op.pred = vec![replaced.clone()].into()),
            ),
            ("an entry is replaced", forged(&|op| op.obj = entries.clone())),
            ("text as an entry", unseen(&|op| op.obj = entries.clone())),
            ("a record as a text", unseen(&|op| op.obj = records.clone())),
            ("the root is written to", unseen(&|op| op.obj = ObjectId::Root)),
            ("an object that is not here", unseen(&|op| op.obj = elsewhere.clone())),
            ("a list", make(ObjType::List)),
            ("a text", make(ObjType::Text)),
            ("a map within a record", make(ObjType::Map)),
            ("a table", make(ObjType::Table)),
            ("a counter", put(ScalarValue::counter(1))),
            ("an increment", unseen(&|op| op.action = OpType::Increment(i64::MAX))),
            ("a number without sign beyond 2^63", put(ScalarValue::Uint(u64::MAX))),
            ("a number that is none", put(ScalarValue::F64(f64::NAN))),
            ("a place in a list", unseen(&|op| op.key = Key::Seq(ElementId::Head))),
            ("an insertion", unseen(&|op| op.insert = true)),
        ];
        let mut attacks: Vec<_> =
            cases.map(|(name, bytes)| self.attack(name, bytes, "malformed")).into();
        let raw = self.raw();
        let object = raw.clone().with(OBJECT_COUNTER, run(REGISTERS, 9)).bytes();
        attacks.push(self.attack("records of another counter", object, "malformed"));
        let huge = raw.clone().with(VALUE_META, run(REGISTERS, 15 << 4 | 5)).bytes();
        attacks.push(self.attack("numbers of 15 bytes", huge, "malformed"));
        attacks
    }

    /// Who may not write, or not so.
    fn seals(&self) -> Vec<Attack> {
        let honest = self.honest[1].clone();
        let good = self.sealed(&honest, &self.scene.member);
        let attack = |name: &str, seals: Vec<Seal>, reason| {
            let batch = self.scene.batch(vec![honest.clone()], seals);
            Attack { name: name.to_owned(), batch, taken: 0, reason }
        };
        let other = self.raw();
        let stolen = |device: &SigningKey| {
            let actor = Actor::new(device.device(), NEW).as_bytes().to_vec();
            let bytes = RawChange { actor, ..other.clone() }.bytes();
            let seal = self.sealed(&bytes, &self.scene.member);
            (bytes, seal)
        };
        let mut forged = good.clone();
        forged.signature.0[3] ^= 1;
        let mut ahead = good.clone();
        ahead.membership_position = u64::MAX;
        let evaluator = key(21);
        let mut attacks = vec![
            attack("no seal", vec![], "no_seal"),
            attack("a forged seal", vec![forged], "bad_seal"),
            attack("a seal altered after it was made", vec![ahead], "bad_seal"),
            attack("a seal of a stranger", vec![self.sealed(&honest, &key(99))], "no_seal"),
            attack(
                "a seal of another organisation",
                vec![self.sealed(&honest, &evaluator)],
                "no_seal",
            ),
        ];
        let colleague = stolen(&self.scene.colleague);
        for (name, (bytes, seal), reason) in [
            ("a colleague's tag", colleague, "no_seal"),
            ("the tag of another organisation", stolen(&evaluator), "wrong_owner"),
            ("the tag of a stranger", stolen(&key(99)), "unknown_device"),
        ] {
            let batch = self.scene.batch(vec![bytes], vec![seal]);
            attacks.push(Attack { name: name.to_owned(), batch, taken: 0, reason });
        }
        attacks
    }
}

/// How many registers the change in its parts writes.
const REGISTERS: i64 = 2;

/// A byte, very often, deflated.
fn deflated(count: usize, byte: u8) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let page = vec![byte; 1 << 20];
    let mut left = count;
    while left > 0 {
        let taken = left.min(page.len());
        encoder.write_all(&page[..taken]).expect("memory takes it");
        left -= taken;
    }
    encoder.finish().expect("memory takes it")
}
