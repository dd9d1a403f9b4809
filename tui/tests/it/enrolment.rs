//! Processes meet: serve, invite, join by file, by code, by stick and by recovery key, sync.

use super::program::{Home, Running};

#[test]
fn a_college_joins_and_syncs() {
    let hub = Home::hub();
    let college = [
        "role=college",
        "name=西安铁路职业技术学院",
        "short_code=13945",
        "region_code=610100",
        "reporting_unit=610100",
    ];
    let org = hub.make("organisation.add", &college);
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--json"];
    let (_serving, first) = Running::start(&hub, &arguments);
    assert_eq!(first["device"], hub.json(&["status"])["device"]["id"]);

    let file = hub.folder.path().join("invitation");
    let file = file.to_str().expect("UTF-8");
    hub.json(&["invite", "--role", "college", "--org", &org[..8], "--out", file]);

    let college = Home::empty();
    let join = ["join", file, "--person", "王芳", "--wait", "60", "--json"];
    let (mut joining, asked) = Running::start(&college, &join);
    let digits = format!("digits={}", asked["digits"].as_str().expect("digits"));
    let refused = hub.run(&["do", "device.confirm", "digits=1", "--json"]);
    assert_eq!((refused.status, &refused.json()["refused"]["field"]), (1, &"digits".into()));
    hub.json(&["do", "device.confirm", &digits]);
    assert!(joining.0.wait().expect("it ends").success());

    let status = college.json(&["status"]);
    assert_eq!(status["org"]["id"], org.as_str());
    assert_eq!((&status["org"]["role"], &status["person"]), (&"college".into(), &"王芳".into()));
    let phone = ["name=王芳", "duty=coordinator", "phone=13900000021"];
    let contact = college.make("contact.add", &phone);
    let report = college.json(&["sync"]);
    assert_eq!(
        (&report["peers"][0]["reached"], &report["peers"][0]["equal"]),
        (&true.into(), &true.into())
    );
    assert_eq!(hub.json(&["show", "contact", &contact])["row"]["name"], "王*");
}

/// A hub that serves, with a college in its directory; the college's id.
fn hub_and_college() -> (Home, Running, String) {
    let hub = Home::hub();
    let college = [
        "role=college",
        "name=西安铁路职业技术学院",
        "short_code=13945",
        "region_code=610100",
        "reporting_unit=610100",
    ];
    let org = hub.make("organisation.add", &college);
    let serving = Running::serve(&hub);
    (hub, serving, org)
}

/// A college is no evaluator, whichever way it is invited; nobody could come with the invitation.
#[test]
fn an_organisation_is_invited_in_its_own_role_only() {
    let (hub, _serving, org) = hub_and_college();
    let out = hub.folder.path().join("invitation");
    let file = out.to_str().expect("UTF-8");
    let (by_out, by_org) = (format!("out={file}"), format!("org_id={org}"));
    let action = ["do", "device.invite", &by_out, &by_org, "--json"];
    let wrong = ["invite", "--role", "evaluator", "--org", &org, "--json"];
    let ways: [(&str, Vec<&str>); 5] = [
        ("by file", [&wrong[..], &["--out", file]].concat()),
        ("by code", [&wrong[..], &["--code"]].concat()),
        ("on a stick", [&wrong[..], &["--offline", "--out", file]].concat()),
        ("as an action", [&action[..], &["role=evaluator"]].concat()),
        ("as a hub", [&action[..], &["role=hub"]].concat()),
    ];
    for (way, arguments) in ways {
        let refused = hub.run(&arguments);
        assert_eq!(refused.status, 1, "{way}: {refused:?}");
        assert_eq!(refused.json()["refused"]["field"], "role", "{way}");
        assert!(!out.exists(), "{way}: nothing is written");
    }
    let right = ["invite", "--role", "college", "--org", &org, "--offline", "--out", file];
    hub.json(&right);
    assert!(out.exists());
}

#[test]
fn a_code_does_for_the_file() {
    let (hub, _serving, org) = hub_and_college();
    let invited = hub.json(&["invite", "--role", "college", "--org", &org, "--code"]);
    let (code, address) = (invited["code"].as_str(), invited["address"].as_str());
    let (code, address) = (code.expect("a code"), address.expect("an address"));
    let mistyped = ["join", "--code", &code[..34], "--address", address, "--json"];
    assert_eq!(Home::empty().run(&mistyped).status, 1);
    let other = ["join", "--code", "BSF-5WQ-JYB-SF5-WQJ-YBS-F5W-QJY-BSS", "--address", address];
    assert_eq!(Home::empty().run(&[&other[..], &["--json"]].concat()).status, 1);
    let college = Running::join(&hub, &["--code", &code.to_lowercase(), "--address", address]);
    assert_eq!(college.json(&["status"])["org"]["id"], org.as_str());
    let used = ["join", "--code", code, "--address", address, "--json"];
    assert_eq!(Home::empty().run(&used).status, 1, "one use");
}

