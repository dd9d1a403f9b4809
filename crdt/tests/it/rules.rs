//! What the rules of applications refuse and allow, at the nodes of the people concerned.

use onex_crdt::action::Reason;
use onex_crdt::ids::RecordId;
use onex_crdt::roles::PersonRole;
use onex_crdt::view::View;

use crate::pilot::{Pilot, check_state, line, row};
use crate::province::{HUB, Province, Statement, device_of};

/// The pilot with a line of 90 students at xatl, submitted and everywhere.
fn submitted() -> (Province, RecordId) {
    let Pilot { mut province, xatl, assembly_2, .. } = Pilot::begin(1);
    province.join("xatl-2", "李强", xatl, &[PersonRole::Coordinator]);
    province.join("hub-3", "秦岚", HUB, &[PersonRole::Officer]);
    let level = assembly_2.to_string();
    let college = province.at("xatl-1");
    let id = college.done("application.add", None, &line(&level, "90", "130"));
    college.done("application.submit", Some(id), &[("endorsed_by", "李院长")]);
    province.sync_all();
    (province, id)
}

fn file(province: &mut Province, id: RecordId) {
    for name in ["hub-2", "hub-1"] {
        province.at(name).done("application.decide", Some(id), &[("outcome", "filed")]);
        province.sync_all();
    }
    check_state(province.at("xatl-1"), "application", id, "filed");
}

fn check(
    province: &mut Province,
    node: &str,
    action: &str,
    id: RecordId,
    params: &[(&str, &str)],
    expected: (&str, &str),
) {
    let (field, reason) = province.at(node).refused(action, Some(id), params);
    assert_eq!((field.as_str(), reason.code()), expected, "{node}: {action} {params:?}");
}

#[test]
fn nobody_acts_on_what_is_not_his() {
    let (mut province, id) = submitted();
    let filed = [("outcome", "filed")];
    check(&mut province, "xatl-1", "application.decide", id, &filed, ("", "no_right"));
    check(&mut province, "crrc-1", "application.decide", id, &filed, ("", "no_right"));
    let edit = [("planned_students", "10")];
    check(&mut province, "hub-2", "application.edit", id, &edit, ("", "no_right"));
    check(&mut province, "xyzy-1", "application.edit", id, &edit, ("id", "unknown_record"));
    check(&mut province, "xyzy-1", "application.submit", id, &[], ("id", "unknown_record"));
    let nothing = RecordId([0xee; 16]);
    check(&mut province, "hub-2", "application.decide", nothing, &filed, ("id", "unknown_record"));
}

#[test]
fn the_same_version_is_sent_once() {
    let (mut province, id) = submitted();
    let changed = ("", "nothing_changed");
    check(&mut province, "xatl-1", "application.submit", id, &[], changed);
    file(&mut province, id);
    check(&mut province, "xatl-1", "application.submit", id, &[], changed);
    province.at("xatl-1").done("application.edit", Some(id), &[("planned_students", "95")]);
    province.at("xatl-1").done("application.submit", Some(id), &[]);
    check(&mut province, "xatl-1", "application.submit", id, &[], changed);
    province.sync_all();
    let params = [("outcome", "returned"), ("reason", "依据不足")];
    province.at("hub-2").done("application.decide", Some(id), &params);
    province.sync_all();
    province.at("xatl-1").done("application.submit", Some(id), &[]);
    let row = row(province.at("xatl-1"), "application", id);
    assert_eq!(row.text("pending_request"), Some("change"), "the return was answered");
}

#[test]
fn a_wish_to_withdraw_is_granted_or_taken_back() {
    let (mut province, id) = submitted();
    let granted = [("outcome", "withdrawn")];
    check(&mut province, "hub-2", "application.decide", id, &granted, ("outcome", "state"));
    file(&mut province, id);
    for granting in [false, true] {
        province.at("xatl-1").done("application.withdraw", Some(id), &[("reason", "停招")]);
        let again = ("", "already_decided");
        check(&mut province, "xatl-1", "application.withdraw", id, &[], again);
        province.sync_all();
        let seen = row(province.at("hub-1"), "application", id);
        assert_eq!(seen.text("pending_request"), Some("withdrawal"));
        if granting {
            province.at("hub-2").done("application.decide", Some(id), &granted);
        } else {
            province.at("xatl-1").done("application.submit", Some(id), &[]);
        }
        province.sync_all();
        let seen = row(province.at("crrc-1"), "application", id);
        let expected = if granting { "withdrawn" } else { "filed" };
        assert_eq!((seen.state(), seen.text("pending_request")), (Some(expected), None));
    }
    province.at("xatl-1").done("application.submit", Some(id), &[]);
    check_state(province.at("xatl-1"), "application", id, "submitted");
}

