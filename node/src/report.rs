//! What a node tells of itself: status, conflicts, quarantine, histories.
//!
//! Only reading; a document is loaded for histories and conflicts, never for lists.

use std::collections::BTreeMap;

use onex_crdt::act::{Causality, Found};
use onex_crdt::action::{Reason, Refusal};
use onex_crdt::document::Document;
use onex_crdt::field::time::Moment;
use onex_crdt::header::Header;
use onex_crdt::ids::{ChangeHash, DeviceId, Digest, OrgId, RecordId};
use onex_crdt::record::{Fields, Record, RecordKind, Row};
use onex_crdt::records::application::{self, Application};
use onex_crdt::records::membership::DEVICE_ADOPT;
use onex_crdt::records::undo::UNDO;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;
use onex_crdt::view::View;
use onex_protocol::membership::Membership;

use crate::api::{
    AuditEntry, AuditLine, Changed, Health, History, Peer, Quarantined, Query, Status, Step,
    StepSource, Unsent, Waiting,
};
use crate::backup;
use crate::conflict::{claimed, device_of};
use crate::error::NodeError;
use crate::handle::{Node, Writer, moment};
use crate::home::Keeping;
use crate::members::LISTEN;
use crate::store::view::SqlView;
use crate::store::{self, StoreError, audit, documents, peers, projection, quarantine, query};

impl Node {
    /// The state of the node.
    pub fn status(&self) -> Result<Status, NodeError> {
        let me = self.me()?;
        let conflicts = query::conflict_count(self.reader().read())?;
        let peers = self.peers()?;
        let waiting = self.waiting()?;
        let writer = self.writer()?;
        let connection = writer.store.read();
        let (documents, records) = documents::counts(connection)?;
        let bytes = std::fs::metadata(self.shared.home.database()).map_or(0, |file| file.len());
        Ok(Status {
            me,
            membership_position: writer.membership.position(),
            hub_position: hub_position(connection)?,
            unsent: unsent(connection)?,
            peers,
            conflicts,
            quarantine: quarantine::count(connection)?,
            stale: 0,
            waiting,
            documents,
            records,
            bytes,
            keys: self.keeping(),
            health: Health {
                database: self.database_state(),
                room: self.room(),
                backup: backup::newest_day(&self.shared.home),
                restored: store::is_restored(connection)?,
            },
        })
    }

    /// How the keys are kept now; another process may have changed it.
    fn keeping(&self) -> Keeping {
        self.shared.home.keeping().ok().flatten().unwrap_or(Keeping::File)
    }

    /// The peers that this node knows.
    pub fn peers(&self) -> Result<Vec<Peer>, NodeError> {
        let writer = self.writer()?;
        let stored = peers::all(writer.store.read())?;
        stored.iter().map(|peer| peer_of(&writer, peer).map_err(NodeError::from)).collect()
    }

    /// What only another organisation can give: filing numbers.
    fn waiting(&self) -> Result<Vec<Waiting>, NodeError> {
        let filed = Value::Text("filed".to_owned());
        let lines = self.list(&Query::all(Application::KIND).with("state", filed))?;
        let unnumbered = lines.rows.iter().filter(|row| row.text("filing_no").is_none());
        let action = onex_crdt::records::receipt::NUMBER;
        Ok(unnumbered
            .map(|row| Waiting { kind: Application::KIND.key, id: row.id, action })
            .collect())
    }

    /// Writes down that somebody opened, revealed or exported something.
    pub fn audit(
        &self,
        what: &str,
        kind: &str,
        ids: &[RecordId],
        fields: &[&str],
    ) -> Result<(), NodeError> {
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        let entry = AuditEntry {
            at: who.now.to_string(),
            person: who.person,
            device: who.device,
            what: what.to_owned(),
            kind: kind.to_owned(),
            ids: ids.to_vec(),
            fields: fields.iter().map(|key| (*key).to_owned()).collect(),
        };
        let transaction = writer.store.write()?;
        audit::put(&transaction, &entry)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(())
    }

    /// The audit log, oldest first.
    ///
    /// # Errors
    /// When the person is no admin, or the store fails.
    pub fn audits(&self) -> Result<Vec<AuditLine>, NodeError> {
        if !self.me()?.roles.contains(&PersonRole::Admin) {
            let reason = Reason::NoRight;
            return Err(Refusal { action: LIST_AUDIT, reason, field: None }.into());
        }
        Ok(audit::all(self.reader().read())?)
    }

