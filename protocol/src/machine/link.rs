//! One connection: who is at the other end, and the greeting until documents may flow.
//!
//! The flow of documents itself is `exchange`.

use onex_crdt::ids::DeviceId;

use super::exchange::Exchange;
use super::{
    ACK_MS_MAX, Admitted, Answer, Effect, Fault, GREETING_MS_MAX, JOIN_MS_MAX, JoinAnswer, Now,
    Own, PeerId, Query, Reader, Report, Side,
};
use crate::membership::{Entry, Membership, MembershipError};
use crate::message::{
    FIRST_MESSAGE_BYTES_MAX, Hello, Join, MembershipPosition, Message, PROPOSALS_MAX,
    REASON_BYTES_MAX, STATEMENTS_BYTES_MAX,
};
use crate::scope::Party;
use crate::statement::{PERSON_CHARS_MAX, SignedStatement, Statement, text_check};

/// What a connection must know of the node.
pub(super) struct Surroundings<'a> {
    pub own: &'a Own,
    pub membership: &'a Membership,
}

/// What goes over a connection, and the counters of it.
pub(super) struct Wire {
    pub peer: PeerId,
    pub device: DeviceId,
    pub report: Report,
    /// Whether everything exchanged so far was reported.
    pub reported: bool,
    awaiting: bool,
}

/// A connection.
pub(super) struct Link {
    wire: Wire,
    side: Side,
    heard: Now,
    phase: Phase,
    /// Up to where the peer's membership log is known to reach.
    peer_position: u64,
    /// The version of the root that it is known to have; 0 before it has greeted.
    peer_root: u64,
    /// Whether the peer waits for places of what it proposed.
    places_owed: bool,
    proposals: Vec<SignedStatement>,
}

enum Phase {
    /// Called: nothing came yet.
    Silent,
    /// Caller: the store was asked, for the Hello.
    Asking,
    /// Caller: the Hello is out; entries of the log are sent at most once before the answer.
    Greeted { own: Hello, wanted: bool },
    /// Called: a device that is not known showed a longer log; entries are wanted.
    Learning(Hello),
    /// Called: the store was asked, for the welcome.
    Answering(Hello),
    /// Both have greeted; the peer's log is longer and its entries are on their way.
    Settling { own: Hello, peer: Hello },
    /// Documents flow.
    Open(Box<Exchange>),
    /// A stranger asks to join.
    Enrolling,
}

type Out = Vec<Effect>;
type Step = Result<(), Fault>;

impl Wire {
    /// Sends a message; returns how many bytes it inflates to.
    pub fn send(&mut self, message: &Message, out: &mut Out) -> usize {
        let encoded = message.encode();
        self.report.sent.bytes += encoded.bytes.len() as u64;
        self.awaiting = true;
        out.push(Effect::Send { peer: self.peer, bytes: encoded.bytes });
        encoded.inflated
    }

    pub fn ask(&self, query: Query, out: &mut Out) {
        out.push(Effect::Ask { peer: self.peer, query });
    }

    /// Reports once what was exchanged.
    pub fn finish(&mut self, out: &mut Out) {
        if !self.reported {
            self.reported = true;
            out.push(Effect::Finished { peer: self.peer, report: self.report.clone() });
        }
    }

    fn fail(mut self, error: String, out: &mut Out) {
        self.report.equal &= self.reported;
        self.report.error = Some(error);
        self.finish(out);
    }

    fn send_entries(&mut self, entries: &[Entry], last: fn(Vec<Entry>) -> Message, out: &mut Out) {
        let mut pages = entry_pages(entries);
        let final_page = pages.pop().unwrap_or_default();
        for page in pages {
            self.send(&Message::Statements(page), out);
        }
        self.send(&last(final_page), out);
    }
}

impl Link {
    pub fn new(now: Now, peer: PeerId, device: DeviceId, side: Side) -> Self {
        let report = Report::default();
        let wire = Wire { peer, device, report, reported: false, awaiting: true };
        Self {
            wire,
            side,
            heard: now,
            phase: Phase::Silent,
            peer_position: 0,
            peer_root: 0,
            places_owed: false,
            proposals: Vec::new(),
        }
    }

    pub fn device(&self) -> DeviceId {
        self.wire.device
    }

    pub fn side(&self) -> Side {
        self.side
    }

