//! What a node tells those who hold it: answers, lists, status, history, reports.
//!
//! Plain values only; how they come about stands elsewhere.

use std::collections::BTreeMap;

use onex_crdt::document::Write;
use onex_crdt::field::time::Moment;
use onex_crdt::ids::{ActId, BatchId, DeviceId, Digest, DocId, NetworkId, OrgId, RecordId};
use onex_crdt::record::{Fields, RecordKind, Row};
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;

/// Who uses the node: organisation, person, roles, device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The organisation.
    pub org_id: OrgId,
    /// Its name.
    pub org_name: String,
    /// Its role.
    pub org_role: OrgRole,
    /// Its state, as the directory has it; nothing until the directory has arrived.
    pub org_state: Option<String>,
    /// The person.
    pub person: String,
    /// What the membership log lets that person do at this device.
    pub roles: Vec<PersonRole>,
    /// The device.
    pub device: DeviceId,
    /// Whether it is still a member.
    pub device_active: bool,
    /// The network.
    pub network: NetworkId,
    /// The node's clock.
    pub now: Moment,
}

pub use crate::home::Keeping;
pub use crate::space::Room;
pub use crate::store::audit::{AuditEntry, AuditLine};
pub use crate::upkeep::DatabaseState;

/// What to list.
#[derive(Debug, Clone)]
pub struct Query {
    /// The record type.
    pub kind: &'static RecordKind,
    /// Conditions that all must hold; equal ones on the same key are alternatives.
    pub conditions: Vec<Condition>,
    /// A text that the record must be found by: hanzi, pinyin, initials, digits.
    pub text: Option<String>,
    /// Another order than the kind's own: a key, and whether it descends.
    pub order: Option<(String, bool)>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Leaving out so many first.
    pub offset: usize,
}

impl Query {
    /// Everything of a kind, in its own order.
    pub fn all(kind: &'static RecordKind) -> Self {
        Self { kind, conditions: Vec::new(), text: None, order: None, limit: None, offset: 0 }
    }

    /// Only rows with this value under this key.
    pub fn with(mut self, key: &str, value: Value) -> Self {
        let condition = Condition { key: key.to_owned(), compare: Compare::Equal, value };
        self.conditions.push(condition);
        self
    }
}

/// A condition on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The key.
    pub key: String,
    /// How to compare.
    pub compare: Compare,
    /// With what.
    pub value: Value,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// The same.
    Equal,
    /// At least.
    AtLeast,
    /// At most.
    AtMost,
}

/// Rows, and how many there are before the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// How many rows match.
    pub total: usize,
    /// The rows asked for.
    pub rows: Vec<Row>,
}

/// What an action led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The record made or concerned.
    pub id: RecordId,
    /// Its state, where the kind has one.
    pub state: Option<String>,
    /// The action that awaits a second person, where the kind has such.
    pub pending_act: Option<String>,
    /// What was taken back, where the action was an undoing.
    pub undone: Option<Undone>,
}

/// What an undoing led to (C33).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The batch that was taken back.
    pub of: BatchId,
    /// The batch that the undoing itself is, which can be undone; nothing when it left everything.
    pub batch: Option<BatchId>,
    /// The action that was taken back.
    pub action: String,
    /// The records that are as they were before.
    pub undone: Vec<(&'static RecordKind, RecordId)>,
    /// The records that were left as they are, since they were changed afterwards.
    pub left: Vec<Left>,
}

/// A record that an undoing left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The kind of the record.
    pub kind: &'static RecordKind,
    /// The record.
    pub id: RecordId,
    /// The keys that were written since, and the ids of actions taken since.
    pub since: Vec<String>,
}

/// Two or more learners with one number (C3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The kind of the records.
    pub kind: &'static RecordKind,
    /// The key of the field that they have alike.
    pub field: &'static str,
    /// The records, by id.
    pub records: Vec<RecordId>,
}

/// A conflict that somebody ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The conflict as it was.
    pub conflict: Conflict,
    /// The value chosen.
    pub chosen: Option<Value>,
    /// Who chose.
    pub person: String,
    /// When, by the writer's clock.
    pub at: Moment,
    /// Why.
    pub reason: Option<String>,
}

