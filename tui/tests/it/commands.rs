//! Local commands: actions, lists, refusals, exit statuses.

use serde_json::{Value, json};

use super::program::Home;

const COLLEGE: &[&str] = &[
    "role=college",
    "name=西安铁路职业技术学院",
    "short_code=13945",
    "region_code=610100",
    "reporting_unit=西安市",
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Runs a command that must fail so, and returns what it printed.
#[track_caller]
fn check_status(home: &Home, arguments: &[&str], status: i32) -> super::program::Run {
    let run = home.run(arguments);
    assert_eq!(run.status, status, "{arguments:?}: {run:?}");
    run
}

#[test]
fn wrong_usage_is_told_from_a_refusal() {
    let home = Home::hub();
    for arguments in [
        &["do", "nothing.add", "--json"][..],
        &["do", "organisation.add", "colour=red", "--json"],
        &["do", "organisation.add", "role", "--json"],
        &["do", "organisation.add", "role=college", "role=college", "--json"],
        &["do"],
        &["list", "nothing"],
        &["list", "organisation", "--where", "name"],
        &["list", "organisation", "--where", "colour=red"],
        &["list", "call", "--where", "year>=soon"],
        &["show", "nothing", "00000000"],
        &["init", "--role", "college", "--name", "x", "--region", "610000"],
        &["no-such-command"],
    ] {
        let run = check_status(&home, arguments, 2);
        assert_eq!(run.out, "", "{arguments:?}");
        assert_ne!(run.err, "", "{arguments:?}");
    }
    let empty = Home::empty();
    check_status(&empty, &["status"], 1);
    let unknown = "00000000000000000000000000000000";
    check_status(&home, &["show", "organisation", unknown], 1);
    check_status(&home, &["sync"], 3);
    check_status(&home, &["--help"], 0);
}

#[test]
fn a_wrong_name_is_answered_with_those_there_are() {
    let home = Home::hub();
    for (arguments, expected) in [
        (&["list", "aplication"][..], "application, call"),
        (&["list", "conflicts"], "conflict, duplicate, quarantine, device, parameter"),
        (&["list", "contact", "--where", "colour=red"], "name, post, duty"),
        (&["do", "contact.ad"], "contact.add, contact.edit, contact.confirm, contact.remove"),
        (&["do", "nothing.add"], "onex do --list"),
        (&["do", "contact.edit", "colour=red"], "id, name, post, duty"),
    ] {
        let run = check_status(&home, arguments, 2);
        assert!(run.err.contains(expected), "{arguments:?}: {run:?}");
    }
    let run = check_status(&home, &["do", "contact.edit", "name=王芳"], 1);
    assert!(run.err.contains("id：必填"), "{run:?}");
    let run = check_status(&home, &["sync", "abcd"], 1);
    assert!(run.err.contains("onex list device"), "{run:?}");
    let run = check_status(
        &Home::empty(),
        &["init", "--role", "hub", "--name", "某", "--region", "610000"],
        1,
    );
    assert!(run.err.contains("枢纽名称："), "{run:?}");
}

#[test]
fn other_lists_are_tables_for_people() {
    let home = Home::hub();
    let run = check_status(&home, &["list", "conflict"], 0);
    assert_eq!(run.out, "共 0 条\n");
    let run = check_status(&home, &["list", "device"], 0);
    assert!(run.out.contains("管理员: ") && !run.out.contains(['[', '"']), "{run:?}");
}

#[test]
fn a_refusal_names_what_why_what_to_do_and_the_field() {
    let home = Home::hub();
    home.make("organisation.add", COLLEGE);
    let again = [&["do", "organisation.add", "--json"], COLLEGE].concat();
    let run = check_status(&home, &again, 1);
    let value = run.json();
    assert_eq!(keys(&value), ["refused"]);
    assert_eq!(keys(&value["refused"]), ["what", "why", "do", "field"]);
    assert_eq!(value["refused"]["field"], "name");
    assert_eq!(run.err, "");
    let words = [&["do", "organisation.add"], COLLEGE].concat();
    let run = check_status(&home, &words, 1);
    assert_eq!(run.out, "");
    assert!(run.err.contains("机构名称"), "{}", run.err);
    let wrong = ["do", "organisation.add", "role=college", "name=X", "short_code=1", "--json"];
    assert_eq!(check_status(&home, &wrong, 1).json()["refused"]["field"], "name");
}

#[test]
fn an_organisation_is_made_and_listed_with_every_key() {
    let home = Home::hub();
    let made = home.json(&[&["do", "organisation.add"], COLLEGE].concat());
    assert_eq!(keys(&made), ["id", "state"]);
    assert_eq!(made["state"], "active");
    let list = home.json(&["list", "organisation", "--where", "role=试点院校"]);
    assert_eq!(keys(&list), ["kind", "total", "rows"]);
    assert_eq!((&list["kind"], &list["total"]), (&json!("organisation"), &json!(1)));
    let row = &list["rows"][0];
    let head = ["id", "conflict", "stale", "role", "name", "short_name", "uscc", "school_code"];
    assert_eq!(keys(row)[..head.len()], head);
    assert_eq!(keys(row).last(), Some(&"state"));
    assert_eq!(row["id"], made["id"]);
    assert_eq!((&row["uscc"], &row["tags"]), (&Value::Null, &json!([])));
    assert_eq!(row["reporting_unit"], "610100");
    let limited = home.json(&["list", "organisation", "--limit", "1"]);
    let rows = limited["rows"].as_array().expect("rows");
    assert_eq!((limited["total"].as_u64(), rows.len()), (Some(2), 1));
    let found = home.json(&["list", "organisation", "--text", "xatl"]);
    assert_eq!(found["rows"][0]["id"], made["id"]);
}

#[test]
fn ids_may_be_short_and_values_cleared() {
    let home = Home::hub();
    let id = home.make("organisation.add", COLLEGE);
    let short = format!("id={}", &id[..8]);
    let edited = home.json(&["do", "organisation.edit", &short, "short_name=西铁院"]);
    assert_eq!(edited["id"], id.as_str());
    let shown = home.json(&["show", "organisation", &id[..8]]);
    assert_eq!(keys(&shown), ["kind", "row"]);
    assert_eq!(shown["row"]["short_name"], "西铁院");
    home.json(&["do", "organisation.edit", &short, "short_name="]);
    let shown = home.json(&["show", "organisation", &id, "--history"]);
    assert_eq!(keys(&shown), ["kind", "row", "history", "difference"]);
    assert_eq!(shown["row"]["short_name"], Value::Null);
    let last = shown["history"].as_array().and_then(|steps| steps.last()).expect("steps");
    assert_eq!(last["changed"], json!({ "short_name": ["西铁院", null] }));
    let run = check_status(&home, &["do", "organisation.edit", "id=0000", "--json"], 1);
    assert_eq!(run.json()["refused"]["field"], "id");
    let several = format!("id={id},00000000000000000000000000000000");
    let all = ["do", "organisation.edit", &several, "short_name=一"];
    check_status(&home, &all, 1);
    let shown = home.json(&["show", "organisation", &id]);
    assert_eq!(shown["row"]["short_name"], Value::Null, "all or none");
}

#[test]
fn several_ids_are_answered_in_rows() {
    let home = Home::hub();
    let evaluator = ["role=evaluator", "name=某评价组织", "short_code=ABCD"];
    let ids = [home.make("organisation.add", COLLEGE), home.make("organisation.add", &evaluator)];
    let both = format!("id={},{}", &ids[0][..8], &ids[1][..8]);
    let answer = home.json(&["do", "organisation.edit", &both, "tags=示范,骨干"]);
    let rows = answer["rows"].as_array().expect("rows");
    assert_eq!(
        rows.iter().map(|row| row["id"].as_str()).collect::<Vec<_>>(),
        ids.each_ref().map(|id| Some(id.as_str()))
    );
    let shown = home.json(&["show", "organisation", &ids[1]]);
    assert_eq!(shown["row"]["tags"], json!(["demonstration", "backbone"]));
}

#[test]
fn personal_data_is_masked_everywhere() {
    let home = Home::hub();
    let values = ["name=欧阳静", "duty=考务", "phone=13900000021", "post==1+1"];
    let id = home.make("contact.add", &values);
    let list = home.json(&["list", "contact"]);
    assert_eq!(list["rows"][0]["name"], "欧阳*");
    assert_eq!(list["rows"][0]["phone"], "139****0021");
    let found = home.json(&["list", "contact", "--where", "phone=13900000021"]);
    assert_eq!(found["total"], 1, "conditions look at the true value");
    let csv = home.run(&["list", "contact", "--csv"]);
    assert!(csv.out.starts_with("\u{feff}id,所属机构,姓名,"), "{}", csv.out);
    assert!(csv.out.contains(",欧阳*,'=1+1,考务,139****0021,"), "{}", csv.out);
    for arguments in [
        &["list", "contact"][..],
        &["list", "contact", "--json"],
        &["list", "contact", "--csv"],
        &["show", "contact", &id],
        &["show", "contact", &id, "--history", "--json"],
        &["show", "contact", &id, "--history"],
    ] {
        let run = check_status(&home, arguments, 0);
        assert!(!run.out.contains("欧阳静") && !run.out.contains("13900000021"), "{}", run.out);
    }
}

/// Choices are named in a history as in the record above it, not by their ids.
#[test]
fn a_history_is_read_in_words() {
    let home = Home::hub();
    let id = home.make("contact.add", &["name=欧阳静", "duty=exam", "phone=13900000021"]);
    let shown = home.run(&["show", "contact", &id, "--history"]).out;
    assert!(shown.contains("职责  → 考务"), "{shown}");
}

#[test]
fn lists_of_what_is_no_record_have_their_shapes() {
    let home = Home::hub();
    for kind in ["conflict", "quarantine"] {
        let list = home.json(&["list", kind]);
        assert_eq!(list, json!({ "kind": kind, "total": 0, "rows": [] }));
    }
    let devices = home.json(&["list", "device", "--where", "state=active"]);
    let row = &devices["rows"][0];
    assert_eq!(keys(row), ["id", "org_id", "persons", "joined_on", "last_sync", "state"]);
    let roles = json!(["lead", "officer", "admin"]);
    assert_eq!(row["persons"], json!([{ "person": "管理员", "roles": roles }]));
    let parameters = home.json(&["list", "parameter", "--where", "key=filing_allocator"]);
    assert_eq!(parameters["total"], 1);
    assert_eq!(parameters["rows"][0]["value"], row["id"]);
    let status = home.json(&["status"]);
    let all = [
        "org",
        "person",
        "roles",
        "device",
        "network",
        "membership",
        "unsent",
        "peers",
        "conflicts",
        "quarantine",
        "stale",
        "waiting",
        "store",
        "keys",
        "health",
    ];
    assert_eq!(keys(&status), all);
}

#[test]
fn another_person_has_his_own_roles() {
    let home = Home::hub();
    let add = [&["do", "organisation.add", "--person", "张三", "--json"], COLLEGE].concat();
    let refused = check_status(&home, &add, 1).json();
    assert_eq!(refused["refused"]["field"], Value::Null);
    let status = home.json(&["status", "--person", "张三"]);
    assert_eq!((&status["person"], &status["roles"]), (&json!("张三"), &json!([])));
}

#[test]
fn every_action_is_named_with_its_parameters() {
    let home = Home::empty();
    let all = home.json(&["do", "--list"]);
    let actions = all["actions"].as_array().expect("actions");
    let decide = actions.iter().find(|action| action["action"] == "application.decide");
    let decide = decide.expect("it is listed");
    assert_eq!(decide["zh"], "审核备案");
    assert_eq!(decide["takes_id"], true);
    let outcome = &decide["parameters"][0];
    assert_eq!((&outcome["key"], &outcome["required"]), (&json!("outcome"), &json!(true)));
}
