//! Two endpoints on loopback: keys, messages, ends and refusals. No message has a meaning here.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use onex_node::net::{
    ALPN, Connection, DeviceKey, Endpoint, FRAME_BYTES_MAX, FRAME_HEADER_BYTES,
    FRAME_PAYLOAD_BYTES_MAX, FrameError, MESSAGE_BYTES_MAX, NetError,
};
use tokio::task::JoinSet;

pub mod stranger;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[tokio::test]
async fn messages_of_every_size_pass_both_ways() {
    async fn check(length: usize, bytes_expected: u64) {
        let (_endpoints, caller, called) = pair().await;
        let message: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        let there = async {
            let (mut sender, mut receiver) = caller.split().await.expect("the test sets it up");
            assert_eq!(
                sender.send(&message).await.expect("the test sets it up"),
                bytes_expected,
                "{length}"
            );
            assert_eq!(
                receiver.receive().await.expect("the test sets it up").as_ref(),
                Some(&message),
                "{length}"
            );
            sender.finish().await.expect("the test sets it up");
            assert_eq!(receiver.receive().await.expect("the test sets it up"), None, "{length}");
        };
        let back = async {
            let (mut sender, mut receiver) = called.split().await.expect("the test sets it up");
            assert_eq!(
                receiver.receive().await.expect("the test sets it up").as_ref(),
                Some(&message),
                "{length}"
            );
            assert_eq!(
                sender.send(&message).await.expect("the test sets it up"),
                bytes_expected,
                "{length}"
            );
            assert_eq!(receiver.receive().await.expect("the test sets it up"), None, "{length}");
            sender.finish().await.expect("the test sets it up");
        };
        tokio::join!(there, back);
    }
    let kib_64 = 64 * 1024;
    check(0, 4).await;
    check(1, 5).await;
    check(FRAME_PAYLOAD_BYTES_MAX, FRAME_BYTES_MAX as u64).await;
    check(kib_64 - 1, 64 * 1024 - 1 + 8).await;
    check(kib_64, 64 * 1024 + 8).await;
    check(kib_64 + 1, 64 * 1024 + 1 + 8).await;
    check(1024 * 1024, 1024 * 1024 + 17 * FRAME_HEADER_BYTES as u64).await;
    check(MESSAGE_BYTES_MAX, (MESSAGE_BYTES_MAX + 17 * FRAME_HEADER_BYTES) as u64).await;
}

#[tokio::test]
async fn messages_keep_their_order_and_bounds() {
    let (_endpoints, caller, called) = pair().await;
    let lengths = [0, 1, 0, 70_000, 3, 0];
    let send = async {
        let (mut sender, _receiver) = caller.split().await.expect("the test sets it up");
        for length in lengths {
            sender.send(&vec![7; length]).await.expect("the test sets it up");
        }
        sender.finish().await.expect("the test sets it up");
    };
    let receive = async {
        let (_sender, mut receiver) = called.split().await.expect("the test sets it up");
        for length in lengths {
            assert_eq!(
                receiver.receive().await.expect("the test sets it up"),
                Some(vec![7; length])
            );
        }
        assert_eq!(receiver.receive().await.expect("the test sets it up"), None);
    };
    tokio::join!(send, receive);
}

#[tokio::test]
async fn a_message_too_long_is_not_sent() {
    let (_endpoints, caller, called) = pair().await;
    let (mut sender, _receiver) = caller.split().await.expect("the test sets it up");
    let length = MESSAGE_BYTES_MAX + 1;
    let error = sender.send(&vec![0; length]).await.unwrap_err();
    assert!(
        matches!(error, NetError::Frame(FrameError::MessageTooLong { length: l }) if l == length)
    );
    sender.send(b"short").await.expect("the test sets it up");
    let (_sender, mut receiver) = called.split().await.expect("the test sets it up");
    assert_eq!(
        receiver.receive().await.expect("the test sets it up").as_deref(),
        Some(&b"short"[..])
    );
}

#[tokio::test]
async fn each_side_sees_the_key_and_address_of_the_other() {
    let (endpoints, caller, called) = pair().await;
    assert_eq!(caller.peer_key(), dalek_public_key(2));
    assert_eq!(called.peer_key(), dalek_public_key(1));
    assert_eq!(caller.peer_address(), endpoints[1].local_addr());
    assert_eq!(called.peer_address(), endpoints[0].local_addr());
}

#[tokio::test]
async fn any_server_key_will_do_when_none_is_expected() {
    let (client, server) = (endpoint(1), endpoint(2));
    let (caller, _called) = tokio::join!(client.connect(server.local_addr(), None), next(&server));
    assert_eq!(caller.expect("the test sets it up").peer_key(), dalek_public_key(2));
}

