//! Cuts messages into frames and puts them together again, without any input or output.
//!
//! A frame is a 4-byte little-endian header and its payload; bit 31 of the header says that the
//! message goes on in the next frame, the other bits are the payload's length in bytes. A frame
//! that is continued is full and one that continues is not empty, so every message has exactly one
//! encoding. There is no checksum and no type: QUIC has the first, the layer above the second.

/// Longest frame in bytes, header included (architecture 6).
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 4;

/// Longest payload of one frame in bytes.
pub const FRAME_PAYLOAD_BYTES_MAX: usize = FRAME_BYTES_MAX - FRAME_HEADER_BYTES;

/// Longest message in bytes, over all its frames: what the protocol takes (trust G4).
pub const MESSAGE_BYTES_MAX: usize = onex_protocol::message::MESSAGE_BYTES_MAX;

const MORE_BIT: u32 = 1 << 31;

/// Returns the frames of a message, headers included, in the order to send them.
///
/// # Errors
/// [`FrameError::MessageTooLong`] above [`MESSAGE_BYTES_MAX`].
pub fn frame_encode(message: &[u8]) -> Result<impl Iterator<Item = Vec<u8>>, FrameError> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(FrameError::MessageTooLong { length: message.len() });
    }
    let frame_count = message.len().div_ceil(FRAME_PAYLOAD_BYTES_MAX).max(1);
    Ok((0..frame_count).map(move |index| {
        let start = index * FRAME_PAYLOAD_BYTES_MAX;
        let end = message.len().min(start + FRAME_PAYLOAD_BYTES_MAX);
        frame_build(&message[start..end], end < message.len())
    }))
}

/// Collects frames until a message is whole. Holds at most one message and one header.
///
/// After an error the stream has no meaning any more: drop the reader and close the connection.
#[derive(Debug, Default)]
pub struct FrameReader {
    state: State,
    header: Vec<u8>,
    message: Vec<u8>,
}

/// What the next byte belongs to.
#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// The first header of a message.
    #[default]
    Start,
    /// The header of a frame that continues a message.
    Continuation,
    /// The payload of a frame, of which `missing` bytes have yet to come.
    Payload { missing: usize, more: bool },
}

impl FrameReader {
    /// Takes bytes from the front of `input` until a message is whole or `input` is empty.
    ///
    /// Returns the message, or `None` when more bytes are needed; bytes after a message stay in
    /// `input` for the next call. Lengths are checked as soon as a header is there, and memory
    /// grows with what was received, not with what was announced.
    ///
    /// # Errors
    /// A header that no sender following the rules of this file can write.
    pub fn push(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            if let State::Payload { missing: 0, more } = self.state {
                self.state = if more { State::Continuation } else { State::Start };
                if !more {
                    return Ok(Some(std::mem::take(&mut self.message)));
                }
            }
            if input.is_empty() {
                return Ok(None);
            }
            match self.state {
                State::Start | State::Continuation => self.header_take(input)?,
                State::Payload { missing, more } => {
                    let missing = missing - take(input, missing, &mut self.message);
                    self.state = State::Payload { missing, more };
                }
            }
        }
    }

    /// Takes no more than the first header of a message from the front of `input`; returns how many
    /// bytes the message has at most, or `None` when more bytes are needed to tell.
    ///
    /// # Errors
    /// A header that no sender following the rules of this file can write.
    pub fn announce(&mut self, input: &mut &[u8]) -> Result<Option<usize>, FrameError> {
        if matches!(self.state, State::Start) && !input.is_empty() {
            self.header_take(input)?;
        }
        Ok(match self.state {
            State::Start => None,
            State::Payload { missing, more: false } => Some(self.message.len() + missing),
            State::Payload { .. } | State::Continuation => Some(MESSAGE_BYTES_MAX),
        })
    }

    /// Checks that the stream may end here.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] inside a message.
    pub fn finish(&self) -> Result<(), FrameError> {
        match self.state {
            State::Start if self.header.is_empty() => Ok(()),
            _ => Err(FrameError::Truncated),
        }
    }

    fn header_take(&mut self, input: &mut &[u8]) -> Result<(), FrameError> {
        let missing = FRAME_HEADER_BYTES - self.header.len();
        take(input, missing, &mut self.header);
        if let Ok(header) = <[u8; FRAME_HEADER_BYTES]>::try_from(&self.header[..]) {
            self.state = self.header_check(u32::from_le_bytes(header))?;
            self.header.clear();
        }
        Ok(())
    }

    fn header_check(&self, header: u32) -> Result<State, FrameError> {
        let more = header & MORE_BIT != 0;
        let missing = (header & !MORE_BIT) as usize;
        let length = self.message.len() + missing;
        if missing > FRAME_PAYLOAD_BYTES_MAX {
            return Err(FrameError::FrameTooLong { length: missing });
        }
        if more && missing < FRAME_PAYLOAD_BYTES_MAX {
            return Err(FrameError::ShortFrame { length: missing });
        }
        if missing == 0 && matches!(self.state, State::Continuation) {
            return Err(FrameError::EmptyContinuation);
        }
        if length > MESSAGE_BYTES_MAX {
            return Err(FrameError::MessageTooLong { length });
        }
        Ok(State::Payload { missing, more })
    }
}