/// C2: a critical field in conflict blocks, another does not.
#[test]
fn only_critical_conflicts_block_a_submission() {
    let (mut province, id) = submitted();
    for (key, values) in [("grade", ["2023", "2025"]), ("planned_students", ["80", "85"])] {
        for (node, value) in ["xatl-1", "xatl-2"].iter().zip(values) {
            province.at(node).done("application.edit", Some(id), &[(key, value)]);
        }
        province.sync("xatl-1", "xatl-2");
        assert_eq!(row(province.at("xatl-1"), "application", id).conflict, [key]);
        if key == "grade" {
            province.at("xatl-1").done("application.submit", Some(id), &[]);
        } else {
            let conflict = ("planned_students", "in_conflict");
            check(&mut province, "xatl-1", "application.submit", id, &[], conflict);
        }
        province.at("xatl-2").done("application.edit", Some(id), &[(key, values[0])]);
        province.sync("xatl-1", "xatl-2");
        assert!(row(province.at("xatl-1"), "application", id).conflict.is_empty());
    }
    province.at("xatl-1").done("application.submit", Some(id), &[]);
    province.sync_all();
    let seen = row(province.at("crrc-1"), "application", id);
    assert_eq!((seen.int("planned_students"), seen.text("grade")), (Some(80), Some("2023")));
}

#[test]
fn numbers_fit_each_other_after_an_edit() {
    let (mut province, id) = submitted();
    let edit = "application.edit";
    let over = ("planned_students", "more_than");
    check(&mut province, "xatl-1", edit, id, &[("enrolled_students", "89")], over);
    check(&mut province, "xatl-1", edit, id, &[("planned_students", "131")], over);
    let college = province.at("xatl-1");
    college.done(edit, Some(id), &[("teachers", "5"), ("teachers_trained", "5")]);
    let over = ("teachers_trained", "more_than");
    check(&mut province, "xatl-1", edit, id, &[("teachers", "4")], over);
    province.at("xatl-1").done(edit, Some(id), &[("teachers", "")]);
    assert_eq!(row(province.at("xatl-1"), "application", id).int("teachers"), None);
    let missing = ("enrolled_students", "missing");
    check(&mut province, "xatl-1", edit, id, &[("enrolled_students", "")], missing);
}

#[test]
fn filing_takes_two_one_of_them_lead() {
    let (mut province, id) = submitted();
    let filed = [("outcome", "filed")];
    province.at("hub-2").done("application.decide", Some(id), &filed);
    province.sync_all();
    let reason = province.at("hub-3").refused("application.decide", Some(id), &filed).1;
    assert_eq!(reason, Reason::NeedsRole(PersonRole::Lead));
    province.state(Statement::Grant(device_of("hub-1"), "孙涛", PersonRole::Officer));
    province.at("hub-1").person = "孙涛";
    check(&mut province, "hub-1", "application.decide", id, &filed, ("", "same_person"));
    province.at("hub-1").person = "郝敏";
    province.at("hub-1").done("application.decide", Some(id), &filed);
    check_state(province.at("hub-1"), "application", id, "filed");
    check(&mut province, "hub-1", "application.decide", id, &filed, ("outcome", "already_decided"));
}

#[test]
fn a_hub_with_one_device_files_with_its_lead_alone() {
    let Pilot { mut province, assembly_2, .. } = Pilot::begin(1);
    let level = assembly_2.to_string();
    let college = province.at("xatl-1");
    let id = college.done("application.add", None, &line(&level, "90", "130"));
    college.done("application.submit", Some(id), &[("endorsed_by", "李院长")]);
    province.sync_all();
    for replica in &mut province.replicas {
        let gone = Statement::Device(device_of("hub-2"), HUB);
        let filler = Statement::Grant(device_of("hub-1"), "孙涛", PersonRole::Officer);
        let at = replica.log.0.iter().position(|statement| *statement == gone);
        replica.log.0[at.expect("hub-2 joined")] = filler;
    }
    province.at("hub-1").person = "孙涛";
    province.at("hub-1").done("application.decide", Some(id), &[("outcome", "filed")]);
    check_state(province.at("hub-1"), "application", id, "submitted");
    province.at("hub-1").person = "郝敏";
    province.at("hub-1").done("application.decide", Some(id), &[("outcome", "filed")]);
    check_state(province.at("hub-1"), "application", id, "filed");
}

