//! Steps A8 to A17 of the demo's story, as one test on the replicas of six people.

use onex_crdt::act::Found;
use onex_crdt::ids::RecordId;
use onex_crdt::record::Row;
use onex_crdt::value::Value;
use onex_crdt::view::View;

use crate::pilot::{Pilot, line, row};
use crate::province::{Province, Replica};

/// What a step of the story expects of a line; everything that is not named is absent.
#[derive(Default, Debug, PartialEq, Eq)]
struct Expected<'a> {
    state: &'a str,
    filing_no: Option<&'a str>,
    filed_version: Option<i64>,
    changed: bool,
    request: Option<&'a str>,
    awaits: Option<&'a str>,
    reason: Option<&'a str>,
}

fn seen(row: &Row) -> Expected<'_> {
    Expected {
        state: row.state().unwrap_or_default(),
        filing_no: row.text("filing_no"),
        filed_version: row.int("filed_version"),
        changed: row.is("changed_since_decision"),
        request: row.text("pending_request"),
        awaits: row.text("pending_act"),
        reason: row.text("reason"),
    }
}

fn check(province: &mut Province, nodes: &[&str], line: RecordId, expected: &Expected) {
    for name in nodes {
        let row = row(province.at(name), "application", line);
        assert_eq!(&seen(&row), expected, "{name}");
        assert!(row.conflict.is_empty() && !row.stale, "{name}");
    }
}

fn planned(node: &Replica, line: RecordId) -> Option<i64> {
    row(node, "application", line).int("planned_students")
}

fn lines(node: &Replica) -> Vec<Row> {
    node.rows(onex_crdt::registry::kind("application").expect("it exists"))
}

/// The state of each decision on a line, with its outcome, oldest first.
fn decisions(node: &Replica, line: RecordId) -> Vec<(String, String)> {
    let kind = onex_crdt::registry::kind("decision").expect("it exists");
    let id = line.to_string();
    let mut rows = node.rows(kind);
    rows.retain(|row| row.text("subject_id") == Some(id.as_str()));
    rows.sort_by_key(|row| (row.born, row.id));
    let text = |row: &Row, key: &str| row.text(key).unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(row, "outcome"), text(row, "state"))).collect()
}

const PARTIES: [&str; 4] = ["hub-1", "hub-2", "xyzy-1", "zljy-1"];

#[test]
fn from_the_first_draft_to_the_decision_that_lost() {
    let mut pilot = Pilot::begin(1);
    let assembly = submit_assembly(&mut pilot);
    let finance = submit_finance(&mut pilot);
    return_and_resubmit(&mut pilot.province, finance);
    file_by_two(&mut pilot.province, finance);
    file_while_changed(&mut pilot.province, assembly);
    file_the_change(&mut pilot.province, assembly);
    let second = withdraw(&mut pilot);
    return_against_filing(&mut pilot.province, second);
    for name in ["zljy-1", "crrc-1"] {
        let own = pilot.province.at(name);
        assert!(lines(own).iter().all(|row| row.id_of("evaluator_id") == Some(own.org.into())));
    }
}

/// A8.
fn submit_assembly(pilot: &mut Pilot) -> RecordId {
    let province = &mut pilot.province;
    let college = province.at("xatl-1");
    let level = pilot.assembly_2.to_string();
    let id = college.done("application.add", None, &line(&level, "90", "132"));
    check(province, &["xatl-1"], id, &Expected { state: "draft", ..Expected::default() });
    let (field, reason) = province.at("xatl-1").refused("application.submit", Some(id), &[]);
    assert_eq!((field.as_str(), reason.code()), ("endorsed_by", "missing"));
    province.at("xatl-1").done("application.submit", Some(id), &[("endorsed_by", "李院长")]);
    province.sync_all();
    let everyone = ["xatl-1", "hub-1", "hub-2", "crrc-1"];
    check(province, &everyone, id, &Expected { state: "submitted", ..Expected::default() });
    let row = row(province.at("crrc-1"), "application", id);
    assert_eq!(row.text("certificate_name"), Some("轨道交通电气设备装调职业技能等级证书"));
    assert_eq!(row.int("level"), Some(2));
    assert_eq!(row.text("endorsed_by"), Some("李院长"));
    assert!(row.fields.contains_key("agreement_id") && !row.is("late"));
    assert!(lines(province.at("zljy-1")).is_empty(), "zljy sees nothing");
    assert!(province.at("zljy-1").acts(id).is_empty(), "zljy holds nothing of it");
    id
}

