//! One UDP socket that both calls other nodes and is called by them, with bounds on what strangers
//! cost (trust G1).
//!
//! It does not choose whom to call, does not retry, and does not limit the rate of one address:
//! the layer above may ignore an [`Incoming`] before it costs a signature.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use quinn::{ConnectionError, NoneTokenStore, TransportConfig, VarInt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{Connection, Opener};
use super::ground::Ground;
use super::tls::{self, DeviceKey};
use super::{HANDSHAKE_WAIT_MAX, NetError, reason_cut};

/// Bytes a peer may send on one stream before they are read.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Bytes a peer may send on all its streams before they are read.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of ours that may wait for one peer's acknowledgement.
const SEND_WINDOW_BYTES: u64 = 512 * 1024;
/// Streams in both directions that a peer may have open.
const BIDIRECTIONAL_STREAMS_MAX: u32 = 8;
/// Streams in one direction that a peer may have open.
const UNIDIRECTIONAL_STREAMS_MAX: u32 = 4;
/// Silence after which a connection is lost, in milliseconds.
const IDLE_WAIT_MS: u32 = 60_000;
/// Time between packets that keep a silent connection, and the NAT on its way, open.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// Assumed round trip before the first is measured.
///
/// The value of RFC 9002 6.2.2 and of quinn. A lost first packet is sent again after 1, 3 and 7 s,
/// and 1 s already exceeds the round trip of the slowest line of the budget (600 ms). With the
/// 700 ms of trust G1 it would be 2.1 and 6.3 s, for no gain: a loopback handshake takes 3 ms
/// with either (measured).
const INITIAL_ROUND_TRIP: Duration = Duration::from_millis(333);
/// Strangers whose first packet may wait for [`Endpoint::accept`] and [`Incoming::finish`].
const INCOMING_MAX: usize = 256;
/// Further bytes that may wait with one such first packet.
const INCOMING_BUFFER_BYTES: u64 = 64 * 1024;
/// Further bytes that may wait with all of them.
const INCOMING_BUFFER_TOTAL_BYTES: u64 = 4 * 1024 * 1024;
/// Callers held or in their handshake from which on a caller must prove its address by a Retry
/// (RFC 9000 8.1.2).
const HANDSHAKES_BEFORE_RETRY: usize = 64;
/// Callers held or in their handshake from which on further ones go unanswered. Their QUIC tries
/// again after 1, 3 and 7 s.
const HANDSHAKES_MAX: usize = 256;
/// QUIC version 1 (RFC 9000); the drafts that quinn also speaks are not offered.
const QUIC_VERSION: u32 = 1;
/// rustls wants a name; it is neither sent nor checked.
const SERVER_NAME: &str = "onex";
/// What an error names when a socket does not say where it is.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A node's UDP socket. Dropping it lets open connections go on; [`Endpoint::close`] ends them.
#[derive(Debug)]
pub struct Endpoint {
    socket: quinn::Endpoint,
    local_addr: SocketAddr,
    key: DeviceKey,
    ground: Ground,
    handshakes: Arc<Semaphore>,
}

impl Endpoint {
    /// Opens the socket; port 0 takes a free one. Must run inside a tokio runtime.
    ///
    /// Only addresses of the same family can be called: bind `0.0.0.0` for IPv4. Whether `[::]`
    /// serves IPv4 too depends on the platform (Windows: no).
    ///
    /// # Errors
    /// [`NetError::Bind`].
    pub fn bind(key: &DeviceKey, listen: SocketAddr) -> Result<Endpoint, NetError> {
        Endpoint::on(key, Ground::open(listen)?)
    }

    /// Makes the endpoint on what the caller brings; [`Endpoint::bind`] brings this machine's.
    ///
    /// # Errors
    /// [`NetError::Bind`], when the socket has no address.
    pub fn on(key: &DeviceKey, ground: Ground) -> Result<Endpoint, NetError> {
        let bind_error = |source| NetError::Bind { address: NOWHERE, source };
        let local_addr = ground.socket.local_addr().map_err(bind_error)?;
        let bind_error = |source| NetError::Bind { address: local_addr, source };
        let mut config = ground.endpoint.clone();
        config.supported_versions(vec![QUIC_VERSION]);
        let (socket, runtime) = (Arc::clone(&ground.socket), Arc::clone(&ground.runtime));
        let server = Some(server_config(key, &ground));
        let socket = quinn::Endpoint::new_with_abstract_socket(config, server, socket, runtime)
            .map_err(bind_error)?;
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        Ok(Endpoint { socket, local_addr, key: key.clone(), ground, handshakes })
    }

    /// Returns the address of the socket, with the port that port 0 became.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Calls the node at `address`; with `expected`, only the one that has this key.
    ///
    /// On success the other side has proven its key, but has not yet judged ours: nothing private
    /// may be sent before its first message (trust 0.1).
    ///
    /// # Errors
    /// [`NetError::WrongPeer`], [`NetError::NoAnswer`] after [`HANDSHAKE_WAIT_MAX`],
    /// [`NetError::Handshake`], [`NetError::Start`].
    pub async fn connect(
        &self,
        address: SocketAddr,
        expected: Option<[u8; 32]>,
    ) -> Result<Connection, NetError> {
        let presented = Arc::new(OnceLock::new());
        let config = client_config(&self.key, &self.ground, expected, &presented);
        let connecting = self
            .socket
            .connect_with(config, address, SERVER_NAME)
            .map_err(|source| NetError::Start { address, source })?;
        match (handshake_wait(connecting, address).await, expected, presented.get()) {
            (Err(NetError::Handshake { .. }), Some(expected), Some(&found))
                if expected != found =>
            {
                Err(NetError::WrongPeer { address, expected, found })
            }
            (result, _, _) => Connection::new(result?, Opener::Here),
        }
    }

