//! Nodes that meet over QUIC: a removed device, a restored hub, a rotation of the root.

use std::net::SocketAddr;

use onex_crdt::field::time::Moment;
use onex_crdt::ids::RecordId;
use onex_crdt::records::membership::ROLE_GRANT;
use onex_crdt::registry;
use onex_crdt::value::Value;
use onex_protocol::machine::{Effect, Report};
use onex_protocol::statement::{Frontier, RemovalReason, Statement};
use tempfile::TempDir;

use super::*;
use crate::api::Closed;
use crate::clock::Clock;
use crate::handle::Founding;
use crate::home::Guard;
use crate::store::log;

const PATIENCE: Duration = Duration::from_secs(30);

struct Province {
    _folder: TempDir,
    hub: Node,
    second: Node,
    serving: Serving,
}

fn clock() -> Clock {
    Clock::story(Moment::parse("2026-04-20T09:41:00+08:00").expect("a moment"))
}

fn listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// The hub with two devices; the second one joined by a code.
fn province() -> Province {
    let folder = tempfile::tempdir().expect("a folder");
    let founding = Founding {
        name: "某省项目办".to_owned(),
        region: "610000".to_owned(),
        person: "郝敏".to_owned(),
    };
    let hub = Node::found(&folder.path().join("hub-1"), &founding, clock()).expect("founded");
    let serving = hub.serve(listen()).expect("a free port");
    let invited = hub.invite(None).expect("an admin invites");
    let address = invited.address.expect("it serves");
    let home = folder.path().join("hub-2");
    let joining = Node::join_by_code(&home, &invited.code, &address, "孙涛", &Guard::File, clock());
    let joining = joining.expect("the code is good");
    hub.device_confirm(joining.digits()).expect("the same digits");
    let second = joining.wait(PATIENCE).expect("welcome");
    Province { _folder: folder, hub, second, serving }
}

fn grant(node: &Node, device: DeviceId, role: &str) -> Result<(), NodeError> {
    let text = |text: String| Some(Value::Text(text));
    let given = [
        ("device".to_owned(), text(device.to_string())),
        ("person".to_owned(), text("孙涛".to_owned())),
        ("role".to_owned(), text(role.to_owned())),
    ];
    node.act(&ROLE_GRANT, &[], &given.into()).map(drop)
}

fn state(node: &Node, statements: Vec<Statement>) {
    let mut writer = node.writer().expect("a writer");
    let who = node.who(&writer).expect("a member");
    writer.state(&who, statements, |_| Ok(())).expect("the log allows it");
}

fn me(node: &Node) -> crate::api::Me {
    node.me().expect("me")
}

#[test]
fn a_removed_device_hears_that_it_was_removed() {
    let Province { hub, second, _folder, serving } = province();
    let device = me(&second).device;
    let reason = RemovalReason::Lost;
    let remove = Statement::RemoveDevice { device, reason, frontier: Frontier::default() };
    state(&hub, vec![remove]);
    assert!(me(&second).device_active, "nobody has told it yet");
    let report = second.sync(None).expect("a report");
    assert_eq!(report.peers[0].closed, Some(Closed::Removed), "told so, not by silence");
    assert!(!me(&second).device_active);
    assert_eq!(me(&second).org_name, me(&hub).org_name, "what is here stays readable");
    serving.stop().expect("stops");
}

#[test]
fn a_restored_hub_gives_no_place_before_it_has_heard_from_the_others() {
    let Province { hub, second, _folder, serving } = province();
    let device = me(&second).device;
    let restore = || {
        let writer = hub.writer().expect("a writer");
        crate::store::set_restored(writer.store.read(), true).expect("marked");
    };
    restore();
    assert!(matches!(grant(&hub, device, "officer"), Err(NodeError::NotCaughtUp)));
    second.sync(None).expect("reached");
    grant(&hub, device, "officer").expect("the other device of the hub was heard");
    restore();
    assert!(matches!(hub.as_person("孙涛").go_on_restored(), Err(NodeError::NotLead)));
    hub.go_on_restored().expect("a lead goes on");
    grant(&hub, device, "lead").expect("places again");
    serving.stop().expect("stops");
}

