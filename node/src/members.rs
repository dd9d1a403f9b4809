//! Devices and roles: statements of the membership log, made from actions.
//!
//! The hub's first device sequences them at once; on every other device they wait for the next
//! contact with it. How a device asks to be let in stands in `enrol`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use rusqlite::{Connection, Transaction};

use onex_crdt::action::{Action, Given, Reason, Refusal, Who};
use onex_crdt::field::code::OrgRef;
use onex_crdt::field::time::Date;
use onex_crdt::field::{Field, FieldError};
use onex_crdt::ids::{ChangeHash, DeviceId, DocId, OrgId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::membership as actions;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;
use onex_protocol::enrolment::{Invitation, InvitationSecret, digits, digits_match};
use onex_protocol::key::PublicKey;
use onex_protocol::membership::{Entry, Membership};
use onex_protocol::statement::{SignedStatement, Statement};

use crate::api::{Answer, Asking, DeviceRow, InvitationRow, Invited};
use crate::audit;
use crate::clock::random;
use crate::engine::Engine;
use crate::error::NodeError;
use crate::handle::{Node, Writer, moment};
use crate::home::write_secret;
use crate::store::enrolment::{self, InvitationState, StoredInvitation};
use crate::store::{self, StoreError, outbox, peers, projection};

/// Days for which an invitation may be used (trust A6).
pub const INVITATION_DAYS: i64 = 7;
/// Wrong proofs after which an invitation is useless (trust A6).
pub const INVITATION_TRIES_MAX: u32 = 5;

/// How a device that is invited comes to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    ByNetwork,
    ByStick,
}

impl Node {
    /// Every device of the network that is or was a member.
    pub fn devices(&self) -> Result<Vec<DeviceRow>, NodeError> {
        let writer = self.writer()?;
        let peers = peers::all(writer.store.read())?;
        let rows = writer.membership.devices().map(|(id, device)| {
            let peer = peers.iter().find(|peer| peer.device == id);
            let last_sync = peer.and_then(|peer| peer.last_sync.as_deref());
            let persons = device.persons.iter();
            Ok(DeviceRow {
                id,
                org_id: device.org,
                persons: persons
                    .map(|(name, roles)| (name.clone(), roles.iter().copied().collect()))
                    .collect(),
                joined_at: device.joined_at,
                last_sync: last_sync.map(moment).transpose()?,
                active: device.active,
            })
        });
        rows.collect()
    }

    /// The devices that ask to be let in with an invitation of this node.
    pub fn asking(&self) -> Result<Vec<Asking>, NodeError> {
        let writer = self.writer()?;
        let own = writer.engine.key().public();
        let invitations = enrolment::all(writer.store.read())?;
        let asked = invitations.into_iter().filter(|i| i.state == InvitationState::Asked);
        Ok(asked.filter_map(|stored| asking(&own, stored)).collect())
    }

    /// Makes an invitation: for a further device of the own organisation, or, at the hub, for the
    /// first device of another.
    ///
    /// # Errors
    /// `NodeError::NotListening` when nobody could come with it.
    pub fn invite(&self, org: Option<OrgId>) -> Result<Invited, NodeError> {
        self.invite_reached(org, Reached::ByNetwork)
    }

    /// Makes an invitation for a device that cannot call: files go to and fro on a stick.
    pub fn invite_offline(&self, org: Option<OrgId>) -> Result<Invited, NodeError> {
        self.invite_reached(org, Reached::ByStick)
    }

