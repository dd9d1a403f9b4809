//! What a node that stays open does for itself: a look at the disk after an end that was none, the
//! ballast, and the backup of the day.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::NodeError;
use crate::handle::Node;
use crate::presence;
use crate::space::{self, Room};
use crate::store::check as raw;

/// How often it is looked whether something is due. What is due is told by the clock's day alone.
const EVERY: Duration = Duration::from_secs(600);

/// How the file of the database is, as far as this node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DatabaseState {
    /// Nothing speaks against it.
    #[default]
    Good,
    /// A process did not end well, and nobody has looked at the disk since.
    Due,
    /// Pages are damaged.
    Damaged,
}

impl DatabaseState {
    /// The word for it in `onex status --json`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Due => "due",
            Self::Damaged => "damaged",
        }
    }
}

/// The work beside a node that stays open, until it is dropped.
pub struct Upkeep {
    node: Node,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Begins with it, on a thread of its own; nobody waits for it.
    pub fn begin(node: &Node) -> Self {
        let (stop, stopped) = channel();
        let kept = node.clone();
        let node = node.clone();
        let thread = std::thread::spawn(move || {
            loop {
                if let Err(error) = node.look_after() {
                    tracing::error!(%error, "the upkeep of the store failed");
                }
                match stopped.recv_timeout(EVERY) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { node: kept, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        drop(self.stop.take());
        let interrupt = &self.node.shared.interrupt;
        if let Some(reading) = &*interrupt.lock().unwrap_or_else(PoisonError::into_inner) {
            reading.interrupt();
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the upkeep of the store broke");
        }
    }
}

impl Node {
    /// Does what is due now.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn look_after(&self) -> Result<(), NodeError> {
        let folder = self.home();
        if presence::is_unclean(folder) {
            self.look_at_disk()?;
        }
        if self.database_state() != DatabaseState::Damaged && self.room() == Room::Enough {
            space::take_ballast(folder).map_err(|source| NodeError::folder(folder, source))?;
            self.backup_daily()?;
        }
        Ok(())
    }

    /// How the file of the database is.
    pub fn database_state(&self) -> DatabaseState {
        if self.shared.damaged.load(Ordering::SeqCst) {
            return DatabaseState::Damaged;
        }
        if presence::is_unclean(self.home()) { DatabaseState::Due } else { DatabaseState::Good }
    }

    /// The room on the disk.
    pub fn room(&self) -> Room {
        Room::in_folder(self.home())
    }

    /// Does what takes long with a connection, so that the end of the program can cut it short.
    pub(crate) fn interruptible<T>(&self, connection: &Connection, work: impl FnOnce() -> T) -> T {
        let interrupt = &self.shared.interrupt;
        let set = |handle| *interrupt.lock().unwrap_or_else(PoisonError::into_inner) = handle;
        set(Some(connection.get_interrupt_handle()));
        let done = work();
        set(None);
        done
    }

    /// Authenticates every page. A start does not wait for it: it takes seconds where there is
    /// much.
    fn look_at_disk(&self) -> Result<(), NodeError> {
        let connection = raw::open(&self.shared.home.database(), &self.shared.keys.store)?;
        let wrong = self.interruptible(&connection, || raw::pages_twice(&connection));
        if raw::is_interrupted(&wrong) {
            return Ok(());
        }
        if wrong.is_empty() {
            let folder = self.home();
            return presence::looked_at(folder).map_err(|source| NodeError::folder(folder, source));
        }
        tracing::error!(count = wrong.len(), "pages of the database are damaged");
        self.shared.damaged.store(true, Ordering::SeqCst);
        self.shared.changed();
        Ok(())
    }
}
