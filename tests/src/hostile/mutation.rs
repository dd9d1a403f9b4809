//! Honest changes altered at random, always with a right checksum: bytes, runs, whole parts.
//!
//! The numbers come from a seed, so a mutation can be found again by its own.

use super::bytes::{COLUMNS, RawChange, body_of, chunk, run, signed, unsigned};

/// SplitMix64: the same numbers on every machine.
pub struct Random(pub u64);

impl Random {
    /// Returns the next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below a bound, which may be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() >> 33) as usize % bound.max(1)
    }

    /// Returns one of some values.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Returns one of some honest changes, altered.
pub fn altered(honest: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let bytes = &honest[random.below(honest.len())];
    let body = body_of(bytes).expect("an honest change").to_vec();
    let body = match random.below(8) {
        0 => truncated(body, random),
        1 => {
            let other = &honest[random.below(honest.len())];
            spliced(&body, body_of(other).expect("an honest change"), random)
        }
        2 => repeated(body, random),
        3 | 4 => {
            let mut raw = RawChange::read(bytes).expect("an honest change");
            part_alter(&mut raw, random);
            return raw.bytes();
        }
        _ => (0..=random.below(3)).fold(body, |body, _| byte_altered(body, random)),
    };
    chunk(1, &body)
}

/// Returns any bytes with one place altered.
pub fn byte_altered(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let (at, byte) = (random.below(bytes.len()), random.draw() as u8);
    if bytes.is_empty() {
        return vec![byte];
    }
    match random.below(5) {
        0 => bytes[at] ^= 1 << (byte % 8),
        1 => bytes[at] = byte,
        2 => bytes.insert(at, byte),
        3 => drop(bytes.remove(at)),
        _ => bytes[at] = random.one(&[0, 1, 2, 0x7e, 0x7f, 0x80, 0xff]),
    }
    bytes
}

/// Returns the beginning of some bytes.
pub fn truncated(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    bytes.truncate(random.below(bytes.len()));
    bytes
}

/// Returns the beginning of some bytes with the end of others.
pub fn spliced(one: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let (upto, from) = (random.below(one.len()), random.below(other.len()));
    [&one[..upto], &other[from..]].concat()
}

/// Returns bytes with some of them written twice.
pub fn repeated(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let from = random.below(bytes.len());
    let upto = (from + 1 + random.below(16)).min(bytes.len());
    let run = bytes[from..upto].to_vec();
    let to = random.below(bytes.len());
    bytes.splice(to..to, run);
    bytes
}

/// Numbers at which programs go wrong.
const EDGES: [u64; 12] = [
    0,
    1,
    2,
    3,
    255,
    20_000,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 2,
    1 << 32,
    i64::MAX as u64,
    u64::MAX,
];

/// Alters one part of a change, and leaves the rest as it is.
fn part_alter(raw: &mut RawChange, random: &mut Random) {
    match random.below(10) {
        0 => list_alter(&mut raw.deps, [9; 32], random),
        1 => {
            let at = random.below(raw.actor.len());
            raw.actor[at] ^= 1 << random.below(8);
        }
        2 => raw.seq = number_altered(raw.seq, random),
        3 => raw.start = number_altered(raw.start, random),
        4 => raw.time = random.one(&[i64::MIN, -1, 0, i64::MAX]),
        5 => raw.message = vec![random.draw() as u8; random.below(1200)],
        6 => list_alter(&mut raw.others, vec![7; 16], random),
        7 => raw.extra = vec![random.draw() as u8; 1 + random.below(8)],
        _ => column_alter(raw, random),
    }
}

fn number_altered(number: u64, random: &mut Random) -> u64 {
    match random.below(3) {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        _ => random.one(&EDGES),
    }
}

fn list_alter<T: Clone>(list: &mut Vec<T>, unknown: T, random: &mut Random) {
    let at = random.below(list.len());
    match random.below(5) {
        0 if !list.is_empty() => drop(list.remove(at)),
        1 if !list.is_empty() => list.insert(at, list[at].clone()),
        2 => list.resize(random.below(80), unknown),
        3 => list.reverse(),
        _ => list.push(unknown),
    }
}

fn column_alter(raw: &mut RawChange, random: &mut Random) {
    let specification = random.one(&COLUMNS);
    let at = random.below(raw.columns.len());
    match random.below(6) {
        0 if !raw.columns.is_empty() => drop(raw.columns.remove(at)),
        1 if !raw.columns.is_empty() => {
            let data = std::mem::take(&mut raw.columns[at].1);
            raw.columns[at].1 = byte_altered(data, random);
        }
        2 if !raw.columns.is_empty() => raw.columns[at].0 = random.draw() % 256,
        3 if !raw.columns.is_empty() => {
            let data = std::mem::take(&mut raw.columns[at].1);
            raw.columns[at].1 = repeated(data, random);
        }
        4 => {
            let (length, value) = (random.one(&EDGES), random.one(&EDGES));
            *raw = raw.clone().with(specification, run(length as i64, value));
        }
        _ => {
            let (length, nulls) = (random.one(&EDGES), random.one(&EDGES));
            let runs = [signed(length as i64), unsigned(nulls), vec![0], unsigned(length)].concat();
            *raw = raw.clone().with(specification, runs);
        }
    }
}
