//! The membership log: who takes part, with which devices, persons and roles, since when.
//!
//! The device that the root names puts statements in order; the root itself changes by rotations
//! (`rotation`). What a removal means for documents is not decided here, only that it happened and
//! with which frontier (`cut`).

mod authority;
mod cut;
mod error;
mod rotation;

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, Digest, DocId, NetworkId, OrgId};
use onex_crdt::roles::{OrgRole, PersonRole};

use crate::cbor::{self, CborError};
use crate::key::{Algorithm, Domain, PublicKey, Signature, SigningKey};
use crate::root::RootKeys;
use crate::statement::{Root, SignedStatement, Statement};

pub use cut::Cut;
pub use error::MembershipError;

/// Most bytes of an entry: a frontier has up to some 700 seals.
pub const ENTRY_BYTES_MAX: usize = 128 * 1024;
/// Most bytes of statements that an organisation other than the hub has in the log: what it says
/// stands on every node for good. Sixty removals with full frontiers are less; what must be said of
/// its devices beyond that, a lead of the hub says.
pub const ORG_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most forks of one device that are resolved: whoever makes more, by will, would otherwise have the
/// hub fill the log. Of further ones what lies below counts.
pub const FORKS_RESOLVED_MAX: usize = 256;

/// A statement at its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// How it is signed.
    #[n(0)]
    pub algorithm: Algorithm,
    /// Its place; the root has 0.
    #[n(1)]
    pub position: u64,
    /// The digest of the entry before; zeros in the root.
    #[n(2)]
    pub previous: Digest,
    /// What it says.
    #[n(3)]
    pub statement: SignedStatement,
    /// The device that gave it this place.
    #[n(4)]
    pub sequencer: DeviceId,
    /// The sequencer's signature over all of the above.
    #[n(5)]
    pub signature: Signature,
}

impl Entry {
    /// Returns the first entry of a new network; the key is that of the hub's first device.
    pub fn root(key: &SigningKey, root: Root) -> Self {
        let network = root.network();
        let statement = SignedStatement::sign(key, network, Statement::Root(root), 0);
        Self::sign(key, 0, Digest([0; 32]), statement)
    }

    fn sign(key: &SigningKey, position: u64, previous: Digest, statement: SignedStatement) -> Self {
        let mut entry = Self {
            algorithm: Algorithm::Ed25519,
            position,
            previous,
            statement,
            sequencer: key.device(),
            signature: Signature([0; 64]),
        };
        entry.signature = key.sign(Domain::Entry, &entry.signed_bytes());
        entry
    }

    /// Returns SHA-256 over the encoding, which the next entry names.
    pub fn digest(&self) -> Digest {
        Digest::over(&[&self.to_bytes()])
    }

    /// Returns the encoding, as it is stored and sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads an encoding of at most `ENTRY_BYTES_MAX`. Nothing is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode_exact(bytes, ENTRY_BYTES_MAX)
    }

    fn verify(&self, key: &PublicKey) -> bool {
        key.device() == self.sequencer
            && key.verify(Domain::Entry, &self.signed_bytes(), &self.signature)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let Self { algorithm, position, previous, statement, sequencer, signature: _ } = self;
        cbor::encode(&(algorithm, position, previous, statement, sequencer))
    }
}

/// An organisation that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// What it is in the pilot.
    pub role: OrgRole,
    /// Its name when it was added; the directory has today's.
    pub name: String,
    /// Whether the next device is its first one: it never had any, or it begins anew.
    pub awaits_first: bool,
    /// Its recovery key, if it has one.
    pub recovery: Option<PublicKey>,
    /// The device of the hub that wants it to begin anew, until a second one says so too.
    pub reset_asked: Option<DeviceId>,
    /// Bytes of the statements that its devices have signed.
    said_bytes: usize,
}

/// A device that takes part, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its organisation.
    pub org: OrgId,
    /// Its key.
    pub key: PublicKey,
    /// Its persons with their roles now; a person may have none. Kept when it is removed.
    pub persons: BTreeMap<String, BTreeSet<PersonRole>>,
    /// The position that added it.
    pub joined_at: u64,
    /// Whether it takes part now.
    pub active: bool,
    /// The position that removed it.
    pub removed_at: Option<u64>,
}

