//! The driver: connections, the clock and the store around the sync machine.
//!
//! One task hands events to the machine and carries its effects out in their order; each
//! connection has a task that reads and one that writes. What peers may cost is `limits`' matter.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use onex_crdt::ids::DeviceId;
use onex_protocol::key::PublicKey;
use onex_protocol::machine::{Effect, Event, Machine, Now, Own, PeerId, Report, Side};
use onex_protocol::message::{FIRST_MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX};

use super::hearing::{Gate, Heard, Hearing};
use super::limits::{Handshakes, Offence, Party, Scores, Turns};
use super::storing;
use crate::error::NodeError;
use crate::handle::{Node, Way};
use crate::net::{Connection, Endpoint, Incoming, NetError, Receiver, Sender};
use crate::space::Room;

/// How often the machine hears that time has passed, and other processes' writes are looked for.
const TICK: Duration = Duration::from_millis(200);
/// How long after a call a peer that is absent is called again.
const CALL_AGAIN: Duration = Duration::from_secs(15);
/// Connections of devices that are no members, which may be joining.
const STRANGERS_MAX: usize = 32;
/// How long a connection that is closed may take to deliver what was sent.
const FAREWELL_MAX: Duration = Duration::from_secs(3);
/// What a peer is told when there is no room for what it sends.
const NO_ROOM: &str = "no room on the disk";

/// Everything a node has on the network at one time.
pub(super) struct Driver {
    pub node: Node,
    pub machine: Machine,
    pub own: Own,
    links: BTreeMap<PeerId, Link>,
    next: u64,
    started: Instant,
    happenings: UnboundedReceiver<Happening>,
    happen: UnboundedSender<Happening>,
    /// What was read; the gate lets no more in than there is room for, so that QUIC's windows hold
    /// senders back.
    messages: UnboundedReceiver<(PeerId, Heard)>,
    hear: UnboundedSender<(PeerId, Heard)>,
    gate: Rc<Gate>,
    turns: Turns<Heard>,
    scores: Scores,
    handshakes: Rc<RefCell<Handshakes>>,
    ticks: tokio::time::Interval,
    seen: storing::Seen,
    /// What the machine reported, by device, since it was last asked for.
    pub reports: Vec<(DeviceId, Report)>,
}

/// A connection, as the driver knows it.
pub(super) struct Link {
    pub device: DeviceId,
    pub connection: Connection,
    /// Whether the peer waits for a person to compare the digits.
    pub joining: bool,
    party: Party,
    outgoing: UnboundedSender<Outgoing>,
}

enum Outgoing {
    Message(Vec<u8>),
    Close(u32, String),
}

/// What happens around the machine.
pub(super) enum Happening {
    /// A connection stands.
    Opened(Box<Opened>),
    /// It is the turn of what came over a connection.
    Heard(PeerId, Heard),
    /// Somebody in this process has written.
    Changed,
    /// The node is to leave the network.
    Stop,
}

/// A connection with its two ends.
pub(super) struct Opened {
    pub connection: Connection,
    pub sender: Sender,
    pub receiver: Receiver,
    pub side: Side,
}

impl Driver {
    /// Returns a driver without connections.
    pub fn new(node: Node) -> Result<Self, NodeError> {
        let (own, membership, seen) = storing::standing(&node)?;
        let (happen, happenings) = unbounded_channel();
        let (hear, messages) = unbounded_channel();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Ok(Self {
            messages,
            hear,
            gate: Rc::default(),
            turns: Turns::default(),
            scores: Scores::default(),
            handshakes: Rc::default(),
            ticks,
            machine: Machine::new(own, membership),
            own,
            links: BTreeMap::new(),
            next: 1,
            started: Instant::now(),
            happenings,
            happen,
            seen,
            reports: Vec::new(),
            node,
        })
    }

    /// Where happenings are told.
    pub fn happen(&self) -> UnboundedSender<Happening> {
        self.happen.clone()
    }

    /// Accepts connections until it is told to stop; if it calls, every peer whose address is
    /// known is called too, and called again when it is gone.
    pub async fn serve(mut self, endpoint: Rc<Endpoint>, calls: bool) -> Result<(), NodeError> {
        let accepting = tokio::task::spawn_local(self.accept(Rc::clone(&endpoint)));
        let happen = self.happen();
        self.node.shared.listen(move || happen.send(Happening::Changed).is_ok());
        let served = self.go_on(&endpoint, calls).await;
        accepting.abort();
        self.close_all("stopped").await;
        endpoint.close("stopped");
        let _ = tokio::time::timeout(super::PARTING, endpoint.wait_closed()).await;
        served
    }

