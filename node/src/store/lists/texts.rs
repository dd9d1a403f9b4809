//! The text of every row of a kind, one after another, and the rows whose text holds some words.

use memchr::memmem::Finder;
use rusqlite::{Connection, OptionalExtension};

use onex_crdt::record::RecordKind;

use super::super::StoreError;
use super::super::projection::find_table;
use super::Bits;

/// The texts of a kind.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// In the order of the bytes.
    pieces: Vec<Piece>,
    /// The piece of each row, by the row's number.
    places: Vec<Option<u32>>,
    dead_bytes: usize,
}

/// The text of one row, from the end of the piece before.
struct Piece {
    end: usize,
    number: u32,
    is_dead: bool,
}

impl Texts {
    /// Reads the text of every row.
    pub fn read(connection: &Connection, kind: &RecordKind) -> Result<Self, StoreError> {
        let mut texts = Self::default();
        let sql = format!("select number, text from {} order by number", find_table(kind));
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            texts.add(row.get(0)?, row.get_ref(1)?.as_bytes()?);
        }
        // What grew by doubling would keep up to twice the memory for good.
        texts.bytes.shrink_to_fit();
        texts.pieces.shrink_to_fit();
        texts.places.shrink_to_fit();
        Ok(texts)
    }

    /// Reads the texts of some rows again.
    pub fn update(
        &mut self,
        connection: &Connection,
        kind: &RecordKind,
        numbers: &[u32],
    ) -> Result<(), StoreError> {
        let sql = format!("select text from {} where number = ?", find_table(kind));
        let mut statement = connection.prepare_cached(&sql)?;
        for number in numbers {
            self.remove(*number);
            let text = statement.query_row([number], |row| row.get::<_, String>(0)).optional()?;
            if let Some(text) = text {
                self.add(*number, text.as_bytes());
            }
        }
        Ok(())
    }

    /// Whether most of the memory is of texts that are no more.
    pub fn is_mostly_dead(&self) -> bool {
        self.dead_bytes > self.bytes.len() / 2
    }

    /// The rows whose text holds every one of some words.
    pub fn search(&self, words: &[String]) -> Bits {
        let mut words: Vec<&String> = words.iter().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let Some((longest, others)) = words.split_first() else { return Bits::default() };
        let mut found = self.search_one(longest);
        for word in others {
            let finder = Finder::new(word.as_str());
            let mut both = Bits::default();
            let holding = found.iter().filter(|number| finder.find(self.text(*number)).is_some());
            holding.for_each(|number| both.set(number));
            found = both;
        }
        found
    }

    /// One pass over all bytes, which after a hit goes on with the next piece.
    fn search_one(&self, word: &str) -> Bits {
        let finder = Finder::new(word);
        let mut found = Bits::default();
        let (mut from, mut at) = (0, 0);
        while let Some(hit) = finder.find(&self.bytes[from..]) {
            let hit = from + hit;
            at += self.pieces[at..].iter().take_while(|piece| piece.end <= hit).count();
            let piece = &self.pieces[at];
            if !piece.is_dead {
                found.set(piece.number);
            }
            from = piece.end;
            at += 1;
        }
        found
    }

    fn text(&self, number: u32) -> &[u8] {
        match self.places.get(number as usize) {
            Some(Some(at)) => {
                let at = *at as usize;
                let start = at.checked_sub(1).map_or(0, |before| self.pieces[before].end);
                &self.bytes[start..self.pieces[at].end]
            }
            _ => &[],
        }
    }

    fn add(&mut self, number: u32, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        // No word holds a line break: none is found across two pieces.
        self.bytes.push(b'\n');
        if self.places.len() <= number as usize {
            self.places.resize(number as usize + 1, None);
        }
        self.places[number as usize] = u32::try_from(self.pieces.len()).ok();
        self.pieces.push(Piece { end: self.bytes.len(), number, is_dead: false });
    }

    fn remove(&mut self, number: u32) {
        let place = self.places.get_mut(number as usize).and_then(Option::take);
        if let Some(at) = place {
            let at = at as usize;
            let start = at.checked_sub(1).map_or(0, |before| self.pieces[before].end);
            self.dead_bytes += self.pieces[at].end - start;
            self.pieces[at].is_dead = true;
        }
    }
}
