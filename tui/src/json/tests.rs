//! The shapes of the contract, value by value.

use onex_crdt::field::time::Moment;
use onex_crdt::ids::{ActId, DocId, NetworkId, OrgId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::agreement::Agreement;
use onex_crdt::records::certificate::CertLevel;
use onex_crdt::records::contact::Contact;
use onex_crdt::roles::OrgRole;
use onex_node::api::{ConflictValue, Health, Keeping, StepSource, Waiting};

use super::*;

fn at() -> Moment {
    Moment::parse("2026-04-20T08:12:05+08:00").expect("a moment")
}

fn contact() -> Row {
    let mut row = Row { id: RecordId([0x3e; 16]), ..Row::default() };
    for (key, text) in [
        ("name", "欧阳静"),
        ("duty", "finance"),
        ("phone", "13900000021"),
        ("email", "ouyang@example.edu.cn"),
        ("state", "active"),
    ] {
        row.set_text(key, text);
    }
    row.set_id("org_id", RecordId([0xb2; 16]));
    row
}

#[track_caller]
fn check(found: Json, expected: &str) {
    assert_eq!(found.to_string(), expected.split_whitespace().collect::<Vec<_>>().join(""));
}

#[test]
fn a_list_has_every_key_in_order_and_masks() {
    let mut row = contact();
    row.conflict = vec!["phone".to_owned()];
    let found = list(Secrets::Masked, Contact::KIND, &List { total: 2, rows: vec![row] });
    check(
        found,
        r#"{"kind":"contact","total":2,"rows":[
        {"id":"3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e","conflict":["phone"],"stale":false,
        "org_id":"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2","name":"欧阳*","post":null,
        "duty":"finance","phone":"139****0021","email":"o*@example.edu.cn",
        "since":null,"confirmed_on":null,"state":"active"}]}"#,
    );
}

#[test]
fn numbers_levels_and_lists_have_their_forms() {
    let field = |kind: &RecordKind, key: &str| *kind.field(key).expect("a field");
    let of =
        |kind, key, given: Option<Value>| value(Secrets::Masked, &field(kind, key), given.as_ref());
    let int = |number| Some(Value::Int(number));
    check(of(CertLevel::KIND, "level", int(2)), "2");
    check(of(CertLevel::KIND, "suggested_credits", int(30)), r#""3.0""#);
    check(of(Agreement::KIND, "fee_per_person", int(30_000)), r#""300.00""#);
    check(of(Agreement::KIND, "cert_level_ids", None), "[]");
    check(of(Application::KIND, "exam_months", None), "[]");
    check(of(Application::KIND, "planned_students", None), "null");
    check(of(Application::KIND, "own_site", Some(Value::Bool(true))), "true");
    let months = Some(Value::List(vec!["6".to_owned(), "11".to_owned()]));
    check(of(Application::KIND, "exam_months", months), r#"["6","11"]"#);
}

fn own() -> Me {
    Me {
        org_id: OrgId([0xb2; 16]),
        org_name: "某学院".to_owned(),
        org_role: OrgRole::College,
        org_state: Some("active".to_owned()),
        person: "王芳".to_owned(),
        roles: vec![PersonRole::Coordinator, PersonRole::Admin],
        device: DeviceId([0x41; 16]),
        device_active: true,
        network: NetworkId([0x5f; 16]),
        now: at(),
    }
}

fn other() -> Peer {
    Peer {
        org_id: OrgId([0xa1; 16]),
        name: "某项目办".to_owned(),
        device: DeviceId([0x9c; 16]),
        address: Some("127.0.0.1:40311".to_owned()),
        last_sync: None,
        equal: true,
    }
}

const PEER: &str = r#""org_id":"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1","name":"某项目办",
    "device":"9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c9c""#;

#[test]
fn a_status_has_its_shape() {
    let given = Status {
        me: own(),
        membership_position: 14,
        hub_position: 13,
        unsent: Unsent { changes: 3, documents: 2, oldest: Some(at()) },
        peers: vec![other()],
        conflicts: 1,
        quarantine: 0,
        stale: 0,
        waiting: vec![Waiting {
            kind: "application",
            id: RecordId([0xe0; 16]),
            action: "hub.filing_no",
        }],
        documents: 41,
        records: 1380,
        bytes: 2_310_144,
        keys: Keeping::File,
        health: Health::default(),
    };
    let expected = format!(
        r#"{{"org":{{"id":"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2","name":"某学院","role":"college",
        "state":"active"}},"person":"王芳","roles":["coordinator","admin"],
        "device":{{"id":"41414141414141414141414141414141","state":"active"}},
        "network":"5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f",
        "membership":{{"position":14,"hub_position":13}},
        "unsent":{{"changes":3,"documents":2,"oldest":"2026-04-20T08:12:05+08:00"}},
        "peers":[{{{PEER},"address":"127.0.0.1:40311","last_sync":null,"equal":true}}],
        "conflicts":1,"quarantine":0,"stale":0,
        "waiting":[{{"kind":"application","id":"e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0",
        "for":"hub.filing_no"}}],
        "store":{{"documents":41,"records":1380,"bytes":2310144}},
        "keys":"file",
        "health":{{"database":"good","room":"enough","backup":null,"restored":false}}}}"#
    );
    check(status(&given), &expected);
}

