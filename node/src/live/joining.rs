//! Asking to be let in: the joining device's side of an enrolment (trust A6).
//!
//! Nothing of the device's home but its keys exists before it has been let in.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rusqlite::Transaction;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use onex_crdt::action::Who;
use onex_crdt::field::text::PersonName;
use onex_crdt::ids::{DeviceId, OrgId, RecordId};
use onex_crdt::roles::PersonRole;
use onex_protocol::enrolment::{
    Invitation, InvitationError, InvitationSecret, digits, inviter_proof, join_proof, proofs_match,
};
use onex_protocol::key::{PublicKey, SigningKey};
use onex_protocol::membership::{Entry, Membership};
use onex_protocol::message::{Join, Message};
use onex_protocol::recovery::Recovery;
use onex_protocol::statement::Statement;

use super::storing::JOIN_LABEL;
use super::{ANY_PORT, PARTING, resolve, runtime};
use crate::audit;
use crate::backup;
use crate::clock::Clock;
use crate::error::NodeError;
use crate::handle::{Node, PERSON, fresh_keys};
use crate::home::{Guard, Home, Keys};
use crate::net::{Connection, DeviceKey, Endpoint, Receiver, Sender};
use crate::store::{self, Store, StoreError, peers};

/// A device that has shown its invitation and waits for the inviter to compare the digits.
pub struct Joining {
    runtime: Runtime,
    home: Home,
    keys: Keys,
    clock: Clock,
    person: String,
    asked: Asked,
    link: Link,
    digits: String,
}

/// What a joining device knows of the network.
struct Asked {
    secret: InvitationSecret,
    /// The organisation that invites; nothing where only a code is known.
    org: Option<OrgId>,
    /// Whom to call: the key, where it is known, and the address.
    calls: Vec<(Option<PublicKey>, String)>,
    /// The beginning of the membership log; nothing where only a code is known. Then the log is
    /// believed that comes over a connection whose other end knows the secret.
    begun: Option<Membership>,
}

/// The connection to the inviter; the sender is kept so that the stream stays open.
struct Link {
    endpoint: Rc<Endpoint>,
    connection: Connection,
    _sender: Sender,
    receiver: Receiver,
    /// Entries of the membership log that have come so far.
    entries: Vec<Entry>,
    address: String,
}

impl Node {
    /// Asks to be let into a network with the text of an invitation. The keys lie in plain files.
    ///
    /// # Errors
    /// When the text is no invitation, a node lives in the folder already, or nobody answers.
    pub fn join(
        folder: &Path,
        invitation: &str,
        person: &str,
        clock: Clock,
    ) -> Result<Joining, NodeError> {
        Self::join_under(folder, invitation, person, &Guard::File, clock)
    }

    /// Asks to be let into a network, from a device whose keys are kept as is said.
    ///
    /// # Errors
    /// When the text is no invitation, a node lives in the folder already, the keys cannot be kept
    /// so, or nobody answers.
    pub fn join_under(
        folder: &Path,
        invitation: &str,
        person: &str,
        guard: &Guard,
        clock: Clock,
    ) -> Result<Joining, NodeError> {
        let invitation = Invitation::from_text(invitation)?;
        let calls = invitation.addresses.iter();
        let asked = Asked {
            org: Some(invitation.org),
            calls: calls.map(|(_, key, address)| (Some(*key), address.clone())).collect(),
            begun: Some(invitation.membership()?),
            secret: invitation.secret,
        };
        Self::join_asked(folder, asked, person, guard, clock)
    }

    /// Asks to be let into a network with the code of an invitation and the inviter's address.
    ///
    /// # Errors
    /// When the code is mistyped, a node lives in the folder already, the keys cannot be kept so,
    /// or nobody answers who knows the code too.
    pub fn join_by_code(
        folder: &Path,
        code: &str,
        address: &str,
        person: &str,
        guard: &Guard,
        clock: Clock,
    ) -> Result<Joining, NodeError> {
        let secret = InvitationSecret::from_code(code)?;
        let calls = vec![(None, address.to_owned())];
        let asked = Asked { secret, org: None, calls, begun: None };
        Self::join_asked(folder, asked, person, guard, clock)
    }

    fn join_asked(
        folder: &Path,
        asked: Asked,
        person: &str,
        guard: &Guard,
        clock: Clock,
    ) -> Result<Joining, NodeError> {
        let person = PersonName::parse(person)
            .map_err(|error| NodeError::Value { field: "person".to_owned(), error })?;
        let person = person.as_str().to_owned();
        let home = Home::new(folder);
        let keys = fresh_keys(&home, guard)?;
        let runtime = runtime()?;
        let (link, inviter) = runtime.block_on(ask(&asked, &person, &keys.device))?;
        let own = SigningKey::from_seed(&keys.device).public();
        let digits = digits(&inviter, &own, &asked.secret.id());
        Ok(Joining { runtime, home, keys, clock, person, asked, link, digits })
    }

