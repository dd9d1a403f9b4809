//! A laptop that is lost, a role that is taken away, a home that is copied: what then counts, at
//! several nodes over real QUIC. C18, C19, C31.
//!
//! The lost laptop reaches only whoever has not heard of its removal: others turn it away.

use onex_crdt::action::Reason;
use onex_crdt::foreign::ForeignBytes;
use onex_crdt::header::ORGANISATION;
use onex_crdt::ids::RecordId;
use onex_crdt::record::Record;
use onex_crdt::records::attendance::Attendance;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::learner::Learner;
use onex_crdt::value::Value;
use onex_node::api::{Closed, Quarantined, Query, Step};
use onex_node::{Node, NodeError};
use onex_protocol::admission::{DocumentBatch, FORK};
use onex_tests::hostile::attacks::twin;
use onex_tests::hostile::office::{Scene, SealOf, YEAR};

use super::hostile::member::Member;
use super::province::{LAPTOP, Province, take};
use super::register::{BOTH, Taught, add, check_alike, learner_row, mark, marked, meet, taught};
use super::seat::Seat;

/// Everybody but the laptop.
const ALL: [&str; 5] = ["hub-1", "hub-2", "xatl-1", "xatl-2", "crrc-1"];

const IN_TIME: &str = "19900000031";
const LATE: &str = "19900000039";

fn contact(province: &Province, node: &'static str, name: &str) -> RecordId {
    let values = [("name", name), ("duty", "exam"), ("phone", IN_TIME)];
    province.act(node, "contact.add", None, &values)
}

fn phone(province: &Province, node: &'static str, contact: RecordId) -> Option<String> {
    let row = province.node(node).row(Contact::KIND, contact).expect("readable");
    row.and_then(|row| row.text("phone").map(str::to_owned))
}

/// Checks which of some contacts everybody shows.
fn check_shown(province: &Province, shown: &[RecordId], unseen: &[RecordId]) {
    for name in ALL {
        for id in shown {
            assert_eq!(phone(province, name, *id).as_deref(), Some(IN_TIME), "{name}");
        }
        for id in unseen {
            assert_eq!(phone(province, name, *id), None, "{name}");
        }
    }
}

/// The hub removes the laptop.
fn remove(province: &Province) {
    let device = province.node(LAPTOP).me().expect("me").device.to_string();
    province.act("hub-1", "device.remove", None, &[("id", &device), ("reason", "lost")]);
}

/// What waits in the quarantine of a node: why, and which records it is about.
fn held(province: &Province, node: &'static str) -> Vec<Quarantined> {
    let mut held = province.node(node).quarantine().expect("readable");
    held.retain(|it| it.state == "held");
    held
}

fn check_held(province: &Province, node: &'static str, reason: &str, records: &[RecordId]) {
    let held = held(province, node);
    let mut found: Vec<_> =
        held.iter().map(|it| (it.reason.clone(), it.records.clone().unwrap_or_default())).collect();
    let mut expected: Vec<_> = records.iter().map(|id| (reason.to_owned(), vec![*id])).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{node}");
}

/// Adopts what is held of a record.
fn adopt(province: &Province, node: &'static str, record: RecordId) {
    let of_record = |it: &Quarantined| it.records.as_deref() == Some(&[record]);
    let held = held(province, node).into_iter().find(of_record).expect("it is held");
    province.act(node, "device.adopt", None, &[("id", &held.id.to_string())]);
}

fn newest_step(province: &Province, node: &'static str, contact: RecordId) -> Step {
    let history = province.node(node).history(Contact::KIND, contact).expect("a history");
    history.steps.into_iter().next_back().expect("a step")
}

/// Everybody has the same of what both of two may read.
fn check_converged(province: &Province) {
    let nodes: Vec<Node> = ALL.iter().map(|name| province.node(name).clone()).collect();
    assert!(onex_tui::demo::converged(&nodes).expect("readable"));
}