    /// Bytes of a batch whose further parts are awaited.
    pub fn collected(&self) -> usize {
        match &self.phase {
            Phase::Open(exchange) => exchange.collected(),
            _ => 0,
        }
    }

    /// The side that called speaks first; the other one waits for it.
    pub fn begin(&mut self, around: &Surroundings<'_>, out: &mut Out) {
        if self.side == Side::Caller {
            self.wire.awaiting = false;
            self.phase = Phase::Asking;
            self.ask_state(around, out);
        }
    }

    pub fn decode(&mut self, now: Now, bytes: &[u8]) -> Result<(Message, usize), Fault> {
        self.heard = now;
        self.wire.report.received.bytes += bytes.len() as u64;
        self.wire.report.round_trips += u64::from(std::mem::take(&mut self.wire.awaiting));
        if matches!(self.phase, Phase::Silent) && bytes.len() > FIRST_MESSAGE_BYTES_MAX {
            return Err(Fault::Overrun);
        }
        Ok(Message::decode(bytes)?)
    }

    pub fn message(
        &mut self,
        message: Message,
        inflated: usize,
        around: &Surroundings<'_>,
        out: &mut Out,
    ) -> Step {
        let wire = &mut self.wire;
        match (message, &mut self.phase) {
            (Message::Hello(hello), _) => self.hello(hello, around, out),
            (Message::Want { from }, _) => self.want(from, around, out),
            (Message::Join(join), Phase::Silent) => self.join(join, out),
            (Message::Recover(statement), Phase::Silent) => self.recover(statement, out),
            (Message::Proposals(list), Phase::Open(_)) => self.proposals_take(list, around, out),
            (Message::Batch(batch), Phase::Open(exchange)) => {
                exchange.batch(batch, inflated, wire, out)
            }
            (Message::Ack(ack), Phase::Open(exchange)) => exchange.ack(ack, wire, out),
            (Message::Reconcile(step), Phase::Open(exchange)) => {
                exchange.reconcile(step, wire, out)
            }
            (Message::Have(have), Phase::Open(exchange)) => exchange.have(have, wire, out),
            (other, _) => Err(out_of_order(&other)),
        }
    }

    pub fn answer(&mut self, answer: Answer, around: &Surroundings<'_>, out: &mut Out) -> Step {
        if let Phase::Open(exchange) = &mut self.phase {
            return exchange.answer(answer, &mut self.wire, out);
        }
        let Answer::State { log, taken, fingerprints, proposals } = answer else {
            return Ok(());
        };
        let known = self.party(around).is_some();
        let own = Hello {
            network: around.own.network,
            log,
            taken,
            membership: MembershipPosition::of(around.membership),
            digests: known.then(|| fingerprints.digests()),
        };
        self.proposals = proposals;
        match std::mem::replace(&mut self.phase, Phase::Silent) {
            Phase::Asking => {
                self.wire.send(&Message::Hello(own.clone()), out);
                self.phase = Phase::Greeted { own, wanted: false };
                Ok(())
            }
            Phase::Answering(peer) => {
                self.wire.send(&Message::Hello(own.clone()), out);
                self.phase = Phase::Settling { own, peer };
                self.settle(around, out)
            }
            other => {
                self.phase = other;
                Ok(())
            }
        }
    }

    pub fn admitted(&mut self, admitted: Admitted, _: &Surroundings<'_>, out: &mut Out) -> Step {
        if let Phase::Open(exchange) = &mut self.phase {
            exchange.admitted(admitted, &mut self.wire, out);
        }
        Ok(())
    }

    pub fn log_grew(&mut self, _: &Surroundings<'_>, out: &mut Out) -> Step {
        if let Phase::Open(exchange) = &mut self.phase {
            exchange.log_grew(&mut self.wire, out);
        }
        Ok(())
    }

    /// Goes on where the log was waited for, and passes on what is new in it.
    pub fn membership_changed(&mut self, around: &Surroundings<'_>, out: &mut Out) -> Step {
        if around.membership.device(self.device()).is_some_and(|device| !device.active) {
            return Err(Fault::RemovedDevice);
        }
        if let Phase::Open(exchange) = &mut self.phase {
            exchange.membership_grew();
        }
        match &self.phase {
            Phase::Learning(peer) if self.party(around).is_some() => {
                self.phase = Phase::Answering(peer.clone());
                self.ask_state(around, out);
            }
            Phase::Learning(peer)
                if around.membership.position() >= peer.membership.position
                    && around.membership.root().version >= peer.membership.root =>
            {
                return Err(Fault::UnknownDevice);
            }
            Phase::Settling { .. } => return self.settle(around, out),
            Phase::Open(_) => {
                self.entries_pass(around, out);
                self.pump(out);
            }
            _ => {}
        }
        Ok(())
    }

