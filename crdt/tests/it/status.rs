//! The status rule of application lines as tables: acts in, status out, in every order of arrival.

use std::collections::BTreeMap;

use onex_crdt::act::{Act, Found, Reference, fields_digest};
use onex_crdt::header::{APPLICATION, DECISIONS, PLAN};
use onex_crdt::ids::{ActId, Digest, DocId, OrgId, RecordId, Salt};
use onex_crdt::record::Fields;
use onex_crdt::records::application::status::{Status, status};
use onex_crdt::records::application::{ApplicationState, PendingRequest};
use onex_crdt::records::decision::DecisionState;
use onex_crdt::records::receipt;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::value::Value;

use crate::province::{HUB, Log, NETWORK, Statement, device_of};

const COLLEGE: OrgId = OrgId([2; 16]);
const EVALUATOR: OrgId = OrgId([3; 16]);
const OTHER: OrgId = OrgId([4; 16]);
const LINE: RecordId = RecordId([9; 16]);

/// Acts on one line, each under a letter of its own.
struct Case {
    log: Log,
    acts: Vec<Found>,
    contents: BTreeMap<char, Digest>,
}

/// Who acts: a person at a device of an organisation.
#[derive(Clone, Copy)]
struct Person(&'static str, &'static str, OrgId);

const WANG: Person = Person("王芳", "xatl-1", COLLEGE);
const LI: Person = Person("李强", "xatl-2", COLLEGE);
const HAO: Person = Person("郝敏", "hub-1", HUB);
const SUN: Person = Person("孙涛", "hub-2", HUB);
const QIN: Person = Person("秦岚", "hub-3", HUB);

impl Case {
    /// A hub of a lead and two officers, a college of two coordinators, everyone at a device.
    fn new() -> Self {
        let mut log = vec![
            Statement::Org(HUB, OrgRole::Hub),
            Statement::Org(COLLEGE, OrgRole::College),
            Statement::Org(OTHER, OrgRole::College),
            Statement::Org(EVALUATOR, OrgRole::Evaluator),
        ];
        for (who, role) in [
            (HAO, PersonRole::Lead),
            (SUN, PersonRole::Officer),
            (QIN, PersonRole::Officer),
            (WANG, PersonRole::Coordinator),
            (LI, PersonRole::Coordinator),
        ] {
            log.push(Statement::Device(device_of(who.1), who.2));
            log.push(Statement::Grant(device_of(who.1), who.0, role));
        }
        Self { log: Log(log), acts: Vec::new(), contents: BTreeMap::new() }
    }

    /// A hub of one device, at which both 郝敏 and 孙涛 sit.
    fn with_one_device() -> Self {
        let mut case = Self::new();
        case.log.0.retain(|statement| match statement {
            Statement::Device(device, HUB) => *device == device_of("hub-1"),
            _ => true,
        });
        let officer = Statement::Grant(device_of("hub-1"), "孙涛", PersonRole::Officer);
        case.log.0.push(officer);
        case
    }

    fn add(&mut self, id: char, who: Person, kind: &str, after: &str, body: Fields) -> &mut Act {
        let header = match who.2 {
            HUB => DECISIONS.between(NETWORK, HUB, COLLEGE, 2026),
            org => APPLICATION.between(NETWORK, org, EVALUATOR, 2026),
        };
        let act = Act {
            id: act_id(id),
            kind: kind.to_owned(),
            subject: LINE,
            person: who.0.to_owned(),
            device: device_of(who.1),
            at: "2026-04-18T10:02:11+08:00".to_owned(),
            position: self.log.0.len() as u64,
            after: after.chars().map(act_id).collect(),
            judged: None,
            body,
            salt: None,
        };
        self.acts.push(Found { act, header, born: 3 + self.acts.len() as u64 });
        &mut self.acts.last_mut().expect("just pushed").act
    }

    /// 王芳 submits some content, named by a number of students.
    fn submit(&mut self, id: char, planned: i64, after: &str) -> &mut Self {
        self.submit_by(WANG, id, planned, after)
    }