#[tokio::test]
async fn another_key_than_expected_ends_the_handshake() {
    let (client, server) = (endpoint(1), endpoint(2));
    let address = server.local_addr();
    let expected = dalek_public_key(3);
    let accepting = async { server.accept().await.expect("the test sets it up").finish().await };
    let (caller, called) = tokio::join!(client.connect(address, Some(expected)), accepting);
    let error = caller.unwrap_err();
    let found = dalek_public_key(2);
    assert_eq!(
        error.to_string(),
        format!("{address} has the key {}, expected {}", hex(&found), hex(&expected))
    );
    assert!(matches!(error, NetError::WrongPeer { .. }), "{error:?}");
    let client_address = client.local_addr();
    assert!(matches!(
        called, Err(NetError::Handshake { address, .. }) if address == client_address
    ));
}

#[tokio::test]
async fn exporters_agree_within_a_connection_only() {
    let (_endpoints, caller, called) = pair().await;
    let (_other_endpoints, other, _other_called) = pair().await;
    let secret = caller.exporter(b"onex enrolment", b"invite 1").expect("the test sets it up");
    assert_eq!(
        called.exporter(b"onex enrolment", b"invite 1").expect("the test sets it up"),
        secret
    );
    assert_ne!(
        caller.exporter(b"onex enrolment", b"invite 2").expect("the test sets it up"),
        secret
    );
    assert_ne!(caller.exporter(b"onex other", b"invite 1").expect("the test sets it up"), secret);
    assert_ne!(
        other.exporter(b"onex enrolment", b"invite 1").expect("the test sets it up"),
        secret
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_listening_is_said_so() {
    let closed = std::net::UdpSocket::bind(LOOPBACK).expect("the test sets it up");
    let address = closed.local_addr().expect("the test sets it up");
    let error = endpoint(1).connect(address, None).await.unwrap_err();
    assert_eq!(error.to_string(), format!("no answer from {address} within 10 s"));
}

#[tokio::test]
async fn an_address_of_another_family_is_refused_at_once() {
    let address: SocketAddr = "[::1]:9".parse().expect("the test sets it up");
    let error = endpoint(1).connect(address, None).await.unwrap_err();
    assert!(matches!(error, NetError::Start { address: a, .. } if a == address), "{error:?}");
}

#[tokio::test]
async fn an_address_in_use_cannot_be_bound() {
    let first = endpoint(1);
    let address = first.local_addr();
    assert_ne!(address.port(), 0);
    let error = Endpoint::bind(&key(2), address).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}

#[tokio::test]
async fn the_reason_of_a_close_reaches_the_other_side() {
    let (_endpoints, caller, called) = pair().await;
    let (mut sender, mut receiver) = caller.split().await.expect("the test sets it up");
    sender.send(b"hello").await.expect("the test sets it up");
    let (_sender, mut called_receiver) = called.split().await.expect("the test sets it up");
    called_receiver.receive().await.expect("the test sets it up");
    called.close(7, "未登记的设备\u{7}");
    check_closed(receiver.receive().await.unwrap_err(), 7, "未登记的设备 ");
    check_closed(caller.closed().await, 7, "未登记的设备 ");
    check_closed(sender.send(b"more").await.unwrap_err(), 7, "未登记的设备 ");
    assert!(matches!(called_receiver.receive().await, Err(NetError::ClosedHere)));
}

#[tokio::test]
async fn closing_the_endpoint_tells_every_peer_and_stops_accepting() {
    let ([_client, server], caller, _called) = pair().await;
    let closing = async {
        server.close("maintenance");
        server.wait_closed().await;
    };
    let (error, ()) = tokio::join!(caller.closed(), closing);
    check_closed(error, 0, "maintenance");
    assert!(server.accept().await.is_none());
    let address = LOOPBACK;
    assert!(matches!(server.connect(address, None).await, Err(NetError::Start { .. })));
}

#[tokio::test]
async fn a_caller_that_opens_no_stream_is_not_waited_for() {
    let (_endpoints, caller, called) = pair().await;
    tokio::time::pause();
    let _unused = caller.split().await.expect("the test sets it up");
    assert!(matches!(called.split().await, Err(NetError::Silent)));
}

#[tokio::test]
async fn an_abandoned_stream_is_noticed_by_the_sender() {
    let (_endpoints, caller, called) = pair().await;
    let (mut sender, receiver) = caller.split().await.expect("the test sets it up");
    sender.send(b"hello").await.expect("the test sets it up");
    let (mut called_sender, _called_receiver) = called.split().await.expect("the test sets it up");
    drop(receiver);
    called_sender.send(&vec![0; MESSAGE_BYTES_MAX]).await.unwrap_err();
    assert!(matches!(called_sender.finish().await, Err(NetError::StreamGivenUp { code: 0 })));
}

#[tokio::test]
async fn many_callers_at_once_must_prove_their_address() {
    const BEFORE_RETRY: usize = 64;
    let (client, server) = (Arc::new(endpoint(1)), endpoint(2));
    let address = server.local_addr();
    let mut callers = JoinSet::new();
    for _ in 0..BEFORE_RETRY + 2 {
        let client = client.clone();
        callers.spawn(async move { client.connect(address, None).await });
    }
    let mut held = Vec::new();
    for index in 0..BEFORE_RETRY + 2 {
        let incoming = server.accept().await.expect("the test sets it up");
        assert_eq!(incoming.address_validated(), index >= BEFORE_RETRY, "caller {index}");
        held.push(incoming);
    }
    let mut finishing = JoinSet::new();
    held.into_iter().for_each(|incoming| drop(finishing.spawn(incoming.finish())));
    let (called, callers) = tokio::join!(finishing.join_all(), callers.join_all());
    assert!(called.into_iter().all(|result| result.is_ok()));
    assert!(callers.into_iter().all(|result| result.is_ok()));
}

#[tokio::test]
async fn a_dropped_caller_is_refused() {
    let (client, server) = (endpoint(1), endpoint(2));
    let dropping = async { drop(server.accept().await) };
    let (result, ()) = tokio::join!(client.connect(server.local_addr(), None), dropping);
    assert!(matches!(result, Err(NetError::Handshake { .. })), "{result:?}");
}

#[tokio::test]
async fn only_a_client_of_this_protocol_with_a_key_gets_in() {
    async fn check(alpn: &[u8], seed: Option<[u8; 32]>, key_expected: Option<[u8; 32]>) {
        let server = endpoint(2);
        let connecting = stranger::connect(server.local_addr(), alpn, seed);
        let accepting =
            async { server.accept().await.expect("the test sets it up").finish().await };
        let (_connection, called) = tokio::join!(connecting, accepting);
        match key_expected {
            Some(key) => assert_eq!(called.expect("the test sets it up").peer_key(), key),
            None => assert!(matches!(called, Err(NetError::Handshake { .. })), "{called:?}"),
        }
    }
    check(ALPN, Some([3; 32]), Some(dalek_public_key(3))).await;
    check(ALPN, None, None).await;
    check(b"h3", Some([3; 32]), None).await;
    check(b"onex/2", Some([3; 32]), None).await;
}

#[tokio::test]
async fn broken_framing_is_reported_and_goes_no_further() {
    async fn check(bytes: &[u8], expected: FrameError) {
        let server = endpoint(2);
        let connecting = stranger::connect(server.local_addr(), ALPN, Some([3; 32]));
        let (connection, called) = tokio::join!(connecting, next(&server));
        let connection = connection.expect("the test sets it up");
        let (mut send, _receive) = connection.open_bi().await.expect("the test sets it up");
        send.write_all(bytes).await.expect("the test sets it up");
        send.finish().expect("the test sets it up");
        let (_sender, mut receiver) = called.split().await.expect("the test sets it up");
        match receiver.receive().await {
            Err(NetError::Frame(error)) => assert_eq!(error, expected, "{bytes:?}"),
            other => panic!("{bytes:?}: {other:?}"),
        }
    }
    check(&[5, 0, 0], FrameError::Truncated).await;
    check(&[5, 0, 0, 0, 1, 2, 3, 4], FrameError::Truncated).await;
    check(&[0, 0, 0, 0x80], FrameError::ShortFrame { length: 0 }).await;
    check(&[0, 0, 1, 0], FrameError::FrameTooLong { length: 65_536 }).await;
}

/// Returns the endpoints of devices 1 and 2, and a connection that 1 made to 2, seen by each.
async fn pair() -> ([Endpoint; 2], Connection, Connection) {
    let (client, server) = (endpoint(1), endpoint(2));
    let connecting = client.connect(server.local_addr(), Some(dalek_public_key(2)));
    let (caller, called) = tokio::join!(connecting, next(&server));
    ([client, server], caller.expect("the test sets it up"), called)
}

async fn next(server: &Endpoint) -> Connection {
    server.accept().await.expect("the test sets it up").finish().await.expect("the test sets it up")
}

fn endpoint(device: u8) -> Endpoint {
    Endpoint::bind(&key(device), LOOPBACK).expect("the test sets it up")
}

fn key(device: u8) -> DeviceKey {
    DeviceKey::from_seed([device; 32])
}

/// The public key of a device, computed by the library that the seals use.
fn dalek_public_key(device: u8) -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(&[device; 32]).verifying_key().to_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_closed(error: NetError, code_expected: u64, reason_expected: &str) {
    match error {
        NetError::Closed { code, reason } => {
            assert_eq!((code, reason.as_str()), (code_expected, reason_expected));
        }
        other => panic!("{other:?}"),
    }
}
