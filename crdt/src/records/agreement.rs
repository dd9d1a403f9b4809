//! Agreements of a college and an evaluator (协议). Requirements R72.
//!
//! Each side writes its own acts into a document of its own; the agreement is in force when both
//! name one digest. Its id is the hash of the parties and the year, so both sides mean the same.

use crate::act::Found;
use crate::action::{Action, Desk, FieldsGiven, Param, Reason, Refusal, Run, Says, Subject, Undo};
use crate::field::code::FileDigest;
use crate::field::code::record_ref;
use crate::field::number::{Money, Year};
use crate::field::text::LongText;
use crate::field::time::Date;
use crate::field::{Field, FieldError, choices};
use crate::header::{AGREEMENT, Header};
use crate::ids::{Digest, OrgId, RecordId};
use crate::record::{Record, Row, record};
use crate::roles::OrgRole::{College, Evaluator};
use crate::roles::PersonRole::{Coordinator, Leader, Manager};
use crate::value::Value;
use crate::view::{Touch, View};

use super::certificate::{CertLevel, CertLevelRefs};
use super::organisation::{self, Organisation};
use super::shared;
use crate::field::code::OrgRef;

record! {
    /// An agreement (协议) for one year. Requirements R72.
    Agreement = "agreement" / "协议" / "agreement"
    order [] rows derive, affected;
    college_id: OrgRef = "院校" / "college" [critical];
    evaluator_id: OrgRef = "培训评价组织" / "evaluator" [critical];
    year: Year = "年度" / "year" [critical];
    cert_level_ids: CertLevelRefs = "合作范围" / "scope" [critical];
    college_duties: LongText<4000> = "院校职责" / "college's duties";
    evaluator_duties: LongText<4000> = "评价组织职责" / "evaluator's duties";
    fee_per_person: Money = "每人费用" / "fee per person" [critical];
    starts_on: Date = "开始日期" / "starts on" [critical];
    ends_on: Date = "结束日期" / "ends on" [critical];
    text_digest: Option<FileDigest> = "协议文本摘要" / "digest of the text" [critical];
    derive digest: FileDigest = "双方版本" / "version of the terms";
    derive state: AgreementState = "状态" / "state";
}

record_ref! {
    /// The id of an agreement.
    AgreementRef => "agreement"
}

choices! {
    /// How far an agreement has come.
    AgreementState {
        Proposed = "proposed" "待对方确认" "proposed",
        InForce = "in_force" "生效" "in force",
        Ended = "ended" "已终止" "ended",
    }
}

/// Returns the id of the agreement of two organisations for a year.
pub fn agreement_id(college: OrgId, evaluator: OrgId, year: i64) -> RecordId {
    let parts = [b"onex/agreement/1".as_slice(), &college.0, &evaluator.0, &year.to_be_bytes()];
    RecordId(Digest::over(&parts).half())
}

/// The acts of the two parties on an agreement.
fn acts(view: &dyn View, id: RecordId) -> Vec<Found> {
    let of_parties = |header: &Header| {
        let Some(other) = header.counterpart else {
            return false;
        };
        let year = i64::from(header.year.unwrap_or_default());
        header.kind == AGREEMENT.key
            && [(header.owner, other), (other, header.owner)]
                .iter()
                .any(|(college, evaluator)| agreement_id(*college, *evaluator, year) == id)
    };
    view.acts(id).into_iter().filter(|found| of_parties(&found.header)).collect()
}

/// An agreement as its parties' acts leave it.
struct Terms {
    /// The newest proposal that counts.
    proposal: Found,
    digest: Digest,
    confirmed: bool,
    born: u64,
}

fn terms(view: &dyn View, id: RecordId) -> Option<Terms> {
    let found = acts(view, id);
    let causality = shared::causality(view, &found);
    let ordered: Vec<&Found> = causality
        .ordered()
        .into_iter()
        .filter(|found| {
            let rule = [&PROPOSE, &CONFIRM].into_iter().find(|a| a.id == found.act.kind);
            rule.is_some_and(|rule| shared::counts(view.authority(), &causality, found, rule))
        })
        .collect();
    let proposal = *ordered.iter().rev().find(|found| found.act.kind == PROPOSE.id)?;
    let digest = proposal.act.frozen_digest()?;
    let confirmed = ordered.iter().any(|found| {
        found.act.kind == CONFIRM.id
            && found.org() != proposal.org()
            && found.act.judged.as_ref().is_some_and(|judged| judged.digest == digest)
    });
    let born = ordered.first().map_or(0, |found| found.born);
    Some(Terms { proposal: proposal.clone(), digest, confirmed, born })
}

