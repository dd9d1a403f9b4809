//! Organisations (机构): who takes part in the pilot. Requirements 2.1.
//!
//! The hub writes identity into its directory; leaders' names are the organisation's own.
//! Suspension, merging and exit are not here yet.

use crate::action::{Action, Desk, FieldsGiven, Reason, Refusal, Run, Subject, Undo};
use crate::field::code::{
    CollegeType, OrgRef, RegionCode, ReportingUnit, SchoolCode, ShortCode, Uscc,
};
use crate::field::number::Count;
use crate::field::text::{OrgName, Several, Text, TextList};
use crate::field::time::Date;
use crate::field::{Field, choices};
use crate::header::{DIRECTORY, ORGANISATION};
use crate::ids::RecordId;
use crate::record::{Record, Row, record};
use crate::roles::OrgRole::{College, Evaluator, Hub};
use crate::roles::PersonRole::{Admin, Officer};
use crate::roles::{OrgRole, PersonRole};
use crate::value::Value;
use crate::view::{Touch, View};

use super::shared;

record! {
    /// An organisation (机构). Requirements 2.1.
    Organisation = "organisation" / "机构" / "organisation"
    order [] rows derive, affected;
    role: OrgRole = "角色" / "role" [critical] aka "机构类别";
    name: OrgName = "机构名称" / "name" [critical]
        aka "院校名称" | "学校名称" | "评价组织名称" | "单位名称" | "单位";
    short_name: Option<Text<1, 12>> = "简称" / "short name" aka "机构简称";
    uscc: Option<Uscc> = "统一社会信用代码" / "unified social credit code"
        aka "信用代码" | "社会信用代码";
    school_code: Option<SchoolCode> = "学校标识码" / "school code" aka "学校代码" | "院校代码";
    short_code: ShortCode = "机构短码" / "short code" aka "短码";
    college_type: Option<CollegeType> = "院校类型" / "college type" aka "学校类型";
    tags: Option<Tags> = "标签" / "tags";
    region_code: Option<RegionCode> = "行政区划代码" / "region code" aka "所在地代码" | "区划代码";
    reporting_unit: Option<ReportingUnit> = "报送单位" / "reporting unit" aka "所属地市";
    evaluator_tier: Option<EvaluatorTier> = "评价组织类别" / "evaluator tier";
    evaluator_batch: Option<Count<1, 4>> = "遴选批次" / "selection batch" aka "批次";
    evaluator_nature: Option<EvaluatorNature> = "评价组织性质" / "evaluator nature";
    leader_name: Option<Text<2, 50>> = "分管领导" / "leader in charge" aka "分管校领导";
    leader_post: Option<Text<1, 40>> = "分管领导职务" / "leader's post";
    derive former_names: Option<TextList> = "曾用名" / "former names";
    derive merged_into_id: Option<OrgRef> = "并入机构" / "merged into";
    derive effective_on: Option<Date> = "生效日期" / "effective date";
    derive pending_act: Option<Text<1, 60>> = "待第二人签署" / "act awaiting a second person";
    derive state: OrganisationState = "状态" / "state";
}

choices! {
    /// Where an organisation stands in the pilot. Requirements 2.1, 2.19.
    OrganisationState {
        Active = "active" "试点中" "active",
        Suspended = "suspended" "暂停" "suspended",
        Exited = "exited" "已退出" "exited",
        Merged = "merged" "已并入" "merged",
    }
}

choices! {
    /// The tier an evaluator was selected in. Requirements R7.
    EvaluatorTier {
        Mature = "mature" "成熟" "mature",
        Growing = "growing" "成长" "growing",
        Gap = "gap" "缺失领域" "gap",
    }
}

choices! {
    /// What an evaluator is by law. Requirements 2.1.
    EvaluatorNature {
        Enterprise = "enterprise" "企业" "enterprise",
        Association = "association" "行业协会" "association",
        Research = "research" "研究机构" "research institute",
        PublicInstitution = "public_institution" "事业单位" "public institution",
        PrivateNonprofit = "private_nonprofit" "民办非企业" "private non-profit",
    }
}

choices! {
    /// What a college was distinguished as. Requirements R43, R107.
    Tag {
        Demonstration = "demonstration" "示范" "demonstration",
        Backbone = "backbone" "骨干" "backbone",
        Quality = "quality" "优质" "quality",
        DoubleHigh = "double_high" "双高" "double high",
        CreditBank = "credit_bank" "学分银行试点" "credit bank pilot",
    }
}

/// Distinctions of a college, each at most once.
pub type Tags = Several<Tag>;

/// What a college needs besides what everybody does.
const PLACE: [&str; 2] = ["region_code", "reporting_unit"];

/// Fields that an organisation itself writes.
const OWN: &[&str] = &["leader_name", "leader_post"];

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let kind = Organisation::KIND;
    let hub = view.authority().hub();
    let identity = shared::source_of(view, kind, id, &DIRECTORY, hub)?;
    if identity.removed {
        return None;
    }
    let mut row = shared::row_of(id, &identity);
    let own = shared::source_of(view, kind, id, &ORGANISATION, id.into());
    if let Some(own) = own {
        for key in OWN {
            row.set(key, own.fields.get(*key).cloned());
        }
        row.conflict.extend(own.conflict.into_iter().filter(|key| OWN.contains(&key.as_str())));
    }
    row.set_text("state", OrganisationState::Active.id());
    Some(row)
}

