//! Rows of the other record types: what others write under foreign ids, order of arrival, roles.

use onex_crdt::document::{DocumentError, Write};
use onex_crdt::header::{CATALOGUE, DocumentKind, Header, ORGANISATION};
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Fields, Record, RecordKind};
use onex_crdt::records::agreement::agreement_id;
use onex_crdt::records::application::Application;
use onex_crdt::records::certificate::{CertLevel, Certificate};
use onex_crdt::records::contact::Contact;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::roles::PersonRole;
use onex_crdt::value::Value;
use onex_crdt::view::View;

use crate::pilot::{Pilot, check_state, row};
use crate::province::{NETWORK, Replica, Statement, device_of};

fn own(node: &Replica, kind: &DocumentKind) -> Header {
    kind.of(NETWORK, node.org, 2026)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn bytes(id: RecordId) -> Value {
    Value::Bytes(id.0.to_vec())
}

/// Writes past every rule, as a forged program would.
fn forge(node: &mut Replica, header: Header, write: Write) -> Result<(), DocumentError> {
    let touches = node.write("forged", &[(header, write)]);
    node.project(&touches);
    Ok(())
}

fn create(kind: &'static RecordKind, id: RecordId, fields: &[(&str, Value)]) -> Write {
    let fields: Fields =
        fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Write::Create { kind, id, fields }
}

/// A newer standard takes the place of the older, whichever of the two has the lower id.
#[test]
fn a_standard_is_superseded_in_one_pass() {
    for seed in 0..6 {
        let mut pilot = Pilot::begin(seed);
        let node = pilot.province.at("zljy-1");
        let level = pilot.finance_1.to_string();
        let older = row(node, "cert_level", pilot.finance_1).id_of("standard_id");
        let older = older.expect("the pilot published one");
        let (older_id, digest) = (older.to_string(), "5c".repeat(32));
        let params = [
            ("cert_level_id", level.as_str()),
            ("version", "1.1"),
            ("effective_from", "2026-04-01"),
            ("units", "A1:安装"),
            ("document_digest", digest.as_str()),
            ("supersedes_id", older_id.as_str()),
        ];
        let newer = node.done("standard.publish", None, &params);
        pilot.province.sync_all();
        for name in ["zljy-1", "hub-1", "xyzy-1"] {
            let node = pilot.province.at(name);
            check_state(node, "standard", older, "superseded");
            check_state(node, "standard", newer, "published");
            let level = row(node, "cert_level", pilot.finance_1);
            assert_eq!(level.id_of("standard_id"), Some(newer));
        }
    }
}

/// A certificate in one evaluator's catalogue cannot be another's, nor can its levels.
#[test]
fn nobody_certifies_in_anothers_name() {
    let mut pilot = Pilot::begin(1);
    let crrc = RecordId::from(pilot.crrc);
    let node = pilot.province.at("zljy-1");
    let header = own(node, &CATALOGUE);
    let certificate = RecordId::of(node.org, [40; 16]);
    let level = RecordId::of(node.org, [41; 16]);
    let fields = [("name", text("假冒职业技能等级证书")), ("evaluator_id", bytes(crrc))];
    let write = create(Certificate::KIND, certificate, &fields);
    forge(node, header.clone(), write).expect("the document takes it");
    let fields = [("certificate_id", bytes(certificate)), ("level", Value::Int(1))];
    forge(node, header, create(CertLevel::KIND, level, &fields)).expect("the document takes it");
    pilot.province.sync_all();
    for name in ["zljy-1", "hub-1", "crrc-1", "xatl-1"] {
        let node = pilot.province.at(name);
        assert!(node.row(Certificate::KIND, certificate).is_none(), "{name}");
        assert!(node.row(CertLevel::KIND, level).is_none(), "{name}");
    }
}

/// Whoever writes under the id of another's listed level takes nothing over.
#[test]
fn a_listed_level_stays_its_evaluators() {
    for seed in 0..4 {
        let mut pilot = Pilot::begin(seed);
        let (level, owner, thief) = (pilot.assembly_2, pilot.crrc, pilot.zljy);
        let before = row(pilot.province.at("hub-1"), "cert_level", level);
        let certificate = before.id_of("certificate_id").expect("a certificate");
        let node = pilot.province.at("zljy-1");
        let header = own(node, &CATALOGUE);
        let fields =
            [("name", text("假冒职业技能等级证书")), ("evaluator_id", bytes(thief.into()))];
        let write = create(Certificate::KIND, certificate, &fields);
        forge(node, header.clone(), write).expect("the document takes it");
        let fields = [("certificate_id", bytes(certificate)), ("level", Value::Int(2))];
        forge(node, header, create(CertLevel::KIND, level, &fields)).expect("it takes that too");
        pilot.province.sync_all();
        for name in ["hub-1", "crrc-1", "xatl-1", "zljy-1"] {
            let shown = row(pilot.province.at(name), "cert_level", level);
            assert_eq!(shown.id_of("evaluator_id"), Some(owner.into()), "{name}");
            assert_eq!(shown.state(), Some("listed"), "{name}");
        }
    }
}

/// What an act says is taken only as far as it fits the fields of the record.
#[test]
fn values_of_another_shape_are_no_values() {
    let said: Fields = [
        ("planned_students", text("九十")),
        ("major_name", text("铁道供电技术")),
        ("call_id", Value::Bytes(vec![7; 3])),
        ("unknown", Value::Int(1)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    let fitting = Application::KIND.fitting(&said);
    assert_eq!(fitting.keys().map(String::as_str).collect::<Vec<_>>(), ["major_name"]);
}

/// What organisations say under each other's id hides nothing of what they say of themselves.
#[test]
fn an_organisation_speaks_for_itself() {
    let mut pilot = Pilot::begin(1);
    let names = ["xatl-1", "xyzy-1", "crrc-1", "zljy-1"];
    let orgs = [pilot.xatl, pilot.xyzy, pilot.crrc, pilot.zljy];
    for (name, victim) in names.iter().flat_map(|name| orgs.map(|org| (name, org))) {
        let node = pilot.province.at(name);
        let write = Write::Register {
            kind: Organisation::KIND,
            id: victim.into(),
            key: "leader_name",
            value: Some(text(name)),
        };
        forge(node, own(node, &ORGANISATION), write).expect("the document takes it");
    }
    pilot.province.sync_all();
    for reader in ["hub-1", "xatl-1", "zljy-1"] {
        for (name, org) in names.iter().zip(orgs) {
            let row = row(pilot.province.at(reader), "organisation", org.into());
            assert_eq!(row.text("leader_name"), Some(*name));
        }
    }
}

#[test]
fn identity_is_the_hubs_and_the_leader_the_colleges_own() {
    let mut pilot = Pilot::begin(1);
    let id: RecordId = pilot.xatl.into();
    let college = pilot.province.at("xatl-1");
    let (field, reason) = college.refused("organisation.edit", Some(id), &[("name", "新名学院")]);
    assert_eq!((field.as_str(), reason.code()), ("name", "no_right"));
    let other: RecordId = pilot.xyzy.into();
    let params = [("leader_name", "李院长")];
    let (_, reason) = college.refused("organisation.edit", Some(other), &params);
    assert_eq!(reason.code(), "no_right");
    college.done("organisation.edit", Some(id), &params);
    let hub = pilot.province.at("hub-2");
    for key in ["region_code", "reporting_unit", "name", "short_code"] {
        let (field, reason) = hub.refused("organisation.edit", Some(id), &[(key, "")]);
        assert_eq!((field.as_str(), reason.code()), (key, "missing"));
    }
    let (field, reason) = hub.refused("organisation.edit", Some(id), &[("short_code", "13946")]);
    assert_eq!((field.as_str(), reason.code()), ("short_code", "duplicate"));
    hub.done("organisation.edit", Some(id), &[("name", "西安铁路职院"), ("uscc", "")]);
    pilot.province.sync_all();
    for name in ["hub-1", "crrc-1"] {
        let row = row(pilot.province.at(name), "organisation", id);
        assert_eq!(row.text("name"), Some("西安铁路职院"));
        assert_eq!(row.text("leader_name"), Some("李院长"));
    }
}

#[test]
fn contacts_are_kept_confirmed_and_removed() {
    let mut pilot = Pilot::begin(1);
    let college = pilot.province.at("xatl-1");
    let params = [("name", "张敏"), ("duty", "考务"), ("phone", "13900000021")];
    let id = college.done("contact.add", None, &params);
    college.done("contact.confirm", Some(id), &[]);
    pilot.province.sync_all();
    let seen = row(pilot.province.at("zljy-1"), "contact", id);
    assert_eq!(seen.text("confirmed_on"), Some("2026-04-01"));
    assert_eq!(seen.id_of("org_id"), Some(pilot.xatl.into()));
    let (_, reason) = pilot.province.at("zljy-1").refused("contact.remove", Some(id), &[]);
    assert_eq!(reason.code(), "unknown_record");
    let late = device_of("xatl-1");
    pilot.province.state(Statement::Revoke(late, "王芳", PersonRole::Coordinator));
    pilot.province.state(Statement::Revoke(late, "王芳", PersonRole::Admin));
    let college = pilot.province.at("xatl-1");
    let (_, reason) = college.refused("contact.confirm", Some(id), &[]);
    assert_eq!(reason.code(), "no_right");
    pilot.province.state(Statement::Grant(late, "王芳", PersonRole::Coordinator));
    let college = pilot.province.at("xatl-1");
    college.done("contact.remove", Some(id), &[]);
    pilot.province.sync_all();
    check_state(pilot.province.at("hub-1"), "contact", id, "removed");
    let (_, reason) = pilot.province.at("xatl-1").refused("contact.edit", Some(id), &[]);
    assert_eq!(reason.code(), "state");
    assert!(!pilot.province.at("hub-1").rows(Contact::KIND).is_empty(), "nothing is deleted");
}

/// A call is closed, a contact confirmed, only by whoever may.
#[test]
fn acts_without_a_right_close_and_confirm_nothing() {
    let mut pilot = Pilot::begin(1);
    let hub = pilot.province.at("hub-1");
    let call = hub.rows(onex_crdt::registry::kind("call").expect("a kind"))[0].id;
    let (_, reason) = hub.refused("call.close", Some(call), &[]);
    assert_eq!(reason.code(), "no_right", "郝敏 is no officer");
    let officer = Statement::Grant(device_of("hub-1"), "郝敏", PersonRole::Officer);
    let mut forged = pilot.province.at("hub-1").log.clone();
    let honest = forged.clone();
    *forged.0.last_mut().expect("a long log") = officer;
    let hub = pilot.province.at("hub-1");
    hub.log = forged;
    hub.done("call.close", Some(call), &[]);
    hub.log = honest;
    pilot.province.sync("hub-1", "hub-2");
    check_state(pilot.province.at("hub-2"), "call", call, "open");
    pilot.province.at("hub-2").done("call.close", Some(call), &[]);
    check_state(pilot.province.at("hub-2"), "call", call, "closed");
}

/// Terms that do not count yet cannot slip under a confirmation of those that are shown.
#[test]
fn a_confirmation_is_of_the_terms_that_were_shown() {
    let mut pilot = Pilot::begin(1);
    let (college, evaluator) = (pilot.xatl, pilot.crrc);
    let id = agreement_id(college, evaluator, 2026);
    let (org, level) = (evaluator.to_string(), pilot.assembly_2.to_string());
    let params = [
        ("evaluator_id", org.as_str()),
        ("year", "2026"),
        ("cert_level_ids", level.as_str()),
        ("fee_per_person", "280"),
        ("starts_on", "2026-04-01"),
        ("ends_on", "2026-12-31"),
        ("college_duties", "一、提供场地"),
        ("evaluator_duties", "一、组织考核"),
    ];
    let node = pilot.province.at("xatl-1");
    node.done("agreement.propose", None, &params);
    let proposals = node.acts(id);
    let newest = proposals.iter().max_by_key(|found| found.born).expect("just proposed");
    let mut act = newest.act.clone();
    act.after = vec![newest.act.id];
    act.position += 1;
    act.body.insert("fee_per_person".to_owned(), Value::Int(99_900));
    let header = newest.header.clone();
    forge(node, header, Write::Act(act.identified())).expect("the document takes it");
    pilot.province.sync_all();
    let node = pilot.province.at("crrc-1");
    let shown = row(node, "agreement", id);
    assert_eq!(shown.int("fee_per_person"), Some(28_000), "what counts is shown");
    let digest = shown.fields["digest"].as_bytes().map(onex_crdt::ids::hex_encode);
    let digest = digest.expect("a digest is bytes");
    node.done("agreement.confirm", Some(id), &[("digest", digest.as_str())]);
    let judged: Vec<String> = node
        .acts(id)
        .iter()
        .filter(|found| found.act.kind == "agreement.confirm")
        .filter_map(|found| found.act.judged.as_ref().map(|judged| judged.digest.to_string()))
        .collect();
    assert!(judged.contains(&digest), "the very terms shown are confirmed");
    assert_eq!(judged.len(), 2, "once in the pilot, once here");
}
