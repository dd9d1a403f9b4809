//! Standards and assessment schemes (标准, 考核方案) of a certificate level. Requirements R11, R24.
//!
//! Neither is ever altered: a newer one names the one it supersedes, and what pinned the older
//! one goes on under it (C26).

use crate::action::{Action, Desk, FieldsGiven, Reason, Refusal, Run, Subject, Undo};
use crate::field::choices;
use crate::field::code::FileDigest;
use crate::field::code::record_ref;
use crate::field::number::{Count, Decimal1, Percent};
use crate::field::text::{LongText, NamedItems, Text, Version};
use crate::field::time::Date;
use crate::header::CATALOGUE;
use crate::ids::{Digest, RecordId};
use crate::record::{Record, RecordKind, Row, record};
use crate::roles::OrgRole::{self, Evaluator};
use crate::roles::PersonRole::{self, Manager};
use crate::value::Value;
use crate::view::{Touch, View};

use super::certificate::{CertLevel, CertLevelRef};
use super::shared;

record! {
    /// A version of the standard of a level (标准). Requirements R11.
    Standard = "standard" / "标准" / "standard"
    order [] rows derive, affected;
    cert_level_id: CertLevelRef = "证书等级" / "certificate level";
    version: Version = "版本" / "version" [critical] aka "标准版本";
    effective_from: Date = "生效日期" / "effective from";
    effective_to: Option<Date> = "失效日期" / "effective to";
    document_digest: FileDigest = "文本摘要" / "digest of the document" [critical];
    units: NamedItems = "考核单元" / "assessed units";
    developers: Option<LongText<400>> = "参与开发单位" / "co-developers";
    base_standards: Option<LongText<400>> = "依据的国家标准" / "base standards";
    supersedes_id: Option<StandardRef> = "替代的版本" / "supersedes";
    derive state: StandardState = "状态" / "state";
}

record! {
    /// How a level is examined and passed (考核方案); the pass rule is data. Requirements R24, 2.2.
    Scheme = "scheme" / "考核方案" / "scheme"
    order [] rows derive_scheme, affected_scheme;
    cert_level_id: CertLevelRef = "证书等级" / "certificate level";
    standard_id: StandardRef = "标准版本" / "standard version";
    version: Version = "版本" / "version" [critical];
    theory_mode: Option<Mode> = "理论方式" / "theory mode";
    theory_full: Option<Mark> = "理论满分" / "theory full mark" [critical];
    theory_weight: Option<Percent> = "理论权重(%)" / "theory weight (%)" [critical];
    theory_min: Option<Mark> = "理论最低分" / "theory minimum" [critical];
    practical_mode: Option<Mode> = "实操方式" / "practical mode";
    practical_full: Option<Mark> = "实操满分" / "practical full mark" [critical];
    practical_weight: Option<Percent> = "实操权重(%)" / "practical weight (%)" [critical];
    practical_min: Option<Mark> = "实操最低分" / "practical minimum" [critical];
    comprehensive_mode: Option<Mode> = "综合方式" / "comprehensive mode";
    comprehensive_full: Option<Mark> = "综合满分" / "comprehensive full mark" [critical];
    comprehensive_weight: Option<Percent> = "综合权重(%)" / "comprehensive weight (%)" [critical];
    comprehensive_min: Option<Mark> = "综合最低分" / "comprehensive minimum" [critical];
    composite_min: Option<Mark> = "合成合格分" / "composite pass mark" [critical];
    duration_minutes: Option<Count<1, 600>> = "考核时长(分钟)" / "duration (minutes)";
    derive pass_rule: Text<1, 400> = "合格规则" / "pass rule";
    derive digest: FileDigest = "方案摘要" / "scheme digest";
    supersedes_id: Option<SchemeRef> = "替代的方案" / "supersedes";
    derive state: SchemeState = "状态" / "state";
}

/// A mark, in tenths: 0.1 to 1000.0.
pub type Mark = Decimal1<1, 10_000>;

record_ref! {
    /// The id of a standard.
    StandardRef => "standard"
}