/// C18: what the hub held stays. What it did not hold is kept apart at whoever received it, and
/// comes back under the name of the admin who adopts it; nobody talks to the laptop any more.
#[test]
fn c18_a_lost_laptop_writes_on() {
    let mut province = Province::college();
    province.laptop("xatl-1");
    let known = contact(&province, LAPTOP, "何敏");
    province.sync(LAPTOP);
    let unsent = contact(&province, LAPTOP, "罗兰");
    province.sync_with(LAPTOP, "xatl-1");
    remove(&province);
    let late = contact(&province, LAPTOP, "田野");
    assert!(province.sync_with(LAPTOP, "xatl-1").reached);
    assert!(phone(&province, "xatl-1", late).is_some(), "it has not heard yet");
    province.settle();
    check_shown(&province, &[known], &[unsent, late]);
    check_held(&province, "xatl-1", "removed_device", &[unsent, late]);
    for other in ["hub-1", "hub-2", "xatl-2", "crrc-1"] {
        check_held(&province, other, "removed_device", &[]);
    }
    let later = contact(&province, LAPTOP, "后来");
    for other in ["hub-1", "hub-2", "xatl-1"] {
        let report = province.sync_with(LAPTOP, other);
        assert_eq!(report.closed, Some(Closed::Removed), "{other}");
    }
    assert!(!province.node(LAPTOP).me().expect("me").device_active, "it was told");

    adopt(&province, "xatl-1", unsent);
    adopt(&province, "xatl-1", late);
    province.settle();
    check_shown(&province, &[known, unsent, late], &[later]);
    let laptop = province.node(LAPTOP).me().expect("me").device;
    for name in ALL {
        let step = newest_step(&province, name, late);
        assert_eq!((step.kind.as_str(), step.person.as_str()), ("device.adopt", "王芳"), "{name}");
        let source = step.source.expect("it names its source");
        let whose = (source.person.as_deref(), source.device);
        let is_here = name == "xatl-1";
        assert_eq!(whose, if is_here { (Some("李强"), Some(laptop)) } else { (None, None) });
        check_held(&province, name, "removed_device", &[]);
    }
    check_converged(&province);
}

/// What the hub has acknowledged stays, though the device at which it removes has not heard of it.
#[test]
fn a_lead_at_another_device_cuts_nothing_off_that_the_hub_holds() {
    let mut province = Province::college();
    let person = province.node("hub-2").me().expect("me").person;
    province.grant("hub-1", "hub-2", &person, &["lead"]);
    province.settle();
    province.laptop("xatl-1");
    let known = contact(&province, LAPTOP, "何敏");
    province.sync(LAPTOP);
    province.sync_with("hub-2", "hub-1");
    let acknowledged = contact(&province, LAPTOP, "罗兰");
    province.sync_with(LAPTOP, "hub-1");
    assert_eq!(phone(&province, "hub-2", acknowledged), None, "it has not heard of it");
    let device = province.node(LAPTOP).me().expect("me").device.to_string();
    province.act("hub-2", "device.remove", None, &[("id", &device), ("reason", "lost")]);
    province.settle();
    let late = contact(&province, LAPTOP, "田野");
    assert_eq!(province.sync_with(LAPTOP, "hub-2").closed, Some(Closed::Removed));
    check_shown(&province, &[known, acknowledged], &[late]);
    check_converged(&province);
}

