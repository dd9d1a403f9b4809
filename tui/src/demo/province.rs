//! The nodes of the story: founding, joining, syncing, and taking and checking steps.
//!
//! Steps go through the same reading of parameters as the command line. Being cut off is told by
//! not syncing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use onex_crdt::field::time::Moment;
use onex_crdt::ids::{DeviceId, OrgId, RecordId};
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::registry;
use onex_node::api::{Answer, SyncReport};
use onex_node::clock::Clock;
use onex_node::engine::Order;
use onex_node::{Founding, Node, NodeError, Serving};
use serde_json::{Value as Json, json};

use super::reference::People;
use super::{DemoError, Options, Step};
use crate::command::{Call, Failure};
use crate::i18n::Lang;

/// When the story begins, by everybody's clock.
const BEGIN: &str = "2026-04-01T09:00:00+08:00";
/// From one step to the next.
const STEP_SECONDS: i64 = 180;
/// How long a joining device waits for the inviter, who is told at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// Rounds of syncing after which everything must be quiet.
const ROUNDS_MAX: usize = 6;

/// The nodes of the story.
pub struct Province {
    dir: PathBuf,
    clock: Clock,
    explain: bool,
    /// Who is made up.
    pub people: People,
    nodes: BTreeMap<&'static str, Member>,
    order: Vec<&'static str>,
    steps: Vec<Step>,
    /// How many times a node synced with another.
    pub syncs: u64,
    /// Bytes of those syncs, both ways.
    pub sync_bytes: u64,
}

struct Member {
    node: Node,
    serving: Serving,
}

