//! One connection with a peer whose key is proven, and the one stream of messages on it.
//!
//! It knows neither the peer's rights nor any message. It does not reconnect.

use std::net::SocketAddr;

use quinn::{Chunk, ReadError, RecvStream, SendStream, VarInt, WriteError};
use rustls::pki_types::CertificateDer;

use super::frame::{FRAME_BYTES_MAX, FrameError, FrameReader, frame_encode};
use super::{HANDSHAKE_WAIT_MAX, NetError, reason_cut, tls};

/// A connection over which both sides have proven their keys.
///
/// Clones are the same connection. It ends, with code 0 and no reason, when the last clone and the
/// stream halves are dropped.
#[derive(Debug, Clone)]
pub struct Connection {
    connection: quinn::Connection,
    opener: Opener,
    peer_key: [u8; 32],
}

/// Which side opens the stream of messages: the one that called.
#[derive(Debug, Clone, Copy)]
pub(super) enum Opener {
    Here,
    Peer,
}

impl Connection {
    pub(super) fn new(
        connection: quinn::Connection,
        opener: Opener,
    ) -> Result<Connection, NetError> {
        let peer_key = peer_key(&connection).ok_or(NetError::Session)?;
        Ok(Connection { connection, opener, peer_key })
    }

    /// Returns the Ed25519 key that the other side has proven to hold.
    pub fn peer_key(&self) -> [u8; 32] {
        self.peer_key
    }

    /// Returns where the other side is now; it may move (RFC 9000, section 9).
    pub fn peer_address(&self) -> SocketAddr {
        let address = self.connection.remote_address();
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }

    /// Returns how many bytes have come from the other side so far, of whatever use.
    pub fn received_bytes(&self) -> u64 {
        self.connection.stats().udp_rx.bytes
    }

    /// Returns 32 bytes that only the two ends of this very connection can know (RFC 8446, 7.5).
    ///
    /// Equal on both sides for equal arguments. Enrolment binds its proof to them (trust A6).
    ///
    /// # Errors
    /// [`NetError::Session`] when the peer has broken the TLS session.
    pub fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], NetError> {
        let mut output = [0; 32];
        self.connection
            .export_keying_material(&mut output, label, context)
            .map_err(|_| NetError::Session)?;
        Ok(output)
    }

    /// Opens the stream of messages, or waits for the peer that called us to open it.
    ///
    /// Call it once. A stream cannot be seen before it has bytes, so the side that called returns
    /// at once and must send first; the other returns when those bytes arrive.
    ///
    /// # Errors
    /// [`NetError::Silent`] when the caller sends nothing within [`HANDSHAKE_WAIT_MAX`], and the
    /// errors of a connection that ended.
    pub async fn split(&self) -> Result<(Sender, Receiver), NetError> {
        let (send, receive) = match self.opener {
            Opener::Here => self.connection.open_bi().await?,
            Opener::Peer => tokio::time::timeout(HANDSHAKE_WAIT_MAX, self.connection.accept_bi())
                .await
                .map_err(|_| NetError::Silent)??,
        };
        let receiver = Receiver { stream: receive, reader: FrameReader::default(), chunk: None };
        Ok((Sender { stream: send }, receiver))
    }

    /// Ends the connection at once and tells the other side why.
    ///
    /// What was sent and has not arrived is lost: [`Sender::finish`] first to avoid that. The
    /// reason is shown to people there; it is cut to [`super::REASON_BYTES_MAX`].
    pub fn close(&self, code: u32, reason: &str) {
        self.connection.close(VarInt::from_u32(code), reason_cut(reason).as_bytes());
    }

    /// Waits for the end of the connection and tells how it ended.
    pub async fn closed(&self) -> NetError {
        self.connection.closed().await.into()
    }
}

/// The sending half of a connection. Dropping it ends the stream cleanly for the other side.
#[derive(Debug)]
pub struct Sender {
    stream: SendStream,
}

