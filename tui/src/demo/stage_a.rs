//! Stage A of the story: from the directory to filed application lines (steps A0 to A17).
//!
//! Every state that the story tells is checked at the nodes that it names.

use std::collections::BTreeMap;

use onex_crdt::ids::{Digest, RecordId, hex_encode};
use onex_crdt::registry;
use onex_node::Founding;

use super::DemoError;
use super::province::Province;
use super::reference::{
    CertificateRow, CollegeRow, EvaluatorRow, certificates, colleges, directory_certificates,
    directory_colleges, directory_evaluators, evaluators,
};

/// Everybody but the hub's first device, the hub's second first: what it has goes on at once.
const ALL: &[&str] = &["hub-2", "xatl-1", "xyzy-1", "crrc-1", "zljy-1"];
/// Who sees the railway college's line, but the hub's first device, which takes every call.
const RAILWAY: &[&str] = &["hub-2", "xatl-1", "crrc-1"];
/// Who sees the other college's lines.
const TAXES: &[&str] = &["hub-2", "xyzy-1", "zljy-1"];
const HUB: &[&str] = &["hub-1", "hub-2"];

/// Records that later steps speak of.
#[derive(Default)]
pub struct Known {
    organisations: BTreeMap<&'static str, RecordId>,
    /// 装调 2, 财税 1 to 3, 机器人 2 and 3.
    pub levels: BTreeMap<&'static str, RecordId>,
    lines: BTreeMap<&'static str, RecordId>,
}

/// Tells stage A.
pub fn tell(province: &mut Province) -> Result<Known, DemoError> {
    let mut known = Known::default();
    hub(province)?;
    directory(province)?;
    organisations(province, &mut known)?;
    catalogues(province, &mut known)?;
    listing(province, &known)?;
    agreements(province, &known)?;
    submissions(province, &mut known)?;
    return_and_filing(province, &known)?;
    crossing_change(province, &known)?;
    withdrawal(province, &mut known)?;
    Ok(known)
}

/// A0: the hub's two devices.
fn hub(province: &mut Province) -> Result<(), DemoError> {
    let founding = Founding {
        name: "陕西省1+X证书试点项目办".to_owned(),
        region: "610000".to_owned(),
        person: "郝敏".to_owned(),
    };
    province.found("hub-1", &founding)?;
    province.join("A0", "hub-1", "hub-2", None, "孙涛")?;
    province.grant("A0", "hub-1", "hub-2", &["officer"])?;
    province.sync("A0", "hub-2").map(|_| ())
}

/// A0: the public lists, without what later steps enter.
fn directory(province: &mut Province) -> Result<(), DemoError> {
    let listed = directory_evaluators();
    let mut rows: Vec<Vec<(&str, String)>> = listed.iter().map(evaluator_values).collect();
    rows.extend(directory_colleges().iter().map(college_values));
    let ids = province.batch("A0", "hub-2", "organisation.add", &rows)?;
    let evaluators: BTreeMap<&str, RecordId> =
        listed.iter().map(|row| row.name.as_str()).zip(ids.iter().copied()).collect();
    let (mut rows, mut levels) = (Vec::new(), Vec::new());
    for certificate in directory_certificates() {
        let evaluator = evaluators.get(certificate.evaluator.as_str());
        let evaluator = evaluator.ok_or_else(|| DemoError::step("A0", &certificate.name))?;
        rows.push(certificate_values(&certificate, Some(*evaluator)));
        levels.push(certificate.levels);
    }
    let ids = province.batch("A0", "hub-2", "certificate.add", &rows)?;
    let levels = ids.iter().zip(&levels).flat_map(|(certificate, levels)| {
        levels.iter().map(|level| level_values(*certificate, level.level, &level.national_id))
    });
    let levels: Vec<_> = levels.collect();
    province.batch("A0", "hub-2", "cert_level.add", &levels)?;
    province.settle("A0", &["hub-2"])
}

fn college_values(row: &CollegeRow) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("role", "college".to_owned()),
        ("name", row.name.clone()),
        ("short_code", row.short_code.clone()),
        ("region_code", row.region_code.clone()),
        ("reporting_unit", row.reporting_unit.to_owned()),
    ];
    values.extend(row.school_code.clone().map(|code| ("school_code", code)));
    values.extend(row.college_type.map(|of| ("college_type", of.to_owned())));
    values
}

