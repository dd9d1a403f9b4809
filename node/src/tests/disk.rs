//! A disk in memory that remembers every write, so that the power can be cut at each of them.
//!
//! `Disk` is what the process sees, `Platter` what a power cut would leave. Nothing of SQLite is
//! known here.

use std::collections::{BTreeMap, BTreeSet};

/// A sector is written whole or not at all; larger writes are torn at its borders.
pub const SECTOR_BYTES: usize = 512;

/// The files of a disk by name.
pub type Image = BTreeMap<String, Vec<u8>>;

/// What was done to a disk.
#[derive(Debug, Clone)]
pub enum Op {
    /// A name for a new file.
    Create(String, Inode),
    /// A name was taken away; whether its folder was synced with it.
    Delete(String, bool),
    /// Bytes at a place in a file.
    Write(Inode, usize, Vec<u8>),
    /// A file was cut to a length.
    Truncate(Inode, usize),
    /// A file was synced; whether its folder was synced with it.
    Sync(Inode, bool),
    /// A sync failed: what was not on the platter yet is no longer tried.
    SyncFailed(Inode),
    /// Not an operation: the process has acknowledged a step of the story.
    Said(usize),
}

/// Which file, whatever its name.
pub type Inode = usize;

/// What goes wrong, and when.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub kind: FaultKind,
    /// At which operation of its kind, from 1.
    pub at: usize,
    /// How many operations of its kind fail from there on.
    pub times: usize,
}

/// Which operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A write that makes a file longer: the disk is full.
    Full,
    /// Any write.
    Write,
    /// A sync.
    Sync,
}

/// A disk as a process sees it.
#[derive(Default)]
pub struct Disk {
    names: BTreeMap<String, Inode>,
    files: Vec<Vec<u8>>,
    /// Files whose name is not on the platter yet: their first sync is their folder's as well, as
    /// SQLite does it for its logs.
    nameless: BTreeSet<Inode>,
    ops: Vec<Op>,
    fault: Option<Fault>,
    seen: usize,
    failed: usize,
}

impl Disk {
    /// A disk with these files.
    pub fn of(image: &Image) -> Self {
        let names = image.keys().cloned().zip(0..).collect();
        Self { names, files: image.values().cloned().collect(), ..Self::default() }
    }

    /// Opens a file, and makes it when it is to be made.
    pub fn open(&mut self, name: &str, create: bool, is_log: bool) -> Option<Inode> {
        if let Some(inode) = self.names.get(name) {
            return Some(*inode);
        }
        if !create {
            return None;
        }
        let inode = self.files.len();
        self.files.push(Vec::new());
        self.names.insert(name.to_owned(), inode);
        if is_log {
            self.nameless.insert(inode);
        }
        self.ops.push(Op::Create(name.to_owned(), inode));
        Some(inode)
    }

    /// Whether there is a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Takes a name away; whoever has the file open keeps it.
    pub fn delete(&mut self, name: &str, synced: bool) -> bool {
        let was = self.names.remove(name).is_some();
        if was {
            self.ops.push(Op::Delete(name.to_owned(), synced));
        }
        was
    }

    /// What a file holds.
    pub fn bytes(&self, inode: Inode) -> &[u8] {
        &self.files[inode]
    }

    /// Writes; of a write that fails, half has got there.
    pub fn write(&mut self, inode: Inode, at: usize, bytes: &[u8]) -> Result<(), FaultKind> {
        let longer = at + bytes.len() > self.files[inode].len();
        let failed = match self.fault.map(|fault| fault.kind) {
            Some(FaultKind::Full) if longer => self.strikes(),
            Some(FaultKind::Write) => self.strikes(),
            _ => None,
        };
        let bytes = if failed.is_some() { &bytes[..bytes.len() / 2] } else { bytes };
        lay(&mut self.files[inode], at, bytes);
        self.ops.push(Op::Write(inode, at, bytes.to_vec()));
        failed.map_or(Ok(()), Err)
    }

