//! A simulated network under quinn: every datagram passes a line that loses, repeats, delays and
//! reorders, has a rate and a queue, and is cut at given times. All of it follows from the seed and
//! from tokio's clock, which the runs pause.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use onex_node::net::Ground;
use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, TokioRuntime, UdpPoller};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, Sleep};

use super::random::Random;

/// What the line does to each datagram, in either direction alike.
#[derive(Debug, Clone)]
pub struct Line {
    pub loss_permille: u64,
    pub repeat_permille: u64,
    /// What each datagram waits in addition, up to this; later ones may overtake.
    pub jitter: Duration,
    /// One way.
    pub delay: Duration,
    pub bits_per_second: u64,
    /// What does not fit in the queue before the line is dropped.
    pub queue_bytes: u64,
    /// Longer datagrams vanish, as behind a tunnel.
    pub datagram_bytes_max: usize,
}

/// The slow line of architecture section 9: 256 kbit/s, 600 ms there and back.
pub const SLOW: Line = Line {
    loss_permille: 0,
    repeat_permille: 0,
    jitter: Duration::ZERO,
    delay: Duration::from_millis(300),
    bits_per_second: 256_000,
    queue_bytes: 32 * 1024,
    datagram_bytes_max: 1452,
};

/// A time in which nothing passes, or nothing that comes from one side.
#[derive(Debug, Clone)]
pub struct Cut {
    pub from: Duration,
    pub to: Duration,
    pub only_from: Option<SocketAddr>,
}

/// From a time on, what one host sends comes from another address, as when a NAT forgets.
#[derive(Debug, Clone)]
pub struct Move {
    pub at: Duration,
    pub host: SocketAddr,
    pub seen_as: SocketAddr,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Arrives { after: Duration, overtakes: bool },
    Lost,
    QueueFull,
    TooLong,
    Cut,
    NobodyThere,
}

/// One datagram as it was sent, or once more as the line repeated it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub at: Duration,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub length: usize,
    pub repeated: bool,
    pub verdict: Verdict,
}

/// The network of one run.
pub struct Network {
    state: Mutex<State>,
}

struct State {
    begun: Instant,
    random: Random,
    line: Line,
    cuts: Vec<Cut>,
    moves: Vec<Move>,
    /// When the line of each sender is free again.
    free: BTreeMap<SocketAddr, Instant>,
    hosts: BTreeMap<SocketAddr, Inbox>,
    arrivals: u64,
    trace: Vec<Passage>,
    bytes: Sha256,
}

#[derive(Default)]
struct Inbox {
    /// By time of arrival, then in the order of sending.
    waiting: BTreeMap<(Instant, u64), Datagram>,
    latest: Option<Instant>,
    waker: Option<Waker>,
}

struct Datagram {
    from: SocketAddr,
    ecn: Option<EcnCodepoint>,
    contents: Vec<u8>,
}

impl Network {
    /// Lays the line; time on it begins now.
    pub fn new(seed: u64, line: Line, cuts: Vec<Cut>, moves: Vec<Move>) -> Arc<Network> {
        let state = State {
            begun: Instant::now(),
            random: Random::new(seed),
            line,
            cuts,
            moves,
            free: BTreeMap::new(),
            hosts: BTreeMap::new(),
            arrivals: 0,
            trace: Vec::new(),
            bytes: Sha256::new(),
        };
        Arc::new(Network { state: Mutex::new(state) })
    }

    /// Puts a host on the network; one that had the address before hears no more.
    pub fn ground(self: &Arc<Self>, address: SocketAddr) -> Ground {
        self.state().hosts.insert(address, Inbox::default());
        let timer = Mutex::new(Box::pin(tokio::time::sleep(Duration::ZERO)));
        let socket = Socket { network: Arc::clone(self), address, timer };
        Ground::over(Arc::new(socket), Arc::new(TokioRuntime))
    }

    /// How long the network has been there.
    pub fn elapsed(&self) -> Duration {
        self.state().begun.elapsed()
    }

    /// Every datagram so far, and a digest of every byte that was sent.
    pub fn trace(&self) -> (Vec<Passage>, [u8; 32]) {
        let state = self.state();
        (state.trace.clone(), state.bytes.clone().finalize().into())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&mut self, host: SocketAddr, transmit: &Transmit<'_>) {
        self.bytes.update(transmit.contents);
        let leaves = self.leaves(host, transmit);
        let repeated = self.random.happens(self.line.repeat_permille);
        self.pass(host, transmit, leaves, false);
        if let (true, Ok(_)) = (repeated, leaves) {
            self.pass(host, transmit, leaves, true);
        }
    }