    fn invite_reached(&self, org: Option<OrgId>, reached: Reached) -> Result<Invited, NodeError> {
        let action = &actions::DEVICE_INVITE;
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        let own = org.is_none_or(|org| org == who.org);
        let needed = if own { PersonRole::Admin } else { PersonRole::Officer };
        if !who.roles.contains(&needed) || !(own || who.org_role == OrgRole::Hub) {
            return Err(Refusal::new(action, Reason::NoRight, None).into());
        }
        let org = org.unwrap_or(who.org);
        let row = projection::get(writer.store.read(), Organisation::KIND, org.into())?;
        let role = row.as_ref().and_then(|row| row.text("role")).and_then(OrgRole::from_id);
        let (Some(row), Some(role)) = (row, role) else {
            return Err(Refusal::new(action, Reason::UnknownRecord, Some("org_id")).into());
        };
        let known = writer.membership.organisation(org);
        if !own && known.is_some_and(|org| !org.awaits_first) {
            return Err(Refusal::new(action, Reason::HasNode, Some("org_id")).into());
        }
        let addresses = addresses(&writer)?;
        // Others may stand there, too, but only this node knows its invitation.
        let own_key = writer.engine.key().public();
        let listens = addresses.iter().any(|(_, key, _)| *key == own_key);
        if !listens && reached == Reached::ByNetwork {
            return Err(NodeError::NotListening);
        }
        let today = who.today();
        let expires =
            onex_crdt::field::time::Date::from_days(today.days_since_epoch() + INVITATION_DAYS);
        let root = writer.membership.entries_from(0).first().cloned();
        let secret = InvitationSecret(random());
        let invitation = Invitation {
            network: who.network,
            root: root.ok_or(NodeError::NotJoined)?,
            org,
            org_name: row.text("name").unwrap_or_default().to_owned(),
            role,
            addresses,
            id: secret.id(),
            secret,
            expires_on: expires.unwrap_or(today).to_string(),
            inviter: writer.engine.key().public(),
        };
        let transaction = writer.store.write()?;
        enrolment::put(&transaction, &invitation, &today.to_string())?;
        let id = RecordId(invitation.id.0);
        audit::signed(&transaction, &who, action, id)?;
        transaction.commit().map_err(StoreError::from)?;
        let address = invitation.addresses.first().map(|(_, _, address)| address.clone());
        let (text, code) = (invitation.to_text(), invitation.code());
        Ok(Invited { id, text, code, address })
    }

    /// Refuses an invitation for an organisation in a role that it does not have; where no role
    /// is named, or the organisation is not known, there is nothing to compare.
    ///
    /// # Errors
    /// `Reason::WrongOrganisation` at `role`.
    pub fn check_role(&self, org: OrgId, role: Option<OrgRole>) -> Result<(), NodeError> {
        let row = self.row(Organisation::KIND, org.into())?;
        match (row, role) {
            (Some(row), Some(role)) if row.text("role") != Some(role.id()) => {
                let reason = Reason::WrongOrganisation;
                Err(Refusal::new(&actions::DEVICE_INVITE, reason, Some("role")).into())
            }
            _ => Ok(()),
        }
    }

    /// The invitations of this node that somebody may still come with, the oldest first.
    pub fn invitations(&self) -> Result<Vec<InvitationRow>, NodeError> {
        let today = self.clock().now().date();
        let all = enrolment::all(self.reader().read())?;
        let open = all.into_iter().filter(|stored| {
            let expires = Date::parse(&stored.invitation.expires_on);
            stored.state == InvitationState::Open && expires.is_ok_and(|day| day >= today)
        });
        Ok(open
            .map(|stored| InvitationRow {
                id: RecordId(stored.invitation.id.0),
                org_id: stored.invitation.org,
                code: stored.invitation.code(),
                address: stored.invitation.addresses.first().map(|(_, _, at)| at.clone()),
                expires_on: stored.invitation.expires_on,
            })
            .collect())
    }

    /// Lets the device in whose digits these are.
    ///
    /// # Errors
    /// When no device asks with these digits.
    pub fn device_confirm(&self, given: &str) -> Result<DeviceId, NodeError> {
        let mut writer = self.writer()?;
        let own = writer.engine.key().public();
        let asked = enrolment::all(writer.store.read())?;
        let matches = |stored: &StoredInvitation| {
            let joiner = stored.joiner.as_ref();
            stored.state == InvitationState::Asked
                && joiner.is_some_and(|joiner| {
                    digits_match(given, &digits(&own, joiner, &stored.invitation.id))
                })
        };
        let stored = asked.into_iter().find(matches).ok_or(NodeError::NoSuchDigits)?;
        let (Some(key), Some(person)) = (stored.joiner, stored.person.clone()) else {
            return Err(NodeError::NoSuchDigits);
        };
        let org = stored.invitation.org;
        let mut statements = Vec::new();
        if writer.membership.organisation(org).is_none() {
            let (role, name) = (stored.invitation.role, stored.invitation.org_name.clone());
            statements.push(Statement::AddOrganisation { org, role, name });
        }
        statements.push(Statement::AddDevice { org, key, person });
        let who = self.who(&writer)?;
        let id = RecordId(key.device().0);
        writer.state(&who, statements, |transaction| {
            enrolment::set_state(transaction, stored.invitation.id, InvitationState::Used)?;
            audit::signed(transaction, &who, &actions::DEVICE_CONFIRM, id)
        })?;
        drop(writer);
        self.shared.changed();
        Ok(key.device())
    }

