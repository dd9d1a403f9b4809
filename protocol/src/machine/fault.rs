//! Why a connection is closed: a number for programs, a sentence for people.
//!
//! Nothing in a reason tells a stranger what this node holds.

use super::CONNECTIONS_PER_ORG_MAX;
use crate::membership::MembershipError;
use crate::message::MessageError;

/// Why a connection is closed. What a peer can cause is here, not a panic.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Bytes that are no message.
    #[error("the message cannot be read: {0}")]
    Message(MessageError),
    /// A message that inflates beyond every bound.
    #[error("the message is beyond every bound")]
    Bomb,
    /// Bytes that are no step of a comparison.
    #[error("the comparison cannot be read: {0}")]
    Reconcile(#[from] negentropy::Error),
    /// A message that does not belong here.
    #[error("{what} was not expected")]
    OutOfOrder {
        /// Which one.
        what: &'static str,
    },
    /// Another network.
    #[error("the network is another one")]
    WrongNetwork,
    /// A device that is not in the membership log.
    #[error("the device is not known")]
    UnknownDevice,
    /// A device that was removed.
    #[error("the device was removed")]
    RemovedDevice,
    /// The membership logs of the two contradict each other.
    #[error("the membership logs differ at position {position} or before: a person must decide")]
    Fork {
        /// The last position at which they can differ first.
        position: u64,
    },
    /// Entries of the membership log that do not hold.
    #[error("an entry of the membership log does not hold: {0}")]
    Entries(MembershipError),
    /// More at once than is allowed.
    #[error("more was sent than is allowed before an answer")]
    Overrun,
    /// Nothing came for too long.
    #[error("no answer for too long")]
    Silence,
    /// The device has another connection.
    #[error("another connection of this device takes its place")]
    Replaced,
    /// Its organisation has too many connections.
    #[error("{CONNECTIONS_PER_ORG_MAX} devices of the organisation are connected already")]
    Crowded,
    /// The device may not join.
    #[error("{reason}")]
    JoinRefused {
        /// Why.
        reason: String,
    },
}

impl Fault {
    /// Returns the number that goes with the close (docs/PROTOCOL.md, "Messages").
    pub fn code(&self) -> u32 {
        match self {
            Self::Message(MessageError::Version { .. }) => 2,
            Self::Message(_) | Self::Reconcile(_) => 1,
            Self::OutOfOrder { .. } => 3,
            Self::WrongNetwork => 4,
            Self::UnknownDevice => 5,
            Self::RemovedDevice => 6,
            Self::Fork { .. } => 7,
            Self::Entries(_) => 8,
            Self::Overrun => 9,
            Self::Silence => 10,
            Self::Replaced => 11,
            Self::JoinRefused { .. } => 12,
            Self::Bomb => 13,
            Self::Crowded => 14,
        }
    }
}

impl From<MessageError> for Fault {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::TooLarge => Self::Bomb,
            other => Self::Message(other),
        }
    }
}

impl From<MembershipError> for Fault {
    fn from(error: MembershipError) -> Self {
        match error {
            MembershipError::Fork { position } => Self::Fork { position },
            other => Self::Entries(other),
        }
    }
}
