//! Application lines (申报项): certificate × level that a college applies to pilot in a year.
//! Requirements 2.3, 5.6, R91, R92.
//!
//! The college's draft stands in its plan; a submission freezes a copy of it. The hub and the
//! evaluator see the newest submission, the college its newest draft, under one id.

pub mod actions;
pub mod status;

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Desk, Says};
use crate::field::choices;
use crate::field::code::record_ref;
use crate::field::code::{Level, MajorCode, Mobile};
use crate::field::number::{Count, Flag, Money, Months, Year};
use crate::field::text::{NamedItems, PersonName, Text};
use crate::header::{APPLICATION, DECISIONS, Header, PLAN};
use crate::ids::{Digest, OrgId, RecordId};
use crate::record::{Fields, Record, Row, record};
use crate::value::Value;
use crate::view::{Source, Touch, View};

use super::agreement::{Agreement, AgreementRef, agreement_id};
use super::call::{Call, CallRef};
use super::certificate::{CertLevel, CertLevelRef, Certificate};
use super::shared;
use crate::field::code::OrgRef;
use crate::field::text::CertificateName;
use actions::SUBMIT;
use status::Status;

record! {
    /// An application line (申报项). Requirements 2.3, 5.6.
    Application = "application" / "申报项" / "application line"
    order ["-year", "certificate_name", "level"] rows derive, affected;
    year: Year = "年度" / "year" [critical] aka "申报年度";
    call_id: CallRef = "申报通知" / "call";
    derive college_id: OrgRef = "院校" / "college";
    cert_level_id: CertLevelRef = "证书等级" / "certificate level" [critical];
    derive certificate_name: CertificateName = "证书名称" / "certificate name" aka "证书";
    derive level: Level = "等级" / "level" aka "级别";
    derive evaluator_id: OrgRef = "培训评价组织" / "evaluator" aka "评价组织";
    major_code: MajorCode = "对接专业代码" / "major code" [critical] aka "专业代码";
    major_name: Text<1, 60> = "专业名称" / "major name" aka "专业";
    more_majors: Option<NamedItems> = "其他对接专业" / "further majors";
    education_level: EducationLevel = "学历层次" / "education level" aka "层次";
    grade: Option<Text<4, 40>> = "年级" / "grade";
    enrolled_students: Count<0, 100_000> = "在校生数" / "students in the majors" aka "在校人数";
    planned_students: Count<1, 100_000> = "计划试点人数" / "planned students" [critical]
        aka "试点人数" | "计划人数";
    planned_social: Option<Count<0, 100_000>> = "计划社会人员" / "planned social learners" [critical]
        aka "社会人员人数";
    own_site: Flag = "是否申请考核站点" / "own site" aka "申请站点";
    exam_months: Option<Months> = "拟考核月份" / "planned exam months" aka "考核月份";
    teachers: Option<Count<0, 10_000>> = "专兼职教师数" / "teachers" aka "教师数";
    teachers_trained: Option<Count<0, 10_000>> = "已获师资培训人数" / "teachers trained"
        aka "已培训教师数";
    mapping_status: Option<MappingStatus> = "培养方案融入情况" / "curriculum mapping"
        aka "书证融通情况";
    budget_appropriation: Option<Money> = "经费预算(财政)" / "budget: appropriation" aka "财政拨款";
    budget_tuition: Option<Money> = "经费预算(学费)" / "budget: tuition" aka "学费";
    budget_other: Option<Money> = "经费预算(其他)" / "budget: other" aka "其他经费";
    contact_name: PersonName = "联系人" / "contact" [secret] aka "联系人姓名";
    contact_phone: Mobile = "联系电话" / "contact phone" [secret] aka "电话";
    endorsed_by: Option<PersonName> = "签批领导" / "endorsed by" aka "分管领导";
    endorsement_ref: Option<Text<1, 80>> = "党委会议记录" / "endorsement reference" aka "会议纪要";
    derive agreement_id: Option<AgreementRef> = "协议" / "agreement";
    derive filing_no: Option<Text<1, 40>> = "备案号" / "filing number";
    derive filed_version: Option<Count<1, 1000>> = "备案版本" / "filed version";
    derive changed_since_decision: Flag = "决定后有变更" / "changed since the decision";
    derive pending_request: Option<PendingRequest> = "待办申请" / "request pending";
    derive late: Flag = "逾期" / "late";
    derive reason: Option<Text<1, 400>> = "退回原因" / "reason of the last decision";
    derive pending_act: Option<Text<1, 60>> = "待第二人签署" / "act awaiting a second person";
    derive state: ApplicationState = "状态" / "state";
}

record_ref! {
    /// The id of an application line.
    ApplicationRef => "application"
}

