//! The store at the size of a province: what a person waits for, and what an import costs.
//!
//! `ONEX_BENCH_LEARNERS` sets the size (500,000). Networks are measured by `sync`. Other work on
//! the machine shows in every time: the baselines beside them are of the same minutes.

mod support {
    pub mod built;
    pub mod home;
    pub mod keys;
    pub mod people;
    pub mod plain;
    pub mod process;
    pub mod report;
    pub mod times;
}

use std::path::Path;

use onex_crdt::record::Record;
use onex_crdt::records::learner::Learner;
use onex_node::Node;
use onex_node::api::{List, Query};
use onex_node::home::Home;
use onex_node::import::{Draft, Roster};
use onex_node::store::{self, Store};
use onex_node::table;
use rusqlite::Connection;
use support::built::{BATCH_LEARNERS, built};
use support::process::{cpu, forget_peak, peak_mb, proc_figure};
use support::report::{Line, Report, timed};
use support::times::{add_times, ms, times};
use support::{home, keys, people, plain};

/// What the person types the n-th time.
type Asked<'a> = Box<dyn Fn(usize) -> String + 'a>;

fn main() {
    let learners = std::env::var("ONEX_BENCH_LEARNERS").ok().and_then(|text| text.parse().ok());
    let learners: usize = learners.unwrap_or(500_000);
    let mut report = Report::default();
    many_orders(&mut report);
    import(&mut report);
    let home = built(&mut report, learners);
    let plain = plain::kept(home.parent().expect("a folder of homes"), learners);
    let plain = plain.as_path();
    reading(&mut report, &home, plain);
    keys::measure(&mut report, &home);
    idle(&mut report, &home);
    rebuild(&mut report, &home);
    report.print();
}

fn many_orders(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let node = home::office(&folder.path().join("office"));
    let orders = home::orders(0, BATCH_LEARNERS);
    costs(report, "act_many of 20,000 learner.add", || {
        node.act_many(&[&orders]).expect("every learner is taken");
    });
}

/// The way of a file: workbook, header and columns, numbers known here, one batch.
fn import(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let node = home::office(&folder.path().join("office"));
    let title = |key: &&str| Learner::KIND.field(key).expect("a field").zh.to_owned();
    let mut rows = vec![COLUMNS.iter().map(title).collect::<Vec<String>>()];
    rows.extend((0..BATCH_LEARNERS).map(|number| {
        let values = people::person(number).values.into_iter();
        values.filter(|(key, _)| COLUMNS.contains(key)).map(|(_, text)| text).collect()
    }));
    let bytes = table::write::xlsx("名册", &rows).expect("a workbook");
    drop(rows);
    let today = node.clock().now().date();
    costs(report, "import of 20,000 rows from xlsx", || {
        let table = table::read(&bytes).expect("a table");
        let mut draft = Draft::new(Roster::Learner, table, today).expect("a header");
        node.import_match(&mut draft).expect("matched");
        let saved = node.import(&draft, None, &mut |_, _| true).expect("saved");
        assert_eq!(saved.ids.len(), BATCH_LEARNERS, "every row is good");
    });
}

/// What a school office sends, in the order of the definition: a file may have 200,000 cells.
const COLUMNS: [&str; 9] = [
    "name",
    "id_type",
    "id_number",
    "phone",
    "learner_kind",
    "major_name",
    "grade",
    "class_name",
    "student_no",
];

/// Time, processor time and memory of something that has five seconds and 200 MB.
fn costs(report: &mut Report, what: &str, work: impl FnOnce()) {
    let plain = tempfile::tempdir().expect("a folder");
    let path = plain.path().join("plain.db");
    let (baseline, _) = timed(|| plain::written(&path, BATCH_LEARNERS));
    forget_peak();
    let worked = cpu();
    let (time, ()) = timed(work);
    let worked = cpu() - worked;
    let line = |part: &str, measured, unit, budget, baseline| {
        let what = format!("{what}{part}");
        Line { what, measured, unit, budget, baseline }
    };
    let baseline = Some((baseline.as_secs_f64(), "the rows into a plain table"));
    report.add(line("", time.as_secs_f64(), "s", Some(5.0), baseline));
    report.add(line(", processor time", worked, "s", None, None));
    report.add(line(", peak memory of the process", peak_mb(), "MB", Some(200.0), None));
}

fn reading(report: &mut Report, home: &Path, plain: &Path) {
    let (base, (baseline, _)) = timed(|| {
        let connection = Connection::open(plain).expect("opens");
        let page = plain::page(&connection, None, plain::ORDER, 0);
        (connection, page)
    });
    let (time, (node, list)) = timed(|| {
        let node = Node::open(home, home::clock()).expect("opens");
        let list = page(&node, None, None, 0);
        (node, list)
    });
    let total = list.total;
    let base = Some((ms(base), "open and page, plain"));
    let what = "opening the node to the first rows".to_owned();
    report.add(Line { what, measured: ms(time), unit: "ms", budget: Some(150.0), baseline: base });
    let (time, status) = timed(|| node.status().expect("status"));
    let what = format!("status of {} records, {} MB", status.records, status.bytes >> 20);
    report.add(Line { what, measured: ms(time), unit: "ms", budget: None, baseline: None });
    report.add(one("the number twice: duplicates", || drop(node.duplicates())));
    report.add(one("first search of a process", || drop(page(&node, Some("王芳"), None, 0))));
    searches(report, &node, &baseline);
    for (what, offset) in [("start", 0), ("middle", total / 2), ("end", total.saturating_sub(50))] {
        let base = timed(|| plain::page(&baseline, None, plain::ORDER, offset)).0;
        let mut found = times(20, |at| drop(page(&node, None, None, offset.saturating_sub(at))));
        let base = Some((base, "plain"));
        add_times(report, &format!("page at the {what}"), &mut found, None, base);
    }
    for key in ["student_no", "name", "major_name"] {
        let base = timed(|| plain::page(&baseline, None, key, 0)).0;
        report.add(one(&format!("sort by {key}, first time"), || {
            drop(page(&node, None, Some(key), 0));
        }));
        let mut again = times(20, |at| drop(page(&node, None, Some(key), at * 50)));
        add_times(report, &format!("sort by {key}"), &mut again, None, Some((base, "plain")));
    }
    let after = proc_figure("status", "VmRSS:") as f64 / 1024.0;
    let what = "memory of the process with all this".to_owned();
    report.add(Line { what, measured: after, unit: "MB", budget: None, baseline: None });
}

