//! The sync machine: what a node says to its peers, as a function of what happens to it.
//!
//! Sans-IO: the clock, the store, the connections and all keys are the caller's. It does not choose
//! whom to call, and neither loads nor judges a document: the store does that by `admission`.

mod exchange;
mod fault;
mod link;
mod repair;

use std::collections::BTreeMap;

use onex_crdt::ids::{DeviceId, Digest, DocId, NetworkId, OrgId};
use onex_crdt::roles::OrgRole;

use crate::admission::DocumentBatch;
use crate::key::PublicKey;
use crate::membership::{Entry, Membership};
use crate::message::{Join, LogPosition, Message, Origin};
use crate::repair::Known;
use crate::scope::{Fingerprints, Party, Scope};
use crate::statement::SignedStatement;

pub use fault::Fault;
use fault::Fault::{Crowded, Overrun, RemovedDevice, Replaced, Silence};
use link::{Link, Surroundings};

/// Bytes of changes and seals that an answer of the store should come close to.
pub const BATCH_BYTES_AIM: usize = 256 * 1024;
/// Most batches that wait for their acknowledgement.
pub const BATCHES_IN_FLIGHT_MAX: usize = 4;
/// Most bytes that wait for it when a further batch is begun.
pub const IN_FLIGHT_BYTES_MAX: usize = BATCH_BYTES_AIM * BATCHES_IN_FLIGHT_MAX;
/// Most connections with devices of one organisation (trust G2).
pub const CONNECTIONS_PER_ORG_MAX: usize = 16;
/// Most bytes of documents in parts that are collected, over all connections. Whoever has sent most
/// of them is closed then, and may come again.
pub const COLLECTED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for what a greeting needs, in milliseconds.
pub const GREETING_MS_MAX: u64 = 30_000;
/// Longest wait for an acknowledgement, in milliseconds; a slow line needs minutes for 8 MiB.
pub const ACK_MS_MAX: u64 = 600_000;
/// Longest wait until a person has compared the digits, in milliseconds.
pub const JOIN_MS_MAX: u64 = 1_800_000;

/// A moment in milliseconds of any clock that does not go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(pub u64);

/// A connection, numbered by the caller; a number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerId(pub u64);

/// Who this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// Its device.
    pub device: DeviceId,
    /// Its organisation.
    pub org: OrgId,
    /// The role of that.
    pub role: OrgRole,
    /// The network.
    pub network: NetworkId,
}

/// Who made the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This node.
    Caller,
    /// The peer.
    Called,
}

/// What happens to the machine.
#[derive(Debug)]
pub enum Event {
    /// A connection stands over which the peer has proven the key of this device.
    Connected {
        /// The connection.
        peer: PeerId,
        /// The peer's device.
        device: DeviceId,
        /// Who made the connection.
        side: Side,
    },
    /// A whole message came.
    Received {
        /// The connection.
        peer: PeerId,
        /// The message, out of its frames.
        bytes: Vec<u8>,
    },
    /// The connection is gone.
    Disconnected {
        /// The connection.
        peer: PeerId,
    },
    /// The store answers an `Ask`.
    Answer {
        /// The connection that the question was for.
        peer: PeerId,
        /// The answer, of the kind that was asked for.
        answer: Answer,
    },
    /// The store has made an `Admit` durable; in the order of those.
    Admitted {
        /// The connection.
        peer: PeerId,
        /// What became of it.
        admitted: Admitted,
    },
    /// The local log grew: by an edit here, or by what another peer sent.
    Authored,
    /// A device here signed statements for the sequencer.
    Proposed(Vec<SignedStatement>),
    /// The membership log as it is now. After a `Sequence` always, even when nothing was added.
    MembershipChanged(Box<Membership>),
    /// The node answers a `Joining`.
    JoinAnswered {
        /// The connection.
        peer: PeerId,
        /// The answer.
        answer: JoinAnswer,
    },
    /// Some time has passed; every few seconds is enough.
    Tick,
}