    fn submit_by(&mut self, who: Person, id: char, planned: i64, after: &str) -> &mut Self {
        let body: Fields = [("planned_students".to_owned(), Value::Int(planned))].into();
        let digest = fields_digest(SALT, &body);
        self.add(id, who, "application.submit", after, body).salt = Some(SALT);
        self.contents.insert(id, digest);
        self
    }

    fn withdraw(&mut self, id: char, after: &str) -> &mut Self {
        self.add(id, WANG, "application.withdraw", after, Fields::new());
        self
    }

    /// Somebody decides on what a submission froze.
    fn decide(&mut self, id: char, who: Person, outcome: &str, on: char, after: &str) -> &mut Self {
        let mut body: Fields = [("outcome".to_owned(), text(outcome))].into();
        if outcome != "filed" {
            body.insert("reason".to_owned(), text(&format!("理由{id}")));
        }
        let digest = self.contents[&on];
        let judged = Reference { document: DocId([0; 16]), heads: Vec::new(), digest };
        self.add(id, who, "application.decide", after, body).judged = Some(judged);
        self
    }

    /// The last act, for a forger to alter.
    fn alter(&mut self, alter: impl FnOnce(&mut Found)) -> &mut Self {
        alter(self.acts.last_mut().expect("there is an act"));
        self
    }

    fn status(&self) -> Status {
        status(&self.log, COLLEGE, &self.acts)
    }

    /// Asserts what the acts amount to, in whatever order they are handed in, with every copy
    /// that the evaluator's decisions hold, and with ids that decide ties the other way.
    fn check(&self, expected: &str) {
        assert_eq!(told(&self.status()), expected);
        let (log, mut acts) = (&self.log, self.acts.clone());
        acts.reverse();
        assert_eq!(status(log, COLLEGE, &acts), self.status(), "backwards");
        for _ in 0..acts.len() {
            acts.rotate_left(1);
            assert_eq!(status(log, COLLEGE, &acts), self.status(), "rotated");
        }
        let copies: Vec<Found> = acts
            .iter()
            .filter(|found| {
                (found.header.kind.as_str(), found.header.owner) == (DECISIONS.key, HUB)
            })
            .map(|found| Found {
                header: DECISIONS.between(NETWORK, HUB, EVALUATOR, 2026),
                born: 77,
                ..found.clone()
            })
            .collect();
        acts.extend(copies);
        assert_eq!(status(log, COLLEGE, &acts), self.status(), "with copies");
    }

    /// Asserts it also with every id turned round, so that no tie hides behind a letter.
    fn check_both_ways(&self, expected: &str) {
        self.check(expected);
        self.turned_round().check(expected);
    }

    fn turned_round(&self) -> Self {
        let turn = |id: ActId| ActId(id.0.map(|byte| 255 - byte));
        let mut acts = self.acts.clone();
        for found in &mut acts {
            found.act.id = turn(found.act.id);
            found.act.after = found.act.after.iter().map(|id| turn(*id)).collect();
        }
        Self { log: self.log.clone(), acts, contents: self.contents.clone() }
    }
}

const SALT: Salt = Salt([5; 16]);