/// The state of the node (contract, `onex status`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Who uses it.
    pub me: Me,
    /// The newest position of the membership log here.
    pub membership_position: u64,
    /// The newest position that the hub is known to have.
    pub hub_position: u64,
    /// What the hub has not acknowledged yet.
    pub unsent: Unsent,
    /// The peers that are known.
    pub peers: Vec<Peer>,
    /// Open conflicts.
    pub conflicts: usize,
    /// Changes kept apart.
    pub quarantine: usize,
    /// Rows made on outdated permissions.
    pub stale: usize,
    /// What only another organisation can give.
    pub waiting: Vec<Waiting>,
    /// Documents here.
    pub documents: usize,
    /// Rows here.
    pub records: usize,
    /// Bytes of the database.
    pub bytes: u64,
    /// How the keys of the database and of the device are kept.
    pub keys: Keeping,
    /// How its files are.
    pub health: Health,
}

/// How the node's files are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// The file of the database.
    pub database: DatabaseState,
    /// The room on its disk.
    pub room: Room,
    /// The day of the newest daily backup, `YYYY-MM-DD`.
    pub backup: Option<String>,
    /// Whether the store was restored and has not heard from those who know what was said before.
    pub restored: bool,
}

/// What no peer has acknowledged yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unsent {
    /// Changes.
    pub changes: usize,
    /// Documents that they stand in.
    pub documents: usize,
    /// When the oldest was made.
    pub oldest: Option<Moment>,
}

/// A peer that the node knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its organisation.
    pub org_id: OrgId,
    /// The organisation's name.
    pub name: String,
    /// The device.
    pub device: DeviceId,
    /// Where it listens, if that is known.
    pub address: Option<String>,
    /// When both last agreed on who has what.
    pub last_sync: Option<Moment>,
    /// Whether both then had the same.
    pub equal: bool,
}

/// Something that only another organisation can give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The kind of the record.
    pub kind: &'static str,
    /// The record.
    pub id: RecordId,
    /// The action that is waited for.
    pub action: &'static str,
}

/// The history of a record (contract, `onex show --history`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The record as it stands.
    pub row: Row,
    /// Edits and acts, each after what it had seen.
    pub steps: Vec<Step>,
    /// What differs between the version decided on and the newest one.
    pub difference: Option<Changed>,
}

/// Old and new value by key.
pub type Changed = Vec<(String, Option<Value>, Option<Value>)>;

/// One step of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The act, for steps that are acts; edits have none.
    pub act: Option<ActId>,
    /// The hash of the change, short, for edits.
    pub change: Option<String>,
    /// The id of the action, or `edit`.
    pub kind: String,
    /// When, by the writer's clock.
    pub at: Moment,
    /// The organisation.
    pub org_id: OrgId,
    /// The person.
    pub person: String,
    /// The device, where its organisation is known here.
    pub device: Option<DeviceId>,
    /// The acts that it names.
    pub after: Vec<ActId>,
    /// The version that was made or judged.
    pub digest: Option<Digest>,
    /// What it changed.
    pub changed: Changed,
    /// The reason given.
    pub reason: Option<String>,
    /// The outcome decided.
    pub outcome: Option<String>,
    /// The rest of what the act says.
    pub says: Fields,
    /// The change that was kept apart, where this step writes its content again.
    pub source: Option<StepSource>,
}

/// A change that was kept apart and whose content somebody has written again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepSource {
    /// Its hash, as `list quarantine` has it.
    pub change: String,
    /// Who wrote it, where it is kept apart here.
    pub person: Option<String>,
    /// At which device, where it is kept apart here.
    pub device: Option<DeviceId>,
}

/// A field with more than one distinct concurrent value (contract, `list conflict`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The hash over field and values.
    pub id: RecordId,
    /// The kind of the record.
    pub kind: &'static RecordKind,
    /// The record.
    pub record_id: RecordId,
    /// The key of the field.
    pub field: String,
    /// The values, sorted by change hash.
    pub values: Vec<ConflictValue>,
}

/// One of several concurrent values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictValue {
    /// The value; nothing when it was cleared.
    pub value: Option<Value>,
    /// Who wrote it.
    pub person: String,
    /// At which device.
    pub device: Option<DeviceId>,
    /// When, by the writer's clock.
    pub at: Moment,
}

/// A change that was kept apart (contract, `list quarantine`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The hash of its bytes.
    pub id: RecordId,
    /// The document.
    pub document: DocId,
    /// The kind of the document.
    pub document_kind: String,
    /// Its owner.
    pub owner_id: OrgId,
    /// The change, where it could be read.
    pub change: Option<String>,
    /// The device that wrote it, where that could be read.
    pub device: Option<DeviceId>,
    /// The person that it names, where that could be read.
    pub person: Option<String>,
    /// The records that it touches, where that could be read.
    pub records: Option<Vec<RecordId>>,
    /// Whether an admin here can write it again as his own.
    pub adoptable: bool,
    /// What it would write; nothing where it cannot be adopted, or many others come before it.
    pub writes: Vec<Write>,
    /// Why.
    pub reason: String,
    /// Who sent it.
    pub received_from: DeviceId,
    /// When.
    pub received_at: Moment,
    /// Held, adopted, released.
    pub state: String,
}