/// What the caller must do, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a message.
    Send {
        /// The connection.
        peer: PeerId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Ask the store, and hand in an `Answer`.
    Ask {
        /// The connection that it is for.
        peer: PeerId,
        /// The question.
        query: Query,
    },
    /// Admit documents, each by `admission::admit`, and hand in an `Admitted`.
    ///
    /// One transaction holds the new changes, the seals, what is kept apart, `upto` as the place up
    /// to which the peer's log was taken, and the open refusals towards the peer: opened for a
    /// document with a refusal for which `admission::refusal_opens`, closed for every other one.
    Admit {
        /// The connection.
        peer: PeerId,
        /// The peer's device: the origin of what is new.
        device: DeviceId,
        /// The documents; may be none, then only `upto` is to be stored.
        documents: Vec<DocumentBatch>,
        /// The place in the peer's log.
        upto: LogPosition,
        /// Out of what the peer made the batch.
        origin: Origin,
    },
    /// Store a place up to which the peer's log holds nothing more for this node.
    Taken {
        /// The peer's device.
        device: DeviceId,
        /// The place in the peer's log.
        upto: LogPosition,
    },
    /// Store entries of the membership log; the machine has verified them and uses them already.
    /// A rotation of the root may stand first, at a place that is taken: what is stored from there
    /// on is to be dropped, and documents are to be judged anew.
    TakeStatements {
        /// The connection that they came from.
        peer: PeerId,
        /// The entries, new and in order.
        entries: Vec<Entry>,
    },
    /// Give statements their places, then hand in `MembershipChanged`. Only at the sequencer.
    Sequence {
        /// The statements in order; what is not allowed is left out.
        statements: Vec<SignedStatement>,
    },
    /// The peer holds our log durably up to a place, or has told which documents it keeps apart:
    /// the outbox for it is empty up to there.
    ///
    /// Comes too where a peer greets that lacks nothing, since the acknowledgement may have been
    /// lost: nothing is to be written then unless it alters something.
    Acknowledged {
        /// The peer's device.
        device: DeviceId,
        /// The place in our log.
        upto: LogPosition,
        /// Documents towards the peer of which a refusal is open from now on, with the reasons.
        opened: Vec<(DocId, &'static str)>,
        /// Documents of which none is open any more.
        closed: Vec<DocId>,
    },
    /// Documents do not go to a peer, since what it lacks of them is more than a batch may hold. What
    /// the outbox has of them stays there, whatever the peer acknowledges, until a `Finished` says
    /// that both hold the same.
    Withheld {
        /// The peer's device.
        device: DeviceId,
        /// The documents.
        documents: Vec<DocId>,
    },
    /// A device asks to join: check invitation and proof, show the digits.
    Joining {
        /// The connection.
        peer: PeerId,
        /// What it sent; key and device agree.
        join: Join,
    },
    /// A device asks to be let in by the recovery key of its organisation: give the statement its
    /// place, if that is allowed, and hand in a `JoinAnswered`.
    Recovering {
        /// The connection.
        peer: PeerId,
        /// An `AddDevice` of the peer's key.
        statement: Box<SignedStatement>,
    },
    /// End the connection, after what was sent before.
    Close {
        /// The connection.
        peer: PeerId,
        /// Why, for programs (`Fault::code`).
        code: u32,
        /// Why, for people.
        reason: String,
    },
    /// The peer has said that it ends the connection: let it go.
    Closed {
        /// The connection.
        peer: PeerId,
        /// Why, for programs; what the peer says.
        code: u32,
        /// Why, for people; what the peer says.
        reason: String,
    },
    /// Both sides have said everything, or the connection ended before. May come again after
    /// more was exchanged; the counters go on.
    Finished {
        /// The connection.
        peer: PeerId,
        /// What was exchanged so far.
        report: Report,
    },
}

/// Whom an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The peer's device: what came from it is not sent back to it.
    pub device: DeviceId,
    /// Its organisation: only what that may read is in an answer.
    pub party: Party,
}

/// What the machine asks the store. Every answer comes from narrow tables and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Where we stand towards a device; a device that is not known has no sums.
    State {
        /// The device.
        device: DeviceId,
        /// Its organisation, where it is known.
        party: Option<Party>,
    },
    /// What is new in our log.
    Delta {
        /// For whom.
        reader: Reader,
        /// After which place. If another entry stands there, or none, everything is new.
        since: LogPosition,
        /// How much, in bytes; one document at least.
        bytes_aim: usize,
    },
    /// The states of all documents of some scopes, without those with an open refusal.
    States {
        /// For whom.
        reader: Reader,
        /// The scopes.
        scopes: Vec<Scope>,
    },
    /// The heads of documents, and what is kept apart of them and travels: the reader may hold
    /// the heads and not know why what it has beyond them does not count.
    Heads {
        /// For whom.
        reader: Reader,
        /// The documents.
        documents: Vec<DocId>,
        /// How much of what is kept apart, in bytes; one document at least.
        bytes_aim: usize,
    },
    /// What the reader lacks of documents, by `repair::compare`.
    ///
    /// Of a document that one of the two may not read the answer is that of one that is not here.
    /// One with an open refusal is looked at too: whoever names it knows of no refusal, since the
    /// acknowledgement was lost; its next one makes both sides agree.
    Missing {
        /// For whom.
        reader: Reader,
        /// What it has of which documents.
        documents: Vec<(DocId, Known)>,
        /// How much, in bytes; one document at least.
        bytes_aim: usize,
    },
}

