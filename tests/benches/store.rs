//! The store at the size of a province: what a person waits for, and what an import costs.
//!
//! `ONEX_BENCH_LEARNERS` sets the size (500,000). Networks are measured by `sync`.

mod support {
    pub mod home;
    pub mod people;
    pub mod report;
}

use std::time::Duration;

use onex_crdt::record::Record;
use onex_crdt::records::learner::Learner;
use onex_node::Node;
use onex_node::api::{List, Query};
use support::home::{self, BATCH_LEARNERS};
use support::report::{Line, Report, forget_peak, ms, peak_mb, proc_figure, timed, times};

fn main() {
    let learners = std::env::var("ONEX_BENCH_LEARNERS").ok().and_then(|text| text.parse().ok());
    let learners = learners.unwrap_or(500_000);
    let mut report = Report::default();
    import(&mut report);
    let built = home::built(learners);
    reading(&mut report, &built.folder);
    report.print();
}

fn import(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let node = home::office(&folder.path().join("office"));
    let orders = home::orders(0, BATCH_LEARNERS);
    forget_peak();
    let before = proc_figure("status", "VmRSS:") as f64 / 1024.0;
    let (time, done) = timed(|| node.act_many(&[&orders]));
    done.expect("every learner is taken");
    let unit = "s";
    let what = "act_many of 20,000 learner.add".to_owned();
    report.add(Line {
        what,
        measured: time.as_secs_f64(),
        unit,
        budget: Some(5.0),
        baseline: None,
    });
    let what = "its memory above what was there".to_owned();
    let measured = peak_mb() - before;
    report.add(Line { what, measured, unit: "MB", budget: Some(200.0), baseline: None });
}

fn reading(report: &mut Report, folder: &std::path::Path) {
    let (time, node) = timed(|| Node::open(folder, home::clock()).expect("opens"));
    report.add(figure("open the node", time, None));
    let (first, list) = timed(|| page(&node, None, None, 0));
    let total = list.total;
    report.add(figure("open and first rows", time + first, Some(150.0)));
    let (again, _) = timed(|| page(&node, None, None, 0));
    report.add(figure("first rows again", again, None));
    for (what, text) in [
        ("first search", "王伟"),
        ("2 hanzi", "王芳"),
        ("initials", "oyj"),
        ("last four", "123X"),
        ("common initial", "w"),
        ("nothing", "zzzzqq"),
    ] {
        let mut found = times(5, |_| drop(page(&node, Some(text), None, 0)));
        report.add_times(&format!("search {what}"), &mut found, Some(50.0), None);
    }
    for offset in [0, total / 2, total.saturating_sub(50)] {
        let mut found = times(5, |_| drop(page(&node, None, None, offset)));
        report.add_times(&format!("page at {offset}"), &mut found, None, None);
    }
    for key in ["name", "student_no", "birth_date"] {
        let mut found = times(3, |_| drop(page(&node, None, Some(key), 0)));
        report.add_times(&format!("by {key}"), &mut found, None, None);
    }
    let (time, status) = timed(|| node.status().expect("status"));
    report.add(figure("status", time, None));
    eprintln!("{} records, {} documents, {} bytes", status.records, status.documents, status.bytes);
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

fn figure(what: &str, time: Duration, budget: Option<f64>) -> Line {
    Line { what: what.to_owned(), measured: ms(time), unit: "ms", budget, baseline: None }
}