    /// When the last bit has left the sender, or why it never does.
    fn leaves(&mut self, host: SocketAddr, transmit: &Transmit<'_>) -> Result<Instant, Verdict> {
        if transmit.contents.len() > self.line.datagram_bytes_max {
            return Err(Verdict::TooLong);
        }
        let now = Instant::now();
        let free = self.free.entry(host).or_insert(now);
        let begins = (*free).max(now);
        let rate = self.line.bits_per_second;
        let queued = (begins - now).as_micros() as u64 * rate / 8_000_000;
        let length = transmit.contents.len() as u64;
        if queued + length > self.line.queue_bytes {
            return Err(Verdict::QueueFull);
        }
        *free = begins + Duration::from_micros(length * 8_000_000 / rate);
        Ok(*free)
    }

    fn pass(
        &mut self,
        host: SocketAddr,
        transmit: &Transmit<'_>,
        leaves: Result<Instant, Verdict>,
        repeated: bool,
    ) {
        let at = self.begun.elapsed();
        let (from, to) = (self.seen_as(host, at), transmit.destination);
        let verdict = self.judge(host, from, transmit, leaves);
        let length = transmit.contents.len();
        self.trace.push(Passage { at, from, to, length, repeated, verdict });
    }

    fn judge(
        &mut self,
        host: SocketAddr,
        from: SocketAddr,
        transmit: &Transmit<'_>,
        leaves: Result<Instant, Verdict>,
    ) -> Verdict {
        let (loss, jitter) =
            (self.random.happens(self.line.loss_permille), self.random.duration(self.line.jitter));
        let leaves = match leaves {
            Ok(leaves) => leaves,
            Err(verdict) => return verdict,
        };
        let at = leaves - self.begun;
        let cut = |cut: &Cut| {
            (cut.from..cut.to).contains(&at) && cut.only_from.is_none_or(|only| only == host)
        };
        if self.cuts.iter().any(cut) {
            return Verdict::Cut;
        }
        if loss {
            return Verdict::Lost;
        }
        let to = self.host_at(transmit.destination);
        let arrives = leaves + self.line.delay + jitter;
        let order = self.arrivals;
        self.arrivals += 1;
        let Some(inbox) = to.and_then(|to| self.hosts.get_mut(&to)) else {
            return Verdict::NobodyThere;
        };
        let first = inbox.waiting.first_key_value().is_none_or(|((first, _), _)| arrives < *first);
        let contents = transmit.contents.to_vec();
        let datagram = Datagram { from, ecn: transmit.ecn, contents };
        inbox.waiting.insert((arrives, order), datagram);
        let overtakes = inbox.latest.is_some_and(|latest| arrives < latest);
        inbox.latest = inbox.latest.max(Some(arrives));
        if let (true, Some(waker)) = (first, inbox.waker.take()) {
            waker.wake();
        }
        Verdict::Arrives { after: arrives - Instant::now(), overtakes }
    }

    /// The address under which a host is seen.
    fn seen_as(&self, host: SocketAddr, at: Duration) -> SocketAddr {
        let mut of_host = self.moves.iter().filter(|moved| moved.host == host && moved.at <= at);
        of_host.next_back().map_or(host, |moved| moved.seen_as)
    }

    /// The host that is seen at an address now.
    fn host_at(&self, address: SocketAddr) -> Option<SocketAddr> {
        let at = self.begun.elapsed();
        self.hosts.keys().copied().find(|host| self.seen_as(*host, at) == address)
    }

    /// Takes what has arrived at a host; otherwise says when the next does.
    fn arrived(&mut self, host: SocketAddr) -> Result<Datagram, Option<Instant>> {
        let inbox = self.hosts.entry(host).or_default();
        match inbox.waiting.first_entry() {
            Some(first) if first.key().0 <= Instant::now() => Ok(first.remove()),
            first => Err(first.map(|first| first.key().0)),
        }
    }
}

/// A host's socket.
struct Socket {
    network: Arc<Network>,
    address: SocketAddr,
    /// Wakes the host when the next datagram arrives.
    timer: Mutex<Pin<Box<Sleep>>>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Socket").field("address", &self.address).finish_non_exhaustive()
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.network.state().send(self.address, transmit);
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.network.state();
        loop {
            let next = match state.arrived(self.address) {
                Ok(Datagram { from, ecn, contents }) => {
                    let length = contents.len();
                    buffers[0][..length].copy_from_slice(&contents);
                    metas[0] =
                        RecvMeta { addr: from, len: length, stride: length, ecn, dst_ip: None };
                    return Poll::Ready(Ok(1));
                }
                Err(next) => next,
            };
            let inbox = state.hosts.entry(self.address).or_default();
            inbox.waker = Some(context.waker().clone());
            let Some(next) = next else { return Poll::Pending };
            let mut timer = self.timer.lock().unwrap_or_else(PoisonError::into_inner);
            timer.as_mut().reset(next);
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

/// A socket that takes whatever is sent.
#[derive(Debug)]
pub struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