    /// Sends statements to the sequencer, if it is at the other end. What has its place is left
    /// out.
    pub fn propose(
        &mut self,
        statements: &[SignedStatement],
        around: &Surroundings<'_>,
        out: &mut Out,
    ) {
        if around.membership.sequencer() != self.wire.device {
            return;
        }
        let Phase::Open(exchange) = &mut self.phase else {
            self.proposals.extend_from_slice(statements);
            return;
        };
        let placeless = |it: &&SignedStatement| is_placeless(around.membership, it);
        let list = statements.iter().filter(placeless).cloned();
        for page in proposal_pages(list) {
            exchange.places_awaited += 1;
            self.wire.send(&Message::Proposals(page), out);
        }
    }

    pub fn joined(&mut self, answer: JoinAnswer, around: &Surroundings<'_>, out: &mut Out) -> Step {
        if !matches!(self.phase, Phase::Enrolling) {
            return Ok(());
        }
        match answer {
            JoinAnswer::Pending { inviter_key, proof } => {
                self.wire.send(&Message::Pending { inviter_key, proof }, out);
            }
            JoinAnswer::Welcome => {
                let entries = around.membership.entries_from(0);
                self.wire.send_entries(entries, Message::Welcome, out);
            }
            JoinAnswer::Refused { reason } => return Err(Fault::JoinRefused { reason }),
        }
        Ok(())
    }

    /// Whether nothing came for too long while something was owed. At rest nothing is: the silence
    /// of a night does not count against whoever is asked something in the morning.
    pub fn is_silent(&mut self, now: Now) -> bool {
        let longest = match &self.phase {
            Phase::Open(exchange) if !exchange.is_waiting() => {
                self.heard = self.heard.max(now);
                return false;
            }
            Phase::Asking | Phase::Answering(_) => return false,
            Phase::Open(_) => ACK_MS_MAX,
            Phase::Enrolling => JOIN_MS_MAX,
            _ => GREETING_MS_MAX,
        };
        now.0.saturating_sub(self.heard.0) > longest
    }

    pub fn close(mut self, fault: &Fault, out: &mut Out) {
        let (code, reason) = (fault.code(), cut(&fault.to_string()));
        self.wire.send(&Message::Close { code, reason: reason.clone() }, out);
        let peer = self.wire.peer;
        self.wire.report.code = Some(code);
        self.wire.fail(reason.clone(), out);
        out.push(Effect::Close { peer, code, reason });
    }

    /// The peer closed: the transport is let go too.
    pub fn closed(mut self, code: u32, reason: String, out: &mut Out) {
        let reason = cut(&reason.replace(char::is_control, " "));
        let peer = self.wire.peer;
        self.wire.report.code = Some(code);
        self.wire.fail(format!("closed by the peer: {reason}"), out);
        out.push(Effect::Closed { peer, code, reason });
    }

    pub fn lost(self, out: &mut Out) {
        self.wire.fail("the connection was lost".to_owned(), out);
    }

    fn hello(&mut self, hello: Hello, around: &Surroundings<'_>, out: &mut Out) -> Step {
        if hello.network != around.own.network {
            return Err(Fault::WrongNetwork);
        }
        let ours = around.membership.position();
        let known = self.party(around).is_some();
        let rotated = hello.membership.root > around.membership.root().version;
        if !known && hello.membership.position <= ours && !rotated {
            return Err(Fault::UnknownDevice);
        }
        match std::mem::replace(&mut self.phase, Phase::Enrolling) {
            Phase::Silent if known => {
                self.phase = Phase::Answering(hello);
                self.ask_state(around, out);
                Ok(())
            }
            Phase::Silent => {
                // A rotation may stand before the end of what is here.
                let from = if rotated { 1 } else { ours + 1 };
                self.wire.send(&Message::Want { from }, out);
                self.phase = Phase::Learning(hello);
                Ok(())
            }
            Phase::Greeted { own, .. } => {
                self.phase = Phase::Settling { own, peer: hello };
                self.settle(around, out)
            }
            _ => Err(Fault::OutOfOrder { what: "hello" }),
        }
    }

