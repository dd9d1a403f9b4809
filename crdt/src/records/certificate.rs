//! Certificates and their levels (职业技能等级证书, 证书等级). Requirements 2.2, R10.
//!
//! An evaluator enters its own into its catalogue; for an evaluator without a node the hub enters
//! them into the directory. Certificate × level is the unit of everything.

use crate::action::{Action, Desk, FieldsGiven, Reason, Refusal, Run, Subject, Undo};
use crate::field::code::Level;
use crate::field::code::{id_list, record_ref};
use crate::field::number::{Count, Decimal1};
use crate::field::text::{CertificateName, LongText, Text, TextList};
use crate::field::time::Date;
use crate::field::{Field, choices};
use crate::header::{CATALOGUE, DIRECTORY, Header};
use crate::ids::{OrgId, RecordId};
use crate::record::{Record, Row, record};
use crate::roles::OrgRole::{Evaluator, Hub};
use crate::roles::PersonRole::{Manager, Officer};
use crate::roles::{OrgRole, PersonRole};
use crate::value::Value;
use crate::view::{Source, Touch, View};

use super::listing::{Listing, ListingState};
use super::organisation;
use super::shared;
use super::standard::{Scheme, SchemeRef, Standard, StandardRef};
use crate::field::code::OrgRef;

record! {
    /// A certificate (职业技能等级证书). Requirements 2.2.
    Certificate = "certificate" / "证书" / "certificate"
    order [] rows derive, affected;
    name: CertificateName = "证书名称" / "certificate name" [critical]
        aka "职业技能等级证书" | "证书";
    evaluator_id: OrgRef = "培训评价组织" / "evaluator" [critical] aka "评价组织" | "发证机构";
    batch: Option<Count<1, 4>> = "批次" / "batch" aka "证书批次";
    field_code: Option<Text<1, 20>> = "领域" / "field" aka "技能领域";
    job_groups: Option<LongText<400>> = "面向岗位(群)" / "job groups" aka "岗位群";
    majors: Option<TextList> = "适用专业" / "applicable majors" aka "适用专业代码";
    national_id: Option<Text<1, 64>> = "国家平台编号" / "national platform id";
    started_on: Option<Date> = "启用日期" / "start date";
    derive levels: Option<TextList> = "已有等级" / "levels present";
}

record! {
    /// A certificate level (证书等级): the unit of piloting, quota, session and certificate. R10.
    CertLevel = "cert_level" / "证书等级" / "certificate level"
    order [] rows derive_level, affected_level;
    certificate_id: CertificateRef = "证书" / "certificate";
    derive certificate_name: CertificateName = "证书名称" / "certificate name";
    derive evaluator_id: OrgRef = "培训评价组织" / "evaluator";
    level: Level = "等级" / "level" [critical] aka "证书等级" | "级别";
    prerequisites: Option<LongText<400>> = "报考条件" / "prerequisites";
    national_id: Option<Text<1, 64>> = "国家平台等级编号" / "national id of the level";
    suggested_credits: Option<Decimal1<5, 300>> = "建议学分" / "suggested credits";
    derive approved_credits: Option<Decimal1<5, 300>> = "认定学分" / "approved credits";
    framework_level: Option<Count<1, 8>> = "资历框架级别" / "qualification framework level";
    derive standard_id: Option<StandardRef> = "现行标准" / "current standard";
    derive scheme_id: Option<SchemeRef> = "现行考核方案" / "current scheme";
    derive fee_standard_id: Option<FeeStandardRef> = "现行收费标准" / "fee standard in force";
    derive state: CertLevelState = "状态" / "state";
}

record_ref! {
    /// The id of a certificate.
    CertificateRef => "certificate"
}

record_ref! {
    /// The id of a certificate level.
    CertLevelRef => "cert_level"
}

id_list! {
    /// Several certificate levels.
    CertLevelRefs => "cert_level"
}

record_ref! {
    /// The id of a fee standard.
    FeeStandardRef => "fee_standard"
}

choices! {
    /// Whether the hub lists a level; a line, class or session needs `listed`. R21.
    CertLevelState {
        Draft = "draft" "未列入目录" "not listed",
        Listed = "listed" "已列入目录" "listed",
        Suspended = "suspended" "暂停" "suspended",
        Retired = "retired" "已退出目录" "retired",
    }
}

