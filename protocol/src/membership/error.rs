//! Why the membership log refuses an entry or a statement.
//!
//! Nothing is checked here: see `Membership::check` and `append`.

use onex_crdt::ids::{DeviceId, OrgId};
use onex_crdt::roles::{OrgRole, PersonRole};

use super::{FORKS_RESOLVED_MAX, ORG_BYTES_MAX};
use crate::root::RotationError;
use crate::statement::StatementError;

/// Why an entry or a statement was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// The sequencer signed two pasts: another entry at this position, or on another one.
    #[error("the sequencer signed another entry at position {position} or before")]
    Fork {
        /// The last position at which the two can differ first.
        position: u64,
    },
    /// Entries between are missing.
    #[error("entry {expected} comes next, not {found}")]
    Gap {
        /// The next position.
        expected: u64,
        /// The position given.
        found: u64,
    },
    /// The first entry is no root, or not at its place.
    #[error("the log does not begin with a root")]
    NotARoot,
    /// A root after the first entry.
    #[error("only the first entry is a root")]
    SecondRoot,
    /// Of another network, or a root whose hash is not its network.
    #[error("the network is another one")]
    WrongNetwork,
    /// The device that gave the entry its place has no right to do so.
    #[error("device {device} does not sequence this log")]
    NotSequencer {
        /// The device.
        device: DeviceId,
    },
    /// The entry's signature is not the sequencer's.
    #[error("the signature of the entry does not hold")]
    BadEntrySignature,
    /// The statement's signature is not the signer's.
    #[error("the signature of the statement does not hold")]
    BadStatementSignature,
    /// The entry is larger than `ENTRY_BYTES_MAX`.
    #[error("{bytes} bytes are more than an entry may have")]
    TooLarge {
        /// Bytes of the entry.
        bytes: usize,
    },
    /// The signer claims to have seen entries that are not there.
    #[error("the signer saw position {seen}, which the log has not reached")]
    Future {
        /// The position that he claims.
        seen: u64,
    },
    /// The same signed statement has a place already.
    #[error("the statement is in the log already")]
    Repeated,
    /// The statement is wrong in itself.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The signer may not say this.
    #[error("the signer has no right to {kind}")]
    NotAllowed {
        /// The kind of statement.
        kind: &'static str,
    },
    /// No such device.
    #[error("device {device} is not known")]
    UnknownDevice {
        /// The device.
        device: DeviceId,
    },
    /// The device was removed.
    #[error("device {device} was removed")]
    RemovedDevice {
        /// The device.
        device: DeviceId,
    },
    /// No such organisation.
    #[error("organisation {org} is not known")]
    UnknownOrganisation {
        /// The organisation.
        org: OrgId,
    },
    /// The organisation is there already.
    #[error("organisation {org} is known already")]
    OrganisationExists {
        /// The organisation.
        org: OrgId,
    },
    /// A network has one hub.
    #[error("a network has one hub")]
    SecondHub,
    /// The key is there already, or was: a removed key never comes back.
    #[error("device {device} is known already")]
    DeviceExists {
        /// The device.
        device: DeviceId,
    },
    /// Another device of the organisation begins its actors with the same eight bytes.
    #[error("device {device} has the tag of another one")]
    TagClash {
        /// The device that was to join.
        device: DeviceId,
    },
    /// A rotation does not make the next root.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// The organisation has a device that takes part, or waits for its first one.
    #[error("organisation {org} does not need to begin anew")]
    NotLost {
        /// The organisation.
        org: OrgId,
    },
    /// Another person at another device of the hub must say so too.
    #[error("a second person at another device of the hub must say so")]
    SecondPerson,
    /// The key is a device's, or that of another organisation.
    #[error("the key is in use already")]
    KeyInUse,
    /// Without its sequencer the log would end.
    #[error("the device that sequences cannot be removed")]
    SequencerStays,
    /// An organisation of this role has no such person.
    #[error("an organisation of role {} has no {}", org.id(), role.id())]
    RoleDoesNotFit {
        /// The person's role.
        role: PersonRole,
        /// The organisation's role.
        org: OrgRole,
    },
    /// Nothing was cut at the position.
    #[error("nothing was cut at position {cut}")]
    NoCut {
        /// The position given.
        cut: u64,
    },
    /// The organisation has as much in the log as it may.
    #[error(
        "organisation {org} has {ORG_BYTES_MAX} bytes in the log, the hub must say this for it"
    )]
    SaidTooMuch {
        /// The organisation.
        org: OrgId,
    },
    /// The fork of the actor was resolved before.
    #[error("the fork is resolved already")]
    Resolved,
    /// As many forks of the device were resolved as ever are.
    #[error("{FORKS_RESOLVED_MAX} forks of device {device} were resolved, no more are")]
    TooManyForks {
        /// The device.
        device: DeviceId,
    },
    /// The person has the role already.
    #[error("the person is {} already", role.id())]
    RoleHeld {
        /// The role.
        role: PersonRole,
    },
    /// The person does not have the role.
    #[error("the person is not {}", role.id())]
    RoleNotHeld {
        /// The role.
        role: PersonRole,
    },
}
