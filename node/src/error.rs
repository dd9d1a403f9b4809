//! Why a node did not do what it was asked: one error for commands, screens and the network's tasks.
//!
//! The words that people read are the interface's.

use std::path::Path;

use onex_crdt::action::Refusal;
use onex_crdt::field::FieldError;
use onex_protocol::enrolment::InvitationError;
use onex_protocol::membership::MembershipError;

use crate::backup::BackupError;
use crate::engine::EngineError;
use crate::home::{Home, KeysError};
use crate::net::NetError;
use crate::rooting::RootRefusal;
use crate::store::StoreError;

/// Why a node did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A rule refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// No node lives in the folder.
    #[error("no node in {folder}")]
    NoNode {
        /// The folder.
        folder: String,
    },
    /// The device has not been let into a network yet.
    #[error("this device has not been let into a network yet")]
    NotJoined,
    /// The folder cannot be used.
    #[error("cannot use the folder {folder}")]
    Folder {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The keys cannot be opened.
    #[error("the keys cannot be opened")]
    Keys(#[source] KeysError),
    /// A value is wrong.
    #[error("{field}: {error}")]
    Value {
        /// The parameter.
        field: String,
        /// Why.
        error: FieldError,
    },
    /// No record has this id, or more than one begins with it.
    // What was given may be a name or a number that somebody took for an id: it is not repeated.
    #[error("no {kind} with this id")]
    UnknownId {
        /// The key of the kind.
        kind: &'static str,
        /// What was given.
        id: String,
    },
    /// The membership log does not allow it.
    #[error("the membership log does not allow it")]
    Membership(#[source] Box<MembershipError>),
    /// The invitation cannot be used.
    #[error("the invitation cannot be used")]
    Invitation(#[from] InvitationError),
    /// No open invitation has these digits.
    #[error("no device asks with these digits")]
    NoSuchDigits,
    /// The node has never listened, so that nobody could come with an invitation.
    #[error("the node has never listened for others")]
    NotListening,
    /// Nobody could be reached.
    #[error("no peer could be reached")]
    Unreachable,
    /// The inviter has not answered in time.
    #[error("the inviter has not confirmed yet")]
    NotConfirmed,
    /// The inviter refused.
    #[error("the inviter refused: {reason}")]
    NotLetIn {
        /// Why.
        reason: String,
    },
    /// The network failed.
    #[error("the network failed")]
    Net(#[from] NetError),
    /// No runtime for the network.
    #[error("cannot start the network")]
    Runtime(#[source] std::io::Error),
    /// Whoever asked for it wants it no longer; nothing was done.
    #[error("stopped before the end")]
    Stopped,
    /// Another process has the home open.
    #[error("another process has the home open")]
    InUse,
    /// The store was restored, and has not heard from those who know what was said before.
    #[error("the store was restored and has not heard from the others yet")]
    NotCaughtUp,
    /// What is left of the store does not say which network it is of.
    #[error("neither the store nor a backup has the beginning of the membership log")]
    NotRepairable,
    /// The backup cannot be used.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Nobody is known to sync with.
    #[error("no peer is known")]
    NoPeer,
    /// The other end of the connection does not know the invitation.
    #[error("who answers does not know the invitation")]
    NotTheInviter,
    /// No request to join was written in this folder.
    #[error("no request to join was written here")]
    NotAsked,
    /// Only a lead of the hub may.
    #[error("only a lead of the hub may do so")]
    NotLead,
    /// A rotation of the root is not good.
    #[error("the rotation of the root is not good")]
    Root(#[source] RootRefusal),
}

impl NodeError {
    pub(crate) fn folder(folder: &Path, source: std::io::Error) -> Self {
        Self::Folder { folder: folder.display().to_string(), source }
    }

    /// Why the keys of a home cannot be opened or kept.
    pub fn keys(home: &Home, error: KeysError) -> Self {
        match error {
            KeysError::Io(source) => Self::folder(home.folder(), source),
            error => Self::Keys(error),
        }
    }

    pub(crate) fn membership(error: MembershipError) -> Self {
        Self::Membership(Box::new(error))
    }
}

impl From<EngineError> for NodeError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => Self::Refused(refusal),
            EngineError::Store(error) => Self::Store(error),
            EngineError::Stopped => Self::Stopped,
        }
    }
}