/// A record that an evaluator or, in its stead, the hub may write: who answers for it.
pub fn catalogue_source(
    view: &dyn View,
    kind: &crate::record::RecordKind,
    id: RecordId,
) -> Option<Source> {
    let hub = view.authority().hub();
    shared::sources(view, kind, id).into_iter().find(|source| {
        let by_hub = source.header.kind == DIRECTORY.key && source.header.owner == hub;
        (by_hub || source.header.kind == CATALOGUE.key) && !source.removed
    })
}

/// A certificate in a catalogue whose owner it names, or in the hub's directory.
fn certificate_source(view: &dyn View, id: RecordId) -> Option<Source> {
    catalogue_source(view, Certificate::KIND, id).filter(|source| {
        let by_owner = shared::row_of(id, source).id_of("evaluator_id");
        source.header.kind == DIRECTORY.key || by_owner == Some(source.header.owner.into())
    })
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let source = certificate_source(view, id)?;
    let mut row = shared::row_of(id, &source);
    let mut levels: Vec<i64> =
        levels_of(view, id).iter().filter_map(|level| level.int("level")).collect();
    levels.sort_unstable();
    let levels: Vec<String> = levels.iter().map(i64::to_string).collect();
    row.set("levels", (!levels.is_empty()).then_some(Value::List(levels)));
    Some(row)
}

/// The levels of a certificate as their documents hold them.
fn levels_of(view: &dyn View, certificate: RecordId) -> Vec<Row> {
    let id = Value::Bytes(certificate.0.to_vec());
    view.rows_where(CertLevel::KIND, "certificate_id", &id)
}

fn affected(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    if let Some(level) = touch.record(CertLevel::KIND) {
        let named = shared::named_in_source(view, CertLevel::KIND, level, "certificate_id");
        return named.into_iter().collect();
    }
    shared::itself(Certificate::KIND, touch)
}

fn derive_level(view: &dyn View, id: RecordId) -> Option<Row> {
    let source = catalogue_source(view, CertLevel::KIND, id)?;
    let mut row = shared::row_of(id, &source);
    let certificate = certificate_source(view, row.id_of("certificate_id")?)?;
    if certificate.header != source.header {
        return None;
    }
    row.set("certificate_name", certificate.fields.get("name").cloned());
    row.set("evaluator_id", certificate.fields.get("evaluator_id").cloned());
    let standards = newest(view, Standard::KIND, id, "published");
    row.set("standard_id", standards);
    row.set("scheme_id", newest(view, Scheme::KIND, id, "current"));
    let listing = live_listing(view, id);
    row.set(
        "approved_credits",
        listing.as_ref().and_then(|l| l.fields.get("approved_credits").cloned()),
    );
    let state = match listing.as_ref().and_then(Row::state) {
        Some(state) => state.to_owned(),
        None => CertLevelState::Draft.id().to_owned(),
    };
    row.set_text("state", state);
    Some(row)
}

/// The newest row of a kind that belongs to a level and is in a state.
fn newest(
    view: &dyn View,
    kind: &crate::record::RecordKind,
    level: RecordId,
    state: &str,
) -> Option<Value> {
    let rows = view.rows_where(kind, "cert_level_id", &Value::Bytes(level.0.to_vec()));
    let newest = rows
        .into_iter()
        .filter(|row| row.state() == Some(state))
        .max_by_key(|row| (row.born, row.id));
    newest.map(|row| Value::Bytes(row.id.0.to_vec()))
}

/// The listing entry of a level that is not retired, else the newest retired one.
pub fn live_listing(view: &dyn View, level: RecordId) -> Option<Row> {
    let rows = view.rows_where(Listing::KIND, "cert_level_id", &Value::Bytes(level.0.to_vec()));
    rows.into_iter()
        .max_by_key(|row| (row.state() != Some(ListingState::Retired.id()), row.born, row.id))
}

fn affected_level(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    if let Some(certificate) = touch.record(Certificate::KIND) {
        return shared::ids(levels_of(view, certificate));
    }
    for kind in [Listing::KIND, Standard::KIND, Scheme::KIND] {
        if let Some(id) = touch.record(kind) {
            let named = shared::named_in_source(view, kind, id, "cert_level_id");
            return named.into_iter().collect();
        }
    }
    shared::itself(CertLevel::KIND, touch)
}