choices! {
    /// The level of education a line is for. Requirements 5.6.
    EducationLevel {
        Secondary = "secondary" "中职" "secondary",
        HigherVocational = "higher_vocational" "高职" "higher vocational",
        Undergraduate = "undergraduate" "本科" "undergraduate",
    }
}

choices! {
    /// How far the certificate is part of the curriculum (书证融通). Requirements R15.
    MappingStatus {
        None = "none" "未融入" "none",
        Partial = "partial" "部分融入" "partial",
        Full = "full" "已融入" "full",
    }
}

choices! {
    /// Where a line stands; a filed one stays in force for the version judged. Requirements 2.3.
    ApplicationState {
        Draft = "draft" "草稿" "draft",
        Submitted = "submitted" "已提交" "submitted",
        Returned = "returned" "退回补正" "returned",
        Rejected = "rejected" "不予备案" "rejected",
        Filed = "filed" "已备案" "filed",
        Withdrawn = "withdrawn" "已撤回" "withdrawn",
        Cancelled = "cancelled" "已取消" "cancelled",
    }
}

choices! {
    /// What a college asks for while its line is filed. C5, C7.
    PendingRequest {
        Change = "change" "申请变更" "change",
        Withdrawal = "withdrawal" "申请撤回" "withdrawal",
    }
}

choices! {
    /// What the hub can decide on a line. Requirements 2.3.
    Outcome {
        Filed = "filed" "准予备案" "filed",
        Returned = "returned" "退回补正" "returned",
        Rejected = "rejected" "不予备案" "rejected",
        Withdrawn = "withdrawn" "同意撤回" "withdrawal granted",
        Cancelled = "cancelled" "取消" "cancelled",
    }
}

impl Outcome {
    /// The place in the order of concurrent decisions: the higher one wins, so that no right is
    /// created by a race. Requirements 2.0.1.
    pub fn precedence(self) -> u8 {
        match self {
            Outcome::Filed => 1,
            Outcome::Returned => 2,
            Outcome::Rejected => 3,
            Outcome::Withdrawn => 4,
            Outcome::Cancelled => 5,
        }
    }

    /// Whether it ends the line, whatever version was judged.
    pub fn is_about_the_line(self) -> bool {
        matches!(self, Outcome::Withdrawn | Outcome::Cancelled)
    }

    /// Whether it refuses a version.
    pub fn asks_for_more(self) -> bool {
        matches!(self, Outcome::Returned | Outcome::Rejected)
    }

    /// The state that it puts a line in.
    pub fn state(self) -> ApplicationState {
        match self {
            Outcome::Filed => ApplicationState::Filed,
            Outcome::Returned => ApplicationState::Returned,
            Outcome::Rejected => ApplicationState::Rejected,
            Outcome::Withdrawn => ApplicationState::Withdrawn,
            Outcome::Cancelled => ApplicationState::Cancelled,
        }
    }
}

/// A line as it can be seen here: whose, what stands in it, and its status.
pub struct Line {
    /// The college.
    pub college: OrgId,
    /// The newest version that can be seen: the draft, else the newest submission.
    pub fields: Fields,
    /// The draft, at the college.
    pub draft: Option<Source>,
    /// The document of the newest submission.
    pub submitted_in: Option<Header>,
    /// The status.
    pub status: Status,
    born: u64,
}

impl Line {
    /// The evaluator that the newest submission was made to.
    pub fn evaluator(&self) -> Option<OrgId> {
        self.submitted_in.as_ref().and_then(|header| header.counterpart)
    }

    /// Leaves an act of the hub on the line to be written: into its decisions towards the college
    /// and towards the evaluator, since both must know of it.
    pub fn tell(&self, desk: &mut Desk, kind: &'static str, id: RecordId, says: Says) {
        let year = self.submitted_in.as_ref().and_then(|header| header.year).unwrap_or_default();
        desk.act_of_kind(kind, desk.towards(&DECISIONS, self.college, year), id, says);
        if let Some(evaluator) = self.evaluator() {
            desk.copy_act(desk.towards(&DECISIONS, evaluator, year));
        }
    }
}

/// Returns a line as it can be seen here.
pub fn line(view: &dyn View, id: RecordId) -> Option<Line> {
    let draft = shared::source_in(view, Application::KIND, id, &PLAN);
    let found = view.acts(id);
    let first = found
        .iter()
        .filter(|found| found.header.kind == APPLICATION.key && found.act.kind == SUBMIT.id)
        .filter(|found| id.is_of(found.org()))
        .min_by_key(|found| (found.born, found.act.id));
    let college = draft.as_ref().map(|d| d.header.owner).or(first.map(|f| f.header.owner))?;
    let status = status::status(view.authority(), college, &found);
    let newest = found.iter().find(|found| Some(found.act.id) == status.newest);
    let copy = newest.map(|found| Application::KIND.fitting(&found.act.body));
    let fields = draft.as_ref().map(|draft| draft.fields.clone()).or(copy)?;
    let born = draft.as_ref().map(|d| d.born).or(first.map(|f| f.born)).unwrap_or_default();
    let submitted_in = newest.map(|found| found.header.clone());
    Some(Line { college, fields, draft, submitted_in, status, born })
}

