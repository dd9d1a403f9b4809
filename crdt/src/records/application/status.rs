//! The status of an application line, derived from acts alone. Requirements 2.0.1, 2.3; C5-C7.
//!
//! A decision applies only to the version it judged. Among decisions on one version a later one
//! wins, and of concurrent ones the one that creates less right; no clock takes part.

use std::collections::BTreeMap;

use crate::act::{Authority, Causality, Found};
use crate::field::time::Date;
use crate::header::{APPLICATION, DECISIONS};
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
    /// The version judged by the decision that the state comes from.
    pub judged_digest: Option<Digest>,
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
    let hub = authority.hub();
    let heard = found.iter().filter(|found| {
        let document = (found.header.kind.as_str(), found.org());
        document == (APPLICATION.key, college) || document == (DECISIONS.key, hub)
    });
    let causality = Causality::new(heard, authority.position());
    let rule = Rule { authority, causality: &causality, college };
    let said = rule.said_by_college();
    let Some(last) = rule.last_of(&said) else {
        return Status::default();
    };
    let Some(newest) = rule.submission_of(last, &said) else {
        return Status::default();
    };
    let Some(digest) = newest.act.frozen_digest() else {
        return Status::default();
    };
    let judgements = rule.judgements();
    let mut decisions = rule.decisions(&judgements);
    let mut status = Status {
        newest: Some(newest.act.id),
        newest_digest: Some(digest),
        late: rule.is_late(newest.act.id),
        filing_no: rule.filing_no(),
        filed_version: rule.filed_version(&decisions),
        awaits_second: rule.awaits_second(&judgements, &decisions, digest),
        ..Status::default()
    };
    rule.settle(&mut status, last, &mut decisions);
    status.decisions = decisions;
    status
}

/// Whether a submission names no other year than the document that it stands in.
fn is_of_its_year(found: &Found) -> bool {
    let year = found.act.body.get("year").and_then(crate::value::Value::as_int);
    found.act.kind != SUBMIT.id || year.is_none() || year == found.header.year.map(i64::from)
}

struct Rule<'a> {
    authority: &'a dyn Authority,
    causality: &'a Causality<'a>,
    college: OrgId,
}

/// What one person at the hub said of a version.
struct Judgement<'a> {
    found: &'a Found,
    outcome: Outcome,
    digest: Digest,
}

impl Judgement<'_> {
    fn id(&self) -> ActId {
        self.found.act.id
    }
}

