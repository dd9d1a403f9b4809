//! Two endpoints that owe each other messages, over a line that a seed describes, until both have
//! all of them: whatever breaks, the one that calls calls again and both go on where they were.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use onex_node::net::{Connection, DeviceKey, Endpoint, Ground, NetError};

use super::network::{Cut, Line, Move, Network, Passage, SLOW};
use super::random::{Random, seeded};

pub const CALLER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 4433);
pub const CALLED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 4433);
/// Where a NAT shows the caller after it forgot, the last octet by the count of moves.
const ELSEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 1);

/// How long the caller waits until it calls again.
const CALL_AGAIN: Duration = Duration::from_secs(1);
/// By then every transfer is done, or it never ends.
const DONE_WITHIN: Duration = Duration::from_secs(3600);

/// What is to happen in one run.
#[derive(Debug, Clone)]
pub struct Story {
    pub seed: u64,
    pub line: Line,
    pub cuts: Vec<Cut>,
    pub moves: Vec<Move>,
    /// What the caller owes, then what the called owes.
    pub owed: [Vec<Vec<u8>>; 2],
}

/// What happened.
#[derive(Debug)]
pub struct Outcome {
    pub trace: Vec<Passage>,
    pub bytes: [u8; 32],
    /// Connections that came about, and calls that did not.
    pub connections: u64,
    pub failed_calls: u64,
    /// Connections on which a transfer went on in its middle.
    pub resumed: u64,
    /// Whether the called saw the address of the caller change on a connection.
    pub moved: bool,
    pub elapsed: Duration,
}

impl Story {
    /// Draws a run: a line with 0 to 20 % loss, and on some a cut or three, or a move.
    pub fn from_seed(seed: u64) -> Story {
        let mut random = Random::new(seed);
        let line = Line {
            loss_permille: random.range(0, 201),
            repeat_permille: 50,
            jitter: Duration::from_millis(100),
            queue_bytes: random.range(8 * 1024, 32 * 1024 + 1),
            datagram_bytes_max: random.range(1200, 1500) as usize,
            ..SLOW
        };
        let mut cuts = Vec::new();
        if random.happens(400) {
            for _ in 0..random.range(1, 4) {
                let from = Duration::from_millis(random.range(500, 12_000));
                let to = from + Duration::from_millis(random.range(1_000, 120_000));
                let sides = [None, Some(CALLER), Some(CALLED)];
                let only_from = sides[random.range(0, 3) as usize];
                cuts.push(Cut { from, to, only_from });
            }
        }
        let mut moves = Vec::new();
        if random.happens(300) {
            let mut at = Duration::from_millis(random.range(500, 4_000));
            for count in 0..random.range(1, 3) {
                let seen_as = SocketAddr::new(ELSEWHERE.ip(), ELSEWHERE.port() + count as u16);
                moves.push(Move { at, host: CALLER, seen_as });
                at += Duration::from_millis(random.range(1_000, 4_000));
            }
        }
        let owed = [owe(&mut random), owe(&mut random)];
        Story { seed, line, cuts, moves, owed }
    }

    /// The caller has so much to send, and nothing else happens.
    pub fn bulk(seed: u64, line: Line, bytes: usize) -> Story {
        let messages = Random::new(seed).bytes(bytes).chunks(10_000).map(<[u8]>::to_vec).collect();
        Story { seed, line, cuts: Vec::new(), moves: Vec::new(), owed: [messages, Vec::new()] }
    }

    /// Plays the run to its end on a clock of its own.
    pub fn play(&self) -> Outcome {
        self.play_on(|_| {})
    }

    /// As [`Story::play`], with a change to the ground of both ends.
    pub fn play_on(&self, change: impl Fn(&mut Ground)) -> Outcome {
        super::play(self.run(change))
    }

    /// Bytes of all messages.
    pub fn payload_bytes(&self) -> u64 {
        self.owed.iter().flatten().map(|message| message.len() as u64).sum()
    }

    async fn run(&self, change: impl Fn(&mut Ground)) -> Outcome {
        let Story { seed, line, cuts, moves, .. } = self.clone();
        let network = Network::new(seed, line, cuts, moves);
        let endpoint = |address, device: u8| {
            let mut ground = seeded(network.ground(address), seed ^ (u64::from(device) << 32));
            change(&mut ground);
            Endpoint::on(&key(device), ground).expect("the address is known")
        };
        let (caller, called) = (endpoint(CALLER, 1), endpoint(CALLED, 2));
        let ends = Rc::new([End::default(), End::default()]);
        let owed = Rc::new(self.owed.clone());
        tokio::task::spawn_local(serve(called, Rc::clone(&ends), Rc::clone(&owed)));
        let calls = call(&caller, &ends, &owed);
        let calls = tokio::time::timeout(DONE_WITHIN, calls).await;
        let (connections, failed_calls) =
            calls.unwrap_or_else(|_| panic!("seed {seed}: not done after {DONE_WITHIN:?}"));
        let elapsed = network.elapsed();
        for (end, count) in ends.iter().zip([self.owed[1].len(), self.owed[0].len()]) {
            assert_eq!(end.0.borrow().received, count, "seed {seed}");
        }
        let (trace, bytes) = network.trace();
        let resumed = ends[0].0.borrow().resumed;
        let moved = ends[1].0.borrow().moved;
        Outcome { trace, bytes, connections, failed_calls, resumed, moved, elapsed }
    }
}

