//! The backend of a running node, and the way to one in a folder that has none.
//!
//! Failures become ids of sentences, since a node does not know the language of a screen.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use onex_crdt::action::{Action, Given, Reason, Refusal};
use onex_crdt::field::time::Moment;
use onex_crdt::ids::{DeviceId, OrgId, RecordId};
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::records::membership::{DEVICE_CONFIRM, DEVICE_INVITE};
use onex_crdt::value::Value;
use onex_node::api::{
    Answer, Asking, Conflict, DeviceRow, Draft, Duplicate, History, InvitationRow, Invited, List,
    Me, Quarantined, Query, Resolved, Status, SyncReport, Undone,
};
use onex_node::clock::Clock;
use onex_node::home::{Guard, KeysError, Passphrase};
use onex_node::import;
use onex_node::importing::Saved;
use onex_node::undoing::What;
use onex_node::{Founding, Node, NodeError, Serving};

use crate::core::backend::{Answered, Backend, BackendError, Entry};
use crate::core::update::lock::WRONG;
use crate::core::welcome::JOIN;

impl Backend for Node {
    fn me(&self) -> Answered<Me> {
        Ok(Node::me(self)?)
    }

    fn status(&self) -> Answered<Status> {
        Ok(Node::status(self)?)
    }

    fn list(&self, query: &Query) -> Answered<List> {
        Ok(Node::list(self, query)?)
    }

    fn row(&self, kind: &'static RecordKind, id: RecordId) -> Answered<Option<Row>> {
        Ok(Node::row(self, kind, id)?)
    }

    fn facets(&self, kind: &'static RecordKind, key: &str) -> Answered<Vec<(Value, usize)>> {
        Ok(Node::facets(self, kind, key)?)
    }

    fn history(&self, kind: &'static RecordKind, id: RecordId) -> Answered<History> {
        Ok(Node::history(self, kind, id)?)
    }

    fn act(
        &self,
        action: &'static Action,
        ids: &[RecordId],
        given: &Given,
    ) -> Answered<Vec<Answer>> {
        Ok(Node::act(self, action, ids, given)?)
    }

    fn resolved(&self) -> Answered<Vec<Resolved>> {
        Ok(Node::resolved(self)?)
    }

    fn duplicates(&self) -> Answered<Vec<Duplicate>> {
        Ok(Node::duplicates(self)?)
    }

    fn reveal(&self, kind: &'static RecordKind, id: RecordId, fields: &[&str]) -> Answered<()> {
        Ok(Node::audit(self, "reveal", kind.key, &[id], fields)?)
    }

    fn opened(&self, kind: &'static RecordKind, id: RecordId, fields: &[&str]) -> Answered<()> {
        Ok(Node::audit(self, "open", kind.key, &[id], fields)?)
    }

    fn undo(&self, what: &What, also: &[RecordId]) -> Answered<Undone> {
        Ok(Node::undo(self, what, also)?)
    }

    fn import_match(&self, draft: &mut import::Draft) -> Answered<()> {
        Ok(Node::import_match(self, draft)?)
    }

    fn import(
        &self,
        draft: &import::Draft,
        class: Option<RecordId>,
        progress: &dyn Fn(usize, usize) -> bool,
    ) -> Answered<Saved> {
        Ok(Node::import(self, draft, class, &mut |part, parts| progress(part, parts))?)
    }

    fn conflicts(&self) -> Answered<Vec<Conflict>> {
        Ok(Node::conflicts(self)?)
    }

    fn devices(&self) -> Answered<Vec<DeviceRow>> {
        Ok(Node::devices(self)?)
    }

    fn asking(&self) -> Answered<Vec<Asking>> {
        Ok(Node::asking(self)?)
    }

    fn invitations(&self) -> Answered<Vec<InvitationRow>> {
        Ok(Node::invitations(self)?)
    }

    fn quarantine(&self) -> Answered<Vec<Quarantined>> {
        Ok(Node::quarantine(self)?)
    }

    fn invite(&self, org: OrgId) -> Answered<Invited> {
        let own = Node::me(self)?.org_id;
        let invited = Node::invite(self, (org != own).then_some(org))?;
        Node::audit(self, "sign", "", &[invited.id], &[DEVICE_INVITE.id])?;
        Ok(invited)
    }

    fn device_confirm(&self, digits: &str) -> Answered<()> {
        let device = Node::device_confirm(self, digits)?;
        Ok(Node::audit(self, "sign", "", &[RecordId(device.0)], &[DEVICE_CONFIRM.id])?)
    }

