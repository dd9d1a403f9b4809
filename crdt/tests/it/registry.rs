//! The tables of kinds and actions against copies of the domain's own tables.
//!
//! Where they differ on purpose, the difference is listed here with its reason.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::action::{Action, Run, Subject, Undo};
use onex_crdt::field::{Choice, Field, Shape};
use onex_crdt::record::{FieldDef, RecordKind};
use onex_crdt::registry::{ACTIONS, KINDS, action, kind};
use onex_crdt::roles::{OrgRole, PersonRole};

const FIELDS: &str = include_str!("data/fields.csv");
const ACTIONS_TABLE: &str = include_str!("data/actions.csv");

/// The lines of a table by the names in its first line.
fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines().map(cells);
    let names = lines.next().expect("a first line");
    lines.map(|cells| names.iter().cloned().zip(cells).collect()).collect()
}

/// The cells of one line; quotes keep commas together and are not doubled in these tables.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells.last_mut().expect("never empty").push(character),
        }
    }
    cells
}

/// What a table says of a field and what the program has.
fn compare<T: PartialEq + std::fmt::Debug>(
    differences: &mut BTreeSet<String>,
    what: &str,
    expected: T,
    found: T,
) {
    if expected != found {
        differences.insert(format!("{what}: {expected:?} is {found:?}"));
    }
}

fn assert_differences(found: BTreeSet<String>, accepted: &[&str]) {
    let accepted: BTreeSet<String> = accepted.iter().map(|line| (*line).to_owned()).collect();
    let unexpected: Vec<&String> = found.difference(&accepted).collect();
    assert!(unexpected.is_empty(), "not as in the table: {unexpected:#?}");
    let gone: Vec<&String> = accepted.difference(&found).collect();
    assert!(gone.is_empty(), "no difference any more: {gone:#?}");
}

fn choices(shape: &Shape) -> &'static [Choice] {
    match shape {
        Shape::Choice(choices) | Shape::NumberedChoice(choices) | Shape::ChoiceList(choices) => {
            choices
        }
        _ => &[],
    }
}

#[test]
fn kinds_have_the_fields_of_the_table() {
    let lines = table(FIELDS);
    let mut differences = BTreeSet::new();
    for kind in KINDS {
        let wanted: Vec<_> = lines.iter().filter(|line| line["kind"] == kind.key).collect();
        let keys: Vec<&str> = wanted.iter().map(|line| line["key"].as_str()).collect();
        let found: Vec<&str> = kind.fields.iter().map(|field| field.key).collect();
        assert_eq!(keys, found, "keys and order of {}", kind.key);
        for (line, field) in wanted.iter().zip(kind.fields) {
            compare_field(&mut differences, kind, line, field);
        }
    }
    let known: BTreeSet<&str> = KINDS.iter().map(|kind| kind.key).collect();
    let listed: BTreeSet<&str> = lines.iter().map(|line| line["kind"].as_str()).collect();
    assert_eq!(known, listed);
    assert_differences(differences, ACCEPTED_FIELDS);
}

fn compare_field(
    differences: &mut BTreeSet<String>,
    kind: &RecordKind,
    line: &BTreeMap<String, String>,
    field: &FieldDef,
) {
    let name = |part: &str| format!("{}.{} {part}", kind.key, field.key);
    let marks: BTreeSet<&str> =
        line["marks"].split([' ', ';']).filter(|mark| !mark.is_empty()).collect();
    compare(differences, &name("zh"), line["zh"].as_str(), field.zh);
    compare(differences, &name("en"), line["en"].as_str(), field.en);
    compare(differences, &name("type"), line["type"].as_str(), field.ty.name);
    compare(differences, &name("required"), line["required"] == "y", field.required);
    compare(differences, &name("critical"), marks.contains("critical"), field.critical);
    compare(differences, &name("secret"), marks.contains("secret"), field.secret);
    compare(differences, &name("derived"), marks.contains("derived"), field.derived);
    let aliases: Vec<&str> = line["aliases"].split('|').filter(|alias| !alias.is_empty()).collect();
    compare(differences, &name("aliases"), aliases, field.aliases.to_vec());
    let values: Vec<&str> = line["values"].split('|').filter(|value| !value.is_empty()).collect();
    let found: Vec<String> = choices(&field.ty.shape)
        .iter()
        .map(|choice| format!("{}={}", choice.id, choice.zh))
        .collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    compare(differences, &name("values"), values, found);
}

