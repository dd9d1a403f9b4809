//! Nodes that meet over QUIC on this machine: enrolment, sync, serving.

use std::time::Duration;

use onex_crdt::ids::{OrgId, RecordId};
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::records::learner::Learner;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::roles::PersonRole;
use onex_node::api::{AuditLine, Me, Query};
use onex_node::backup::{Unlocking, restore};
use onex_node::home::{Guard, Passphrase};
use onex_node::store::{Store, log, peers};
use onex_node::{Joining, Node, NodeError, Serving};
use onex_protocol::statement::RemovalReason;
use tempfile::TempDir;

use super::handle::{COLLEGE, act, clock, hub};

const LOOPBACK: &str = "127.0.0.1:0";
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A node on this machine's network, with the folder that it lives in.
pub struct Home {
    pub folder: TempDir,
    pub node: Node,
    pub serving: Serving,
}

pub fn serving(folder: TempDir, node: Node) -> Home {
    let serving = node.serve(LOOPBACK.parse().expect("an address")).expect("a free port");
    Home { folder, node, serving }
}

pub fn hub_home() -> Home {
    let folder = tempfile::tempdir().expect("a folder");
    let node = hub(folder.path());
    let device = node.me().expect("me").device.to_string();
    act(&node, "role.grant", &[("device", &device), ("person", "郝敏"), ("role", "officer")])
        .expect("an admin grants roles");
    serving(folder, node)
}

/// Lets a device of an organisation in, with the digits compared.
pub fn join(hub: &Home, org: &str, person: &str) -> Home {
    let org = hub.node.find_id(Organisation::KIND, org).expect("an id");
    let invited = hub.node.invite(Some(org.into())).expect("an officer invites");
    let folder = tempfile::tempdir().expect("a folder");
    let joining = Node::join(folder.path(), &invited.text, person, clock()).expect("asks");
    let asking = hub.node.asking().expect("asking");
    assert_eq!(asking.len(), 1);
    assert_eq!(asking[0].digits, joining.digits());
    hub.node.device_confirm(joining.digits()).expect("the digits are the same");
    let node = joining.wait(PATIENCE).expect("welcome");
    serving(folder, node)
}

#[test]
fn a_college_joins_and_both_have_the_same() {
    let hub = hub_home();
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &id, "王芳");
    let me = college.node.me().expect("me");
    assert_eq!(me.org_name, "西安铁路职业技术学院");
    assert_eq!(me.roles, [PersonRole::Admin]);
    let values = [("name", "王芳"), ("duty", "coordinator"), ("phone", "13900000021")];
    act(&college.node, "contact.add", &values).expect("added");
    assert_eq!(college.node.status().expect("status").unsent.changes, 1);
    let report = college.node.sync(None).expect("reached");
    assert_eq!(report.peers.len(), 1);
    assert!(report.peers[0].reached && report.peers[0].equal, "{report:?}");
    assert_eq!(report.unsent.changes, 0);
    let contacts = hub.node.list(&Query::all(Contact::KIND)).expect("list");
    assert_eq!(contacts.total, 1);
    assert_eq!(contacts.rows[0].text("name"), Some("王芳"));
}

/// What waits out of a backup goes to a device of the organisation that it is of, and to no other:
/// it has learners in it, whom nobody else may see.
#[test]
fn what_was_restored_is_not_taken_to_another_organisation() {
    let hub = hub_home();
    let own = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &own, "王芳");
    let device = college.node.me().expect("me").device;
    college.node.role_change(device, "王芳", PersonRole::Teacher, true).expect("granted");
    college.node.sync(None).expect("it gets its place");
    college.node.sync(None).expect("it comes back");
    let learner = [
        ("name", "欧阳静"),
        ("id_type", "resident_id"),
        ("id_number", "11010519491231002X"),
        ("learner_kind", "student"),
        ("phone", "13900000021"),
        ("student_no", "20260001"),
        ("education_level", "高职"),
    ];
    act(&college.node, "learner.add", &learner).expect("added");
    college.node.sync(None).expect("a sync");
    let file = college.folder.path().join("b.onexbak");
    let secret = Passphrase::new("备份口令".to_owned().into()).expect("a text");
    college.node.backup(&file, Some(&secret)).expect("written");
    let values =
        [("name", "咸阳职业技术学院"), ("short_code", "13946"), ("school_code", "4161013946")];
    let mut other = COLLEGE.to_vec();
    other.retain(|(key, _)| values.iter().all(|(known, _)| known != key));
    other.extend(values);
    let other = act(&hub.node, "organisation.add", &other).expect("added");
    for (org, expected) in [(None, 1), (Some(other), 0)] {
        let home = tempfile::tempdir().expect("a folder");
        let unlocking = Unlocking { home: None, backup: Some(&secret) };
        restore(home.path(), &file, &unlocking, &Guard::File).expect("restored");
        let inviter = if org.is_some() { &hub.node } else { &college.node };
        let org = org.map(|org| inviter.find_id(Organisation::KIND, &org).expect("an id").into());
        let invited = inviter.invite(org).expect("may invite");
        let joining = Node::join(home.path(), &invited.text, "李强", clock()).expect("asks");
        inviter.device_confirm(joining.digits()).expect("the digits are the same");
        if expected == 1 {
            inviter.sync(None).expect("the hub gives the device its place");
        }
        let node = joining.wait(PATIENCE).expect("welcome");
        let learners = node.list(&Query::all(Learner::KIND)).expect("a list").total;
        assert_eq!(learners, expected);
        assert_eq!(home.path().join("store.db.restored").exists(), expected == 0);
    }
}