    fn sync(&self, peer: Option<DeviceId>) -> Answered<SyncReport> {
        Ok(Node::sync(self, peer)?)
    }

    fn draft(
        &self,
        action: &str,
        subject: Option<RecordId>,
        texts: &BTreeMap<String, String>,
    ) -> Answered<Option<Moment>> {
        if texts.is_empty() {
            Node::draft_drop(self, action, subject)?;
            return Ok(None);
        }
        Ok(Some(Node::draft_put(self, action, subject, texts)?))
    }

    fn drafts(&self) -> Answered<Vec<Draft>> {
        Ok(Node::drafts(self)?)
    }

    fn version(&self) -> Answered<u64> {
        Ok(Node::version(self)?)
    }

    fn lists_prepare(&self) -> Answered<()> {
        Ok(Node::lists_prepare(self)?)
    }
}

/// A folder in which a node is to live, or lives behind a passphrase.
pub struct EmptyHome {
    folder: PathBuf,
    clock: Clock,
    guard: Mutex<Guard>,
    online: Mutex<Option<Serving>>,
}

impl EmptyHome {
    /// Names a folder, the clock that the node will have and how its keys will be kept.
    pub fn new(folder: PathBuf, clock: Clock, guard: Guard) -> Self {
        Self { folder, clock, guard: Mutex::new(guard), online: Mutex::new(None) }
    }

    fn wished(&self) -> Guard {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes online with the node until this home is dropped, and notes that it was opened.
    fn lives(&self, node: Node) -> Answered<Arc<dyn Backend>> {
        node.audit("open", "", &[], &[])?;
        *self.online.lock().unwrap_or_else(PoisonError::into_inner) = node.stay_in_touch().ok();
        Ok(Arc::new(node))
    }
}

impl Entry for EmptyHome {
    fn unlock(&self, passphrase: &Passphrase) -> Answered<Arc<dyn Backend>> {
        self.lives(Node::unlock(&self.folder, Some(passphrase), self.clock.clone())?)
    }

    fn guard(&self, passphrase: Option<Passphrase>) {
        *self.guard.lock().unwrap_or_else(PoisonError::into_inner) =
            passphrase.map_or(Guard::File, Guard::Passphrase);
    }

    fn found(&self, name: &str, region: &str, person: &str) -> Answered<Arc<dyn Backend>> {
        let [name, region, person] = [name, region, person].map(str::to_owned);
        let founding = Founding { name, region, person };
        let clock = self.clock.clone();
        self.lives(Node::found_under(&self.folder, &founding, &self.wished(), clock)?)
    }

    fn join(
        &self,
        invitation: &str,
        address: Option<&str>,
        person: &str,
        digits: &dyn Fn(String),
    ) -> Answered<Arc<dyn Backend>> {
        let (folder, clock, guard) = (&self.folder, self.clock.clone(), self.wished());
        let joining = match (address, std::fs::read_to_string(invitation)) {
            (_, Ok(text)) => Node::join_under(folder, &text, person, &guard, clock)?,
            (Some(address), Err(_)) => {
                Node::join_by_code(folder, invitation, address, person, &guard, clock)?
            }
            (None, Err(_)) => return Err(BackendError::Failed("failure-file".to_owned())),
        };
        digits(joining.digits().to_owned());
        self.lives(joining.wait(JOIN_TIME_MAX)?)
    }
}

impl From<NodeError> for BackendError {
    fn from(error: NodeError) -> Self {
        let id = match error {
            NodeError::Refused(refusal) => return BackendError::Refused(refusal),
            NodeError::Value { field, error } => {
                let reason = Reason::Invalid(error);
                let refusal = Refusal { action: JOIN.id, reason, field: Some(field) };
                return BackendError::Refused(refusal);
            }
            NodeError::Store(error) if error.is_full() => "failure-disk-full",
            NodeError::Store(error) if error.is_fatal() => "failure-disk-broken",
            NodeError::Store(_) | NodeError::NotRepairable | NodeError::Backup(_) => {
                "failure-store"
            }
            NodeError::InUse => "failure-in-use",
            NodeError::NotCaughtUp => "failure-not-caught-up",
            NodeError::NoNode { .. } => "failure-no-node",
            NodeError::NotJoined => "failure-not-joined",
            NodeError::Folder { .. } => "failure-folder",
            NodeError::UnknownId { .. } => "failure-unknown",
            NodeError::Keys(KeysError::Locked) => "failure-locked",
            NodeError::Keys(KeysError::WrongPassphrase) => WRONG,
            NodeError::Keys(KeysError::Keystore) => "failure-keystore",
            NodeError::Keys(_) => "failure-keys-damaged",
            NodeError::Membership(_) => "failure-membership",
            NodeError::Invitation(_) => "failure-invitation",
            NodeError::NoSuchDigits => "failure-digits",
            NodeError::NotListening => "failure-not-listening",
            NodeError::Unreachable => "failure-unreachable",
            NodeError::NotConfirmed => "failure-not-confirmed",
            NodeError::NotLetIn { .. } => "failure-not-let-in",
            NodeError::Net(_) | NodeError::Runtime(_) => "failure-network",
            NodeError::Stopped => "failure-stopped",
            NodeError::NoPeer => "failure-no-peer",
            NodeError::NotTheInviter => "failure-not-the-inviter",
            NodeError::NotAsked => "failure-not-asked",
            NodeError::NotLead => "failure-not-lead",
            NodeError::Root(_) => "failure-root",
        };
        tracing::warn!(id, "the node gave no answer");
        BackendError::Failed(id.to_owned())
    }
}

/// How long a device waits to be let in; the invitation can be shown again.
const JOIN_TIME_MAX: Duration = Duration::from_secs(30 * 60);

#[cfg(test)]
mod tests {
    use onex_crdt::record::Record;
    use onex_crdt::records::organisation::Organisation;
    use onex_crdt::roles::PersonRole;

