//! Rights: whether a person may have done what a change does. Trust B3, R3.
//!
//! Which roles the person has is the membership log's matter; here is which of them are enough.

use crate::action::Action;
use crate::document::Deed;
use crate::registry::{self, ACTIONS};
use crate::roles::{OrgRole, PersonRole};

/// Whether some role of a person is enough for everything that a change does.
///
/// What a change says of itself does not count, but what it writes: for a record a role that some
/// action on its kind asks for, for an act a role that its action asks for. An admin writes for
/// everybody, since he adopts what was kept apart. Whether an act has its effect is judged again,
/// and more strictly, where status is derived.
pub fn may_do(deed: &Deed, org: OrgRole, holds: &dyn Fn(PersonRole) -> bool) -> bool {
    let any = || PersonRole::ALL.iter().any(|role| holds(*role));
    let has_one_of = |action: &Action| {
        let who = action.who.iter().filter(|(of, _)| *of == org);
        who.flat_map(|(_, roles)| *roles).any(|role| holds(*role))
    };
    if deed.person.is_none() || !any() {
        return false;
    }
    let may_write = |kind: &String| {
        let of_kind = |action: &&&Action| action.kind.is_some_and(|it| it.key == kind);
        ACTIONS.iter().filter(of_kind).any(|action| has_one_of(action))
    };
    let may_act = |kind: &String| registry::action(kind).is_none_or(has_one_of);
    holds(PersonRole::Admin) || (deed.kinds.iter().all(may_write) && deed.acts.iter().all(may_act))
}
