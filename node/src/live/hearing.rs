//! Reading from a connection: message by message, each only when there is room for it.
//!
//! What the messages mean, and whose turn it is, is decided elsewhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::timeout;

use onex_protocol::machine::PeerId;

use super::limits::{Memory, Party};
use crate::net::{NetError, Receiver};

/// How long a message may take to arrive once there is room for it: 1 MiB at 14 kbit/s. Whoever
/// dribbles holds its room for no longer.
const MESSAGE_WAIT_MAX: Duration = Duration::from_secs(600);

/// What comes over a connection.
pub(super) enum Heard {
    /// A message.
    Message(Vec<u8>),
    /// Nothing more: the connection has ended.
    Gone,
    /// Nothing more: the peer has broken the rules of the transport.
    Broken,
}

/// Where messages wait for room in memory before they are read.
#[derive(Default)]
pub(super) struct Gate {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    memory: Memory,
    waiting: BTreeMap<PeerId, oneshot::Sender<()>>,
}

impl Gate {
    /// Waits until a peer may have so many bytes in memory.
    async fn enter(&self, peer: PeerId, party: Party, bytes: usize) {
        let (open, opened) = oneshot::channel();
        {
            let mut inner = self.inner.borrow_mut();
            inner.memory.ask(peer, party, bytes);
            inner.waiting.insert(peer, open);
            inner.open();
        }
        // The sender is kept until there is room.
        let _ = opened.await;
    }

    /// Gives room back.
    pub fn leave(&self, peer: PeerId, bytes: usize) {
        let mut inner = self.inner.borrow_mut();
        inner.memory.give(peer, bytes);
        inner.open();
    }
}

impl Inner {
    fn open(&mut self) {
        while let Some(peer) = self.memory.next() {
            if let Some(open) = self.waiting.remove(&peer) {
                // Whoever waited reads on even if its connection has ended, and gives the room back.
                let _ = open.send(());
            }
        }
    }
}

/// A connection that is read from.
pub(super) struct Hearing {
    pub peer: PeerId,
    pub party: Party,
    pub receiver: Receiver,
    pub gate: Rc<Gate>,
    pub hear: UnboundedSender<(PeerId, Heard)>,
    /// Most bytes of the first message.
    pub first_bytes_max: usize,
}

impl Hearing {
    /// Reads until the connection ends. Behind the last message stands that there are no more: what
    /// was said before is heard before.
    pub async fn go_on(mut self) {
        let mut bytes_max = self.first_bytes_max;
        loop {
            let heard = match self.next(bytes_max).await {
                Ok(heard) => heard,
                Err(NetError::Frame(_)) => Heard::Broken,
                Err(_) => Heard::Gone,
            };
            bytes_max = usize::MAX;
            let is_last = !matches!(heard, Heard::Message(_));
            // A driver that is gone need not know.
            if self.hear.send((self.peer, heard)).is_err() || is_last {
                return;
            }
        }
    }

    async fn next(&mut self, bytes_max: usize) -> Result<Heard, NetError> {
        let Some(announced) = self.receiver.announced().await? else { return Ok(Heard::Gone) };
        if announced > bytes_max {
            return Ok(Heard::Broken);
        }
        self.gate.enter(self.peer, self.party, announced).await;
        let received = timeout(MESSAGE_WAIT_MAX, self.receiver.receive()).await;
        let (length, heard) = match received {
            Ok(Ok(Some(bytes))) => (bytes.len(), Ok(Heard::Message(bytes))),
            Ok(Ok(None)) => (0, Ok(Heard::Gone)),
            Ok(Err(error)) => (0, Err(error)),
            Err(_) => (0, Ok(Heard::Broken)),
        };
        self.gate.leave(self.peer, announced.saturating_sub(length));
        heard
    }
}