    use super::*;
    use crate::core::load::{Due, Task, perform};
    use crate::core::model::Model;
    use crate::core::update;
    use crate::i18n::{Lang, tr};

    fn hub() -> (tempfile::TempDir, Arc<dyn Backend>) {
        let folder = tempfile::tempdir().expect("a folder");
        let at = onex_crdt::field::time::Moment::parse("2026-04-20T09:41:00+08:00").expect("valid");
        let home = EmptyHome::new(folder.path().join("hub"), Clock::story(at), Guard::File);
        let node = home.found("陕西省1+X证书试点项目办", "610000", "郝敏").expect("founded");
        (folder, node)
    }

    fn settle(model: &mut Model, backend: &dyn Backend, mut tasks: Vec<Task>) {
        while !tasks.is_empty() {
            let messages = std::cell::RefCell::new(Vec::new());
            for task in tasks.drain(..) {
                perform(backend, task, &|message| messages.borrow_mut().push(message));
            }
            let messages = messages.into_inner().into_iter();
            tasks.extend(messages.flat_map(|message| update::message(model, message)));
        }
    }

    #[test]
    fn the_screens_read_a_real_node() {
        let (_folder, node) = hub();
        let mut model = Model::new(Lang::Zh, None);
        let tasks = update::start(&mut model);
        settle(&mut model, &*node, tasks);
        assert_eq!(model.me().map(|me| me.person.as_str()), Some("郝敏"));
        for key in ["2", "0", "Enter", "-", "=", "1"] {
            let tasks = update::key(&mut model, key.parse().expect(key));
            settle(&mut model, &*node, tasks);
            assert!(model.notice.is_none(), "{key}");
        }
        let due = [Due::NoRole(PersonRole::Officer)];
        assert_eq!(model.today.as_deref(), Some(&due[..]), "nobody can enter organisations yet");
        assert_eq!(model.directory.total(), 1);
    }

    #[test]
    fn a_real_rule_refuses_at_a_field() {
        let (_folder, node) = hub();
        let action = onex_crdt::registry::action("organisation.add").expect("there is one");
        let refused = node.act(action, &[], &Given::new());
        assert!(matches!(refused, Err(BackendError::Refused(_))));
        let query = Query::all(Organisation::KIND);
        assert_eq!(node.list(&query).map(|list| list.total), Ok(1));
    }

    #[test]
    fn failures_have_sentences() {
        for error in [NodeError::NoPeer, NodeError::NotJoined, NodeError::Unreachable] {
            let BackendError::Failed(id) = BackendError::from(error) else { panic!("a failure") };
            for lang in [Lang::Zh, Lang::En] {
                assert_ne!(tr(lang, &id, &[]), id);
            }
        }
        let (folder, _node) = hub();
        let home = EmptyHome::new(folder.path().join("b"), Clock::default(), Guard::File);
        let missing = home.join("/nowhere/none", None, "李强", &|_| {}).map(drop);
        assert_eq!(missing, Err(BackendError::Failed("failure-file".into())));
    }
}
