//! A province in memory: replicas that act, project and exchange documents as nodes do.
//!
//! Signatures are left out: whatever a replica offers counts as vouched for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::act::{Authority, Found};
use onex_crdt::action::{self, Given, Reason, Refusal, Who};
use onex_crdt::document::{Authorship, Change, Document, TouchKey, Write};
use onex_crdt::field::time::Moment;
use onex_crdt::foreign::{Faults, ForeignBytes, ForeignError, Vouched};
use onex_crdt::header::Header;
use onex_crdt::ids::{
    ActId, Actor, ChangeHash, DeviceId, Digest, DocId, NetworkId, OrgId, RecordId,
};
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::records::receipt;
use onex_crdt::registry;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_crdt::view::{Source, Touch, View};

/// The network of every test.
pub const NETWORK: NetworkId = NetworkId([7; 16]);
/// The hub of every test.
pub const HUB: OrgId = OrgId([1; 16]);

/// What a membership log says in one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    Org(OrgId, OrgRole),
    Device(DeviceId, OrgId),
    Grant(DeviceId, &'static str, PersonRole),
    Revoke(DeviceId, &'static str, PersonRole),
}

/// A membership log; its position is the number of its entries.
#[derive(Debug, Clone, Default)]
pub struct Log(pub Vec<Statement>);

impl Log {
    fn until(&self, position: u64) -> &[Statement] {
        let end = usize::try_from(position).unwrap_or(usize::MAX).min(self.0.len());
        &self.0[..end]
    }

    /// The roles that a person holds at a device by the whole log.
    pub fn roles(&self, device: DeviceId, person: &str) -> BTreeSet<PersonRole> {
        let all = PersonRole::ALL.iter().copied();
        all.filter(|role| self.holds(device, person, *role, self.position())).collect()
    }
}

impl Authority for Log {
    fn org_role(&self, org: OrgId) -> Option<OrgRole> {
        self.0.iter().find_map(|statement| match statement {
            Statement::Org(of, role) if *of == org => Some(*role),
            _ => None,
        })
    }

    fn hub(&self) -> OrgId {
        HUB
    }

    fn position(&self) -> u64 {
        self.0.len() as u64
    }

    fn org_of(&self, device: DeviceId) -> Option<OrgId> {
        self.0.iter().find_map(|statement| match statement {
            Statement::Device(of, org) if *of == device => Some(*org),
            _ => None,
        })
    }

    fn holds(&self, device: DeviceId, person: &str, role: PersonRole, position: u64) -> bool {
        let last = self.until(position).iter().rev().find_map(|statement| match statement {
            Statement::Grant(d, p, r) if (*d, *p, *r) == (device, person, role) => Some(true),
            Statement::Revoke(d, p, r) if (*d, *p, *r) == (device, person, role) => Some(false),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn device_count(&self, org: OrgId, position: u64) -> usize {
        let of = |statement: &&Statement| matches!(statement, Statement::Device(_, o) if *o == org);
        self.until(position).iter().filter(of).count()
    }

    fn allocator(&self) -> DeviceId {
        let first = self.0.iter().find_map(|statement| match statement {
            Statement::Device(device, HUB) => Some(*device),
            _ => None,
        });
        first.unwrap_or(DeviceId([0; 16]))
    }
}

type RowKey = (&'static str, RecordId);

/// One node: its documents, its rows, and who sits at it.
#[derive(Clone)]
pub struct Replica {
    pub name: &'static str,
    pub person: &'static str,
    pub device: DeviceId,
    pub org: OrgId,
    pub log: Log,
    pub documents: BTreeMap<DocId, Document>,
    pub rows: RefCell<BTreeMap<RowKey, Row>>,
    acts: BTreeMap<ActId, BTreeMap<DocId, Found>>,
    seed: u64,
    drawn: u64,
    clock: i64,
}

impl View for Replica {
    fn sources(&self, kind: &RecordKind, id: RecordId) -> Vec<Source> {
        self.documents.values().filter_map(|document| document.source(kind, id)).collect()
    }

    fn row(&self, kind: &RecordKind, id: RecordId) -> Option<Row> {
        self.rows.borrow().get(&(kind.key, id)).cloned()
    }

    fn rows_where(&self, kind: &RecordKind, key: &str, value: &Value) -> Vec<Row> {
        let rows = self.rows(kind).into_iter();
        rows.filter(|row| row.fields.get(key) == Some(value)).collect()
    }

    fn rows(&self, kind: &RecordKind) -> Vec<Row> {
        let rows = self.rows.borrow();
        rows.iter().filter(|((key, _), _)| *key == kind.key).map(|(_, row)| row.clone()).collect()
    }

    fn acts(&self, subject: RecordId) -> Vec<Found> {
        let speaks = |found: &&Found| {
            let other = |id| self.act(id).map(|found| found.act);
            let about = || registry::about(&found.act, found.header.owner, other);
            found.act.subject == subject || about().contains(&subject)
        };
        self.acts.values().flat_map(BTreeMap::values).filter(speaks).cloned().collect()
    }

    fn act(&self, id: ActId) -> Option<Found> {
        self.acts.get(&id).and_then(|found| found.values().next()).cloned()
    }

    fn count(&self, document: DocId, kind: &RecordKind) -> usize {
        let is_one = |key: &TouchKey| matches!(key, TouchKey::Record(of, _) if of == kind.key);
        let document = self.documents.get(&document);
        document.map_or(0, |document| document.everything().iter().filter(|k| is_one(k)).count())
    }

    fn heads(&self, document: DocId) -> Vec<ChangeHash> {
        self.documents.get(&document).map(Document::heads).unwrap_or_default()
    }

    fn authority(&self) -> &dyn Authority {
        &self.log
    }
}

impl Replica {
    /// Returns a node that holds nothing yet; ids that it draws depend on `seed`.
    pub fn new(name: &'static str, person: &'static str, org: OrgId, seed: u64) -> Self {
        Self {
            name,
            person,
            device: device_of(name),
            org,
            log: Log::default(),
            documents: BTreeMap::new(),
            rows: RefCell::new(BTreeMap::new()),
            acts: BTreeMap::new(),
            seed,
            drawn: 0,
            clock: STORY_BEGINS,
        }
    }

    /// The role of the node's organisation.
    pub fn role(&self) -> OrgRole {
        self.log.org_role(self.org).expect("the organisation is enrolled")
    }

    /// Lets some days pass at this node.
    pub fn wait(&mut self, days: i64) {
        self.clock += days * 86_400;
    }

    /// Who sits at the node.
    pub fn who(&self) -> Who {
        Who {
            network: NETWORK,
            org: self.org,
            org_role: self.role(),
            device: self.device,
            person: self.person.to_owned(),
            roles: self.log.roles(self.device, self.person),
            now: Moment::from_unix(self.clock, 480).expect("a day of this century"),
        }
    }

    /// Does what `onex do ACTION id=… F=V…` does.
    pub fn act(
        &mut self,
        id: &str,
        subject: Option<RecordId>,
        params: &[(&str, &str)],
    ) -> Result<RecordId, Refusal> {
        let action = registry::action(id).unwrap_or_else(|| panic!("no action {id}"));
        let mut given = Given::new();
        for (key, text) in params {
            let value = action.read(key, text);
            let value = value.map_err(|reason| Refusal::new(action, reason, Some(key)))?;
            given.insert((*key).to_owned(), value);
        }
        self.clock += 60;
        let mut fresh = Fresh { device: self.device, seed: self.seed, drawn: self.drawn };
        let who = self.who();
        let allowed = action::check(action, subject, &given, &who, self, &mut || fresh.draw());
        self.drawn = fresh.drawn;
        let allowed = allowed?;
        let touches = self.write(id, &allowed.writes);
        self.project(&touches);
        self.follow_up(&touches);
        Ok(allowed.id)
    }

    /// Does what is allowed, and panics with the refusal otherwise.
    pub fn done(
        &mut self,
        id: &str,
        subject: Option<RecordId>,
        params: &[(&str, &str)],
    ) -> RecordId {
        let name = self.name;
        self.act(id, subject, params).unwrap_or_else(|refusal| {
            panic!("{name}: {refusal} at {:?}: {:?}", refusal.field, refusal.reason)
        })
    }

    /// Does what is refused, and returns at which field and why.
    pub fn refused(
        &mut self,
        id: &str,
        subject: Option<RecordId>,
        params: &[(&str, &str)],
    ) -> (String, Reason) {
        let before = self.heads_of_all();
        match self.act(id, subject, params) {
            Ok(_) => panic!("{}: {id} was not refused", self.name),
            Err(refusal) => {
                assert_eq!(self.heads_of_all(), before, "a refusal writes nothing");
                (refusal.field.unwrap_or_default(), refusal.reason)
            }
        }
    }

    /// The heads of every document here.
    pub fn heads_of_all(&self) -> BTreeMap<DocId, Vec<ChangeHash>> {
        self.documents.iter().map(|(id, document)| (*id, document.heads())).collect()
    }

    /// Writes things, one change per document, and returns what was touched.
    pub fn write(&mut self, action: &str, writes: &[(Header, Write)]) -> Vec<Touch> {
        let mut by_document: BTreeMap<DocId, (Header, Vec<Write>)> = BTreeMap::new();
        for (header, write) in writes {
            let entry = by_document.entry(header.id());
            entry.or_insert_with(|| (header.clone(), Vec::new())).1.push(write.clone());
        }
        let author = Authorship {
            action: action.to_owned(),
            person: self.person.to_owned(),
            at_seconds: self.clock,
            batch: None,
            undoes: None,
            source: None,
        };
        let actor = Actor::new(self.device, [0; 8]);
        let mut touches = Vec::new();
        for (id, (header, writes)) in by_document {
            assert!(header.is_sound(|org| self.log.org_role(org)), "unsound: {header:?}");
            let mut document =
                self.documents.remove(&id).unwrap_or_else(|| Document::genesis(header));
            let before = document.heads();
            let written = document.write(actor, &author, &writes);
            written.unwrap_or_else(|error| panic!("{}: {error}", self.name));
            touches.extend(self.keep(document, &before));
        }
        touches
    }

    /// Keeps a newer state of a document and returns what was touched since `before`.
    fn keep(&mut self, document: Document, before: &[ChangeHash]) -> Vec<Touch> {
        let keys = document.touched(before);
        let touches = keys.into_iter().filter_map(|key| self.index(&document, &key)).collect();
        self.documents.insert(document.id(), document);
        touches
    }

    /// Enters an act where acts are looked up, and names what a key means to rules.
    fn index(&mut self, document: &Document, key: &TouchKey) -> Option<Touch> {
        let TouchKey::Act(id) = key else { return key.record() };
        let found = document.act(*id)?;
        let touch =
            Touch::Act { id: *id, kind: found.act.kind.clone(), subject: found.act.subject };
        self.acts.entry(*id).or_default().insert(document.id(), found);
        Some(touch)
    }

    /// Computes the rows that touches concern, in one pass, as the store does.
    pub fn project(&self, touches: &[Touch]) {
        registry::recompute(self, touches, |kind, id| {
            let row = (kind.derive)(self, id);
            let mut rows = self.rows.borrow_mut();
            match row {
                Some(row) => rows.insert((kind.key, id), row),
                None => rows.remove(&(kind.key, id)),
            };
        });
    }

    /// Writes what the allocating device writes by itself.
    fn follow_up(&mut self, touches: &[Touch]) {
        let lines = registry::touched_lines(touches);
        let mut fresh = Fresh { device: self.device, seed: self.seed, drawn: self.drawn };
        let writes = receipt::follow_ups(self, &self.who(), &lines, &mut || fresh.draw());
        self.drawn = fresh.drawn;
        let touches = self.write("receipt", &writes);
        self.project(&touches);
    }

    /// The rows as a projection built anew has them.
    pub fn rebuilt(&self) -> BTreeMap<RowKey, Row> {
        let mut anew = Replica::new(self.name, self.person, self.org, self.seed);
        anew.log = self.log.clone();
        let documents: Vec<Document> = self.documents.values().cloned().collect();
        let mut touches = Vec::new();
        for document in documents {
            let keys = document.everything();
            touches.extend(keys.iter().filter_map(|key| anew.index(&document, key)));
            anew.documents.insert(document.id(), document);
        }
        anew.project(&touches);
        anew.rows.take()
    }

    /// What an organisation that may read it lacks, by document.
    pub fn offer(&self, to: &Replica) -> Vec<(Header, Vec<Change>)> {
        let readable = self.documents.values().filter(|d| d.header().may_read(to.org, to.role()));
        readable
            .map(|document| {
                let heads = to.heads(document.id());
                (document.header().clone(), document.changes_since(&heads))
            })
            .filter(|(_, changes)| !changes.is_empty())
            .collect()
    }

    /// Takes changes of a document in, as if a seal vouched for each.
    pub fn receive(&mut self, header: &Header, changes: &[Change]) -> Result<(), ForeignError> {
        let vouched: Result<Vec<Vouched>, ForeignError> = changes
            .iter()
            .map(|change| ForeignBytes(change.bytes.clone()).parse().map(|p| p.vouched()))
            .collect();
        let known = self.documents.get(&header.id()).cloned();
        let known = known.unwrap_or_else(|| Document::genesis(header.clone()));
        let admitted = known.admit(&vouched?, &|_, _| true);
        let fault = |faults: Faults| faults.into_values().next();
        let (document, new) =
            admitted.map_err(|it| fault(it).unwrap_or(ForeignError::FailedToApply))?;
        assert!(new.iter().all(|change| changes.contains(change)), "bytes were kept as they came");
        let touches = self.keep(document, &known.heads());
        self.project(&touches);
        self.follow_up(&touches);
        Ok(())
    }
}

/// Sixteen bytes that no other draw gives.
struct Fresh {
    device: DeviceId,
    seed: u64,
    drawn: u64,
}

impl Fresh {
    fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let parts = [self.seed.to_be_bytes(), self.drawn.to_be_bytes()].concat();
        Digest::over(&[self.device.as_bytes(), &parts]).half()
    }
}

/// The device of a node, by its name.
pub fn device_of(name: &str) -> DeviceId {
    DeviceId(Digest::over(&[b"device", name.as_bytes()]).half())
}

/// Several replicas that can be reached by name.
#[derive(Clone)]
pub struct Province {
    pub replicas: Vec<Replica>,
    seed: u64,
}

impl Province {
    /// Returns a hub of two devices, 郝敏 at the first and 孙涛 at the second.
    pub fn found(seed: u64) -> Self {
        let mut province = Self { replicas: Vec::new(), seed };
        let hub = Replica::new("hub-1", "郝敏", HUB, seed);
        province.replicas.push(hub);
        province.state(Statement::Org(HUB, OrgRole::Hub));
        province.join("hub-1", "郝敏", HUB, &[PersonRole::Lead, PersonRole::Admin]);
        province.join("hub-2", "孙涛", HUB, &[PersonRole::Officer]);
        province
    }

    /// Appends to the membership log, which every node knows at once.
    pub fn state(&mut self, statement: Statement) {
        self.replicas.iter_mut().for_each(|replica| replica.log.0.push(statement.clone()));
    }

    /// Adds a node with a person and roles.
    pub fn join(
        &mut self,
        name: &'static str,
        person: &'static str,
        org: OrgId,
        roles: &[PersonRole],
    ) {
        if !self.replicas.iter().any(|replica| replica.name == name) {
            let mut replica = Replica::new(name, person, org, self.seed);
            replica.log = self.replicas[0].log.clone();
            self.replicas.push(replica);
        }
        self.state(Statement::Device(device_of(name), org));
        for role in roles {
            self.state(Statement::Grant(device_of(name), person, *role));
        }
    }

    /// The node with a name.
    pub fn at(&mut self, name: &str) -> &mut Replica {
        let found = self.replicas.iter_mut().find(|replica| replica.name == name);
        found.unwrap_or_else(|| panic!("no node {name}"))
    }

    /// Both ways, until neither lacks anything that it may read.
    pub fn sync(&mut self, one: &str, other: &str) {
        while self.carry(one, other) | self.carry(other, one) {}
    }

    /// Everything that one node has for another; whether there was anything.
    pub fn carry(&mut self, from: &str, to: &str) -> bool {
        let index = |name: &str| self.replicas.iter().position(|r| r.name == name);
        let from = &self.replicas[index(from).expect("the node exists")];
        let to_at = index(to).expect("the node exists");
        let offered = from.offer(&self.replicas[to_at]);
        for (header, changes) in &offered {
            let admitted = self.replicas[to_at].receive(header, changes);
            admitted.unwrap_or_else(|error| panic!("{to} refuses {}: {error}", header.kind));
        }
        !offered.is_empty()
    }

    /// Every node with the first hub device and with its colleagues, until all is even; then
    /// projections are checked.
    pub fn sync_all(&mut self) {
        let nodes: Vec<_> =
            self.replicas.iter().map(|replica| (replica.name, replica.org)).collect();
        for _ in 0..2 {
            nodes.iter().skip(1).for_each(|(name, _)| self.sync("hub-1", name));
            for (at, (one, org)) in nodes.iter().enumerate() {
                let colleagues = nodes[at + 1..].iter().filter(|(_, other)| other == org);
                colleagues.for_each(|(other, _)| self.sync(one, other));
            }
        }
        self.check_projections();
    }

    /// Rows that were kept up to date are those that a rebuild gives.
    pub fn check_projections(&self) {
        for replica in &self.replicas {
            let rows = replica.rows.borrow();
            let rebuilt = replica.rebuilt();
            for (key, row) in &rebuilt {
                assert_eq!(rows.get(key), Some(row), "{}: {key:?}", replica.name);
            }
            assert_eq!(rows.len(), rebuilt.len(), "{}: rows that should be gone", replica.name);
        }
    }
}

/// Noon of 1 April 2026 in Xi'an.
const STORY_BEGINS: i64 = 1_775_016_000;