impl Device {
    /// Whether a person at this device has the role now.
    fn has(&self, role: PersonRole) -> bool {
        self.active && self.persons.values().any(|roles| roles.contains(&role))
    }

    fn was_active(&self, position: u64) -> bool {
        self.joined_at <= position && self.removed_at.is_none_or(|removed_at| position < removed_at)
    }
}

/// A time during which a person had a role at a device, in positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    device: DeviceId,
    person: String,
    role: PersonRole,
    /// The position that granted the role.
    pub from: u64,
    /// The first position without it, once it was taken away.
    pub until: Option<u64>,
    /// Whether the person had the role there before.
    pub is_again: bool,
}

/// The state that the entries of a log lead to.
///
/// Equal entries give equal states. A question about a position is answered for the state after
/// that entry; about positions that are not here yet every answer is no, or zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    network: NetworkId,
    hub: OrgId,
    sequencer: DeviceId,
    root: RootKeys,
    /// The places of the rotations, that of root 2 first.
    rotations: Vec<u64>,
    head: Digest,
    entries: Vec<Entry>,
    organisations: BTreeMap<OrgId, Organisation>,
    devices: BTreeMap<DeviceId, Device>,
    /// The organisations that have a recovery key, by what its id would be if it were a device's.
    recoveries: BTreeMap<DeviceId, OrgId>,
    terms: Vec<Term>,
    cuts: BTreeMap<u64, Cut>,
    /// The branches of forks that were chosen, those by the hub and those by admins apart.
    resolved: BTreeMap<(DocId, bool, Actor), ChangeHash>,
    said: BTreeSet<Digest>,
}

impl Membership {
    /// Returns the log of a new network. The key is that of the hub's first device.
    pub fn found(key: &SigningKey, root: Root) -> Result<Self, MembershipError> {
        Self::open(Entry::root(key, root))
    }

    /// Returns the log that a root entry begins.
    ///
    /// This proves that the root is whole, not that it is the right one: the caller compares
    /// `network()` with the network it wants.
    pub fn open(entry: Entry) -> Result<Self, MembershipError> {
        entry_size_check(&entry)?;
        let statement = &entry.statement;
        let Statement::Root(root) = &statement.body else {
            return Err(MembershipError::NotARoot);
        };
        let first = entry.position == 0
            && entry.previous == Digest([0; 32])
            && statement.position_seen == 0;
        if !first {
            return Err(MembershipError::NotARoot);
        }
        if root.network() != statement.network {
            return Err(MembershipError::WrongNetwork);
        }
        statement.body.check()?;
        if !entry.verify(&root.hub_key) {
            return Err(MembershipError::BadEntrySignature);
        }
        if !statement.verify(&root.hub_key) {
            return Err(MembershipError::BadStatementSignature);
        }
        let mut membership = Self::of_root(root);
        membership.apply(entry);
        Ok(membership)
    }

    /// Returns the log of these entries, the root first.
    pub fn replay(entries: impl IntoIterator<Item = Entry>) -> Result<Self, MembershipError> {
        let mut entries = entries.into_iter();
        let mut membership = Self::open(entries.next().ok_or(MembershipError::NotARoot)?)?;
        entries.try_for_each(|entry| membership.append(entry))?;
        Ok(membership)
    }

    fn of_root(root: &Root) -> Self {
        Self {
            network: root.network(),
            hub: root.org,
            sequencer: root.hub_key.device(),
            root: RootKeys::first(root.hub_key),
            rotations: Vec::new(),
            head: Digest([0; 32]),
            entries: Vec::new(),
            organisations: BTreeMap::new(),
            devices: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            terms: Vec::new(),
            cuts: BTreeMap::new(),
            resolved: BTreeMap::new(),
            said: BTreeSet::new(),
        }
    }

    /// Returns a statement for the sequencer. It need not be allowed: see `check`.
    pub fn propose(&self, key: &SigningKey, body: Statement) -> SignedStatement {
        SignedStatement::sign(key, self.network, body, self.position())
    }

