//! Messages between two nodes: their layout, and the zstd around the larger ones.
//!
//! Nothing here judges a message beyond its form and size; frames are the transport's.

use std::io::Read as _;

use minicbor::{Decode, Encode};
use onex_crdt::ids::{ChangeHash, Digest, DocId, NetworkId};

use crate::admission::{DocumentBatch, REASONS};
use crate::cbor::{self, CborError};
use crate::enrolment::InvitationId;
use crate::key::PublicKey;
use crate::membership::{Entry, Membership};
use crate::repair::{ItemMark, Known};
use crate::scope::{Scope, ScopeDigests};
use crate::statement::SignedStatement;

/// The version of every layout here, the first byte of a message.
pub const MESSAGE_VERSION: u8 = 1;
/// Most bytes of a message, as sent and inflated (trust G3).
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of the first message of a caller, who may be a stranger.
pub const FIRST_MESSAGE_BYTES_MAX: usize = 1024;
/// Most bytes of changes and seals in one message; a document that has more goes in parts.
pub const PART_BYTES_MAX: usize = 512 * 1024;
/// Most bytes of one document's changes and seals, over all parts (trust C5).
pub const DOCUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most documents of one batch, over all parts: each costs a look, even one in which nothing is.
pub const BATCH_DOCUMENTS_MAX: usize = 4096;
/// Most bytes of statements in one message, unless one alone has more.
pub const STATEMENTS_BYTES_MAX: usize = 512 * 1024;
/// Most statements that are proposed in one message.
pub const PROPOSALS_MAX: usize = 32;
/// Most bytes of a reason that goes with a close.
pub const REASON_BYTES_MAX: usize = 120;