fn act_id(letter: char) -> ActId {
    ActId([letter as u8; 16])
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// State, filed version and everything that is not as usual, in one line.
fn told(status: &Status) -> String {
    let mut parts = vec![status.state.map_or("none", ApplicationState::id).to_owned()];
    parts.extend(status.filed_version.map(|version| format!("v{version}")));
    if status.changed_since_decision {
        parts.push("changed".to_owned());
    }
    parts.extend(status.pending_request.map(|request| match request {
        PendingRequest::Change => "asks change".to_owned(),
        PendingRequest::Withdrawal => "asks withdrawal".to_owned(),
    }));
    if status.awaits_second.is_some() {
        parts.push("awaits second".to_owned());
    }
    parts.extend(status.reason.clone());
    parts.join(", ")
}

fn states(case: &Case) -> Vec<(Vec<char>, DecisionState)> {
    let letter = |id: &ActId| char::from(id.0[0]);
    let decisions = case.status().decisions.into_iter();
    decisions.map(|d| (d.acts.iter().map(letter).collect(), d.state)).collect()
}

/// A line with 90 students that 孙涛 and 郝敏 have filed: `s`, `f`, `g`.
fn filed() -> Case {
    let mut case = Case::new();
    case.submit('s', 90, "")
        .decide('f', SUN, "filed", 's', "s")
        .decide('g', HAO, "filed", 's', "f");
    case
}

#[test]
fn from_submission_to_filing() {
    Case::new().check("none");
    let mut case = Case::new();
    case.submit('s', 90, "").check("submitted");
    case.decide('f', SUN, "filed", 's', "s").check("submitted, awaits second");
    case.decide('g', HAO, "filed", 's', "f").check_both_ways("filed, v1");
    assert_eq!(states(&case), [(vec!['f', 'g'], DecisionState::InForce)]);
}

#[test]
fn both_may_file_at_once() {
    let mut case = Case::new();
    case.submit('s', 90, "")
        .decide('f', SUN, "filed", 's', "s")
        .decide('g', HAO, "filed", 's', "s");
    case.check_both_ways("filed, v1");
}

#[test]
fn a_third_filing_changes_nothing() {
    let mut case = filed();
    case.decide('h', QIN, "filed", 's', "s").check_both_ways("filed, v1");
    case.decide('i', SUN, "filed", 's', "gh").check_both_ways("filed, v1");
    assert_eq!(case.status().decisions.len(), 1);
}

#[test]
fn c5_a_change_while_the_version_before_is_filed() {
    let mut case = filed();
    case.submit('t', 110, "s").check_both_ways("filed, v1, changed, asks change");
    assert_eq!(states(&case), [(vec!['f', 'g'], DecisionState::Outdated)]);
    case.decide('h', SUN, "filed", 't', "gt")
        .check_both_ways("filed, v1, changed, asks change, awaits second");
    case.decide('i', HAO, "filed", 't', "h").check_both_ways("filed, v2");
    assert_eq!(
        states(&case),
        [(vec!['f', 'g'], DecisionState::Superseded), (vec!['h', 'i'], DecisionState::InForce)]
    );
}

#[test]
fn c5_the_change_comes_between_the_two_persons() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('f', SUN, "filed", 's', "s").submit('t', 110, "s");
    case.check_both_ways("submitted");
    let mut unseen = Case { acts: case.acts.clone(), log: case.log.clone(), ..Case::new() };
    unseen.contents = case.contents.clone();
    unseen.decide('g', HAO, "filed", 's', "f").check_both_ways("filed, v1, changed, asks change");
    case.decide('g', HAO, "filed", 't', "ft").check_both_ways("submitted, awaits second");
    case.decide('h', SUN, "filed", 't', "g").check_both_ways("filed, v1");
}

#[test]
fn c6_return_beats_a_concurrent_filing() {
    let mut case = filed();
    case.decide('r', QIN, "returned", 's', "s").check_both_ways("returned, 理由r");
    assert_eq!(
        states(&case),
        [(vec!['f', 'g'], DecisionState::Superseded), (vec!['r'], DecisionState::InForce)]
    );
    case.submit('t', 95, "gr").check_both_ways("submitted");
    case.decide('h', SUN, "filed", 't', "t").decide('i', HAO, "filed", 't', "h");
    case.check_both_ways("filed, v1");
}

#[test]
fn c6_the_same_version_again_after_a_lost_filing() {
    let mut case = filed();
    case.decide('r', QIN, "returned", 's', "s").submit('t', 90, "gr").check_both_ways("submitted");
    case.decide('h', SUN, "filed", 't', "t").check_both_ways("submitted, awaits second");
    case.decide('i', HAO, "filed", 't', "h").check_both_ways("filed, v1");
}