fn evaluator_values(row: &EvaluatorRow) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("role", "evaluator".to_owned()),
        ("name", row.name.clone()),
        ("short_code", row.short_code.clone()),
    ];
    values.extend(row.batch.map(|batch| ("evaluator_batch", batch.to_string())));
    values
}

fn certificate_values(
    row: &CertificateRow,
    evaluator: Option<RecordId>,
) -> Vec<(&'static str, String)> {
    let mut values = vec![("name", row.name.clone())];
    values.extend(evaluator.map(|id| ("evaluator_id", id.to_string())));
    values.extend(row.batch.map(|batch| ("batch", batch.to_string())));
    values
}

fn level_values(
    certificate: RecordId,
    level: u8,
    national_id: &Option<String>,
) -> Vec<(&'static str, String)> {
    let mut values =
        vec![("certificate_id", certificate.to_string()), ("level", level.to_string())];
    values.extend(national_id.clone().map(|id| ("national_id", id)));
    values
}

/// An organisation of step A1: node, name, person, roles, the duty of its contact.
type Joins = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str);

const JOINS: [Joins; 4] = [
    ("xatl-1", "西安铁路职业技术学院", "王芳", &["coordinator", "finance"], "coordinator"),
    ("xyzy-1", "咸阳职业技术学院", "周敏", &["coordinator", "leader"], "coordinator"),
    ("crrc-1", "中国中车集团有限公司", "陈刚", &["manager", "examiner"], "exam"),
    ("zljy-1", "中联集团教育科技有限公司", "钱立", &["manager"], "exam"),
];
/// The evaluator of step A1 that has no node.
const WITHOUT_NODE: &str = "北京新奥时代科技有限责任公司";

/// A1: organisations, devices, roles, and a made-up contact person of each.
fn organisations(province: &mut Province, known: &mut Known) -> Result<(), DemoError> {
    let names = JOINS.iter().map(|join| join.1).chain([WITHOUT_NODE]);
    for name in names {
        let college = colleges().into_iter().find(|row| row.name == name);
        let values = match college {
            Some(row) => college_values(&row),
            None => evaluators().iter().find(|row| row.name == name).map(evaluator_values).ok_or(
                DemoError::Step { step: "A1", detail: format!("{name} is not in the lists") },
            )?,
        };
        let given: Vec<(&str, &str)> = values.iter().map(|(key, v)| (*key, v.as_str())).collect();
        let id = province.step("A1", "hub-2", "organisation.add", &given)?;
        known.organisations.insert(name, id);
    }
    province.settle("A1", &["hub-2"])?;
    for (node, name, person, roles, duty) in JOINS {
        let org = known.organisations[name];
        province.join("A1", "hub-2", node, Some(org), person)?;
        province.grant("A1", node, node, roles)?;
        province.settle("A1", &[node])?;
        let (contact, phone) = (province.people.next_name().text, province.people.next_mobile());
        let given = [("name", contact.as_str()), ("duty", duty), ("phone", &phone)];
        province.step("A1", node, "contact.add", &given)?;
    }
    province.settle("A1", ALL)?;
    for (_, name, ..) in JOINS {
        let id = known.organisations[name];
        province.expect("A1", ALL, "organisation", id, &[("state", "active"), ("name", name)])?;
    }
    Ok(())
}

/// A2 and A3: certificates, levels, standards and schemes.
fn catalogues(province: &mut Province, known: &mut Known) -> Result<(), DemoError> {
    for (node, name, labels) in [
        ("crrc-1", "轨道交通电气设备装调", &[(2, "装调 2")][..]),
        ("zljy-1", "智能财税", &[(1, "财税 1"), (2, "财税 2"), (3, "财税 3")]),
    ] {
        for (label, level) in levels(province, known, "A2", node, name, None, labels)? {
            let standard = standard(province, node, label, level)?;
            scheme(province, node, level, standard)?;
        }
    }
    let evaluator = known.organisations[WITHOUT_NODE];
    let labels = &[(2, "机器人 2"), (3, "机器人 3")];
    let name = "工业机器人操作与运维";
    levels(province, known, "A3", "hub-2", name, Some(evaluator), labels)?;
    province.settle("A3", ALL)
}