fn affected(_: &dyn View, touch: &Touch) -> Vec<RecordId> {
    shared::itself(Organisation::KIND, touch)
}

/// The hub enters an organisation; its record has the id that the organisation will have.
pub const ADD: Action = Action {
    id: "organisation.add",
    zh: "登记机构",
    en: "Add organisation",
    who: &[(Hub, &[Officer])],
    kind: Some(Organisation::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(OWN),
    params: &[],
    from: &[],
    undo: Undo::By("organisation.edit"),
    run: Run::Rule(add),
};

/// The hub alters identity, an organisation its leader.
pub const EDIT: Action = Action {
    id: "organisation.edit",
    zh: "修改机构信息",
    en: "Edit organisation",
    who: &[(Hub, &[Officer, Admin]), (College, &[Admin]), (Evaluator, &[Admin])],
    kind: Some(Organisation::KIND),
    subject: Subject::Takes,
    fields: FieldsGiven::Except(&["role"]),
    params: &[],
    from: &["active", "suspended"],
    undo: Undo::Edit,
    run: Run::Rule(edit),
};

fn add(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let role: OrgRole = desk.given("role").expect("required, so given");
    desk.ensure(role != Hub, Reason::WrongOrganisation, Some("role"))?;
    check_codes(desk, role, None)?;
    if role == College {
        for key in PLACE {
            let missing = Reason::Invalid(crate::field::FieldError::Missing);
            desk.ensure(desk.given_value(key).is_some(), missing, Some(key))?;
        }
    }
    let id = RecordId::from(desk.fresh_org());
    let year = desk.who.today().year();
    desk.create(desk.own(&DIRECTORY, year), id, desk.given_fields());
    Ok(id)
}

fn edit(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let own_record = RecordId::from(desk.who.org) == row.id;
    let own = desk.own(&ORGANISATION, desk.who.today().year());
    let given: Vec<_> =
        desk.action.field_params().filter(|field| desk.is_given(field.key)).collect();
    for field in given {
        let own_field = OWN.contains(&field.key);
        let allowed = if own_field {
            own_record && desk.who.roles.contains(&Admin)
        } else {
            desk.who.org_role == Hub && desk.who.roles.contains(&Officer)
        };
        desk.ensure(allowed, Reason::NoRight, Some(field.key))?;
        let needed = row.text("role") == Some(College.id()) && PLACE.contains(&field.key);
        let missing = Reason::Invalid(crate::field::FieldError::Missing);
        let stays = !needed || desk.given_value(field.key).is_some();
        desk.ensure(stays, missing, Some(field.key))?;
        if own_field {
            desk.register(own.clone(), &row, field)?;
        } else {
            let directory = shared::home(desk, Organisation::KIND, row.id)?;
            desk.set_field(directory, &row, field)?;
        }
    }
    let role = row.text("role").and_then(OrgRole::from_id).unwrap_or(College);
    check_codes(desk, role, Some(row.id))?;
    Ok(row.id)
}

/// Names and codes are one organisation's each, and a short code is of the role's form.
fn check_codes(desk: &Desk, role: OrgRole, itself: Option<RecordId>) -> Result<(), Refusal> {
    for key in ["name", "short_code", "uscc", "school_code"] {
        let Some(value) = desk.given_value(key) else {
            continue;
        };
        let others = desk.view.rows_where(Organisation::KIND, key, value);
        let taken = others.iter().any(|row| Some(row.id) != itself);
        desk.ensure(!taken, Reason::Duplicate, Some(key))?;
    }
    if let Some(code) = desk.given::<ShortCode>("short_code") {
        let characters = if role == College { 5 } else { 4 };
        let form = Reason::Invalid(crate::field::FieldError::Length {
            min: characters,
            max: characters,
            found: code.as_str().len(),
        });
        desk.ensure(code.as_str().len() == characters, form, Some("short_code"))?;
    }
    Ok(())
}

/// Returns the values of the hub's own record, which is made when the network is founded.
///
/// # Errors
/// At which field a value is wrong.
pub fn hub_fields(
    name: &str,
    region: &str,
) -> Result<crate::record::Fields, (&'static str, crate::field::FieldError)> {
    let read = |key, ty: crate::field::FieldType, text: &str| {
        (ty.parse)(text).map(|value| (key, value)).map_err(|error| (key, error))
    };
    let values = [
        Ok(("role", Hub.to_value())),
        read("name", OrgName::TYPE, name),
        read("short_code", ShortCode::TYPE, HUB_SHORT_CODE),
        read("region_code", RegionCode::TYPE, region),
    ];
    values.into_iter().map(|value| value.map(|(key, value)| (key.to_owned(), value))).collect()
}

/// The hub's short code; no other organisation gets it.
pub const HUB_SHORT_CODE: &str = "HUB0";

/// Returns the name of an organisation, for rows that show it.
pub fn name(view: &dyn View, id: RecordId) -> Option<Value> {
    view.row(Organisation::KIND, id).and_then(|row| row.fields.get("name").cloned())
}

/// Returns the role of an organisation by its record.
pub fn role(view: &dyn View, id: RecordId) -> Option<OrgRole> {
    view.row(Organisation::KIND, id)?.text("role").and_then(OrgRole::from_id)
}

/// Who may keep an organisation's contacts and what it says of itself.
pub const KEEPERS: &[PersonRole] = &[Admin, PersonRole::Coordinator, PersonRole::Manager, Officer];