/// What the store answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To `Query::State`.
    State {
        /// The end of our log.
        log: LogPosition,
        /// The place in the device's log up to which it was taken.
        taken: LogPosition,
        /// The sums at the end of our log, open refusals left out.
        fingerprints: Fingerprints,
        /// Our signed statements that have no place in the membership log yet.
        proposals: Vec<SignedStatement>,
    },
    /// To `Query::Delta`.
    Delta {
        /// The documents, each with all its changes after `since`, even those after `upto`, so that
        /// its seals vouch for them; and with its live seals.
        documents: Vec<DocumentBatch>,
        /// Up to where the log has been looked through.
        upto: LogPosition,
        /// Whether that is before its end.
        more: bool,
        /// The sums now, in one transaction with the rest.
        fingerprints: Fingerprints,
    },
    /// To `Query::States`, in any order.
    States(Vec<(DocId, Digest)>),
    /// To `Query::Heads`.
    Heads {
        /// The heads; what is not here any more is left out.
        heads: Vec<(DocId, Known)>,
        /// The documents of which something is shown, without changes that count.
        documents: Vec<DocumentBatch>,
    },
    /// To `Query::Missing`.
    Missing {
        /// The documents of which something is missing, or may be: with what is, and the seals.
        documents: Vec<DocumentBatch>,
        /// What to tell the reader of which documents.
        tell: Vec<(DocId, Known)>,
        /// How many of the documents that were asked for were looked at, from the first on.
        covered: usize,
    },
}

/// What became of an `Admit`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Documents in which something was new.
    pub documents: u64,
    /// Changes that were new.
    pub changes: u64,
    /// Changes and seals that are kept apart.
    pub quarantined: u64,
    /// Documents of which something was kept apart, with the reasons.
    pub refused: Vec<(DocId, &'static str)>,
}

/// What the node answers a device that asks to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinAnswer {
    /// A person is to compare the digits.
    Pending {
        /// The key of this device.
        inviter_key: PublicKey,
        /// The proof that this device knows the secret too.
        proof: [u8; 32],
    },
    /// It is in the log now.
    Welcome,
    /// It may not.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

/// What was exchanged over a connection (contract, `onex sync --json`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How often an answer came after something was sent.
    pub round_trips: u64,
    /// What was sent.
    pub sent: Flow,
    /// What was received; documents and changes that were new here.
    pub received: Flow,
    /// Changes and seals of the peer that are kept apart here.
    pub quarantined: u64,
    /// Documents that the peer kept apart, and those that are too large to be sent, with the reasons.
    pub refused: Vec<(DocId, &'static str)>,
    /// Whether both hold the same of what both may read, apart from open refusals.
    pub equal: bool,
    /// Why the connection ended before that was known.
    pub error: Option<String>,
    /// The number with which a side closed it (`Fault::code`).
    pub code: Option<u32>,
}

/// One direction of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Documents.
    pub documents: u64,
    /// Changes.
    pub changes: u64,
    /// Bytes of messages, without frames.
    pub bytes: u64,
}

/// All connections of a node.
pub struct Machine {
    own: Own,
    membership: Membership,
    links: BTreeMap<PeerId, Link>,
}

impl Machine {
    /// Returns a machine without connections.
    pub fn new(own: Own, membership: Membership) -> Self {
        Self { own, membership, links: BTreeMap::new() }
    }

    /// The membership log as far as it is known.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// Takes an event; returns what follows from it. Events of connections that are gone are
    /// passed over.
    pub fn handle(&mut self, now: Now, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        match event {
            Event::Connected { peer, device, side } => {
                self.connected(now, peer, device, side, &mut out);
            }
            Event::Received { peer, bytes } => {
                self.received(now, peer, &bytes, &mut out);
                self.collected_check(&mut out);
            }
            Event::Disconnected { peer } => {
                if let Some(link) = self.links.remove(&peer) {
                    link.lost(&mut out);
                }
            }
            Event::Answer { peer, answer } => {
                self.with(peer, &mut out, |link, around, out| link.answer(answer, around, out));
            }
            Event::Admitted { peer, admitted } => {
                self.with(peer, &mut out, |link, around, out| link.admitted(admitted, around, out));
            }
            Event::JoinAnswered { peer, answer } => {
                self.with(peer, &mut out, |link, around, out| link.joined(answer, around, out));
            }
            Event::Authored => self.each(&mut out, Link::log_grew),
            Event::Proposed(statements) => self.each(&mut out, |link, around, out| {
                link.propose(&statements, around, out);
                Ok(())
            }),
            Event::MembershipChanged(membership) => {
                self.membership = *membership;
                self.each(&mut out, Link::membership_changed);
            }
            Event::Tick => self.each(&mut out, |link, _, _| match link.is_silent(now) {
                true => Err(Silence),
                false => Ok(()),
            }),
        }
        out
    }

