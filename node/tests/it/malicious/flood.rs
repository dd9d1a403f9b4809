//! Floods from one socket: thousands of first packets whose sender never goes on, and datagrams
//! that are no packets at all.

use std::collections::BTreeSet;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use onex_node::net::{DeviceKey, Endpoint, Ground};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, TokioRuntime, UdpPoller};
use tokio::task::JoinSet;

use super::{MALLORY, check_served, outside, province, run};
use crate::simnet::network::AlwaysWritable;
use crate::simnet::random::Random;

/// First packets of one flood.
const HALF_OPEN: usize = 3_000;
/// Datagrams of garbage.
const GARBAGE: usize = 3_000;
/// How many go out before it is listened.
const TOGETHER: usize = 32;
/// How many handshakes a node has under way (`node/src/net/endpoint.rs`).
const HANDSHAKES_MAX: usize = 256;
/// How long an answer may take.
const ANSWER_WAIT: Duration = Duration::from_millis(100);

#[test]
fn half_open_handshakes_are_bounded_and_members_served() {
    let (hub, college) = province();
    let address = hub.serving.listen();
    let packets = first_packets(HALF_OPEN, address);
    let flood = std::thread::spawn(move || half_open(&outside(), address, &packets));
    let mut served = 0;
    while !flood.is_finished() || served == 0 {
        check_served(&college.node);
        served += 1;
    }
    let Answers { begun, retries } = flood.join().expect("it ran").expect("it ran");
    let begun = begun.len();
    println!(
        "{HALF_OPEN} first packets: {begun} handshakes begun, {retries} retries, \
         {served} syncs meanwhile"
    );
    assert!((1..=HANDSHAKES_MAX).contains(&begun), "{begun}");
    check_served(&college.node);
}

#[test]
fn garbage_is_thrown_away_and_members_served() {
    let (hub, college) = province();
    let address = hub.serving.listen();
    let packets = first_packets(16, address);
    let socket = outside();
    let mut random = Random::new(1);
    for count in 0..GARBAGE {
        let datagram = garbage(&mut random, &packets);
        // What the system cannot take is as well lost.
        let _ = socket.send_to(&datagram, address);
        if count % 500 == 0 {
            check_served(&college.node);
        }
    }
    check_served(&college.node);
}

/// What the node answered to first packets.
#[derive(Debug, Default)]
struct Answers {
    /// Callers that got a handshake's first flight (or, which looks the same, a refusal).
    begun: BTreeSet<Vec<u8>>,
    /// Callers that were asked to prove their address, which costs the node no memory.
    retries: usize,
}

/// Sends first packets and nothing else, and listens to what is answered.
fn half_open(socket: &UdpSocket, address: SocketAddr, packets: &[Vec<u8>]) -> io::Result<Answers> {
    /// The bits of a first byte that tell long headers and their type (RFC 9000, 17.2), and two.
    const TYPE: u8 = 0xb0;
    const INITIAL: u8 = 0x80;
    const RETRY: u8 = 0xb0;
    socket.set_read_timeout(Some(ANSWER_WAIT))?;
    let mut heard = Answers::default();
    let mut buffer = [0; 2048];
    for together in packets.chunks(TOGETHER) {
        for packet in together {
            socket.send_to(packet, address)?;
        }
        for _ in together {
            let Ok((length, _)) = socket.recv_from(&mut buffer) else { break };
            let answer = &buffer[..length];
            match answer[0] & TYPE {
                INITIAL => {
                    // The id that the caller gave itself, behind the version and its length.
                    let id_length = usize::from(answer[5]);
                    heard.begun.insert(answer[6..6 + id_length].to_vec());
                }
                RETRY => heard.retries += 1,
                _ => {}
            }
        }
    }
    Ok(heard)
}

/// Noise, or a real first packet that is cut, changed or of another version.
fn garbage(random: &mut Random, packets: &[Vec<u8>]) -> Vec<u8> {
    let packet = &packets[random.range(0, packets.len() as u64) as usize];
    let mut datagram = packet.clone();
    let at = random.range(0, datagram.len() as u64) as usize;
    match random.range(0, 5) {
        0 => {
            let length = random.range(0, 1500) as usize;
            datagram = random.bytes(length);
        }
        1 => datagram.truncate(at),
        2 => datagram[at] ^= 1 << random.range(0, 8),
        3 => datagram[1..5].copy_from_slice(&random.bytes(4)),
        _ => datagram[at.min(40)..].fill(0),
    }
    datagram
}

/// The first packets of so many calls, as the product's own endpoint makes them.
fn first_packets(count: usize, address: SocketAddr) -> Vec<Vec<u8>> {
    let sent = run(async {
        let socket = Arc::new(Recorder::default());
        let ground = Ground::over(Arc::clone(&socket) as _, Arc::new(TokioRuntime));
        let key = DeviceKey::from_seed(MALLORY);
        let endpoint = Arc::new(Endpoint::on(&key, ground).expect("it has an address"));
        let mut calls = JoinSet::new();
        for _ in 0..count {
            let endpoint = Arc::clone(&endpoint);
            calls.spawn(async move { endpoint.connect(address, None).await });
        }
        while socket.sent().len() < count {
            tokio::task::yield_now().await;
        }
        calls.abort_all();
        std::mem::take(&mut *socket.sent())
    });
    sent.into_iter().filter(|packet| packet.len() >= 1200).take(count).collect()
}

/// A socket that keeps what is sent and hears nothing.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Vec<u8>>>);

impl Recorder {
    fn sent(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncUdpSocket for Recorder {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.sent().push(transmit.contents.to_vec());
        Ok(())
    }

    fn poll_recv(
        &self,
        _context: &mut Context<'_>,
        _buffers: &mut [IoSliceMut<'_>],
        _metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 1)))
    }
}