/// Of documents that the hub does not read an admin says what he held. A colleague who has built on
/// the rest keeps what he wrote; what is adopted is adopted for both.
#[test]
fn what_the_hub_does_not_read_is_cut_at_what_an_admin_held() {
    let mut province = Province::college();
    province.grant("xatl-1", "xatl-2", "李强", &["admin"]);
    province.settle();
    province.laptop("xatl-2");
    let known = add(&province, LAPTOP, "张伟", 1);
    province.sync_with(LAPTOP, "xatl-2");
    province.sync("xatl-2");
    let unsent = add(&province, LAPTOP, "刘洋", 2);
    province.sync_with(LAPTOP, "xatl-2");
    remove(&province);
    // The admin hears of it, and what he says gets its place.
    province.sync("xatl-1");
    province.sync("xatl-1");
    let late = add(&province, LAPTOP, "李娜", 3);
    province.act(LAPTOP, "learner.edit", Some(known), &[("phone", LATE)]);
    assert!(province.sync_with(LAPTOP, "xatl-2").reached);
    assert_eq!(learner_row(&province, "xatl-2", known).text("phone"), Some(LATE));
    province.act("xatl-2", "learner.edit", Some(known), &[("class_name", "铁供2402")]);
    province.settle();
    let shown = |node, id| province.node(node).row(Learner::KIND, id).expect("readable").is_some();
    for name in BOTH {
        let row = learner_row(&province, name, known);
        assert_eq!(row.text("phone"), Some("19900000001"), "{name}: as it was held");
        assert_eq!(row.text("class_name"), Some("铁供2402"), "{name}: the colleague's stays");
        assert!(!shown(name, unsent) && !shown(name, late), "{name}");
    }
    check_held(&province, "xatl-2", "removed_device", &[known, unsent, late]);
    check_held(&province, "hub-1", "removed_device", &[]);
    adopt(&province, "xatl-2", unsent);
    province.settle();
    for name in BOTH {
        assert!(shown(name, unsent) && !shown(name, late), "{name}");
    }
    check_alike(&province);
}

/// Whoever hears of the removal first, and by whichever way the late work comes.
#[test]
fn late_work_counts_nowhere_whatever_the_order_of_arrival() {
    let orders: [&[(&str, &str)]; 4] = [
        &[(LAPTOP, "xatl-1"), ("xatl-1", "hub-1")],
        &[("xatl-1", "hub-1"), (LAPTOP, "xatl-1")],
        &[(LAPTOP, "hub-2"), ("xatl-1", "hub-2"), ("xatl-2", "xatl-1"), ("hub-2", "hub-1")],
        &[(LAPTOP, "hub-2"), ("hub-2", "hub-1"), (LAPTOP, "xatl-1"), ("xatl-2", "xatl-1")],
    ];
    for order in orders {
        let mut province = Province::college();
        province.laptop("xatl-1");
        let known = contact(&province, LAPTOP, "何敏");
        province.sync(LAPTOP);
        province.settle();
        remove(&province);
        province.act(LAPTOP, "contact.edit", Some(known), &[("phone", LATE)]);
        let late = contact(&province, LAPTOP, "田野");
        for (from, to) in order {
            province.sync_with(from, to);
        }
        for name in ["xatl-1", "xatl-2"] {
            let post = [("post", "考务秘书")];
            province.act(name, "contact.edit", Some(known), &post);
        }
        province.settle();
        check_shown(&province, &[known], &[late]);
        for name in ALL {
            let row = province.node(name).row(Contact::KIND, known).expect("readable");
            let post = row.as_ref().and_then(|row| row.text("post"));
            assert_eq!(post, Some("考务秘书"), "{name}, {order:?}");
            let kept = held(&province, name);
            let late = kept.iter().all(|it| it.reason == "removed_device");
            assert!(late, "{name}, {order:?}: {kept:?}");
        }
        check_converged(&province);
    }
}

/// C31: who writes on without knowing that his role was taken away has his work shown to an admin,
/// who lets it count; before that it counts nowhere. When he is given the role again it stays what the
/// admin adopted, with what was edited since.
#[test]
fn c31_work_after_a_role_was_taken_away_is_asked_about() {
    let province = Province::college();
    let before = contact(&province, "xatl-2", "何敏");
    province.settle();
    let device = province.node("xatl-2").me().expect("me").device.to_string();
    let role = [("device", device.as_str()), ("person", "李强"), ("role", "coordinator")];
    province.act("xatl-1", "role.remove", None, &role);
    province.sync("xatl-1");
    let late = contact(&province, "xatl-2", "田野");
    province.settle();
    check_shown(&province, &[before], &[late]);
    for name in BOTH {
        check_held(&province, name, "no_right", &[late]);
    }
    let values = [("name", "后来"), ("duty", "exam"), ("phone", LATE)];
    let refused = province.try_act("xatl-2", "contact.add", None, &values);
    let Err(NodeError::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.reason, Reason::NoRight);

    adopt(&province, "xatl-1", late);
    province.settle();
    check_shown(&province, &[before, late], &[]);
    for name in BOTH {
        let step = newest_step(&province, name, late);
        let source = step.source.and_then(|source| source.person);
        assert_eq!((step.person.as_str(), source.as_deref()), ("王芳", Some("李强")), "{name}");
        check_held(&province, name, "no_right", &[]);
    }
    province.act("xatl-1", "contact.edit", Some(late), &[("phone", LATE)]);
    province.act("xatl-1", "role.grant", None, &role);
    province.settle();
    for name in ALL {
        assert_eq!(phone(&province, name, late).as_deref(), Some(LATE), "{name}");
    }
    for name in BOTH {
        check_held(&province, name, "no_right", &[]);
    }
    let again = contact(&province, "xatl-2", "罗兰");
    province.settle();
    check_shown(&province, &[before, again], &[]);
    check_converged(&province);
}