    /// Cuts a file.
    pub fn truncate(&mut self, inode: Inode, size: usize) {
        self.files[inode].resize(size, 0);
        self.ops.push(Op::Truncate(inode, size));
    }

    /// Brings a file onto the platter.
    pub fn sync(&mut self, inode: Inode) -> Result<(), FaultKind> {
        let is_sync = self.fault.is_some_and(|fault| fault.kind == FaultKind::Sync);
        if let Some(failed) = is_sync.then(|| self.strikes()).flatten() {
            self.ops.push(Op::SyncFailed(inode));
            return Err(failed);
        }
        let with_name = self.nameless.remove(&inode);
        self.ops.push(Op::Sync(inode, with_name));
        Ok(())
    }

    /// Notes that the process has acknowledged a step.
    pub fn say(&mut self, step: usize) {
        self.ops.push(Op::Said(step));
    }

    /// Lets something go wrong from now on, or no more.
    pub fn set_fault(&mut self, fault: Option<Fault>) {
        (self.fault, self.seen, self.failed) = (fault, 0, 0);
    }

    /// How many operations have failed since the fault was set.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// What was done to the disk so far.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The files as they are now.
    pub fn image(&self) -> Image {
        self.names.iter().map(|(name, inode)| (name.clone(), self.files[*inode].clone())).collect()
    }

    fn strikes(&mut self) -> Option<FaultKind> {
        let fault = self.fault?;
        self.seen += 1;
        let struck = self.seen >= fault.at && self.failed < fault.times;
        self.failed += usize::from(struck);
        struck.then_some(fault.kind)
    }
}

/// What is on the platter for certain, and what is on its way there.
pub struct Platter {
    files: Vec<(Vec<u8>, Vec<Pending>)>,
    /// What each name has meant since its folder was last synced, the oldest first.
    names: BTreeMap<String, Vec<Option<Inode>>>,
}

#[derive(Clone)]
enum Pending {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Platter {
    /// The platter of a disk that begins with these files.
    pub fn of(image: &Image) -> Self {
        let files = image.values().map(|bytes| (bytes.clone(), Vec::new())).collect();
        let names = image.keys().cloned().zip((0..).map(|inode| vec![Some(inode)])).collect();
        Self { files, names }
    }

    /// Lets an operation reach the platter, or wait on its way.
    pub fn take(&mut self, op: &Op, dice: &mut Dice) {
        match op {
            Op::Create(name, inode) => {
                self.files.resize_with(inode + 1, Default::default);
                let meant = self.names.entry(name.clone()).or_insert_with(|| vec![None]);
                meant.push(Some(*inode));
            }
            Op::Delete(name, synced) => {
                if let Some(meant) = self.names.get_mut(name) {
                    meant.push(None);
                }
                if *synced {
                    self.sync_names();
                }
            }
            Op::Write(inode, at, bytes) => {
                self.files[*inode].1.push(Pending::Write(*at, bytes.clone()));
            }
            Op::Truncate(inode, size) => self.files[*inode].1.push(Pending::Truncate(*size)),
            Op::Sync(inode, with_name) => {
                let (bytes, pending) = &mut self.files[*inode];
                pending.drain(..).for_each(|one| one.survive(bytes, &mut |_| true));
                if *with_name {
                    self.sync_names();
                }
            }
            Op::SyncFailed(inode) => {
                let (bytes, pending) = &mut self.files[*inode];
                let share = dice.share();
                pending.drain(..).for_each(|one| one.survive(bytes, &mut |_| dice.chance(share)));
            }
            Op::Said(_) => {}
        }
    }

    /// What is there after the power was cut: of what was on its way, whatever the dice say.
    pub fn cut(&self, dice: &mut Dice) -> Image {
        let mut image = Image::new();
        for (name, meant) in &self.names {
            let Some(inode) = meant[dice.below(meant.len())] else { continue };
            let (bytes, pending) = &self.files[inode];
            let (mut bytes, share) = (bytes.clone(), dice.share());
            for one in pending.iter().cloned() {
                one.survive(&mut bytes, &mut |_| dice.chance(share));
            }
            image.insert(name.clone(), bytes);
        }
        image
    }

