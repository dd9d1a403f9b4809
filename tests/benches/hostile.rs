//! What it costs to refuse: every known attack through the whole admission, beside an honest
//! change of the same document. Time for one change, and memory beyond what was received.
//!
//! Sockets and disks are not part of it: what is refused reaches neither document nor store but
//! the list of what is kept apart.

mod support {
    pub mod report;
}

use std::time::Duration;

use onex_protocol::admission::{DocumentBatch, admit};
use onex_protocol::membership::Membership;
use onex_protocol::message::Message;
use onex_tests::counting::{Counting, peak};
use onex_tests::hostile::attacks::{attacks, scene, zstd_bomb};
use onex_tests::hostile::office::{Scene, membership};
use support::report::{Line, Report, timed};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The budget for one refusal.
const REFUSAL_MS_MAX: f64 = 10.0;
/// The budget for the memory of one input, in MiB.
const EXTRA_MIB_MAX: f64 = 16.0;
const REPEATS: usize = 7;

fn main() {
    let log = membership();
    let scene = scene(&log);
    let mut report = Report::default();
    let (change, seal) = scene.of_colleague();
    let honest = scene.batch(vec![change.bytes], vec![seal]);
    let (baseline, _) = cost(&scene, &log, &honest);
    let add = |report: &mut Report, what: String, (time, bytes): (Duration, usize), count| {
        let of = "an honest change is admitted";
        let (budget, measured) = (Some(REFUSAL_MS_MAX), ms(time) / count as f64);
        let baseline = Some((ms(baseline), of));
        report.add(Line { what: what.clone(), measured, unit: "ms", budget, baseline });
        let (what, measured) = (format!("{what}, memory"), bytes as f64 / (1 << 20) as f64);
        let budget = Some(EXTRA_MIB_MAX);
        report.add(Line { what, measured, unit: "MiB", budget, baseline: None });
    };
    for attack in attacks(&scene) {
        let cost = cost(&scene, &log, &attack.batch);
        add(&mut report, attack.name, cost, attack.batch.changes.len());
    }
    let bomb = zstd_bomb(1 << 30);
    let (decoded, bytes) = peak(|| timed(|| Message::decode(&bomb).is_err()));
    add(&mut report, "a message that inflates to 1 GiB".to_owned(), (decoded.0, bytes), 1);
    report.print();
}

/// The median time of the admission of a batch, and the most memory that it took.
fn cost(scene: &Scene, log: &Membership, batch: &DocumentBatch) -> (Duration, usize) {
    let (mut times, mut most) = (Vec::new(), 0);
    for _ in 0..REPEATS {
        let batch = batch.clone();
        let ((time, admission), bytes) = peak(|| timed(|| admit(scene.held(), batch, log)));
        drop(admission);
        times.push(time);
        most = most.max(bytes);
    }
    times.sort();
    (times[times.len() / 2], most)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
