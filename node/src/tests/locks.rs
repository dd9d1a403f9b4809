//! Who may read and write a database of several connections: SQLite's locks on a file, and those on
//! the index of its write-ahead log.

use std::ffi::c_int;

use rusqlite::ffi;

/// Slots of the index that can be locked.
const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

/// The locks of one database, of all its connections.
#[derive(Default)]
pub struct Locks {
    readers: usize,
    reserved: Option<u64>,
    /// Who waits for the last readers to leave, or is alone already: nobody new comes in.
    pending: Option<u64>,
    shared: [usize; SLOTS],
    owned: [bool; SLOTS],
}

/// What one connection holds of them.
#[derive(Default)]
pub struct Held {
    /// Distinguishes connections.
    id: u64,
    level: c_int,
    shared: [bool; SLOTS],
    owned: [bool; SLOTS],
}

impl Held {
    /// Nothing yet, of a connection with this number.
    pub fn of(id: u64) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Locks {
    /// Raises what a connection holds of the file, if it can be had.
    pub fn lock(&mut self, held: &mut Held, level: c_int) -> bool {
        let others = |who: Option<u64>| who.is_some_and(|id| id != held.id);
        if level <= held.level {
            return true;
        }
        if held.level == ffi::SQLITE_LOCK_NONE {
            if self.pending.is_some() {
                return false;
            }
            self.readers += 1;
            held.level = ffi::SQLITE_LOCK_SHARED;
        }
        if level >= ffi::SQLITE_LOCK_RESERVED {
            if others(self.reserved) || others(self.pending) {
                return false;
            }
            self.reserved = Some(held.id);
            held.level = held.level.max(ffi::SQLITE_LOCK_RESERVED);
        }
        if level >= ffi::SQLITE_LOCK_PENDING {
            self.pending = Some(held.id);
            held.level = held.level.max(ffi::SQLITE_LOCK_PENDING);
            if self.readers > 1 {
                return false;
            }
            held.level = ffi::SQLITE_LOCK_EXCLUSIVE;
        }
        true
    }

    /// Lowers what a connection holds of the file.
    pub fn unlock(&mut self, held: &mut Held, level: c_int) {
        let mine = Some(held.id);
        if level < held.level {
            self.reserved = self.reserved.filter(|_| self.reserved != mine);
            self.pending = self.pending.filter(|_| self.pending != mine);
            if level == ffi::SQLITE_LOCK_NONE {
                self.readers -= 1;
            }
            held.level = level;
        }
    }

    /// Whether somebody is about to write the file.
    pub fn is_reserved(&self) -> bool {
        self.reserved.is_some()
    }

    /// Takes slots of the index: with others, or alone.
    pub fn slots_lock(
        &mut self,
        held: &mut Held,
        slots: std::ops::Range<usize>,
        own: bool,
    ) -> bool {
        let free = |slot: usize| {
            let others = self.shared[slot] - usize::from(held.shared[slot]);
            (!self.owned[slot] || held.owned[slot]) && !(own && others > 0)
        };
        if !slots.clone().all(free) {
            return false;
        }
        for slot in slots {
            if own {
                (self.owned[slot], held.owned[slot]) = (true, true);
            } else if !held.shared[slot] {
                self.shared[slot] += 1;
                held.shared[slot] = true;
            }
        }
        true
    }

    /// Gives slots of the index back.
    pub fn slots_unlock(&mut self, held: &mut Held, slots: std::ops::Range<usize>) {
        for slot in slots {
            if std::mem::take(&mut held.owned[slot]) {
                self.owned[slot] = false;
            }
            if std::mem::take(&mut held.shared[slot]) {
                self.shared[slot] -= 1;
            }
        }
    }

    /// Gives everything back that a connection holds of the index.
    pub fn slots_leave(&mut self, held: &mut Held) {
        self.slots_unlock(held, 0..SLOTS);
    }
}
