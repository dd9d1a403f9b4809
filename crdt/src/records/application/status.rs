//! The status of an application line, derived from acts alone. Requirements 2.0.1, 2.3; C5-C7.
//!
//! A decision applies only to the version it judged. Among decisions on one version a later one
//! wins, and of concurrent ones the one that creates less right; no clock takes part.

use std::collections::{BTreeMap, BTreeSet};

use crate::act::{Authority, Causality, Found};
use crate::field::time::Date;
use crate::ids::{ActId, Digest, OrgId};
use crate::roles::PersonRole;

use super::actions::{DECIDE, SUBMIT, WITHDRAW};
use super::{ApplicationState, Outcome, PendingRequest};
use crate::records::decision::DecisionState;
use crate::records::receipt::{self, Receipt};
use crate::records::shared;

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The state; nothing when there was no submission.
    pub state: Option<ApplicationState>,
    /// The submission that is the newest version.
    pub newest: Option<ActId>,
    /// The digest of that version.
    pub newest_digest: Option<Digest>,
    /// The version that is filed.
    pub filed_digest: Option<Digest>,
    /// How many versions have been filed.
    pub filed_version: Option<i64>,
    /// Whether the newest version is another than the one the decision judged.
    pub changed_since_decision: bool,
    /// What the college asks for while the line is filed.
    pub pending_request: Option<PendingRequest>,
    /// The reason of the decision that speaks to the newest version.
    pub reason: Option<String>,
    /// The first of two persons has filed this version, by this act.
    pub awaits_second: Option<ActId>,
    /// Whether the newest version reached the hub after the deadline.
    pub late: bool,
    /// The filing number (备案号), once the allocating device has given one.
    pub filing_no: Option<String>,
    /// The decisions that took effect, in order.
    pub decisions: Vec<Decision>,
}

/// A decision that took effect: one act, or two of two persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The acts, in order.
    pub acts: Vec<ActId>,
    /// What was decided.
    pub outcome: Outcome,
    /// The version judged.
    pub digest: Digest,
    /// Whether it stands.
    pub state: DecisionState,
}

/// Derives the status of a line of a college from all acts on it.
pub fn status(authority: &dyn Authority, college: OrgId, found: &[Found]) -> Status {
    let causality = Causality::new(found);
    let rule = Rule { authority, causality: &causality, college };
    let college_acts = rule.college_acts();
    let Some(last) = rule.last_of(&college_acts) else {
        return Status::default();
    };
    let Some(newest) = rule.submission_of(last, &college_acts) else {
        return Status::default();
    };
    let Some(digest) = newest.act.frozen_digest() else {
        return Status::default();
    };
    let mut decisions = rule.decisions();
    let mut status = Status {
        newest: Some(newest.act.id),
        newest_digest: Some(digest),
        late: rule.is_late(newest.act.id),
        filing_no: rule.filing_no(),
        filed_version: rule.filed_version(&decisions),
        awaits_second: rule.awaits_second(&decisions, digest),
        ..Status::default()
    };
    rule.settle(&mut status, last, &mut decisions);
    status.decisions = decisions;
    status
}

struct Rule<'a> {
    authority: &'a dyn Authority,
    causality: &'a Causality<'a>,
    college: OrgId,
}