    /// What was kept apart.
    pub fn quarantine(&self) -> Result<Vec<Quarantined>, NodeError> {
        let held = quarantine::all(self.reader().read())?;
        let mut writer = self.writer()?;
        let own = self.who(&writer)?.org;
        let Writer { store, engine, membership, .. } = &mut *writer;
        let mut unread = KEPT_READ_MAX;
        let rows = held.into_iter().map(|held| {
            let is_read = held.is_adoptable(own) && unread > 0;
            unread -= usize::from(is_read);
            let writes = is_read.then(|| engine.kept(store.read(), &held)).transpose()?;
            let content = held.content.as_ref();
            let of_tag = |tag| {
                let mut devices = membership.devices_of(held.header.owner);
                devices.find(|(id, _)| id.tag() == tag).map(|(id, _)| id)
            };
            Ok(Quarantined {
                device: content.and_then(|content| of_tag(content.tag)),
                person: content.map(|content| content.person.clone()),
                records: content.map(|content| content.records.clone()),
                adoptable: held.is_adoptable(own),
                writes: writes.flatten().unwrap_or_default(),
                id: held.id,
                document: held.header.id(),
                document_kind: held.header.kind.clone(),
                owner_id: held.header.owner,
                change: held.change.map(|hash| hash.to_string()),
                reason: held.reason,
                received_from: held.received_from,
                received_at: moment(&held.received_at)?,
                state: held.state,
            })
        });
        rows.collect()
    }

    /// The hub device that gives filing numbers and receipts (parameter filing_allocator).
    pub fn allocator(&self) -> Result<DeviceId, NodeError> {
        Ok(self.writer()?.membership.sequencer())
    }

