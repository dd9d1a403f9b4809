//! Random histories over many devices: rows depend on what is held, not on how it came.

use std::collections::BTreeMap;

use onex_crdt::document::Change;
use onex_crdt::header::Header;
use onex_crdt::ids::RecordId;
use onex_crdt::roles::PersonRole;
use onex_crdt::view::View;
use proptest::prelude::*;

use crate::pilot::{Pilot, line};
use crate::province::{Province, Replica, Statement, device_of};

/// One thing that somebody does; what the rules refuse is simply not done.
#[derive(Debug, Clone)]
enum Step {
    /// A coordinator alters the number of students.
    Edit(usize, i64),
    Submit(usize),
    Withdraw(usize),
    /// Somebody at the hub decides.
    Decide(usize, usize),
    /// Another device begins a line, perhaps one that exists already elsewhere.
    Add(usize),
    /// The same contact or leader is altered.
    Contact(usize, usize),
    /// Two nodes meet.
    Sync(usize, usize),
    /// One node hears another, and is not heard.
    Carry(usize, usize),
    /// An officer loses his role, or gets it again.
    Role(bool),
}

const NODES: [&str; 6] = ["hub-1", "hub-2", "hub-3", "xatl-1", "xatl-2", "crrc-1"];
const HUBS: [&str; 3] = ["hub-1", "hub-2", "hub-3"];
const COLLEGE: [&str; 2] = ["xatl-1", "xatl-2"];
const OUTCOMES: [&str; 8] =
    ["filed", "filed", "filed", "filed", "returned", "rejected", "withdrawn", "cancelled"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2usize, 1..9i64).prop_map(|(at, students)| Step::Edit(at, students * 10)),
        4 => (0..2usize).prop_map(Step::Submit),
        1 => (0..2usize).prop_map(Step::Withdraw),
        6 => (0..3usize, 0..8usize).prop_map(|(at, outcome)| Step::Decide(at, outcome)),
        1 => (0..2usize).prop_map(Step::Add),
        2 => (0..2usize, 0..4usize).prop_map(|(at, what)| Step::Contact(at, what)),
        4 => (0..6usize, 0..6usize).prop_map(|(one, other)| Step::Sync(one, other)),
        3 => (0..6usize, 0..6usize).prop_map(|(one, other)| Step::Carry(one, other)),
        1 => any::<bool>().prop_map(Step::Role),
    ]
}

/// The pilot with a second device of the college and a third of the hub, and one line begun.
#[derive(Clone)]
struct World {
    province: Province,
    level: String,
    contact: RecordId,
}

impl World {
    fn begin() -> Self {
        let Pilot { mut province, xatl, assembly_2, .. } = Pilot::begin(1);
        province.join("xatl-2", "李强", xatl, &[PersonRole::Coordinator, PersonRole::Admin]);
        let hub = crate::province::HUB;
        province.join("hub-3", "秦岚", hub, &[PersonRole::Officer, PersonRole::Lead]);
        let level = assembly_2.to_string();
        let college = province.at("xatl-1");
        let line = college.done("application.add", None, &line(&level, "90", "130"));
        college.done("application.submit", Some(line), &[("endorsed_by", "李院长")]);
        let params = [("name", "张敏"), ("duty", "exam"), ("phone", "13900000021")];
        let contact = college.done("contact.add", None, &params);
        province.sync_all();
        Self { province, level, contact }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Edit(at, students) => {
                let students = students.to_string();
                self.on_lines(COLLEGE[*at], "application.edit", &[("planned_students", &students)]);
            }
            Step::Submit(at) => {
                self.on_lines(COLLEGE[*at], "application.submit", &[("endorsed_by", "李院长")]);
            }
            Step::Withdraw(at) => self.on_lines(COLLEGE[*at], "application.withdraw", &[]),
            Step::Decide(at, outcome) => {
                let params = [("outcome", OUTCOMES[*outcome]), ("reason", "如附件")];
                self.on_lines(HUBS[*at], "application.decide", &params);
            }
            Step::Add(at) => {
                let params = line(&self.level, "40", "50");
                drop(self.province.at(COLLEGE[*at]).act("application.add", None, &params));
            }
            Step::Contact(at, what) => self.contact(COLLEGE[*at], *what),
            Step::Sync(one, other) if one != other => {
                self.province.sync(NODES[*one], NODES[*other])
            }
            Step::Carry(one, other) if one != other => {
                self.province.carry(NODES[*one], NODES[*other]);
            }
            Step::Sync(..) | Step::Carry(..) => {}
            Step::Role(granted) => {
                let (device, role) = (device_of("hub-2"), PersonRole::Officer);
                self.province.state(match granted {
                    true => Statement::Grant(device, "孙涛", role),
                    false => Statement::Revoke(device, "孙涛", role),
                });
                for replica in &self.province.replicas {
                    let rows = replica.rebuilt();
                    *replica.rows.borrow_mut() = rows;
                }
            }
        }
    }

    fn on_lines(&mut self, node: &str, action: &str, params: &[(&str, &str)]) {
        let kind = onex_crdt::registry::kind("application").expect("it exists");
        let lines = self.province.at(node).rows(kind);
        for line in lines {
            drop(self.province.at(node).act(action, Some(line.id), params));
        }
    }

    fn contact(&mut self, node: &str, what: usize) {
        let contact = Some(self.contact);
        let node = self.province.at(node);
        let org = Some(node.org.into());
        drop(match what {
            0 => node.act("contact.edit", contact, &[("post", node.name)]),
            1 => node.act("contact.confirm", contact, &[]),
            2 => node.act("organisation.edit", org, &[("leader_name", node.name)]),
            _ => node.act("contact.remove", contact, &[]),
        });
    }
}

