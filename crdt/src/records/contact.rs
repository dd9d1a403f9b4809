//! Contacts (联系人): whom to call at an organisation. Requirements R86, 2.1.
//!
//! Each organisation keeps its own, in a document that every organisation reads.

use crate::action::{Action, Desk, FieldsGiven, Refusal, Run, Says, Subject, Undo};
use crate::document::REMOVED;
use crate::field::code::Mobile;
use crate::field::text::{Email, PersonName, Text};
use crate::field::time::Date;
use crate::field::{Field, choices};
use crate::header::ORGANISATION;
use crate::ids::RecordId;
use crate::record::{Record, Row, record};
use crate::roles::OrgRole::{College, Evaluator, Hub};
use crate::roles::{OrgRole, PersonRole};
use crate::value::Value;
use crate::view::{Touch, View};

use super::organisation::KEEPERS;
use super::shared;
use crate::field::code::OrgRef;

record! {
    /// A contact person (联系人). Requirements R86.
    Contact = "contact" / "联系人" / "contact"
    order [] rows derive, affected;
    derive org_id: OrgRef = "所属机构" / "organisation";
    name: PersonName = "姓名" / "name" [secret] aka "联系人" | "联系人姓名";
    post: Option<Text<1, 40>> = "职务" / "post" aka "岗位";
    duty: Duty = "职责" / "duty" aka "联系人类别";
    phone: Mobile = "手机号码" / "mobile" [secret] aka "联系电话" | "手机" | "电话";
    email: Option<Email> = "电子邮箱" / "e-mail" [secret] aka "邮箱";
    since: Option<Date> = "起始日期" / "since" aka "任职日期";
    derive confirmed_on: Option<Date> = "最近确认日期" / "last confirmed";
    derive state: ContactState = "状态" / "state";
}

choices! {
    /// What a contact person is there for.
    Duty {
        Coordinator = "coordinator" "专职联系人" "coordinator",
        Leader = "leader" "分管领导" "leader",
        Finance = "finance" "财务" "finance",
        Academic = "academic" "教务" "academic office",
        Exam = "exam" "考务" "examinations",
    }
}

choices! {
    /// Whether a contact person is still there.
    ContactState {
        Active = "active" "在任" "active",
        Removed = "removed" "已移出" "removed",
    }
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let source = shared::source_in(view, Contact::KIND, id, &ORGANISATION)?;
    let mut row = shared::row_of(id, &source);
    row.set_id("org_id", source.header.owner);
    let found = view.acts(id);
    let confirmed = shared::acts_of(view, &found, &CONFIRM, &source.header);
    let days = confirmed.iter().filter_map(|found| found.act.body.get("confirmed_on"));
    let confirmed = days.filter(|day| Date::from_value(day).is_some()).max().cloned();
    row.set("confirmed_on", confirmed);
    let state = if source.removed { ContactState::Removed } else { ContactState::Active };
    row.set_text("state", state.id());
    Some(row)
}

fn affected(_: &dyn View, touch: &Touch) -> Vec<RecordId> {
    let confirmed = touch.act("contact.").map(|(_, subject)| subject);
    touch.record(Contact::KIND).or(confirmed).into_iter().collect()
}

const WHO: &[(OrgRole, &[PersonRole])] =
    &[(Hub, KEEPERS), (College, KEEPERS), (Evaluator, KEEPERS)];

/// Adds a contact person of the own organisation.
pub const ADD: Action = Action {
    id: "contact.add",
    zh: "添加联系人",
    en: "Add contact",
    who: WHO,
    kind: Some(Contact::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&[]),
    params: &[],
    from: &[],
    undo: Undo::By("contact.remove"),
    run: Run::Rule(|desk| {
        check_since(desk)?;
        let id = desk.fresh_id();
        let header = desk.own(&ORGANISATION, desk.who.today().year());
        desk.create(header, id, desk.given_fields());
        Ok(id)
    }),
};

/// Alters a contact person of the own organisation.
pub const EDIT: Action = Action {
    id: "contact.edit",
    zh: "修改联系人",
    en: "Edit contact",
    subject: Subject::Takes,
    from: &["active"],
    undo: Undo::Edit,
    run: Run::Rule(|desk| {
        check_since(desk)?;
        let row = desk.subject_row()?;
        let header = shared::home(desk, Contact::KIND, row.id)?;
        desk.set_given(header, &row)?;
        Ok(row.id)
    }),
    ..ADD
};

/// Says that a contact person is still right; older than `contact_fresh_days` shows as stale.
pub const CONFIRM: Action = Action {
    id: "contact.confirm",
    zh: "确认联系人有效",
    en: "Confirm contact",
    subject: Subject::Takes,
    fields: FieldsGiven::None,
    from: &["active"],
    undo: Undo::No,
    run: Run::Rule(|desk| {
        let row = desk.subject_row()?;
        let header = shared::home(desk, Contact::KIND, row.id)?;
        let today = Some(desk.who.today().to_value());
        desk.act(header, row.id, Says::nothing().with("confirmed_on", today));
        Ok(row.id)
    }),
    ..ADD
};

/// Takes a contact person out of the list; the record stays.
pub const REMOVE: Action = Action {
    id: "contact.remove",
    zh: "移出联系人",
    en: "Remove contact",
    subject: Subject::Takes,
    fields: FieldsGiven::None,
    from: &["active"],
    undo: Undo::Edit,
    run: Run::Rule(|desk| {
        let row = desk.subject_row()?;
        let header = shared::home(desk, Contact::KIND, row.id)?;
        desk.set(header, &row, REMOVED, Some(Value::Bool(true)));
        Ok(row.id)
    }),
    ..ADD
};

fn check_since(desk: &Desk) -> Result<(), Refusal> {
    let since: Option<Date> = desk.given("since");
    let past = since.is_none_or(|since| since <= desk.who.today());
    desk.ensure(past, crate::action::Reason::Invalid(crate::field::FieldError::Date), Some("since"))
}
