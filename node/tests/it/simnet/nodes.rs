//! Two whole nodes, stores and drivers and all, over the simulated line: what either wrote reaches
//! the other through cuts, and nothing that was acknowledged is sent again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use onex_crdt::field::code::resident_check;
use onex_crdt::ids::DocId;
use onex_crdt::record::Record;
use onex_crdt::records::learner::Learner;
use onex_crdt::records::learner::actions::ADD;
use onex_node::api::{Query, SyncReport};
use onex_node::engine::Order;
use onex_node::handle::Way;
use onex_node::{Node, Serving};
use onex_protocol::message::{End, LogPosition, Message};
use tempfile::TempDir;

use super::network::{Cut, Line, Network, Passage, SLOW, Verdict};
use super::play;
use super::random::Random;
use crate::handle::{act, clock, given};
use crate::live::{PATIENCE, hub_home};

/// Runs of the two nodes, each on what the ones before left.
const SEEDS: u64 = 40;
/// By then two nodes agree, or they never do.
const AGREE_MAX: Duration = Duration::from_secs(1800);
const SYNC_AGAIN: Duration = Duration::from_secs(5);

/// A hub's two devices, off the network, and where the second one looks for the first.
pub struct Pair {
    pub first: Node,
    pub second: Node,
    pub at: SocketAddr,
    watches: [Arc<Mutex<Watch>>; 2],
    learners: u64,
    _folders: [TempDir; 2],
}

impl Pair {
    pub fn new() -> Pair {
        let hub = hub_home();
        let at = hub.serving.listen();
        let folder = tempfile::tempdir().expect("a folder");
        let invited = hub.node.invite(None).expect("an admin invites");
        let joining = Node::join(folder.path(), &invited.text, "孙涛", clock()).expect("asks");
        let device = hub.node.device_confirm(joining.digits()).expect("the digits are the same");
        let second = joining.wait(PATIENCE).expect("welcome");
        let device = device.to_string();
        let role = [("device", device.as_str()), ("person", "孙涛"), ("role", "officer")];
        act(&hub.node, "role.grant", &role).expect("an admin grants roles");
        second.sync(None).expect("the role arrives");
        Serving::stop(hub.serving).expect("stops");
        let watches = [&hub.node, &second].map(Watch::over);
        let folders = [hub.folder, folder];
        Pair { first: hub.node, second, at, watches, learners: 0, _folders: folders }
    }

    /// Puts learners on the register of one of the two.
    pub fn learn(&mut self, second: bool, count: u64) {
        let orders: Vec<Order> = (self.learners..self.learners + count).map(order).collect();
        self.learners += count;
        let node = if second { &self.second } else { &self.first };
        node.act_many(&[&orders]).expect("an officer may");
    }

    /// Lets the second call the first until both have the same; tells how often it called.
    async fn agree(&self, network: &Arc<Network>) -> (u64, SyncReport) {
        let first = self.first.clone();
        let ground = network.ground(self.at);
        let serving =
            tokio::task::spawn_local(async move { first.serve_over(ground, false).await });
        let calls = async {
            for call in 1.. {
                let from = SocketAddr::from(([10, 0, 0, 7], 40_000 + call as u16));
                let synced = self.second.sync_over(network.ground(from), None).await;
                let report = synced.expect("the store works");
                if report.peers[0].equal && report.peers[0].error.is_none() {
                    return (call, report);
                }
                self.watches.iter().for_each(|watch| lock(watch).pending.clear());
                tokio::time::sleep(SYNC_AGAIN).await;
            }
            unreachable!("it is called again without end")
        };
        let agreed = tokio::time::timeout(AGREE_MAX, calls).await.expect("they agree in time");
        serving.abort();
        agreed
    }

    fn check(&self, seed: u64) {
        let ids = |node: &Node| -> BTreeSet<_> {
            let rows = node.list(&Query::all(Learner::KIND)).expect("a list").rows;
            rows.iter().map(|row| row.id).collect()
        };
        let (first, second) = (ids(&self.first), ids(&self.second));
        assert_eq!(first.len() as u64, self.learners, "seed {seed}: a learner is lost");
        assert_eq!(first, second, "seed {seed}");
        for watch in &self.watches {
            assert_eq!(lock(watch).repeated, 0, "seed {seed}: acknowledged, and sent again");
        }
    }
}

#[test]
fn nodes_agree_over_every_line() {
    let mut pair = Pair::new();
    let (mut calls, mut cut, mut lost, mut simulated) = (0, 0, 0, Duration::ZERO);
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        for second in [false, true] {
            pair.learn(second, random.range(0, 40));
        }
        let line = Line {
            loss_permille: random.range(0, 201),
            repeat_permille: 50,
            jitter: Duration::from_millis(100),
            ..SLOW
        };
        let at = pair.at;
        let cuts = (0..random.range(0, 4)).map(|_| {
            let from = Duration::from_millis(random.range(1_000, 9_000));
            let to = from + Duration::from_millis(random.range(5_000, 100_000));
            Cut { from, to, only_from: random.happens(300).then_some(at) }
        });
        let cuts = cuts.collect();
        let (tries, trace, elapsed) = play(async {
            let network = Network::new(seed, line, cuts, Vec::new());
            let (tries, _) = pair.agree(&network).await;
            (tries, network.trace().0, network.elapsed())
        });
        pair.check(seed);
        calls += tries;
        cut += count(&trace, Verdict::Cut);
        lost += count(&trace, Verdict::Lost);
        simulated += elapsed;
    }
    let learners = pair.learners;
    println!(
        "{SEEDS} runs, {learners} learners, {calls} syncs, {lost} lost, {cut} cut, {simulated:?}"
    );
    assert!(calls > SEEDS && cut > 0 && lost > 0, "{calls} {cut} {lost}");
    let acknowledged = pair.watches.each_ref().map(|watch| lock(watch).acknowledged.len());
    assert!(acknowledged.iter().all(|count| *count > 0), "nothing was compared: {acknowledged:?}");
}