/// From how many bytes on a message is compressed; below that zstd gains nothing.
const COMPRESS_FROM_BYTES: usize = 512;
const COMPRESSION_LEVEL: i32 = 3;
/// Largest window that is accepted, as a power of two: 1 MiB (trust G3).
const WINDOW_LOG_MAX: u32 = 20;
const FORM_PLAIN: u8 = 0;
const FORM_ZSTD: u8 = 1;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Message {
    /// Where one stands. The called side's is the welcome.
    #[n(0)]
    Hello(#[n(0)] Hello),
    /// Entries of the membership log are wanted, to find the caller's device in them.
    #[n(1)]
    Want {
        /// The first position that is lacking.
        #[n(0)]
        from: u64,
    },
    /// Entries of the membership log, in order.
    #[n(2)]
    Statements(#[n(0)] Vec<Entry>),
    /// Statements for the sequencer, at most `PROPOSALS_MAX`.
    #[n(3)]
    Proposals(#[n(0)] Vec<SignedStatement>),
    /// Documents.
    #[n(4)]
    Batch(#[n(0)] Batch),
    /// A batch is durable.
    #[n(5)]
    Ack(#[n(0)] Ack),
    /// The connection ends.
    #[n(6)]
    Close {
        /// Why, for programs.
        #[n(0)]
        code: u32,
        /// Why, for people; at most `REASON_BYTES_MAX`.
        #[n(1)]
        reason: String,
    },
    /// A device that holds an invitation asks to join.
    #[n(7)]
    Join(#[n(0)] Join),
    /// A person is to compare the digits, which follow from both keys and the invitation.
    #[n(8)]
    Pending {
        /// The key of the inviting device.
        #[n(0)]
        inviter_key: PublicKey,
        /// The proof that the inviter knows the secret too (`enrolment::inviter_proof`).
        #[cbor(n(1), with = "minicbor::bytes")]
        proof: [u8; 32],
    },
    /// The device is in. The last entries of the log; earlier ones came as `Statements`.
    #[n(9)]
    Welcome(#[n(0)] Vec<Entry>),
    /// A step of a comparison of all documents.
    #[n(10)]
    Reconcile(#[n(0)] Reconcile),
    /// What the sender has of documents that differ.
    #[n(11)]
    Have(#[n(0)] Have),
    /// The recovery key of an organisation lets the sending device in: the statement says so.
    #[n(12)]
    Recover(#[n(0)] SignedStatement),
}

/// A place in a node's own log of changes, with what stands there: a restored backup comes to the
/// same places with other entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct LogPosition {
    /// The place of the last entry, from 1; 0 before the first.
    #[n(0)]
    pub position: u64,
    /// Eight bytes of the hash of that entry and of all before it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub mark: [u8; 8],
}

impl LogPosition {
    /// Before the first entry.
    pub const START: Self = Self { position: 0, mark: [0; 8] };

    /// Returns the place of an entry that comes after the one here: of a change of a document.
    ///
    /// The mark follows from every entry so far: a restored log that grows anew may come to the
    /// same entry at the same place. Eight bytes are enough: whoever finds two entries with one
    /// mark deceives himself only.
    pub fn then(&self, position: u64, document: &DocId, change: &ChangeHash) -> Self {
        let (before, place) = (&self.mark, &position.to_be_bytes());
        let entry = [document.as_bytes(), change.as_bytes()];
        let hash = Digest::over(&[LOG_DOMAIN, before, place, entry[0], entry[1]]);
        let mark = hash.0[..8].try_into().expect("a hash has more bytes");
        Self { position, mark }
    }
}

/// A place in the membership log, with half the digest of the entry there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct MembershipPosition {
    /// The position of the last entry.
    #[n(0)]
    pub position: u64,
    /// The first 16 bytes of its digest.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub head: [u8; 16],
    /// The version of the root there.
    #[n(2)]
    pub root: u64,
}

impl MembershipPosition {
    /// Returns where a log stands.
    pub fn of(membership: &Membership) -> Self {
        let (position, root) = (membership.position(), membership.root().version);
        Self { position, head: membership.head().half(), root }
    }
}

/// Where a node stands towards another one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The end of the sender's log.
    #[n(1)]
    pub log: LogPosition,
    /// The place in the receiver's log up to which the sender has taken.
    #[n(2)]
    pub taken: LogPosition,
    /// The end of the sender's membership log.
    #[n(3)]
    pub membership: MembershipPosition,
    /// The sender's sums at `log`; nothing when it does not know the receiver's device yet.
    #[n(4)]
    pub digests: Option<ScopeDigests>,
}

/// Some documents of a log, or of a repair.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Batch {
    /// The documents, urgent kinds first; at most `BATCH_DOCUMENTS_MAX`.
    #[n(0)]
    pub documents: Vec<DocumentBatch>,
    /// The place in the sender's log up to which the receiver has everything once this is taken.
    #[n(1)]
    pub upto: LogPosition,
    /// Whether more follows.
    #[n(2)]
    pub end: End,
    /// Out of what it was made.
    #[n(3)]
    pub origin: Origin,
}

/// Whether more follows after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum End {
    /// The batch goes on in the next message, the last document too where the next one has its
    /// header. Not acknowledged by itself.
    #[n(0)]
    Part,
    /// Another batch follows.
    #[n(1)]
    More,
    /// This is everything up to the end of the sender's log, where its sums are these.
    #[n(2)]
    Last(#[n(0)] Told),
}

/// Out of what a batch was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Origin {
    /// Out of the log: what is new.
    #[n(0)]
    Delta,
    /// Out of a repair: what the receiver lacks of documents that differ.
    #[n(1)]
    Repair,
}

/// A step of a comparison of all documents of some scopes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Reconcile {
    /// The scopes that differ, in the first step; none later.
    #[n(0)]
    pub scopes: Vec<Scope>,
    /// The message of negentropy, at most `RECONCILE_BYTES_MAX`.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ranges: Vec<u8>,
}

/// What the sender has of documents that differ. The side that began the comparison speaks first,
/// then they take turns; its turn without heads and without wanted items is the last one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Have {
    /// Documents with what is known of them.
    #[n(0)]
    pub documents: Vec<(DocId, Known)>,
    /// Items of the receiver's documents that the sender lacks, or has in another state. Those of
    /// documents that it named before are passed over.
    #[n(1)]
    pub wanted: Vec<ItemMark>,
}

impl Have {
    /// Whether an answer is expected.
    pub fn asks(&self) -> bool {
        let has_heads = |(_, known): &(DocId, Known)| matches!(known, Known::Heads(_));
        !self.wanted.is_empty() || self.documents.iter().any(has_heads)
    }
}

/// A batch is durable.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Ack {
    /// The `upto` of the batch.
    #[n(0)]
    pub upto: LogPosition,
    /// What of it is kept apart, each document once per reason.
    #[n(1)]
    pub refused: Vec<(DocId, Reason)>,
    /// Where the sender of this stands now.
    #[n(2)]
    pub standing: Standing,
}

/// Where a node stands after it has taken a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Standing {
    /// It has something to send, which follows.
    #[n(0)]
    Behind,
    /// Up to this place its log has nothing more for the receiver, and there its sums are these.
    #[n(1)]
    At(#[n(0)] LogPosition, #[n(1)] Told),
}

/// Sums that are told while documents flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Told {
    /// How many acknowledgements had come before: one that names refusals changes the sums.
    #[n(0)]
    pub acks_heard: u64,
    /// The sums.
    #[n(1)]
    pub digests: ScopeDigests,
}

/// A device that holds an invitation asks to join.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Join {
    /// The invitation.
    #[n(0)]
    pub invitation: InvitationId,
    /// The proof that its secret is known (`enrolment::join_proof`).
    #[cbor(n(1), with = "minicbor::bytes")]
    pub proof: [u8; 32],
    /// The key of the device, that of the connection.
    #[n(2)]
    pub key: PublicKey,
    /// Its person, at most 50 characters.
    #[n(3)]
    pub person: String,
}

/// One of `REASONS`, for the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason(pub &'static str);