/// Moves up to `count` bytes from the front of `input` to the end of `to`; returns how many.
fn take(input: &mut &[u8], count: usize, to: &mut Vec<u8>) -> usize {
    let (taken, rest) = input.split_at(count.min(input.len()));
    to.extend_from_slice(taken);
    *input = rest;
    taken.len()
}

fn frame_build(payload: &[u8], more: bool) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a payload is at most 64 KiB");
    let header = if more { length | MORE_BIT } else { length };
    [&header.to_le_bytes(), payload].concat()
}

/// Tells how a stream of frames breaks the rules of this file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A header announces more than [`FRAME_PAYLOAD_BYTES_MAX`].
    #[error("frame of {length} bytes, at most {FRAME_PAYLOAD_BYTES_MAX} allowed")]
    FrameTooLong {
        /// Bytes announced.
        length: usize,
    },
    /// A message has, or would have with the frame announced, over [`MESSAGE_BYTES_MAX`].
    #[error("message of {length} bytes or more, at most {MESSAGE_BYTES_MAX} allowed")]
    MessageTooLong {
        /// Bytes so far, with the frame announced.
        length: usize,
    },
    /// A frame that is continued is not full.
    #[error("continued frame of only {length} bytes")]
    ShortFrame {
        /// Bytes announced.
        length: usize,
    },
    /// A frame continues a message with nothing.
    #[error("empty frame inside a message")]
    EmptyContinuation,
    /// The stream ended inside a message.
    #[error("stream ends inside a message")]
    Truncated,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: usize = FRAME_PAYLOAD_BYTES_MAX;

    fn message(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    fn encode(message: &[u8]) -> Vec<u8> {
        frame_encode(message).expect("short enough").collect::<Vec<_>>().concat()
    }

    /// Feeds `bytes` in pieces of `step`, then ends the stream.
    fn decode(bytes: &[u8], step: usize) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut reader = FrameReader::default();
        let mut messages = Vec::new();
        for mut piece in bytes.chunks(step) {
            while !piece.is_empty() {
                messages.extend(reader.push(&mut piece)?);
            }
        }
        reader.finish()?;
        Ok(messages)
    }

    fn header(length: usize, more: bool) -> [u8; 4] {
        (length as u32 | if more { MORE_BIT } else { 0 }).to_le_bytes()
    }

    #[test]
    fn messages_survive_at_every_edge() {
        fn check(length: usize, frames_expected: usize) {
            let message = message(length);
            let frames: Vec<_> = frame_encode(&message).expect("short enough").collect();
            assert_eq!(frames.len(), frames_expected, "{length}");
            assert!(frames.iter().all(|frame| frame.len() <= FRAME_BYTES_MAX), "{length}");
            let bytes = frames.concat();
            assert_eq!(bytes.len(), length + frames_expected * FRAME_HEADER_BYTES, "{length}");
            assert_eq!(decode(&bytes, bytes.len()), Ok(vec![message]), "{length}");
        }
        check(0, 1);
        check(1, 1);
        check(FULL - 1, 1);
        check(FULL, 1);
        check(FULL + 1, 2);
        check(2 * FULL, 2);
        check(2 * FULL + 1, 3);
        check(MESSAGE_BYTES_MAX - 1, 17);
        check(MESSAGE_BYTES_MAX, 17);
    }

    #[test]
    fn pieces_of_any_size_give_the_same_messages() {
        let messages = [message(0), message(1), message(FULL + 3), message(0), message(300)];
        let bytes: Vec<u8> = messages.iter().flat_map(|message| encode(message)).collect();
        for step in [1, 2, 3, 4, 5, 7, 1000, FRAME_BYTES_MAX, bytes.len()] {
            assert_eq!(decode(&bytes, step).as_deref(), Ok(&messages[..]), "step {step}");
        }
    }

    #[test]
    fn a_stream_ends_between_messages_only() {
        let bytes = [encode(&message(3)), encode(&message(0))].concat();
        for length in 0..=bytes.len() {
            let expected = match length {
                0 => Ok(vec![]),
                7 => Ok(vec![message(3)]),
                11 => Ok(vec![message(3), vec![]]),
                _ => Err(FrameError::Truncated),
            };
            assert_eq!(decode(&bytes[..length], 1), expected, "{length} bytes");
        }
        let continued = encode(&message(FULL + 1));
        assert_eq!(decode(&continued[..FRAME_BYTES_MAX], 4096), Err(FrameError::Truncated));
    }

    #[test]
    fn bad_headers_are_refused_before_their_payload() {
        fn check(bytes: &[u8], expected: FrameError) {
            for step in [1, bytes.len()] {
                assert_eq!(decode(bytes, step), Err(expected.clone()), "step {step}");
            }
        }
        let full = encode(&message(FULL + 1))[..FRAME_BYTES_MAX].to_vec();
        let after_full = |header: [u8; 4]| [&full[..], &header].concat();
        check(&header(FULL + 1, false), FrameError::FrameTooLong { length: FULL + 1 });
        check(&[0xff; 4], FrameError::FrameTooLong { length: (MORE_BIT - 1) as usize });
        check(&header(0, true), FrameError::ShortFrame { length: 0 });
        check(&header(FULL - 1, true), FrameError::ShortFrame { length: FULL - 1 });
        check(&after_full(header(0, false)), FrameError::EmptyContinuation);
        check(&after_full(header(1, true)), FrameError::ShortFrame { length: 1 });
    }

    #[test]
    fn a_message_may_not_grow_past_its_bound() {
        fn check(frames_full: usize, last: usize, expected: Option<FrameError>) {
            let full = [&header(FULL, true)[..], &message(FULL)].concat();
            let mut reader = FrameReader::default();
            for _ in 0..frames_full {
                assert_eq!(reader.push(&mut &full[..]), Ok(None));
            }
            assert_eq!(reader.push(&mut &header(last, false)[..]).err(), expected);
        }
        let rest = MESSAGE_BYTES_MAX - 16 * FULL;
        check(16, rest, None);
        let length = MESSAGE_BYTES_MAX + 1;
        check(16, rest + 1, Some(FrameError::MessageTooLong { length }));
        let encoded = frame_encode(&vec![0; length]).err();
        assert_eq!(encoded, Some(FrameError::MessageTooLong { length }));
    }

    #[test]
    fn the_first_header_says_how_much_may_come() {
        fn check(length: usize, expected: usize) {
            let (bytes, mut reader) = (encode(&message(length)), FrameReader::default());
            let (header, mut rest) = bytes.split_at(FRAME_HEADER_BYTES);
            for byte in &header[..FRAME_HEADER_BYTES - 1] {
                assert_eq!(reader.announce(&mut &[*byte][..]), Ok(None));
            }
            let mut last = &header[FRAME_HEADER_BYTES - 1..];
            assert_eq!(reader.announce(&mut last), Ok(Some(expected)), "{length}");
            assert_eq!(reader.announce(&mut { rest }), Ok(Some(expected)), "{length}: again");
            assert_eq!(reader.push(&mut rest), Ok(Some(message(length))), "{length}");
        }
        check(0, 0);
        check(1, 1);
        check(FULL, FULL);
        check(FULL + 1, MESSAGE_BYTES_MAX);
        check(MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX);
    }

    #[test]
    fn an_announcement_reserves_no_memory() {
        let mut reader = FrameReader::default();
        assert_eq!(reader.push(&mut &header(FULL, true)[..]), Ok(None));
        assert_eq!(reader.message.capacity(), 0);
    }
}