    /// Joins with the file of an organisation's recovery key, which needs nobody's consent: the
    /// person is an admin at once.
    ///
    /// # Errors
    /// When the text is no such file, the hub cannot be reached, or the key counts no longer.
    pub fn join_by_recovery(
        folder: &Path,
        recovery: &str,
        person: &str,
        guard: &Guard,
        clock: Clock,
    ) -> Result<Self, NodeError> {
        let recovery = Recovery::from_text(recovery)?;
        let person = PersonName::parse(person)
            .map_err(|error| NodeError::Value { field: "person".to_owned(), error })?;
        let home = Home::new(folder);
        let keys = fresh_keys(&home, guard)?;
        let begun = recovery.membership()?;
        let (key, person) = (SigningKey::from_seed(&keys.device).public(), person.as_str());
        let body = Statement::AddDevice { org: recovery.org, key, person: person.to_owned() };
        let statement = begun.propose(&recovery.secret.key(), body);
        let calls = recovery.addresses.iter();
        let calls: Vec<_> = calls.map(|(_, key, address)| (Some(*key), address.clone())).collect();
        let said = |_: &Connection| Ok(Message::Recover(statement.clone()));
        let entries = runtime()?.block_on(async {
            let mut link = call(&calls, &keys.device, said).await?;
            let waited = timeout(RECOVERY_MAX, link.welcome()).await;
            let entries = waited.map_err(|_| NodeError::Unreachable)?;
            link.connection.close(0, "joined");
            let _ = timeout(PARTING, link.endpoint.wait_closed()).await;
            entries
        })?;
        let membership = continued(begun, entries)?;
        let org = membership.organisation(recovery.org).ok_or(NodeError::NotJoined)?;
        let who = Who {
            network: recovery.network,
            org: recovery.org,
            org_role: org.role,
            device: key.device(),
            person: person.to_owned(),
            roles: [PersonRole::Admin].into(),
            now: clock.now(),
        };
        settle_in(&home, &keys, person, &membership, &recovery.addresses, |transaction| {
            audit::ceremony(transaction, &who, audit::RECOVERY_USE, RecordId(who.device.0))
        })?;
        begin(home, keys, clock)
    }
}

impl Joining {
    /// The digits to be compared with those on the inviter's screen.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Waits until the inviter has confirmed, opens the node and takes the first documents.
    ///
    /// # Errors
    /// When nobody confirms in time (the invitation can be shown again), or the inviter refuses.
    pub fn wait(mut self, limit: Duration) -> Result<Node, NodeError> {
        let link = &mut self.link;
        let waited = self.runtime.block_on(async { timeout(limit, link.welcome()).await });
        let entries = waited.map_err(|_| NodeError::NotConfirmed)??;
        self.link.connection.close(0, "joined");
        let endpoint = &self.link.endpoint;
        let _ = self.runtime.block_on(async { timeout(PARTING, endpoint.wait_closed()).await });
        let membership = match self.asked.begun.take() {
            Some(begun) => continued(begun, entries)?,
            None => Membership::replay(entries).map_err(NodeError::membership)?,
        };
        let inviter = PublicKey(self.link.connection.peer_key());
        self.org_check(&membership, &inviter)?;
        let known = self.asked.calls.iter().filter_map(|(key, address)| Some(((*key)?, address)));
        let mut addresses: Vec<_> =
            known.map(|(key, address)| (key.device(), key, address.clone())).collect();
        if addresses.is_empty() {
            addresses.push((inviter.device(), inviter, self.link.address.clone()));
        }
        let (home, keys) = (&self.home, &self.keys);
        settle_in(home, keys, &self.person, &membership, &addresses, |_| Ok(()))?;
        begin(self.home, self.keys, self.clock)
    }

    /// An admin elsewhere who has seen this device's key may have said that it is a device of his.
    fn org_check(&self, membership: &Membership, inviter: &PublicKey) -> Result<(), NodeError> {
        let org = |key: DeviceId| membership.device(key).map(|device| device.org);
        let own = org(SigningKey::from_seed(&self.keys.device).device());
        let by = org(inviter.device());
        let is_asked = match self.asked.org {
            Some(asked) => own == Some(asked),
            None => own == by || by == Some(membership.hub()),
        };
        if is_asked { Ok(()) } else { Err(InvitationError::Response.into()) }
    }
}

/// Opens the node and takes the first documents.
fn begin(home: Home, keys: Keys, clock: Clock) -> Result<Node, NodeError> {
    let node = Node::with_keys(home, keys, clock)?;
    match node.sync(None) {
        Ok(_) | Err(NodeError::NoPeer) => Ok(node),
        Err(error) => Err(error),
    }
}