    /// Waits for the next caller; `None` after [`Endpoint::close`].
    ///
    /// Finish each handshake in a task of its own, or one slow caller holds up the others.
    pub async fn accept(&self) -> Option<Incoming> {
        loop {
            let incoming = self.socket.accept().await?;
            let pending = HANDSHAKES_MAX - self.handshakes.available_permits();
            if pending >= HANDSHAKES_BEFORE_RETRY && !incoming.remote_address_validated() {
                if let Err(error) = incoming.retry() {
                    tracing::debug!(%error, "caller refused");
                }
                continue;
            }
            match self.handshakes.clone().try_acquire_owned() {
                Ok(permit) => return Some(Incoming { incoming, permit }),
                Err(_) => incoming.ignore(),
            }
        }
    }

    /// Ends all connections with code 0 and `reason`, and takes no further ones.
    ///
    /// The other sides are told while [`Endpoint::wait_closed`] runs.
    pub fn close(&self, reason: &str) {
        self.socket.close(VarInt::from_u32(0), reason_cut(reason).as_bytes());
    }

    /// Waits until the connections that were closed are done with telling so: a few round trips.
    pub async fn wait_closed(&self) {
        self.socket.wait_idle().await;
    }
}

/// A caller whose handshake has not begun. Dropping it refuses the caller.
#[derive(Debug)]
pub struct Incoming {
    incoming: quinn::Incoming,
    permit: OwnedSemaphorePermit,
}

impl Incoming {
    /// Returns the caller's address, which may be forged unless it is validated.
    pub fn peer_address(&self) -> SocketAddr {
        self.incoming.remote_address()
    }

    /// Tells whether the caller was seen to receive at its address.
    pub fn address_validated(&self) -> bool {
        self.incoming.remote_address_validated()
    }

    /// Passes the caller over without an answer; its QUIC tries again after 1, 3 and 7 s.
    pub fn ignore(self) {
        self.incoming.ignore();
    }

    /// Makes the handshake; afterwards the caller's key is proven, not approved.
    ///
    /// # Errors
    /// [`NetError::NoAnswer`] after [`HANDSHAKE_WAIT_MAX`], [`NetError::Handshake`].
    pub async fn finish(self) -> Result<Connection, NetError> {
        let address = self.peer_address();
        let connecting =
            self.incoming.accept().map_err(|source| NetError::Handshake { address, source })?;
        let connection = handshake_wait(connecting, address).await?;
        drop(self.permit);
        Connection::new(connection, Opener::Peer)
    }
}

async fn handshake_wait(
    connecting: quinn::Connecting,
    address: SocketAddr,
) -> Result<quinn::Connection, NetError> {
    match tokio::time::timeout(HANDSHAKE_WAIT_MAX, connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(ConnectionError::TimedOut)) | Err(_) => Err(NetError::NoAnswer { address }),
        Ok(Err(ConnectionError::LocallyClosed)) => Err(NetError::ClosedHere),
        Ok(Err(source)) => Err(NetError::Handshake { address, source }),
    }
}

fn server_config(key: &DeviceKey, ground: &Ground) -> quinn::ServerConfig {
    let crypto = tls::server_config(key, &ground.provider);
    let mut config = quinn::ServerConfig::with_crypto(crypto);
    config
        .transport_config(Arc::new(transport_config(ground)))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL_BYTES);
    config
}

fn client_config(
    key: &DeviceKey,
    ground: &Ground,
    expected: Option<[u8; 32]>,
    presented: &Arc<OnceLock<[u8; 32]>>,
) -> quinn::ClientConfig {
    let crypto = tls::client_config(key, &ground.provider, expected, presented);
    let mut config = quinn::ClientConfig::new(crypto);
    config
        .transport_config(Arc::new(transport_config(ground)))
        .token_store(Arc::new(NoneTokenStore))
        .version(QUIC_VERSION);
    if let Some(first_ids) = &ground.first_ids {
        config.initial_dst_cid_provider(Arc::clone(first_ids));
    }
    config
}

fn transport_config(ground: &Ground) -> TransportConfig {
    let mut config = TransportConfig::default();
    config
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .max_concurrent_bidi_streams(VarInt::from_u32(BIDIRECTIONAL_STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(UNIDIRECTIONAL_STREAMS_MAX))
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        .max_idle_timeout(Some(VarInt::from_u32(IDLE_WAIT_MS).into()))
        .keep_alive_interval(Some(KEEP_ALIVE_INTERVAL))
        .initial_rtt(INITIAL_ROUND_TRIP)
        .congestion_controller_factory(Arc::clone(&ground.congestion) as _);
    config
}