#[test]
fn actions_are_those_of_the_table() {
    let lines = table(ACTIONS_TABLE);
    let mut differences = BTreeSet::new();
    let mut absent = Vec::new();
    for line in &lines {
        match action(&line["action"]) {
            Some(action) => compare_action(&mut differences, line, action),
            None => absent.push(line["action"].as_str()),
        }
    }
    assert_eq!(absent, ABSENT, "what is not here yet");
    let listed: BTreeSet<&str> = lines.iter().map(|line| line["action"].as_str()).collect();
    for action in ACTIONS {
        assert!(listed.contains(action.id), "{} is in no table", action.id);
    }
    assert_differences(differences, ACCEPTED_ACTIONS);
}

fn compare_action(
    differences: &mut BTreeSet<String>,
    line: &BTreeMap<String, String>,
    action: &'static Action,
) {
    let name = |part: &str| format!("{} {part}", action.id);
    compare(differences, &name("zh"), line["zh"].as_str(), action.zh);
    compare(differences, &name("en"), line["en"].as_str(), action.en);
    let states: Vec<&str> =
        line["from_states"].split('|').filter(|state| !["-", "any"].contains(state)).collect();
    let states: Vec<&str> =
        states.iter().map(|state| state.split(' ').next().unwrap_or_default()).collect();
    compare(differences, &name("from"), states, action.from.to_vec());
    let undoable = line["undo"] != "no" && !line["undo"].starts_with("no;");
    compare(differences, &name("undo"), undoable, action.undo != Undo::No);
    // "any: the author" and the like is prose; their rules are tested where they are carried out.
    if !line["role"].starts_with("any: ") {
        compare(differences, &name("role"), roles(&line["role"]), who(action));
    }
    compare_params(differences, line, action);
}

/// The words of a role cell, `hub:officer|lead`; what stands in brackets is prose.
fn roles(cell: &str) -> BTreeSet<(String, String)> {
    let plain: String =
        cell.split('(').map(|part| part.rsplit(')').next().unwrap_or(part)).collect();
    let mut pairs = BTreeSet::new();
    for part in plain.split(';') {
        let Some((org, persons)) = part.trim().rsplit_once(':') else { continue };
        let org = org.rsplit(' ').next().unwrap_or(org);
        let persons = persons.split_whitespace().next().unwrap_or_default();
        let orgs = if org == "any" { &["hub", "college", "evaluator"][..] } else { &[org][..] };
        for (org, person) in orgs.iter().flat_map(|org| persons.split('|').map(move |p| (org, p))) {
            pairs.insert(((*org).to_owned(), person.to_owned()));
        }
    }
    pairs
}

/// Who may, leaving out roles that nobody of such an organisation can hold.
fn who(action: &Action) -> BTreeSet<(String, String)> {
    let name = |org: &OrgRole, person: &PersonRole| (org.id().to_owned(), person.id().to_owned());
    let pairs = action.who.iter().flat_map(|(org, any)| any.iter().map(move |p| name(org, p)));
    pairs.collect()
}

fn compare_params(
    differences: &mut BTreeSet<String>,
    line: &BTreeMap<String, String>,
    action: &'static Action,
) {
    let mut open = false;
    let mut listed = BTreeSet::new();
    for part in line["parameters"].split(", ") {
        let Some((key, ty)) = part.split_once('=') else { continue };
        if key == "FIELD" {
            open = true;
            continue;
        }
        let (key, required) = match key.strip_suffix('*') {
            Some(key) => (key, true),
            None => (key, false),
        };
        listed.insert(key.to_owned());
        if key == "id" && action.subject == Subject::Takes {
            continue;
        }
        let name = format!("{} {key}=", action.id);
        let ty = ty.split(' ').next().unwrap_or_default();
        let found = action.param_type(key).map(|ty| ty.name);
        compare(differences, &name, (Some(ty), required), (found, is_required(action, key)));
    }
    let all = action.params.iter().map(|param| param.key);
    let all = all.chain(action.field_params().map(|field| field.key));
    for key in all.filter(|key| !open && !listed.contains(*key)) {
        differences.insert(format!("{} {key}= is not listed", action.id));
    }
    assert_eq!(action.subject == Subject::Takes, listed.contains("id") && action.kind.is_some());
}

fn is_required(action: &Action, key: &str) -> bool {
    let own = action.params.iter().find(|param| param.key == key).map(|param| param.required);
    let made = action.subject == Subject::Makes;
    let mut fields = action.field_params();
    own.unwrap_or_else(|| made && fields.any(|field| field.key == key && field.required))
}