impl Outcome {
    /// Bytes of all datagrams that were sent, both ways, without UDP's and IP's headers.
    pub fn wire_bytes(&self) -> u64 {
        let sent = self.trace.iter().filter(|passage| !passage.repeated);
        sent.map(|passage| passage.length as u64).sum()
    }
}

/// Some 5 to 40 KB in messages of all sizes.
fn owe(random: &mut Random) -> Vec<Vec<u8>> {
    let mut left = random.range(5_000, 40_000);
    let mut messages = Vec::new();
    while left > 0 {
        let length = random.range(0, 4_000).min(left);
        messages.push(random.bytes(length as usize));
        left -= length;
    }
    messages
}

fn key(device: u8) -> DeviceKey {
    DeviceKey::from_seed([device; 32])
}

/// What one end knows for good: how much it has.
#[derive(Default)]
struct End(RefCell<Progress>);

#[derive(Default)]
struct Progress {
    received: usize,
    resumed: u64,
    moved: bool,
}

type Ends = [End; 2];

/// Calls until the transfer is done; returns how many calls came about and how many did not.
async fn call(endpoint: &Endpoint, ends: &Ends, owed: &[Vec<Vec<u8>>; 2]) -> (u64, u64) {
    let (mut connections, mut failed) = (0, 0);
    let expected = key(2).public_key();
    loop {
        match endpoint.connect(CALLED, Some(expected)).await {
            Ok(connection) => {
                connections += 1;
                assert_eq!(connection.peer_key(), expected);
                if converse(&connection, &ends[0], &owed[0], &owed[1]).await.is_ok() {
                    connection.close(0, "done");
                    return (connections, failed);
                }
                connection.close(1, "broken off");
            }
            Err(_) => failed += 1,
        }
        tokio::time::sleep(CALL_AGAIN).await;
    }
}

/// Takes calls; the newest connection of the caller replaces the one before.
async fn serve(endpoint: Endpoint, ends: Rc<Ends>, owed: Rc<[Vec<Vec<u8>>; 2]>) {
    let current: Rc<RefCell<Option<Connection>>> = Rc::default();
    while let Some(incoming) = endpoint.accept().await {
        let (ends, owed, current) = (Rc::clone(&ends), Rc::clone(&owed), Rc::clone(&current));
        tokio::task::spawn_local(async move {
            let Ok(connection) = incoming.finish().await else { return };
            assert_eq!(connection.peer_key(), key(1).public_key());
            if let Some(before) = current.replace(Some(connection.clone())) {
                before.close(0, "called again");
            }
            let address = connection.peer_address();
            if converse(&connection, &ends[1], &owed[1], &owed[0]).await.is_err() {
                connection.close(1, "broken off");
            }
            ends[1].0.borrow_mut().moved |= connection.peer_address() != address;
        });
    }
}

/// Says how much is here, then sends what the other end lacks, while taking what this end lacks.
/// What comes is exactly what is missing: nothing twice, nothing altered, nothing left out.
async fn converse(
    connection: &Connection,
    end: &End,
    own: &[Vec<u8>],
    theirs: &[Vec<u8>],
) -> Result<(), NetError> {
    let (mut sender, mut receiver) = connection.split().await?;
    let here = end.0.borrow().received;
    sender.send(&(here as u32).to_be_bytes()).await?;
    let there = receiver.receive().await?.ok_or(NetError::Silent)?;
    let there = u32::from_be_bytes(there.try_into().expect("four bytes")) as usize;
    end.0.borrow_mut().resumed += u64::from(here > 0 || there > 0);
    let sending = async {
        for message in &own[there..] {
            sender.send(message).await?;
        }
        sender.finish().await
    };
    let receiving = async {
        while let Some(message) = receiver.receive().await? {
            let mut progress = end.0.borrow_mut();
            assert_eq!(Some(&message), theirs.get(progress.received), "{}", progress.received);
            progress.received += 1;
        }
        if end.0.borrow().received == theirs.len() { Ok(()) } else { Err(NetError::Silent) }
    };
    tokio::try_join!(sending, receiving).map(|((), ())| ())
}

/// Counts over many runs.
#[derive(Debug, Default)]
pub struct Totals {
    pub runs: u64,
    pub datagrams: u64,
    pub lost: u64,
    pub repeated: u64,
    pub overtaking: u64,
    pub queue_full: u64,
    pub too_long: u64,
    pub cut: u64,
    pub cuts: u64,
    pub connections: u64,
    pub failed_calls: u64,
    pub resumed: u64,
    pub moved: u64,
    pub payload_bytes: u64,
    pub wire_bytes: u64,
    pub simulated: Duration,
}

impl Totals {
    pub fn add(&mut self, story: &Story, outcome: &Outcome) {
        use super::network::Verdict::{Arrives, Cut, Lost, QueueFull, TooLong};
        self.runs += 1;
        self.cuts += story.cuts.len() as u64;
        self.connections += outcome.connections;
        self.failed_calls += outcome.failed_calls;
        self.resumed += outcome.resumed;
        self.moved += u64::from(outcome.moved);
        self.simulated += outcome.elapsed;
        self.payload_bytes += story.payload_bytes();
        self.wire_bytes += outcome.wire_bytes();
        for passage in &outcome.trace {
            self.datagrams += 1;
            self.repeated += u64::from(passage.repeated);
            let count = match passage.verdict {
                Arrives { overtakes: true, .. } => &mut self.overtaking,
                Lost => &mut self.lost,
                QueueFull => &mut self.queue_full,
                TooLong => &mut self.too_long,
                Cut => &mut self.cut,
                _ => continue,
            };
            *count += 1;
        }
    }
}
