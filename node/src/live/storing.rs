//! The store's side of the sync machine: answers to its questions, and its effects made durable.
//!
//! A failure here ends the driver: a node that goes on after a lost write lies to its peers.

use onex_crdt::field::time::Date;
use onex_crdt::ids::{DeviceId, Digest};
use onex_protocol::admission::{DocumentBatch, refusal_opens};
use onex_protocol::enrolment::{inviter_proof, join_proof, proofs_match};
use onex_protocol::key::PublicKey;
use onex_protocol::machine::{Admitted, Effect, Event, Fault, JoinAnswer, Own, Report};
use onex_protocol::membership::Membership;
use onex_protocol::message::{Join, LogPosition, Origin};
use onex_protocol::scope::Party;
use onex_protocol::statement::{SignedStatement, Statement};

use super::driver::Link;
use crate::error::NodeError;
use crate::handle::{Node, Writer};
use crate::members::INVITATION_TRIES_MAX;
use crate::report::HUB_POSITION;
use crate::store::enrolment::{self, InvitationState, StoredInvitation};
use crate::store::{self, StoreError, outbox, peers, sync};

/// The label under which both ends of a connection draw the value that a join proof is bound to.
pub(super) const JOIN_LABEL: &[u8] = b"EXPORTER-onex-join";

/// How far a driver has told the machine what the store holds.
pub(super) struct Seen {
    log: LogPosition,
    head: Digest,
    proposals: usize,
}

/// Who this node is, its membership log, and how far the store reaches.
pub(super) fn standing(node: &Node) -> Result<(Own, Membership, Seen), NodeError> {
    let writer = node.writer()?;
    let who = node.who(&writer)?;
    let own = Own { device: who.device, org: who.org, role: who.org_role, network: who.network };
    let membership = writer.membership.clone();
    let log = store::log::end(writer.store.read())?;
    let proposals = store::membership::proposals(writer.store.read())?.len();
    let head = membership.head();
    Ok((own, membership, Seen { log, head, proposals }))
}

/// What was written since the machine last heard of it.
pub(super) fn news(node: &Node, seen: &mut Seen) -> Result<Vec<Event>, NodeError> {
    let writer = node.writer()?;
    let mut events = Vec::new();
    if writer.membership.head() != seen.head {
        seen.head = writer.membership.head();
        events.push(Event::MembershipChanged(Box::new(writer.membership.clone())));
    }
    let proposals = store::membership::proposals(writer.store.read())?;
    if proposals.len() > seen.proposals {
        events.push(Event::Proposed(proposals.clone()));
    }
    seen.proposals = proposals.len();
    let log = store::log::end(writer.store.read())?;
    if log != seen.log {
        seen.log = log;
        events.push(Event::Authored);
    }
    Ok(events)
}

/// Makes a member that is connected known as a peer.
pub(super) fn meet(node: &Node, key: &PublicKey) -> Result<(), NodeError> {
    let writer = node.writer()?;
    if let Some(device) = writer.membership.device(key.device())
        && peers::get(writer.store.read(), key.device())?.is_none()
    {
        peers::put(writer.store.read(), key, device.org, None)?;
    }
    Ok(())
}

/// The peers whose address is known.
pub(super) fn callable(node: &Node) -> Result<Vec<peers::StoredPeer>, NodeError> {
    let mut known = peers::all(node.reader().read())?;
    known.retain(|peer| peer.address.is_some());
    Ok(known)
}

/// Makes an effect durable and returns what the machine must hear of it.
pub(super) fn store(
    node: &Node,
    own: Own,
    effect: Effect,
    seen: &mut Seen,
) -> Result<Vec<Event>, NodeError> {
    let mut writer = node.writer()?;
    match effect {
        Effect::Ask { peer, query } => {
            let Writer { store, engine, .. } = &mut *writer;
            let answer = engine.answer(store.read(), own, query)?;
            Ok(vec![Event::Answer { peer, answer }])
        }
        Effect::Admit { peer, device, documents, upto, origin } => {
            drop(writer);
            let admitted = admit(node, device, documents, upto, origin)?;
            let mut events = vec![Event::Admitted { peer, admitted }];
            events.extend(news(node, seen)?);
            Ok(events)
        }
        Effect::Taken { device, upto } => {
            peers::set_taken(writer.store.read(), device, upto)?;
            Ok(Vec::new())
        }
        Effect::Acknowledged { device, upto, opened, closed } => {
            let party = party_of(&writer.membership, device);
            let party = party.filter(|party| clears_outbox(own, *party));
            let is_told = !opened.is_empty() || !closed.is_empty();
            // A peer that lacks nothing says so whenever it greets: then nothing is written.
            if is_told || (party.is_some() && !outbox::is_empty(writer.store.read())?) {
                writer.commit(|_, transaction, _| {
                    if let Some(party) = party {
                        sync::acknowledged(transaction, (device, party), upto)?;
                    }
                    Ok(peers::set_refusals(transaction, device, closed, &opened)?)
                })?;
            }
            writer.trim_outbox()?;
            Ok(Vec::new())
        }
        Effect::Withheld { device, documents } => {
            tracing::warn!(%device, ?documents, "too large to be sent, and stays unsent");
            writer.commit(|_, transaction, _| {
                Ok(peers::withhold(transaction, device, &documents)?)
            })?;
            Ok(Vec::new())
        }
        Effect::TakeStatements { entries, .. } => {
            let who = node.who(&writer)?;
            let before = writer.membership.position();
            writer.take_entries(&who, entries, |_| Ok(()))?;
            seen.head = writer.membership.head();
            node.complete(&mut writer, before)?;
            drop(writer);
            node.shared.changed();
            news(node, seen)
        }
        Effect::Sequence { statements } => {
            let who = node.who(&writer)?;
            let before = writer.membership.position();
            writer.sequence(&who, statements)?;
            node.complete(&mut writer, before)?;
            seen.head = writer.membership.head();
            let membership = Box::new(writer.membership.clone());
            drop(writer);
            node.shared.changed();
            Ok(vec![Event::MembershipChanged(membership)])
        }
        _ => Ok(Vec::new()),
    }
}