#[test]
fn two_files_go_to_and_fro_on_a_stick() {
    let (hub, _serving, org) = hub_and_college();
    let stick = tempfile::tempdir().expect("a folder");
    let file = |name: &str| stick.path().join(name).to_str().expect("UTF-8").to_owned();
    let (invitation, request, response) = (file("invitation"), file("request"), file("response"));
    hub.json(&["invite", "--role", "college", "--org", &org, "--offline", "--out", &invitation]);
    let college = Home::empty();
    let asked = college.json(&["join", &invitation, "--request", &request, "--person", "王芳"]);
    let shown = hub.json(&["admit", &request]);
    assert_eq!((&shown["person"], &shown["admitted"]), (&"王芳".into(), &false.into()));
    assert_eq!(shown["digits"], asked["digits"], "the same on both screens");
    let wrong = hub.run(&["admit", &request, "digits=1", "--out", &response, "--json"]);
    assert_eq!((wrong.status, &wrong.json()["refused"]["field"]), (1, &"digits".into()));
    let digits = format!("digits={}", asked["digits"].as_str().expect("digits"));
    let done = hub.json(&["admit", &request, &digits, "--out", &response]);
    assert_eq!(done["admitted"], true);
    let foreign = Home::empty().run(&["join", "--response", &response, "--json"]);
    assert_eq!(foreign.status, 1, "nobody asked there");
    college.json(&["join", "--response", &response]);
    let status = college.json(&["status"]);
    assert_eq!((&status["org"]["id"], &status["person"]), (&org.as_str().into(), &"王芳".into()));
    assert_eq!(college.json(&["sync"])["peers"][0]["equal"], true);
}

#[test]
fn a_recovery_key_brings_an_organisation_back() {
    let (hub, _serving, org) = hub_and_college();
    let invited = hub.json(&["invite", "--role", "college", "--org", &org, "--code"]);
    let (code, address) = (invited["code"].as_str(), invited["address"].as_str());
    let by_code = ["--code", code.expect("a code"), "--address", address.expect("an address")];
    let lost = Running::join(&hub, &[&by_code[..], &["--person", "王芳"]].concat());
    let paper = lost.folder.path().join("paper");
    let paper = paper.to_str().expect("UTF-8");
    lost.json(&["recovery", "new", "--out", paper]);
    assert_eq!(lost.json(&["sync"])["peers"][0]["reached"], true);
    let new = Home::empty();
    new.json(&["recovery", "use", paper, "--person", "李强"]);
    let status = new.json(&["status"]);
    assert_eq!(
        (&status["org"]["id"], &status["roles"][0]),
        (&org.as_str().into(), &"admin".into())
    );
    let reset = hub.run(&["recovery", "reset", &org, "--json"]);
    assert_eq!(reset.status, 1, "devices of it take part");
    for home in [&lost, &new] {
        let id = home.json(&["status"])["device"]["id"].as_str().expect("an id").to_owned();
        hub.json(&["do", "device.remove", &format!("id={id}"), "reason=lost"]);
    }
    let told = lost.run(&["sync"]);
    assert!(told.out.contains("拒绝同步：本机已被移除"), "{told:?}");
    assert_eq!(lost.json(&["status"])["device"]["state"], "removed");
    assert_eq!(hub.json(&["recovery", "reset", &org])["done"], true);
    let invited = hub.json(&["invite", "--role", "college", "--org", &org, "--code"]);
    let (code, address) = (invited["code"].as_str(), invited["address"].as_str());
    let by_code = ["--code", code.expect("a code"), "--address", address.expect("an address")];
    let first = Running::join(&hub, &[&by_code[..], &["--person", "陈晨"]].concat());
    let status = first.json(&["status"]);
    assert_eq!(
        (&status["org"]["id"], &status["roles"][0]),
        (&org.as_str().into(), &"admin".into())
    );
}

#[test]
fn the_root_changes_hands_by_files() {
    let hub = Home::hub();
    let stick = tempfile::tempdir().expect("a folder");
    let file = |name: &str| stick.path().join(name).to_str().expect("UTF-8").to_owned();
    let (keys, next) = ([file("key1"), file("key2"), file("key3")], file("next"));
    for key in &keys {
        hub.json(&["root", "key", "--out", key]);
    }
    let propose = ["root", "propose", "--threshold", "2", "--out", &next];
    let given: Vec<&str> = keys.iter().flat_map(|key| ["--key", key.as_str()]).collect();
    hub.json(&[&propose[..], &given].concat());
    let early = hub.run(&["root", "apply", &next, "--json"]);
    assert_eq!(early.status, 1, "{early:?}");
    assert!(early.out.contains("第 2 版信任根要 2 人签名，现在有 0 人"), "{early:?}");
    hub.json(&["root", "sign", &next, "--key", &keys[0]]);
    hub.json(&["root", "sign", &next, "--key", &keys[2]]);
    let root = hub.json(&["root", "apply", &next]);
    assert_eq!((&root["version"], &root["threshold"]), (&2.into(), &2.into()));
    let again = hub.run(&["root", "apply", &next, "--json"]);
    assert_eq!(again.status, 0, "it has its place");
    assert_eq!(hub.json(&["status"])["membership"]["position"], root["position"]);
}
