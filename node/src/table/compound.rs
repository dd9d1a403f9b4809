//! The compound file (OLE2) around an old workbook, and around a protected new one.
//!
//! Chains of sectors are followed only as far as the file has sectors; what is found is put into
//! a fresh compound file, so that no other reader meets what a hostile one claims.

use std::collections::BTreeSet;

use super::{FILE_BYTES_MAX, TableError};

/// The streams of a compound file.
pub struct Compound<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    table: Vec<u32>,
    small_table: Vec<u32>,
    small: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    start: u32,
    bytes: usize,
}

impl<'a> Compound<'a> {
    /// Reads the directory.
    pub fn open(bytes: &'a [u8]) -> Result<Self, TableError> {
        let sector_bytes = match u16_at(bytes, 30)? {
            9 => 512,
            12 => 4096,
            _ => return Err(TableError::Damaged),
        };
        let mut compound = Self {
            bytes,
            sector_bytes,
            table: Vec::new(),
            small_table: Vec::new(),
            small: Vec::new(),
            entries: Vec::new(),
        };
        for sector in compound.table_sectors()? {
            let sector = compound.sector(sector)?;
            compound.table.extend(words(sector));
        }
        let directory = compound.chain(u32_at(bytes, 48)?, FILE_BYTES_MAX)?;
        compound.entries = directory.chunks_exact(128).filter_map(entry).collect();
        let root = compound.entries.first().ok_or(TableError::Damaged)?;
        let (start, size) = (root.start, root.bytes);
        if u32_at(bytes, 64)? > 0 {
            let small_table = compound.chain(u32_at(bytes, 60)?, FILE_BYTES_MAX)?;
            compound.small_table = words(&small_table).collect();
            compound.small = compound.chain(start, size)?;
        }
        Ok(compound)
    }

    /// Whether there is a stream of this name.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// Returns a stream, or nothing when there is none of this name.
    pub fn stream(&self, name: &str) -> Result<Option<Vec<u8>>, TableError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
        else {
            return Ok(None);
        };
        if entry.bytes >= SMALL_STREAM {
            return self.chain(entry.start, entry.bytes).map(Some);
        }
        let mut stream = Vec::new();
        for sector in follow(&self.small_table, entry.start) {
            let at = sector? as usize * SMALL_SECTOR;
            let end = self.small.len().min(at + SMALL_SECTOR);
            stream.extend(self.small.get(at..end).ok_or(TableError::Damaged)?);
        }
        stream.truncate(entry.bytes);
        Ok(Some(stream))
    }

    fn sector(&self, number: u32) -> Result<&'a [u8], TableError> {
        let at = (number as usize + 1) * self.sector_bytes;
        let end = self.bytes.len().min(at + self.sector_bytes);
        self.bytes.get(at..end).filter(|sector| !sector.is_empty()).ok_or(TableError::Damaged)
    }

    fn chain(&self, start: u32, bytes_max: usize) -> Result<Vec<u8>, TableError> {
        let mut chain = Vec::new();
        for sector in follow(&self.table, start) {
            chain.extend(self.sector(sector?)?);
            if chain.len() >= bytes_max {
                break;
            }
        }
        chain.truncate(bytes_max);
        Ok(chain)
    }

    /// The sectors that hold the table of sectors: 109 in the header, others in a chain.
    fn table_sectors(&self) -> Result<Vec<u32>, TableError> {
        let header = self.bytes.get(76..512).ok_or(TableError::Damaged)?;
        let mut sectors: Vec<u32> = words(header).collect();
        let mut next = u32_at(self.bytes, 68)?;
        let mut seen = BTreeSet::new();
        while next < LAST_SECTOR {
            if !seen.insert(next) {
                return Err(TableError::Damaged);
            }
            let mut more: Vec<u32> = words(self.sector(next)?).collect();
            next = more.pop().ok_or(TableError::Damaged)?;
            sectors.extend(more);
        }
        sectors.retain(|sector| *sector < LAST_SECTOR);
        let all_different = sectors.iter().collect::<BTreeSet<_>>().len() == sectors.len();
        if all_different { Ok(sectors) } else { Err(TableError::Damaged) }
    }
}

/// The sectors of a chain; one that comes back to itself is damage.
fn follow(table: &[u32], start: u32) -> impl Iterator<Item = Result<u32, TableError>> + '_ {
    let mut next = start;
    let mut left = table.len();
    std::iter::from_fn(move || {
        if next >= LAST_SECTOR {
            return None;
        }
        let sector = next;
        let (Some(after), 1..) = (table.get(sector as usize), left) else {
            next = LAST_SECTOR;
            return Some(Err(TableError::Damaged));
        };
        left -= 1;
        next = *after;
        Some(Ok(sector))
    })
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    let units: Vec<u16> =
        bytes[..64].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let name = units.split(|unit| *unit == 0).next().map(String::from_utf16_lossy)?;
    let start = u32_at(bytes, 116).ok()?;
    let bytes = u32_at(bytes, 120).ok()? as usize;
    Some(Entry { name, start, bytes })
}

