//! Meetings of classes (课次) and who came (考勤). Requirements 2.5, R18, C8, C9.
//!
//! A sheet is one act: the marks of one marker for one meeting. A row is derived for each pair of
//! meeting and learner; markers who differ are shown until somebody decides.

pub mod actions;

use std::collections::{BTreeMap, BTreeSet};

use crate::act::{Act, Found};
use crate::field::code::record_ref;
use crate::field::number::Decimal1;
use crate::field::text::{PersonName, Text, TextList};
use crate::field::time::{ClockTime, Date, Moment};
use crate::field::{Field, FieldError, FieldType, Shape, choices};
use crate::header::{CLASS, Header};
use crate::ids::{ActId, DeviceId, OrgId, RecordId};
use crate::record::{Record, Row, record};
use crate::value::Value;
use crate::view::{Touch, View};

use super::class::ClassRef;
use super::conflict::{CHOOSE, Choice};
use super::learner::LearnerRef;
use super::{shared, undo};

record! {
    /// One date on which a class is taught (课次). Requirements 2.5.
    Meeting = "meeting" / "课次" / "meeting"
    order [] rows derive_meeting, affected_meeting;
    class_id: ClassRef = "培训班" / "class";
    held_on: Date = "日期" / "date" aka "上课日期";
    starts_at: Option<ClockTime> = "开始时间" / "starts at";
    hours: Decimal1<5, 120> = "学时" / "hours";
    topic: Option<Text<1, 200>> = "内容" / "topic" aka "课题";
    unit_codes: Option<TextList> = "对应标准单元" / "standard units";
    teacher: PersonName = "授课教师" / "teacher";
    room: Option<Text<1, 60>> = "场地" / "room";
}

record! {
    /// Whether a learner came to a meeting (考勤). Requirements 2.5, C8.
    Attendance = "attendance" / "考勤" / "attendance"
    order [] rows derive, affected;
    meeting_id: MeetingRef = "课次" / "meeting";
    learner_id: LearnerRef = "学员" / "learner";
    mark: Mark = "考勤" / "mark" [critical] aka "考勤情况";
    derive marked_by: PersonName = "记录人" / "marked by";
    derive marked_at: Moment = "记录时间" / "marked at";
    source: MarkSource = "来源" / "source";
    derive all_marks: AllMarks = "全部记录" / "all marks";
    derive state: AttendanceState = "状态" / "state";
}

record_ref! {
    /// The id of a meeting.
    MeetingRef => "meeting"
}

choices! {
    /// Whether a learner came (考勤).
    Mark {
        Present = "present" "到" "present",
        Late = "late" "迟到" "late",
        LeftEarly = "left_early" "早退" "left early",
        Leave = "leave" "请假" "on leave",
        Absent = "absent" "缺勤" "absent",
    }
}

choices! {
    /// How a mark came to be entered. C19.
    MarkSource {
        Screen = "screen" "当场录入" "on the spot",
        Paper = "paper" "纸质补录" "from paper",
    }
}

choices! {
    /// Whether markers agree. C8.
    AttendanceState {
        Marked = "marked" "已记录" "marked",
        Differing = "differing" "两人不一致" "markers differ",
        Decided = "decided" "已裁定" "decided",
    }
}

/// Every mark of one learner at one meeting that stands: mark, person, time.
pub struct AllMarks;

impl Field for AllMarks {
    const TYPE: FieldType = FieldType {
        name: "list",
        shape: Shape::Parts(&["mark", "marked_by", "marked_at"]),
        parse: |_| Err(FieldError::Characters),
    };

    fn to_value(&self) -> Value {
        Value::List(Vec::new())
    }

    fn from_value(_: &Value) -> Option<Self> {
        Some(Self)
    }
}

/// Whether a mark counts as attended: whoever came late did come. Requirements 2.5.
pub fn is_there(mark: Option<&str>) -> bool {
    matches!(mark, Some("present" | "late"))
}

/// The id of the row of a learner at a meeting.
pub fn attendance_id(owner: OrgId, meeting: RecordId, learner: RecordId) -> RecordId {
    RecordId::natural(owner, &[meeting, learner])
}

/// The marks that a sheet holds, a learner each.
pub fn marked_by(act: &Act) -> Vec<(RecordId, Mark)> {
    let mut marks = Vec::new();
    for mark in Mark::ALL {
        let items = act.body.get(mark.id()).and_then(Value::as_list).unwrap_or_default();
        marks.extend(items.iter().filter_map(|item| Some((item.parse().ok()?, *mark))));
    }
    marks
}

/// The rows besides its subject that a sheet is about.
pub fn about(act: &Act, owner: OrgId) -> Vec<RecordId> {
    let marks = marked_by(act).into_iter();
    marks.map(|(learner, _)| attendance_id(owner, act.subject, learner)).collect()
}

/// One person's mark of a learner at a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneMark {
    /// The act that holds it.
    pub act: ActId,
    /// Who marked.
    pub person: String,
    /// At which device.
    pub device: DeviceId,
    /// When, by the marker's clock.
    pub at: String,
    /// The mark.
    pub mark: Mark,
    source: Option<Value>,
}