record_ref! {
    /// The id of a scheme.
    SchemeRef => "scheme"
}

choices! {
    /// How a subject is examined. Requirements 2.2.
    Mode {
        Machine = "machine" "机考" "machine",
        Paper = "paper" "纸笔" "paper",
        Practical = "practical" "实操" "practical",
        Defence = "defence" "答辩" "defence",
    }
}

choices! {
    /// Whether a newer standard has taken the place. Requirements R13.
    StandardState {
        Published = "published" "已发布" "published",
        Superseded = "superseded" "已被替代" "superseded",
    }
}

choices! {
    /// Whether a newer scheme has taken the place. C26.
    SchemeState {
        Current = "current" "现行" "current",
        Superseded = "superseded" "已被替代" "superseded",
    }
}

/// The subjects that a scheme may have; each has a mode, a full mark, a weight and a minimum.
const SUBJECTS: [(&str, &str); 3] =
    [("theory", "理论"), ("practical", "实操"), ("comprehensive", "综合")];

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let mut row = catalogue_row(view, Standard::KIND, id)?;
    let superseded = is_superseded(view, Standard::KIND, &row);
    let state = if superseded { StandardState::Superseded } else { StandardState::Published };
    row.set_text("state", state.id());
    Some(row)
}

fn affected(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    with_superseded(view, Standard::KIND, touch)
}

fn derive_scheme(view: &dyn View, id: RecordId) -> Option<Row> {
    let mut row = catalogue_row(view, Scheme::KIND, id)?;
    let superseded = is_superseded(view, Scheme::KIND, &row);
    let state = if superseded { SchemeState::Superseded } else { SchemeState::Current };
    let bytes = minicbor::to_vec(&row.fields).expect("fields encode into memory");
    let digest = Digest::over(&[b"onex/scheme/1", &bytes]);
    row.set("digest", Some(Value::Bytes(digest.0.to_vec())));
    row.set_text("pass_rule", pass_rule(&row));
    row.set_text("state", state.id());
    Some(row)
}

fn affected_scheme(view: &dyn View, touch: &Touch) -> Vec<RecordId> {
    with_superseded(view, Scheme::KIND, touch)
}

/// The row of a record in the catalogue of the evaluator whose level it names.
fn catalogue_row(view: &dyn View, kind: &RecordKind, id: RecordId) -> Option<Row> {
    let source = shared::source_in(view, kind, id, &CATALOGUE)?;
    let row = shared::row_of(id, &source);
    let level = row.id_of("cert_level_id")?;
    let level = shared::source_in(view, CertLevel::KIND, level, &CATALOGUE)?;
    (level.header == source.header && !source.removed).then_some(row)
}

/// Whether another record of the kind, for the same level, names this one as superseded.
fn is_superseded(view: &dyn View, kind: &RecordKind, row: &Row) -> bool {
    let named = Value::Bytes(row.id.0.to_vec());
    let level = row.id_of("cert_level_id");
    let newer = view.rows_where(kind, "supersedes_id", &named);
    newer.iter().any(|newer| newer.id_of("cert_level_id") == level)
}

fn with_superseded(view: &dyn View, kind: &RecordKind, touch: &Touch) -> Vec<RecordId> {
    let Some(id) = touch.record(kind) else {
        return Vec::new();
    };
    let older = shared::named_in_source(view, kind, id, "supersedes_id");
    [Some(id), older].into_iter().flatten().collect()
}

/// The conditions of a scheme in words; marks are compared before rounding. Requirements 2.2.
fn pass_rule(row: &Row) -> String {
    let mark =
        |key: &str| row.int(key).map(|tenths| crate::field::number::decimal_format(tenths, 1));
    let minima = SUBJECTS.iter().filter_map(|(subject, zh)| {
        mark(&format!("{subject}_min")).map(|least| format!("{zh} ≥ {least}"))
    });
    let composite = mark("composite_min").map(|least| format!("合成 ≥ {least}"));
    minima.chain(composite).collect::<Vec<_>>().join("；")
}