/// A certificate of the lists with its levels; returns them with their labels.
fn levels(
    province: &mut Province,
    known: &mut Known,
    step: &'static str,
    node: &'static str,
    name: &str,
    evaluator: Option<RecordId>,
    labels: &[(u8, &'static str)],
) -> Result<Vec<(&'static str, RecordId)>, DemoError> {
    let row = certificates().into_iter().find(|row| row.name.starts_with(name));
    let row = row.ok_or_else(|| DemoError::step(step, &name))?;
    let values = certificate_values(&row, evaluator);
    let given: Vec<(&str, &str)> = values.iter().map(|(key, v)| (*key, v.as_str())).collect();
    let certificate = province.step(step, node, "certificate.add", &given)?;
    let mut made = Vec::new();
    for (level, label) in labels {
        let listed = row.levels.iter().find(|row| row.level == *level);
        let national_id = listed.and_then(|row| row.national_id.clone());
        let values = level_values(certificate, *level, &national_id);
        let given: Vec<(&str, &str)> = values.iter().map(|(key, v)| (*key, v.as_str())).collect();
        let id = province.step(step, node, "cert_level.add", &given)?;
        province.expect(step, &[node], "cert_level", id, &[("state", "draft")])?;
        known.levels.insert(label, id);
        made.push((*label, id));
    }
    Ok(made)
}

fn standard(
    province: &mut Province,
    node: &'static str,
    label: &str,
    level: RecordId,
) -> Result<RecordId, DemoError> {
    let (level, digest) = (level.to_string(), Digest::over(&[label.as_bytes()]).to_string());
    let given = [
        ("cert_level_id", level.as_str()),
        ("version", "1.0"),
        ("effective_from", "2026-01-01"),
        ("units", "U1:识读与准备,U2:装接与调试,U3:检查与交付"),
        ("document_digest", &digest),
    ];
    let id = province.step("A2", node, "standard.publish", &given)?;
    province.expect("A2", &[node], "standard", id, &[("state", "published")])?;
    Ok(id)
}

fn scheme(
    province: &mut Province,
    node: &'static str,
    level: RecordId,
    standard: RecordId,
) -> Result<(), DemoError> {
    let (level, standard) = (level.to_string(), standard.to_string());
    let given = [
        ("cert_level_id", level.as_str()),
        ("standard_id", &standard),
        ("version", "1.0"),
        ("theory_mode", "machine"),
        ("theory_full", "100"),
        ("theory_weight", "40"),
        ("theory_min", "50.0"),
        ("practical_mode", "practical"),
        ("practical_full", "100"),
        ("practical_weight", "60"),
        ("composite_min", "60.0"),
    ];
    let id = province.step("A2", node, "scheme.add", &given)?;
    province.expect("A2", &[node], "scheme", id, &[("state", "current")])
}

/// A4 and A5: what is listed, and the call.
fn listing(province: &mut Province, known: &Known) -> Result<(), DemoError> {
    let listed = ["装调 2", "财税 1", "财税 2"].map(|label| known.levels[label]);
    let ids = listed.map(|id| id.to_string()).join(",");
    province.step_each("A4", "hub-2", "listing.add", &[("cert_level_id", &ids)])?;
    let unready = known.levels["机器人 2"].to_string();
    let given = [("cert_level_id", unready.as_str())];
    province.refused("A4", "hub-2", "listing.add", &given, Some("standard_id"))?;
    let given = [("year", "2026"), ("closes_on", "2026-04-30")];
    let call = province.step("A5", "hub-2", "call.open", &given)?;
    province.settle("A5", ALL)?;
    for id in listed {
        province.expect("A4", ALL, "cert_level", id, &[("state", "listed")])?;
    }
    for label in ["机器人 2", "机器人 3"] {
        let id = known.levels[label];
        province.expect("A3", ALL, "cert_level", id, &[("state", "draft")])?;
    }
    province.expect("A5", &["xatl-1", "xyzy-1"], "call", call, &[("state", "open")])
}

/// A6 and A7: one agreement proposed by the college, one by the evaluator.
fn agreements(province: &mut Province, known: &Known) -> Result<(), DemoError> {
    let railway = known.levels["装调 2"].to_string();
    agree(province, "A6", ["xatl-1", "crrc-1"], "evaluator_id", &railway)?;
    let taxes = ["财税 1", "财税 2"].map(|label| known.levels[label].to_string()).join(",");
    agree(province, "A7", ["zljy-1", "xyzy-1"], "college_id", &taxes)
}

fn agree(
    province: &mut Province,
    step: &'static str,
    [proposer, other]: [&'static str; 2],
    other_key: &str,
    scope: &str,
) -> Result<(), DemoError> {
    let other_id = province.org(other)?.to_string();
    let given = [
        (other_key, other_id.as_str()),
        ("year", "2026"),
        ("cert_level_ids", scope),
        ("fee_per_person", "300"),
        ("starts_on", "2026-04-01"),
        ("ends_on", "2026-12-31"),
        ("college_duties", "1. 组织培训；2. 组织报名"),
        ("evaluator_duties", "1. 培训师资；2. 组织考核；3. 发放证书"),
    ];
    let id = province.step(step, proposer, "agreement.propose", &given)?;
    province.settle(step, &[proposer, other])?;
    province.expect(step, &[other], "agreement", id, &[("state", "proposed")])?;
    let kind = registry::kind("agreement").expect("the story needs agreements");
    let row = province.node(other).row(kind, id).map_err(|e| DemoError::step(step, &e))?;
    let digest = row.and_then(|row| row.fields.get("digest")?.as_bytes().map(hex_encode));
    let digest = digest.unwrap_or_default();
    let given = [("id", id.to_string()), ("digest", digest)];
    let given = [("id", given[0].1.as_str()), ("digest", given[1].1.as_str())];
    province.step(step, other, "agreement.confirm", &given)?;
    province.settle(step, &[other, proposer])?;
    province.expect(step, &[proposer, other], "agreement", id, &[("state", "in_force")])
}

/// A8 and A9: both colleges submit a line.
fn submissions(province: &mut Province, known: &mut Known) -> Result<(), DemoError> {
    let level = known.levels["装调 2"];
    let numbers = [("enrolled_students", "132"), ("planned_students", "90")];
    let major = [("major_code", "500103"), ("major_name", "铁道供电技术")];
    let given = line_values(province, level, &[&major[..], &numbers[..]].concat());
    let line = add_line(province, "A8", "xatl-1", &given)?;
    known.lines.insert("装调 2", line);
    submit(province, "A8", "xatl-1", line, "李院长")?;
    let seen = ["hub-1", "hub-2", "xatl-1", "crrc-1"];
    province.settle("A8", ALL)?;
    province.expect("A8", &seen, "application", line, &[("state", "submitted")])?;
    province.expect_unseen("A8", &["zljy-1", "xyzy-1"], "application", line)?;

    let level = known.levels["财税 1"];
    let major = [("major_code", "530302"), ("major_name", "大数据与会计"), ("teachers", "6")];
    let too_many = [("enrolled_students", "100"), ("planned_students", "120")];
    let given = line_values(province, level, &[&major[..], &too_many[..]].concat());
    let refused: Vec<(&str, &str)> = given.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let field = Some("planned_students");
    province.refused("A9", "xyzy-1", "application.add", &refused, field)?;
    let mut given = given;
    given.retain(|(key, _)| *key != "planned_students");
    given.push(("planned_students", "80".to_owned()));
    let line = add_line(province, "A9", "xyzy-1", &given)?;
    known.lines.insert("财税 1", line);
    submit(province, "A9", "xyzy-1", line, "张院长")?;
    province.settle("A9", TAXES)?;
    let seen = ["hub-1", "hub-2", "xyzy-1", "zljy-1"];
    province.expect("A9", &seen, "application", line, &[("state", "submitted")])
}

/// What a line is begun with; contact person and number are made up.
fn line_values(
    province: &mut Province,
    level: RecordId,
    own: &[(&'static str, &str)],
) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("cert_level_id", level.to_string()),
        ("education_level", "higher_vocational".to_owned()),
        ("grade", "2024".to_owned()),
        ("own_site", "true".to_owned()),
        ("exam_months", "6,11".to_owned()),
        ("contact_name", province.people.next_name().text),
        ("contact_phone", province.people.next_mobile()),
    ];
    values.extend(own.iter().map(|(key, value)| (*key, (*value).to_owned())));
    values
}

fn add_line(
    province: &mut Province,
    step: &'static str,
    college: &'static str,
    values: &[(&'static str, String)],
) -> Result<RecordId, DemoError> {
    let given: Vec<(&str, &str)> = values.iter().map(|(key, v)| (*key, v.as_str())).collect();
    let line = province.step(step, college, "application.add", &given)?;
    province.expect(step, &[college], "application", line, &[("state", "draft")])?;
    Ok(line)
}

fn submit(
    province: &mut Province,
    step: &'static str,
    college: &'static str,
    line: RecordId,
    endorsed_by: &str,
) -> Result<(), DemoError> {
    let id = line.to_string();
    let given = [("id", id.as_str()), ("endorsed_by", endorsed_by)];
    province.step(step, college, "application.submit", &given).map(|_| ())
}

fn decide(
    province: &mut Province,
    step: &'static str,
    node: &'static str,
    line: RecordId,
    words: &[(&str, &str)],
) -> Result<(), DemoError> {
    let id = line.to_string();
    let given = [&[("id", id.as_str())], words].concat();
    province.step(step, node, "application.decide", &given).map(|_| ())
}

const FILED: &[(&str, &str)] = &[("outcome", "filed")];

/// A10 to A12: returned, completed, filed by two persons.
fn return_and_filing(province: &mut Province, known: &Known) -> Result<(), DemoError> {
    let line = known.lines["财税 1"];
    let reason = "缺师资培训人数";
    let words = [("outcome", "returned"), ("reason", reason)];
    decide(province, "A10", "hub-2", line, &words)?;
    province.settle("A10", TAXES)?;
    let seen = ["hub-1", "hub-2", "xyzy-1", "zljy-1"];
    let expected = [("state", "returned"), ("reason", reason)];
    province.expect("A10", &seen, "application", line, &expected)?;

    let id = line.to_string();
    let given = [("id", id.as_str()), ("teachers_trained", "3")];
    province.step("A11", "xyzy-1", "application.edit", &given)?;
    province.step("A11", "xyzy-1", "application.submit", &given[..1])?;
    province.settle("A11", TAXES)?;
    province.expect("A11", &seen, "application", line, &[("state", "submitted")])?;
    expect_changed(province, "A11", "hub-2", line, "teachers_trained")?;

    decide(province, "A12", "hub-2", line, FILED)?;
    province.settle("A12", TAXES)?;
    let expected = [("state", "submitted"), ("pending_act", "application.decide")];
    province.expect("A12", &seen, "application", line, &expected)?;
    decide(province, "A12", "hub-1", line, FILED)?;
    province.settle("A12", TAXES)?;
    let filed = [
        ("state", "filed"),
        ("pending_act", "null"),
        ("filing_no", "陕1X-2026-13946-001"),
        ("filed_version", "1"),
    ];
    province.expect("A12", &seen, "application", line, &filed)
}

/// Checks that the newest submission shows a field as changed.
fn expect_changed(
    province: &Province,
    step: &'static str,
    node: &'static str,
    line: RecordId,
    key: &str,
) -> Result<(), DemoError> {
    let kind = registry::kind("application").expect("the story needs lines");
    let history = province.node(node).history(kind, line);
    let history = history.map_err(|error| DemoError::step(step, &error))?;
    let newest = history.steps.iter().rev().find(|one| one.kind == "application.submit");
    let shown = newest.is_some_and(|one| one.changed.iter().any(|(changed, ..)| changed == key));
    if shown { Ok(()) } else { Err(DemoError::step(step, &format!("{key} shows no change"))) }
}

/// A13 to A15: the hub files while the college, cut off from it, changes the line.
fn crossing_change(province: &mut Province, known: &Known) -> Result<(), DemoError> {
    let line = known.lines["装调 2"];
    decide(province, "A13", "hub-2", line, FILED)?;
    province.settle("A13", &["hub-2"])?;
    decide(province, "A13", "hub-1", line, FILED)?;
    province.settle("A13", &["hub-2"])?;
    let id = line.to_string();
    let given = [("id", id.as_str()), ("planned_students", "110")];
    province.step("A13", "xatl-1", "application.edit", &given)?;
    province.step("A13", "xatl-1", "application.submit", &given[..1])?;
    let theirs = [("state", "filed"), ("planned_students", "90"), ("filed_version", "1")];
    province.expect("A13", HUB, "application", line, &theirs)?;
    let own = [("state", "submitted"), ("planned_students", "110"), ("filing_no", "null")];
    province.expect("A13", &["xatl-1"], "application", line, &own)?;

    province.settle("A14", ALL)?;
    let seen = ["hub-1", "hub-2", "xatl-1", "crrc-1"];
    let changed = [
        ("state", "filed"),
        ("filed_version", "1"),
        ("changed_since_decision", "true"),
        ("pending_request", "change"),
        ("planned_students", "110"),
    ];
    province.expect("A14", &seen, "application", line, &changed)?;
    expect_difference(province, "A14", &["hub-1", "hub-2", "xatl-1"], line)?;

    decide(province, "A15", "hub-2", line, FILED)?;
    province.settle("A15", RAILWAY)?;
    decide(province, "A15", "hub-1", line, FILED)?;
    province.settle("A15", RAILWAY)?;
    let filed = [
        ("state", "filed"),
        ("filed_version", "2"),
        ("changed_since_decision", "false"),
        ("pending_request", "null"),
    ];
    province.expect("A15", &seen, "application", line, &filed)
}

/// The one difference between what was filed and what stands: 90 → 110 students.
fn expect_difference(
    province: &Province,
    step: &'static str,
    names: &[&'static str],
    line: RecordId,
) -> Result<(), DemoError> {
    let kind = registry::kind("application").expect("the story needs lines");
    for name in names {
        let history = province.node(name).history(kind, line);
        let history = history.map_err(|error| DemoError::step(step, &error))?;
        let shown =
            crate::json::history(crate::json::Secrets::Masked, kind, &history)["difference"]
                .to_string();
        if shown != r#"{"planned_students":[90,110]}"# {
            return Err(DemoError::step(step, &format!("the difference at {name} is {shown}")));
        }
    }
    Ok(())
}

/// A16 and A17: withdrawn, submitted again, and decided by two persons who do not know of each
/// other: the return beats the filing.
fn withdrawal(province: &mut Province, known: &mut Known) -> Result<(), DemoError> {
    let level = known.levels["财税 2"];
    let own = [
        ("major_code", "530302"),
        ("major_name", "大数据与会计"),
        ("enrolled_students", "100"),
        ("planned_students", "40"),
    ];
    let given = line_values(province, level, &own);
    let line = add_line(province, "A16", "xyzy-1", &given)?;
    known.lines.insert("财税 2", line);
    submit(province, "A16", "xyzy-1", line, "张院长")?;
    province.settle("A16", TAXES)?;
    let id = line.to_string();
    province.step("A16", "xyzy-1", "application.withdraw", &[("id", &id)])?;
    province.settle("A16", TAXES)?;
    let seen = ["hub-1", "hub-2", "xyzy-1", "zljy-1"];
    province.expect("A16", &seen, "application", line, &[("state", "withdrawn")])?;
    let given = [("id", id.as_str()), ("outcome", "filed")];
    province.refused("A16", "hub-2", "application.decide", &given, None)?;

    province.step("A17", "xyzy-1", "application.submit", &[("id", &id)])?;
    province.settle("A17", TAXES)?;
    province.expect("A17", HUB, "application", line, &[("state", "submitted")])?;
    let words = [("outcome", "returned"), ("reason", "缺教师数")];
    decide(province, "A17", "hub-2", line, &words)?;
    decide(province, "A17", "hub-1", line, FILED)?;
    province.settle("A17", ALL)?;
    let expected = [("state", "returned"), ("pending_act", "null"), ("filing_no", "null")];
    province.expect("A17", &seen, "application", line, &expected)
}