/// A device of the network (contract, `list device`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// The device.
    pub id: DeviceId,
    /// Its organisation.
    pub org_id: OrgId,
    /// Persons and their roles at it.
    pub persons: Vec<(String, Vec<PersonRole>)>,
    /// The position of the membership log at which it joined.
    pub joined_at: u64,
    /// When it was last in touch with this node.
    pub last_sync: Option<Moment>,
    /// Whether it is still a member.
    pub active: bool,
}

/// An invitation that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The invitation.
    pub id: RecordId,
    /// The text of the file.
    pub text: String,
    /// The code that does for the file where this node can be reached.
    pub code: String,
    /// Where it can be reached; nothing for files on a stick.
    pub address: Option<String>,
}

/// An invitation that somebody may still come with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// The invitation.
    pub id: RecordId,
    /// The organisation.
    pub org_id: OrgId,
    /// The last day on which it is good.
    pub expires_on: String,
    /// The code, for whoever it is read to.
    pub code: String,
    /// Where this node can be reached; nothing for files on a stick.
    pub address: Option<String>,
}

/// A request to join, written for a stick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The text of the file.
    pub text: String,
    /// The digits to be compared.
    pub digits: String,
    /// The organisation that the device would join.
    pub org_name: String,
}

/// What the inviter sees of a request out of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitting {
    /// The person who asks.
    pub person: String,
    /// The organisation.
    pub org_name: String,
    /// The digits to be compared.
    pub digits: String,
    /// The answer for the stick, once the digits are confirmed and the hub has given the device its
    /// place.
    pub response: Option<String>,
}

/// The root of the network (`onex root show`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootView {
    /// Which root it is.
    pub version: u64,
    /// Its public keys, in hex.
    pub keys: Vec<String>,
    /// How many of them must sign.
    pub threshold: u32,
    /// The device that gives statements their places.
    pub sequencer: DeviceId,
    /// The newest place.
    pub position: u64,
}

/// A key for the root; what its keeper keeps, and what everybody may know.
#[derive(Clone, PartialEq, Eq)]
pub struct RootKey {
    /// The public key, in hex.
    pub public: String,
    /// The code of the secret one.
    pub secret: String,
}

/// A recovery key, to be kept in a safe; never printed otherwise.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryMade {
    /// Whose it is.
    pub org_id: OrgId,
    /// The text of the file.
    pub text: String,
    /// The code for paper.
    pub code: String,
}

/// Why a peer closed that a person can do something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// This device was removed.
    Removed,
    /// The membership logs contradict each other.
    Fork,
}

/// A device that asks to be let in and whose digits are to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The invitation.
    pub id: RecordId,
    /// The organisation that it would join.
    pub org_id: OrgId,
    /// The person who asks.
    pub person: String,
    /// The digits.
    pub digits: String,
}

/// What a sync led to (contract, `onex sync`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// Each peer that was tried.
    pub peers: Vec<PeerReport>,
    /// What is still unsent.
    pub unsent: Unsent,
}

/// What the sync with one peer led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerReport {
    /// The peer.
    pub peer: Peer,
    /// Whether it answered.
    pub reached: bool,
    /// Round trips after the handshake.
    pub round_trips: u32,
    /// Sent: documents, changes, bytes.
    pub sent: Traffic,
    /// Received.
    pub received: Traffic,
    /// Received changes that were kept apart.
    pub quarantined: usize,
    /// What the peer would not take, and why.
    pub refused: Vec<(DocId, String)>,
    /// Whether both have the same now.
    pub equal: bool,
    /// What went wrong.
    pub error: Option<String>,
    /// What of it a person can do something about.
    pub closed: Option<Closed>,
}

/// What went over the wire one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Documents.
    pub documents: u64,
    /// Changes.
    pub changes: u64,
    /// Bytes of the application's messages.
    pub bytes: u64,
}

/// What a person has begun to write in a form and not saved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The id of the action that the form is for.
    pub action: String,
    /// The record that the action takes, if it takes one.
    pub subject: Option<RecordId>,
    /// When it was last written.
    pub at: Moment,
    /// The texts by key of field.
    pub texts: BTreeMap<String, String>,
}