/// C19: it is said when the laptop was last in touch and which meetings have no sheet; what is
/// entered again from paper is marked as such.
#[test]
fn c19_attendance_that_only_the_lost_laptop_had() {
    let Taught { mut province, class, meeting, learners } = taught(2);
    province.laptop("xatl-1");
    let next = meet(&province, "xatl-1", class, "2026-04-13");
    province.sync_with(LAPTOP, "xatl-1");
    mark(&province, LAPTOP, meeting, &learners, "late");
    province.sync_with(LAPTOP, "xatl-1");
    let device = province.node(LAPTOP).me().expect("me").device;
    let ledger = |province: &Province| {
        let devices = province.node("xatl-1").devices().expect("readable");
        let row = devices.into_iter().find(|row| row.id == device).expect("it was a member");
        (row.active, row.last_sync.map(|at| at.to_string()))
    };
    let (_, last) = ledger(&province);
    assert!(last.is_some());
    mark(&province, LAPTOP, next, &learners, "absent");
    remove(&province);
    province.settle();
    assert_eq!(ledger(&province), (false, last), "when it was last in touch");
    let of_next = Query::all(Attendance::KIND).with("meeting_id", Value::Bytes(next.0.to_vec()));
    for name in BOTH {
        let row = marked(&province, name, meeting, learners[0]);
        assert_eq!((row.text("mark"), row.text("source")), (Some("late"), Some("screen")));
        assert_eq!(province.node(name).list(&of_next).expect("a list").total, 0, "{name}");
    }
    province.clock.advance(14 * 24 * 3600);
    let today = Seat::new(province.node("xatl-1")).screen();
    assert!(today.contains("考勤未记") && today.contains("2026-04-13"), "{today}");
    let (at, who) = (next.to_string(), learners[0].to_string());
    let paper = [("meeting_id", at.as_str()), ("learner_id", &who), ("mark", "present")];
    let paper = [paper.as_slice(), &[("source", "paper")]].concat();
    province.act("xatl-1", "attendance.mark", None, &paper);
    province.settle();
    for name in BOTH {
        let row = marked(&province, name, next, learners[0]);
        assert_eq!((row.text("mark"), row.text("source")), (Some("present"), Some("paper")));
    }
    check_alike(&province);
}

/// A home that was copied goes on beside the original: every process numbers for itself, so that
/// both are heard, nothing is lost, and both come to rest. A known fault: peers keep one place per
/// device, so that each of the two sends its whole log again when the other one was there before.
#[test]
fn a_copied_home_and_its_original_both_count() {
    let mut province = Province::college();
    let known = contact(&province, "xatl-2", "何敏");
    province.settle();
    province.close("xatl-2");
    let (home, copied) = (province.home("xatl-2"), province.folder.path().join("copy"));
    std::fs::create_dir(&copied).expect("writable");
    for entry in std::fs::read_dir(&home).expect("a folder").flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), copied.join(entry.file_name())).expect("copied");
        }
    }
    province.reopen("xatl-2");
    let copy = Node::open(&copied, province.clock.clone()).expect("it opens");
    let one = contact(&province, "xatl-2", "罗兰");
    let values = [("name", "田野"), ("duty", "exam"), ("phone", IN_TIME)];
    let two = take(&copy, "contact.add", None, &values).expect("allowed");
    for _ in 0..3 {
        province.settle();
        copy.sync(None).expect("peers are known");
    }
    province.settle();
    check_shown(&province, &[known, one, two], &[]);
    assert_eq!(copy.list(&Query::all(Contact::KIND)).expect("a list").total, 3);
    for node in [province.node("xatl-2"), &copy] {
        let before = node.document_states().expect("readable");
        for peer in node.sync(None).expect("peers are known").peers {
            assert!(peer.equal && peer.received.changes == 0, "{peer:?}");
        }
        assert_eq!(node.document_states().expect("readable"), before);
        assert!(node.quarantine().expect("readable").is_empty());
    }
    for name in ALL {
        assert!(province.node(name).quarantine().expect("readable").is_empty(), "{name}");
    }
    check_converged(&province);
}

