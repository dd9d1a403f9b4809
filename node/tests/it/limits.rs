//! Members that break the rules, over QUIC on this machine: they are cut and turned away, and
//! everybody else is served on.

use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_node::api::Query;
use onex_node::home;
use onex_node::net::{ALPN, Connection, DeviceKey, Endpoint, NetError, Receiver, Sender};
use onex_node::store::membership;
use onex_protocol::message::{Batch, End, Hello, LogPosition, MembershipPosition, Message, Origin};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::handle::{COLLEGE, act};
use super::live::{Home, PATIENCE, hub_home, join, store};
use super::net::stranger;

const EVALUATOR: &[(&str, &str)] =
    &[("role", "evaluator"), ("name", "北京数字教育评价有限公司"), ("short_code", "P001")];

/// A hub, a college whose device is about to misbehave, and an evaluator that does not.
struct Place {
    hub: Home,
    college: Home,
    evaluator: Home,
    runtime: Runtime,
}

fn place() -> Place {
    let hub = hub_home();
    let college = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let evaluator = act(&hub.node, "organisation.add", EVALUATOR).expect("added");
    let college = join(&hub, &college, "王芳");
    let evaluator = join(&hub, &evaluator, "徐静");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Place { hub, college, evaluator, runtime: runtime.expect("a runtime") }
}

/// A connection below the protocol, and what keeps it open.
struct Raw {
    _endpoint: Endpoint,
    connection: Connection,
    sender: Sender,
    _receiver: Receiver,
}

impl Place {
    /// Calls the hub with the key of the college's device, without its program.
    fn call(&self) -> Raw {
        let keys = home::Home::new(self.college.folder.path()).keys().expect("keys");
        self.call_as(keys.device)
    }

    fn call_as(&self, seed: [u8; 32]) -> Raw {
        let mut address = self.hub.serving.listen();
        address.set_ip([127, 0, 0, 1].into());
        self.runtime.block_on(async {
            let any = "127.0.0.1:0".parse().expect("an address");
            let endpoint = Endpoint::bind(&DeviceKey::from_seed(seed), any).expect("a port");
            let connection = endpoint.connect(address, None).await.expect("an answer");
            let (sender, receiver) = connection.split().await.expect("a stream");
            Raw { _endpoint: endpoint, connection, sender, _receiver: receiver }
        })
    }

    fn say(&self, raw: &mut Raw, bytes: &[u8]) {
        self.runtime.block_on(raw.sender.send(bytes)).expect("it is taken");
    }

    /// Why the hub ended a connection.
    fn end(&self, raw: &Raw) -> String {
        let closed = async { timeout(PATIENCE, raw.connection.closed()).await };
        match self.runtime.block_on(closed).expect("it is closed in time") {
            NetError::Closed { code, reason } => format!("{code} {reason}"),
            other => other.to_string(),
        }
    }

    /// Somebody who keeps the rules is served: what he writes now arrives.
    fn others_are_served(&self) {
        let contacts = || self.hub.node.list(&Query::all(Contact::KIND)).expect("a list").total;
        let before = contacts();
        let values = [("name", "徐静"), ("duty", "coordinator"), ("phone", "13900000021")];
        act(&self.evaluator.node, "contact.add", &values).expect("added");
        let report = self.evaluator.node.sync(None).expect("a sync");
        assert!(report.peers[0].equal, "{:?}", report.peers[0]);
        assert_eq!(contacts(), before + 1);
    }
}

#[test]
fn a_bomb_shuts_a_device_out_and_nobody_else() {
    let place = place();
    let mut raw = place.call();
    place.say(&mut raw, &bomb());
    assert!(place.end(&raw).starts_with("13 "), "{}", place.end(&raw));
    let mut again = place.call();
    place.say(&mut again, &[]);
    assert_eq!(place.end(&again), "0 this device broke the rules, it may come again later");
    let report = place.college.node.sync(None).expect("a sync").peers.remove(0);
    assert!(!report.equal, "{report:?}");
    place.others_are_served();
}

/// 44 bytes that inflate to more than 1 MiB: one byte 128 KiB times, nine times (RFC 8878, 3.1.1).
fn bomb() -> Vec<u8> {
    let (magic, window_128_kib) = ([0x28, 0xb5, 0x2f, 0xfd], [0x00, 0x38]);
    let block =
        |last: u32| [&((((128 * 1024) << 3) | (1 << 1) | last).to_le_bytes())[..3], &[0]].concat();
    let blocks = [block(0).repeat(8), block(1)].concat();
    [&[1, 1][..], &magic, &window_128_kib, &blocks].concat()
}

#[test]
fn rubbish_is_forgiven_once() {
    let place = place();
    for expected in ["1 ", "1 ", "0 this device broke the rules"] {
        let mut raw = place.call();
        place.say(&mut raw, &[1, 0, 0xff]);
        assert!(place.end(&raw).starts_with(expected), "{}", place.end(&raw));
    }
    place.others_are_served();
}

#[test]
fn a_flood_delays_nobody_else() {
    let place = place();
    let membership = membership::load(store(&place.hub).read()).expect("readable");
    let membership = membership.expect("a hub has a log");
    let hello = Hello {
        network: membership.network(),
        log: LogPosition::START,
        taken: LogPosition::START,
        membership: MembershipPosition::of(&membership),
        digests: None,
    };
    let mut raw = place.call();
    place.say(&mut raw, &Message::Hello(hello).encode().bytes);
    let upto = LogPosition { position: 1, mark: [1; 8] };
    let (documents, end, origin) = (Vec::new(), End::More, Origin::Delta);
    let empty = Message::Batch(Batch { documents, upto, end, origin }).encode().bytes;
    for _ in 0..300 {
        place.say(&mut raw, &empty);
    }
    place.others_are_served();
}

#[test]
fn a_stranger_may_say_little_before_anything_else() {
    let place = place();
    let mut raw = place.call_as([77; 32]);
    place.say(&mut raw, &[1; 2000]);
    assert!(!place.end(&raw).is_empty());
    place.others_are_served();
}

#[test]
fn who_dribbles_holds_nobody_up() {
    let place = place();
    // A message that is never finished, and one that is never begun.
    let keys = home::Home::new(place.college.folder.path()).keys().expect("keys");
    let address = place.hub.serving.listen();
    let _slow = place.runtime.block_on(async {
        let connecting = stranger::connect(address, ALPN, Some(keys.device));
        let connection = connecting.await.expect("an answer");
        let (mut send, receive) = connection.open_bi().await.expect("a stream");
        let begun = [&900_u32.to_le_bytes()[..], &[1, 0, 0x82]].concat();
        send.write_all(&begun).await.expect("it is taken");
        (connection, send, receive)
    });
    let _silent = place.call_as([78; 32]);
    place.others_are_served();
}

#[test]
fn strangers_who_only_shake_hands_leave_room_for_members() {
    let place = place();
    let half_open: Vec<_> = (100..108).map(|seed| place.call_as([seed; 32])).collect();
    place.others_are_served();
    drop(half_open);
}