#[test]
fn c7_withdrawn_while_filed_ends_only_if_the_hub_agrees() {
    let mut case = filed();
    case.withdraw('w', "s").check_both_ways("filed, v1, asks withdrawal");
    let mut again =
        Case { acts: case.acts.clone(), contents: case.contents.clone(), ..Case::new() };
    again.submit('t', 90, "gw").check_both_ways("filed, v1");
    case.decide('x', SUN, "withdrawn", 's', "gw").check_both_ways("withdrawn, v1, 理由x");
    case.submit('t', 90, "x").check_both_ways("submitted, v1");
    case.decide('h', SUN, "filed", 't', "t").decide('i', HAO, "filed", 't', "h");
    case.check_both_ways("filed, v1");
}

#[test]
fn c7_withdrawn_before_anybody_filed() {
    let mut case = Case::new();
    case.submit('s', 90, "").withdraw('w', "s").check_both_ways("withdrawn");
    case.decide('f', SUN, "filed", 's', "s").check_both_ways("withdrawn");
    case.decide('g', HAO, "filed", 's', "f").check_both_ways("filed, v1, asks withdrawal");
    let mut case = Case::new();
    case.submit('s', 90, "").withdraw('w', "s").submit('t', 90, "w").check_both_ways("submitted");
}

#[test]
fn a_submission_beats_a_concurrent_withdrawal() {
    let mut case = Case::new();
    case.submit('s', 90, "").withdraw('w', "s").submit_by(LI, 't', 80, "s");
    case.check_both_ways("submitted");
    assert_eq!(case.status().newest, Some(act_id('t')));
}

#[test]
fn a_withdrawal_leaves_the_submission_that_stood() {
    let mut case = Case::new();
    case.submit('a', 1, "").submit('g', 2, "a").submit('c', 3, "g").submit_by(LI, 'e', 4, "a");
    let standing = case.status().newest;
    assert_eq!(standing, Some(act_id('e')), "ties by act id");
    case.withdraw('w', "ce").check("withdrawn");
    assert_eq!(case.status().newest, standing);
}

#[test]
fn concurrent_decisions_end_with_the_one_that_creates_less_right() {
    let order = ["filed", "returned", "rejected", "withdrawn", "cancelled"];
    for (at, low) in order.iter().enumerate() {
        for high in &order[at + 1..] {
            let mut case = if *low == "filed" { filed() } else { Case::new() };
            if *low != "filed" {
                case.submit('s', 90, "").decide('l', SUN, low, 's', "s");
            }
            case.decide('x', HAO, high, 's', "s");
            case.check_both_ways(&format!("{high}, 理由x"));
        }
    }
}

#[test]
fn a_later_decision_replaces_a_higher_one_that_it_names() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('r', SUN, "rejected", 's', "s");
    case.check("rejected, 理由r");
    case.decide('h', SUN, "filed", 's', "r").decide('i', HAO, "filed", 's', "h");
    case.check_both_ways("filed, v1");
    case.decide('c', HAO, "cancelled", 's', "i").check_both_ways("cancelled, v1, 理由c");
}

/// A replaces B by time, B would beat C and C beats A by rank: C stands, not nobody.
#[test]
fn time_and_rank_in_a_ring_still_have_an_end() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('b', SUN, "rejected", 's', "s");
    case.decide('c', QIN, "returned", 's', "s");
    case.decide('h', SUN, "filed", 's', "b").decide('i', HAO, "filed", 's', "h");
    case.check_both_ways("returned, 理由c");
}

#[test]
fn two_returns_at_once_show_the_reason_of_the_greater_id() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('q', SUN, "returned", 's', "s");
    case.decide('r', HAO, "returned", 's', "s").check("returned, 理由r");
    case.turned_round().check("returned, 理由q");
}

