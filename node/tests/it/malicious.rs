//! Callers that mean harm, against nodes that serve (trust M1): impostors, used and intercepted
//! invitations, foreign protocols, floods, garbage. Each is refused in words, and whoever belongs
//! there is served meanwhile.
//!
//! Callers that say nothing are in `simnet/silent`, where waiting costs no time.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

use onex_node::net::{Connection, DeviceKey, Endpoint, NetError, Receiver, Sender};
use onex_node::{Node, NodeError};
use onex_protocol::enrolment::{Invitation, join_proof};
use onex_protocol::key::{PublicKey, SigningKey};
use onex_protocol::message::{Join, Message};

use crate::handle::{COLLEGE, act, clock, hub};
use crate::live::{Home, PATIENCE, hub_home, join};
use crate::net::stranger;

mod flood;

const LOOPBACK: &str = "127.0.0.1:0";
/// The label of the value that a join proof is bound to.
const JOIN_LABEL: &[u8] = b"EXPORTER-onex-join";
/// The attacker's device key.
const MALLORY: [u8; 32] = [0x66; 32];

/// A hub and a college that belongs there.
fn province() -> (Home, Home) {
    let hub = hub_home();
    let id = act(&hub.node, "organisation.add", COLLEGE).expect("added");
    let college = join(&hub, &id, "王芳");
    (hub, college)
}

/// An honest member is served.
fn check_served(college: &Node) {
    let report = college.sync(None).expect("the store works");
    let peer = &report.peers[0];
    assert!(peer.reached && peer.equal, "{:?}", peer.error);
}

#[test]
fn an_impostor_at_the_hubs_address_hears_nothing() {
    let (home, college) = province();
    let address = home.serving.listen();
    home.serving.stop().expect("stops");
    let folder = tempfile::tempdir().expect("a folder");
    let impostor = hub(folder.path());
    let (told, heard) = std::sync::mpsc::channel();
    impostor.tap(move |_, way, bytes| drop(told.send((way, bytes.to_vec()))));
    let serving = impostor.serve(address).expect("the port is free");
    let report = college.node.sync(None).expect("a report all the same");
    let peer = &report.peers[0];
    let error = peer.error.clone().unwrap_or_default();
    assert!(!peer.reached && error.contains("has the key"), "{peer:?}");
    serving.stop().expect("stops");
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), []);
    let _serving = home.node.serve(address).expect("the port is free");
    check_served(&college.node);
}

#[test]
fn an_invitation_lets_one_device_in() {
    let (hub, college) = province();
    let invited = hub.node.invite(None).expect("an admin invites");
    let _second = joined(&hub, &invited.text);
    let folder = tempfile::tempdir().expect("a folder");
    let again = Node::join(folder.path(), &invited.text, "孙涛", clock());
    let error = again.err().expect("the invitation was used").to_string();
    assert!(error.contains("was used already"), "{error}");
    assert!(!Node::exists(folder.path()));
    assert!(hub.node.asking().expect("asking").is_empty());
    check_served(&college.node);
}

#[test]
fn a_recorded_proof_is_good_on_no_other_connection() {
    const TRIES: usize = 5;
    let (hub, college) = province();
    let invited = hub.node.invite(None).expect("an admin invites");
    let invitation = Invitation::from_text(&invited.text).expect("an invitation");
    let address = hub.serving.listen();
    let victim = SigningKey::from_seed(&[0x11; 32]).public();
    run(async {
        let endpoint = bound([0x11; 32]);
        let (connection, _, _) = called(&endpoint, address).await;
        let recorded = proof(&invitation, &connection, victim);
        // With the victim's key or one's own, on another connection it proves nothing.
        for (seed, expected) in [([0x11; 32], "does not fit"), (MALLORY, "not expected")] {
            let refusal = refused(&bound(seed), address, recorded.clone()).await;
            assert!(refusal.contains(expected), "{refusal}");
        }
        let guess =
            Join { proof: [7; 32], key: SigningKey::from_seed(&MALLORY).public(), ..recorded };
        for _ in 0..TRIES {
            let refusal = refused(&bound(MALLORY), address, guess.clone()).await;
            assert!(refusal.contains("does not fit"), "{refusal}");
        }
    });
    assert!(hub.node.asking().expect("asking").is_empty());
    // Whoever guesses uses the tries up, and with them the invitation, for everybody.
    let folder = tempfile::tempdir().expect("a folder");
    let honest = Node::join(folder.path(), &invited.text, "孙涛", clock());
    assert!(honest.err().expect("no tries are left").to_string().contains("does not fit"));
    check_served(&college.node);
}