    /// What is there when the process was killed and the power stayed: everything.
    pub fn all(&self) -> Image {
        let mut image = Image::new();
        for (name, meant) in &self.names {
            let Some(inode) = meant[meant.len() - 1] else { continue };
            let (bytes, pending) = &self.files[inode];
            let mut bytes = bytes.clone();
            pending.iter().cloned().for_each(|one| one.survive(&mut bytes, &mut |_| true));
            image.insert(name.clone(), bytes);
        }
        image
    }

    fn sync_names(&mut self) {
        for meant in self.names.values_mut() {
            meant.drain(..meant.len() - 1);
        }
    }
}

impl Pending {
    /// Reaches the platter, each sector that the question says yes to.
    fn survive(self, file: &mut Vec<u8>, survives: &mut dyn FnMut(usize) -> bool) {
        match self {
            Self::Truncate(size) => {
                if survives(size) {
                    file.resize(size, 0);
                }
            }
            Self::Write(at, bytes) => {
                let (mut from, end) = (at, at + bytes.len());
                while from < end {
                    let next = ((from / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
                    if survives(from) {
                        lay(file, from, &bytes[from - at..next - at]);
                    }
                    from = next;
                }
            }
        }
    }
}

/// Lays bytes at a place; what a file never had is zero.
fn lay(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

/// Seeded chance (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below another one.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Yes, in so many of a hundred cases.
    fn chance(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// How much of what is on its way arrives: nothing, about half, most, all.
    fn share(&mut self) -> usize {
        [0, 50, 90, 100][self.below(4)]
    }
}

#[test]
fn only_what_was_synced_is_certain() {
    let image = Image::from([("a".to_owned(), vec![1; 2 * SECTOR_BYTES])]);
    let mut disk = Disk::of(&image);
    let a = disk.open("a", false, false).expect("it is there");
    disk.write(a, 0, &[2; SECTOR_BYTES]).expect("written");
    disk.sync(a).expect("synced");
    disk.write(a, SECTOR_BYTES - 1, &[3; SECTOR_BYTES]).expect("written");
    let log = disk.open("b", true, true).expect("made");
    disk.write(log, 0, &[4]).expect("written");
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let (mut platter, mut dice) = (Platter::of(&image), Dice(seed));
        disk.ops().iter().for_each(|op| platter.take(op, &mut dice));
        let left = platter.cut(&mut dice);
        assert_eq!(left["a"][..SECTOR_BYTES - 1], [2; SECTOR_BYTES - 1]);
        let b = left.get("b").map(Vec::len);
        seen.insert((left["a"][SECTOR_BYTES - 1], left["a"][SECTOR_BYTES], b));
    }
    let expected = [None, Some(0), Some(1)];
    let all = [2, 3].into_iter().flat_map(|first| [1, 3].map(|second| (first, second)));
    let all = all.flat_map(|(first, second)| expected.map(|b| (first, second, b)));
    assert_eq!(seen, all.collect(), "each sector and each name by itself");
}

#[test]
fn what_fails_is_told_and_half_done() {
    let check = |kind, at, times, expected: &[bool]| {
        let mut disk = Disk::default();
        let file = disk.open("a", true, false).expect("made");
        disk.write(file, 0, &[7; 8]).expect("written");
        disk.set_fault(Some(Fault { kind, at, times }));
        let done = (0..expected.len()).map(|n| match kind {
            FaultKind::Sync => disk.sync(file).is_ok(),
            FaultKind::Write => disk.write(file, n, &[1; 2]).is_ok(),
            FaultKind::Full => disk.write(file, 8 * n, &[1; 8]).is_ok(),
        });
        let done: Vec<bool> = done.collect();
        assert_eq!(done, expected, "{kind:?} {at} {times}");
        assert_eq!(disk.failed(), done.iter().filter(|done| !**done).count());
    };
    check(FaultKind::Write, 2, 1, &[true, false, true]);
    check(FaultKind::Sync, 1, 2, &[false, false, true]);
    check(FaultKind::Full, 1, 2, &[true, false, false, true]);
}