    /// Makes an invitation useless.
    pub fn invitation_cancel(&self, id: &str) -> Result<RecordId, NodeError> {
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        let all = enrolment::all(writer.store.read())?;
        let mut matching =
            all.iter().filter(|stored| RecordId(stored.invitation.id.0).is_meant_by(id));
        let (Some(stored), None) = (matching.next(), matching.next()) else {
            return Err(NodeError::UnknownId { kind: "invitation", id: id.to_owned() });
        };
        let id = RecordId(stored.invitation.id.0);
        let transaction = writer.store.write()?;
        enrolment::set_state(&transaction, stored.invitation.id, InvitationState::Cancelled)?;
        audit::signed(&transaction, &who, &actions::DEVICE_CANCEL, id)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(id)
    }

    /// Grants a person at a device a role, or takes it away.
    pub fn role_change(
        &self,
        device: DeviceId,
        person: &str,
        role: PersonRole,
        grant: bool,
    ) -> Result<(), NodeError> {
        let mut writer = self.writer()?;
        let person = person.to_owned();
        let cut = writer.membership.position() + 1;
        let action = if grant { &actions::ROLE_GRANT } else { &actions::ROLE_REMOVE };
        let statements = if grant {
            vec![Statement::GrantRole { device, person, role }]
        } else {
            let mut frontiers = writer.frontiers_stated(device)?.into_iter();
            let frontier = frontiers.next().unwrap_or_default();
            let more = frontiers.map(|frontier| Statement::SetFrontier { cut, frontier });
            let more: Vec<_> = more.collect();
            [vec![Statement::RemoveRole { device, person, role, frontier }], more].concat()
        };
        self.state_all(&mut writer, statements, (action, RecordId(device.0)))
    }

    /// Returns the device that a full id, or its first or last eight digits or more, means.
    pub fn find_device(&self, text: &str) -> Result<DeviceId, NodeError> {
        let devices = self.devices()?;
        let mut matching = devices.iter().filter(|device| device.id.is_meant_by(text));
        match (matching.next(), matching.next()) {
            (Some(device), None) => Ok(device.id),
            _ => Err(NodeError::UnknownId { kind: "device", id: text.to_owned() }),
        }
    }

    /// Takes an action whose effect is a statement of the membership log.
    pub(crate) fn act_on_membership(
        &self,
        action: &'static Action,
        given: &Given,
    ) -> Result<Answer, NodeError> {
        let me = self.me()?;
        if !action.may(me.org_role, &me.roles.iter().copied().collect()) {
            return Err(Refusal::new(action, Reason::NoRight, None).into());
        }
        let missing = action.params.iter().find(|param| {
            param.required && given.get(param.key).and_then(Option::as_ref).is_none()
        });
        if let Some(param) = missing {
            let reason = Reason::Invalid(FieldError::Missing);
            return Err(Refusal::new(action, reason, Some(param.key)).into());
        }
        let text = |key: &str| {
            given.get(key).and_then(Option::as_ref).and_then(Value::as_text).unwrap_or_default()
        };
        let id = if action.id == actions::DEVICE_INVITE.id {
            let org = given.get("org_id").and_then(Option::as_ref).and_then(OrgRef::from_value);
            let org = org.map(OrgRef::org);
            let role = given.get("role").and_then(Option::as_ref).and_then(OrgRole::from_value);
            self.check_role(org.unwrap_or(me.org_id), role)?;
            let invited = self.invite(org)?;
            let path = std::path::Path::new(text("out"));
            write_secret(path, invited.text.as_bytes())
                .map_err(|source| NodeError::folder(path, source))?;
            invited.id
        } else if action.id == actions::DEVICE_CONFIRM.id {
            RecordId(self.device_confirm(text("digits"))?.0)
        } else if action.id == actions::DEVICE_CANCEL.id {
            self.invitation_cancel(text("id"))?
        } else if action.id == actions::DEVICE_REMOVE.id {
            let device = self.find_device(text("id"))?;
            let given = actions::RemovalReason::from_id(text("reason"));
            let given = given.unwrap_or(actions::RemovalReason::Lost);
            self.device_remove(device, given)?;
            RecordId(device.0)
        } else if action.id == actions::DEVICE_ADOPT.id {
            self.device_adopt(text("id"))?
        } else {
            let device = self.find_device(text("device"))?;
            let role = PersonRole::from_id(text("role")).unwrap_or(PersonRole::Admin);
            let grant = action.id == actions::ROLE_GRANT.id;
            self.role_change(device, text("person"), role, grant)?;
            RecordId(device.0)
        };
        Ok(Answer { id, state: None, pending_act: None, undone: None })
    }
}