#[test]
fn whoever_stands_between_does_not_know_the_secret() {
    let (hub, college) = province();
    let invited = hub.node.invite(None).expect("an admin invites");
    let address = hub.serving.listen();
    let relay = Relay::start(&invited.text, address);
    let folder = tempfile::tempdir().expect("a folder");
    let joining = Node::join(folder.path(), &relay.invitation, "孙涛", clock());
    assert!(matches!(joining.err(), Some(NodeError::NotTheInviter)), "it knows no secret");
    assert!(!Node::exists(folder.path()));
    relay.over.send(()).expect("the relay waits");
    relay.thread.join().expect("the relay plays on").expect("the relay plays on");
    check_served(&college.node);
}

#[test]
fn a_relay_that_only_passes_on_is_refused() {
    let (hub, college) = province();
    let invited = hub.node.invite(None).expect("an admin invites");
    let invitation = Invitation::from_text(&invited.text).expect("an invitation");
    let address = hub.serving.listen();
    run(async {
        let (victim, relay) = (bound([0x11; 32]), bound(MALLORY));
        let calling = called(&victim, relay.local_addr());
        let answering = async {
            let incoming = relay.accept().await.expect("the relay listens");
            incoming.finish().await.expect("the victim has a key")
        };
        let ((connection, mut sender, _receiver), there) = tokio::join!(calling, answering);
        let key = SigningKey::from_seed(&[0x11; 32]).public();
        let join = proof(&invitation, &connection, key);
        sender.send(&Message::Join(join).encode().bytes).await.expect("sent");
        let (_, mut heard) = there.split().await.expect("the victim speaks");
        let bytes = heard.receive().await.expect("a message").expect("a message");
        let Ok((Message::Join(passed_on), _)) = Message::decode(&bytes) else {
            panic!("the victim asks to join");
        };
        let refusal = refused(&relay, address, passed_on).await;
        assert!(refusal.contains("not expected"), "{refusal}");
    });
    assert!(hub.node.asking().expect("asking").is_empty());
    // The victim, who pins the hub's key, would not even have called the relay.
    let error = run(async {
        let relay = bound(MALLORY);
        let hub_key = Some(invitation.addresses[0].1.0);
        let address = relay.local_addr();
        let accepting = async { relay.accept().await.expect("listens").finish().await };
        let victim = bound([0x11; 32]);
        let (called, _) = tokio::join!(victim.connect(address, hub_key), accepting);
        called.expect_err("another key")
    });
    assert!(matches!(error, NetError::WrongPeer { .. }), "{error:?}");
    check_served(&college.node);
}

#[test]
fn other_protocols_are_refused() {
    /// QUIC's code for TLS's alert 120, `no_application_protocol` (RFC 9001, 4.8).
    const NO_APPLICATION_PROTOCOL: u64 = 0x100 + 120;
    let (hub, college) = province();
    let address = hub.serving.listen();
    for alpn in ["", "onex/0", "onex/2", "onex", "h3", "hq-29"] {
        let connected = run(stranger::connect(address, alpn.as_bytes(), Some(MALLORY)));
        match connected {
            Err(quinn::ConnectionError::ConnectionClosed(close)) => {
                assert_eq!(u64::from(close.error_code), NO_APPLICATION_PROTOCOL, "{alpn}");
            }
            other => panic!("{alpn}: {other:?}"),
        }
    }
    check_served(&college.node);
}

#[test]
fn a_stranger_with_a_key_is_told_nothing() {
    let (hub, college) = province();
    let address = hub.serving.listen();
    let invitation = hub.node.invite(None).expect("an admin invites");
    let invitation = Invitation::from_text(&invitation.text).expect("an invitation");
    run(async {
        let endpoint = bound(MALLORY);
        let want = Message::Want { from: 0 };
        let unknown = Message::Join(Join {
            invitation: onex_protocol::enrolment::InvitationId([9; 16]),
            proof: [0; 32],
            key: SigningKey::from_seed(&MALLORY).public(),
            person: "孙涛".to_owned(),
        });
        let nonsense = vec![1, 0, 0xff, 0xff];
        for bytes in [want.encode().bytes, unknown.encode().bytes, nonsense, vec![0; 1000]] {
            let (_connection, mut sender, mut receiver) = called(&endpoint, address).await;
            sender.send(&bytes).await.expect("sent");
            let (told, _) = told(&mut receiver).await;
            let network = invitation.network.as_bytes();
            assert!(!told.windows(network.len()).any(|window| window == network), "{bytes:?}");
        }
    });
    check_served(&college.node);
}

