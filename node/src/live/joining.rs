//! Asking to be let in: the joining device's side of an enrolment (trust A6).
//!
//! Nothing of the device's home but its keys exists before it has been let in.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::timeout;

use onex_crdt::field::text::PersonName;
use onex_protocol::enrolment::{Invitation, digits, join_proof};
use onex_protocol::key::{PublicKey, SigningKey};
use onex_protocol::membership::{Entry, Membership};
use onex_protocol::message::{Join, Message};

use super::storing::JOIN_LABEL;
use super::{ANY_PORT, PARTING, resolve, runtime};
use crate::backup;
use crate::clock::Clock;
use crate::handle::{Node, NodeError, PERSON, fresh_keys};
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
    invitation: Invitation,
    link: Link,
    digits: String,
}

/// The connection to the inviter; the sender is kept so that the stream stays open.
struct Link {
    endpoint: Rc<Endpoint>,
    connection: Connection,
    _sender: Sender,
    receiver: Receiver,
    /// Entries of the membership log that have come so far.
    entries: Vec<Entry>,
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
        let person = PersonName::parse(person)
            .map_err(|error| NodeError::Value { field: "person".to_owned(), error })?;
        let person = person.as_str().to_owned();
        let home = Home::new(folder);
        let keys = fresh_keys(&home, guard)?;
        let runtime = runtime()?;
        let (link, inviter) = runtime.block_on(ask(&invitation, &person, &keys.device))?;
        let own = SigningKey::from_seed(&keys.device).public();
        let digits = digits(&inviter, &own, &invitation.id);
        Ok(Joining { runtime, home, keys, clock, person, invitation, link, digits })
    }
}

impl Joining {
    /// The digits to be compared with those on the inviter's screen.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// The organisation that the device would belong to.
    pub fn org_name(&self) -> &str {
        &self.invitation.org_name
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
        let membership = self.membership(entries)?;
        self.settle_in(&membership)?;
        let node = Node::with_keys(self.home, self.keys, self.clock)?;
        match node.sync(None) {
            Ok(_) | Err(NodeError::NoPeer) => Ok(node),
            Err(error) => Err(error),
        }
    }

    /// The membership log that came, begun by the root that the invitation names.
    fn membership(&self, entries: Vec<Entry>) -> Result<Membership, NodeError> {
        let mut membership = self.invitation.membership()?;
        for entry in entries {
            membership.append(entry).map_err(NodeError::membership)?;
        }
        Ok(membership)
    }

    fn settle_in(&self, membership: &Membership) -> Result<(), NodeError> {
        let own = SigningKey::from_seed(&self.keys.device).device();
        if membership.device(own).is_none() {
            return Err(NodeError::NotJoined);
        }
        backup::adopt(&self.home, &self.keys, membership.network())?;
        let mut store = Store::open(&self.home.database(), &self.keys.store)?;
        let transaction = store.write()?;
        for entry in membership.entries_from(0) {
            store::membership::put(&transaction, entry)?;
        }
        store::set_meta(&transaction, PERSON, self.person.as_bytes())?;
        for (device, key, address) in &self.invitation.addresses {
            if let Some(member) = membership.device(*device) {
                peers::put(&transaction, key, member.org, Some(address))?;
            }
        }
        transaction.commit().map_err(StoreError::from)?;
        Ok(())
    }
}

/// Shows the invitation to the first address that answers; returns the inviter's key.
async fn ask(
    invitation: &Invitation,
    person: &str,
    seed: &[u8; 32],
) -> Result<(Link, PublicKey), NodeError> {
    let own = SigningKey::from_seed(seed).public();
    let endpoint = Rc::new(Endpoint::bind(&DeviceKey::from_seed(*seed), ANY_PORT)?);
    let mut last = NodeError::Unreachable;
    for (_, key, address) in &invitation.addresses {
        let Some(address) = resolve(address) else { continue };
        let connection = match endpoint.connect(address, Some(key.0)).await {
            Ok(connection) => connection,
            Err(error) => {
                last = error.into();
                continue;
            }
        };
        let (mut sender, receiver) = connection.split().await?;
        let exporter = connection.exporter(JOIN_LABEL, b"")?;
        let proof = join_proof(&invitation.secret, &exporter, &own);
        let join = Join { invitation: invitation.id, proof, key: own, person: person.to_owned() };
        sender.send(&Message::Join(join).encode().bytes).await?;
        let mut link = Link {
            endpoint: Rc::clone(&endpoint),
            connection,
            _sender: sender,
            receiver,
            entries: Vec::new(),
        };
        let inviter = link.pending().await?;
        return Ok((link, inviter));
    }
    Err(last)
}

impl Link {
    /// Waits for the inviter's key.
    async fn pending(&mut self) -> Result<PublicKey, NodeError> {
        match self.message().await? {
            Message::Pending { inviter_key } if inviter_key.0 == self.connection.peer_key() => {
                Ok(inviter_key)
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
