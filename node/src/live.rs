//! The node on the network: one sync and done, serving, asking to be let in.
//!
//! What is said is the sync machine's matter; here bytes, time and the store meet it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use onex_crdt::ids::DeviceId;

use crate::api::SyncReport;
use crate::clock::Clock;
use crate::handle::{Node, NodeError};

/// A node that others can reach, until it is stopped or dropped.
pub struct Serving {
    listen: SocketAddr,
}

/// A device that has shown its invitation and waits for the inviter to compare the digits.
pub struct Joining {
    digits: String,
}

impl Node {
    /// Syncs once with one peer, or with every peer whose address is known.
    pub fn sync(&self, _peer: Option<DeviceId>) -> Result<SyncReport, NodeError> {
        Err(NodeError::NoPeer)
    }

    /// Lets others reach this node; port 0 takes a free one.
    pub fn serve(&self, _listen: SocketAddr) -> Result<Serving, NodeError> {
        Err(NodeError::NoPeer)
    }

    /// Asks to be let into a network with the text of an invitation.
    pub fn join(
        _folder: &Path,
        _invitation: &str,
        _person: &str,
        _clock: Clock,
    ) -> Result<Joining, NodeError> {
        Err(NodeError::NotJoined)
    }
}

impl Serving {
    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Stops, and returns when every connection is closed.
    pub fn stop(self) {}
}

impl Joining {
    /// The digits to be compared with those on the inviter's screen.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Waits until the inviter has confirmed, takes the network's first documents and opens the
    /// node.
    pub fn wait(self, _limit: Duration) -> Result<Node, NodeError> {
        Err(NodeError::NotConfirmed)
    }
}
