//! Tests of how much work the parser does: it is counted where bytes are taken.

use std::cell::Cell;

use super::*;

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Counts one taking of bytes.
pub(super) fn step() {
    STEPS.set(STEPS.get() + 1);
}

/// Parses bytes and returns how often some were taken.
fn steps(bytes: &[u8]) -> usize {
    STEPS.set(0);
    // Whether they are a change is not the question here.
    let _ = ForeignBytes(bytes.to_vec()).parse();
    STEPS.get()
}

fn chunk(body: &[u8]) -> Vec<u8> {
    let mut length = Vec::new();
    let mut rest = body.len();
    while rest >= 0x80 {
        length.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    length.push(rest as u8);
    let hashed = [&[CHUNK_CHANGE], &length[..], body].concat();
    let checksum = &Sha256::digest(&hashed)[..4];
    [&CHANGE_MAGIC, checksum, &hashed].concat()
}

/// A header without dependencies, then these columns, the bytes of all behind their names.
fn change(columns: &[(u64, &[u8])]) -> Vec<u8> {
    let mut body = vec![0, 16];
    body.extend([7; 16]);
    // Number 1, first counter 1, no time, no message, no other actors.
    body.extend([1, 1, 0, 0, 0, columns.len() as u8]);
    for (specification, data) in columns {
        assert!(*specification < 0x80, "one byte is enough");
        body.push(*specification as u8);
        let length = u32::try_from(data.len()).expect("small");
        body.extend(
            [0x80, 0x80, 0x80]
                .iter()
                .zip([0, 7, 14])
                .map(|(more, shift)| more | (length >> shift & 0x7f) as u8),
        );
        body.push((length >> 21) as u8);
    }
    columns.iter().for_each(|(_, data)| body.extend(*data));
    chunk(&body)
}

/// Whatever the bytes say, none is taken twice: there are at most as many steps as bytes.
#[test]
fn each_byte_is_read_once() {
    let action = COLUMN_ACTION | TYPE_INTEGER;
    let keys = COLUMN_KEY | TYPE_STRING;
    let runs = [0x80, 0x80, 0x80, 0x80, 0x08, 1].repeat(40_000);
    let nulls = [0, 1].repeat(100_000);
    let literals = [0x41].iter().chain([1; 63].iter()).copied().collect::<Vec<u8>>().repeat(3_000);
    let empty_keys = [0x40, 0].iter().chain([0; 64].iter()).copied().collect::<Vec<u8>>();
    let inputs = [
        change(&[(action, &[0x7f, 1])]),
        change(&[(action, &runs)]),
        change(&[(action, &nulls)]),
        change(&[(action, &literals)]),
        change(&[(keys, &empty_keys.repeat(3_000)), (action, &literals)]),
        change(&[(COLUMN_INSERT | TYPE_BOOLEAN, &[1; 200_000])]),
        // A literal run, announced to be as long as can be, and lists that are.
        change(&[(action, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 1])]),
        chunk(&[0xff; 1_000]),
        chunk(&[&[0, 16][..], &[7; 16], &[1, 1, 0, 0], &[0xff; 9], &[1]].concat()),
        chunk(&[1; CHANGE_BYTES_MAX - 100]),
        vec![0x85; CHANGE_BYTES_MAX],
    ];
    for (number, bytes) in inputs.iter().enumerate() {
        let steps = steps(bytes);
        assert!(steps <= bytes.len(), "input {number}: {steps} steps, {} bytes", bytes.len());
    }
    assert!(steps(&inputs[0]) > 20, "nothing is counted");
    assert!(steps(&inputs[2]) > 200_000, "it was not read to its end");
}