const WHO: &[(OrgRole, &[PersonRole])] = &[(Evaluator, &[Manager]), (Hub, &[Officer])];

/// Adds a certificate.
pub const ADD: Action = Action {
    id: "certificate.add",
    zh: "添加证书",
    en: "Add certificate",
    who: WHO,
    kind: Some(Certificate::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&["evaluator_id"]),
    params: &[EVALUATOR],
    from: &[],
    undo: Undo::Edit,
    run: Run::Rule(add),
};

const EVALUATOR: crate::action::Param = crate::action::Param {
    key: "evaluator_id",
    zh: "培训评价组织",
    en: "evaluator",
    ty: <OrgRef as Field>::TYPE,
    required: false,
};

/// Alters a certificate.
pub const EDIT: Action = Action {
    id: "certificate.edit",
    zh: "修改证书",
    en: "Edit certificate",
    subject: Subject::Takes,
    params: &[],
    undo: Undo::Edit,
    run: Run::Rule(edit),
    ..ADD
};

/// Adds a level to a certificate.
pub const LEVEL_ADD: Action = Action {
    id: "cert_level.add",
    zh: "添加证书等级",
    en: "Add level",
    who: WHO,
    kind: Some(CertLevel::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&[]),
    params: &[],
    from: &[],
    undo: Undo::Edit,
    run: Run::Rule(level_add),
};

/// Alters a level.
pub const LEVEL_EDIT: Action = Action {
    id: "cert_level.edit",
    zh: "修改证书等级",
    en: "Edit level",
    subject: Subject::Takes,
    fields: FieldsGiven::Except(&["certificate_id", "level"]),
    from: &["draft", "listed", "suspended"],
    undo: Undo::Edit,
    run: Run::Rule(edit),
    ..LEVEL_ADD
};

fn add(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let evaluator = evaluator(desk)?;
    let name = desk.given_value("name").expect("required, so given");
    let same = desk.view.rows_where(Certificate::KIND, "name", name);
    let taken = same.iter().any(|row| row.id_of("evaluator_id") == Some(evaluator.into()));
    desk.ensure(!taken, Reason::Duplicate, Some("name"))?;
    let mut fields = desk.given_fields();
    fields.insert("evaluator_id".to_owned(), Value::Bytes(evaluator.0.to_vec()));
    let header = catalogue_header(desk);
    let id = desk.fresh_id();
    desk.create(header, id, fields);
    Ok(id)
}

/// The evaluator that a new certificate belongs to: the own organisation, or the one that the
/// hub names and that has no node.
fn evaluator(desk: &Desk) -> Result<OrgId, Refusal> {
    if desk.who.org_role == Evaluator {
        return Ok(desk.who.org);
    }
    let missing = Reason::Invalid(crate::field::FieldError::Missing);
    let row = desk.named_row(organisation::Organisation::KIND, "evaluator_id")?;
    let Some(row) = row else {
        return desk.refuse(missing, Some("evaluator_id"));
    };
    let is_evaluator = row.text("role") == Some(Evaluator.id());
    desk.ensure(is_evaluator, Reason::WrongOrganisation, Some("evaluator_id"))?;
    let free = !shared::has_node(desk, row.id.into());
    desk.ensure(free, Reason::HasNode, Some("evaluator_id"))?;
    Ok(row.id.into())
}

fn catalogue_header(desk: &Desk) -> Header {
    let kind = if desk.who.org_role == Evaluator { &CATALOGUE } else { &DIRECTORY };
    desk.own(kind, desk.who.today().year())
}

fn edit(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let kind = desk.action.kind.expect("both actions have a kind");
    let header = shared::home(desk, kind, row.id)?;
    desk.set_given(header, &row)?;
    Ok(row.id)
}

fn level_add(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let certificate = desk.named_row(Certificate::KIND, "certificate_id")?;
    let Some(certificate) = certificate else {
        return desk.refuse(Reason::UnknownRecord, Some("certificate_id"));
    };
    let level = desk.given_value("level").expect("required, so given");
    let levels = levels_of(desk.view, certificate.id);
    let taken = levels.iter().any(|row| row.fields.get("level") == Some(level));
    desk.ensure(!taken, Reason::Duplicate, Some("level"))?;
    let header = shared::home(desk, Certificate::KIND, certificate.id)?;
    let id = desk.fresh_id();
    desk.create(header, id, desk.given_fields());
    Ok(id)
}