    /// Checks whether a statement could take the next place: signature, signer, his right.
    pub fn check(&self, statement: &SignedStatement) -> Result<(), MembershipError> {
        if statement.network != self.network {
            return Err(MembershipError::WrongNetwork);
        }
        let signer = self.signer(statement.signer)?;
        if !statement.verify(signer.key()) {
            return Err(MembershipError::BadStatementSignature);
        }
        if statement.position_seen > self.position() {
            return Err(MembershipError::Future { seen: statement.position_seen });
        }
        if self.said.contains(&statement.digest()) {
            return Err(MembershipError::Repeated);
        }
        statement.body.check()?;
        self.room_check(statement)?;
        self.body_check(&signer, &statement.body)
    }

    fn room_check(&self, statement: &SignedStatement) -> Result<(), MembershipError> {
        let org = self.device(statement.signer).map(|device| device.org);
        let Some(org) = org.filter(|org| *org != self.hub) else { return Ok(()) };
        let said = self.organisations[&org].said_bytes + cbor::encode(statement).len();
        if said > ORG_BYTES_MAX { Err(MembershipError::SaidTooMuch { org }) } else { Ok(()) }
    }

    /// Returns the next entry, with this statement. The caller stores it, then appends it.
    ///
    /// A sequencer restored from a backup must have its peers' longest log before it calls this,
    /// else it signs a fork.
    pub fn sequence(
        &self,
        key: &SigningKey,
        statement: SignedStatement,
    ) -> Result<Entry, MembershipError> {
        if key.device() != self.sequencer {
            return Err(MembershipError::NotSequencer { device: key.device() });
        }
        self.check(&statement)?;
        let entry = Entry::sign(key, self.position() + 1, self.head, statement);
        entry_size_check(&entry)?;
        Ok(entry)
    }

    /// Takes the next entry. One that is here already changes nothing; one that the sequencer
    /// signed for a place that has another, or on another past, is a `Fork`.
    ///
    /// A rotation of the root is taken at its place, whatever stood there and after it, which is
    /// gone then: `first_new` tells from where on.
    pub fn append(&mut self, entry: Entry) -> Result<(), MembershipError> {
        entry_size_check(&entry)?;
        if entry.statement.network != self.network {
            return Err(MembershipError::WrongNetwork);
        }
        if self.entries_from(entry.position).first() == Some(&entry) {
            return Ok(());
        }
        if matches!(entry.statement.body, Statement::Rotate(_)) {
            return self.rotation_take(entry);
        }
        if entry.sequencer != self.sequencer {
            return Err(MembershipError::NotSequencer { device: entry.sequencer });
        }
        if !entry.verify(&self.devices[&self.sequencer].key) {
            return Err(MembershipError::BadEntrySignature);
        }
        if entry.position <= self.position() {
            return Err(MembershipError::Fork { position: entry.position });
        }
        let expected = self.position() + 1;
        if entry.position != expected {
            return Err(MembershipError::Gap { expected, found: entry.position });
        }
        if entry.previous != self.head {
            return Err(MembershipError::Fork { position: self.position() });
        }
        self.check(&entry.statement)?;
        self.apply(entry);
        Ok(())
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// The hub.
    pub fn hub(&self) -> OrgId {
        self.hub
    }

    /// The device that puts statements in order.
    pub fn sequencer(&self) -> DeviceId {
        self.sequencer
    }

    /// The position of the last entry.
    pub fn position(&self) -> u64 {
        self.entries.len() as u64 - 1
    }

    /// The digest of the last entry.
    pub fn head(&self) -> Digest {
        self.head
    }

    /// Returns the entries from a position on; none when there are none yet.
    pub fn entries_from(&self, position: u64) -> &[Entry] {
        let from = usize::try_from(position).unwrap_or(usize::MAX);
        self.entries.get(from..).unwrap_or_default()
    }

    /// Returns a device, active or removed.
    pub fn device(&self, device: DeviceId) -> Option<&Device> {
        self.devices.get(&device)
    }

    /// Returns the devices of an organisation, active and removed, by id.
    pub fn devices_of(&self, org: OrgId) -> impl Iterator<Item = (DeviceId, &Device)> {
        self.devices.iter().filter(move |(_, it)| it.org == org).map(|(id, it)| (*id, it))
    }

    /// Returns every device, active and removed, by id.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        self.devices.iter().map(|(id, device)| (*id, device))
    }

