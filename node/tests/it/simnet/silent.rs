//! Callers that hold a connection and say nothing (trust M1), under virtual time: each is let go
//! with a reason, few are held at once, and members are served meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;

use onex_node::net::ALPN;
use quinn::{Connection, ConnectionError, EndpointConfig};

use super::network::{Line, Network, SLOW};
use super::nodes::Pair;
use super::play;
use crate::net::stranger;

/// Callers that are held at once while they have not shown who they are.
const STRANGERS_MAX: usize = 32;
/// Callers beyond these.
const TOO_MANY: usize = 8;

/// What a caller does before it falls silent.
#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    /// Half the header of a frame.
    HalfAFrame,
}

/// Calls a node that serves, as a device that nobody knows.
async fn call(network: &Arc<Network>, at: SocketAddr, number: u8, says: Says) -> Connection {
    let ground = network.ground(SocketAddr::from(([10, 0, 9, number], 4433)));
    let (config, socket) = (EndpointConfig::default(), ground.socket);
    let endpoint = quinn::Endpoint::new_with_abstract_socket(config, None, socket, ground.runtime);
    let endpoint = endpoint.expect("it has an address");
    let connection = stranger::connect_from(&endpoint, at, ALPN, Some([number; 32])).await;
    let connection = connection.expect("it has a key");
    if let Says::HalfAFrame = says {
        let (mut send, receive) = connection.open_bi().await.expect("the connection stands");
        send.write_all(&[100, 0]).await.expect("the connection stands");
        tokio::task::spawn_local(async move {
            // Held open until the connection ends.
            let _ = send.stopped().await;
            drop(receive);
        });
    }
    connection
}

/// Waits for the reason that the other side gives.
async fn reason(connection: &Connection) -> String {
    match connection.closed().await {
        ConnectionError::ApplicationClosed(close) => {
            String::from_utf8_lossy(&close.reason).into_owned()
        }
        other => panic!("it ends without a reason: {other:?}"),
    }
}

#[test]
fn whoever_says_nothing_is_let_go() {
    let pair = Pair::new();
    play(async {
        let network = Network::new(1, SLOW, Vec::new(), Vec::new());
        let (first, ground) = (pair.first.clone(), network.ground(pair.at));
        tokio::task::spawn_local(async move { first.serve_over(ground, false).await });
        let check = async |number, says, after_s: u64, expected: &str| {
            let connection = call(&network, pair.at, number, says).await;
            let begun = network.elapsed();
            let given = reason(&connection).await;
            let waited = (network.elapsed() - begun).as_secs();
            assert!(given.contains(expected), "{says:?}: {given}");
            assert!((after_s..after_s + 3).contains(&waited), "{says:?}: {waited} s");
        };
        check(1, Says::Nothing, 10, "sent nothing").await;
        check(2, Says::HalfAFrame, 30, "no answer for too long").await;
    });
}

#[test]
fn few_strangers_are_held_and_members_served() {
    let mut pair = Pair::new();
    pair.learn(false, 3);
    let line = Line { bits_per_second: 10_000_000, queue_bytes: 1024 * 1024, ..SLOW };
    let refused = play(async {
        let network = Network::new(1, line, Vec::new(), Vec::new());
        let (first, ground) = (pair.first.clone(), network.ground(pair.at));
        tokio::task::spawn_local(async move { first.serve_over(ground, false).await });
        let mut calling = Vec::new();
        for number in 0..(STRANGERS_MAX + TOO_MANY) as u8 {
            let network = Arc::clone(&network);
            let at = pair.at;
            calling.push(tokio::task::spawn_local(async move {
                call(&network, at, number, Says::HalfAFrame).await
            }));
        }
        let mut held = Vec::new();
        for call in calling {
            held.push(call.await.expect("the call ran"));
        }
        let from = SocketAddr::from(([10, 0, 0, 7], 40_000));
        let report = pair.second.sync_over(network.ground(from), None).await.expect("works");
        assert!(report.peers[0].equal, "{:?}", report.peers[0].error);
        let mut refused = 0;
        for connection in &held {
            refused += usize::from(reason(connection).await.contains("too many strangers"));
        }
        refused
    });
    assert_eq!(refused, TOO_MANY);
}