#[test]
fn keys_are_one_of_a_kind_and_undo_leads_somewhere() {
    let ids: BTreeSet<&str> = ACTIONS.iter().map(|action| action.id).collect();
    assert_eq!(ids.len(), ACTIONS.len());
    let keys: BTreeSet<&str> = KINDS.iter().map(|kind| kind.key).collect();
    assert_eq!(keys.len(), KINDS.len());
    for found in ACTIONS {
        if let Undo::By(other) = found.undo {
            assert!(action(other).is_some(), "{} is undone by {other}", found.id);
            assert_ne!(other, found.id);
        }
        let own: Vec<&str> = found.params.iter().map(|param| param.key).collect();
        let fields = found.field_params().map(|field| field.key);
        assert!(fields.into_iter().all(|key| !own.contains(&key)), "{}", found.id);
        let subject = found.id.split('.').next().unwrap_or_default();
        let rule = matches!(found.run, Run::Rule(_));
        assert_eq!(rule, found.kind.is_some(), "{}", found.id);
        let of_roster =
            found.kind.is_some_and(|kind| kind.key == "enrolment") && subject == "class";
        let own = found.kind.is_none_or(|kind| kind.key == subject);
        assert!(own || of_roster, "{}", found.id);
        assert!(found.subject != Subject::Takes || found.kind.is_some(), "{}", found.id);
        for (org, roles) in found.who {
            let possible = roles.iter().any(|role| role.fits(*org));
            assert!(possible, "{}: nobody of {} can", found.id, org.id());
        }
    }
}

#[test]
fn from_states_are_states_of_the_kind() {
    for action in ACTIONS {
        let Some(state) = action.kind.and_then(|kind| kind.field("state")) else {
            assert!(action.from.is_empty(), "{}", action.id);
            continue;
        };
        let known: Vec<&str> = choices(&state.ty.shape).iter().map(|choice| choice.id).collect();
        for from in action.from {
            assert!(known.contains(from), "{} from {from}", action.id);
        }
    }
}

#[test]
fn order_and_references_name_what_exists() {
    for kind in KINDS {
        for key in kind.order {
            let key = key.strip_prefix('-').unwrap_or(key);
            assert!(kind.field(key).is_some(), "{} is ordered by {key}", kind.key);
        }
        for field in kind.fields {
            let other = match field.ty.shape {
                Shape::Id(other) | Shape::IdList(other) => other,
                _ => continue,
            };
            let known = onex_crdt::registry::kind(other).is_some();
            let later = other == "fee_standard";
            assert!(known != later, "{}.{} names a {other}", kind.key, field.key);
        }
        let state = kind.field("state");
        assert!(state.is_none_or(|state| state.derived), "{}: no state is written", kind.key);
    }
    assert!(kind("session").is_none() && kind("application").is_some());
}

/// C2 and R120: what blocks a submission, and what is masked.
#[test]
fn critical_and_secret_fields_of_a_line() {
    let kind = kind("application").expect("it exists");
    let marked = |mark: fn(&FieldDef) -> bool| -> Vec<&str> {
        kind.fields.iter().filter(|field| mark(field)).map(|field| field.key).collect()
    };
    let critical = ["year", "cert_level_id", "major_code", "planned_students", "planned_social"];
    assert_eq!(marked(|field| field.critical), critical);
    assert_eq!(marked(|field| field.secret), ["contact_name", "contact_phone"]);
    assert_eq!(<OrgRole as Field>::TYPE.name, "enum");
}

/// Actions of the table that are not here yet.
const ABSENT: [&str; 12] = [
    "organisation.suspend",
    "organisation.restore",
    "organisation.merge",
    "organisation.exit",
    "parameter.set",
    "listing.suspend",
    "listing.resume",
    "listing.retire",
    "agreement.end",
    "countersign",
    "receipt.judge",
    // Joins registrations, which come with sessions.
    "learner.link",
];

