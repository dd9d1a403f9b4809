//! Puts a disk in memory under a folder: SQLite finds the files of that folder there, and all
//! others where they were.
//!
//! An SQLite VFS by FFI, the default one of the test program, so that the store opens itself as it
//! always does. The only `unsafe` of the project stands here. What is kept and lost is not decided
//! here but in `disk`.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ops::Range;
use std::path::Path;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use rusqlite::ffi;

use super::disk::{Disk, FaultKind, Inode};
use super::locks::{Held, Locks};

/// A disk under a folder, until it is dropped; then the folder is empty for SQLite.
pub struct Mount {
    folder: String,
    disk: Arc<Mounted>,
}

#[derive(Default)]
struct Mounted {
    disk: Mutex<Disk>,
    shared: Mutex<BTreeMap<String, Shared>>,
}

/// What the connections to one database have in common.
#[derive(Default)]
struct Shared {
    locks: Locks,
    index: Vec<Region>,
    users: usize,
}

static MOUNTS: Mutex<BTreeMap<String, Arc<Mounted>>> = Mutex::new(BTreeMap::new());
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

impl Mount {
    /// Puts a disk under a folder.
    pub fn new(folder: &Path, disk: Disk) -> Self {
        register();
        let folder = folder.to_str().expect("temporary folders are named in UTF-8").to_owned();
        let disk = Arc::new(Mounted { disk: Mutex::new(disk), ..Mounted::default() });
        held(&MOUNTS).insert(folder.clone(), Arc::clone(&disk));
        Self { folder, disk }
    }