#[test]
fn two_persons_are_two_persons_at_two_devices() {
    let second = |who: Person, expected: &str| {
        let mut case = Case::new();
        case.log.0.push(Statement::Grant(device_of("hub-2"), "郝敏", PersonRole::Lead));
        case.log.0.push(Statement::Grant(device_of("hub-3"), "孙涛", PersonRole::Officer));
        case.log.0.push(Statement::Grant(device_of("hub-3"), "秦岚", PersonRole::Officer));
        case.submit('s', 90, "").decide('f', SUN, "filed", 's', "s");
        case.decide('g', who, "filed", 's', "f").check_both_ways(expected);
    };
    second(SUN, "submitted, awaits second");
    second(Person("孙涛", "hub-3", HUB), "submitted, awaits second");
    second(Person("郝敏", "hub-2", HUB), "submitted, awaits second");
    second(QIN, "submitted, awaits second");
    second(HAO, "filed, v1");
}

#[test]
fn a_lead_completes_what_two_officers_began() {
    let mut case = Case::new();
    case.submit('s', 90, "")
        .decide('f', SUN, "filed", 's', "s")
        .decide('g', QIN, "filed", 's', "f");
    case.check_both_ways("submitted, awaits second");
    case.decide('h', HAO, "filed", 's', "g").check_both_ways("filed, v1");
}

#[test]
fn a_hub_with_one_device_counts_alone() {
    let mut case = Case::with_one_device();
    let officer = Person("孙涛", "hub-1", HUB);
    case.submit('s', 90, "").decide('f', officer, "filed", 's', "s");
    case.check("submitted, awaits second");
    case.decide('g', HAO, "filed", 's', "f").check("filed, v1");
}

#[test]
fn a_second_device_does_not_undo_what_one_alone_filed() {
    let mut case = Case::with_one_device();
    case.submit('s', 90, "").decide('f', HAO, "filed", 's', "s").check("filed, v1");
    case.log.0.push(Statement::Device(device_of("hub-2"), HUB));
    case.check("filed, v1");
    case.submit('t', 95, "f").decide('g', HAO, "filed", 't', "t");
    case.check("filed, v1, changed, asks change, awaits second");
}

/// A lead who names nothing and claims a log from before the others came files nothing alone.
#[test]
fn nobody_files_alone_by_an_old_log() {
    let newest = Case::new().log.0.len() as u64;
    for position in 0..=newest {
        let mut case = Case::new();
        case.submit('s', 90, "").decide('f', HAO, "filed", 's', "");
        case.alter(|found| found.act.position = position).check("submitted");
    }
}

#[test]
fn a_return_between_the_two_begins_anew() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('f', SUN, "filed", 's', "s");
    case.decide('r', QIN, "returned", 's', "f").check_both_ways("returned, 理由r");
    case.submit('t', 90, "r").check_both_ways("submitted");
    case.decide('g', HAO, "filed", 't', "t").check_both_ways("submitted, awaits second");
    case.decide('h', SUN, "filed", 't', "g").check_both_ways("filed, v1");
}

/// The first had not seen the return, the second had: nobody files what was returned unseen.
#[test]
fn a_return_beside_the_first_begins_anew() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('f', SUN, "filed", 's', "s");
    case.decide('r', QIN, "returned", 's', "s").submit('t', 90, "r");
    case.check_both_ways("submitted");
    case.decide('g', HAO, "filed", 't', "ft").check_both_ways("submitted, awaits second");
}

#[test]
fn resubmission_after_a_return() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('r', SUN, "returned", 's', "s");
    case.check("returned, 理由r");
    case.submit('t', 80, "r").check_both_ways("submitted");
    assert_eq!(states(&case), [(vec!['r'], DecisionState::Outdated)]);
    let mut withdrawn = Case::new();
    withdrawn.submit('s', 90, "").decide('r', SUN, "returned", 's', "s").withdraw('w', "r");
    withdrawn.check_both_ways("withdrawn");
}

#[test]
fn a_withdrawal_does_not_answer_a_concurrent_return() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('r', SUN, "returned", 's', "s").withdraw('w', "s");
    case.check_both_ways("returned, 理由r");
}

#[test]
fn a_decision_on_an_older_version_says_so() {
    for outcome in ["returned", "rejected"] {
        let mut case = Case::new();
        case.submit('s', 90, "").submit('t', 80, "s").decide('r', SUN, outcome, 's', "s");
        case.check_both_ways(&format!("{outcome}, changed, 理由r"));
        case.decide('h', SUN, "filed", 't', "rt")
            .check_both_ways(&format!("{outcome}, changed, awaits second, 理由r"));
        case.decide('i', HAO, "filed", 't', "h").check_both_ways("filed, v1");
    }
}