/// Whoever asks for it, by a screen or by a command.
#[test]
fn what_is_done_to_devices_is_in_the_audit_log() {
    let hub = hub_home();
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &id, "王芳");
    let device = college.node.me().expect("me").device;
    let role = PersonRole::Coordinator;
    college.node.role_change(device, "王芳", role, true).expect("an admin grants roles");
    let invited = hub.node.invite(None).expect("an admin invites");
    hub.node.invitation_cancel(&invited.id.to_string()).expect("it is open");
    hub.node.device_remove(device, RemovalReason::Lost).expect("a lead may");
    let signed = |home: &Home| {
        let lines = home.node.audits().expect("an admin reads it").into_iter();
        let lines = lines.filter(|line| line.entry.kind.is_empty() && line.entry.what == "sign");
        lines.map(|line| line.entry.fields.join(",")).collect::<Vec<_>>()
    };
    let at_hub = ["role.grant", "device.invite", "device.confirm", "device.invite"];
    assert_eq!(signed(&hub), [&at_hub[..], &["device.cancel", "device.remove"]].concat());
    assert_eq!(signed(&college), ["role.grant"]);
}

/// The root's ceremony and recovery keys, too: deeds that no table of actions has.
#[test]
fn what_is_done_with_root_and_recovery_keys_is_in_the_audit_log() {
    let hub = hub_home();
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &id, "王芳");
    let Me { org_id, device, .. } = college.node.me().expect("me");
    let made = college.node.recovery_new(None).expect("an admin makes it");
    college.node.sync(None).expect("it gets its place");
    college.node.as_person("李强").recovery_use(&made.code).expect("the right code");
    let folder = tempfile::tempdir().expect("a folder");
    let again = Node::join_by_recovery(folder.path(), &made.text, "李强", &Guard::File, clock());
    let again = again.expect("the key lets it in");
    let remove = |device| hub.node.device_remove(device, RemovalReason::Lost);
    remove(device).expect("a lead may");
    remove(again.me().expect("me").device).expect("a lead may");
    hub.node.organisation_reset(org_id).expect("no device of it takes part");
    hub.node.organisation_reset(OrgId([9; 16])).expect_err("there is no such organisation");
    let root = hub.node.root().expect("a root");
    let file = hub.node.root_propose(&root.keys, 1, None, None).expect("a proposal");
    hub.node.root_apply(&file).expect("its own key has signed");
    hub.node.go_on_restored().expect("a lead may");
    let ceremonies = |node: &Node| {
        let lines = node.audits().expect("an admin reads it").into_iter();
        let signed = lines.filter(|line| line.entry.what == "sign");
        let of = |line: AuditLine| (line.entry.fields.join(","), line.entry.ids[0]);
        let prefixes = ["root.", "recovery."];
        let ceremony = |it: &(String, RecordId)| prefixes.iter().any(|of| it.0.starts_with(of));
        signed.map(of).filter(ceremony).collect::<Vec<_>>()
    };
    let line = |deed: &str, id| (deed.to_owned(), RecordId(id));
    let own = hub.node.me().expect("me").device.0;
    let at_hub = [("recovery.reset", org_id.0), ("root.apply", own), ("root.go_on", own)];
    assert_eq!(ceremonies(&hub.node), at_hub.map(|(deed, id)| line(deed, id)));
    let at_college = [("recovery.new", org_id.0), ("recovery.use", device.0)];
    assert_eq!(ceremonies(&college.node), at_college.map(|(deed, id)| line(deed, id)));
    let new = again.me().expect("me").device.0;
    assert_eq!(ceremonies(&again), [line("recovery.use", new)]);
}

