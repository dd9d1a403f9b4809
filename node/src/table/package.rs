//! The zip around a modern workbook: its directory is weighed before anything is inflated, and
//! what really comes out is weighed again.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::{INFLATED_BYTES_MAX, Table, TableError, ods, xlsx};

/// The parts of a workbook.
pub struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// Places by name, in lower case: writers do not agree about case.
    places: BTreeMap<String, usize>,
    budget: u64,
}

/// Reads a workbook by what the package holds.
pub fn read(bytes: &[u8]) -> Result<Table, TableError> {
    let mut package = Package::open(bytes)?;
    if package.has("mimetype") && package.has("content.xml") {
        return ods::read(&mut package);
    }
    if package.has("[content_types].xml") {
        return xlsx::read(&mut package);
    }
    Err(TableError::NoTable)
}

impl<'a> Package<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, TableError> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| TableError::Damaged)?;
        if archive.len() > PARTS_MAX {
            return Err(TableError::TooLarge);
        }
        let mut places = BTreeMap::new();
        let mut inflated = 0_u64;
        for at in 0..archive.len() {
            let part = archive.by_index_raw(at).map_err(|_| TableError::Damaged)?;
            if part.encrypted() {
                return Err(TableError::Password);
            }
            let size = part.size();
            inflated = inflated.saturating_add(size);
            if size > SMALL_BYTES && size / part.compressed_size().max(1) > RATIO_MAX {
                return Err(TableError::TooLarge);
            }
            let name = String::from_utf8_lossy(part.name_raw()).replace('\\', "/");
            places.entry(name.trim_start_matches('/').to_ascii_lowercase()).or_insert(at);
        }
        if inflated > INFLATED_BYTES_MAX {
            return Err(TableError::TooLarge);
        }
        Ok(Self { archive, places, budget: INFLATED_BYTES_MAX })
    }

    /// Whether there is a part of this name, given in lower case.
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Returns the bytes of a part, or nothing when there is none of this name.
    pub fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, TableError> {
        let name = name.trim_start_matches('/').to_ascii_lowercase();
        let Some(at) = self.places.get(&name) else {
            return Ok(None);
        };
        let part = self.archive.by_index(*at).map_err(|_| TableError::Damaged)?;
        let packed = part.compressed_size().max(1);
        let mut bytes = Vec::new();
        let read = part.take(self.budget + 1).read_to_end(&mut bytes);
        let size = bytes.len() as u64;
        let swollen = size > SMALL_BYTES && size / packed > RATIO_MAX;
        if size > self.budget || swollen {
            return Err(TableError::TooLarge);
        }
        self.budget -= size;
        read.map_err(|_| TableError::Damaged)?;
        Ok(Some(bytes))
    }

    /// Returns the bytes of a part that must be there.
    pub fn needed(&mut self, name: &str) -> Result<Vec<u8>, TableError> {
        self.part(name)?.ok_or(TableError::Damaged)
    }
}

/// Most parts of a package.
const PARTS_MAX: usize = 5_000;
/// A part that swells more than so many times is a bomb; sheets of equal rows reach some 60.
const RATIO_MAX: u64 = 300;
/// Parts up to this size may be packed as tightly as they like.
const SMALL_BYTES: u64 = 1 << 20;