/// Stores what a peer sent, what was kept apart of it, and how far its log was taken.
fn admit(
    node: &Node,
    device: DeviceId,
    documents: Vec<DocumentBatch>,
    upto: LogPosition,
    origin: Origin,
) -> Result<Admitted, NodeError> {
    let mut writer = node.writer()?;
    let who = node.who(&writer)?;
    let ids: Vec<_> = documents.iter().map(DocumentBatch::id).collect();
    let in_repair = origin == Origin::Repair;
    let taken = writer.commit(|engine, transaction, membership| {
        let taken = engine.take(transaction, membership, &who, device, documents)?;
        let opened = taken.refused.iter().copied();
        let opened: Vec<_> =
            opened.filter(|(_, reason)| refusal_opens(reason, in_repair)).collect();
        peers::set_refusals(transaction, device, ids, &opened)?;
        peers::set_taken(transaction, device, upto)?;
        Ok(taken)
    })?;
    let position = writer.membership.position();
    writer.to_say.extend(taken.statements);
    node.complete(&mut writer, position)?;
    drop(writer);
    if taken.admitted > 0 {
        node.shared.changed();
    }
    Ok(Admitted {
        documents: taken.documents as u64,
        changes: taken.admitted as u64,
        quarantined: taken.refused.len() as u64,
        refused: taken.refused,
    })
}

fn party_of(membership: &Membership, device: DeviceId) -> Option<Party> {
    let org = membership.device(device)?.org;
    Some(Party { org, role: membership.organisation(org)?.role })
}

/// Whether what a peer acknowledges counts as sent: the hub, or a device of the own organisation;
/// for the hub itself everybody who reads it.
fn clears_outbox(own: Own, party: Party) -> bool {
    use onex_crdt::roles::OrgRole::Hub;
    party.role == Hub || party.org == own.org || own.role == Hub
}

/// Notes the end of a sync.
pub(super) fn finished(node: &Node, device: DeviceId, report: &Report) -> Result<(), NodeError> {
    let mut writer = node.writer()?;
    if report.error.is_some() {
        return told(&mut writer, device, report);
    }
    let now = node.clock().now().to_string();
    let position = writer.membership.position();
    let hub = writer.membership.hub();
    let with_hub = writer.membership.device(device).is_some_and(|device| device.org == hub);
    let sequencer = writer.membership.sequencer() == device;
    let who = node.who(&writer)?;
    let knows = knows_the_log(&writer.membership, who.device, device);
    let is_back = writer.commit(|engine, transaction, membership| {
        let is_back = knows && store::is_restored(transaction)?;
        if is_back {
            store::set_restored(transaction, false)?;
            engine.catch_up(transaction, membership, &who)?;
        }
        if sequencer {
            // It has seen them all; what it gave no place will never get one.
            for statement in store::membership::proposals(transaction)? {
                if membership.check(&statement).is_err() {
                    store::membership::drop_proposal(transaction, &statement)?;
                }
            }
        }
        store::forget_meta(transaction, TOLD_REMOVED)?;
        if with_hub {
            store::set_meta(transaction, HUB_POSITION, &position.to_be_bytes())?;
        }
        if report.equal {
            peers::withhold_nothing(transaction, device)?;
        }
        peers::set_synced(transaction, device, &now, report.equal)?;
        Ok(is_back)
    })?;
    if is_back {
        node.complete(&mut writer, 0)?;
    }
    writer.sequence_waiting(&who)?;
    drop(writer);
    node.shared.changed();
    Ok(())
}

