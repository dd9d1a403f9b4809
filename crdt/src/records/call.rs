//! Calls for applications (申报通知). Requirements R91.
//!
//! No clock closes a call; an act does. Whether a line is late, receipts tell.

use std::collections::BTreeSet;

use crate::action::{Action, Desk, FieldsGiven, Reason, Refusal, Run, Says, Subject, Undo};
use crate::field::choices;
use crate::field::code::DocumentNo;
use crate::field::code::record_ref;
use crate::field::number::{Count, Year};
use crate::field::text::{LongText, Text};
use crate::field::time::Date;
use crate::header::LISTING;
use crate::ids::RecordId;
use crate::record::{Record, Row, record};
use crate::roles::OrgRole::Hub;
use crate::roles::PersonRole::Officer;
use crate::value::Value;
use crate::view::{Touch, View};

use super::application::Application;
use super::shared;
use crate::field::code::OrgRefs;

record! {
    /// A call for applications of one year (申报通知). Requirements R91.
    Call = "call" / "申报通知" / "call"
    order [] rows derive, affected;
    year: Year = "年度" / "year" [critical];
    title: Text<1, 80> = "标题" / "title";
    document_no: Option<DocumentNo> = "文号" / "document number";
    opens_on: Date = "开始日期" / "opens on";
    closes_on: Date = "截止日期" / "closes on" [critical];
    audience: Option<OrgRefs> = "通知对象" / "audience";
    text: Option<LongText<8000>> = "通知正文" / "text";
    derive responses: Count<0, 100_000> = "已响应院校数" / "colleges that answered";
    derive state: CallState = "状态" / "state";
}

record_ref! {
    /// The id of a call.
    CallRef => "call"
}

choices! {
    /// Whether a call still takes applications.
    CallState {
        Open = "open" "受理中" "open",
        Closed = "closed" "已截止" "closed",
    }
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let source = shared::source_in(view, Call::KIND, id, &LISTING)?;
    let hub = view.authority().hub();
    if source.header.owner != hub || source.removed {
        return None;
    }
    let mut row = shared::row_of(id, &source);
    let lines = view.rows_where(Application::KIND, "call_id", &Value::Bytes(id.0.to_vec()));
    let answered: BTreeSet<_> = lines
        .iter()
        .filter(|line| line.state() != Some("draft"))
        .filter_map(|line| line.id_of("college_id"))
        .collect();
    row.set("responses", Some(Value::Int(answered.len() as i64)));
    let found = view.acts(id);
    let closed = shared::acts_of(view, &found, &CLOSE, &source.header);
    let state = if closed.is_empty() { CallState::Open } else { CallState::Closed };
    row.set_text("state", state.id());
    Some(row)
}

fn affected(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    if let Some((_, line)) = touch.act("application.") {
        let call = view.row(Application::KIND, line).and_then(|row| row.id_of("call_id"));
        return call.into_iter().collect();
    }
    let closed = touch.act("call.").map(|(_, subject)| subject);
    touch.record(Call::KIND).or(closed).into_iter().collect()
}

/// Opens the call of a year.
pub const OPEN: Action = Action {
    id: "call.open",
    zh: "发布申报通知",
    en: "Open call",
    who: &[(Hub, &[Officer])],
    kind: Some(Call::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&["opens_on", "title"]),
    params: &[
        crate::action::Param {
            key: "title",
            zh: "标题",
            en: "title",
            ty: <Text<1, 80> as crate::field::Field>::TYPE,
            required: false,
        },
        crate::action::Param {
            key: "opens_on",
            zh: "开始日期",
            en: "opens on",
            ty: <Date as crate::field::Field>::TYPE,
            required: false,
        },
    ],
    from: &[],
    undo: Undo::By("call.close"),
    run: Run::Rule(open),
};

/// Ends a call; lines that come later are late.
pub const CLOSE: Action = Action {
    id: "call.close",
    zh: "截止申报",
    en: "Close call",
    subject: Subject::Takes,
    fields: FieldsGiven::None,
    params: &[],
    from: &["open"],
    undo: Undo::No,
    run: Run::Rule(|desk| {
        let row = desk.subject_row()?;
        let header = shared::home(desk, Call::KIND, row.id)?;
        desk.act(header, row.id, Says::nothing());
        Ok(row.id)
    }),
    ..OPEN
};

fn open(desk: &mut Desk) -> Result<RecordId, Refusal> {
    use crate::field::Field;
    let year: Year = desk.given("year").expect("required, so given");
    let opens: Date = desk.given("opens_on").unwrap_or(desk.who.today());
    let closes: Date = desk.given("closes_on").expect("required, so given");
    desk.ensure(opens <= closes, Reason::EndsBeforeStart, Some("closes_on"))?;
    let mut fields = desk.given_fields();
    fields.insert("opens_on".to_owned(), opens.to_value());
    let title = match desk.given_value("title") {
        Some(title) => title.clone(),
        None => Value::Text(format!("关于开展{}年度证书试点申报的通知", year.number())),
    };
    fields.insert("title".to_owned(), title);
    let header = desk.own(&LISTING, desk.who.today().year());
    let id = desk.fresh_id();
    desk.create(header, id, fields);
    Ok(id)
}
