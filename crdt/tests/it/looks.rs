//! How often rules look at what they see: many acts on one subject are looked at together.

use std::cell::Cell;

use onex_crdt::act::{Act, Authority, Found};
use onex_crdt::document::Write;
use onex_crdt::header::{APPLICATION, Header};
use onex_crdt::ids::{ActId, ChangeHash, DocId, RecordId, Salt};
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::records::receipt;
use onex_crdt::registry;
use onex_crdt::value::Value;
use onex_crdt::view::{Source, Touch, View};

use crate::pilot::Pilot;
use crate::province::{NETWORK, Replica, device_of};

/// A view that counts how often the acts on a subject are read.
struct Counting<'a> {
    view: &'a Replica,
    reads: Cell<usize>,
}

impl View for Counting<'_> {
    fn sources(&self, kind: &RecordKind, id: RecordId) -> Vec<Source> {
        self.view.sources(kind, id)
    }

    fn row(&self, kind: &RecordKind, id: RecordId) -> Option<Row> {
        self.view.row(kind, id)
    }

    fn rows_where(&self, kind: &RecordKind, key: &str, value: &Value) -> Vec<Row> {
        self.view.rows_where(kind, key, value)
    }

    fn rows(&self, kind: &RecordKind) -> Vec<Row> {
        self.view.rows(kind)
    }

    fn acts(&self, subject: RecordId) -> Vec<Found> {
        self.reads.set(self.reads.get() + 1);
        self.view.acts(subject)
    }

    fn act(&self, id: ActId) -> Option<Found> {
        self.view.act(id)
    }

    fn count(&self, document: DocId, kind: &RecordKind) -> usize {
        self.view.count(document, kind)
    }

    fn heads(&self, document: DocId) -> Vec<ChangeHash> {
        self.view.heads(document)
    }

    fn authority(&self) -> &dyn Authority {
        self.view.authority()
    }
}

/// The reads, and how many receipts were given, after a hub takes so many submissions of one line.
fn looked_at(submissions: u64) -> (usize, usize, usize) {
    let Pilot { mut province, xatl, crrc, .. } = Pilot::begin(1);
    let hub = province.at("hub-1");
    let mut line = RecordId([1; 16]);
    line.0[..8].copy_from_slice(&xatl.0[..8]);
    let position = hub.log.0.len() as u64;
    let submit = |number: u64| {
        let act = Act {
            id: ActId([0; 16]),
            kind: "application.submit".to_owned(),
            subject: line,
            person: "王芳".to_owned(),
            device: device_of("xatl-1"),
            at: "2026-04-18T10:02:11+08:00".to_owned(),
            position,
            after: Vec::new(),
            judged: None,
            body: [("reason".to_owned(), Value::Text(format!("理由{number}")))].into(),
            salt: Some(Salt([2; 16])),
        };
        Write::Act(act.identified())
    };
    let header: Header = APPLICATION.between(NETWORK, xatl, crrc, 2026);
    let writes: Vec<_> = (0..submissions).map(|n| (header.clone(), submit(n))).collect();
    // As the college's device has written it.
    hub.device = device_of("xatl-1");
    let touches: Vec<Touch> = hub.write("application.submit", &writes);
    hub.device = device_of("hub-1");
    assert_eq!(touches.len() as u64, submissions);
    let view = Counting { view: hub, reads: Cell::new(0) };
    registry::recompute(&view, &touches, |_, _| {});
    let rows = view.reads.take();
    let mut fresh = || [7; 16];
    let writes = receipt::follow_ups(&view, &hub.who(), &[line], &mut fresh);
    (rows, view.reads.take(), writes.len())
}

#[test]
fn acts_on_one_line_are_read_together() {
    let (rows, follow_ups, receipts) = looked_at(2);
    assert_eq!(receipts, 2 * 2, "one to the college, one to the evaluator");
    let (many_rows, many_follow_ups, many_receipts) = looked_at(50);
    assert_eq!(many_receipts, 50 * 2);
    assert_eq!((many_rows, many_follow_ups), (rows, follow_ups));
}
