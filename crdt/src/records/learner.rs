//! Learners (考生) on a college's register. Requirements 2.4, 5.2, R20, R74.
//!
//! Nobody but the owner receives them. Two records of one person are joined by an act, never by
//! rewriting one (C3); what a learner is registered for stands elsewhere.

pub mod actions;

use crate::act::Found;
use crate::field::choices;
use crate::field::code::{Blob, IdNumber, MajorCode, Mobile, record_ref};
use crate::field::text::{Email, LongText, PersonName, Pinyin, Text};
use crate::field::time::{Date, Grade};
use crate::header::{LEARNERS, PILOT_STUDENTS};
use crate::ids::RecordId;
use crate::record::{Fields, Record, Row, record};
use crate::search;
use crate::value::Value;
use crate::view::{Source, Touch, View};

use super::application::{ApplicationRef, EducationLevel};
use super::{shared, undo};

record! {
    /// A learner (考生). Requirements 2.4, 5.2.
    Learner = "learner" / "考生" / "learner"
    order ["class_name", "pinyin", "student_no"] rows derive, affected;
    name: PersonName = "姓名" / "name" [critical, secret] aka "学生姓名" | "考生姓名";
    pinyin: Option<Pinyin> = "姓名拼音" / "pinyin" aka "拼音";
    id_type: IdType = "证件类型" / "ID type" [critical] aka "证件种类";
    id_number: IdNumber = "证件号码" / "ID number" [critical, secret, indexed]
        aka "身份证号" | "身份证号码" | "证件号";
    gender: Gender = "性别" / "gender";
    birth_date: Date = "出生日期" / "birth date" [secret] aka "出生年月";
    ethnicity: Option<Text<1, 20>> = "民族" / "ethnic group";
    phone: Mobile = "手机号码" / "mobile" [secret] aka "联系电话" | "手机";
    email: Option<Email> = "电子邮箱" / "e-mail" [secret] aka "邮箱";
    learner_kind: LearnerKind = "考生类型" / "learner kind" [critical] aka "学员类型" | "人员类型";
    department: Option<Text<1, 60>> = "院系" / "department" aka "系部" | "二级学院";
    major_code: Option<MajorCode> = "专业代码" / "major code";
    major_name: Option<Text<1, 60>> = "专业名称" / "major name" aka "专业";
    grade: Option<Grade> = "年级" / "grade" aka "入学年份";
    class_name: Option<Text<1, 60>> = "班级" / "administrative class" aka "行政班" | "班级名称";
    student_no: Option<Text<1, 40>> = "学号" / "student number" [critical, indexed];
    education_level: Option<EducationLevel> = "学历层次" / "education level" aka "层次";
    education: Option<Text<1, 20>> = "文化程度" / "education attained" aka "学历";
    employer: Option<Text<1, 80>> = "工作单位" / "employer" aka "单位";
    address: Option<Text<1, 100>> = "通讯地址" / "address" [secret] aka "地址";
    photo_digest: Option<Blob> = "照片" / "photo" [critical, secret] aka "照片文件名" | "照片";
    remark: Option<LongText<200>> = "备注" / "remark";
    derive pilot_application_id: Option<ApplicationRef> = "计入的备案项" / "filed line it counts in";
    derive merged_into_id: Option<LearnerRef> = "并入" / "merged into";
    derive state: LearnerState = "状态" / "state";
}

record_ref! {
    /// The id of a learner.
    LearnerRef => "learner"
}

choices! {
    /// What kind of document a number is of (证件类型). Requirements 2.4.
    IdType {
        ResidentId = "resident_id" "居民身份证" "resident ID card",
        HmtResidence = "hmt_residence" "港澳台居民居住证" "HMT residence permit",
        HmtPermit = "hmt_permit" "港澳台居民通行证" "HMT travel permit",
        Passport = "passport" "护照" "passport",
        ForeignResidence = "foreign_residence" "外国人永久居留证" "foreign permanent residence",
    }
}

choices! {
    /// Sex (性别), GB/T 2261.1.
    Gender {
        Male = "1" "男" "male",
        Female = "2" "女" "female",
    }
}

choices! {
    /// Whether somebody studies at a school (考生类型). R20.
    LearnerKind {
        Student = "student" "在校生" "student",
        Social = "social" "社会人员" "member of the public",
    }
}