impl Writer {
    /// Signs statements; sequences them on the device that does, else keeps them for it.
    ///
    /// # Errors
    /// When the log does not allow them, or this device was restored and waits for its peers.
    pub(crate) fn state(
        &mut self,
        who: &Who,
        statements: Vec<Statement>,
        also: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
    ) -> Result<(), NodeError> {
        self.lengthen(who, |engine, transaction, ahead| {
            for statement in statements {
                let signed = ahead.propose(engine.key(), statement);
                place(engine, transaction, ahead, signed)?;
            }
            Ok(also(transaction)?)
        })
    }

    /// The same for a statement that another key has signed.
    pub(crate) fn place(
        &mut self,
        who: &Who,
        signed: SignedStatement,
        also: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
    ) -> Result<(), NodeError> {
        self.lengthen(who, |engine, transaction, ahead| {
            place(engine, transaction, ahead, signed)?;
            Ok(also(transaction)?)
        })
    }

    /// Gives statements of other devices their places; what is no longer allowed is left out. After
    /// a restore nothing gets a place before the peers' longest log is here: it stays with those
    /// who said it.
    pub(crate) fn sequence(
        &mut self,
        who: &Who,
        statements: Vec<SignedStatement>,
    ) -> Result<(), NodeError> {
        self.lengthen(who, |engine, transaction, ahead| {
            if waits_for_others(transaction, ahead, who.device)? {
                // Whoever proposed them asks again; what is signed now could be a fork.
                return Ok(());
            }
            for statement in statements {
                let Ok(entry) = ahead.sequence(engine.key(), statement) else { continue };
                put(transaction, ahead, entry)?;
            }
            Ok(())
        })
    }

    /// Gives what waits here its places, at a device that does so by now: after a restore, or since
    /// the root has named it.
    pub(crate) fn sequence_waiting(&mut self, who: &Who) -> Result<(), NodeError> {
        let waiting = store::membership::proposals(self.store.read())?;
        match waiting.is_empty() || self.membership.sequencer() != who.device {
            true => Ok(()),
            false => self.sequence(who, waiting),
        }
    }

    /// Takes entries that hold: others' that came, or an own rotation of the root.
    pub(crate) fn take_entries(
        &mut self,
        who: &Who,
        entries: Vec<Entry>,
        also: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
    ) -> Result<(), NodeError> {
        self.lengthen(who, |_, transaction, ahead| {
            entries.into_iter().try_for_each(|entry| put(transaction, ahead, entry))?;
            Ok(also(transaction)?)
        })
    }

    /// Lengthens the log in one transaction, with everything that follows from that: what counts
    /// in documents, and in rows. Of what a rotation drops this device's own statements are
    /// proposed anew.
    fn lengthen(
        &mut self,
        who: &Who,
        work: impl FnOnce(&Engine, &Transaction<'_>, &mut Membership) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        match self.try_lengthen(who, work) {
            Ok(own) => {
                self.log_unsent(own);
                Ok(())
            }
            Err(error) => {
                if let NodeError::Store(error) = &error {
                    self.failed(error);
                }
                Err(error)
            }
        }
    }