/// A9.
fn submit_finance(pilot: &mut Pilot) -> RecordId {
    let level = pilot.finance_1.to_string();
    let college = pilot.province.at("xyzy-1");
    let (field, reason) = college.refused("application.add", None, &line(&level, "120", "100"));
    assert_eq!((field.as_str(), reason.code()), ("planned_students", "more_than"));
    let id = college.done("application.add", None, &line(&level, "80", "100"));
    let (field, reason) = college.refused("application.add", None, &line(&level, "70", "100"));
    assert_eq!((field.as_str(), reason.code()), ("cert_level_id", "duplicate"));
    college.done("application.submit", Some(id), &[("endorsed_by", "赵院长")]);
    pilot.province.sync_all();
    check(
        &mut pilot.province,
        &PARTIES,
        id,
        &Expected { state: "submitted", ..Expected::default() },
    );
    id
}

/// A10 and A11.
fn return_and_resubmit(province: &mut Province, id: RecordId) {
    let hub = province.at("hub-2");
    let (field, _) = hub.refused("application.decide", Some(id), &[("outcome", "returned")]);
    assert_eq!(field, "reason");
    let params = [("outcome", "returned"), ("reason", "缺师资培训人数")];
    hub.done("application.decide", Some(id), &params);
    province.sync_all();
    let expected =
        Expected {
            state: "returned", reason: Some("缺师资培训人数"), ..Expected::default()
        };
    check(province, &PARTIES, id, &expected);
    assert_eq!(decisions(province.at("xyzy-1"), id), pairs(&[("returned", "in_force")]));
    let college = province.at("xyzy-1");
    college.done("application.edit", Some(id), &[("teachers_trained", "3")]);
    college.done("application.submit", Some(id), &[]);
    province.sync_all();
    check(province, &PARTIES, id, &Expected { state: "submitted", ..Expected::default() });
    assert_eq!(decisions(province.at("hub-1"), id), pairs(&[("returned", "outdated")]));
    let acts = province.at("hub-1").acts(id);
    let submissions: Vec<&Found> =
        acts.iter().filter(|found| found.act.kind == "application.submit").collect();
    let [one, other] = submissions[..] else { panic!("two submissions") };
    let (first, second) = if one.born < other.born { (one, other) } else { (other, one) };
    let mut changed = second.act.body.clone();
    changed.retain(|key, value| first.act.body.get(key) != Some(value));
    assert_eq!(changed, [("teachers_trained".to_owned(), Value::Int(3))].into());
}

/// A12.
fn file_by_two(province: &mut Province, id: RecordId) {
    province.at("hub-2").done("application.decide", Some(id), &[("outcome", "filed")]);
    let (_, reason) =
        province.at("hub-2").refused("application.decide", Some(id), &[("outcome", "filed")]);
    assert_eq!(reason.code(), "same_person");
    province.sync_all();
    let pending =
        Expected { state: "submitted", awaits: Some("application.decide"), ..Expected::default() };
    check(province, &PARTIES, id, &pending);
    province.at("hub-1").done("application.decide", Some(id), &[("outcome", "filed")]);
    province.sync_all();
    let filed = Expected {
        state: "filed",
        filing_no: Some("陕1X-2026-13946-001"),
        filed_version: Some(1),
        ..Expected::default()
    };
    check(province, &PARTIES, id, &filed);
    let states = [("returned", "superseded"), ("filed", "in_force")];
    assert_eq!(decisions(province.at("zljy-1"), id), pairs(&states));
    let (_, reason) =
        province.at("hub-2").refused("application.decide", Some(id), &[("outcome", "filed")]);
    assert_eq!(reason.code(), "already_decided");
}