/// Returns what stands otherwise in the newest submission than in the version that the decision
/// in force judged: the old and the new value by key. Empty unless the line has changed since.
pub fn difference(
    view: &dyn View,
    id: RecordId,
) -> BTreeMap<String, (Option<Value>, Option<Value>)> {
    let Some(line) = line(view, id).filter(|line| line.status.changed_since_decision) else {
        return BTreeMap::new();
    };
    let found = view.acts(id);
    let version = |digest: Option<Digest>| {
        let own = found.iter().filter(|found| found.org() == line.college);
        let mut frozen =
            own.filter(|found| digest.is_some() && found.act.frozen_digest() == digest);
        frozen.next().map(|found| &found.act.body)
    };
    let judged = version(line.status.judged_digest);
    let newest = version(line.status.newest_digest);
    let (Some(judged), Some(newest)) = (judged, newest) else {
        return BTreeMap::new();
    };
    let keys: BTreeSet<&String> = judged.keys().chain(newest.keys()).collect();
    keys.into_iter()
        .map(|key| (key.clone(), (judged.get(key).cloned(), newest.get(key).cloned())))
        .filter(|(_, (old, new))| old != new)
        .collect()
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let line = line(view, id)?;
    if line.draft.as_ref().is_some_and(|draft| draft.removed) && line.status.state.is_none() {
        return None;
    }
    let mut row = Row { id, fields: line.fields, born: line.born, ..Row::default() };
    row.conflict = line.draft.map(|draft| draft.conflict).unwrap_or_default();
    row.set_id("college_id", line.college);
    let level = row.id_of("cert_level_id").and_then(|id| view.row(CertLevel::KIND, id));
    if let Some(level) = level {
        for key in ["certificate_name", "level", "evaluator_id"] {
            row.set(key, level.fields.get(key).cloned());
        }
    }
    row.set("agreement_id", agreement_in_force(view, &row));
    let status = line.status;
    row.set("filing_no", status.filing_no.map(Value::Text));
    row.set("filed_version", status.filed_version.map(Value::Int));
    row.set("changed_since_decision", Some(Value::Bool(status.changed_since_decision)));
    row.set("late", Some(Value::Bool(status.late)));
    row.set("reason", status.reason.map(Value::Text));
    let request = status.pending_request.map(|request| Value::Text(request.id().to_owned()));
    row.set("pending_request", request);
    let awaited = status.awaits_second.map(|_| Value::Text(actions::DECIDE.id.to_owned()));
    row.set("pending_act", awaited);
    row.set_text("state", status.state.unwrap_or(ApplicationState::Draft).id());
    Some(row)
}

/// The agreement of a line's college and evaluator for its year, where one is in force.
fn agreement_in_force(view: &dyn View, row: &Row) -> Option<Value> {
    let (college, evaluator) = (row.id_of("college_id")?, row.id_of("evaluator_id")?);
    let id = agreement_id(college.into(), evaluator.into(), row.int("year")?);
    let agreement = view.row(Agreement::KIND, id)?;
    (agreement.state() == Some("in_force")).then(|| Value::Bytes(id.0.to_vec()))
}

fn affected(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    let id = |id: RecordId| Value::Bytes(id.0.to_vec());
    if let Some((_, line)) = touch.act("application.").or(touch.act("hub.")) {
        return vec![line];
    }
    if let Some((_, agreement)) = touch.act("agreement.") {
        let college = view.row(Agreement::KIND, agreement).and_then(|row| row.id_of("college_id"));
        let lines = college.map(|org| view.rows_where(Application::KIND, "college_id", &id(org)));
        return shared::ids(lines.unwrap_or_default());
    }
    let levels = match touch.record(Certificate::KIND) {
        Some(certificate) => {
            shared::ids(view.rows_where(CertLevel::KIND, "certificate_id", &id(certificate)))
        }
        None => touch.record(CertLevel::KIND).into_iter().collect(),
    };
    let of_level = |level| view.rows_where(Application::KIND, "cert_level_id", &id(level));
    let lines = levels.into_iter().flat_map(of_level).map(|row| row.id);
    lines.chain(touch.record(Application::KIND)).collect()
}

/// The call that applications go to when none is named: the newest open one.
pub fn open_call(view: &dyn View) -> Option<Row> {
    let open = view.rows_where(Call::KIND, "state", &Value::Text("open".to_owned()));
    open.into_iter().max_by_key(|row| (row.int("year"), row.born, row.id))
}
