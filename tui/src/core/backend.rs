//! What the interface asks of a node: the handle's methods, so that tests can put a fake there.
//!
//! Every method may take as long as a disk or a network does: only workers call them.

use std::collections::BTreeMap;
use std::sync::Arc;

use onex_crdt::action::{Action, Given, Refusal};
use onex_crdt::field::time::Moment;
use onex_crdt::ids::{DeviceId, OrgId, RecordId};
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::value::Value;
use onex_node::api::{
    Answer, Asking, Conflict, DeviceRow, Draft, Duplicate, History, InvitationRow, Invited, List,
    Me, Quarantined, Query, Resolved, Status, SyncReport, Undone,
};
use onex_node::home::Passphrase;
use onex_node::import;
use onex_node::importing::Saved;
use onex_node::undoing::What;

/// What a node gives back, or why not.
pub type Answered<T> = Result<T, BackendError>;

/// A running node.
pub trait Backend: Send + Sync {
    /// Who uses the node.
    fn me(&self) -> Answered<Me>;
    /// The state of the node.
    fn status(&self) -> Answered<Status>;
    /// The rows that a query fits, within its window.
    fn list(&self, query: &Query) -> Answered<List>;
    /// One row, or nothing when there is none that may be seen.
    fn row(&self, kind: &'static RecordKind, id: RecordId) -> Answered<Option<Row>>;
    /// The values that rows of a kind have under a key, each with the number of its rows.
    fn facets(&self, kind: &'static RecordKind, key: &str) -> Answered<Vec<(Value, usize)>>;
    /// How a record came to be as it is.
    fn history(&self, kind: &'static RecordKind, id: RecordId) -> Answered<History>;
    /// Carries an action out, for all records or for none; returns after it is on the disk.
    fn act(
        &self,
        action: &'static Action,
        ids: &[RecordId],
        given: &Given,
    ) -> Answered<Vec<Answer>>;
    /// The conflicts that somebody ended.
    fn resolved(&self) -> Answered<Vec<Resolved>>;
    /// Records of the own register that may be of one person.
    fn duplicates(&self) -> Answered<Vec<Duplicate>>;
    /// Writes down that somebody looks at masked fields of a record.
    fn reveal(&self, kind: &'static RecordKind, id: RecordId, fields: &[&str]) -> Answered<()>;
    /// Writes down that a form shows masked fields of a record.
    fn opened(&self, kind: &'static RecordKind, id: RecordId, fields: &[&str]) -> Answered<()>;
    /// Takes a batch back; these records even where they were changed since.
    fn undo(&self, what: &What, also: &[RecordId]) -> Answered<Undone>;
    /// Tells a roster which of its numbers the register knows.
    fn import_match(&self, draft: &mut import::Draft) -> Answered<()>;
    /// Saves the good rows of a roster as one batch; `progress` is told the part of how
    /// many and says whether to go on.
    fn import(
        &self,
        draft: &import::Draft,
        class: Option<RecordId>,
        progress: &dyn Fn(usize, usize) -> bool,
    ) -> Answered<Saved>;
    /// Open conflicts.
    fn conflicts(&self) -> Answered<Vec<Conflict>>;
    /// The devices of the network that are known here.
    fn devices(&self) -> Answered<Vec<DeviceRow>>;
    /// Devices that ask to be let in.
    fn asking(&self) -> Answered<Vec<Asking>>;
    /// Invitations of this node that nobody has come with yet.
    fn invitations(&self) -> Answered<Vec<InvitationRow>>;
    /// What was kept apart.
    fn quarantine(&self) -> Answered<Vec<Quarantined>>;
    /// Writes an invitation for the next device of an organisation.
    fn invite(&self, org: OrgId) -> Answered<Invited>;
    /// Lets the device in whose digits these are.
    fn device_confirm(&self, digits: &str) -> Answered<()>;
    /// Syncs with one peer, or with all that are known.
    fn sync(&self, peer: Option<DeviceId>) -> Answered<SyncReport>;
    /// Keeps the texts of a form, or forgets them where there are none; tells when it kept them.
    fn draft(
        &self,
        action: &str,
        subject: Option<RecordId>,
        texts: &BTreeMap<String, String>,
    ) -> Answered<Option<Moment>>;
    /// What the person has begun to write.
    fn drafts(&self) -> Answered<Vec<Draft>>;
    /// A number that moves when the store changed.
    fn version(&self) -> Answered<u64>;
    /// Reads what the first search would wait for; keeps nobody waiting meanwhile.
    fn lists_prepare(&self) -> Answered<()> {
        Ok(())
    }
}

/// The way to a node where there is none yet, or where its keys are under a passphrase.
pub trait Entry: Send + Sync {
    /// Opens the node with its passphrase.
    fn unlock(&self, passphrase: &Passphrase) -> Answered<Arc<dyn Backend>>;
    /// Keeps the keys of the node that is to be made under a passphrase, or under none.
    fn guard(&self, passphrase: Option<Passphrase>);
    /// Founds a network whose hub this device is.
    fn found(&self, name: &str, region: &str, person: &str) -> Answered<Arc<dyn Backend>>;
    /// Joins by an invitation: a file, or a code with the inviter's address; `digits` is told what both screens must show, then it waits
    /// until the inviter has compared them.
    fn join(
        &self,
        invitation: &str,
        address: Option<&str>,
        person: &str,
        digits: &dyn Fn(String),
    ) -> Answered<Arc<dyn Backend>>;
}

/// Why a node gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The system failed; an id of a sentence, or words that are shown as they are.
    #[error("{0}")]
    Failed(String),
}
