//! Receipts (送达回执) and filing numbers (备案号): what one hub device gives by itself.
//!
//! Lateness is judged by receipts, not by anyone's clock (requirements 3.3). One device gives both
//! (parameter filing_allocator), so that there is one receipt per act and no number twice. Judging
//! a receipt by hand is not here yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::act::{Act, Found};
use crate::action::{Action, Desk, Run, Says, Who};
use crate::document::Write;
use crate::field::number::Count;
use crate::field::text::{PersonName, Text};
use crate::field::time::{Date, Moment};
use crate::field::{Field, choices};
use crate::header::{DECISIONS, Header};
use crate::ids::{ActId, RecordId};
use crate::record::{Record, Row, record};
use crate::value::Value;
use crate::view::{Touch, View};

use super::application::{self, Application, actions::SUBMIT, actions::WITHDRAW};
use super::call::Call;
use super::organisation::Organisation;
use super::shared;
use crate::field::code::OrgRef;

record! {
    /// A receipt (送达回执): the hub has an act. Requirements 3.3.
    ReceiptRow = "receipt" / "送达回执" / "receipt"
    order [] rows derive, all affected;
    derive org_id: OrgRef = "送达机构" / "organisation";
    derive subject_kind: Text<1, 40> = "对象类型" / "kind of subject";
    derive subject_id: Text<32, 32> = "对象" / "subject";
    derive act_id: Text<32, 32> = "送达的行为" / "act received";
    derive received_at: Moment = "收到时间" / "received at";
    derive deadline_on: Option<Date> = "截止日期" / "deadline";
    derive via: Via = "送达方式" / "by way of";
    derive timeliness: Timeliness = "时效" / "timeliness" [critical];
    derive skew_seconds: Option<Count<-4_000_000_000, 4_000_000_000>> = "时钟偏差(秒)" / "clock skew (s)";
    derive judged_by: Option<PersonName> = "认定人" / "judged by";
}

choices! {
    /// How an act came to the hub.
    Via {
        Direct = "direct" "直连" "direct",
        Relay = "relay" "转送" "relay",
        Bundle = "bundle" "离线包" "bundle",
    }
}

choices! {
    /// Whether an act came in time. Requirements 3.3, 5.5.
    Timeliness {
        OnTime = "on_time" "按时" "on time",
        InTransit = "in_transit" "在途" "in transit",
        Late = "late" "迟报" "late",
        Backfilled = "backfilled" "补报" "backfilled",
    }
}

/// The kind of the act by which the hub says that it has another.
pub const RECEIPT: &str = "hub.receipt";
/// The kind of the act by which a line gets its filing number.
pub const NUMBER: &str = "hub.filing_no";

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The act that was received.
    pub act_id: ActId,
    /// The day by the hub's clock.
    pub received_on: Date,
    /// The deadline that held for it.
    pub deadline_on: Option<Date>,
}

impl Receipt {
    /// Reads an act as a receipt.
    pub fn of(act: &Act) -> Option<Self> {
        let act_id = act.says("act_id")?.parse().ok()?;
        let received_on = Moment::parse(act.says("received_at")?).ok()?.date();
        let deadline_on = act.body.get("deadline_on").and_then(Date::from_value);
        Some(Self { act_id, received_on, deadline_on })
    }

    /// Judges by the rule: what came after the deadline is late until a person says otherwise.
    pub fn timeliness(&self) -> Timeliness {
        let late = self.deadline_on.is_some_and(|deadline| self.received_on > deadline);
        if late { Timeliness::Late } else { Timeliness::OnTime }
    }
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let found = view.act(ActId(id.0)).filter(|found| found.act.kind == RECEIPT)?;
    if !is_by_allocator(view, &found) {
        return None;
    }
    let receipt = Receipt::of(&found.act)?;
    let fields = ReceiptRow::KIND.fitting(&found.act.body);
    let mut row = Row { id, born: found.born, fields, ..Row::default() };
    row.set_text("subject_kind", Application::KIND.key);
    row.set_text("subject_id", found.act.subject.to_string());
    row.set_text("timeliness", receipt.timeliness().id());
    let claimed = view.act(receipt.act_id).and_then(|act| Moment::parse(&act.act.at).ok());
    let received = found.act.says("received_at").and_then(|at| Moment::parse(at).ok());
    let skew = claimed.zip(received).map(|(at, by)| at.unix_seconds() - by.unix_seconds());
    row.set("skew_seconds", skew.map(Value::Int));
    Some(row)
}

/// Only the allocating device gives receipts and numbers.
fn is_by_allocator(view: &dyn View, found: &Found) -> bool {
    let authority = view.authority();
    found.org() == authority.hub()
        && found.header.kind == DECISIONS.key
        && found.act.device == authority.allocator()
}

