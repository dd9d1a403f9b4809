//! Training classes (培训班) with their rosters. Requirements 2.5, R18, R19, R40.
//!
//! Nobody but the college receives them. What was taught and who came is `attendance`'s matter.

pub mod actions;
pub mod enrolment;

use crate::act::Found;
use crate::field::choices;
use crate::field::code::record_ref;
use crate::field::number::{Count, Decimal1, Flag, Money};
use crate::field::text::{Text, TextList};
use crate::field::time::{Date, Term};
use crate::header::CLASS;
use crate::ids::{ActId, RecordId};
use crate::record::{Record, Row, record};
use crate::value::Value;
use crate::view::{Source, Touch, View};

use super::attendance::Meeting;
use super::certificate::CertLevelRef;
use super::standard::StandardRef;
use super::{shared, undo};
use enrolment::Enrolment;

record! {
    /// A training class (培训班). Requirements 2.5.
    Class = "class" / "培训班" / "class"
    order [] rows derive, affected;
    name: Text<1, 60> = "班级名称" / "class name" aka "培训班名称";
    cert_level_id: CertLevelRef = "证书等级" / "certificate level" [critical];
    standard_id: StandardRef = "标准版本" / "standard version" [critical];
    class_type: ClassType = "培训类型" / "class type" aka "班型";
    term: Term = "学期" / "term";
    starts_on: Date = "开始日期" / "starts on";
    ends_on: Option<Date> = "结束日期" / "ends on";
    plan_hours: Decimal1<5, 20_000> = "计划学时" / "planned hours" [critical];
    derive taught_hours: Decimal1<0, 1_000_000> = "已授学时" / "taught hours";
    teachers: TextList = "任课教师" / "teachers" aka "授课教师";
    evaluator_trainer: Option<Text<1, 40>> = "评价组织培训师" / "evaluator's trainer";
    partner_enterprise: Option<Text<1, 80>> = "合作企业" / "partner enterprise";
    room: Option<Text<1, 60>> = "培训场地" / "room" aka "教室";
    capacity: Option<Count<1, 400>> = "容量" / "capacity";
    credit_bearing: Option<Flag> = "是否计学分" / "credit bearing";
    credits: Option<Decimal1<5, 300>> = "学分" / "credits";
    fee: Option<Money> = "培训费" / "training fee";
    derive enrolled_count: Count<0, 100_000> = "在班人数" / "enrolled";
    derive state: ClassState = "状态" / "state";
}

record_ref! {
    /// The id of a class.
    ClassRef => "class"
}

choices! {
    /// How a class trains (培训类型). R19.
    ClassType {
        Integrated = "integrated" "课程融入" "part of a course",
        Intensive = "intensive" "专项强化" "intensive",
        Social = "social" "社会培训" "for the public",
        PreExam = "pre_exam" "考前集训" "before the examination",
    }
}

choices! {
    /// Where a class stands.
    ClassState {
        Open = "open" "在训" "open",
        Completed = "completed" "已结束" "completed",
        Cancelled = "cancelled" "已取消" "cancelled",
    }
}

/// Returns what the document of a class holds of it.
pub fn source(view: &dyn View, id: RecordId) -> Option<Source> {
    // A class written into the document of another one hides nothing.
    let own = |source: &Source| source.header.kind == CLASS.key && source.header.key == Some(id);
    shared::sources(view, Class::KIND, id).into_iter().find(own)
}

/// Where a class stands: cancelling beats closing, whoever came first (requirements 2.0.1).
pub fn state(view: &dyn View, found: &[Found], source: &Source) -> ClassState {
    let standing = undo::standing(view, found, &source.header);
    let any = |kind: &str| standing.iter().any(|found| found.act.kind == kind);
    match (any("class.cancel"), any("class.close")) {
        (true, _) => ClassState::Cancelled,
        (false, true) => ClassState::Completed,
        (false, false) => ClassState::Open,
    }
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let source = source(view, id)?;
    let mut row = shared::row_of(id, &source);
    let of_class = Value::Bytes(id.0.to_vec());
    let meetings = view.rows_where(Meeting::KIND, "class_id", &of_class);
    let taught = meetings.iter().filter_map(|meeting| meeting.int("hours")).sum();
    row.set("taught_hours", Some(Value::Int(taught)));
    let enrolled = view.rows_where(Enrolment::KIND, "class_id", &of_class);
    let here = |row: &&Row| row.state() != Some("removed");
    row.set("enrolled_count", Some(Value::Int(enrolled.iter().filter(here).count() as i64)));
    let state = state(view, &view.acts(id), &source);
    row.set_text("state", state.id());
    Some(row)
}

fn affected(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    if let Some((act, _)) = touch.act("class.").or(touch.act(undo::UNDO.id)) {
        return class_of_act(view, act).into_iter().collect();
    }
    if let Some(meeting) = touch.record(Meeting::KIND) {
        let named = shared::named_in_source(view, Meeting::KIND, meeting, "class_id");
        return named.into_iter().collect();
    }
    shared::itself(Class::KIND, touch)
}

/// The class in whose document an act stands.
pub fn class_of_act(view: &dyn View, act: ActId) -> Option<RecordId> {
    let header = view.act(act)?.header;
    header.key.filter(|_| header.kind == CLASS.key)
}