#[test]
fn a_rejected_line_is_not_revived_by_the_college() {
    let mut case = Case::new();
    case.submit('s', 90, "").decide('r', SUN, "rejected", 's', "s").submit('t', 80, "r");
    case.check_both_ways("rejected, changed, 理由r");
}

#[test]
fn a_change_is_returned_while_the_filed_version_stands() {
    let mut case = filed();
    case.submit('t', 110, "g").decide('r', SUN, "returned", 't', "t");
    case.check_both_ways("filed, v1, changed, 理由r");
    assert_eq!(
        states(&case),
        [(vec!['f', 'g'], DecisionState::Outdated), (vec!['r'], DecisionState::InForce)]
    );
    case.submit('u', 100, "r").check_both_ways("filed, v1, changed, asks change");
    case.submit('v', 90, "u").check_both_ways("filed, v1");
}

#[test]
fn a_filed_line_can_be_returned_by_a_later_decision() {
    let mut case = filed();
    case.decide('r', SUN, "returned", 's', "g").check_both_ways("returned, v1, 理由r");
    case.submit('t', 90, "r").decide('h', SUN, "filed", 't', "t");
    case.decide('i', HAO, "filed", 't', "h").check_both_ways("filed, v1");
}

#[test]
fn a_version_changed_back_is_filed_again() {
    let mut case = filed();
    case.submit('t', 110, "g").decide('h', SUN, "filed", 't', "t");
    case.decide('i', HAO, "filed", 't', "h").check_both_ways("filed, v2");
    case.submit('u', 90, "i").check_both_ways("filed, v2, changed, asks change");
    case.decide('j', SUN, "filed", 'u', "u");
    case.check_both_ways("filed, v2, changed, asks change, awaits second");
    case.decide('k', HAO, "filed", 'u', "j").check_both_ways("filed, v3");
}

#[test]
fn a_cancelled_line_stays_so() {
    let mut case = filed();
    case.decide('c', HAO, "cancelled", 's', "g").check("cancelled, v1, 理由c");
    case.submit('t', 100, "c").check_both_ways("cancelled, v1, 理由c");
    case.withdraw('w', "t").check_both_ways("cancelled, v1, 理由c");
}

#[test]
fn forged_acts_count_for_nothing() {
    let forged = |expected: &str, forge: &dyn Fn(&mut Case)| {
        let mut case = Case::new();
        case.submit('s', 90, "").decide('f', SUN, "filed", 's', "s");
        forge(&mut case);
        case.check_both_ways(expected);
    };
    let unmoved = "submitted, awaits second";
    forged(unmoved, &|case| {
        case.decide('x', WANG, "filed", 's', "f");
    });
    forged(unmoved, &|case| {
        case.decide('x', WANG, "returned", 's', "f").alter(|found| {
            found.header = DECISIONS.between(NETWORK, COLLEGE, HUB, 2026);
        });
    });
    forged(unmoved, &|case| {
        case.decide('x', Person("郝敏", "xatl-1", HUB), "filed", 's', "f");
    });
    forged(unmoved, &|case| {
        case.decide('x', Person("王芳", "hub-1", HUB), "cancelled", 's', "f");
    });
    forged(unmoved, &|case| {
        case.decide('x', HAO, "cancelled", 's', "f").alter(|found| {
            found.header = PLAN.of(NETWORK, HUB, 2026);
        });
    });
    forged(unmoved, &|case| {
        case.decide('x', HAO, "filed", 's', "f").alter(|found| found.act.judged = None);
    });
    forged(unmoved, &|case| {
        case.decide('x', HAO, "returned", 's', "f").alter(|found| {
            found.act.body.insert("outcome".to_owned(), text("approved"));
        });
    });
    forged(unmoved, &|case| {
        case.submit_by(Person("王芳", "xatl-1", OTHER), 't', 70, "s");
    });
    forged(unmoved, &|case| {
        case.submit('t', 70, "s").alter(|found| found.header = PLAN.of(NETWORK, COLLEGE, 2026));
    });
    forged(unmoved, &|case| {
        case.submit('t', 70, "s").alter(|found| found.act.person = "郑洁".to_owned());
    });
    forged(unmoved, &|case| {
        case.add('n', WANG, receipt::NUMBER, "s", [("filing_no".to_owned(), text("1"))].into());
    });
}