/// The membership log that came, begun by the root that was known before.
fn continued(mut begun: Membership, entries: Vec<Entry>) -> Result<Membership, NodeError> {
    for entry in entries {
        begun.append(entry).map_err(NodeError::membership)?;
    }
    Ok(begun)
}

/// Makes the store of a device that is in the membership log.
pub(super) fn settle_in(
    home: &Home,
    keys: &Keys,
    person: &str,
    membership: &Membership,
    addresses: &[(DeviceId, PublicKey, String)],
    also: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
) -> Result<(), NodeError> {
    let own = SigningKey::from_seed(&keys.device).device();
    let org = membership.device(own).ok_or(NodeError::NotJoined)?.org;
    backup::adopt(home, keys, membership.network(), org)?;
    let mut store = Store::open(&home.database(), &keys.store)?;
    let transaction = store.write()?;
    for entry in membership.entries_from(0) {
        store::membership::put(&transaction, entry)?;
    }
    store::set_meta(&transaction, PERSON, person.as_bytes())?;
    for (device, key, address) in addresses {
        if let Some(member) = membership.device(*device) {
            peers::put(&transaction, key, member.org, Some(address))?;
        }
    }
    also(&transaction)?;
    transaction.commit().map_err(StoreError::from)?;
    Ok(())
}

/// Shows the invitation to the first address that answers; returns the inviter's key, once the
/// inviter has proven that it knows the invitation too.
async fn ask(asked: &Asked, person: &str, seed: &[u8; 32]) -> Result<(Link, PublicKey), NodeError> {
    let own = SigningKey::from_seed(seed).public();
    let said = |connection: &Connection| {
        let exporter = connection.exporter(JOIN_LABEL, b"")?;
        let proof = join_proof(&asked.secret, &exporter, &own);
        let (invitation, person) = (asked.secret.id(), person.to_owned());
        Ok(Message::Join(Join { invitation, proof, key: own, person }))
    };
    let mut link = call(&asked.calls, seed, said).await?;
    let (inviter, proof) = link.pending().await?;
    let exporter = link.connection.exporter(JOIN_LABEL, b"")?;
    match proofs_match(&proof, &inviter_proof(&asked.secret, &exporter, &inviter)) {
        true => Ok((link, inviter)),
        false => Err(NodeError::NotTheInviter),
    }
}

/// Connects with the first address that answers and says what there is to say first.
async fn call(
    calls: &[(Option<PublicKey>, String)],
    seed: &[u8; 32],
    said: impl Fn(&Connection) -> Result<Message, NodeError>,
) -> Result<Link, NodeError> {
    let endpoint = Rc::new(Endpoint::bind(&DeviceKey::from_seed(*seed), ANY_PORT)?);
    let mut last = NodeError::Unreachable;
    for (key, address) in calls {
        let Some(resolved) = resolve(address) else { continue };
        let connection = match endpoint.connect(resolved, key.map(|key| key.0)).await {
            Ok(connection) => connection,
            Err(error) => {
                last = error.into();
                continue;
            }
        };
        let (mut sender, receiver) = connection.split().await?;
        sender.send(&said(&connection)?.encode().bytes).await?;
        return Ok(Link {
            endpoint: Rc::clone(&endpoint),
            connection,
            _sender: sender,
            receiver,
            entries: Vec::new(),
            address: address.clone(),
        });
    }
    Err(last)
}

impl Link {
    /// Waits for the inviter's key and proof.
    async fn pending(&mut self) -> Result<(PublicKey, [u8; 32]), NodeError> {
        match self.message().await? {
            Message::Pending { inviter_key, proof }
                if inviter_key.0 == self.connection.peer_key() =>
            {
                Ok((inviter_key, proof))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Waits for the entries of the membership log.
    async fn welcome(&mut self) -> Result<Vec<Entry>, NodeError> {
        loop {
            match self.message().await? {
                Message::Statements(entries) => self.entries.extend(entries),
                Message::Welcome(entries) => {
                    self.entries.extend(entries);
                    return Ok(std::mem::take(&mut self.entries));
                }
                other => return Err(unexpected(&other)),
            }
        }
    }

    async fn message(&mut self) -> Result<Message, NodeError> {
        let bytes = self.receiver.receive().await?.ok_or(NodeError::Unreachable)?;
        let refused = |_| NodeError::NotLetIn { reason: "an unreadable message".to_owned() };
        Message::decode(&bytes).map(|(message, _)| message).map_err(refused)
    }
}

fn unexpected(message: &Message) -> NodeError {
    let reason = match message {
        Message::Close { reason, .. } => reason.clone(),
        _ => "an unexpected message".to_owned(),
    };
    NodeError::NotLetIn { reason }
}

/// How long the hub may take to give a recovered device its place.
const RECOVERY_MAX: Duration = Duration::from_secs(60);
