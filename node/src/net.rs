//! The transport under the sync machine: QUIC between two device keys, carrying whole messages.
//!
//! It proves which key is at the other end and bounds what that end may make us hold. It does not
//! know what a message means, who owns a key or whether its owner may connect: the layer above asks
//! [`Connection::peer_key`] and decides before it sends anything private.

pub use connection::{Connection, Receiver, Sender};
pub use endpoint::{Endpoint, Incoming};
pub use frame::{
    FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX, FrameError, FrameReader,
    MESSAGE_BYTES_MAX, frame_encode,
};
pub use ground::Ground;
pub use tls::{ALPN, DeviceKey};

mod connection;
mod endpoint;
mod frame;
mod ground;
mod pace;
mod tls;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Longest wait for a handshake, and again for the stream that the connecting side opens.
///
/// Three lost first packets in a row (1 + 2 + 4 s) still fit.
pub const HANDSHAKE_WAIT_MAX: Duration = Duration::from_secs(10);

/// Longest closing reason in bytes of UTF-8, sent or shown; what exceeds it is cut off.
pub const REASON_BYTES_MAX: usize = 256;

/// Tells why a connection could not be made or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The local UDP socket cannot be opened: address in use, not ours, or no tokio runtime.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// No attempt was made: the address cannot be reached from this socket, or it is closed.
    #[error("cannot start a connection to {address}")]
    Start {
        /// The address asked for.
        address: SocketAddr,
        /// Why quinn did not try.
        source: quinn::ConnectError,
    },
    /// Nothing came back from the address: wrong address, no network, or nobody listens there.
    #[error("no answer from {address} within {} s", HANDSHAKE_WAIT_MAX.as_secs())]
    NoAnswer {
        /// The address of the other side.
        address: SocketAddr,
    },
    /// The other side has a key, but not the one expected: another device, or an impostor.
    #[error("{address} has the key {}, expected {}", KeyHex(found), KeyHex(expected))]
    WrongPeer {
        /// The address of the other side.
        address: SocketAddr,
        /// The key that was asked for.
        expected: [u8; 32],
        /// The key it presented, not proven: the handshake ends before the proof.
        found: [u8; 32],
    },
    /// Somebody answered but no session came about: another protocol, no key, or a refusal.
    #[error("handshake with {address} failed")]
    Handshake {
        /// The address of the other side.
        address: SocketAddr,
        /// What QUIC or TLS reported.
        source: quinn::ConnectionError,
    },
    /// The other side ended the connection and said why.
    #[error("closed by the other side ({code}): {reason}")]
    Closed {
        /// Its code; the meaning belongs to the layer above.
        code: u64,
        /// Its words without control characters, at most [`REASON_BYTES_MAX`] bytes; untrusted.
        reason: String,
    },
    /// This side ended the connection.
    #[error("closed by this side")]
    ClosedHere,
    /// The connection broke: silence for the idle time, a reset, or a breach of QUIC.
    #[error("connection lost")]
    Lost(#[source] quinn::ConnectionError),
    /// The other side reads no more from this stream, or abandoned the one it wrote.
    #[error("the other side gave up the stream ({code})")]
    StreamGivenUp {
        /// The code it gave.
        code: u64,
    },
    /// The connecting side did not open its stream within [`HANDSHAKE_WAIT_MAX`].
    #[error("the other side sent nothing within {} s", HANDSHAKE_WAIT_MAX.as_secs())]
    Silent,
    /// A message does not fit the framing, ours to send or theirs as received.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The TLS session gives no key or key material, which a peer's breach of TLS can cause.
    #[error("the TLS session is unusable")]
    Session,
}

impl From<quinn::ConnectionError> for NetError {
    fn from(source: quinn::ConnectionError) -> Self {
        match source {
            quinn::ConnectionError::ApplicationClosed(close) => NetError::Closed {
                code: close.error_code.into_inner(),
                reason: reason_clean(&close.reason),
            },
            quinn::ConnectionError::LocallyClosed => NetError::ClosedHere,
            source => NetError::Lost(source),
        }
    }
}

/// Shortens a reason to [`REASON_BYTES_MAX`] at a character boundary.
fn reason_cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)]
}

/// Makes a foreign reason fit to print: valid UTF-8, short, no control characters.
fn reason_clean(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(REASON_BYTES_MAX)];
    let text = String::from_utf8_lossy(bytes).replace(char::is_control, " ");
    reason_cut(&text).to_owned()
}

struct KeyHex<'a>(&'a [u8; 32]);

impl fmt::Display for KeyHex<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_reasons_are_fit_to_print() {
        fn check(input: &[u8], expected: &str) {
            assert_eq!(reason_clean(input), expected, "{input:?}");
        }
        check(b"", "");
        check("未登记的设备".as_bytes(), "未登记的设备");
        check(b"a\x1b[2Jb\n\0c", "a [2Jb  c");
        check(b"a\xffb", "a\u{fffd}b");
        check(&[b'x'; REASON_BYTES_MAX + 1], &"x".repeat(REASON_BYTES_MAX));
        check(&[0xff; REASON_BYTES_MAX], &"\u{fffd}".repeat(REASON_BYTES_MAX / 3));
        // 256 is no multiple of 3: the last character is cut in half and marked, then dropped.
        check("字".repeat(100).as_bytes(), &"字".repeat(REASON_BYTES_MAX / 3));
    }

    #[test]
    fn own_reasons_are_cut_between_characters() {
        fn check(input: &str, expected_bytes: usize) {
            assert_eq!(reason_cut(input).len(), expected_bytes, "{input}");
        }
        check("", 0);
        check("short", 5);
        check(&"x".repeat(300), 256);
        check(&"字".repeat(100), 255);
    }
}