    /// Returns an organisation.
    pub fn organisation(&self, org: OrgId) -> Option<&Organisation> {
        self.organisations.get(&org)
    }

    /// Returns every organisation, by id.
    pub fn organisations(&self) -> impl Iterator<Item = (OrgId, &Organisation)> {
        self.organisations.iter().map(|(id, organisation)| (*id, organisation))
    }

    /// Whether a person at a device had a role at a position. Nobody at a removed device has one.
    pub fn holds(&self, device: DeviceId, person: &str, role: PersonRole, position: u64) -> bool {
        self.was_active(device, position)
            && self.terms.iter().any(|term| {
                term.is_of(device, person, role)
                    && term.from <= position
                    && term.until.is_none_or(|until| position < until)
            })
    }

    /// Returns the times during which a person had a role at a device, the first one first.
    pub fn terms<'a>(
        &'a self,
        device: DeviceId,
        person: &'a str,
        role: PersonRole,
    ) -> impl Iterator<Item = &'a Term> {
        self.terms.iter().filter(move |term| term.is_of(device, person, role))
    }

    /// Returns the devices and positions at which somebody was given a role that he had there
    /// before.
    pub fn granted_again(&self) -> impl Iterator<Item = (DeviceId, u64)> {
        self.terms.iter().filter(|term| term.is_again).map(|term| (term.device, term.from))
    }

    /// Returns how many devices an organisation had at a position.
    pub fn device_count(&self, org: OrgId, position: u64) -> usize {
        let active = |device: DeviceId| self.was_active(device, position);
        self.devices_of(org).filter(|(id, _)| active(*id)).count()
    }

    /// Whether a device took part at a position.
    pub fn was_active(&self, device: DeviceId, position: u64) -> bool {
        position <= self.position()
            && self.device(device).is_some_and(|device| device.was_active(position))
    }

    fn is_of_hub(&self, device: DeviceId) -> bool {
        self.device(device).is_some_and(|device| device.org == self.hub)
    }

    fn active_device(&self, device: DeviceId) -> Result<&Device, MembershipError> {
        match self.device(device) {
            None => Err(MembershipError::UnknownDevice { device }),
            Some(found) if !found.active => Err(MembershipError::RemovedDevice { device }),
            Some(found) => Ok(found),
        }
    }

    /// Carries out an entry that has passed every check.
    fn apply(&mut self, entry: Entry) {
        let position = entry.position;
        match &entry.statement.body {
            Statement::Root(root) => {
                self.organisation_add(root.org, OrgRole::Hub, &root.name);
                self.device_add(root.org, root.hub_key, &root.person, position);
            }
            Statement::AddOrganisation { org, role, name } => {
                self.organisation_add(*org, *role, name);
            }
            Statement::AddDevice { org, key, person } => {
                self.device_add(*org, *key, person, position);
                if !self.devices.contains_key(&entry.statement.signer) {
                    // The recovery key has no other use.
                    self.role_ensure(key.device(), person, PersonRole::Admin, position);
                }
            }
            Statement::RemoveDevice { device: id, frontier, .. } => {
                let device = self.devices.get_mut(id).expect("checked: it is known");
                device.active = false;
                device.removed_at = Some(position);
                self.cut_make(&entry, *id, None, frontier);
            }
            Statement::GrantRole { device, person, role } => {
                self.role_grant(*device, person, *role, position);
            }
            Statement::RemoveRole { device, person, role, frontier } => {
                self.role_remove(*device, person, *role, position);
                self.cut_make(&entry, *device, Some((person.clone(), *role)), frontier);
            }
            Statement::SetFrontier { cut, frontier } => {
                self.cut_extend(*cut, entry.statement.signer, frontier);
            }
            Statement::Resolve { document, actor, head, .. } => {
                let by_hub = self.is_of_hub(entry.statement.signer);
                self.resolved.insert((*document, by_hub, *actor), *head);
            }
            Statement::Rotate(rotation) => self.rotation_apply(rotation, position),
            Statement::SetRecovery { org, key } => {
                self.recoveries.retain(|_, of| of != org);
                self.recoveries.insert(key.device(), *org);
                self.organisation_mut(*org).recovery = Some(*key);
            }
            Statement::Reset { org } => self.reset(*org, entry.statement.signer, position),
        }
        if let Some(org) = self.device(entry.statement.signer).map(|device| device.org) {
            self.organisation_mut(org).said_bytes += cbor::encode(&entry.statement).len();
        }
        self.said.insert(entry.statement.digest());
        self.head = entry.digest();
        self.entries.push(entry);
    }

    fn organisation_add(&mut self, org: OrgId, role: OrgRole, name: &str) {
        let name = name.to_owned();
        let (awaits_first, recovery, reset_asked) = (true, None, None);
        let said_bytes = 0;
        let organisation =
            Organisation { role, name, awaits_first, recovery, reset_asked, said_bytes };
        self.organisations.insert(org, organisation);
    }

    fn organisation_mut(&mut self, org: OrgId) -> &mut Organisation {
        self.organisations.get_mut(&org).expect("checked: it is known")
    }

    /// The second of two devices of the hub makes it so, the only one at once.
    fn reset(&mut self, org: OrgId, signer: DeviceId, position: u64) {
        let alone = self.device_count(self.hub, position.saturating_sub(1)) == 1;
        let organisation = self.organisation_mut(org);
        if alone || organisation.reset_asked.is_some() {
            organisation.awaits_first = true;
            (organisation.recovery, organisation.reset_asked) = (None, None);
            self.recoveries.retain(|_, of| *of != org);
        } else {
            organisation.reset_asked = Some(signer);
        }
    }

    fn device_add(&mut self, org: OrgId, key: PublicKey, person: &str, position: u64) {
        let organisation = self.organisation_mut(org);
        organisation.reset_asked = None;
        let first = std::mem::take(&mut organisation.awaits_first);
        let device = key.device();
        let persons = BTreeMap::from([(person.to_owned(), BTreeSet::new())]);
        let joined_at = position;
        self.devices.insert(
            device,
            Device { org, key, persons, joined_at, active: true, removed_at: None },
        );
        if first {
            self.role_grant(device, person, PersonRole::Admin, position);
        }
        if first && org == self.hub {
            self.role_grant(device, person, PersonRole::Lead, position);
        }
    }

    /// Grants a role to somebody who may have it already.
    fn role_ensure(&mut self, device: DeviceId, person: &str, role: PersonRole, position: u64) {
        let persons = &self.devices[&device].persons;
        if !persons.get(person).is_some_and(|roles| roles.contains(&role)) {
            self.role_grant(device, person, role, position);
        }
    }

    fn role_grant(&mut self, device: DeviceId, person: &str, role: PersonRole, position: u64) {
        let known = self.devices.get_mut(&device).expect("checked: it is known");
        known.persons.entry(person.to_owned()).or_default().insert(role);
        let is_again = self.terms(device, person, role).next().is_some();
        let person = person.to_owned();
        self.terms.push(Term { device, person, role, from: position, until: None, is_again });
    }

    fn role_remove(&mut self, device: DeviceId, person: &str, role: PersonRole, position: u64) {
        let known = self.devices.get_mut(&device).expect("checked: it is known");
        known.persons.entry(person.to_owned()).or_default().remove(&role);
        let open = |term: &&mut Term| term.until.is_none() && term.is_of(device, person, role);
        if let Some(term) = self.terms.iter_mut().find(open) {
            term.until = Some(position);
        }
    }
}

impl Term {
    fn is_of(&self, device: DeviceId, person: &str, role: PersonRole) -> bool {
        self.device == device && self.person == person && self.role == role
    }
}

fn entry_size_check(entry: &Entry) -> Result<(), MembershipError> {
    let bytes = entry.to_bytes().len();
    match bytes > ENTRY_BYTES_MAX {
        true => Err(MembershipError::TooLarge { bytes }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