    async fn go_on(&mut self, endpoint: &Rc<Endpoint>, calls: bool) -> Result<(), NodeError> {
        let mut next_call = BTreeMap::new();
        while self.step().await? {
            self.reports.clear();
            if calls {
                self.call_absent(endpoint, &mut next_call)?;
            }
        }
        Ok(())
    }

    /// Calls the peers that are not connected, each at most once in a while.
    fn call_absent(
        &self,
        endpoint: &Rc<Endpoint>,
        next_call: &mut BTreeMap<DeviceId, Instant>,
    ) -> Result<(), NodeError> {
        let now = Instant::now();
        let due = next_call.is_empty() || next_call.values().any(|at| *at <= now);
        if !due {
            return Ok(());
        }
        for peer in storing::callable(&self.node)? {
            let connected = self.links.values().any(|link| link.device == peer.device);
            let next = next_call.entry(peer.device).or_insert(now);
            if *next > now {
                continue;
            }
            *next = now + CALL_AGAIN;
            let address = peer.address.as_deref().and_then(super::resolve);
            let turned_away = self.scores.is_turned_away(self.now(), peer.device);
            if let (false, Some(address)) = (connected || turned_away, address) {
                self.call(endpoint, address, peer.key);
            }
        }
        Ok(())
    }

    /// Waits for the next happening, turn or tick, and does what follows. Returns whether to go on:
    /// a full disk ends connections, a broken one everything.
    pub async fn step(&mut self) -> Result<bool, NodeError> {
        match self.try_step().await {
            Err(NodeError::Store(error)) if error.is_full() => {
                self.turn_all_away();
                Ok(true)
            }
            done => done,
        }
    }

    async fn try_step(&mut self) -> Result<bool, NodeError> {
        while let Ok((peer, heard)) = self.messages.try_recv() {
            self.wait_turn(peer, heard);
        }
        let happening = tokio::select! {
            biased;
            happening = self.happenings.recv() => happening,
            _ = self.ticks.tick() => None,
            // Whoever reads and writes has its chance between two turns.
            () = tokio::task::yield_now(), if !self.turns.is_empty() => {
                match self.turns.next(self.now()) {
                    Some((peer, heard)) => Some(Happening::Heard(peer, heard)),
                    None => return Ok(true),
                }
            }
            Some((peer, heard)) = self.messages.recv() => {
                self.wait_turn(peer, heard);
                return Ok(true);
            }
        };
        match happening {
            Some(Happening::Stop) => return Ok(false),
            Some(Happening::Opened(opened)) => self.open(*opened)?,
            Some(Happening::Heard(peer, heard)) => self.heard(peer, heard)?,
            Some(Happening::Changed) => self.look()?,
            None => {
                self.look()?;
                self.handle(Event::Tick)?;
            }
        }
        Ok(true)
    }

    fn wait_turn(&mut self, peer: PeerId, heard: Heard) {
        // A connection that is closed already says nothing that counts.
        let link = self.links.get(&peer).map(|link| (link.device, link.party));
        let (device, party) = link.unwrap_or((DeviceId([0; 16]), None));
        let bytes = match &heard {
            Heard::Message(bytes) => bytes.len(),
            Heard::Gone | Heard::Broken => 0,
        };
        self.turns.push((peer, device), party, bytes, heard);
    }

    fn heard(&mut self, peer: PeerId, heard: Heard) -> Result<(), NodeError> {
        let bytes = match heard {
            Heard::Message(bytes) => bytes,
            Heard::Gone => return self.gone(peer),
            Heard::Broken => {
                self.offended(peer, Offence::Malformed);
                return self.gone(peer);
            }
        };
        let (length, began) = (bytes.len(), Instant::now());
        self.tapped(peer, Way::Received, &bytes);
        let device = self.links.get(&peer).map(|link| link.device);
        let handled = self.handle(Event::Received { peer, bytes });
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        if let Some(device) = device {
            self.turns.took(self.now(), device, micros);
        }
        self.gate.leave(peer, length);
        handled
    }

    fn gone(&mut self, peer: PeerId) -> Result<(), NodeError> {
        self.links.remove(&peer);
        self.handle(Event::Disconnected { peer })
    }

    /// Notes what a device did wrong; it alone is turned away when that was too much.
    fn offended(&mut self, peer: PeerId, offence: Offence) {
        let Some(device) = self.links.get(&peer).map(|link| link.device) else { return };
        let turned_away = self.scores.offended(self.now(), device, offence);
        tracing::warn!(%device, ?offence, turned_away, "a device broke the rules");
    }