#[test]
fn nothing_to_do_is_one_round_trip() {
    let hub = hub_home();
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &id, "王芳");
    college.node.sync(None).expect("reached");
    let report = college.node.sync(None).expect("reached");
    let peer = &report.peers[0];
    assert!(peer.equal && peer.error.is_none(), "{peer:?}");
    assert_eq!(peer.round_trips, 1, "{peer:?}");
    assert_eq!((peer.sent.documents, peer.received.documents), (0, 0));
    assert!(peer.sent.bytes + peer.received.bytes <= 300, "{peer:?}");
}

#[test]
fn what_the_logs_hide_a_repair_brings() {
    let hub = hub_home();
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &id, "王芳");
    assert!(college.node.sync(None).expect("a sync").peers[0].equal);
    let values = [("name", "王芳"), ("duty", "coordinator"), ("phone", "13900000021")];
    act(&college.node, "contact.add", &values).expect("added");
    let values = [("name", "郝敏"), ("duty", "coordinator"), ("phone", "13900000022")];
    act(&hub.node, "contact.add", &values).expect("added");
    // Each store says that it has taken the other's log to its end.
    for (one, other) in [(&hub, &college), (&college, &hub)] {
        let end = log::end(store(other).read()).expect("readable");
        let device = other.node.me().expect("me").device;
        peers::set_taken(store(one).read(), device, end).expect("written");
    }
    let peer = college.node.sync(None).expect("a sync").peers.remove(0);
    assert!(peer.equal, "{peer:?}");
    let flows = [peer.sent, peer.received].map(|flow| (flow.documents, flow.changes));
    assert_eq!(flows, [(1, 1), (1, 1)], "one document each way, whole or in part");
    let contacts = |home: &Home| home.node.list(&Query::all(Contact::KIND)).expect("list").total;
    assert_eq!((contacts(&hub), contacts(&college)), (2, 2));
    let again = college.node.sync(None).expect("a sync").peers.remove(0);
    assert!(again.equal && again.round_trips == 1, "{again:?}");
}

/// The store of a node, as another process of its home sees it.
pub fn store(home: &Home) -> Store {
    let home = onex_node::home::Home::new(home.folder.path());
    let keys = home.keys().expect("keys");
    Store::open(&home.database(), &keys.store).expect("opens")
}

#[test]
fn a_peer_that_does_not_answer_is_said_so() {
    let hub = hub_home();
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &id, "王芳");
    hub.serving.stop().expect("stops");
    let report = college.node.sync(None).expect("a report all the same");
    assert!(!report.peers[0].reached);
    assert!(report.peers[0].error.is_some());
}

/// A college that has asked to be let in and waits for its digits to be compared.
fn asked(hub: &Home) -> (TempDir, Joining) {
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let org = hub.node.find_id(Organisation::KIND, &id).expect("an id");
    let invited = hub.node.invite(Some(org.into())).expect("an officer invites");
    let folder = tempfile::tempdir().expect("a folder");
    let joining = Node::join(folder.path(), &invited.text, "王芳", clock()).expect("asks");
    (folder, joining)
}

#[test]
fn wrong_digits_let_nobody_in() {
    let hub = hub_home();
    let (folder, joining) = asked(&hub);
    assert!(hub.node.device_confirm("1111 2222 3333 4444 5555 6666").is_err());
    assert!(joining.wait(Duration::from_millis(300)).is_err());
    assert!(!Node::exists(folder.path()));
}

/// The hub cannot let in whom a college has invited: only the inviter knows the invitation.
#[test]
fn an_invitation_names_where_the_interface_listens() {
    let hub = hub_home();
    let (_folder, joining) = asked(&hub);
    hub.node.device_confirm(joining.digits()).expect("the digits are the same");
    let college = joining.wait(PATIENCE).expect("welcome");
    assert!(matches!(college.invite(None), Err(NodeError::NotListening)));
    let touch = college.stay_in_touch().expect("a socket");
    let address = college.invite(None).expect("an admin invites").address;
    let port = touch.listen().port();
    assert_eq!(address.and_then(|at| at.rsplit_once(':')?.1.parse().ok()), Some(port));
    touch.stop().expect("stops");
    let again = college.stay_in_touch().expect("a socket");
    assert_eq!(again.listen().port(), port, "what is invited can still come");
}

#[test]
fn whoever_stays_in_touch_hears_of_changes_without_asking() {
    let hub = hub_home();
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &id, "王芳");
    let _touch = college.node.stay_in_touch().expect("a socket");
    let values = [("name", "郝敏"), ("duty", "coordinator"), ("phone", "13900000021")];
    act(&hub.node, "contact.add", &values).expect("added");
    let arrived = || college.node.list(&Query::all(Contact::KIND)).expect("list").total == 1;
    let begun = std::time::Instant::now();
    while !arrived() && begun.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    assert!(arrived(), "the hub's contact is here");
}
