//! A small province of real nodes on this machine, driven as users drive theirs: two devices at
//! the hub, two colleges, two evaluators.

use std::collections::BTreeMap;
use std::time::Duration;

use onex_crdt::action::Given;
use onex_crdt::field::time::Moment;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, Row};
use onex_crdt::records::application::Application;
use onex_crdt::registry;
use onex_node::api::{PeerReport, Query};
use onex_node::clock::Clock;
use onex_node::{Founding, Node, NodeError, Serving};
use tempfile::TempDir;

/// The third laptop of the railway college.
pub const LAPTOP: &str = "xatl-3";

/// How long a node waits for another one.
pub const PATIENCE: Duration = Duration::from_secs(30);
const STEP_SECONDS: i64 = 60;

/// The nodes by name, all serving.
pub struct Province {
    pub folder: TempDir,
    pub clock: Clock,
    homes: BTreeMap<&'static str, (Node, Option<Serving>)>,
}

impl Province {
    /// The hub's two devices and four organisations, with their roles; the certificate levels
    /// 装调 2 and 智能财税 1 listed, a call open, both agreements in force.
    pub fn pilot() -> Self {
        let mut province = Self::hub();
        province.join_all(&["xatl-1", "xyzy-1", "crrc-1", "zljy-1"]);
        province.catalogue();
        province.agreements();
        province
    }

    /// The hub's two devices, an evaluator whose one level is listed, and two devices of one
    /// college: the second was let in by the first.
    pub fn college() -> Self {
        let mut province = Self::hub();
        province.join_all(&["xatl-1", "crrc-1"]);
        province.catalogue();
        province.colleague();
        province
    }

    /// Lets the second device of the railway college in.
    pub fn colleague(&mut self) {
        self.join("xatl-1", "xatl-2", None, "李强");
        self.grant("xatl-1", "xatl-2", "李强", &["teacher", "coordinator"]);
        self.settle();
    }