    /// One connection per device: of two that one side made the newer stays; of two made by both
    /// sides at once the one of the smaller device, so that both drop the same.
    fn connected(
        &mut self,
        now: Now,
        peer: PeerId,
        device: DeviceId,
        side: Side,
        out: &mut Vec<Effect>,
    ) {
        let mut link = Link::new(now, peer, device, side);
        let twin = self.links.iter().find(|(_, other)| other.device() == device);
        if let Some((twin, other)) = twin.map(|(id, other)| (*id, other.side())) {
            let stays = match side {
                Side::Caller => self.own.device < device,
                Side::Called => device < self.own.device,
            };
            if side != other && !stays {
                return link.close(&Replaced, out);
            }
            self.close(twin, &Replaced, out);
        }
        if self.membership.device(device).is_some_and(|device| !device.active) {
            return link.close(&RemovedDevice, out);
        }
        if self.is_crowded(device) {
            return link.close(&Crowded, out);
        }
        link.begin(&self.around(), out);
        self.links.insert(peer, link);
    }

    /// Whether a device's organisation has as many connections as it may.
    fn is_crowded(&self, device: DeviceId) -> bool {
        let org = |device| self.membership.device(device).map(|device| device.org);
        let Some(own) = org(device) else { return false };
        let same = self.links.values().filter(|link| org(link.device()) == Some(own));
        same.count() >= CONNECTIONS_PER_ORG_MAX
    }

    /// Closes whoever made most of it, when too much is collected in parts.
    fn collected_check(&mut self, out: &mut Vec<Effect>) {
        let collected = self.links.iter().map(|(peer, link)| (link.collected(), *peer));
        let total: usize = collected.clone().map(|(bytes, _)| bytes).sum();
        if total > COLLECTED_BYTES_MAX
            && let Some((_, peer)) = collected.max()
        {
            self.close(peer, &Overrun, out);
        }
    }

    fn received(&mut self, now: Now, peer: PeerId, bytes: &[u8], out: &mut Vec<Effect>) {
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        match link.decode(now, bytes) {
            Ok((Message::Statements(entries), _)) => self.statements(peer, entries, out),
            Ok((Message::Close { code, reason }, _)) => {
                if let Some(link) = self.links.remove(&peer) {
                    link.closed(code, reason, out);
                }
            }
            Ok((message, inflated)) => self
                .with(peer, out, |link, around, out| link.message(message, inflated, around, out)),
            Err(fault) => self.close(peer, &fault, out),
        }
    }

    /// Takes entries of the log over, from whomever they come: the sequencer's signature counts.
    fn statements(&mut self, peer: PeerId, entries: Vec<Entry>, out: &mut Vec<Effect>) {
        let mut updated = self.membership.clone();
        let taken = self.links.get_mut(&peer).map_or(Ok(()), |link| {
            link.statements_expected()?;
            entries.into_iter().try_for_each(|entry| updated.append(entry).map_err(Fault::from))?;
            link.statements_taken(&updated);
            Ok(())
        });
        if let Err(fault) = taken {
            return self.close(peer, &fault, out);
        }
        let entries = updated.entries_from(updated.first_new(&self.membership)).to_vec();
        if entries.is_empty() {
            return self.with(peer, out, Link::membership_changed);
        }
        out.push(Effect::TakeStatements { peer, entries });
        self.membership = updated;
        self.each(out, Link::membership_changed);
    }

    fn around(&self) -> Surroundings<'_> {
        Surroundings { own: &self.own, membership: &self.membership }
    }

    /// Runs a step of one connection; a fault ends it.
    fn with(
        &mut self,
        peer: PeerId,
        out: &mut Vec<Effect>,
        step: impl FnOnce(&mut Link, &Surroundings<'_>, &mut Vec<Effect>) -> Result<(), Fault>,
    ) {
        let around = Surroundings { own: &self.own, membership: &self.membership };
        if let Some(link) = self.links.get_mut(&peer)
            && let Err(fault) = step(link, &around, out)
        {
            self.close(peer, &fault, out);
        }
    }

    fn each(
        &mut self,
        out: &mut Vec<Effect>,
        step: impl Fn(&mut Link, &Surroundings<'_>, &mut Vec<Effect>) -> Result<(), Fault>,
    ) {
        let peers: Vec<_> = self.links.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.with(peer, out, &step));
    }

    fn close(&mut self, peer: PeerId, fault: &Fault, out: &mut Vec<Effect>) {
        if let Some(link) = self.links.remove(&peer) {
            link.close(fault, out);
        }
    }
}