impl<'a> Rule<'a> {
    /// Submissions and withdrawals by the college's own people.
    fn college_acts(&self) -> Vec<&'a Found> {
        let of_college = |found: &&Found| {
            let action = [&SUBMIT, &WITHDRAW].into_iter().find(|a| a.id == found.act.kind);
            found.org() == self.college
                && action.is_some_and(|a| shared::counts(self.authority, self.causality, found, a))
        };
        self.causality.ordered().into_iter().filter(of_college).collect()
    }

    /// The college's last word: of concurrent ones a submission before a withdrawal, ties by id.
    fn last_of(&self, acts: &[&'a Found]) -> Option<&'a Found> {
        let followed = |id| acts.iter().any(|other| self.causality.follows(other.act.id, id));
        acts.iter()
            .filter(|found| !followed(found.act.id))
            .max_by_key(|found| (found.act.kind == SUBMIT.id, found.act.id))
            .copied()
    }

    /// The version that an act of the college leaves standing.
    fn submission_of(&self, last: &'a Found, acts: &[&'a Found]) -> Option<&'a Found> {
        if last.act.kind == SUBMIT.id {
            return Some(last);
        }
        let seen = self.causality.ancestors(last.act.id);
        acts.iter()
            .rev()
            .find(|found| found.act.kind == SUBMIT.id && seen.contains(&found.act.id))
            .copied()
    }

    /// Every decision that took effect, in the order of its last act.
    fn decisions(&self) -> Vec<Decision> {
        let acts = self.decide_acts();
        let mut decisions: Vec<Decision> = Vec::new();
        for (at, (found, outcome, digest)) in acts.iter().enumerate() {
            let effective = match outcome {
                Outcome::Filed => self.completed_by(found, *digest, &acts[..at], &acts),
                _ => Some(vec![found.act.id]),
            };
            let Some(ids) = effective else { continue };
            let (outcome, digest) = (*outcome, *digest);
            let known = decisions.iter().any(|d| d.acts.contains(&ids[0]));
            if !known {
                let state = DecisionState::InForce;
                decisions.push(Decision { acts: ids, outcome, digest, state });
            }
        }
        decisions
    }

    fn decide_acts(&self) -> Vec<(&'a Found, Outcome, Digest)> {
        let hub = self.authority.hub();
        self.causality
            .ordered()
            .into_iter()
            .filter(|found| found.org() == hub && found.act.kind == DECIDE.id)
            .filter(|found| shared::counts(self.authority, self.causality, found, &DECIDE))
            .filter_map(|found| {
                let outcome = found.act.says("outcome").and_then(Outcome::from_id)?;
                Some((found, outcome, found.act.judged.as_ref()?.digest))
            })
            .collect()
    }

    /// The acts by which a filing took effect at this one: two persons at two devices, one of
    /// them lead, on one version, with no other decision between them; or one person of a hub
    /// with one device (contract, "Two persons").
    fn completed_by(
        &self,
        found: &Found,
        digest: Digest,
        earlier: &[(&'a Found, Outcome, Digest)],
        all: &[(&'a Found, Outcome, Digest)],
    ) -> Option<Vec<ActId>> {
        let act = &found.act;
        let first = earlier.iter().find(|(first, outcome, judged)| {
            *outcome == Outcome::Filed
                && *judged == digest
                && first.act.person != act.person
                && first.act.device != act.device
                && (self.is_lead(first) || self.is_lead(found))
                && !self.interrupted(first.act.id, act.id, all)
        });
        if let Some((first, ..)) = first {
            return Some(vec![first.act.id, act.id]);
        }
        let position = self.causality.position(act.id);
        let alone = self.authority.device_count(self.authority.hub(), position) == 1;
        (alone && self.is_lead(found)).then(|| vec![act.id])
    }

    fn is_lead(&self, found: &Found) -> bool {
        let position = self.causality.position(found.act.id);
        self.authority.holds(found.act.device, &found.act.person, PersonRole::Lead, position)
    }

    /// Whether a decision other than filing lies between two acts.
    fn interrupted(
        &self,
        first: ActId,
        second: ActId,
        all: &[(&'a Found, Outcome, Digest)],
    ) -> bool {
        all.iter().any(|(found, outcome, _)| {
            *outcome != Outcome::Filed
                && self.causality.follows(found.act.id, first)
                && self.causality.follows(second, found.act.id)
        })
    }

    /// Whether every act of the earlier decision was seen by the later one.
    fn replaces(&self, later: &Decision, earlier: &Decision) -> bool {
        earlier
            .acts
            .iter()
            .all(|act| later.acts.iter().any(|own| self.causality.follows(*own, *act)))
    }

    /// Whether a decision beats another on the same version: it came later, or it is concurrent
    /// and creates less right; ties by act id.
    fn beats(&self, one: &Decision, other: &Decision) -> bool {
        let same = one.digest == other.digest || one.outcome.is_about_the_line();
        let rank = |decision: &Decision| (decision.outcome.precedence(), decision.acts.clone());
        same && one.acts != other.acts
            && if self.replaces(one, other) {
                true
            } else {
                !self.replaces(other, one) && rank(one) > rank(other)
            }
    }

    /// Decides the state, and which decisions stand.
    fn settle(&self, status: &mut Status, last: &Found, decisions: &mut [Decision]) {
        let standing: Vec<usize> = (0..decisions.len())
            .filter(|at| !decisions.iter().any(|other| self.beats(other, &decisions[*at])))
            .collect();
        let answered = |decision: &Decision| {
            decision.acts.iter().all(|act| self.causality.follows(last.act.id, *act))
        };
        let latest = |wanted: &dyn Fn(&Decision) -> bool| {
            standing.iter().copied().filter(|at| wanted(&decisions[*at])).reduce(|best, at| {
                let rank = |at: usize| (decisions[at].outcome.precedence(), at);
                if self.replaces(&decisions[at], &decisions[best]) {
                    at
                } else if self.replaces(&decisions[best], &decisions[at]) || rank(best) > rank(at) {
                    best
                } else {
                    at
                }
            })
        };
        let digest = status.newest_digest;
        let ended = latest(&|d| d.outcome == Outcome::Cancelled)
            .or(latest(&|d| d.outcome == Outcome::Withdrawn && !answered(d)));
        let filed = latest(&|d| d.outcome == Outcome::Filed);
        let on_newest =
            latest(&|d| d.outcome.asks_for_more() && Some(d.digest) == digest && !answered(d));
        let on_older = latest(&|d| d.outcome.asks_for_more() && !answered(d));
        let withdrawn = last.act.kind == WITHDRAW.id;
        let reason = |at: usize| {
            let first = decisions[at].acts.first().copied();
            self.causality
                .acts()
                .find(|f| Some(f.act.id) == first)
                .and_then(|f| f.act.says("reason"))
                .map(str::to_owned)
        };
        let by = ended.or(filed).or(on_newest).or(on_older);
        status.state = Some(match by {
            Some(at) => decisions[at].outcome.state(),
            None if withdrawn => ApplicationState::Withdrawn,
            None => ApplicationState::Submitted,
        });
        status.changed_since_decision = by.is_some_and(|at| Some(decisions[at].digest) != digest);
        status.reason = on_newest.or(by).and_then(reason);
        if ended.is_none()
            && let Some(at) = filed
        {
            status.filed_digest = Some(decisions[at].digest);
            let seen = decisions[at].acts.iter().any(|a| self.causality.follows(*a, last.act.id));
            status.pending_request = match (withdrawn, on_newest) {
                (true, _) if !seen => Some(PendingRequest::Withdrawal),
                (false, None) if status.changed_since_decision => Some(PendingRequest::Change),
                _ => None,
            };
        }
        let changed = status.changed_since_decision;
        for (at, decision) in decisions.iter_mut().enumerate() {
            decision.state = match (Some(at) == by || Some(at) == on_newest, changed) {
                (true, true) if Some(at) == by => DecisionState::Outdated,
                (true, _) => DecisionState::InForce,
                (false, _) => DecisionState::Superseded,
            };
        }
    }

    /// The act of a first person that waits for a second one on the newest version.
    fn awaits_second(&self, decisions: &[Decision], digest: Digest) -> Option<ActId> {
        let acts = self.decide_acts();
        let waiting = acts.iter().find(|(found, outcome, judged)| {
            let id = found.act.id;
            let settled = decisions.iter().any(|decision| {
                decision.acts.contains(&id)
                    || ((decision.digest == digest || decision.outcome.is_about_the_line())
                        && !decision.acts.iter().any(|act| self.causality.follows(id, *act)))
            });
            *outcome == Outcome::Filed && *judged == digest && !settled
        });
        waiting.map(|(found, ..)| found.act.id)
    }

    /// How many versions have been filed: those whose filing was not beaten by a concurrent
    /// decision.
    fn filed_version(&self, decisions: &[Decision]) -> Option<i64> {
        let filed: BTreeSet<Digest> = decisions
            .iter()
            .filter(|decision| decision.outcome == Outcome::Filed)
            .filter(|decision| {
                !decisions
                    .iter()
                    .any(|other| self.beats(other, decision) && !self.replaces(other, decision))
            })
            .map(|decision| decision.digest)
            .collect();
        (!filed.is_empty()).then_some(filed.len() as i64)
    }

    fn allocator_acts(&self, kind: &str) -> impl Iterator<Item = &'a Found> {
        let (hub, allocator) = (self.authority.hub(), self.authority.allocator());
        let kind = kind.to_owned();
        self.causality.ordered().into_iter().filter(move |found| {
            found.org() == hub && found.act.device == allocator && found.act.kind == kind
        })
    }

    fn filing_no(&self) -> Option<String> {
        let act = self.allocator_acts(receipt::NUMBER).next()?;
        act.act.says("filing_no").map(str::to_owned)
    }

    fn is_late(&self, submission: ActId) -> bool {
        let mut receipts: BTreeMap<ActId, Receipt> = BTreeMap::new();
        for found in self.allocator_acts(receipt::RECEIPT) {
            if let Some(receipt) = Receipt::of(&found.act) {
                receipts.entry(receipt.act_id).or_insert(receipt);
            }
        }
        let deadline = |r: &Receipt| r.deadline_on.is_some_and(|on: Date| r.received_on > on);
        receipts.get(&submission).is_some_and(deadline)
    }
}
