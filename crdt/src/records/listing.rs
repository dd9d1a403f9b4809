//! The list of what may be piloted (目录). Requirements R1, R21.
//!
//! Suspending, resuming and retiring an entry are not here yet.

use crate::action::{Action, Desk, FieldsGiven, Reason, Refusal, Run, Subject, Undo};
use crate::field::code::DocumentNo;
use crate::field::number::Decimal1;
use crate::field::text::{LongText, Text};
use crate::field::time::Date;
use crate::field::{Field, choices};
use crate::header::LISTING;
use crate::ids::RecordId;
use crate::record::{Record, Row, record};
use crate::roles::OrgRole::Hub;
use crate::roles::PersonRole::Officer;
use crate::value::Value;
use crate::view::{Touch, View};

use super::certificate::{CertLevel, CertLevelRef, live_listing};
use super::shared;
use super::standard::{Standard, StandardRef};

record! {
    /// An entry of the hub's list (目录条目). Requirements R21.
    Listing = "listing" / "目录条目" / "listing"
    order [] rows derive, affected;
    entry_type: EntryType = "条目类型" / "entry type";
    cert_level_id: Option<CertLevelRef> = "证书等级" / "certificate level";
    name: Option<Text<1, 80>> = "名称" / "name";
    standard_id: Option<StandardRef> = "列入时的标准" / "standard at listing";
    approved_credits: Option<Decimal1<5, 300>> = "认定学分" / "approved credits" [critical];
    document_no: Option<DocumentNo> = "文号" / "document number";
    listed_on: Date = "列入日期" / "listed on";
    retired_on: Option<Date> = "退出日期" / "retired on";
    reason: Option<LongText<400>> = "原因" / "reason";
    derive state: ListingState = "状态" / "state";
}

choices! {
    /// What an entry is about. R21: cancelled qualifications must not come back.
    EntryType {
        CertLevel = "cert_level" "证书等级" "certificate level",
        CancelledQualification = "cancelled_qualification" "已取消的职业资格" "cancelled qualification",
    }
}

choices! {
    /// Whether an entry is in force. Requirements 2.2.
    ListingState {
        Listed = "listed" "已列入目录" "listed",
        Suspended = "suspended" "暂停" "suspended",
        Retired = "retired" "已退出目录" "retired",
    }
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let source = shared::source_in(view, Listing::KIND, id, &LISTING)?;
    if source.header.owner != view.authority().hub() || source.removed {
        return None;
    }
    let mut row = shared::row_of(id, &source);
    row.set_text("state", ListingState::Listed.id());
    Some(row)
}

fn affected(_: &dyn View, touch: &Touch) -> Vec<RecordId> {
    shared::itself(Listing::KIND, touch)
}

/// Puts a certificate level, or the name of a cancelled qualification, on the list.
pub const ADD: Action = Action {
    id: "listing.add",
    zh: "列入目录",
    en: "List a level",
    who: &[(Hub, &[Officer])],
    kind: Some(Listing::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&["entry_type", "listed_on", "retired_on", "reason"]),
    params: &[crate::action::Param {
        key: "entry_type",
        zh: "条目类型",
        en: "entry type",
        ty: <EntryType as Field>::TYPE,
        required: false,
    }],
    from: &[],
    undo: Undo::No,
    run: Run::Rule(add),
};

fn add(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let entry_type = desk.given("entry_type").unwrap_or(EntryType::CertLevel);
    let mut fields = desk.given_fields();
    fields.insert("entry_type".to_owned(), entry_type.to_value());
    fields.insert("listed_on".to_owned(), desk.who.today().to_value());
    let missing = Reason::Invalid(crate::field::FieldError::Missing);
    match entry_type {
        EntryType::CancelledQualification => {
            desk.ensure(desk.given_value("name").is_some(), missing, Some("name"))?;
        }
        EntryType::CertLevel => {
            let level = desk.named_row(CertLevel::KIND, "cert_level_id")?;
            let Some(level) = level else {
                return desk.refuse(missing, Some("cert_level_id"));
            };
            let standard = standard_at_listing(desk, &level)?;
            fields.insert("standard_id".to_owned(), standard);
        }
    }
    let header = desk.own(&LISTING, desk.who.today().year());
    let id = desk.fresh_id();
    desk.create(header, id, fields);
    Ok(id)
}

/// The standard that a level is listed with: the one given, else the newest published (R1).
fn standard_at_listing(desk: &Desk, level: &Row) -> Result<Value, Refusal> {
    let live = live_listing(desk.view, level.id);
    let listed = live.is_some_and(|row| row.state() != Some(ListingState::Retired.id()));
    desk.ensure(!listed, Reason::AlreadyListed, Some("cert_level_id"))?;
    let given = desk.named_row(Standard::KIND, "standard_id")?;
    if let Some(standard) = &given {
        let fits = standard.id_of("cert_level_id") == Some(level.id)
            && standard.state() == Some("published");
        desk.ensure(fits, Reason::NoStandard, Some("standard_id"))?;
    }
    let newest = level.fields.get("standard_id").cloned();
    let value = given.map(|row| Value::Bytes(row.id.0.to_vec())).or(newest);
    match value {
        Some(value) => Ok(value),
        None => desk.refuse(Reason::NoStandard, Some("standard_id")),
    }
}