    /// The disk.
    pub fn disk(&self) -> MutexGuard<'_, Disk> {
        held(&self.disk.disk)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        held(&MOUNTS).remove(&self.folder);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk that a path lies on, if it lies on one of these, and the rest of the path.
fn mounted(path: &CStr) -> Option<(Arc<Mounted>, &str)> {
    let path = path.to_str().ok()?;
    held(&MOUNTS)
        .iter()
        .find_map(|(folder, disk)| Some((Arc::clone(disk), path.strip_prefix(folder.as_str())?)))
}

/// A part of the index of a write-ahead log, which SQLite reads and writes by its address.
struct Region(*mut [u64]);

// SAFETY: the memory is reached by SQLite alone, which orders its accesses with the slots' locks;
// here it is only made and freed.
unsafe impl Send for Region {}

impl Region {
    fn new(bytes: usize) -> Self {
        Self(Box::into_raw(vec![0; bytes.div_ceil(size_of::<u64>())].into_boxed_slice()))
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: it came from `Box::into_raw` above and is freed once; the last connection that
        // had it mapped is gone.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// What SQLite keeps of an open file; the first field is the one that it knows of.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

struct Open {
    disk: Arc<Mounted>,
    name: String,
    inode: Inode,
    held: Held,
    mapped: bool,
}

impl Open {
    fn shared<T>(&mut self, work: impl FnOnce(&mut Shared, &mut Held) -> T) -> T {
        let mut all = held(&self.disk.shared);
        work(all.entry(self.name.clone()).or_default(), &mut self.held)
    }

    fn leave_index(&mut self) {
        if std::mem::take(&mut self.mapped) {
            self.shared(|shared, held| {
                shared.locks.slots_leave(held);
                shared.users -= 1;
                if shared.users == 0 {
                    shared.index.clear();
                }
            });
        }
    }
}

fn busy_unless(done: bool) -> c_int {
    if done { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
}

fn failure(kind: FaultKind) -> c_int {
    match kind {
        FaultKind::Full => ffi::SQLITE_FULL,
        FaultKind::Write => ffi::SQLITE_IOERR_WRITE,
        FaultKind::Sync => ffi::SQLITE_IOERR_FSYNC,
    }
}

/// Makes the VFS the default one, once in a process.
fn register() {
    static ONCE: Once = Once::new();
    // SAFETY: the default VFS lives as long as the process, and so does the leaked copy; where
    // nothing is replaced, it stays the old one's function, none of which keeps to its own table.
    ONCE.call_once(|| unsafe {
        let below = ffi::sqlite3_vfs_find(std::ptr::null());
        let vfs = Box::leak(Box::new(*below));
        vfs.pNext = std::ptr::null_mut();
        vfs.zName = c"onex-crash".as_ptr();
        vfs.pAppData = below.cast();
        vfs.szOsFile = vfs.szOsFile.max(size_of::<File>() as c_int);
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        vfs.xAccess = Some(access);
        vfs.xFullPathname = Some(full_pathname);
        ffi::sqlite3_vfs_register(vfs, 1);
    });
}

/// The VFS that was the default one before.
///
/// # Safety
/// `vfs` is the one that `register` made.
unsafe fn below(vfs: *mut ffi::sqlite3_vfs) -> &'static mut ffi::sqlite3_vfs {
    // SAFETY: `register` put it there, and it lives as long as the process.
    unsafe { &mut *(*vfs).pAppData.cast() }
}

/// The disk that a name of SQLite's lies on, if it lies on one of these.
///
/// # Safety
/// `name` is null or a text that lives during the call.
unsafe fn mounted_at<'a>(name: *const c_char) -> Option<(Arc<Mounted>, &'a str)> {
    // SAFETY: as the caller says.
    if name.is_null() { None } else { mounted(unsafe { CStr::from_ptr(name) }) }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a name that it keeps, and as much room for the file as `szOsFile` asks
    // for; another VFS's file fits into it as well.
    unsafe {
        let Some((disk, name)) = mounted_at(name) else {
            let below = below(vfs);
            return below
                .xOpen
                .map_or(ffi::SQLITE_CANTOPEN, |open| open(below, name, file, flags, out));
        };
        (*file).pMethods = std::ptr::null();
        let is_log = flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0;
        let create = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let Some(inode) = held(&disk.disk).open(name, create, is_log) else {
            return ffi::SQLITE_CANTOPEN;
        };
        let id = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let held = Held::of(id);
        let open = Open { disk, name: name.to_owned(), inode, held, mapped: false };
        (*file.cast::<File>()).open = Box::into_raw(Box::new(open));
        (*file).pMethods = &raw const METHODS;
        if !out.is_null() {
            *out = flags;
        }
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: SQLite gives a name that lives during the call.
    unsafe {
        let Some((disk, path)) = mounted_at(name) else {
            let below = below(vfs);
            return below.xDelete.map_or(ffi::SQLITE_IOERR, |delete| delete(below, name, sync));
        };
        let was = held(&disk.disk).delete(path, sync != 0);
        if was { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_DELETE_NOENT }
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a name that lives during the call, and a place for the answer.
    unsafe {
        let Some((disk, path)) = mounted_at(name) else {
            let below = below(vfs);
            return below
                .xAccess
                .map_or(ffi::SQLITE_IOERR, |access| access(below, name, flags, out));
        };
        // As the usual VFS has it, a log without a byte is none.
        let mut disk = held(&disk.disk);
        let there = disk.has(path);
        let inode = there.then(|| disk.open(path, false, false)).flatten();
        let filled = inode.is_some_and(|inode| !disk.bytes(inode).is_empty());
        *out = c_int::from(if flags == ffi::SQLITE_ACCESS_EXISTS { filled } else { there });
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a name that lives during the call, and so much room for the answer.
    unsafe {
        if mounted_at(name).is_none() {
            let below = below(vfs);
            return below
                .xFullPathname
                .map_or(ffi::SQLITE_IOERR, |full| full(below, name, room, out));
        }
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > room as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        out.copy_from_nonoverlapping(name, bytes.len());
        ffi::SQLITE_OK
    }
}

/// What is open as this file.
///
/// # Safety
/// `open` above opened it, and it is not closed yet; SQLite uses a file in one thread at a time.
unsafe fn of<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    // SAFETY: as the caller says.
    unsafe { &mut *(*file.cast::<File>()).open }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once; the box came from `Box::into_raw`.
    let mut open = unsafe { Box::from_raw((*file.cast::<File>()).open) };
    open.leave_index();
    open.shared(|shared, held| shared.locks.unlock(held, ffi::SQLITE_LOCK_NONE));
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: the file is open, and SQLite gives room for as many bytes as it asks for.
    let (open, to) = unsafe { (of(file), slice::from_raw_parts_mut(to.cast(), amount as usize)) };
    let disk = held(&open.disk.disk);
    let bytes = disk.bytes(open.inode).get(offset as usize..).unwrap_or_default();
    let there = bytes.len().min(to.len());
    to[..there].copy_from_slice(&bytes[..there]);
    to[there..].fill(0);
    if there == to.len() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: the file is open, and SQLite gives as many bytes as it says.
    let (open, from) = unsafe { (of(file), slice::from_raw_parts(from.cast(), amount as usize)) };
    let written = held(&open.disk.disk).write(open.inode, offset as usize, from);
    written.map_or_else(failure, |()| ffi::SQLITE_OK)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { of(file) };
    held(&open.disk.disk).truncate(open.inode, size as usize);
    ffi::SQLITE_OK
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { of(file) };
    let synced = held(&open.disk.disk).sync(open.inode);
    synced.map_or_else(failure, |()| ffi::SQLITE_OK)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: the file is open, and there is a place for the answer.
    unsafe {
        let open = of(file);
        *out = held(&open.disk.disk).bytes(open.inode).len() as i64;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { of(file) };
    busy_unless(open.shared(|shared, held| shared.locks.lock(held, level)))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { of(file) };
    open.shared(|shared, held| shared.locks.unlock(held, level));
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: the file is open, and there is a place for the answer.
    unsafe { *out = c_int::from(of(file).shared(|shared, _| shared.locks.is_reserved())) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// Says what the usual VFS says by default, so that SQLite writes what it writes there.
unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

/// Says what the usual VFS says by default: a write harms no byte beside it.
unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    number: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and there is a place for the answer.
    unsafe {
        let open = of(file);
        let first = !std::mem::replace(&mut open.mapped, true);
        *out = open.shared(|shared, _| {
            shared.users += usize::from(first);
            let number = number as usize;
            while extend != 0 && shared.index.len() <= number {
                shared.index.push(Region::new(bytes as usize));
            }
            shared.index.get(number).map_or(std::ptr::null_mut(), |region| region.0.cast())
        });
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { of(file) };
    let slots = Range { start: first as usize, end: (first + count) as usize };
    open.shared(|shared, held| {
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            shared.locks.slots_unlock(held, slots);
            return ffi::SQLITE_OK;
        }
        let own = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        busy_unless(shared.locks.slots_lock(held, slots, own))
    })
}

/// The mutex around what connections share is the barrier.
unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: the file is open.
    unsafe { of(file) }.shared(|_, _| ());
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { of(file) }.leave_index();
    ffi::SQLITE_OK
}

/// Version 2: with the shared index of a write-ahead log, without mapping of the file itself.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
