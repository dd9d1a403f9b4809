//! Frames: however a stream is cut into pieces, the same messages come out, and each message has
//! one encoding. The first byte says how long the pieces are.

use onex_node::net::{FrameReader, frame_encode};

/// Reads a stream at once and in pieces.
pub fn run(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let (messages, ended) = read(stream, stream.len().max(1));
    assert_eq!(read(stream, usize::from(*step).max(1)), (messages.clone(), ended));
    if ended {
        let frames = messages.iter().map(|message| frame_encode(message).expect("it was read"));
        let again: Vec<u8> = frames.flatten().flatten().collect();
        assert_eq!(again, stream);
    }
}

/// Returns the messages before the first fault, and whether the stream ends where it may.
fn read(stream: &[u8], step: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut reader, mut messages) = (FrameReader::default(), Vec::new());
    for mut piece in stream.chunks(step) {
        while !piece.is_empty() {
            match reader.push(&mut piece) {
                Ok(message) => messages.extend(message),
                Err(_) => return (messages, false),
            }
        }
    }
    (messages, reader.finish().is_ok())
}

/// Streams of short and long messages.
pub fn seeds() -> Vec<Vec<u8>> {
    let stream = |step: u8, lengths: &[usize]| {
        let frames = lengths.iter().flat_map(|length| {
            let message: Vec<u8> = (0..*length).map(|at| at as u8).collect();
            frame_encode(&message).expect("short enough").collect::<Vec<_>>()
        });
        [vec![step], frames.flatten().collect()].concat()
    };
    vec![stream(1, &[0, 3, 300]), stream(7, &[70_000, 0]), stream(255, &[131_066, 1])]
}