/// Whether a peer is one from whom a restored device must have heard before it goes on: another
/// device of the hub, which follows the membership log closely; where the hub has none, any member.
fn knows_the_log(membership: &Membership, own: DeviceId, peer: DeviceId) -> bool {
    let mut of_hub = membership.devices_of(membership.hub());
    let others = of_hub.any(|(id, device)| id != own && device.active);
    let org = |id| membership.device(id).filter(|device| device.active).map(|device| device.org);
    match others {
        true => org(peer) == Some(membership.hub()),
        false => org(peer).is_some(),
    }
}

/// Notes what a peer has said when it closed. A removed device is closed at once and gets no log:
/// that it was removed it learns in no other way. The next sync that ends well takes it back.
fn told(writer: &mut Writer, device: DeviceId, report: &Report) -> Result<(), NodeError> {
    let own = writer.engine.key().device();
    let org = |id| writer.membership.device(id).filter(|it| it.active).map(|it| it.org);
    let believed = org(device) == org(own) || org(device) == Some(writer.membership.hub());
    if report.code == Some(Fault::RemovedDevice.code()) && believed {
        store::set_meta(writer.store.read(), TOLD_REMOVED, device.as_bytes())?;
    }
    Ok(())
}

/// Whether a peer has said that this device was removed.
pub(crate) fn told_removed(connection: &rusqlite::Connection) -> Result<bool, StoreError> {
    Ok(store::meta(connection, TOLD_REMOVED)?.is_some())
}

/// The key of the peer that said so, in the table of odds and ends.
const TOLD_REMOVED: &str = "told_removed";

/// Lets a device in by the recovery key of its organisation.
pub(super) fn recover(
    node: &Node,
    statement: SignedStatement,
    seen: &mut Seen,
) -> Result<(JoinAnswer, Box<Membership>), NodeError> {
    let mut writer = node.writer()?;
    let device = match &statement.body {
        Statement::AddDevice { key, .. } => key.device(),
        _ => statement.signer,
    };
    let is_in = |log: &Membership| log.device(device).is_some_and(|device| device.active);
    // Whoever asks again after a broken line is in already.
    let refused = match is_in(&writer.membership) {
        true => None,
        false => writer.membership.check(&statement).err().map(|error| error.to_string()),
    };
    if refused.is_none() && !is_in(&writer.membership) {
        let who = node.who(&writer)?;
        writer.sequence(&who, vec![statement])?;
        seen.head = writer.membership.head();
    }
    let answer = match (refused, is_in(&writer.membership)) {
        (None, true) => JoinAnswer::Welcome,
        (Some(reason), _) => JoinAnswer::Refused { reason },
        (None, false) => {
            JoinAnswer::Refused { reason: "this device gives no places now".to_owned() }
        }
    };
    let membership = Box::new(writer.membership.clone());
    drop(writer);
    node.shared.changed();
    Ok((answer, membership))
}

/// Whether an invitation is good for a device now.
///
/// # Errors
/// `NodeError::NotLetIn` with the reason.
pub(super) fn usable(
    node: &Node,
    stored: &StoredInvitation,
    joiner: &PublicKey,
) -> Result<(), NodeError> {
    let same = stored.joiner == Some(*joiner);
    let expires = Date::parse(&stored.invitation.expires_on);
    let reason = match stored.state {
        InvitationState::Cancelled => "the invitation was cancelled",
        InvitationState::Used if !same => "the invitation was used already",
        InvitationState::Asked if !same => "another device came with this invitation",
        InvitationState::Open if expires.is_ok_and(|day| day < node.clock().now().date()) => {
            "the invitation has expired"
        }
        _ => return Ok(()),
    };
    Err(NodeError::NotLetIn { reason: reason.to_owned() })
}

/// Judges who comes with an invitation (trust A6).
pub(super) fn join(node: &Node, link: &Link, join: &Join) -> Result<JoinAnswer, NodeError> {
    let refused = |reason: &str| Ok(JoinAnswer::Refused { reason: reason.to_owned() });
    let writer = node.writer()?;
    let connection = writer.store.read();
    let Some(stored) = enrolment::get(connection, join.invitation)? else {
        return refused("no such invitation");
    };
    let exporter = link.connection.exporter(JOIN_LABEL, b"")?;
    let expected = join_proof(&stored.invitation.secret, &exporter, &join.key);
    if stored.tries >= INVITATION_TRIES_MAX || !proofs_match(&join.proof, &expected) {
        enrolment::failed(connection, join.invitation)?;
        return refused("the invitation does not fit");
    }
    match usable(node, &stored, &join.key) {
        Ok(()) => {}
        Err(NodeError::NotLetIn { reason }) => return refused(&reason),
        Err(error) => return Err(error),
    }
    let inviter_key = writer.engine.key().public();
    let proof = inviter_proof(&stored.invitation.secret, &exporter, &inviter_key);
    if stored.state != InvitationState::Used {
        enrolment::asked(connection, join.invitation, &join.key, &join.person)?;
        tracing::info!("a device asks to be let in");
    }
    drop(writer);
    node.shared.changed();
    Ok(JoinAnswer::Pending { inviter_key, proof })
}
