//! Two devices of one organisation over QUIC on this machine: what goes over the wire.
//!
//! `ONEX_BENCH_RECORDS` sets the size (10,000). Bytes are those of the application's messages,
//! counted by the nodes themselves; lossy lines are not simulated.

mod support {
    pub mod home;
    pub mod people;
    pub mod report;
}

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use onex_crdt::action::Given;
use onex_crdt::document::Document;
use onex_crdt::ids::{ChangeHash, DocId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::learner::Learner;
use onex_crdt::records::learner::actions::EDIT;
use onex_node::api::{PeerReport, Query};
use onex_node::engine::Order;
use onex_node::home::Home;
use onex_node::store::Store;
use onex_node::store::documents::{self, Cache};
use onex_node::{Node, Serving};
use support::home::{clock, office, orders};
use support::report::{Line, Report, timed};

const PATIENCE: Duration = Duration::from_secs(60);
/// Records changed between two syncs.
const CHANGED: usize = 100;

fn main() {
    let records = std::env::var("ONEX_BENCH_RECORDS").ok().and_then(|text| text.parse().ok());
    let records: usize = records.unwrap_or(10_000);
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("first");
    let first = office(&home);
    let (_, ids) = first.act_many(&[&orders(0, records)]).expect("every learner is taken");
    let serving = first.serve("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let mut report = Report::default();
    let second = first_sync(&mut report, &first, &home, &folder.path().join("second"));
    nothing_changed(&mut report, &second);
    for (edits, what) in [(1, "one command each"), (CHANGED, "one command")] {
        some_changed(&mut report, (&first, &second), &home, &ids, (edits, what));
    }
    report.print();
    stop(serving);
}

fn stop(serving: Serving) {
    serving.stop().expect("stops");
}

/// A further device of the same organisation.
fn joined(first: &Node, folder: &Path) -> Node {
    let invited = first.invite(None).expect("invites");
    let joining = Node::join(folder, &invited.text, "孙涛", clock()).expect("asks");
    first.device_confirm(joining.digits()).expect("confirmed");
    joining.wait(PATIENCE).expect("welcome")
}

fn synced(node: &Node) -> (Duration, PeerReport) {
    let (time, report) = timed(|| node.sync(None).expect("syncs"));
    let peer = report.peers.into_iter().next().expect("one peer");
    assert!(peer.reached && peer.equal, "{:?}", peer.error);
    (time, peer)
}

/// A device that joins takes everything there is at once: its welcome is the first sync.
fn first_sync(report: &mut Report, first: &Node, home: &Path, folder: &Path) -> Node {
    let saves: usize = documents(home).values().map(|document| document.save().len()).sum();
    let messages = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&messages);
    first.tap(move |_, _, bytes| {
        counted.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    });
    let (time, second) = timed(|| joined(first, folder));
    let (_, peer) = synced(&second);
    let bytes = messages.load(Ordering::SeqCst) - peer.received.bytes - peer.sent.bytes;
    let here = |node: &Node| node.list(&Query::all(Learner::KIND)).expect("listed").total;
    assert_eq!(here(first), here(&second));
    let what = format!("joining and first sync of {} records", here(first));
    let budget = Some(1.15 * saves as f64);
    let baseline = Some((saves as f64, "the documents' compacted saves"));
    let measured = bytes as f64;
    report.add(Line { what: what.clone(), measured, unit: "B", budget, baseline });
    seconds(report, &what, time);
    second
}

fn nothing_changed(report: &mut Report, second: &Node) {
    let (time, peer) = synced(second);
    let what = "nothing changed";
    let bytes = (peer.received.bytes + peer.sent.bytes) as f64;
    report.add(Line {
        what: what.to_owned(),
        measured: bytes,
        unit: "B",
        budget: Some(300.0),
        baseline: None,
    });
    seconds(report, what, time);
    trips(report, what, &peer);
}

/// So many edits at one device, `edits` in a command, all over the register.
fn some_changed(
    report: &mut Report,
    (first, second): (&Node, &Node),
    home: &Path,
    ids: &[RecordId],
    (edits, how): (usize, &str),
) {
    let before = documents(home);
    let phone = |at: usize| format!("13{edits:03}{at:06}");
    let order = |at: usize| {
        let value = EDIT.read("phone", &phone(at)).expect("a number");
        let given: Given = [("phone".to_owned(), value)].into_iter().collect();
        Order { action: &EDIT, id: Some(ids[at * (ids.len() / CHANGED)]), given }
    };
    let all: Vec<Order> = (0..CHANGED).map(order).collect();
    for orders in all.chunks(edits) {
        first.act_many(&[orders]).expect("allowed");
    }
    let sealed = sealed_bytes(home, &before);
    let (time, peer) = synced(second);
    let what = format!("{CHANGED} changed, {how}");
    let bytes = (peer.received.bytes + peer.sent.bytes) as f64;
    let budget = Some(1.3 * sealed as f64);
    let baseline = Some((sealed as f64, "the sealed changes themselves"));
    report.add(Line { what: what.clone(), measured: bytes, unit: "B", budget, baseline });
    seconds(report, &what, time);
    trips(report, &what, &peer);
}

/// The bytes of the changes since some documents were as they were, with the seals over them.
fn sealed_bytes(home: &Path, before: &BTreeMap<DocId, Document>) -> usize {
    let store = opened(home);
    let mut bytes = 0;
    for (id, document) in documents(home) {
        let heads: Vec<ChangeHash> = before.get(&id).map(Document::heads).unwrap_or_default();
        let changes = document.changes_since(&heads);
        if !changes.is_empty() {
            let seals = documents::seals(store.read(), id).expect("readable");
            bytes += seals.iter().map(|seal| seal.to_bytes().len()).sum::<usize>();
        }
        bytes += changes.iter().map(|change| change.bytes.len()).sum::<usize>();
    }
    bytes
}

fn documents(home: &Path) -> BTreeMap<DocId, Document> {
    let (store, mut cache) = (opened(home), Cache::default());
    let headers = documents::headers(store.read()).expect("readable").into_iter();
    let documents =
        headers.map(|header| (header.id(), cache.load(store.read(), &header).expect("readable")));
    documents.collect()
}

fn opened(home: &Path) -> Store {
    let home = Home::new(home);
    let keys = home.keys().expect("keys");
    Store::open(&home.database(), &keys.store).expect("opens")
}

fn seconds(report: &mut Report, what: &str, time: Duration) {
    let (what, measured) = (format!("{what}, time"), time.as_secs_f64());
    report.add(Line { what, measured, unit: "s", budget: None, baseline: None });
}

fn trips(report: &mut Report, what: &str, peer: &PeerReport) {
    let (what, measured) = (format!("{what}, round trips"), f64::from(peer.round_trips));
    report.add(Line { what, measured, unit: "", budget: None, baseline: None });
}