    /// Calls a peer; what comes of it happens later.
    pub fn call(&self, endpoint: &Rc<Endpoint>, address: SocketAddr, key: PublicKey) -> Called {
        let (endpoint, happen) = (Rc::clone(endpoint), self.happen());
        tokio::task::spawn_local(async move {
            let connection = endpoint.connect(address, Some(key.0)).await?;
            let (sender, receiver) = connection.split().await?;
            let opened = Opened { connection, sender, receiver, side: Side::Caller };
            // The driver is gone only when nobody waits for this call any more.
            let _ = happen.send(Happening::Opened(Box::new(opened)));
            Ok(())
        })
    }

    fn open(&mut self, opened: Opened) -> Result<(), NodeError> {
        // Another process of this home may have removed the device a moment ago.
        self.look()?;
        let Opened { connection, sender, receiver, side } = opened;
        let key = PublicKey(connection.peer_key());
        let device = key.device();
        let member =
            |device| self.machine.membership().device(device).filter(|device| device.active);
        let party = member(device).map(|device| device.org);
        if party.is_none() && side == Side::Called {
            let address = connection.peer_address().ip();
            self.handshakes.borrow_mut().count(self.now(), address);
        }
        let strangers = self.links.values().filter(|link| member(link.device).is_none()).count();
        if party.is_none() && strangers >= STRANGERS_MAX {
            connection.close(0, "too many strangers ask at once");
            return Ok(());
        }
        if self.scores.is_turned_away(self.now(), device) {
            connection.close(0, "this device broke the rules, it may come again later");
            return Ok(());
        }
        let peer = PeerId(self.next);
        self.next += 1;
        let (outgoing, messages) = unbounded_channel();
        tokio::task::spawn_local(write(connection.clone(), sender, messages));
        let first_bytes_max = match side {
            Side::Caller => MESSAGE_BYTES_MAX,
            Side::Called => FIRST_MESSAGE_BYTES_MAX,
        };
        let (gate, hear) = (Rc::clone(&self.gate), self.hear.clone());
        let hearing = Hearing { peer, party, receiver, gate, hear, first_bytes_max };
        tokio::task::spawn_local(hearing.go_on());
        storing::meet(&self.node, &key)?;
        self.links.insert(peer, Link { device, connection, joining: false, party, outgoing });
        self.handle(Event::Connected { peer, device, side })
    }