#[test]
fn a_sync_report_has_its_shape() {
    let report = PeerReport {
        peer: other(),
        reached: true,
        round_trips: 1,
        sent: Traffic { documents: 2, changes: 3, bytes: 1874 },
        received: Traffic { documents: 0, changes: 0, bytes: 212 },
        quarantined: 0,
        refused: vec![(DocId([0x0b; 16]), "no_right".to_owned())],
        equal: true,
        error: None,
        closed: None,
    };
    let expected = format!(
        r#"{{"peers":[{{{PEER},"reached":true,"round_trips":1,
        "sent":{{"documents":2,"changes":3,"bytes":1874}},
        "received":{{"documents":0,"changes":0,"bytes":212}},"quarantined":0,
        "refused":[{{"document":"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b","reason":"no_right"}}],
        "equal":true,"error":null}}],
        "unsent":{{"changes":0,"documents":0,"oldest":null}}}}"#
    );
    check(sync(&SyncReport { peers: vec![report], unsent: Unsent::default() }), &expected);
}

#[test]
fn a_history_masks_what_it_says_was_changed() {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let step = Step {
        act: Some(ActId([1; 16])),
        change: None,
        kind: "contact.edit".to_owned(),
        at: at(),
        org_id: OrgId([0xb2; 16]),
        person: "王芳".to_owned(),
        device: None,
        after: vec![ActId([2; 16])],
        digest: None,
        changed: vec![("phone".to_owned(), None, text("13900000021"))],
        reason: None,
        outcome: None,
        says: Default::default(),
        source: Some(StepSource {
            change: "e9".repeat(32),
            person: Some("李强".to_owned()),
            device: Some(DeviceId([0x6e; 16])),
        }),
    };
    let difference = Some(vec![("name".to_owned(), text("王芳"), text("汪芳"))]);
    let found = history(
        Secrets::Masked,
        Contact::KIND,
        &History { row: contact(), steps: vec![step], difference },
    );
    check(
        found["history"][0].clone(),
        &format!(
            r#"{{"id":"01010101010101010101010101010101","type":"contact.edit",
            "at":"2026-04-20T08:12:05+08:00","org_id":"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2",
            "person":"王芳","device":null,"after":["02020202020202020202020202020202"],
            "digest":null,"changed":{{"phone":[null,"139****0021"]}},"reason":null,
            "outcome":null,"here":"sealed","source":{{"change":"{}",
            "person":"李强","device":"6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e"}}}}"#,
            "e9".repeat(32)
        ),
    );
    check(found["difference"].clone(), r#"{"name":["王*","汪*"]}"#);
}