/// An act of another organisation under the id of an honest one takes nothing away.
#[test]
fn a_borrowed_id_shadows_nobody() {
    let mut case = filed();
    let mut borrowed = case.acts[2].clone();
    borrowed.header = APPLICATION.between(NETWORK, OTHER, EVALUATOR, 2026);
    borrowed.act.kind = "application.withdraw".to_owned();
    case.acts.push(borrowed);
    case.check_both_ways("filed, v1");
}

#[test]
fn roles_are_those_of_the_position_at_which_an_act_is_judged() {
    let removed = |position: u64, after: &str, expected: &str| {
        let mut case = Case::new();
        let before = case.log.0.len() as u64;
        case.log.0.push(Statement::Revoke(device_of("hub-2"), "孙涛", PersonRole::Officer));
        case.submit('s', 90, "").alter(|found| found.act.position = before);
        case.submit_by(LI, 't', 90, "s");
        case.decide('r', SUN, "returned", 's', after);
        case.alter(|found| found.act.position = before + position);
        case.check_both_ways(expected);
    };
    removed(0, "s", "returned, 理由r");
    removed(1, "s", "submitted");
    removed(0, "t", "submitted");
    removed(2, "s", "submitted");
}

/// Whoever claims a log that does not exist harms only his own act.
#[test]
fn a_claimed_future_of_the_log_voids_no_one_else() {
    let mut case = Case::new();
    case.submit('s', 90, "").submit('t', 95, "s").alter(|found| found.act.position = u64::MAX);
    case.decide('r', SUN, "returned", 's', "t").check("returned, 理由r");
    case.log.0.push(Statement::Revoke(device_of("hub-2"), "孙涛", PersonRole::Officer));
    case.check_both_ways("returned, 理由r");
}

#[test]
fn numbers_and_receipts_come_from_the_allocating_device() {
    let number = |who: Person, id: char, number: &str, case: &mut Case| {
        let body = [("filing_no".to_owned(), text(number))].into();
        case.add(id, who, receipt::NUMBER, "g", body);
    };
    let mut case = filed();
    number(SUN, 'm', "wrong", &mut case);
    assert_eq!(case.status().filing_no, None);
    number(HAO, 'n', "right", &mut case);
    assert_eq!(case.status().filing_no.as_deref(), Some("right"));

    let receipt = |who: Person, id: char, on: &str, case: &mut Case| {
        let body: Fields = [
            ("act_id".to_owned(), text(&act_id('s').to_string())),
            ("received_at".to_owned(), text(&format!("{on}T09:00:00+08:00"))),
            ("deadline_on".to_owned(), text("2026-04-30")),
        ]
        .into();
        case.add(id, who, receipt::RECEIPT, "s", body);
    };
    let mut case = Case::new();
    case.submit('s', 90, "");
    receipt(QIN, 'a', "2026-05-02", &mut case);
    assert!(!case.status().late, "not the allocating device");
    receipt(HAO, 'b', "2026-04-30", &mut case);
    assert!(!case.status().late, "the last day counts");
    let mut case = Case::new();
    case.submit('s', 90, "");
    receipt(HAO, 'b', "2026-05-01", &mut case);
    assert!(case.status().late);
}

#[test]
fn acts_that_name_each_other_decide_nothing() {
    let mut case = Case::new();
    case.submit('s', 90, "");
    case.decide('q', SUN, "returned", 's', "sr").decide('r', HAO, "rejected", 's', "sq");
    case.check_both_ways("submitted");
}