    /// The called side does not know us; it gets the entries if we know it, and once.
    fn want(&mut self, from: u64, around: &Surroundings<'_>, out: &mut Out) -> Step {
        let known = self.party(around).is_some();
        match &mut self.phase {
            Phase::Greeted { wanted, .. } if known && !*wanted => *wanted = true,
            _ => return Err(Fault::OutOfOrder { what: "want" }),
        }
        let entries = around.membership.entries_from(from);
        self.wire.send_entries(entries, Message::Statements, out);
        self.peer_position = around.membership.position();
        self.peer_root = around.membership.root().version;
        Ok(())
    }

    fn join(&mut self, join: Join, out: &mut Out) -> Step {
        let person_good = text_check("person", &join.person, PERSON_CHARS_MAX).is_ok();
        if join.key.device() != self.wire.device || !person_good {
            return Err(Fault::OutOfOrder { what: "join" });
        }
        self.phase = Phase::Enrolling;
        out.push(Effect::Joining { peer: self.wire.peer, join });
        Ok(())
    }

    /// A device that its organisation's recovery key lets in; whether it may, the log says.
    fn recover(&mut self, statement: SignedStatement, out: &mut Out) -> Step {
        let own = match &statement.body {
            Statement::AddDevice { key, .. } => key.device() == self.wire.device,
            _ => false,
        };
        if !own {
            return Err(Fault::OutOfOrder { what: "recover" });
        }
        self.phase = Phase::Enrolling;
        let statement = Box::new(statement);
        out.push(Effect::Recovering { peer: self.wire.peer, statement });
        Ok(())
    }

    /// Opens the exchange once our log is as long as the peer's and they agree. Where the roots
    /// differ the newer one decides: its side sends the rotation and what follows.
    fn settle(&mut self, around: &Surroundings<'_>, out: &mut Out) -> Step {
        let (own, peer) = match &self.phase {
            Phase::Settling { own, peer } => (own.clone(), peer.clone()),
            _ => return Ok(()),
        };
        let theirs = peer.membership;
        self.peer_root = self.peer_root.max(theirs.root);
        self.peer_position = self.peer_position.max(theirs.position);
        let ours = around.membership.root().version;
        if theirs.root > ours {
            return Ok(());
        }
        if theirs.root == ours {
            let Some(entry) = around.membership.entries_from(theirs.position).first() else {
                return Ok(());
            };
            if entry.digest().half() != theirs.head {
                return Err(Fault::Fork { position: theirs.position });
            }
        }
        let party = self.party(around).ok_or(Fault::UnknownDevice)?;
        let reader = Reader { device: self.wire.device, party };
        let own_party = Party { org: around.own.org, role: around.own.role };
        let exchange = Exchange::new(self.side, (reader, own_party), &own, &peer);
        self.phase = Phase::Open(Box::new(exchange));
        // The acknowledgement may have been lost with the last connection; nothing else will come
        // that says so, since the peer lacks nothing.
        if peer.taken == own.log {
            let (device, upto) = (self.wire.device, own.log);
            let (opened, closed) = (Vec::new(), Vec::new());
            out.push(Effect::Acknowledged { device, upto, opened, closed });
        }
        self.entries_pass(around, out);
        let proposals = std::mem::take(&mut self.proposals);
        self.propose(&proposals, around, out);
        self.pump(out);
        Ok(())
    }

    fn pump(&mut self, out: &mut Out) {
        if let Phase::Open(exchange) = &mut self.phase {
            exchange.pump(&mut self.wire, out);
        }
    }

    /// Sends what the peer lacks of the log; nothing too, where it waits for an answer.
    fn entries_pass(&mut self, around: &Surroundings<'_>, out: &mut Out) {
        let owed = std::mem::take(&mut self.places_owed);
        let (position, root) = (around.membership.position(), around.membership.root().version);
        let rotated = around.membership.rotation_of(self.peer_root + 1);
        if owed || position > self.peer_position || rotated.is_some() {
            let next = self.peer_position + 1;
            let from = rotated.map_or(next, |place| place.min(next));
            self.wire.send_entries(around.membership.entries_from(from), Message::Statements, out);
            (self.peer_position, self.peer_root) = (position, root);
        }
    }