/// What the acts on one pair of meeting and learner amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// The meeting.
    pub meeting: RecordId,
    /// The learner.
    pub learner: RecordId,
    /// Every mark that stands, in order.
    pub all: Vec<OneMark>,
    /// What was decided, and by whom, if the markers differed once.
    pub decided: Option<OneMark>,
    /// The newest mark of each person that the decision, if there is one, has not seen.
    pub open: Vec<OneMark>,
    born: u64,
}

impl Marks {
    /// Reads what stands under the id of a pair.
    pub fn of(view: &dyn View, id: RecordId) -> Option<Self> {
        let found = view.acts(id);
        // Sheets stand in the document of the class; what is written elsewhere hides none of them.
        let headers = found.iter().map(|found| &found.header);
        let headers: BTreeSet<&Header> =
            headers.filter(|header| header.kind == CLASS.key && id.is_of(header.owner)).collect();
        let standing = headers.into_iter().flat_map(|header| undo::standing(view, &found, header));
        let standing: Vec<&Found> = standing.collect();
        let mut pair = None;
        let mut all = Vec::new();
        for found in &standing {
            let marks = marked_by(&found.act).into_iter();
            let mut own = marks.filter(|(learner, _)| {
                attendance_id(found.header.owner, found.act.subject, *learner) == id
            });
            let Some((learner, mark)) = own.next() else { continue };
            pair.get_or_insert((found.act.subject, learner, found.born));
            all.push(one(found, mark));
        }
        let (meeting, learner, born) = pair?;
        let causality = shared::causality(view, &found);
        let choice = standing.iter().rev().find_map(|found| Some((found, chosen(&found.act)?)));
        let seen = choice.iter().flat_map(|(found, _)| causality.named_by([found.act.id]));
        let seen: BTreeSet<ActId> = seen.collect();
        let mut newest: BTreeMap<&str, &OneMark> = BTreeMap::new();
        for mark in all.iter().filter(|mark| !seen.contains(&mark.act)) {
            newest.insert(&mark.person, mark);
        }
        let open = newest.into_values().cloned().collect();
        let decided = choice.map(|(found, mark)| one(found, mark));
        Some(Self { meeting, learner, open, decided, all, born })
    }

    /// The marks among which somebody must choose; one or none where there is nothing to choose.
    pub fn rivals(&self) -> Vec<&OneMark> {
        let mut rivals: Vec<&OneMark> = Vec::new();
        for mark in self.decided.iter().chain(&self.open) {
            if rivals.iter().all(|rival| rival.mark != mark.mark) {
                rivals.push(mark);
            }
        }
        rivals.sort_by_key(|mark| mark.act);
        rivals
    }

    /// The mark that is shown: the decided one, else the last in order.
    fn shown(&self) -> Option<&OneMark> {
        let last = self.all.iter().rev().find(|mark| self.open.contains(mark));
        self.decided.as_ref().or(last)
    }
}

fn one(found: &Found, mark: Mark) -> OneMark {
    let act = &found.act;
    let (person, at) = (act.person.clone(), act.at.clone());
    let source = act.body.get("source").cloned();
    OneMark { act: act.id, person, device: act.device, at, mark, source }
}

fn chosen(act: &Act) -> Option<Mark> {
    let choice = Choice::of(act).filter(|choice| choice.field == "mark")?;
    choice.value.as_ref().and_then(Mark::from_value)
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let marks = Marks::of(view, id)?;
    let mut row = Row { id, born: marks.born, ..Row::default() };
    row.set_id("meeting_id", marks.meeting);
    row.set_id("learner_id", marks.learner);
    let shown = marks.shown()?;
    row.set("mark", Some(shown.mark.to_value()));
    row.set_text("marked_by", shown.person.as_str());
    row.set_text("marked_at", shown.at.as_str());
    let source = shown.source.clone().unwrap_or(MarkSource::Screen.to_value());
    row.set("source", Some(source));
    let all = marks.all.iter().map(|m| format!("{}\t{}\t{}", m.mark.id(), m.person, m.at));
    row.set("all_marks", Some(Value::List(all.collect())));
    let differing = marks.rivals().len() > 1;
    if differing {
        row.conflict.push("mark".to_owned());
    }
    let state = match (differing, &marks.decided) {
        (true, _) => AttendanceState::Differing,
        (false, Some(_)) => AttendanceState::Decided,
        (false, None) => AttendanceState::Marked,
    };
    row.set_text("state", state.id());
    Some(row)
}

fn affected(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    let Some((act, subject)) = touch.act("") else { return Vec::new() };
    let Some(found) = view.act(act) else { return Vec::new() };
    let sheet = undo::meant(found.act, |id| view.act(id).map(|found| found.act));
    let mut rows = about(&sheet, found.header.owner);
    if sheet.kind == CHOOSE.id && Choice::of(&sheet).is_some_and(|c| c.kind == Attendance::KIND.key)
    {
        rows.push(subject);
    }
    rows
}

fn derive_meeting(view: &dyn View, id: RecordId) -> Option<Row> {
    let sources = shared::sources(view, Meeting::KIND, id).into_iter();
    let mut rows = sources
        .filter(|source| source.header.kind == CLASS.key)
        .map(|source| (source.header.key, shared::row_of(id, &source)));
    rows.find_map(|(class, row)| (row.id_of("class_id") == class).then_some(row))
}

fn affected_meeting(_: &dyn View, touch: &Touch) -> Vec<RecordId> {
    shared::itself(Meeting::KIND, touch)
}