/// A receipt may come before the act that it is for: they stand in different documents.
fn affected(view: &dyn View, touches: &[Touch]) -> BTreeSet<RecordId> {
    let mut lines: BTreeMap<RecordId, BTreeSet<ActId>> = BTreeMap::new();
    for (act, line) in touches.iter().filter_map(|touch| touch.act("application.")) {
        lines.entry(line).or_default().insert(act);
    }
    let given = touches.iter().filter_map(|touch| touch.act(RECEIPT));
    let mut rows: BTreeSet<RecordId> = given.map(|(act, _)| RecordId(act.0)).collect();
    for (line, acts) in lines {
        let found = view.acts(line).into_iter().filter(|found| found.act.kind == RECEIPT);
        let names =
            |found: &Found| Receipt::of(&found.act).is_some_and(|r| acts.contains(&r.act_id));
        rows.extend(found.filter(names).map(|found| RecordId(found.act.id.0)));
    }
    rows
}

/// What the allocating device writes by itself after lines were touched: receipts for acts of
/// colleges, and numbers for lines that are filed and have none.
///
/// On any other device there is nothing to write.
pub fn follow_ups(
    view: &dyn View,
    who: &Who,
    lines: &[RecordId],
    fresh: &mut dyn FnMut() -> [u8; 16],
) -> Vec<(Header, Write)> {
    if who.device != view.authority().allocator() {
        return Vec::new();
    }
    let given = crate::action::Given::new();
    let mut desk = Desk::new(&GIVE, who, view, &given, fresh);
    for id in lines {
        if let Some(line) = application::line(view, *id) {
            give_receipts(&mut desk, *id, &line);
            give_number(&mut desk, *id, &line);
        }
    }
    desk.into_writes()
}

/// The desk of follow-ups; it is no action that a person can take.
static GIVE: Action = Action { id: RECEIPT, who: &[], run: Run::Node, ..SUBMIT };

fn give_receipts(desk: &mut Desk, id: RecordId, line: &application::Line) {
    let found = desk.view.acts(id);
    let received: BTreeSet<ActId> = found
        .iter()
        .filter(|found| found.act.kind == RECEIPT && is_by_allocator(desk.view, found))
        .filter_map(|found| Receipt::of(&found.act).map(|receipt| receipt.act_id))
        .collect();
    let deadline = deadline(desk, line);
    let mut given = 0;
    for found in shared::causality(desk.view, &found).ordered() {
        let theirs = found.org() == line.college
            && [SUBMIT.id, WITHDRAW.id].contains(&found.act.kind.as_str());
        if !theirs || received.contains(&found.act.id) {
            continue;
        }
        if given == RECEIPTS_PER_PASS_MAX {
            break;
        }
        given += 1;
        let now = Value::Text(desk.who.now.to_string());
        let says = Says::nothing()
            .with("org_id", Some(Value::Bytes(line.college.0.to_vec())))
            .with("act_id", Some(Value::Text(found.act.id.to_string())))
            .with("received_at", Some(now))
            .with("deadline_on", deadline.clone())
            .with("via", Some(Via::Direct.to_value()));
        line.tell(desk, RECEIPT, id, says);
    }
}

/// Receipts of one line in one pass; more follow in the next, so that no change grows too large.
const RECEIPTS_PER_PASS_MAX: usize = 60;

/// The deadline of the call for the year of the document that the line was submitted in; what the
/// college itself names does not count.
fn deadline(desk: &Desk, line: &application::Line) -> Option<Value> {
    let year = line.submitted_in.as_ref()?.year?;
    let calls = desk.view.rows_where(Call::KIND, "year", &Value::Int(year.into()));
    let call = calls.into_iter().max_by_key(|call| (call.born, call.id))?;
    call.fields.get("closes_on").cloned()
}

/// The number is `陕1X-yyyy-short_code-seq3` (requirements 2.3), the sequence the college's own.
fn give_number(desk: &mut Desk, id: RecordId, line: &application::Line) {
    let Some(row) = desk.view.row(Application::KIND, id) else {
        return;
    };
    if line.status.filed_version.is_none() || line.status.filing_no.is_some() {
        return;
    }
    let college = RecordId::from(line.college);
    let code = desk.view.row(Organisation::KIND, college);
    let code = code.and_then(|row| row.text("short_code").map(str::to_owned));
    let (Some(code), Some(year)) = (code, row.int("year")) else {
        return;
    };
    let prefix = format!("陕1X-{year}-{code}-");
    let lines =
        desk.view.rows_where(Application::KIND, "college_id", &Value::Bytes(college.0.to_vec()));
    let numbers = lines.iter().filter_map(|row| row.text("filing_no")?.strip_prefix(&prefix));
    let left = desk.left_texts("filing_no");
    let left = left.iter().filter_map(|number| number.strip_prefix(&prefix));
    let last = numbers.chain(left).filter_map(|number| number.parse::<u32>().ok()).max();
    let number = format!("{prefix}{:03}", last.unwrap_or_default() + 1);
    let says = Says::nothing().with("filing_no", Some(Value::Text(number)));
    line.tell(desk, NUMBER, id, says);
}