#[test]
fn the_root_moves_the_sequencer_and_cuts_the_log_back() {
    let Province { hub, second, _folder, serving } = province();
    let device = me(&second).device;
    grant(&hub, device, "lead").expect("granted");
    second.sync(None).expect("reached");
    let before = second.root().expect("a root");
    // A thief has the first device and grants himself a role; the keepers meet at the second one.
    grant(&hub, device, "officer").expect("the thief says so");
    let file = second.root_propose(&[hub_key(&hub)], 1, None, Some(before.position));
    let file = file.expect("a good proposal");
    let refused = second.root_apply(&file);
    assert!(matches!(
        refused,
        Err(NodeError::Root(crate::rooting::RootRefusal::Signed { version: 1, found: 0, .. }))
    ));
    let mut rotation = onex_protocol::root::RotationFile::from_text(&file).expect("its own file");
    let key = onex_protocol::key::SigningKey::from_seed(&hub.shared.keys.device);
    rotation.rotation.sign(rotation.network, &key);
    let root = second.root_apply(&rotation.to_text()).expect("signed by the old root");
    assert_eq!((root.version, root.sequencer), (2, device));
    second.sync(None).expect("reached");
    second.sync(None).expect("reached");
    let root = second.root().expect("a root");
    assert_eq!(hub.root().expect("a root"), root, "the first device follows");
    assert_eq!((root.version, root.sequencer), (2, device));
    let persons = |node: &Node| {
        let devices = node.devices().expect("devices").into_iter();
        devices.map(|row| (row.id, row.persons)).collect::<Vec<_>>()
    };
    assert_eq!(persons(&hub), persons(&second));
    // What the first device had said it proposes anew: it is a member until somebody removes it.
    // Its proposal waits for its own next call, unless the caller has stayed long enough.
    let writer = hub.writer().expect("a writer");
    let waiting = crate::store::membership::proposals(writer.store.read()).expect("proposals");
    drop(writer);
    assert_eq!(root.position + waiting.len() as u64, before.position + 2);
    let again = Node::open(hub.home(), clock()).expect("opens");
    assert_eq!(again.root().expect("a root"), root, "the store follows");
    serving.stop().expect("stops");
}

/// Whatever a peer acknowledges: what was too large to be sent it has only when both hold the same.
#[test]
fn what_was_too_large_to_be_sent_stays_unsent_until_both_are_equal() {
    let Province { hub, second, _folder, serving } = province();
    second.sync(None).expect("reached");
    let unsent = |node: &Node| node.status().expect("status").unsent.changes;
    assert_eq!(unsent(&hub), 0);
    serving.stop().expect("stops");
    let action = registry::action("contact.add").expect("there is one");
    let values = [("name", "王芳"), ("duty", "coordinator"), ("phone", "13900000021")];
    let read = |(key, text): (&str, &str)| {
        (key.to_owned(), action.read(key, text).expect("the value is right"))
    };
    hub.act(action, &[], &values.into_iter().map(read).collect()).expect("added");
    let (own, _, mut seen) = storing::standing(&hub).expect("a member");
    let upto = log::end(hub.reader().read()).expect("readable");
    let headers = hub.document_states().expect("states");
    let of_contacts = headers.iter().find(|(header, _)| header.kind == "organisation");
    let documents = vec![of_contacts.expect("the contact is in it").0.id()];
    let device = me(&second).device;
    let mut store = |effect| {
        assert!(storing::store(&hub, own, effect, &mut seen).expect("stored").is_empty());
    };
    let acknowledged =
        || Effect::Acknowledged { device, upto, opened: Vec::new(), closed: vec![documents[0]] };
    store(Effect::Withheld { device, documents: documents.clone() });
    store(acknowledged());
    assert_eq!(unsent(&hub), 1, "its place in the log says nothing of that");
    for (equal, expected) in [(false, 1), (true, 0)] {
        let report = Report { equal, ..Report::default() };
        storing::finished(&hub, device, &report).expect("noted");
        store(acknowledged());
        assert_eq!(unsent(&hub), expected, "equal: {equal}");
    }
}

fn hub_key(hub: &Node) -> String {
    hub.root().expect("a root").keys[0].clone()
}

#[test]
fn a_record_id_names_an_invitation_by_its_secret() {
    let Province { hub, _folder, .. } = province();
    let invited = hub.invite_offline(None).expect("an admin invites");
    let open = hub.invitations().expect("invitations");
    assert_eq!(open.len(), 1, "the used one is gone");
    assert_eq!((open[0].id, &open[0].code), (invited.id, &invited.code));
    assert_ne!(open[0].id, RecordId([0; 16]));
}