/// The same documents in another order: `picks` says whose next change comes when.
fn arrive(from: &Replica, picks: &[u8]) -> Replica {
    let mut late = Replica::new("hub-9", "无人", from.org, 9);
    late.log = from.log.clone();
    let documents = from.documents.values();
    let mut waiting: Vec<(Header, Vec<Change>)> =
        documents.map(|d| (d.header().clone(), d.changes_since(&[]))).collect();
    let mut picks = picks.iter().cycle();
    while !waiting.is_empty() {
        let pick = *picks.next().expect("a cycle never ends") as usize;
        let at = pick % waiting.len();
        let (header, changes) = &mut waiting[at];
        let count = changes.len().min(1 + pick / 16);
        let some: Vec<Change> = changes.drain(..count).collect();
        late.receive(header, &some).expect("every change was admitted before");
        if changes.is_empty() {
            waiting.remove(at);
        }
    }
    late
}

fn assert_same_rows(one: &Replica, other: &Replica) {
    let (rows, others) = (one.rows.borrow(), other.rows.borrow());
    for (key, row) in rows.iter() {
        assert_eq!(others.get(key), Some(row), "{} and {}: {key:?}", one.name, other.name);
    }
    assert_eq!(rows.len(), others.len(), "{} and {}", one.name, other.name);
}

/// No two lines have one number, and every line that was filed has one.
fn assert_numbers(node: &Replica) {
    let kind = onex_crdt::registry::kind("application").expect("it exists");
    let mut numbers: BTreeMap<String, RecordId> = BTreeMap::new();
    for row in node.rows(kind) {
        let number = row.text("filing_no").map(str::to_owned);
        assert_eq!(number.is_some(), row.int("filed_version").is_some() || number.is_some());
        assert!(row.state() != Some("filed") || number.is_some(), "filed without a number");
        if let Some(number) = number {
            assert_eq!(numbers.insert(number, row.id), None, "one number for two lines");
        }
    }
}

thread_local! {
    static BEGINNING: World = World::begin();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn rows_depend_on_what_is_held_and_on_nothing_else(
        steps in prop::collection::vec(step(), 1..60),
        picks in prop::collection::vec(any::<u8>(), 32),
    ) {
        let mut world = BEGINNING.with(World::clone);
        steps.iter().for_each(|step| world.take(step));
        world.province.check_projections();
        world.province.sync_all();
        world.province.sync_all();
        let province = &mut world.province;
        for (one, other) in [("hub-1", "hub-2"), ("hub-2", "hub-3"), ("xatl-1", "xatl-2")] {
            let index = |name: &str| province.replicas.iter().position(|r| r.name == name);
            let [one, other] = [one, other].map(|name| index(name).expect("it exists"));
            let (one, other) = (&province.replicas[one], &province.replicas[other]);
            assert!(one.heads_of_all() == other.heads_of_all(), "{} is not even", one.name);
            assert_same_rows(one, other);
        }
        for name in ["hub-1", "xatl-1", "crrc-1"] {
            let node = province.at(name);
            assert_numbers(node);
            let late = arrive(node, &picks);
            assert!(late.heads_of_all() == node.heads_of_all(), "{name}: documents differ");
            assert_same_rows(node, &late);
        }
    }
}