    /// The address at which this node last listened, if it ever did.
    pub fn listen(&self) -> Result<Option<String>, NodeError> {
        let bytes = store::meta(self.reader().read(), LISTEN)?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    /// Every document here with the digest of its heads and seals: what two stores that both may
    /// read a document must have alike.
    pub fn document_states(&self) -> Result<Vec<(Header, Digest)>, NodeError> {
        let states = store::sync::states(self.reader().read())?;
        Ok(states.into_values().collect())
    }

    /// The history of a record: every edit and act, each after what it had seen.
    ///
    /// A record whose making was undone has a history all the same.
    ///
    /// # Errors
    /// When there is no such record here.
    pub fn history(&self, kind: &'static RecordKind, id: RecordId) -> Result<History, NodeError> {
        let mut writer = self.writer()?;
        let Writer { store, engine, membership, .. } = &mut *writer;
        let view = SqlView::new(store.read(), membership);
        let (sources, found) = (view.sources(kind, id), view.acts(id));
        let undone = sources.iter().find(|source| source.undone);
        let undone = undone.map(|source| onex_crdt::records::row_of(id, source));
        let row = projection::get(store.read(), kind, id)?.or(undone);
        let row = row.ok_or_else(|| NodeError::UnknownId { kind: kind.key, id: id.to_string() })?;
        let difference = difference(&view, kind, &row);
        view.finish()?;
        let mut steps = Vec::new();
        for source in &sources {
            let document = engine.document(store.read(), &source.header)?;
            for (mut step, again) in edits(&document, membership, kind, id) {
                let owner = source.header.owner;
                let again = again.map(|hash| source_of(store.read(), membership, owner, hash));
                step.source = again.transpose()?;
                steps.push(step);
            }
        }
        let documents: BTreeMap<_, _> =
            found.iter().map(|found| (found.header.id(), &found.header)).collect();
        let mut again = BTreeMap::new();
        for header in documents.into_values() {
            again.extend(engine.document(store.read(), header)?.acts_again());
        }
        for mut step in acts(kind, &found, membership.position()) {
            let hash = step.act.and_then(|act| again.get(&act));
            let again = hash.map(|hash| source_of(store.read(), membership, step.org_id, *hash));
            step.source = again.transpose()?;
            steps.push(step);
        }
        Ok(History { row, steps, difference })
    }
}

/// Most changes that were kept apart of which it is told what they would write.
const KEPT_READ_MAX: usize = 50;

/// What is refused to those who may not see who looked at what.
const LIST_AUDIT: &str = "list.audit";

/// The position of the membership log that the hub had when both last were in touch.
fn hub_position(connection: &rusqlite::Connection) -> Result<u64, StoreError> {
    let bytes = store::meta(connection, HUB_POSITION)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
}

/// The key of that position in the table of odds and ends.
pub(crate) const HUB_POSITION: &str = "hub_position";

/// What this node has and no peer has acknowledged.
pub(crate) fn unsent(connection: &rusqlite::Connection) -> Result<Unsent, StoreError> {
    let (changes, documents, oldest) = documents::unsent(connection)?;
    let oldest = oldest.as_deref().map(moment).transpose()?;
    Ok(Unsent { changes, documents, oldest })
}

/// A peer as others see it.
pub(crate) fn peer_of(writer: &Writer, stored: &peers::StoredPeer) -> Result<Peer, StoreError> {
    let org = writer.membership.organisation(stored.org);
    Ok(Peer {
        org_id: stored.org,
        name: org.map(|org| org.name.clone()).unwrap_or_default(),
        device: stored.device,
        address: stored.address.clone(),
        last_sync: stored.last_sync.as_deref().map(moment).transpose()?,
        equal: stored.equal,
    })
}

/// The change that was kept apart and whose content a step writes again.
fn source_of(
    connection: &rusqlite::Connection,
    membership: &Membership,
    owner: OrgId,
    hash: ChangeHash,
) -> Result<StepSource, StoreError> {
    let content = quarantine::content(connection, hash)?;
    let of_tag = |tag| membership.devices_of(owner).map(|(id, _)| id).find(|id| id.tag() == tag);
    Ok(StepSource {
        change: hash.to_string(),
        device: content.as_ref().and_then(|content| of_tag(content.tag)),
        person: content.map(|content| content.person),
    })
}

/// The edits of a record in one document, in the order of its changes; with those that write
/// something again that was kept apart, where it stood.
fn edits(
    document: &Document,
    membership: &Membership,
    kind: &'static RecordKind,
    id: RecordId,
) -> Vec<(Step, Option<ChangeHash>)> {
    let steps = document.changes_of(kind, id).into_iter().filter_map(|hash| {
        let (before, after) = document.step(kind, id, &hash);
        let changed = changed(kind, &before, &after);
        let (actor, author) = document.authorship(&hash)?;
        let is_undoing = author.undoes.is_some();
        if !is_undoing && changed.is_empty() {
            return None;
        }
        let step = Step {
            act: None,
            change: Some(hash.to_string()),
            kind: match author.action.as_str() {
                _ if is_undoing => UNDO.id,
                action if action == DEVICE_ADOPT.id => DEVICE_ADOPT.id,
                _ => "edit",
            }
            .to_owned(),
            at: claimed(author.at_seconds),
            org_id: document.header().owner,
            person: author.person,
            device: device_of(membership, document.header().owner, actor),
            after: Vec::new(),
            digest: None,
            changed,
            reason: None,
            outcome: None,
            says: Fields::new(),
            source: None,
        };
        Some((step, author.source))
    });
    steps.collect()
}

/// The acts on a record, each after those it names.
fn acts(kind: &'static RecordKind, found: &[Found], known: u64) -> Vec<Step> {
    let causality = Causality::new(found, known);
    let mut frozen = Fields::new();
    let steps = causality.ordered().into_iter().map(|found| {
        let act = &found.act;
        let copies = act.salt.is_some();
        let difference = if copies { changed(kind, &frozen, &act.body) } else { Vec::new() };
        let first = frozen.is_empty();
        if copies {
            frozen.clone_from(&act.body);
        }
        Step {
            act: Some(act.id),
            change: None,
            kind: act.kind.clone(),
            at: Moment::parse(&act.at).unwrap_or_else(|_| claimed(0)),
            org_id: found.org(),
            person: act.person.clone(),
            device: Some(act.device),
            after: act.after.clone(),
            digest: act.judged.as_ref().map(|judged| judged.digest).or(act.frozen_digest()),
            changed: if first { Vec::new() } else { difference },
            reason: act.says("reason").map(str::to_owned),
            outcome: act.says("outcome").map(str::to_owned),
            says: if copies { Fields::new() } else { act.body.clone() },
            source: None,
        }
    });
    steps.collect()
}

/// Old and new value of every stored field that differs, in the order of the definition.
fn changed(kind: &'static RecordKind, before: &Fields, after: &Fields) -> Changed {
    let stored = kind.stored().filter(|field| before.get(field.key) != after.get(field.key));
    let values = |key: &str| (before.get(key).cloned(), after.get(key).cloned());
    stored
        .map(|field| {
            let (old, new) = values(field.key);
            (field.key.to_owned(), old, new)
        })
        .collect()
}

/// What differs between the version that a decision judged and the newest one, in the order of
/// the definition.
fn difference(view: &dyn View, kind: &'static RecordKind, row: &Row) -> Option<Changed> {
    if *kind != *Application::KIND || !row.is("changed_since_decision") {
        return None;
    }
    let mut differing = application::difference(view, row.id);
    let changed = kind.stored().filter_map(|field| {
        let (old, new) = differing.remove(field.key)?;
        Some((field.key.to_owned(), old, new))
    });
    Some(changed.collect())
}