/// Each kind of search with a hundred different texts.
fn searches(report: &mut Report, node: &Node, baseline: &Connection) {
    let values = |number: usize, of: &str| {
        let values = people::person(number * 4999).values;
        values.into_iter().find(|(key, _)| *key == of).expect("a value").1
    };
    let name = |at: usize| values(at, "name");
    let initials = |at: usize| onex_crdt::search::spellings(&name(at))[1].clone();
    let two = |at: usize| name(at).chars().rev().take(2).collect::<Vec<_>>();
    let kinds: [(&str, Asked<'_>); 5] = [
        ("two hanzi", Box::new(move |at| two(at).into_iter().rev().collect())),
        ("initials", Box::new(initials)),
        ("last four digits", Box::new(move |at| values(at, "id_number")[14..].to_owned())),
        ("a very common initial", Box::new(|at| ["w", "l", "z", "x"][at % 4].to_owned())),
        (
            "surname and class",
            Box::new(|at| ["王 软件", "李 会计 01", "w 护理"][at % 3].to_owned()),
        ),
    ];
    for (what, text) in kinds {
        let first = text(0);
        let (first, rest) = first.split_once(' ').unwrap_or((first.as_str(), ""));
        let base = timed(|| plain::page(baseline, Some(first), plain::ORDER, 0)).0;
        let base = rest.is_empty().then_some((base, "plain, instr"));
        let mut found = times(100, |at| drop(page(node, Some(&text(at)), None, 0)));
        add_times(report, &format!("search: {what}"), &mut found, Some(50.0), base);
    }
}

/// What a node that nobody uses writes while the interface looks for changes.
fn idle(report: &mut Report, home: &Path) {
    let node = Node::open(home, home::clock()).expect("opens");
    let state = || {
        let files = std::fs::read_dir(home).expect("readable").map(|entry| {
            let metadata = entry.expect("readable").metadata().expect("readable");
            (metadata.len(), metadata.modified().expect("readable"))
        });
        files.collect::<Vec<_>>()
    };
    let (before, written) = (state(), proc_figure("io", "write_bytes:"));
    for _ in 0..300 {
        node.version().expect("readable");
        node.status().expect("readable");
    }
    let written = (proc_figure("io", "write_bytes:") - written) as f64;
    assert_eq!(state(), before, "no file of the home was touched");
    let what = "idle: 300 looks for changes and states".to_owned();
    report.add(Line { what, measured: written, unit: "B", budget: Some(0.0), baseline: None });
}

/// Opens a copy of the home whose projection is of an older program.
fn rebuild(report: &mut Report, home: &Path) {
    let copy = home.with_extension("rebuilt");
    let _ = std::fs::remove_dir_all(&copy);
    std::fs::create_dir(&copy).expect("a folder");
    for entry in std::fs::read_dir(home).expect("readable") {
        let path = entry.expect("readable").path();
        std::fs::copy(&path, copy.join(path.file_name().expect("a name"))).expect("copied");
    }
    let keys = Home::new(&copy).keys().expect("keys");
    let older = Store::open(&Home::new(&copy).database(), &keys.store).expect("opens");
    store::set_meta(older.read(), "projection_shape", b"older").expect("written");
    drop(older);
    let worked = cpu();
    let (time, node) = timed(|| Node::open(&copy, home::clock()).expect("opens"));
    let worked = cpu() - worked;
    let what = "rebuilding the projection (nobody works meanwhile)".to_owned();
    let measured = time.as_secs_f64();
    report.add(Line { what, measured, unit: "s", budget: Some(60.0), baseline: None });
    let what = "rebuilding the projection, processor time".to_owned();
    report.add(Line { what, measured: worked, unit: "s", budget: None, baseline: None });
    drop(node);
    std::fs::remove_dir_all(&copy).expect("removed");
}

fn page(node: &Node, text: Option<&str>, order: Option<&str>, offset: usize) -> List {
    let query = Query {
        text: text.map(str::to_owned),
        order: order.map(|key| (key.to_owned(), false)),
        limit: Some(50),
        offset,
        ..Query::all(Learner::KIND)
    };
    node.list(&query).expect("listed")
}

fn one(what: &str, work: impl FnOnce()) -> Line {
    let measured = ms(timed(work).0);
    Line { what: what.to_owned(), measured, unit: "ms", budget: None, baseline: None }
}