/// A13 and A14.
fn file_while_changed(province: &mut Province, id: RecordId) {
    province.at("hub-2").done("application.decide", Some(id), &[("outcome", "filed")]);
    province.sync("hub-1", "hub-2");
    province.at("hub-1").done("application.decide", Some(id), &[("outcome", "filed")]);
    province.sync("hub-1", "hub-2");
    let college = province.at("xatl-1");
    college.done("application.edit", Some(id), &[("planned_students", "110")]);
    college.done("application.submit", Some(id), &[]);
    let filed = Expected {
        state: "filed",
        filing_no: Some("陕1X-2026-13945-001"),
        filed_version: Some(1),
        ..Expected::default()
    };
    check(province, &["hub-1", "hub-2"], id, &filed);
    assert_eq!(planned(province.at("hub-2"), id), Some(90));
    check(province, &["xatl-1"], id, &Expected { state: "submitted", ..Expected::default() });
    assert_eq!(planned(province.at("xatl-1"), id), Some(110));

    province.sync_all();
    let changed = Expected { changed: true, request: Some("change"), ..filed };
    for name in ["hub-1", "hub-2", "xatl-1", "crrc-1"] {
        check(province, &[name], id, &changed);
        assert_eq!(planned(province.at(name), id), Some(110));
        assert_eq!(decisions(province.at(name), id), pairs(&[("filed", "outdated")]));
        let difference = onex_crdt::records::application::difference(province.at(name), id);
        let (old, new) = (Some(Value::Int(90)), Some(Value::Int(110)));
        assert_eq!(difference, [("planned_students".to_owned(), (old, new))].into());
    }
}

/// A15.
fn file_the_change(province: &mut Province, id: RecordId) {
    province.at("hub-2").done("application.decide", Some(id), &[("outcome", "filed")]);
    province.sync_all();
    province.at("hub-1").done("application.decide", Some(id), &[("outcome", "filed")]);
    province.sync_all();
    let filed = Expected {
        state: "filed",
        filing_no: Some("陕1X-2026-13945-001"),
        filed_version: Some(2),
        ..Expected::default()
    };
    check(province, &["hub-1", "hub-2", "xatl-1", "crrc-1"], id, &filed);
    let states = [("filed", "superseded"), ("filed", "in_force")];
    assert_eq!(decisions(province.at("xatl-1"), id), pairs(&states));
    assert!(onex_crdt::records::application::difference(province.at("hub-1"), id).is_empty());
}

/// A16.
fn withdraw(pilot: &mut Pilot) -> RecordId {
    let province = &mut pilot.province;
    let college = province.at("xyzy-1");
    let level = pilot.finance_2.to_string();
    let id = college.done("application.add", None, &line(&level, "60", "100"));
    college.done("application.submit", Some(id), &[("endorsed_by", "赵院长")]);
    province.sync_all();
    province.at("xyzy-1").done("application.withdraw", Some(id), &[("reason", "并入下年")]);
    province.sync_all();
    check(province, &PARTIES, id, &Expected { state: "withdrawn", ..Expected::default() });
    let filed = [("outcome", "filed")];
    let (_, reason) = province.at("hub-2").refused("application.decide", Some(id), &filed);
    assert_eq!(reason.code(), "state");
    id
}

/// A17.
fn return_against_filing(province: &mut Province, id: RecordId) {
    province.at("xyzy-1").done("application.submit", Some(id), &[]);
    province.sync_all();
    check(province, &PARTIES, id, &Expected { state: "submitted", ..Expected::default() });
    let params = [("outcome", "returned"), ("reason", "人数依据不足")];
    province.at("hub-2").done("application.decide", Some(id), &params);
    province.at("hub-1").done("application.decide", Some(id), &[("outcome", "filed")]);
    let pending =
        Expected { state: "submitted", awaits: Some("application.decide"), ..Expected::default() };
    check(province, &["hub-1"], id, &pending);
    province.sync_all();
    let returned =
        Expected { state: "returned", reason: Some("人数依据不足"), ..Expected::default() };
    check(province, &PARTIES, id, &returned);
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
}