const WHO: &[(OrgRole, &[PersonRole])] = &[(Evaluator, &[Manager])];

/// Publishes a version of a standard.
pub const PUBLISH: Action = Action {
    id: "standard.publish",
    zh: "发布标准",
    en: "Publish standard",
    who: WHO,
    kind: Some(Standard::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&[]),
    params: &[],
    from: &[],
    undo: Undo::No,
    run: Run::Rule(publish),
};

/// Adds an assessment scheme.
pub const SCHEME_ADD: Action = Action {
    id: "scheme.add",
    zh: "制定考核方案",
    en: "Add scheme",
    kind: Some(Scheme::KIND),
    run: Run::Rule(scheme_add),
    ..PUBLISH
};

fn publish(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let from: Option<Date> = desk.given("effective_from");
    let to: Option<Date> = desk.given("effective_to");
    let ordered = to.is_none_or(|to| from.is_some_and(|from| from < to));
    desk.ensure(ordered, Reason::EndsBeforeStart, Some("effective_to"))?;
    create_version(desk)
}

fn scheme_add(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let standard = desk.named_row(Standard::KIND, "standard_id")?;
    let same_level = standard
        .is_some_and(|row| row.fields.get("cert_level_id") == desk.given_value("cert_level_id"));
    desk.ensure(same_level, Reason::UnknownRecord, Some("standard_id"))?;
    check_pass_rule(desk)?;
    create_version(desk)
}

/// Full marks and weights come together; with a composite they make 100; and there is at least
/// one condition (requirements 2.2: sum of full × weight = 10000).
fn check_pass_rule(desk: &Desk) -> Result<(), Refusal> {
    let number = |key: &str| desk.given_value(key).and_then(Value::as_int);
    let mut sum = 0;
    let mut conditions = number("composite_min").is_some();
    for (subject, _) in SUBJECTS {
        let full = number(&format!("{subject}_full"));
        let weight = number(&format!("{subject}_weight"));
        let least = number(&format!("{subject}_min"));
        let field = format!("{subject}_full");
        let paired = full.is_some() || (weight.is_none() && least.is_none());
        let missing = Reason::Invalid(crate::field::FieldError::Missing);
        desk.ensure(paired, missing, Some(&field))?;
        let within = least.is_none_or(|least| full.is_some_and(|full| least <= full));
        let over = Reason::MoreThan { limit: "full", most: full.unwrap_or_default() / 10 };
        desk.ensure(within, over, Some(&format!("{subject}_min")))?;
        sum += full.unwrap_or_default() / 10 * weight.unwrap_or_default();
        conditions |= least.is_some();
    }
    desk.ensure(conditions, Reason::NoPassRule, Some("composite_min"))?;
    let adds_up = number("composite_min").is_none() || sum == 10_000;
    desk.ensure(adds_up, Reason::Weights, Some("composite_min"))
}

/// Leaves a new version to be written: of an own level, with a version text of its own.
fn create_version(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let kind = desk.action.kind.expect("both actions have a kind");
    let level = desk.named_row(CertLevel::KIND, "cert_level_id")?;
    let own = level.is_some_and(|row| row.id_of("evaluator_id") == Some(desk.who.org.into()));
    desk.ensure(own, Reason::UnknownRecord, Some("cert_level_id"))?;
    let older = desk.named_row(kind, "supersedes_id")?;
    let level = desk.given_value("cert_level_id").expect("required, so given");
    let same = older.is_none_or(|row| row.fields.get("cert_level_id") == Some(level));
    desk.ensure(same, Reason::UnknownRecord, Some("supersedes_id"))?;
    let versions = desk.view.rows_where(kind, "cert_level_id", level);
    let version = desk.given_value("version");
    let taken = versions.iter().any(|row| row.fields.get("version") == version);
    desk.ensure(!taken, Reason::Duplicate, Some("version"))?;
    let header = desk.own(&CATALOGUE, desk.who.today().year());
    let id = desk.fresh_id();
    desk.create(header, id, desk.given_fields());
    Ok(id)
}