impl Province {
    /// A province without nodes.
    pub fn new(dir: PathBuf, options: &Options) -> Self {
        let begin = Moment::parse(BEGIN).expect("a constant moment");
        Self {
            dir,
            clock: Clock::story(begin),
            explain: options.explain,
            people: People::new(options.seed),
            nodes: BTreeMap::new(),
            order: Vec::new(),
            steps: Vec::new(),
            syncs: 0,
            sync_bytes: 0,
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The nodes, in the order in which they came.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.order.iter().map(|name| &self.nodes[name].node)
    }

    /// A node by the name of its folder.
    pub fn node(&self, name: &'static str) -> &Node {
        &self.nodes[name].node
    }

    /// The organisation of a node.
    pub fn org(&self, name: &'static str) -> Result<OrgId, DemoError> {
        self.node(name).me().map(|me| me.org_id).map_err(|error| DemoError::step("me", &error))
    }

    /// The network, as hex digits.
    pub fn network(&self) -> Result<Option<String>, DemoError> {
        let me = self.nodes().next().map(Node::me).transpose();
        let me = me.map_err(|error| DemoError::step("me", &error))?;
        Ok(me.map(|me| me.network.to_string()))
    }

    /// The nodes as the contract describes them.
    pub fn describe(&self) -> Result<Vec<Json>, DemoError> {
        let described = self.order.iter().map(|name| {
            let member = &self.nodes[name];
            let me = member.node.me().map_err(|error| DemoError::step("me", &error))?;
            Ok(json!({
                "name": me.org_name,
                "role": me.org_role.id(),
                "org_id": me.org_id.to_string(),
                "device": me.device.to_string(),
                "person": me.person,
                "roles": me.roles.iter().map(|role| role.id()).collect::<Vec<_>>(),
                "home": self.home(name),
                "listen": member.serving.listen().to_string(),
            }))
        });
        described.collect()
    }

    /// Takes every node off the network.
    pub fn stop(self) -> Result<(), DemoError> {
        for member in self.nodes.into_values() {
            member.serving.stop().map_err(|error| DemoError::step("end", &error))?;
        }
        Ok(())
    }

    fn home(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// Prints a command that does the same, if that is wanted.
    pub fn say(&self, name: &str, words: &[String]) {
        if self.explain {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            eprintln!("ONEX_HOME={} onex {}", quoted(&self.home(name)), words.join(" "));
        }
    }

    /// Founds the network on the hub's first device.
    pub fn found(&mut self, name: &'static str, founding: &Founding) -> Result<(), DemoError> {
        let words = ["init", "--role", "hub", "--name", &founding.name];
        let more = ["--region", &founding.region, "--person", &founding.person];
        self.say(name, &words.iter().chain(&more).map(ToString::to_string).collect::<Vec<_>>());
        let node = Node::found(&self.dir.join(name), founding, self.clock.clone());
        self.keep("A0", name, node)
    }

    /// Lets a device in, with the digits compared on both screens.
    pub fn join(
        &mut self,
        step: &'static str,
        inviter: &'static str,
        name: &'static str,
        org: Option<RecordId>,
        person: &str,
    ) -> Result<(), DemoError> {
        let file = self.dir.join(format!("{name}.invitation"));
        let out = file.display().to_string();
        let org = org.map(|org| org.to_string());
        let mut given = vec![("out", out.as_str())];
        given.extend(org.as_deref().map(|org| ("org_id", org)));
        self.step(step, inviter, "device.invite", &given)?;
        let failed = |error: &dyn std::fmt::Display| DemoError::step(step, error);
        let text = std::fs::read_to_string(&file).map_err(|error| failed(&error))?;
        self.say(name, &["join", &out, "--person", person].map(str::to_owned));
        let joining = Node::join(&self.dir.join(name), &text, person, self.clock.clone());
        let joining = joining.map_err(|error| failed(&error))?;
        let digits = joining.digits().to_owned();
        let asking = self.node(inviter).asking().map_err(|error| failed(&error))?;
        if !asking.iter().any(|asking| asking.digits == digits) {
            return Err(failed(&"the inviter's screen shows other digits"));
        }
        self.step(step, inviter, "device.confirm", &[("digits", &digits)])?;
        if inviter != HUB {
            self.sync(step, inviter)?;
        }
        let node = joining.wait(PATIENCE);
        std::fs::remove_file(&file).map_err(|error| failed(&error))?;
        self.keep(step, name, node)
    }

    /// Lets a new node be reached, as `onex serve` does.
    fn keep(
        &mut self,
        step: &'static str,
        name: &'static str,
        node: Result<Node, NodeError>,
    ) -> Result<(), DemoError> {
        let failed = |error| DemoError::step(step, &error);
        let node = node.map_err(failed)?;
        let local = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
        let serving = node.serve(local).map_err(failed)?;
        self.say(name, &["serve".to_owned()]);
        self.nodes.insert(name, Member { node, serving });
        self.order.push(name);
        Ok(())
    }

    /// Grants a person roles at his device, given by an administrator at another or the same.
    pub fn grant(
        &mut self,
        step: &'static str,
        admin: &'static str,
        node: &'static str,
        roles: &[&str],
    ) -> Result<(), DemoError> {
        let me = self.node(node).me().map_err(|error| DemoError::step(step, &error))?;
        let device = me.device.to_string();
        for role in roles {
            let given = [("device", device.as_str()), ("person", &me.person), ("role", role)];
            self.step(step, admin, "role.grant", &given)?;
        }
        Ok(())
    }

    /// Takes an action that must be allowed, and returns the record.
    pub fn step(
        &mut self,
        step: &'static str,
        node: &'static str,
        action: &str,
        given: &[(&str, &str)],
    ) -> Result<RecordId, DemoError> {
        let ids = self.step_each(step, node, action, given)?;
        ids.first().copied().ok_or_else(|| DemoError::step(step, &"no record"))
    }

    /// Takes an action that must be allowed, and returns every record that it made.
    pub fn step_each(
        &mut self,
        step: &'static str,
        node: &'static str,
        action: &str,
        given: &[(&str, &str)],
    ) -> Result<Vec<RecordId>, DemoError> {
        let answers = self.answers(step, node, action, given)?;
        Ok(answers.iter().map(|answer| answer.id).collect())
    }

    /// Takes an action that must be allowed, and returns what the node answers.
    pub fn answers(
        &mut self,
        step: &'static str,
        node: &'static str,
        action: &str,
        given: &[(&str, &str)],
    ) -> Result<Vec<Answer>, DemoError> {
        let (call, answers) = match self.take(step, node, action, given)? {
            (call, Ok(answers)) => (call, answers),
            (_, Err(failure)) => return Err(DemoError::step(step, &words(&failure))),
        };
        answers.iter().for_each(|answer| self.note(step, node, call, answer));
        Ok(answers)
    }

    /// Takes an action that must be refused at a field, or without one.
    pub fn refused(
        &mut self,
        step: &'static str,
        node: &'static str,
        action: &str,
        given: &[(&str, &str)],
        field: Option<&str>,
    ) -> Result<(), DemoError> {
        match self.take(step, node, action, given)? {
            (action, Err(Failure::Refused(said))) if said.field.as_deref() == field => {
                let node = self.home(node);
                let refused = Some(said);
                self.steps.push(Step { step, node, action, id: None, state: None, refused });
                Ok(())
            }
            (action, Err(failure)) => {
                Err(DemoError::step(step, &format!("{action}: {}", words(&failure))))
            }
            (action, Ok(_)) => Err(DemoError::step(step, &format!("{action} was not refused"))),
        }
    }

    fn take(
        &mut self,
        step: &'static str,
        node: &'static str,
        action: &str,
        given: &[(&str, &str)],
    ) -> Result<(&'static str, Result<Vec<Answer>, Failure>), DemoError> {
        self.pass();
        let pairs = given.iter().map(|(key, value)| format!("{key}={value}"));
        let all = ["do".to_owned(), action.to_owned()].into_iter().chain(pairs);
        self.say(node, &all.collect::<Vec<_>>());
        let action = registry::action(action)
            .ok_or_else(|| DemoError::step(step, &format!("there is no action {action}")))?;
        let node = self.node(node);
        let called = Call::read(Lang::Zh, node, action, given);
        let taken =
            called.and_then(|call| call.take(node).map_err(|error| Failure::of(Lang::Zh, error)));
        Ok((action.id, taken))
    }

    /// Takes one action many times in one transaction; each time sees what the times before did.
    pub fn batch(
        &mut self,
        step: &'static str,
        node: &'static str,
        action: &str,
        rows: &[Vec<(&str, String)>],
    ) -> Result<Vec<RecordId>, DemoError> {
        let orders = self.orders(step, node, action, rows)?;
        let answers = self.node(node).act_all(&orders);
        let answers = answers
            .map_err(|error| DemoError::step(step, &words(&Failure::of(Lang::Zh, error))))?;
        for (answer, order) in answers.iter().zip(&orders) {
            self.note(step, node, order.action.id, answer);
        }
        Ok(answers.iter().map(|answer| answer.id).collect())
    }

    /// Takes one action on many records, or for many new ones, as one batch. None may depend on
    /// another one of it: they are written together.
    pub fn many(
        &mut self,
        step: &'static str,
        node: &'static str,
        action: &str,
        rows: &[Vec<(&str, String)>],
    ) -> Result<Vec<RecordId>, DemoError> {
        let orders = self.orders(step, node, action, rows)?;
        let done = self.node(node).act_many(&[&orders]);
        let (_, ids) =
            done.map_err(|error| DemoError::step(step, &words(&Failure::of(Lang::Zh, error))))?;
        for (id, order) in ids.iter().zip(&orders) {
            let kind = order.action.kind.filter(|kind| kind.field("state").is_some());
            let row = kind.map(|kind| self.node(node).row(kind, *id)).transpose();
            let row = row.map_err(|error| DemoError::step(step, &error))?.flatten();
            let state = row.as_ref().and_then(Row::state).map(str::to_owned);
            let answer = Answer { id: *id, state, pending_act: None, undone: None };
            self.note(step, node, order.action.id, &answer);
        }
        Ok(ids)
    }

    /// Reads what one action is given many times, as the command line would.
    fn orders(
        &self,
        step: &'static str,
        node: &'static str,
        action: &str,
        rows: &[Vec<(&str, String)>],
    ) -> Result<Vec<Order>, DemoError> {
        self.pass();
        let action = registry::action(action)
            .ok_or_else(|| DemoError::step(step, &format!("there is no action {action}")))?;
        let mut orders = Vec::new();
        for row in rows {
            let pairs: Vec<String> =
                row.iter().map(|(key, text)| format!("{key}={text}")).collect();
            let all = ["do".to_owned(), action.id.to_owned()].into_iter().chain(pairs);
            self.say(node, &all.collect::<Vec<_>>());
            let given: Vec<(&str, &str)> =
                row.iter().map(|(key, text)| (*key, text.as_str())).collect();
            let call = Call::read(Lang::Zh, self.node(node), action, &given)
                .map_err(|failure| DemoError::step(step, &words(&failure)))?;
            let id = call.ids.first().copied();
            orders.extend(call.given.into_iter().map(|given| Order { action, id, given }));
        }
        Ok(orders)
    }

    /// Notes a step that was taken.
    pub fn note(&mut self, step: &'static str, node: &str, action: &'static str, answer: &Answer) {
        let (node, state) = (self.home(node), answer.state.clone());
        self.steps.push(Step { step, node, action, id: Some(answer.id), state, refused: None });
    }

    /// Syncs a node with every peer that it knows; each must be reached.
    pub fn sync(&mut self, step: &'static str, name: &'static str) -> Result<bool, DemoError> {
        self.say(name, &["sync".to_owned()]);
        let report = self.node(name).sync(None).map_err(|error| DemoError::step(step, &error))?;
        let lost = report.peers.iter().find(|peer| !peer.reached);
        if let Some(peer) = lost {
            let error = peer.error.clone().unwrap_or_default();
            return Err(DemoError::step(step, &format!("{name} does not reach a peer: {error}")));
        }
        self.count(&report);
        Ok(is_quiet(&report))
    }

    /// Syncs a node with one other, which must be reached.
    pub fn sync_with(
        &mut self,
        step: &'static str,
        name: &'static str,
        other: &'static str,
    ) -> Result<(), DemoError> {
        let report = self.sync_tried(step, name, other)?;
        if report.peers.iter().all(|peer| peer.reached) {
            return Ok(());
        }
        Err(DemoError::step(step, &format!("{name} does not reach {other}")))
    }

    /// Syncs a node with one other, if that lets it.
    pub fn sync_tried(
        &mut self,
        step: &'static str,
        name: &'static str,
        other: &'static str,
    ) -> Result<SyncReport, DemoError> {
        let device = self.device(step, other)?;
        self.say(name, &["sync".to_owned(), device.to_string()]);
        let report = self.node(name).sync(Some(device));
        let report = report.map_err(|error| DemoError::step(step, &error))?;
        self.count(&report);
        Ok(report)
    }

    fn count(&mut self, report: &SyncReport) {
        self.syncs += report.peers.len() as u64;
        let bytes = report.peers.iter().map(|peer| peer.sent.bytes + peer.received.bytes);
        self.sync_bytes += bytes.sum::<u64>();
    }

    /// The device of a node.
    pub fn device(&self, step: &'static str, name: &'static str) -> Result<DeviceId, DemoError> {
        let me = self.node(name).me().map_err(|error| DemoError::step(step, &error))?;
        Ok(me.device)
    }

    /// Takes a node that takes part no more from those that the demo speaks of.
    pub fn lose(&mut self, name: &'static str) {
        self.order.retain(|other| *other != name);
    }

    /// Syncs these nodes until nothing is left to tell; twice at least, since what the membership
    /// log gained is no change of a document.
    pub fn settle(&mut self, step: &'static str, names: &[&'static str]) -> Result<(), DemoError> {
        for round in 0..ROUNDS_MAX {
            let mut quiet = round > 0;
            for name in names {
                quiet &= self.sync(step, name)?;
            }
            if quiet {
                return Ok(());
            }
        }
        Err(DemoError::step(step, &"the nodes do not come to rest"))
    }

    /// Lets the time of one step pass.
    pub fn pass(&self) {
        self.clock.advance(STEP_SECONDS);
    }

    /// Lets days pass, until a moment of the story.
    pub fn wait_until(&mut self, moment: &str) {
        let moment = Moment::parse(moment).expect("a constant moment");
        let left = moment.unix_seconds() - self.clock.now().unix_seconds();
        self.clock.advance(left.max(0));
    }

    /// The row of a record at a node, which must have it.
    pub fn row(
        &self,
        step: &'static str,
        name: &'static str,
        kind: &'static RecordKind,
        id: RecordId,
    ) -> Result<Row, DemoError> {
        let row = self.node(name).row(kind, id).map_err(|error| DemoError::step(step, &error))?;
        row.ok_or_else(|| DemoError::step(step, &format!("{name} does not see {}", kind.key)))
    }

    /// Checks what some nodes show of a record; `null` stands for no value.
    pub fn expect(
        &self,
        step: &'static str,
        names: &[&'static str],
        kind: &str,
        id: RecordId,
        expected: &[(&str, &str)],
    ) -> Result<(), DemoError> {
        let kind = registry::kind(kind)
            .ok_or_else(|| DemoError::step(step, &format!("there is no kind {kind}")))?;
        for name in names {
            let row = self.row(step, name, kind, id)?;
            let shown = crate::json::row(crate::json::Secrets::Masked, kind, &row);
            for (key, expected) in expected {
                let found = match &shown[*key] {
                    Json::String(text) => text.clone(),
                    other => other.to_string(),
                };
                if found != *expected {
                    let detail = format!("{key} is {found} at {name}, not {expected}");
                    return Err(DemoError::step(step, &detail));
                }
            }
        }
        Ok(())
    }

    /// Checks that some nodes see nothing of a record.
    pub fn expect_unseen(
        &self,
        step: &'static str,
        names: &[&'static str],
        kind: &str,
        id: RecordId,
    ) -> Result<(), DemoError> {
        for name in names {
            let row = registry::kind(kind).map(|kind| self.node(name).row(kind, id)).transpose();
            if row.map_err(|error| DemoError::step(step, &error))?.flatten().is_some() {
                return Err(DemoError::step(step, &format!("{name} sees the {kind}")));
            }
        }
        Ok(())
    }
}

/// The hub's first device, with which all others sync.
const HUB: &str = "hub-1";

fn is_quiet(report: &SyncReport) -> bool {
    report.peers.iter().all(|peer| peer.sent.changes + peer.received.changes == 0)
}

/// A failure in one line.
fn words(failure: &Failure) -> String {
    match failure {
        Failure::Usage(text) => text.clone(),
        Failure::Refused(said) | Failure::System(said) => said.line(Lang::Zh),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._:/,-+@=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in [
            ("name=西安铁路", "name=西安铁路"),
            ("duties=1. 组织", "'duties=1. 组织'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