#[test]
fn filing_needs_an_agreement_in_force() {
    let Pilot { mut province, finance_1, .. } = Pilot::begin(1);
    let level = finance_1.to_string();
    let college = province.at("xatl-1");
    let id = college.done("application.add", None, &line(&level, "90", "130"));
    college.done("application.submit", Some(id), &[("endorsed_by", "李院长")]);
    province.sync_all();
    check_state(province.at("zljy-1"), "application", id, "submitted");
    let filed = [("outcome", "filed")];
    let none = ("agreement_id", "no_agreement");
    check(&mut province, "hub-2", "application.decide", id, &filed, none);
}

/// 2.0.1: what was returned while a newer version came needs a decision on that one.
#[test]
fn a_newer_version_of_a_returned_line_can_be_decided() {
    let (mut province, id) = submitted();
    let returned = [("outcome", "returned"), ("reason", "缺附件")];
    province.at("hub-2").done("application.decide", Some(id), &returned);
    check(&mut province, "hub-2", "application.decide", id, &returned, ("", "state"));
    province.at("xatl-1").done("application.edit", Some(id), &[("planned_students", "80")]);
    province.at("xatl-1").done("application.submit", Some(id), &[]);
    province.sync_all();
    let seen = row(province.at("crrc-1"), "application", id);
    assert_eq!(seen.state(), Some("returned"));
    assert!(seen.is("changed_since_decision"));
    file(&mut province, id);
    let seen = row(province.at("crrc-1"), "application", id);
    assert_eq!(
        (seen.int("planned_students"), seen.is("changed_since_decision")),
        (Some(80), false)
    );
}

/// 3.3: lateness is by the hub's clock when the act came, not by the writer's when he wrote it.
#[test]
fn a_line_is_late_by_the_hubs_receipt() {
    let (mut province, id) = submitted();
    assert!(!row(province.at("xatl-1"), "application", id).is("late"));
    province.at("hub-1").wait(40);
    province.at("xatl-1").done("application.edit", Some(id), &[("planned_students", "80")]);
    province.at("xatl-1").done("application.submit", Some(id), &[]);
    province.sync_all();
    for name in ["hub-1", "hub-2", "xatl-1", "crrc-1"] {
        assert!(row(province.at(name), "application", id).is("late"), "{name}");
    }
    let kind = onex_crdt::registry::kind("receipt").expect("it exists");
    let receipts = province.at("crrc-1").rows(kind);
    let timeliness: Vec<_> = receipts.iter().filter_map(|row| row.text("timeliness")).collect();
    assert_eq!(timeliness.len(), 2, "one for each act");
    assert!(timeliness.contains(&"on_time") && timeliness.contains(&"late"));
    assert!(receipts.iter().any(|row| row.int("skew_seconds") < Some(-39 * 86_400)));
}

/// "open, else late": a closed call is found only by its name.
#[test]
fn a_closed_call_takes_lines_that_name_it() {
    let Pilot { mut province, assembly_2, .. } = Pilot::begin(1);
    let kind = onex_crdt::registry::kind("call").expect("it exists");
    let call = province.at("hub-2").rows(kind)[0].id;
    province.at("hub-2").done("call.close", Some(call), &[]);
    province.sync_all();
    let (level, call) = (assembly_2.to_string(), call.to_string());
    let college = province.at("xatl-1");
    let (field, reason) = college.refused("application.add", None, &line(&level, "90", "130"));
    assert_eq!((field.as_str(), reason.code()), ("call_id", "no_open_call"));
    let mut params = line(&level, "90", "130");
    params.push(("call_id", call.as_str()));
    let id = college.done("application.add", None, &params);
    college.done("application.submit", Some(id), &[("endorsed_by", "李院长")]);
    province.at("hub-1").wait(40);
    province.sync_all();
    assert!(row(province.at("xatl-1"), "application", id).is("late"));
    let answered = row(province.at("hub-2"), "call", call.parse().expect("an id"));
    assert_eq!((answered.state(), answered.int("responses")), (Some("closed"), Some(1)));
}

