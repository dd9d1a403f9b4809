//! What an endpoint stands on: a socket, a clock with tasks, how fast it sends, and where its
//! unpredictable bytes come from.
//!
//! [`Ground::open`] takes all of it from this machine, and nothing else in the product does. A
//! caller that brings its own (a relay, a simulated network under virtual time) gets the same
//! endpoint, TLS and framing on it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use quinn::congestion::ControllerFactory;
use quinn::{AsyncUdpSocket, ConnectionId, EndpointConfig, Runtime};
use rustls::crypto::{CryptoProvider, ring};

use super::NetError;
use super::pace::PaceConfig;

/// The socket, clock, pace and randomness under an [`super::Endpoint`].
#[derive(Clone)]
pub struct Ground {
    /// Where datagrams leave and arrive.
    pub socket: Arc<dyn AsyncUdpSocket>,
    /// The clock and the tasks of QUIC.
    pub runtime: Arc<dyn Runtime>,
    /// The seed, connection ids and reset key of the endpoint; drawn afresh by its default.
    pub endpoint: EndpointConfig,
    /// The first connection id of each call; unpredictable (RFC 9000, 7.2) unless it is given.
    pub first_ids: Option<Arc<dyn Fn() -> ConnectionId + Send + Sync>>,
    /// The key exchange and the random bytes of TLS.
    pub provider: Arc<CryptoProvider>,
    /// How fast a connection sends.
    pub congestion: Arc<dyn ControllerFactory + Send + Sync>,
}

impl Ground {
    /// Opens a UDP socket of this machine; must run inside a tokio runtime.
    ///
    /// # Errors
    /// [`NetError::Bind`].
    pub fn open(listen: SocketAddr) -> Result<Ground, NetError> {
        let bind_error = |source| NetError::Bind { address: listen, source };
        let runtime = quinn::default_runtime()
            .ok_or_else(|| bind_error(io::Error::other("no tokio runtime")))?;
        let socket = std::net::UdpSocket::bind(listen).map_err(bind_error)?;
        let socket = runtime.wrap_udp_socket(socket).map_err(bind_error)?;
        Ok(Ground::over(socket, runtime))
    }

    /// Stands on a socket of the caller, with this machine's randomness.
    pub fn over(socket: Arc<dyn AsyncUdpSocket>, runtime: Arc<dyn Runtime>) -> Ground {
        Ground {
            socket,
            runtime,
            endpoint: EndpointConfig::default(),
            first_ids: None,
            provider: Arc::new(ring::default_provider()),
            congestion: Arc::new(PaceConfig),
        }
    }
}

impl fmt::Debug for Ground {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ground").field("socket", &self.socket).finish_non_exhaustive()
    }
}