    fn hub() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = Moment::parse("2026-04-01T09:00:00+08:00").expect("a moment");
        let clock = Clock::story(at);
        let founding = Founding {
            name: "陕西省1+X证书试点项目办".to_owned(),
            region: "610000".to_owned(),
            person: "郝敏".to_owned(),
        };
        let home = folder.path().join("hub-1");
        let node = Node::found(&home, &founding, clock.clone()).expect("founded");
        let mut province = Self { folder, clock, homes: BTreeMap::new() };
        province.keep("hub-1", node);
        province.grant("hub-1", "hub-1", "郝敏", &["officer"]);
        province.join("hub-1", "hub-2", None, "孙涛");
        province.grant("hub-1", "hub-2", "孙涛", &["officer"]);
        province.sync("hub-2");
        province
    }

    fn join_all(&mut self, names: &[&str]) {
        let college = |code: &'static str, region: &'static str| {
            [
                ("role", "college"),
                ("short_code", code),
                ("region_code", region),
                ("reporting_unit", region),
            ]
        };
        let evaluator =
            |code: &'static str| [("role", "evaluator"), ("short_code", code), ("", ""), ("", "")];
        let organisations = [
            ("xatl-1", "西安铁路职业技术学院", college("13945", "610100"), "王芳"),
            ("xyzy-1", "咸阳职业技术学院", college("13946", "610400"), "周敏"),
            ("crrc-1", "中国中车集团有限公司", evaluator("CRRC"), "陈刚"),
            ("zljy-1", "中联集团教育科技有限公司", evaluator("LJKJ"), "钱立"),
        ];
        for (node, name, values, person) in organisations {
            if !names.contains(&node) {
                continue;
            }
            let mut values: Vec<_> =
                values.into_iter().filter(|(key, _)| !key.is_empty()).collect();
            values.push(("name", name));
            let id = self.act("hub-2", "organisation.add", None, &values);
            self.sync("hub-2");
            self.join("hub-2", node, Some(id), person);
            let roles: &[&str] = match node {
                "xatl-1" | "xyzy-1" => &["coordinator", "leader"],
                _ => &["manager"],
            };
            self.grant(node, node, person, roles);
            self.sync(node);
        }
    }

    fn catalogue(&mut self) {
        for (node, name, level) in
            [("crrc-1", "轨道交通电气设备装调", "2"), ("zljy-1", "智能财税", "1")]
        {
            if !self.homes.contains_key(node) {
                continue;
            }
            let certificate = self.act(node, "certificate.add", None, &[("name", name)]);
            let certificate = certificate.to_string();
            let values = [("certificate_id", certificate.as_str()), ("level", level)];
            let level = self.act(node, "cert_level.add", None, &values).to_string();
            let digest = "ab".repeat(32);
            let values = [
                ("cert_level_id", level.as_str()),
                ("version", "1.0"),
                ("effective_from", "2026-01-01"),
                ("units", "U1:基础单元"),
                ("document_digest", digest.as_str()),
            ];
            self.act(node, "standard.publish", None, &values);
            self.sync(node);
            self.act("hub-1", "listing.add", None, &[("cert_level_id", &level)]);
        }
        let values = [("year", "2026"), ("closes_on", "2026-04-30")];
        self.act("hub-1", "call.open", None, &values);
        self.settle();
    }

    fn agreements(&mut self) {
        for (college, evaluator) in [("xatl-1", "crrc-1"), ("xyzy-1", "zljy-1")] {
            let other = self.node(evaluator).me().expect("me").org_id.to_string();
            let level = self.level(evaluator).to_string();
            let values = [
                ("evaluator_id", other.as_str()),
                ("year", "2026"),
                ("cert_level_ids", level.as_str()),
                ("fee_per_person", "300"),
                ("starts_on", "2026-04-01"),
                ("ends_on", "2026-12-31"),
                ("college_duties", "1. 组织培训"),
                ("evaluator_duties", "1. 组织考核"),
            ];
            let id = self.act(college, "agreement.propose", None, &values);
            self.settle();
            let kind = registry::kind("agreement").expect("a kind");
            let row = self.node(evaluator).row(kind, id).expect("readable").expect("arrived");
            let digest = row.fields["digest"].as_bytes().map(onex_crdt::ids::hex_encode);
            let digest = digest.expect("a digest");
            self.act(evaluator, "agreement.confirm", Some(id), &[("digest", &digest)]);
            self.settle();
        }
    }

    /// The one level of an evaluator.
    pub fn level(&self, evaluator: &'static str) -> RecordId {
        let kind = registry::kind("cert_level").expect("a kind");
        let org = self.node(evaluator).me().expect("me").org_id;
        let list = self.node(evaluator).list(&Query::all(kind)).expect("list");
        let own = |row: &&Row| row.id_of("evaluator_id") == Some(org.into());
        list.rows.iter().find(own).expect("a level").id
    }

    /// Begins and submits a line of a college, with a contact whose name can be searched for.
    pub fn line(&self, college: &'static str, evaluator: &'static str, contact: &str) -> RecordId {
        let id = self.draft(college, evaluator, contact);
        self.act(college, "application.submit", Some(id), &[("endorsed_by", "李院长")]);
        id
    }

    /// Begins a line of a college.
    pub fn draft(&self, college: &'static str, evaluator: &'static str, contact: &str) -> RecordId {
        let level = self.level(evaluator).to_string();
        let values = [
            ("cert_level_id", level.as_str()),
            ("major_code", "500103"),
            ("major_name", "铁道供电技术"),
            ("education_level", "高职"),
            ("enrolled_students", "132"),
            ("planned_students", "90"),
            ("own_site", "是"),
            ("contact_name", contact),
            ("contact_phone", "13900000021"),
        ];
        self.act(college, "application.add", None, &values)
    }

    /// The row of a line at a node.
    pub fn row(&self, node: &'static str, line: RecordId) -> Option<Row> {
        self.node(node).row(Application::KIND, line).expect("readable")
    }

    pub fn node(&self, name: &'static str) -> &Node {
        &self.homes[name].0
    }

    pub fn home(&self, name: &'static str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Takes an action that must be allowed.
    pub fn act(
        &self,
        node: &'static str,
        action: &str,
        id: Option<RecordId>,
        values: &[(&str, &str)],
    ) -> RecordId {
        self.try_act(node, action, id, values).unwrap_or_else(|error| {
            panic!("{action} at {node}: {error:?}");
        })
    }

    pub fn try_act(
        &self,
        node: &'static str,
        action: &str,
        id: Option<RecordId>,
        values: &[(&str, &str)],
    ) -> Result<RecordId, NodeError> {
        self.clock.advance(STEP_SECONDS);
        take(self.node(node), action, id, values)
    }

    /// Lets a device in, with the digits compared.
    pub fn join(
        &mut self,
        inviter: &'static str,
        name: &'static str,
        org: Option<RecordId>,
        person: &str,
    ) {
        let inviting = self.node(inviter).clone();
        let invited = inviting.invite(org.map(Into::into)).expect("invites");
        let home = self.home(name);
        let joining = Node::join(&home, &invited.text, person, self.clock.clone()).expect("asks");
        let asking = inviting.asking().expect("asking");
        assert_eq!(asking[0].digits, joining.digits(), "both screens show the same");
        inviting.device_confirm(joining.digits()).expect("confirmed");
        if inviter != "hub-1" {
            self.sync(inviter);
        }
        let node = joining.wait(PATIENCE).expect("welcome");
        self.keep(name, node);
    }

    /// Lets a third laptop of the railway college in, as a teacher's and coordinator's.
    pub fn laptop(&mut self, inviter: &'static str) {
        self.join(inviter, LAPTOP, None, "李强");
        self.grant("xatl-1", LAPTOP, "李强", &["teacher", "coordinator"]);
        self.settle();
        self.sync(LAPTOP);
    }

    pub fn grant(&self, admin: &'static str, node: &'static str, person: &str, roles: &[&str]) {
        let device = self.node(node).me().expect("me").device.to_string();
        for role in roles {
            let values = [("device", device.as_str()), ("person", person), ("role", role)];
            self.act(admin, "role.grant", None, &values);
        }
    }

    fn keep(&mut self, name: &'static str, node: Node) {
        let serving = node.serve("127.0.0.1:0".parse().expect("an address")).expect("a port");
        self.homes.insert(name, (node, Some(serving)));
    }

    /// Syncs one node with every peer that it knows.
    pub fn sync(&self, name: &'static str) {
        let report = self.node(name).sync(None).expect("peers are known");
        for peer in &report.peers {
            assert!(peer.reached, "{name}: {peer:?}");
        }
    }

    /// Syncs one node with one other, whatever comes of it.
    pub fn sync_with(&self, name: &'static str, other: &'static str) -> PeerReport {
        let device = self.node(other).me().expect("me").device;
        let report = self.node(name).sync(Some(device)).expect("the peer is known");
        report.peers.into_iter().next().expect("one peer")
    }

    /// Syncs everybody until nothing is left to tell: news go to the hub and from there to all.
    pub fn settle(&self) {
        for _ in 0..2 {
            for name in ["hub-2", "xatl-1", "xatl-2", "xyzy-1", "crrc-1", "zljy-1"] {
                if self.homes.contains_key(name) {
                    self.sync(name);
                }
            }
        }
    }

    /// Takes a node off the network; others can be reached still.
    pub fn halt(&mut self, name: &'static str) {
        let serving = self.homes.get_mut(name).and_then(|home| home.1.take());
        serving.expect("it serves").stop().expect("stops");
    }

    /// Ends a node as its process would: nothing of its home is open any more.
    pub fn close(&mut self, name: &'static str) {
        self.halt(name);
        self.homes.remove(name);
    }

    /// Opens a node again, where it listened last.
    pub fn reopen(&mut self, name: &'static str) {
        let node = Node::open(&self.home(name), self.clock.clone()).expect("it opens");
        let listen = node.listen().expect("readable").expect("it listened");
        let serving = node.serve(listen.parse().expect("an address")).expect("the port is free");
        self.homes.insert(name, (node, Some(serving)));
    }

    /// Takes every node off the network, so that homes can be opened by others.
    pub fn stop(mut self) -> TempDir {
        for (_, serving) in self.homes.values_mut() {
            if let Some(serving) = serving.take() {
                serving.stop().expect("stops");
            }
        }
        self.folder
    }
}

/// Takes an action at a node.
pub fn take(
    node: &Node,
    action: &str,
    id: Option<RecordId>,
    values: &[(&str, &str)],
) -> Result<RecordId, NodeError> {
    let action = registry::action(action).expect("the action exists");
    let read = |(key, text): &(&str, &str)| {
        ((*key).to_owned(), action.read(key, text).expect("the value is right"))
    };
    let given: Given = values.iter().map(read).collect();
    let ids: Vec<RecordId> = id.into_iter().collect();
    Ok(node.act(action, &ids, &given)?[0].id)
}
