//! Decisions (审核决定) that took effect, as rows of their own. Requirements 2.0.1.
//!
//! A decision is written by its own action; here it is only shown.

use std::collections::BTreeSet;

use crate::field::code::FileDigest;
use crate::field::number::Count;
use crate::field::text::{LongText, PersonName, Text, TextList};
use crate::field::time::Moment;
use crate::field::{Field, choices};
use crate::ids::{ActId, RecordId};
use crate::record::{Record, Row, record};
use crate::value::Value;
use crate::view::{Touch, View};

use super::application::{self, Application, Outcome, actions::DECIDE};
use crate::field::code::OrgRef;

record! {
    /// A decision on a version of something (审核决定). Requirements 2.0.1, 2.3.
    Decision = "decision" / "审核决定" / "decision"
    order [] rows derive, all affected;
    derive org_id: OrgRef = "相对方机构" / "organisation concerned";
    derive subject_kind: Text<1, 40> = "对象类型" / "kind of subject";
    derive subject_id: Text<32, 32> = "对象" / "subject";
    derive subject_digest: FileDigest = "所审版本" / "version judged";
    derive outcome: Outcome = "决定" / "outcome";
    derive reason: Option<LongText<400>> = "理由" / "reason";
    derive filing_no: Option<Text<1, 40>> = "备案号" / "filing number";
    derive quota: Option<Count<1, 100_000>> = "备案人数" / "filed quota";
    derive person: PersonName = "决定人" / "decided by";
    derive second_person: Option<PersonName> = "会签人" / "second person";
    derive decided_at: Moment = "决定时间" / "decided at";
    derive after: Option<TextList> = "依据的在先行为" / "acts it had seen";
    derive state: DecisionState = "状态" / "state";
}

choices! {
    /// Whether a decision stands. Requirements 2.0.1.
    DecisionState {
        InForce = "in_force" "有效" "in force",
        Outdated = "outdated" "决定后有变更" "changed since",
        Superseded = "superseded" "已被取代" "superseded",
    }
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let first = view.act(ActId(id.0)).filter(|found| found.act.kind == DECIDE.id)?;
    let line = application::line(view, first.act.subject)?;
    let decision = line.status.decisions.iter().find(|d| d.acts.first() == Some(&first.act.id))?;
    let second = decision.acts.get(1).and_then(|act| view.act(*act));
    let mut row = Row { id, born: first.born, ..Row::default() };
    row.set_id("org_id", line.college);
    row.set_text("subject_kind", Application::KIND.key);
    row.set_text("subject_id", first.act.subject.to_string());
    row.set("subject_digest", Some(Value::Bytes(decision.digest.0.to_vec())));
    row.set("outcome", Some(decision.outcome.to_value()));
    let last = second.as_ref().unwrap_or(&first);
    for key in ["reason", "quota"] {
        row.set(key, last.act.body.get(key).or(first.act.body.get(key)).cloned());
    }
    if decision.outcome == Outcome::Filed {
        row.set("filing_no", line.status.filing_no.map(Value::Text));
    }
    row.set_text("person", first.act.person.clone());
    row.set("second_person", second.as_ref().map(|found| Value::Text(found.act.person.clone())));
    row.set_text("decided_at", last.act.at.clone());
    let after: Vec<String> = first.act.after.iter().map(ActId::to_string).collect();
    row.set("after", (!after.is_empty()).then_some(Value::List(after)));
    row.set_text("state", decision.state.id());
    Some(row)
}

/// Any act on a line may alter what became of every decision on it.
fn affected(view: &dyn View, touches: &[Touch]) -> BTreeSet<RecordId> {
    let acts = touches.iter().filter_map(|touch| touch.act("application.").or(touch.act("hub.")));
    let lines: BTreeSet<RecordId> = acts.map(|(_, line)| line).collect();
    let found = lines.into_iter().flat_map(|line| view.acts(line));
    let decisions = found.filter(|found| found.act.kind == DECIDE.id);
    decisions.map(|found| RecordId(found.act.id.0)).collect()
}