/// Returns a compound file that holds one stream and nothing else.
pub fn wrapped(name: &str, stream: &[u8]) -> Vec<u8> {
    let sectors = stream.len().max(SMALL_STREAM).div_ceil(WRAP_SECTOR);
    let table_sectors = (sectors + 1).div_ceil(WRAP_SECTOR / 4 - 1);
    let directory = sectors as u32;
    let table = directory + 1;
    let mut header = vec![0_u8; WRAP_SECTOR];
    header[..8].copy_from_slice(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]);
    for (at, value) in [(24, 0x3E_u16), (26, 4), (28, 0xFFFE), (30, 12), (32, 6)] {
        header[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    header[76..512].fill(0xFF);
    let ends = LAST_SECTOR + END_OFFSET;
    let words = [(40, 1), (44, table_sectors as u32), (48, directory), (56, SMALL_STREAM as u32)];
    let words = words.into_iter().chain([(60, ends), (68, ends)]);
    let places = (0..table_sectors).map(|at| (76 + at * 4, table + at as u32));
    for (at, value) in words.chain(places) {
        header[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    let mut file = header;
    file.extend(stream);
    file.resize((1 + sectors) * WRAP_SECTOR, 0);
    let padded = stream.len().max(SMALL_STREAM) as u64;
    file.extend(directory_entry("Root Entry", 5, 0, 0));
    file.extend(directory_entry(name, 2, 0, padded));
    file.resize((2 + sectors) * WRAP_SECTOR, 0);
    let next = (1..sectors as u32).chain([ends, ends]);
    let used = std::iter::repeat_n(LAST_SECTOR + TABLE_OFFSET, table_sectors);
    let free = std::iter::repeat(u32::MAX);
    let words = next.chain(used).chain(free).take(table_sectors * WRAP_SECTOR / 4);
    file.extend(words.flat_map(u32::to_le_bytes));
    file
}

fn directory_entry(name: &str, kind: u8, start: u32, bytes: u64) -> Vec<u8> {
    let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name_bytes = entry.len() as u16 + 2;
    entry.resize(128, 0);
    entry[64..66].copy_from_slice(&name_bytes.to_le_bytes());
    entry[66] = kind;
    entry[67] = 1;
    entry[68..80].fill(0xFF);
    if kind == 5 {
        entry[76..80].copy_from_slice(&1_u32.to_le_bytes());
    }
    entry[116..120].copy_from_slice(&start.to_le_bytes());
    entry[120..128].copy_from_slice(&bytes.to_le_bytes());
    entry
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, TableError> {
    let pair = bytes.get(at..at + 2).ok_or(TableError::Damaged)?;
    Ok(u16::from_le_bytes([pair[0], pair[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, TableError> {
    let word = bytes.get(at..at + 4).ok_or(TableError::Damaged)?;
    Ok(u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

/// Numbers from here on are no sectors: the end of a chain, a free one, one of the table.
const LAST_SECTOR: u32 = 0xFFFF_FFFA;
/// From `LAST_SECTOR` to the mark of an end, 0xFFFFFFFE.
const END_OFFSET: u32 = 4;
/// From `LAST_SECTOR` to the mark of a sector of the table, 0xFFFFFFFD.
const TABLE_OFFSET: u32 = 3;
/// Shorter streams stand in small sectors.
const SMALL_STREAM: usize = 4096;
const SMALL_SECTOR: usize = 64;
/// The sectors of a file that is made here; 109 of the table reach 450 MiB.
const WRAP_SECTOR: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_is_found_again() {
        for size in [0, 1, 4095, 4096, 4097, 1_000_000, 5_000_000] {
            let stream: Vec<u8> = (0..size).map(|at| at as u8).collect();
            let file = wrapped("Workbook", &stream);
            let compound = Compound::open(&file).expect("a compound file");
            assert!(compound.has("workbook") && !compound.has("Book"));
            let found = compound.stream("Workbook").expect("whole").expect("there");
            assert_eq!(&found[..size], stream, "{size}");
            assert!(found[size..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_chain_that_bites_its_tail_is_damage() {
        let mut file = wrapped("Workbook", &[7; 9000]);
        let table = 5 * WRAP_SECTOR;
        file[table + 8..table + 12].copy_from_slice(&0_u32.to_le_bytes());
        let compound = Compound::open(&file).expect("the directory is whole");
        assert!(compound.stream("Workbook").is_ok(), "as many bytes as it has are there");
        let directory = 3 * 4;
        file[table + directory..table + directory + 4].copy_from_slice(&3_u32.to_le_bytes());
        assert!(matches!(Compound::open(&file), Err(TableError::Damaged)));
    }
}