/// Decisions and receipts are acts, and what the table calls their fields is read from them; so is
/// when a contact was confirmed, and what suspending, merging and exit will do. Outcomes of later
/// stages come with them. An empty list is no value, and a level prints as a number.
const ACCEPTED_FIELDS: &[&str] = &[
    "application.level type: \"int\" is \"enum\"",
    "contact.confirmed_on derived: false is true",
    "contact.org_id derived: false is true",
    "decision.after required: true is false",
    "decision.filing_no derived: false is true",
    "decision.org_id derived: false is true",
    "decision.outcome derived: false is true",
    "decision.outcome values: [\"filed=准予备案\", \"returned=退回补正\", \"rejected=不予备案\", \
     \"withdrawn=同意撤回\", \"cancelled=取消\", \"accepted=通过\", \"refused=不通过\", \
     \"countersigned=会签\", \"disputed=列为争议\", \"upheld=维持\", \"ordered=责令\"] is \
     [\"filed=准予备案\", \"returned=退回补正\", \"rejected=不予备案\", \"withdrawn=同意撤回\", \
     \"cancelled=取消\"]",
    "decision.quota derived: false is true",
    "decision.reason derived: false is true",
    "decision.subject_digest derived: false is true",
    "decision.subject_id derived: false is true",
    "decision.subject_kind derived: false is true",
    "organisation.effective_on derived: false is true",
    "organisation.merged_into_id derived: false is true",
    "receipt.act_id derived: false is true",
    "receipt.deadline_on derived: false is true",
    "receipt.org_id derived: false is true",
    "receipt.received_at derived: false is true",
    "receipt.subject_id derived: false is true",
    "receipt.subject_kind derived: false is true",
    "receipt.timeliness derived: false is true",
    "receipt.via derived: false is true",
];

const ACCEPTED_ACTIONS: &[&str] = &[
    // What takes them back is among the absent.
    "agreement.confirm undo: true is false",
    "agreement.propose undo: true is false",
    "device.confirm undo: true is false",
    "listing.add undo: true is false",
    // Makes a record the first time, and newer terms of the same later.
    "agreement.propose from: [\"proposed\", \"in_force\"] is []",
    // One of two, which the table says in prose.
    "agreement.propose college_id or evaluator_id=: (Some(\"id:organisation\"), true) is (None, false)",
    "agreement.propose college_id= is not listed",
    "agreement.propose evaluator_id= is not listed",
    "listing.add document_no=: (Some(\"text;\"), false) is (Some(\"text\"), false)",
    "listing.add entry_type= is not listed",
    // Returned or rejected only while the college sent a newer version, which is to be decided.
    "application.decide from: [\"submitted\", \"filed\"] is \
     [\"submitted\", \"returned\", \"rejected\", \"filed\"]",
    // The story gives neither (A5): they have defaults.
    "call.open opens_on=: (Some(\"date\"), true) is (Some(\"date\"), false)",
    "call.open title=: (Some(\"text\"), true) is (Some(\"text\"), false)",
    // Fields that no other action would set.
    "cert_level.add framework_level= is not listed",
    "organisation.add evaluator_nature= is not listed",
    "organisation.add short_name= is not listed",
    "organisation.add tags= is not listed",
    // The inviter, in words; ids of devices and paths are the node's matter, and texts here.
    "device.cancel id=: (Some(\"id\"), true) is (Some(\"text\"), true)",
    "device.cancel role: {} is {(\"college\", \"admin\"), (\"evaluator\", \"admin\"), \
     (\"hub\", \"admin\"), (\"hub\", \"officer\")}",
    "device.confirm role: {} is {(\"college\", \"admin\"), (\"evaluator\", \"admin\"), \
     (\"hub\", \"admin\"), (\"hub\", \"officer\")}",
    "device.invite out=: (Some(\"path\"), true) is (Some(\"text\"), true)",
    "device.adopt id=: (Some(\"id\"), true) is (Some(\"text\"), true)",
    "device.remove id=: (Some(\"id\"), true) is (Some(\"text\"), true)",
    "role.grant device=: (Some(\"id\"), true) is (Some(\"text\"), true)",
    "role.remove device=: (Some(\"id\"), true) is (Some(\"text\"), true)",
    // One sheet is one call; one learner is a list of one.
    "attendance.mark except= is not listed",
    "attendance.mark from: [\"marked\"] is []",
    "attendance.mark learner_id=: (Some(\"id\"), true) is (Some(\"list\"), true)",
    // Places in a class are a kind of their own.
    "class.confirm from: [\"enrolment:enrolled\"] is [\"enrolled\"]",
    "class.remove from: [\"enrolment:enrolled\"] is [\"enrolled\"]",
    // Open is what a conflict is; which one and which batch, the node finds out. A choice cannot be
    // undone: the several values that it ended could not be written again.
    "conflict.choose from: [\"open\"] is []",
    "conflict.choose id=: (Some(\"id\"), true) is (Some(\"text\"), true)",
    "conflict.choose undo: true is false",
    "conflict.choose value= is not listed",
    "undo also= is not listed",
    "undo id=: (Some(\"id\"), false) is (Some(\"text\"), false)",
    // The digest of a file that the node reads.
    "learner.edit photo=: (Some(\"path\"), false) is (None, false)",
    "standard.publish document_digest= is not listed",
    "standard.publish file=: (Some(\"path\"), false) is (None, false)",
];