#[test]
fn a_long_sync_goes_on_where_it_was_cut() {
    const LEARNERS: u64 = 6_000;
    const CUTS: u64 = 3;
    let mut pair = Pair::new();
    pair.learn(false, LEARNERS);
    let line = Line { loss_permille: 50, ..SLOW };
    // Each lasts longer than QUIC waits, so that every one ends a connection.
    let cut = |count: u64| {
        let from = Duration::from_secs(5 + 73 * count);
        Cut { from, to: from + Duration::from_secs(65), only_from: None }
    };
    let cuts = (0..CUTS).map(cut).collect();
    let (calls, elapsed, wire) = play(async {
        let network = Network::new(1, line, cuts, Vec::new());
        let (calls, _) = pair.agree(&network).await;
        let sent = network.trace().0;
        let wire: usize = sent.iter().map(|passage| passage.length).sum();
        (calls, network.elapsed(), wire)
    });
    pair.check(1);
    let sum = |of: fn(&Watch) -> u64| pair.watches.iter().map(|watch| of(&lock(watch))).sum();
    let (batches, again): (u64, u64) = (sum(|watch| watch.batch_bytes), sum(|watch| watch.again));
    println!(
        "{LEARNERS} learners: {batches} B of batches, {wire} B on the wire, {calls} calls, \
         {again} changes in flight at a cut went again, {elapsed:?}"
    );
    assert!(calls > CUTS, "no cut came between");
    let acknowledged = lock(&pair.watches[0]).acknowledged.len();
    assert!(acknowledged > 0, "nothing was acknowledged, nothing could be sent again");
}

fn count(trace: &[Passage], verdict: Verdict) -> u64 {
    trace.iter().filter(|passage| passage.verdict == verdict).count() as u64
}

fn order(number: u64) -> Order {
    let mut random = Random::new(number);
    let student_no = format!("2026{number:07}");
    let phone = format!("139{number:08}");
    let address = format!("西安市未央区{}号", random.next());
    let id_number = id_number(number);
    let values = [
        ("name", "王芳"),
        ("id_type", "resident_id"),
        ("id_number", id_number.as_str()),
        ("learner_kind", "student"),
        ("phone", phone.as_str()),
        ("student_no", student_no.as_str()),
        ("education_level", "高职"),
        ("address", address.as_str()),
    ];
    Order { action: &ADD, id: None, given: given("learner.add", &values) }
}

/// A number of a region that is nobody's: days of birth times numbers of a day.
fn id_number(number: u64) -> String {
    let (day, rest) = (1 + number % 28, number / 28);
    let (month, rest) = (1 + rest % 12, rest / 12);
    let body = format!("6101992001{month:02}{day:02}{rest:03}");
    let check = resident_check(&body).expect("17 digits");
    format!("{body}{check}")
}

/// Changes with their documents.
type Changes = BTreeSet<(DocId, Vec<u8>)>;

/// What one node sent and heard acknowledged.
#[derive(Default)]
struct Watch {
    /// Changes of batches that wait for their acknowledgement, by the batch's place in the log.
    pending: Vec<(Option<LogPosition>, Changes)>,
    acknowledged: Changes,
    sent: Changes,
    /// Sent again though it was acknowledged.
    repeated: u64,
    /// Sent again.
    again: u64,
    batch_bytes: u64,
}

impl Watch {
    fn over(node: &Node) -> Arc<Mutex<Watch>> {
        let watch: Arc<Mutex<Watch>> = Arc::default();
        let seen = Arc::clone(&watch);
        node.tap(move |_, way, bytes| lock(&seen).message(way, bytes));
        watch
    }

    fn message(&mut self, way: Way, bytes: &[u8]) {
        match (way, Message::decode(bytes)) {
            (Way::Sent, Ok((Message::Batch(batch), _))) => {
                self.batch_bytes += bytes.len() as u64;
                if self.pending.last().is_none_or(|(upto, _)| upto.is_some()) {
                    self.pending.push((None, BTreeSet::new()));
                }
                let (upto, changes) = self.pending.last_mut().expect("one was pushed");
                for document in batch.documents {
                    let id = document.id();
                    for change in document.changes {
                        let sent = (id, change);
                        self.repeated += u64::from(self.acknowledged.contains(&sent));
                        self.again += u64::from(!self.sent.insert(sent.clone()));
                        changes.insert(sent);
                    }
                }
                if batch.end != End::Part {
                    *upto = Some(batch.upto);
                }
            }
            (Way::Received, Ok((Message::Ack(ack), _))) => {
                let whole = |(upto, _): &mut (Option<LogPosition>, _)| *upto == Some(ack.upto);
                for (_, changes) in self.pending.extract_if(.., whole) {
                    self.acknowledged.extend(changes);
                }
            }
            _ => {}
        }
    }
}

fn lock(watch: &Mutex<Watch>) -> std::sync::MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}