impl<C> Encode<C> for Reason {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.str(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Reason {
    fn decode(
        decoder: &mut minicbor::Decoder<'b>,
        _: &mut C,
    ) -> Result<Self, minicbor::decode::Error> {
        let text = decoder.str()?;
        let known = REASONS.iter().find(|reason| **reason == text);
        known
            .map(|reason| Self(reason))
            .ok_or_else(|| minicbor::decode::Error::message("unknown reason"))
    }
}

/// A message as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The bytes for the transport.
    pub bytes: Vec<u8>,
    /// How many bytes it inflates to; credits are counted in these.
    pub inflated: usize,
}

impl Message {
    /// Returns the message as it is sent: version, form, and the CBOR, compressed where that helps.
    pub fn encode(&self) -> Encoded {
        let plain = cbor::encode(self);
        let inflated = plain.len();
        let packed = match inflated < COMPRESS_FROM_BYTES {
            true => None,
            false => zstd::bulk::compress(&plain, COMPRESSION_LEVEL).ok(),
        };
        let (form, body) = match packed.filter(|packed| packed.len() < inflated) {
            Some(packed) => (FORM_ZSTD, packed),
            None => (FORM_PLAIN, plain),
        };
        Encoded { bytes: [&[MESSAGE_VERSION, form], &body[..]].concat(), inflated }
    }

    /// Reads a message; returns how many bytes it inflated to as well.
    ///
    /// # Errors
    /// When it is larger than `MESSAGE_BYTES_MAX` in either form, of another version, not the
    /// deterministic encoding of a message, or a batch of more than `BATCH_DOCUMENTS_MAX`.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), MessageError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(MessageError::TooLarge);
        }
        let [version, form, body @ ..] = bytes else {
            return Err(MessageError::Form);
        };
        match (*version, *form) {
            (MESSAGE_VERSION, FORM_PLAIN) => Self::decode_plain(body),
            (MESSAGE_VERSION, FORM_ZSTD) => Self::decode_plain(&inflate(body)?),
            (MESSAGE_VERSION, _) => Err(MessageError::Form),
            (version, _) => Err(MessageError::Version { version }),
        }
    }

    fn decode_plain(bytes: &[u8]) -> Result<(Self, usize), MessageError> {
        let message = cbor::decode_exact(bytes, MESSAGE_BYTES_MAX)?;
        match &message {
            Self::Batch(batch) if batch.documents.len() > BATCH_DOCUMENTS_MAX => {
                Err(MessageError::TooManyDocuments)
            }
            _ => Ok((message, bytes.len())),
        }
    }
}

/// Inflates one zstd frame and stops at the limit, whatever the frame announces.
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, MessageError> {
    let broken = |_| MessageError::Compression;
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(bytes).map_err(broken)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(broken)?;
    let mut plain = Vec::new();
    decoder.by_ref().take(MESSAGE_BYTES_MAX as u64 + 1).read_to_end(&mut plain).map_err(broken)?;
    if plain.len() > MESSAGE_BYTES_MAX {
        return Err(MessageError::TooLarge);
    }
    match decoder.finish().is_empty() {
        true => Ok(plain),
        false => Err(MessageError::Compression),
    }
}

/// No change is shorter: magic, checksum, type and length, an actor, numbers. Without a floor a
/// message of empty strings would cost a thousand times its size.
pub const CHANGE_BYTES_MIN: usize = 32;

/// Writes a list of byte strings, for `#[cbor(with)]`.
pub(crate) mod byte_strings {
    use super::CHANGE_BYTES_MIN;
    use minicbor::bytes::ByteVec;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder, decode::Error as DecodeError};

    pub fn encode<C, W: Write>(
        list: &[Vec<u8>],
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(list.len() as u64)?;
        list.iter().try_for_each(|bytes| encoder.bytes(bytes)?.ok())
    }

    pub fn decode<C>(
        decoder: &mut Decoder<'_>,
        context: &mut C,
    ) -> Result<Vec<Vec<u8>>, DecodeError> {
        let count = decoder.array()?.ok_or(DecodeError::message("a list has a length"))?;
        let mut list = Vec::new();
        for _ in 0..count {
            let bytes: ByteVec = decoder.decode_with(context)?;
            if bytes.len() < CHANGE_BYTES_MIN {
                return Err(DecodeError::message("shorter than any change"));
            }
            list.push(bytes.into());
        }
        Ok(list)
    }
}

const LOG_DOMAIN: &[u8] = b"onex/log/2";

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Beyond a limit, as sent or inflated.
    #[error("a message has at most {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    /// Of a version that this program does not know.
    #[error("a message of version {version}")]
    Version {
        /// The version.
        version: u8,
    },
    /// Not even version and form.
    #[error("not a message")]
    Form,
    /// Not one zstd frame with a window of at most 1 MiB.
    #[error("cannot be decompressed")]
    Compression,
    /// A batch beyond the limit, in one message or over all parts.
    #[error("a batch has at most {BATCH_DOCUMENTS_MAX} documents")]
    TooManyDocuments,
    /// Not the encoding of a message.
    #[error(transparent)]
    Cbor(#[from] CborError),
}

#[cfg(test)]
mod tests;