choices! {
    /// Where a learner stands. Requirements 2.4.
    LearnerState {
        Active = "active" "在册" "active",
        Graduated = "graduated" "毕业" "graduated",
        Left = "left" "离校" "left",
        Merged = "merged" "已合并" "merged",
        Removed = "removed" "已移出" "removed",
    }
}

/// Returns what the register of an owner holds of a learner.
fn source(view: &dyn View, id: RecordId) -> Option<Source> {
    shared::source_in(view, Learner::KIND, id, &LEARNERS)
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let source = source(view, id)?;
    let mut row = shared::row_of(id, &source);
    if !row.fields.contains_key("pinyin") {
        let proposal = row.text("name").and_then(proposed_pinyin);
        row.set("pinyin", proposal.map(Value::Text));
    }
    let found = view.acts(id);
    let (state, into) = standing_state(view, &found, &source, id);
    row.set_text("state", state.id());
    row.set("merged_into_id", into.map(|into| Value::Bytes(into.0.to_vec())));
    row.set("pilot_application_id", pilot_line(view, &found, &source));
    Some(row)
}

/// Returns the pinyin that a name is proposed to have, a syllable a word; nothing for names
/// without hanzi.
pub fn proposed_pinyin(name: &str) -> Option<String> {
    let spelt = search::syllables(name)?;
    Some(spelt.join(" "))
}

/// The state that the acts on a learner lead to: the last one decides, whoever was concurrent.
fn standing_state(
    view: &dyn View,
    found: &[Found],
    source: &Source,
    id: RecordId,
) -> (LearnerState, Option<RecordId>) {
    let mut state = (LearnerState::Active, None);
    for found in undo::standing(view, found, &source.header) {
        let act = &found.act;
        if act.subject != id {
            continue;
        }
        state = match act.kind.as_str() {
            "learner.leave" => match act.says("outcome") {
                Some("left") => (LearnerState::Left, None),
                _ => (LearnerState::Graduated, None),
            },
            "learner.remove" => (LearnerState::Removed, None),
            "learner.merge" => match act.says("into").and_then(|into| into.parse().ok()) {
                Some(into) => (LearnerState::Merged, Some(into)),
                None => state,
            },
            _ => state,
        };
    }
    state
}

/// The filed line that a learner counts in, as the college's own document says.
fn pilot_line(view: &dyn View, found: &[Found], source: &Source) -> Option<Value> {
    let said = found.iter().filter(|found| {
        found.header.kind == PILOT_STUDENTS.key && found.header.owner == source.header.owner
    });
    let newest = said.max_by_key(|found| (found.header.year, found.born))?;
    let standing = undo::standing(view, found, &newest.header);
    standing.last().and_then(|found| found.act.body.get("pilot_application_id").cloned())
}

/// Returns the learner that a merged record stands for, itself when it is not merged.
///
/// A ring of merges, which two devices can make, ends where it began.
pub fn resolved(view: &dyn View, id: RecordId) -> RecordId {
    let mut at = id;
    for _ in 0..MERGES_MAX {
        match view.row(Learner::KIND, at).and_then(|row| row.id_of("merged_into_id")) {
            Some(into) if into != id => at = into,
            _ => break,
        }
    }
    at
}

/// Merges that are followed; more of one person have never been seen.
const MERGES_MAX: usize = 16;

/// The active learners of an owner with a value under a key, without one of them.
pub fn others_with(view: &dyn View, key: &str, fields: &Fields, but: Option<RecordId>) -> Vec<Row> {
    let Some(value) = fields.get(key) else { return Vec::new() };
    let mut rows = view.rows_where(Learner::KIND, key, value);
    let gone = |row: &Row| matches!(row.state(), Some("merged" | "removed"));
    rows.retain(|row| Some(row.id) != but && !gone(row));
    rows
}

fn affected(_: &dyn View, touch: &Touch) -> Vec<RecordId> {
    let by_act = touch.act("").map(|(_, subject)| subject);
    let by_act = by_act.filter(|_| touch.act("learner.").or(touch.act(undo::UNDO.id)).is_some());
    touch.record(Learner::KIND).or(by_act).into_iter().collect()
}