/// Lets a second device of the hub in.
fn joined(hub: &Home, invitation: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let joining = Node::join(folder.path(), invitation, "孙涛", clock()).expect("asks");
    hub.node.device_confirm(joining.digits()).expect("the digits are the same");
    joining.wait(PATIENCE).expect("welcome");
    assert!(Node::exists(Path::new(folder.path())));
    folder
}

/// Who took an invitation away, put his own address and key into it, and sits between.
struct Relay {
    invitation: String,
    over: tokio::sync::oneshot::Sender<()>,
    thread: std::thread::JoinHandle<Result<(), NetError>>,
}

impl Relay {
    fn start(invitation: &str, hub: SocketAddr) -> Relay {
        let taken = Invitation::from_text(invitation).expect("an invitation");
        let key = SigningKey::from_seed(&MALLORY).public();
        let (ready, listens) = std::sync::mpsc::channel();
        let (over, ended) = tokio::sync::oneshot::channel();
        let mut changed = taken.clone();
        let thread = std::thread::spawn(move || {
            run(async {
                let endpoint = bound(MALLORY);
                ready.send(endpoint.local_addr()).expect("the test waits");
                relay(&endpoint, &taken, hub, ended).await
            })
        });
        let address = listens.recv().expect("the relay listens").to_string();
        changed.addresses = vec![(key.device(), key, address)];
        Relay { invitation: changed.to_text(), over, thread }
    }
}

/// Asks the hub in the victim's place, with the secret, and tells the victim to wait.
async fn relay(
    endpoint: &Endpoint,
    invitation: &Invitation,
    hub: SocketAddr,
    over: tokio::sync::oneshot::Receiver<()>,
) -> Result<(), NetError> {
    let victim = endpoint.accept().await.expect("the victim calls").finish().await?;
    let (mut answer, mut heard) = victim.split().await?;
    heard.receive().await?;
    let own = SigningKey::from_seed(&MALLORY).public();
    let (connection, mut sender, mut receiver) = called(endpoint, hub).await;
    let join = proof(invitation, &connection, own);
    sender.send(&Message::Join(join).encode().bytes).await?;
    let pending = receiver.receive().await?.expect("the hub answers");
    assert!(matches!(Message::decode(&pending), Ok((Message::Pending { .. }, _))));
    answer.send(&Message::Pending { inviter_key: own, proof: [0; 32] }.encode().bytes).await?;
    // Both connections stand while people compare the digits.
    let _ = over.await;
    Ok(())
}

/// A proof for one connection, in the name of a key.
fn proof(invitation: &Invitation, connection: &Connection, key: PublicKey) -> Join {
    let exporter = connection.exporter(JOIN_LABEL, b"").expect("a session");
    let proof = join_proof(&invitation.secret, &exporter, &key);
    Join { invitation: invitation.id, proof, key, person: "孙涛".to_owned() }
}

/// Asks to join and returns how that is refused.
async fn refused(endpoint: &Endpoint, hub: SocketAddr, join: Join) -> String {
    let (_connection, mut sender, mut receiver) = called(endpoint, hub).await;
    sender.send(&Message::Join(join).encode().bytes).await.expect("sent");
    let (_, reason) = told(&mut receiver).await;
    reason.expect("it is refused in words")
}

/// Everything that is said until the connection ends, and the reason that is given.
async fn told(receiver: &mut Receiver) -> (Vec<u8>, Option<String>) {
    let (mut all, mut reason) = (Vec::new(), None);
    loop {
        match receiver.receive().await {
            Ok(Some(bytes)) => {
                if let Ok((Message::Close { reason: given, .. }, _)) = Message::decode(&bytes) {
                    reason = Some(given);
                }
                all.extend(bytes);
            }
            Err(NetError::Closed { reason: given, .. }) => return (all, reason.or(Some(given))),
            Ok(None) | Err(_) => return (all, reason),
        }
    }
}

async fn called(endpoint: &Endpoint, address: SocketAddr) -> (Connection, Sender, Receiver) {
    let connection = endpoint.connect(address, None).await.expect("somebody listens");
    let (sender, receiver) = connection.split().await.expect("the connection stands");
    (connection, sender, receiver)
}

fn bound(seed: [u8; 32]) -> Endpoint {
    let address = LOOPBACK.parse().expect("an address");
    Endpoint::bind(&DeviceKey::from_seed(seed), address).expect("a free port")
}

fn run<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(what)
}

/// A socket that is nobody's peer, on another address of this machine where there is one.
fn outside() -> UdpSocket {
    UdpSocket::bind("127.9.9.9:0").or_else(|_| UdpSocket::bind(LOOPBACK)).expect("a free port")
}