/// Where a number bears two changes all the same, as after a copy of the running machine: nothing
/// from there on counts until the hub says which branch it had first; the actor ends with it, and
/// the device goes on with another one.
#[test]
fn a_number_used_twice_is_frozen_until_the_hub_resolves_it() {
    let province = Province::college();
    let values = [("role", "evaluator"), ("short_code", "CNKJ"), ("name", "某评价机构")];
    let org = province.act("hub-2", "organisation.add", None, &values);
    province.settle();
    let member = Member::join(province.node("hub-1"), org.into(), 0x99);
    province.settle();
    let header = ORGANISATION.of(member.log.network(), org.into(), YEAR);
    let devices = [member.key.clone(), member.key.clone(), member.key.clone()];
    let scene = Scene::begun(header.clone(), devices, member.log.position());
    let bytes = |changes: Vec<onex_crdt::document::Change>| -> Vec<Vec<u8>> {
        changes.into_iter().map(|change| change.bytes).collect()
    };
    let sealed = |bytes: &[u8]| {
        let parsed = ForeignBytes(bytes.to_vec()).parse().expect("well formed");
        let (head, actor, seq) = (parsed.hash(), parsed.actor(), parsed.seq());
        scene.seal_of(&scene.member, SealOf { head, actor, seq })
    };
    let last = scene.document.changes_since(&scene.without_member.heads());
    let other = twin(&last[0].bytes);
    let mut branch = bytes(scene.without_member.changes_since(&[]));
    branch.push(other.clone());
    let branch = scene.batch(branch, vec![sealed(&other)]);
    let first = scene.batch(bytes(scene.document.changes_since(&[])), scene.seals.clone());
    let send = |member: &Member, batch: DocumentBatch| {
        let ack = member.send(&mut member.talk(), vec![batch]).expect("an answer");
        ack.refused.into_iter().map(|(_, reason)| reason.0).collect::<Vec<_>>()
    };
    assert_eq!(send(&member, first), Vec::<&str>::new());
    let state = |name: &str| {
        let name = ALL.iter().find(|other| **other == name).expect("a node");
        let states = province.node(name).document_states().expect("readable");
        states.into_iter().find(|(of, _)| of.id() == header.id()).map(|(_, state)| state)
    };
    let chosen = state("hub-1");
    let member = member.at(province.node("crrc-1"));
    assert_eq!(send(&member, branch), Vec::<&str>::new(), "it has not heard of the other");
    assert_ne!(state("crrc-1"), chosen);
    province.settle();
    province.settle();
    for name in ALL {
        assert_eq!(state(name), chosen, "{name}: the branch that the hub had first");
        let apart: Vec<String> = held(&province, name).into_iter().map(|it| it.reason).collect();
        assert!(apart.iter().all(|reason| *reason == FORK), "{name}: {apart:?}");
    }
    check_converged(&province);
    let [old, new] = [0, 1].map(|at| scene.honest()[at].clone());
    let batch = |bytes: Vec<u8>| {
        let seal = sealed(&bytes);
        scene.batch(vec![bytes], vec![seal])
    };
    assert_eq!(send(&member, batch(old)), [FORK], "the actor has ended");
    assert_eq!(send(&member, batch(new)), Vec::<&str>::new(), "the device has not");
    province.settle();
    check_converged(&province);
}
