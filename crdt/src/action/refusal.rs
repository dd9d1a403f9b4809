//! What a rule refuses, why and at which field; the interface finds the words.

use super::Action;
use crate::field::FieldError;
use crate::roles::PersonRole;

/// What was not done, why, and where; the interface finds the words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} refused: {}", reason.code())]
pub struct Refusal {
    /// The id of the action.
    pub action: &'static str,
    /// Why.
    pub reason: Reason,
    /// The field or parameter concerned.
    pub field: Option<String>,
}

impl Refusal {
    /// Returns the refusal of an action.
    pub fn new(action: &'static Action, reason: Reason, field: Option<&str>) -> Self {
        Self { action: action.id, reason, field: field.map(str::to_owned) }
    }
}

/// Why an action is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The person's roles do not allow it.
    NoRight,
    /// No such record here, or none that may be seen: both look alike.
    UnknownRecord,
    /// The action has no such parameter.
    UnknownParameter,
    /// A value is missing or wrong.
    Invalid(FieldError),
    /// The record is in another state.
    State {
        /// The state it is in.
        state: String,
        /// The states from which the action may be taken.
        from: &'static [&'static str],
    },
    /// A critical field has several values of which none has been chosen (C2).
    InConflict,
    /// One value is more than another allows.
    MoreThan {
        /// The key of the limiting field.
        limit: &'static str,
        /// Its value.
        most: i64,
    },
    /// There is one already.
    Duplicate,
    /// The certificate level is not on the hub's list (R21).
    NotListed,
    /// The certificate level has no published standard (R1).
    NoStandard,
    /// The certificate level is listed already.
    AlreadyListed,
    /// No call is open for the year (R91).
    NoOpenCall,
    /// No agreement of college and evaluator is in force (R72).
    NoAgreement,
    /// The version named is not the one that stands.
    OtherVersion,
    /// This version has been decided so already.
    AlreadyDecided,
    /// The second person must be another one at another device.
    SamePerson,
    /// One of the two persons must have this role.
    NeedsRole(PersonRole),
    /// The evaluator has a node and enters this itself.
    HasNode,
    /// The organisation is of another role.
    WrongOrganisation,
    /// Only the other side may.
    OwnProposal,
    /// Weights and full marks do not add up to 100 (requirements 2.2).
    Weights,
    /// A pass rule needs at least one condition.
    NoPassRule,
    /// An end lies before its beginning.
    EndsBeforeStart,
    /// Nothing to submit: the version is the one submitted already.
    NothingChanged,
    /// The value contradicts another field.
    Differs {
        /// The key of that field.
        from: &'static str,
    },
    /// A number of before 1999, which only members of the public may still have.
    OldNumber,
    /// A record cannot be joined with itself.
    SameRecord,
    /// Not one of those that the class names.
    NotOfClass,
    /// The learner has no place in the class.
    NotInClass,
    /// Nothing to undo.
    NothingToUndo,
    /// The action cannot be undone.
    NotUndoable,
    /// The change that was kept apart cannot be read, was adopted before, or is another
    /// organisation's.
    NotAdoptable,
    /// What was kept apart builds on something that is not here, or is here already.
    HangsOnOthers,
    /// A device cannot remove itself.
    OwnDevice,
    /// Another person's work, which only an admin undoes.
    OthersWork,
    /// Neither one of the choices nor another value was given.
    NoChoice,
}

impl Reason {
    /// The code that the interface finds its words by.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::NoRight => "no_right",
            Reason::UnknownRecord => "unknown_record",
            Reason::UnknownParameter => "unknown_parameter",
            Reason::Invalid(error) => error.code(),
            Reason::State { .. } => "state",
            Reason::InConflict => "in_conflict",
            Reason::MoreThan { .. } => "more_than",
            Reason::Duplicate => "duplicate",
            Reason::NotListed => "not_listed",
            Reason::NoStandard => "no_standard",
            Reason::AlreadyListed => "already_listed",
            Reason::NoOpenCall => "no_open_call",
            Reason::NoAgreement => "no_agreement",
            Reason::OtherVersion => "other_version",
            Reason::AlreadyDecided => "already_decided",
            Reason::SamePerson => "same_person",
            Reason::NeedsRole(_) => "needs_role",
            Reason::HasNode => "has_node",
            Reason::WrongOrganisation => "wrong_organisation",
            Reason::OwnProposal => "own_proposal",
            Reason::Weights => "weights",
            Reason::NoPassRule => "no_pass_rule",
            Reason::EndsBeforeStart => "ends_before_start",
            Reason::NothingChanged => "nothing_changed",
            Reason::Differs { .. } => "differs",
            Reason::OldNumber => "old_number",
            Reason::SameRecord => "same_record",
            Reason::NotOfClass => "not_of_class",
            Reason::NotInClass => "not_in_class",
            Reason::NothingToUndo => "nothing_to_undo",
            Reason::NotUndoable => "not_undoable",
            Reason::NotAdoptable => "not_adoptable",
            Reason::HangsOnOthers => "hangs_on_others",
            Reason::OwnDevice => "own_device",
            Reason::OthersWork => "others_work",
            Reason::NoChoice => "no_choice",
        }
    }
}