fn derive(view: &dyn View, id: RecordId) -> Option<Row> {
    let Terms { proposal, digest, confirmed, born } = terms(view, id)?;
    let state = if confirmed { AgreementState::InForce } else { AgreementState::Proposed };
    let fields = Agreement::KIND.fitting(&proposal.act.body);
    let mut row = Row { id, fields, born, ..Row::default() };
    let (own, other) = (proposal.header.owner, proposal.header.counterpart?);
    let by_college = view.authority().org_role(own) == Some(College);
    let (college, evaluator) = if by_college { (own, other) } else { (other, own) };
    row.set_id("college_id", college);
    row.set_id("evaluator_id", evaluator);
    row.set("year", proposal.header.year.map(|year| Value::Int(year.into())));
    row.set("digest", Some(Value::Bytes(digest.0.to_vec())));
    row.set_text("state", state.id());
    Some(row)
}

fn affected(_: &dyn View, touch: &Touch) -> Vec<RecordId> {
    touch.act("agreement.").map(|(_, subject)| subject).into_iter().collect()
}

/// Proposes terms to the other side; newer terms need a new confirmation.
pub const PROPOSE: Action = Action {
    id: "agreement.propose",
    zh: "提出协议",
    en: "Propose agreement",
    who: &[(College, &[Coordinator, Leader]), (Evaluator, &[Manager])],
    kind: Some(Agreement::KIND),
    subject: Subject::Makes,
    fields: FieldsGiven::Except(&["college_id", "evaluator_id"]),
    params: &[
        Param {
            key: "college_id",
            zh: "院校",
            en: "college",
            ty: <OrgRef as Field>::TYPE,
            required: false,
        },
        Param {
            key: "evaluator_id",
            zh: "培训评价组织",
            en: "evaluator",
            ty: <OrgRef as Field>::TYPE,
            required: false,
        },
    ],
    from: &[],
    undo: Undo::No,
    run: Run::Rule(propose),
};

/// Agrees to the terms that the other side proposed.
pub const CONFIRM: Action = Action {
    id: "agreement.confirm",
    zh: "确认协议",
    en: "Confirm agreement",
    who: &[(College, &[Leader]), (Evaluator, &[Manager])],
    subject: Subject::Takes,
    fields: FieldsGiven::None,
    params: &[Param {
        key: "digest",
        zh: "双方版本",
        en: "version of the terms",
        ty: <FileDigest as Field>::TYPE,
        required: true,
    }],
    from: &["proposed"],
    undo: Undo::No,
    run: Run::Rule(confirm),
    ..PROPOSE
};

fn propose(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let (key, role) = match desk.who.org_role {
        College => ("evaluator_id", Evaluator),
        _ => ("college_id", College),
    };
    let missing = Reason::Invalid(FieldError::Missing);
    let Some(other) = desk.named_row(Organisation::KIND, key)? else {
        return desk.refuse(missing, Some(key));
    };
    let fits = organisation::role(desk.view, other.id) == Some(role);
    desk.ensure(fits, Reason::WrongOrganisation, Some(key))?;
    let (own, other) = (desk.who.org, OrgId::from(other.id));
    let (college, evaluator) = if role == Evaluator { (own, other) } else { (other, own) };
    let starts: Date = desk.given("starts_on").expect("required, so given");
    let ends: Date = desk.given("ends_on").expect("required, so given");
    desk.ensure(starts <= ends, Reason::EndsBeforeStart, Some("ends_on"))?;
    check_scope(desk, evaluator)?;
    let year: Year = desk.given("year").expect("required, so given");
    let mut body = desk.given_fields();
    body.insert("college_id".to_owned(), Value::Bytes(college.0.to_vec()));
    body.insert("evaluator_id".to_owned(), Value::Bytes(evaluator.0.to_vec()));
    let id = agreement_id(college, evaluator, year.number());
    let salt = Some(desk.fresh_salt());
    let header = desk.towards(&AGREEMENT, other, year.number() as u16);
    desk.act(header, id, Says { body, salt, ..Says::default() });
    Ok(id)
}

/// Every level in the scope is one of the evaluator's.
fn check_scope(desk: &Desk, evaluator: OrgId) -> Result<(), Refusal> {
    let scope: CertLevelRefs = desk.given("cert_level_ids").expect("required, so given");
    let known = scope.ids().into_iter().all(|id| {
        let level = desk.view.row(CertLevel::KIND, id);
        level.is_some_and(|row| row.id_of("evaluator_id") == Some(evaluator.into()))
    });
    desk.ensure(known, Reason::UnknownRecord, Some("cert_level_ids"))
}

fn confirm(desk: &mut Desk) -> Result<RecordId, Refusal> {
    let row = desk.subject_row()?;
    let Some(Terms { proposal, digest, .. }) = terms(desk.view, row.id) else {
        return desk.refuse(Reason::UnknownRecord, Some("id"));
    };
    desk.ensure(proposal.org() != desk.who.org, Reason::OwnProposal, None)?;
    let shown = Value::Bytes(digest.0.to_vec());
    let same = desk.given_value("digest") == Some(&shown);
    desk.ensure(same, Reason::OtherVersion, Some("digest"))?;
    let judged = Some(desk.reference(&proposal.header, digest));
    let year = proposal.header.year.unwrap_or_default();
    let header = desk.towards(&AGREEMENT, proposal.org(), year);
    desk.act(header, row.id, Says { judged, ..Says::default() });
    Ok(row.id)
}