    /// The same; returns own changes that others have yet to take.
    fn try_lengthen(
        &mut self,
        who: &Who,
        work: impl FnOnce(&Engine, &Transaction<'_>, &mut Membership) -> Result<(), NodeError>,
    ) -> Result<BTreeMap<DocId, Vec<ChangeHash>>, NodeError> {
        let Writer { store, engine, membership, to_say, .. } = self;
        let transaction = store.write()?;
        let before = store::log::end(&transaction)?.position;
        let mut ahead = caught_up(&transaction, membership)?;
        work(engine, &transaction, &mut ahead)?;
        let from = ahead.first_new(membership);
        for statement in membership.entries_from(from).iter().map(|entry| &entry.statement) {
            if statement.signer == who.device && ahead.check(statement).is_ok() {
                store::membership::propose(&transaction, statement)?;
            }
        }
        if ahead.position() >= from {
            let taken = engine.log_grew(&transaction, &ahead, who, from);
            let taken = taken.inspect_err(|_| engine.forget())?;
            to_say.extend(taken.statements);
        }
        let own = outbox::after(&transaction, before as i64)?;
        transaction.commit().map_err(StoreError::from)?;
        *membership = ahead;
        Ok(own)
    }
}

/// Gives a statement its place on the device that does, else keeps it for that.
fn place(
    engine: &Engine,
    transaction: &Transaction<'_>,
    ahead: &mut Membership,
    signed: SignedStatement,
) -> Result<(), NodeError> {
    if ahead.sequencer() != engine.key().device() {
        return Ok(store::membership::propose(transaction, &signed)?);
    }
    if waits_for_others(transaction, ahead, engine.key().device())? {
        return Err(NodeError::NotCaughtUp);
    }
    let entry = ahead.sequence(engine.key(), signed);
    put(transaction, ahead, entry.map_err(NodeError::membership)?)
}

fn put(
    transaction: &Transaction<'_>,
    ahead: &mut Membership,
    entry: Entry,
) -> Result<(), NodeError> {
    ahead.append(entry.clone()).map_err(NodeError::membership)?;
    Ok(store::membership::put(transaction, &entry)?)
}

/// Whether a restored device must hear from others before it sequences statements or gives numbers:
/// it may have done so before, and does not know. Where nobody else is known, nobody can tell.
pub(crate) fn waits_for_others(
    connection: &rusqlite::Connection,
    membership: &Membership,
    own: DeviceId,
) -> Result<bool, StoreError> {
    let others = || membership.devices().any(|(id, device)| id != own && device.active);
    Ok(store::is_restored(connection)? && others())
}

/// The membership log as it is stored now that nobody else can write: whoever sequences in another
/// process of this home may have been faster.
pub(crate) fn caught_up(
    transaction: &Connection,
    known: &Membership,
) -> Result<Membership, NodeError> {
    if store::membership::root_version(transaction)? != known.root().version {
        return store::membership::load(transaction)?.ok_or(NodeError::NotJoined);
    }
    let mut membership = known.clone();
    for entry in store::membership::entries_from(transaction, known.position() + 1)? {
        membership.append(entry).map_err(NodeError::membership)?;
    }
    Ok(membership)
}

/// Where a joining device may reach this network: this node first, then the hub's devices.
pub(crate) fn addresses(writer: &Writer) -> Result<Vec<(DeviceId, PublicKey, String)>, StoreError> {
    let own = writer.engine.key().public();
    let listen = store::meta(writer.store.read(), LISTEN)?;
    let listen = listen.and_then(|bytes| String::from_utf8(bytes).ok()).map(reachable);
    let mut addresses: Vec<_> =
        listen.into_iter().map(|address| (own.device(), own, address)).collect();
    let hub = writer.membership.hub();
    for peer in peers::all(writer.store.read())?.into_iter().filter(|peer| peer.org == hub) {
        addresses.extend(peer.address.map(|address| (peer.device, peer.key, address)));
    }
    Ok(addresses)
}

/// An address that others can use: where the node listens on every interface, the one that leads
/// out of this machine, else the one within it.
fn reachable(listen: String) -> String {
    let Ok(address) = listen.parse::<SocketAddr>() else { return listen };
    if !address.ip().is_unspecified() {
        return listen;
    }
    let outward = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        // Nothing is sent: the system only looks up the way to an address for documentation.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    let ip = outward.map_or(Ipv4Addr::LOCALHOST.into(), |outward| outward.ip());
    SocketAddr::new(ip, address.port()).to_string()
}

fn asking(own: &PublicKey, stored: StoredInvitation) -> Option<Asking> {
    let joiner = stored.joiner?;
    Some(Asking {
        id: RecordId(stored.invitation.id.0),
        org_id: stored.invitation.org,
        person: stored.person?,
        digits: digits(own, &joiner, &stored.invitation.id),
    })
}

/// The key of the address that this node last listened at, in the table of odds and ends.
pub(crate) const LISTEN: &str = "listen";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_never_names_every_interface() {
        assert_eq!(reachable("10.1.2.3:4567".to_owned()), "10.1.2.3:4567");
        let named = reachable("0.0.0.0:4567".to_owned());
        let address: SocketAddr = named.parse().expect("an address");
        assert!(!address.ip().is_unspecified() && address.port() == 4567, "{named}");
    }
}