/// A filing number is one line's for good, whatever happens later.
#[test]
fn numbers_count_on_and_stay() {
    let (mut province, first) = submitted();
    let hub = province.at("hub-2");
    let levels = hub.rows(onex_crdt::registry::kind("cert_level").expect("it exists"));
    let finance =
        levels.iter().find(|row| row.state() == Some("listed") && row.int("level") == Some(1));
    let level = finance.expect("智能财税 1 is listed").id.to_string();
    file(&mut province, first);
    let college = province.at("xatl-1");
    let second = college.done("application.add", None, &line(&level, "20", "30"));
    college.done("application.submit", Some(second), &[("endorsed_by", "李院长")]);
    agree_with_zljy(&mut province, &level);
    file(&mut province, second);
    let cancelled = [("outcome", "cancelled"), ("reason", "停办")];
    province.at("hub-2").done("application.decide", Some(first), &cancelled);
    province.sync_all();
    let number = |province: &mut Province, id| {
        row(province.at("crrc-1"), "application", id).text("filing_no").map(str::to_owned)
    };
    assert_eq!(number(&mut province, first).as_deref(), Some("陕1X-2026-13945-001"));
    let row = row(province.at("zljy-1"), "application", second);
    assert_eq!(row.text("filing_no"), Some("陕1X-2026-13945-002"));
    for action in ["application.submit", "application.edit", "application.withdraw"] {
        check(&mut province, "xatl-1", action, first, &[], ("", "state"));
    }
}

fn agree_with_zljy(province: &mut Province, level: &str) {
    let evaluator = province.at("zljy-1").org.to_string();
    let params = [
        ("evaluator_id", evaluator.as_str()),
        ("year", "2026"),
        ("cert_level_ids", level),
        ("fee_per_person", "280.00"),
        ("starts_on", "2026-04-01"),
        ("ends_on", "2026-12-31"),
        ("college_duties", "一、提供场地"),
        ("evaluator_duties", "一、组织考核"),
    ];
    let id = province.at("xatl-1").done("agreement.propose", None, &params);
    province.sync_all();
    let digest = row(province.at("zljy-1"), "agreement", id).fields["digest"].clone();
    let digest = onex_crdt::ids::hex_encode(digest.as_bytes().expect("a digest is bytes"));
    let wrong = "ab".repeat(32);
    let other = ("digest", "other_version");
    check(province, "zljy-1", "agreement.confirm", id, &[("digest", &wrong)], other);
    province.at("zljy-1").done("agreement.confirm", Some(id), &[("digest", &digest)]);
    province.sync_all();
    check_state(province.at("hub-1"), "agreement", id, "in_force");
    let again = ("", "state");
    check(province, "zljy-1", "agreement.confirm", id, &[("digest", &digest)], again);
}

/// Newer terms are in force only when the other side has confirmed them.
#[test]
fn newer_terms_need_a_new_confirmation() {
    let (mut province, id) = submitted();
    let level = row(province.at("xatl-1"), "application", id).id_of("cert_level_id");
    let level = level.expect("it was given").to_string();
    let xatl = province.at("xatl-1").org.to_string();
    let params = [
        ("college_id", xatl.as_str()),
        ("year", "2026"),
        ("cert_level_ids", level.as_str()),
        ("fee_per_person", "310.00"),
        ("starts_on", "2026-05-01"),
        ("ends_on", "2026-04-30"),
        ("college_duties", "一、提供场地"),
        ("evaluator_duties", "一、组织考核"),
    ];
    let (field, reason) = province.at("crrc-1").refused("agreement.propose", None, &params);
    assert_eq!((field.as_str(), reason.code()), ("ends_on", "ends_before_start"));
    let mut params = params;
    params[5].1 = "2026-12-31";
    let agreement = province.at("crrc-1").done("agreement.propose", None, &params);
    province.sync_all();
    check_state(province.at("hub-1"), "agreement", agreement, "proposed");
    let line = row(province.at("hub-1"), "application", id);
    assert!(!line.fields.contains_key("agreement_id"), "none is in force now");
    let filed = [("outcome", "filed")];
    let none = ("agreement_id", "no_agreement");
    check(&mut province, "hub-2", "application.decide", id, &filed, none);
}
