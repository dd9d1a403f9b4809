//! The store's side of the sync machine: answers to its questions, and its effects made durable.
//!
//! A failure here ends the driver: a node that goes on after a lost write lies to its peers.

use onex_crdt::field::time::Date;
use onex_crdt::ids::DeviceId;
use onex_protocol::admission::{DocumentBatch, refusal_opens};
use onex_protocol::enrolment::{join_proof, proofs_match};
use onex_protocol::key::PublicKey;
use onex_protocol::machine::{Admitted, Effect, Event, JoinAnswer, Own, Report};
use onex_protocol::membership::Membership;
use onex_protocol::message::{Join, LogPosition};
use onex_protocol::scope::Party;

use super::driver::Link;
use crate::handle::{Node, NodeError, Writer};
use crate::members::INVITATION_TRIES_MAX;
use crate::report::HUB_POSITION;
use crate::store::enrolment::{self, InvitationState};
use crate::store::{self, peers, sync};

/// The label under which both ends of a connection draw the value that a join proof is bound to.
pub(super) const JOIN_LABEL: &[u8] = b"EXPORTER-onex-join";

/// How far a driver has told the machine what the store holds.
pub(super) struct Seen {
    log: LogPosition,
    position: u64,
    proposals: usize,
}

/// Who this node is, its membership log, and how far the store reaches.
pub(super) fn standing(node: &Node) -> Result<(Own, Membership, Seen), NodeError> {
    let writer = node.writer()?;
    let who = node.who(&writer)?;
    let own = Own { device: who.device, org: who.org, role: who.org_role, network: who.network };
    let membership = writer.membership.clone();
    let log = sync::log_end(writer.store.read())?;
    let proposals = store::membership::proposals(writer.store.read())?.len();
    let position = membership.position();
    Ok((own, membership, Seen { log, position, proposals }))
}

/// What was written since the machine last heard of it.
pub(super) fn news(node: &Node, seen: &mut Seen) -> Result<Vec<Event>, NodeError> {
    let writer = node.writer()?;
    let mut events = Vec::new();
    if writer.membership.position() != seen.position {
        seen.position = writer.membership.position();
        events.push(Event::MembershipChanged(Box::new(writer.membership.clone())));
    }
    let proposals = store::membership::proposals(writer.store.read())?;
    if proposals.len() > seen.proposals {
        events.push(Event::Proposed(proposals.clone()));
    }
    seen.proposals = proposals.len();
    let log = sync::log_end(writer.store.read())?;
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
        Effect::Admit { peer, device, documents, upto, repair } => {
            drop(writer);
            let admitted = admit(node, device, documents, upto, repair.is_some())?;
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
            writer.commit(|_, transaction, _| {
                if let Some(party) = party.filter(|party| clears_outbox(own, *party)) {
                    sync::acknowledged(transaction, party, upto)?;
                }
                Ok(peers::set_refusals(transaction, device, closed, &opened)?)
            })?;
            Ok(Vec::new())
        }
        Effect::TakeStatements { entries, .. } => {
            let who = node.who(&writer)?;
            let before = writer.membership.position();
            writer.take_entries(&who, entries)?;
            seen.position = writer.membership.position();
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
            seen.position = writer.membership.position();
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
    repairs: bool,
) -> Result<Admitted, NodeError> {
    let mut writer = node.writer()?;
    let who = node.who(&writer)?;
    let ids: Vec<_> = documents.iter().map(DocumentBatch::id).collect();
    let taken = writer.commit(|engine, transaction, membership| {
        let taken = engine.take(transaction, membership, &who, device, documents)?;
        let opened = taken.refused.iter().copied();
        let opened: Vec<_> = opened.filter(|(_, reason)| refusal_opens(reason, repairs)).collect();
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
    if report.error.is_some() {
        return Ok(());
    }
    let now = node.clock().now().to_string();
    let mut writer = node.writer()?;
    let position = writer.membership.position();
    let hub = writer.membership.hub();
    let with_hub = writer.membership.device(device).is_some_and(|device| device.org == hub);
    let sequencer = writer.membership.sequencer() == device;
    writer.commit(|_, transaction, membership| {
        if sequencer {
            // It has seen them all; what it gave no place will never get one.
            for statement in store::membership::proposals(transaction)? {
                if membership.check(&statement).is_err() {
                    store::membership::drop_proposal(transaction, &statement)?;
                }
            }
        }
        if with_hub {
            store::set_meta(transaction, HUB_POSITION, &position.to_be_bytes())?;
        }
        Ok(peers::set_synced(transaction, device, &now, report.equal)?)
    })?;
    drop(writer);
    node.shared.changed();
    Ok(())
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
    let expires = Date::parse(&stored.invitation.expires_on);
    let same = stored.joiner == Some(join.key);
    let inviter_key = writer.engine.key().public();
    match stored.state {
        InvitationState::Cancelled => refused("the invitation was cancelled"),
        InvitationState::Used if !same => refused("the invitation was used already"),
        InvitationState::Asked if !same => refused("another device came with this invitation"),
        InvitationState::Open if expires.is_ok_and(|day| day < node.clock().now().date()) => {
            refused("the invitation has expired")
        }
        InvitationState::Used => Ok(JoinAnswer::Pending { inviter_key }),
        InvitationState::Open | InvitationState::Asked => {
            enrolment::asked(connection, join.invitation, &join.key, &join.person)?;
            tracing::info!("a device asks to be let in");
            drop(writer);
            node.shared.changed();
            Ok(JoinAnswer::Pending { inviter_key })
        }
    }
}