    /// Takes callers in, each handshake in a task of its own.
    fn accept(&self, endpoint: Rc<Endpoint>) -> impl Future<Output = ()> + 'static {
        let (happen, handshakes) = (self.happen(), Rc::clone(&self.handshakes));
        let started = self.started;
        async move {
            while let Some(incoming) = endpoint.accept().await {
                let address = incoming.peer_address().ip();
                if !handshakes.borrow().may_begin(now_since(started), address) {
                    incoming.ignore();
                    continue;
                }
                let (happen, handshakes) = (happen.clone(), Rc::clone(&handshakes));
                tokio::task::spawn_local(async move {
                    match called(incoming).await {
                        // A driver that is gone takes nobody in.
                        Ok(opened) => drop(happen.send(Happening::Opened(Box::new(opened)))),
                        Err(_) => handshakes.borrow_mut().count(now_since(started), address),
                    }
                });
            }
        }
    }

    /// Hands an event to the machine and carries out what follows, and what follows from that.
    fn handle(&mut self, event: Event) -> Result<(), NodeError> {
        let mut effects: VecDeque<Effect> = self.machine.handle(self.now(), event).into();
        while let Some(effect) = effects.pop_front() {
            for event in self.carry_out(effect)? {
                effects.extend(self.machine.handle(self.now(), event));
            }
        }
        Ok(())
    }

    fn now(&self) -> Now {
        now_since(self.started)
    }

    fn carry_out(&mut self, effect: Effect) -> Result<Vec<Event>, NodeError> {
        match effect {
            Effect::Send { peer, bytes } => {
                self.tapped(peer, Way::Sent, &bytes);
                self.send(peer, Outgoing::Message(bytes));
            }
            Effect::Close { peer, code, reason } => {
                if let Some(offence) = Offence::of_close(code) {
                    self.offended(peer, offence);
                }
                self.send(peer, Outgoing::Close(code, reason));
                self.links.remove(&peer);
            }
            Effect::Closed { peer, code, reason } => {
                self.send(peer, Outgoing::Close(code, reason));
                self.links.remove(&peer);
            }
            Effect::Finished { peer, report } => {
                if let Some(device) = self.links.get(&peer).map(|link| link.device) {
                    storing::finished(&self.node, device, &report)?;
                    self.reports.push((device, report));
                }
            }
            Effect::Joining { peer, join } => {
                let Some(link) = self.links.get_mut(&peer) else { return Ok(Vec::new()) };
                link.joining = true;
                let answer = storing::join(&self.node, link, &join)?;
                return Ok(vec![Event::JoinAnswered { peer, answer }]);
            }
            Effect::Recovering { peer, statement } => {
                let (answer, log) = storing::recover(&self.node, *statement, &mut self.seen)?;
                let answered = Event::JoinAnswered { peer, answer };
                return Ok(vec![Event::MembershipChanged(log), answered]);
            }
            Effect::Admit { peer, ref documents, .. }
                if !documents.is_empty() && self.node.room() < Room::Enough =>
            {
                return Ok(vec![self.turn_away(peer)]);
            }
            other => {
                let events = storing::store(&self.node, self.own, other, &mut self.seen)?;
                if let Some(Event::Admitted { peer, admitted }) = events.first()
                    && admitted.refused.iter().any(|(_, reason)| Offence::is_in(reason))
                {
                    self.offended(*peer, Offence::OverQuota);
                }
                return Ok(events);
            }
        }
        Ok(Vec::new())
    }

    /// Ends a connection for want of room: what it brings can be fetched again, own work not.
    fn turn_away(&mut self, peer: PeerId) -> Event {
        tracing::warn!("the disk is nearly full: nothing is taken from peers");
        self.send(peer, Outgoing::Close(0, NO_ROOM.to_owned()));
        self.links.remove(&peer);
        Event::Disconnected { peer }
    }

    /// Ends every connection after the disk was found to be full; they are made again later.
    fn turn_all_away(&mut self) {
        for peer in self.links.keys().copied().collect::<Vec<_>>() {
            let gone = self.turn_away(peer);
            // What follows are reports of connections that ended early, and nothing to be stored.
            self.machine.handle(self.now(), gone);
        }
    }

    fn send(&self, peer: PeerId, message: Outgoing) {
        if let Some(link) = self.links.get(&peer) {
            // A writer that is gone has told so, or will.
            let _ = link.outgoing.send(message);
        }
    }

    fn tapped(&self, peer: PeerId, way: Way, bytes: &[u8]) {
        if let Some(link) = self.links.get(&peer) {
            self.node.shared.tapped(link.device, way, bytes);
        }
    }

    /// Looks for what was written by commands and screens, here or in another process.
    fn look(&mut self) -> Result<(), NodeError> {
        for event in storing::news(&self.node, &mut self.seen)? {
            self.handle(event)?;
        }
        let joining: Vec<(PeerId, DeviceId)> = self
            .links
            .iter()
            .filter(|(_, link)| link.joining)
            .map(|(peer, link)| (*peer, link.device))
            .collect();
        for (peer, device) in joining {
            if self.machine.membership().device(device).is_some_and(|device| device.active) {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.joining = false;
                }
                let answer = onex_protocol::machine::JoinAnswer::Welcome;
                self.handle(Event::JoinAnswered { peer, answer })?;
            }
        }
        Ok(())
    }

    /// Bytes that have come over the connections that stand.
    pub fn received_bytes(&self) -> u64 {
        self.links.values().map(|link| link.connection.received_bytes()).sum()
    }

    /// Closes every connection, after what was sent has been delivered.
    pub async fn close_all(&mut self, reason: &str) {
        let links = std::mem::take(&mut self.links);
        for link in links.values() {
            let _ = link.outgoing.send(Outgoing::Close(0, reason.to_owned()));
        }
        for link in links.into_values() {
            let _ = tokio::time::timeout(FAREWELL_MAX, link.connection.closed()).await;
        }
    }
}

async fn called(incoming: Incoming) -> Result<Opened, NetError> {
    let connection = incoming.finish().await?;
    let split = connection.split().await;
    let (sender, receiver) = split.inspect_err(|error| connection.close(0, &error.to_string()))?;
    Ok(Opened { connection, sender, receiver, side: Side::Called })
}

fn now_since(started: Instant) -> Now {
    Now(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// A call under way.
pub(super) type Called = tokio::task::JoinHandle<Result<(), NetError>>;

async fn write(
    connection: Connection,
    mut sender: Sender,
    mut messages: UnboundedReceiver<Outgoing>,
) {
    while let Some(message) = messages.recv().await {
        match message {
            Outgoing::Message(bytes) => {
                if sender.send(&bytes).await.is_err() {
                    return;
                }
            }
            Outgoing::Close(code, reason) => {
                let _ = tokio::time::timeout(FAREWELL_MAX, sender.finish()).await;
                connection.close(code, &reason);
                return;
            }
        }
    }
}