impl Sender {
    /// Sends one message; returns its bytes with frame headers, without those of QUIC.
    ///
    /// Returns when the transport has taken it, which is before it arrives, and waits while the
    /// peer does not read. Not cancel-safe: if the future is dropped the message is sent in part
    /// and the stream is of no more use.
    ///
    /// # Errors
    /// [`NetError::Frame`] for a message too long, with nothing sent; otherwise why the
    /// connection or the stream ended.
    pub async fn send(&mut self, message: &[u8]) -> Result<u64, NetError> {
        let mut bytes = 0;
        for frame in frame_encode(message)? {
            bytes += frame.len() as u64;
            self.stream.write_chunk(frame.into()).await?;
        }
        Ok(bytes)
    }

    /// Ends the stream and waits until the peer's transport has received all of it.
    ///
    /// Received is not stored: only a message of the layer above can say that.
    ///
    /// # Errors
    /// Why the connection or the stream ended before.
    pub async fn finish(mut self) -> Result<(), NetError> {
        self.stream.finish().map_err(WriteError::from)?;
        match self.stream.stopped().await {
            Ok(None) => Ok(()),
            Ok(Some(code)) => Err(NetError::StreamGivenUp { code: code.into_inner() }),
            Err(error) => Err(WriteError::from(error).into()),
        }
    }
}

/// The receiving half of a connection. Dropping it makes the other side's sending fail.
#[derive(Debug)]
pub struct Receiver {
    stream: RecvStream,
    reader: FrameReader,
    chunk: Option<Chunk>,
}

impl Receiver {
    /// Waits for the beginning of the next message; returns how many bytes it has at most, `None`
    /// when the other side has ended the stream cleanly. Nothing of the message is in memory then
    /// but what QUIC's windows let in.
    ///
    /// Cancel-safe: a dropped future loses nothing.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub async fn announced(&mut self) -> Result<Option<usize>, NetError> {
        loop {
            if let Some(bytes) = self.chunk_read(FrameReader::announce)? {
                return Ok(Some(bytes));
            }
            if !self.chunk_next().await? {
                return Ok(None);
            }
        }
    }

    /// Waits for the next message; `None` when the other side has ended the stream cleanly.
    ///
    /// Cancel-safe: a dropped future loses nothing.
    ///
    /// # Errors
    /// [`NetError::Frame`] when the peer breaks the framing, after which the connection should be
    /// closed; otherwise why the connection or the stream ended.
    pub async fn receive(&mut self) -> Result<Option<Vec<u8>>, NetError> {
        loop {
            if let Some(message) = self.chunk_read(FrameReader::push)? {
                return Ok(Some(message));
            }
            if !self.chunk_next().await? {
                return Ok(None);
            }
        }
    }

    /// Waits for further bytes; `false` when the stream has ended, between two messages.
    async fn chunk_next(&mut self) -> Result<bool, NetError> {
        self.chunk = self.stream.read_chunk(FRAME_BYTES_MAX, true).await?;
        if self.chunk.is_none() {
            self.reader.finish()?;
        }
        Ok(self.chunk.is_some())
    }

    /// Reads on in the bytes at hand, as far as a step of the reader goes.
    fn chunk_read<T>(
        &mut self,
        step: impl FnOnce(&mut FrameReader, &mut &[u8]) -> Result<T, FrameError>,
    ) -> Result<T, NetError> {
        let Some(chunk) = &mut self.chunk else {
            return Ok(step(&mut self.reader, &mut &[][..])?);
        };
        let mut input = &chunk.bytes[..];
        let found = step(&mut self.reader, &mut input)?;
        let taken = chunk.bytes.len() - input.len();
        drop(chunk.bytes.split_to(taken));
        Ok(found)
    }
}

fn peer_key(connection: &quinn::Connection) -> Option<[u8; 32]> {
    let identity = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    tls::spki_parse(identity.first()?)
}

impl From<WriteError> for NetError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Stopped(code) => NetError::StreamGivenUp { code: code.into_inner() },
            WriteError::ConnectionLost(error) => error.into(),
            WriteError::ClosedStream | WriteError::ZeroRttRejected => NetError::ClosedHere,
        }
    }
}

impl From<ReadError> for NetError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Reset(code) => NetError::StreamGivenUp { code: code.into_inner() },
            ReadError::ConnectionLost(error) => error.into(),
            ReadError::ClosedStream
            | ReadError::IllegalOrderedRead
            | ReadError::ZeroRttRejected => NetError::ClosedHere,
        }
    }
}