impl<'a> Rule<'a> {
    /// Submissions and withdrawals by the college's own people.
    fn said_by_college(&self) -> Vec<&'a Found> {
        let of_college = |found: &&Found| {
            let action = [&SUBMIT, &WITHDRAW].into_iter().find(|a| a.id == found.act.kind);
            found.org() == self.college
                && is_of_its_year(found)
                && action.is_some_and(|a| shared::counts(self.authority, self.causality, found, a))
        };
        self.causality.ordered().into_iter().filter(of_college).collect()
    }

    /// The last word among some: of concurrent ones a submission before a withdrawal, ties by id.
    fn last_of(&self, acts: &[&'a Found]) -> Option<&'a Found> {
        let followed = self.causality.named_by(acts.iter().map(|found| found.act.id));
        acts.iter()
            .filter(|found| !followed.contains(&found.act.id))
            .max_by_key(|found| (found.act.kind == SUBMIT.id, found.act.id))
            .copied()
    }

    /// The version that an act of the college leaves standing.
    fn submission_of(&self, last: &'a Found, said: &[&'a Found]) -> Option<&'a Found> {
        if last.act.kind == SUBMIT.id {
            return Some(last);
        }
        let seen = self.causality.ancestors(last.act.id);
        let submitted: Vec<&Found> = said
            .iter()
            .filter(|found| found.act.kind == SUBMIT.id && seen.contains(&found.act.id))
            .copied()
            .collect();
        self.last_of(&submitted)
    }

    /// What the hub's people said, each after what they had seen.
    fn judgements(&self) -> Vec<Judgement<'a>> {
        let hub = self.authority.hub();
        self.causality
            .ordered()
            .into_iter()
            .filter(|found| found.org() == hub && found.act.kind == DECIDE.id)
            .filter(|found| shared::counts(self.authority, self.causality, found, &DECIDE))
            .filter_map(|found| {
                let outcome = found.act.says("outcome").and_then(Outcome::from_id)?;
                Some(Judgement { found, outcome, digest: found.act.judged.as_ref()?.digest })
            })
            .filter(|judgement| self.has_seen_what_it_judges(judgement))
            .collect()
    }

    /// Whether a judgement names the submission that it judges. Whoever names it has seen the
    /// membership log at least as far as the college had, so that nobody judges by a log from
    /// before the others came.
    fn has_seen_what_it_judges(&self, judgement: &Judgement<'_>) -> bool {
        let seen = self.causality.ancestors(judgement.id());
        self.said_by_college().iter().any(|found| {
            seen.contains(&found.act.id) && found.act.frozen_digest() == Some(judgement.digest)
        })
    }

    /// Every decision that took effect, in the order of its last act.
    fn decisions(&self, judgements: &[Judgement<'a>]) -> Vec<Decision> {
        let mut decisions: Vec<Decision> = Vec::new();
        for (at, judgement) in judgements.iter().enumerate() {
            let acts = match judgement.outcome {
                Outcome::Filed => self.filed_by(judgement, &judgements[..at], &decisions),
                _ => Some(vec![judgement.id()]),
            };
            if let Some(acts) = acts {
                let (outcome, digest) = (judgement.outcome, judgement.digest);
                let state = DecisionState::InForce;
                decisions.push(Decision { acts, outcome, digest, state });
            }
        }
        decisions
    }

    /// The acts by which a filing took effect at this one: two persons at two devices, one of
    /// them lead, on one version, with no other decision between them; or one person of a hub
    /// with one device (contract, "Two persons"). A version that is filed is not filed again.
    fn filed_by(
        &self,
        second: &Judgement,
        earlier: &[Judgement],
        decisions: &[Decision],
    ) -> Option<Vec<ActId>> {
        if self.is_filed_already(second, decisions) {
            return None;
        }
        let act = &second.found.act;
        let first = earlier.iter().find(|first| {
            first.outcome == Outcome::Filed
                && first.digest == second.digest
                && first.found.act.person != act.person
                && first.found.act.device != act.device
                && (self.is_lead(first.found) || self.is_lead(second.found))
                && !decisions.iter().any(|decision| decision.acts.contains(&first.id()))
                && !decisions.iter().any(|decision| {
                    self.has_seen(act.id, decision) && self.overrules(decision, first)
                })
        });
        match first {
            Some(first) => Some(vec![first.id(), act.id]),
            None => self.may_file_alone(second.found).then(|| vec![act.id]),
        }
    }

    fn may_file_alone(&self, found: &Found) -> bool {
        let position = self.causality.position(found.act.id);
        let devices = |position| self.authority.device_count(self.authority.hub(), position);
        position.map(devices) == Some(1) && self.is_lead(found)
    }

    fn is_lead(&self, found: &Found) -> bool {
        let act = &found.act;
        self.causality.position(act.id).is_some_and(|position| {
            self.authority.holds(act.device, &act.person, PersonRole::Lead, position)
        })
    }

    /// Whether somebody knew of a decision when he acted.
    fn has_seen(&self, act: ActId, decision: &Decision) -> bool {
        let seen = self.causality.ancestors(act);
        decision.acts.iter().all(|id| seen.contains(id))
    }

    /// Whether a decision speaks to what a filing judged and its person had not seen it: then he
    /// must look again, and no second person completes what he said.
    fn overrules(&self, decision: &Decision, filing: &Judgement) -> bool {
        decision.speaks_to(filing.digest) && !self.has_seen(filing.id(), decision)
    }

    /// Whether the version was filed before, and nothing has unseated that since.
    fn is_filed_already(&self, filing: &Judgement, decisions: &[Decision]) -> bool {
        let unseats = |other: &Decision, filed: &Decision| {
            (other.speaks_to(filed.digest) || other.outcome == Outcome::Filed)
                && other.acts != filed.acts
                && !self.replaces(filed, other)
                && self.has_seen(filing.id(), other)
        };
        decisions.iter().any(|filed| {
            filed.outcome == Outcome::Filed
                && filed.digest == filing.digest
                && !decisions.iter().any(|other| unseats(other, filed))
        })
    }

    /// Whether every act of the earlier decision was seen by the later one.
    fn replaces(&self, later: &Decision, earlier: &Decision) -> bool {
        let seen = self.causality.named_by(later.acts.iter().copied());
        later.acts != earlier.acts && earlier.acts.iter().all(|act| seen.contains(act))
    }

    /// The decisions that stand: none that came later speaks to the same version, and among the
    /// concurrent ones that do, none creates less right; ties by act id.
    fn standing<'d>(&self, decisions: &'d [Decision]) -> Vec<&'d Decision> {
        let newest = |decision: &&Decision| {
            !decisions
                .iter()
                .any(|other| other.speaks_to(decision.digest) && self.replaces(other, decision))
        };
        let newest: Vec<&Decision> = decisions.iter().filter(newest).collect();
        let beaten = |decision: &Decision| {
            newest.iter().any(|other| {
                other.speaks_to(decision.digest) && other.precedence() > decision.precedence()
            })
        };
        newest.iter().copied().filter(|decision| !beaten(decision)).collect()
    }

    /// The last of some decisions; of concurrent ones that on the newest version, then by rank.
    fn latest<'d>(
        &self,
        decisions: &[&'d Decision],
        newest: Option<Digest>,
    ) -> Option<&'d Decision> {
        let replaced =
            |decision: &&&Decision| decisions.iter().any(|other| self.replaces(other, decision));
        decisions
            .iter()
            .filter(|decision| !replaced(decision))
            .max_by_key(|decision| (Some(decision.digest) == newest, decision.precedence()))
            .copied()
    }

    /// Decides the state, and which decisions stand.
    fn settle(&self, status: &mut Status, last: &Found, decisions: &mut [Decision]) {
        let standing = self.standing(decisions);
        let newest = status.newest_digest;
        let answered = |d: &Decision| d.can_be_answered() && self.has_seen(last.act.id, d);
        let latest = |wanted: &dyn Fn(&Decision) -> bool| {
            let wanted: Vec<&Decision> = standing.iter().copied().filter(|d| wanted(d)).collect();
            self.latest(&wanted, newest)
        };
        let ended = latest(&|d| d.outcome.is_about_the_line() && !answered(d));
        let filed = latest(&|d| d.outcome == Outcome::Filed);
        let asked = latest(&|d| d.outcome.asks_for_more() && !answered(d));
        let on_newest = asked.filter(|decision| Some(decision.digest) == newest);
        let by = ended.or(filed).or(asked);
        let withdrawn = last.act.kind == WITHDRAW.id;
        status.state = Some(match by {
            Some(decision) => decision.outcome.state(),
            None if withdrawn => ApplicationState::Withdrawn,
            None => ApplicationState::Submitted,
        });
        status.judged_digest = by.map(|decision| decision.digest);
        status.changed_since_decision =
            by.is_some_and(|d| !d.outcome.is_about_the_line() && Some(d.digest) != newest);
        status.reason = on_newest.or(by).and_then(|decision| self.reason(decision));
        if ended.is_none()
            && let Some(filed) = filed
        {
            status.filed_digest = Some(filed.digest);
            let seen = self.causality.named_by(filed.acts.iter().copied());
            status.pending_request = match (withdrawn, on_newest) {
                (true, _) if !seen.contains(&last.act.id) => Some(PendingRequest::Withdrawal),
                (false, None) if status.changed_since_decision => Some(PendingRequest::Change),
                _ => None,
            };
        }
        if by.is_none() && withdrawn || ended.is_some() {
            status.awaits_second = None;
        }
        let states: Vec<DecisionState> = decisions
            .iter()
            .map(|decision| {
                let speaks = [by, on_newest].contains(&Some(decision));
                let is_later = |other: &Decision| self.replaces(other, decision);
                let outdated = Some(decision.digest) != newest || answered(decision);
                if speaks && (!outdated || decision.outcome.is_about_the_line()) {
                    DecisionState::InForce
                } else if speaks || standing.contains(&decision) && !decisions.iter().any(is_later)
                {
                    DecisionState::Outdated
                } else {
                    DecisionState::Superseded
                }
            })
            .collect();
        for (decision, state) in decisions.iter_mut().zip(states) {
            decision.state = state;
        }
    }

    fn reason(&self, decision: &Decision) -> Option<String> {
        let said = |id: &ActId| {
            let found = self.causality.acts().find(|found| found.act.id == *id)?;
            found.act.says("reason").map(str::to_owned)
        };
        decision.acts.iter().find_map(said)
    }

    /// The act of a first person that waits for a second one on the newest version.
    fn awaits_second(
        &self,
        judgements: &[Judgement],
        decisions: &[Decision],
        digest: Digest,
    ) -> Option<ActId> {
        let waiting = judgements.iter().find(|judgement| {
            judgement.outcome == Outcome::Filed
                && judgement.digest == digest
                && !decisions.iter().any(|decision| decision.acts.contains(&judgement.id()))
                && !decisions.iter().any(|decision| self.overrules(decision, judgement))
                && !self.is_filed_already(judgement, decisions)
        });
        waiting.map(Judgement::id)
    }

    /// How many versions have been filed: those whose filing was not beaten by a concurrent
    /// decision. Filing one again after it was returned makes no new version.
    fn filed_version(&self, decisions: &[Decision]) -> Option<i64> {
        let beats = |other: &Decision, filed: &Decision| {
            other.outcome != Outcome::Filed
                && other.speaks_to(filed.digest)
                && !self.replaces(other, filed)
                && !self.replaces(filed, other)
        };
        let mut filed: Vec<Digest> = decisions
            .iter()
            .filter(|decision| decision.outcome == Outcome::Filed)
            .filter(|decision| !decisions.iter().any(|other| beats(other, decision)))
            .map(|decision| decision.digest)
            .collect();
        filed.dedup();
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

impl Decision {
    /// Whether the decision concerns a version: it judged it, or it ends the whole line.
    fn speaks_to(&self, digest: Digest) -> bool {
        self.digest == digest || self.outcome.is_about_the_line()
    }

    /// The place among concurrent decisions: the one that creates less right, ties by act id.
    fn precedence(&self) -> (u8, &[ActId]) {
        (self.outcome.precedence(), &self.acts)
    }

    /// Whether the college's next word takes the line on from here; the other decisions end it.
    fn can_be_answered(&self) -> bool {
        matches!(self.outcome, Outcome::Returned | Outcome::Withdrawn)
    }
}