#[test]
fn a_conflict_numbers_its_values_and_masks_them() {
    let values = ["王芳", "汪芳"].map(|name| ConflictValue {
        value: Some(Value::Text(name.to_owned())),
        person: "李强".to_owned(),
        device: Some(DeviceId([0x6e; 16])),
        at: at(),
    });
    let given = Conflict {
        id: RecordId([0xc0; 16]),
        kind: Application::KIND,
        record_id: RecordId([0x55; 16]),
        field: "contact_name".to_owned(),
        values: values.to_vec(),
    };
    let one = |choice: u8, name: &str| {
        format!(
            r#"{{"choice":{choice},"value":"{name}","person":"李强",
            "device":"6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e","at":"2026-04-20T08:12:05+08:00"}}"#
        )
    };
    let expected = format!(
        r#"{{"id":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0","kind":"application",
        "record_id":"55555555555555555555555555555555","field":"contact_name","label":"联系人",
        "critical":false,"blocks":["application.submit"],
        "values":[{},{}],"state":"open","chosen":null,"person":null,"reason":null}}"#,
        one(1, "王*"),
        one(2, "汪*")
    );
    check(conflict(Secrets::Masked, &given, true), &expected);
}

#[test]
fn what_was_kept_apart_has_its_shape() {
    let held = Quarantined {
        id: RecordId([0x0a; 16]),
        document: DocId([0x0b; 16]),
        document_kind: "plan".to_owned(),
        owner_id: OrgId([0xb2; 16]),
        change: None,
        device: Some(DeviceId([0x6e; 16])),
        person: Some("李强".to_owned()),
        records: Some(vec![RecordId([0x55; 16])]),
        adoptable: true,
        writes: Vec::new(),
        reason: "removed_device".to_owned(),
        received_from: DeviceId([0x41; 16]),
        received_at: at(),
        state: "held".to_owned(),
    };
    check(
        quarantined(&held),
        r#"{"id":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
        "document":"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b","document_kind":"plan",
        "owner_id":"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2","change":null,"device":"6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e",
        "person":"李强","reason":"removed_device","records":["55555555555555555555555555555555"],
        "received_from":"41414141414141414141414141414141",
        "received_at":"2026-04-20T08:12:05+08:00","adoptable":true,"state":"held"}"#,
    );
}

#[test]
fn devices_and_parameters_have_their_shapes() {
    let given = DeviceRow {
        id: DeviceId([0x41; 16]),
        org_id: OrgId([0xb2; 16]),
        persons: vec![("王芳".to_owned(), vec![PersonRole::Admin])],
        joined_at: 4,
        last_sync: Some(at()),
        active: false,
    };
    check(
        device(&given),
        r#"{"id":"41414141414141414141414141414141",
        "org_id":"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2",
        "persons":[{"person":"王芳","roles":["admin"]}],"joined_on":null,
        "last_sync":"2026-04-20T08:12:05+08:00","state":"removed"}"#,
    );
    let all = parameters(DeviceId([0x41; 16]));
    let shown = all.iter().map(|row| format!("{}={}", row["key"], row["value"]));
    let shown = shown.collect::<Vec<_>>().join(" ").replace('"', "");
    assert_eq!(
        shown,
        "publicity_days=5 completion_percent=60 contact_fresh_days=180 report_due_weekday=1 \
         absence_charged=true filing_allocator=41414141414141414141414141414141"
    );
    assert!(all.iter().all(|row| row["id"].as_str().is_some_and(|id| id.len() == 32)));
}

#[test]
fn answers_and_refusals_have_their_shapes() {
    let one = Answer {
        id: RecordId([0x3e; 16]),
        state: Some("submitted".to_owned()),
        pending_act: None,
        undone: None,
    };
    let id = "3e".repeat(16);
    let line = format!(r#"{{"id":"{id}","state":"submitted","pending_act":null}}"#);
    check(answer(&SUBMIT, &one), &line);
    check(answers(&SUBMIT, std::slice::from_ref(&one)), &format!(r#"{{"rows":[{line}]}}"#));
    let add = registry::action("application.add").expect("an action");
    check(answer(add, &one), &format!(r#"{{"id":"{id}","state":"submitted"}}"#));
    let plain = Answer { state: None, ..one };
    let call = registry::action("call.open").expect("an action");
    check(answer(call, &plain), &format!(r#"{{"id":"{id}","state":null}}"#));
    let said = Explained {
        what: "没有提交".to_owned(),
        why: "太多".to_owned(),
        next: "改少".to_owned(),
        field: None,
    };
    check(
        refused(&said),
        r#"{"refused":{"what":"没有提交","why":"太多","do":"改少","field":null}}"#,
    );
}