    pub fn statements_expected(&self) -> Step {
        match self.phase {
            Phase::Learning(_) | Phase::Answering(_) | Phase::Settling { .. } | Phase::Open(_) => {
                Ok(())
            }
            _ => Err(Fault::OutOfOrder { what: "statements" }),
        }
    }

    /// Entries came: an answer, where one was awaited.
    pub fn statements_taken(&mut self, log: &Membership) {
        self.peer_position = self.peer_position.max(log.position());
        self.peer_root = self.peer_root.max(log.root().version);
        if let Phase::Open(exchange) = &mut self.phase {
            exchange.places_awaited = exchange.places_awaited.saturating_sub(1);
        }
    }

    fn proposals_take(
        &mut self,
        statements: Vec<SignedStatement>,
        around: &Surroundings<'_>,
        out: &mut Out,
    ) -> Step {
        let sequencer = around.membership.sequencer() == around.own.device;
        if !sequencer || statements.len() > PROPOSALS_MAX {
            return Err(Fault::OutOfOrder { what: "proposals" });
        }
        self.places_owed = true;
        let statements: Vec<_> =
            statements.into_iter().filter(|it| is_placeless(around.membership, it)).collect();
        match statements.is_empty() {
            true => self.entries_pass(around, out),
            false => out.push(Effect::Sequence { statements }),
        }
        Ok(())
    }

    fn ask_state(&self, around: &Surroundings<'_>, out: &mut Out) {
        let party = self.party(around);
        self.wire.ask(Query::State { device: self.wire.device, party }, out);
    }

    /// The peer's organisation, while its device takes part.
    fn party(&self, around: &Surroundings<'_>) -> Option<Party> {
        let device = around.membership.device(self.wire.device).filter(|device| device.active)?;
        let role = around.membership.organisation(device.org)?.role;
        Some(Party { org: device.org, role })
    }
}

/// Cuts entries into pages that fit into messages; at least one page.
fn entry_pages(entries: &[Entry]) -> Vec<Vec<Entry>> {
    let mut pages = vec![Vec::new()];
    let mut bytes = 0;
    for entry in entries {
        let length = entry.to_bytes().len();
        if bytes + length > STATEMENTS_BYTES_MAX {
            pages.push(Vec::new());
            bytes = 0;
        }
        bytes += length;
        pages.last_mut().expect("there is a first page").push(entry.clone());
    }
    pages
}

/// Cuts statements into pages that the sequencer takes.
fn proposal_pages(statements: impl Iterator<Item = SignedStatement>) -> Vec<Vec<SignedStatement>> {
    let mut pages: Vec<Vec<_>> = Vec::new();
    let mut bytes = 0;
    for statement in statements {
        bytes += statement.to_bytes().len();
        match pages.last_mut() {
            Some(page) if page.len() < PROPOSALS_MAX && bytes <= STATEMENTS_BYTES_MAX => {
                page.push(statement);
            }
            _ => {
                bytes = statement.to_bytes().len();
                pages.push(vec![statement]);
            }
        }
    }
    pages
}

/// Whether a statement has no place in the log yet. Whether it may get one depends on those that
/// come with it, an organisation before its first device: whoever sequences judges them in order.
fn is_placeless(membership: &Membership, statement: &SignedStatement) -> bool {
    !matches!(membership.check(statement), Err(MembershipError::Repeated))
}

fn out_of_order(message: &Message) -> Fault {
    let what = match message {
        Message::Hello(_) => "hello",
        Message::Want { .. } => "want",
        Message::Statements(_) => "statements",
        Message::Proposals(_) => "proposals",
        Message::Batch(_) => "batch",
        Message::Ack(_) => "ack",
        Message::Close { .. } => "close",
        Message::Join(_) => "join",
        Message::Pending { .. } => "pending",
        Message::Welcome(_) => "welcome",
        Message::Reconcile(_) => "reconcile",
        Message::Have(_) => "have",
        Message::Recover(_) => "recover",
    };
    Fault::OutOfOrder { what }
}

/// Cuts a reason to what a close may carry, between characters.
fn cut(reason: &str) -> String {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}
