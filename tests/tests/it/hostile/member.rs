//! A member of the network that is no node of ours: it was let in like any other device, speaks
//! the protocol over QUIC, and says whatever a test wants.

use std::net::SocketAddr;

use onex_crdt::ids::OrgId;
use onex_node::Node;
use onex_node::net::{Connection, DeviceKey, Endpoint, NetError, Receiver, Sender};
use onex_protocol::admission::DocumentBatch;
use onex_protocol::enrolment::{Invitation, digits, join_proof};
use onex_protocol::key::SigningKey;
use onex_protocol::membership::{Entry, Membership};
use onex_protocol::message::{
    Ack, Batch, End, Hello, Join, LogPosition, MembershipPosition, Message, Origin, Standing, Told,
};
use onex_protocol::scope::{ScopeDigest, ScopeDigests};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::province::PATIENCE;

const JOIN_LABEL: &[u8] = b"EXPORTER-onex-join";

pub struct Member {
    pub key: SigningKey,
    seed: [u8; 32],
    pub log: Membership,
    runtime: Runtime,
    address: SocketAddr,
}

/// A connection on which both sides have said hello.
pub struct Talk {
    _endpoint: Endpoint,
    connection: Connection,
    sender: Sender,
    receiver: Receiver,
    said: u64,
}

impl Member {
    /// Is let into an organisation by a node, with the key of a seed.
    pub fn join(inviter: &Node, org: OrgId, seed: u8) -> Self {
        let text = inviter.invite(Some(org)).expect("invites").text;
        let invitation = Invitation::from_text(&text).expect("an invitation");
        let (_, inviter_key, address) = invitation.addresses[0].clone();
        let address: SocketAddr = address.parse().expect("an address");
        let seed = [seed; 32];
        let key = SigningKey::from_seed(&seed);
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut talk = runtime.block_on(open(seed, address));
        runtime.block_on(async {
            let exporter = talk.connection.exporter(JOIN_LABEL, b"").expect("a session");
            let proof = join_proof(&invitation.secret, &exporter, &key.public());
            let person = "王芳".to_owned();
            let join = Join { invitation: invitation.id, proof, key: key.public(), person };
            talk.say(&Message::Join(join).encode().bytes).await;
            assert!(matches!(talk.heard().await, Some(Message::Pending { .. })));
        });
        let digits = digits(&inviter_key, &key.public(), &invitation.id);
        inviter.device_confirm(&digits).expect("the digits are the same");
        let mut entries: Vec<Entry> = Vec::new();
        runtime.block_on(async {
            loop {
                match talk.heard().await.expect("a welcome") {
                    Message::Statements(page) => entries.extend(page),
                    Message::Welcome(page) => return entries.extend(page),
                    other => panic!("not expected: {other:?}"),
                }
            }
        });
        let log = Membership::replay(entries).expect("the hub's own log");
        Self { key, seed, log, runtime, address }
    }

    /// The same member, where another node listens.
    pub fn at(mut self, node: &Node) -> Self {
        let listen = node.listen().expect("readable").expect("it listens");
        self.address = listen.parse().expect("an address");
        self
    }

    /// Connects and says hello.
    pub fn talk(&self) -> Talk {
        self.try_talk().expect("a welcome")
    }

    /// Connects and says hello; nothing when it is turned away.
    pub fn try_talk(&self) -> Option<Talk> {
        self.runtime.block_on(async {
            let mut talk = open(self.seed, self.address).await;
            let hello = Hello {
                network: self.log.network(),
                log: LogPosition { position: 1, mark: [1; 8] },
                taken: LogPosition::START,
                membership: MembershipPosition::of(&self.log),
                digests: Some(DIGESTS),
            };
            talk.say(&Message::Hello(hello).encode().bytes).await;
            matches!(talk.heard().await, Some(Message::Hello(_))).then_some(talk)
        })
    }

    /// Sends documents; returns the answer, or nothing when the connection was closed.
    pub fn send(&self, talk: &mut Talk, documents: Vec<DocumentBatch>) -> Option<Ack> {
        talk.said += 1;
        let upto = LogPosition { position: 1 + talk.said, mark: [1; 8] };
        let end = End::Last(Told { acks_heard: 0, digests: DIGESTS });
        let batch = Message::Batch(Batch { documents, upto, end, origin: Origin::Delta });
        self.runtime.block_on(async {
            talk.say(&batch.encode().bytes).await;
            loop {
                if let Message::Ack(ack) = talk.heard().await? {
                    return Some(ack);
                }
            }
        })
    }

    /// Sends bytes; returns the code with which the node then closes the connection, or nothing
    /// when it does not.
    pub fn closed_on(&self, talk: &mut Talk, bytes: &[u8]) -> Option<u64> {
        self.runtime.block_on(async {
            talk.say(bytes).await;
            match timeout(PATIENCE, talk.connection.closed()).await.ok()? {
                NetError::Closed { code, .. } => Some(code),
                _ => None,
            }
        })
    }
}

const DIGESTS: ScopeDigests = ScopeDigests([ScopeDigest([9; 16]); 3]);

async fn open(seed: [u8; 32], address: SocketAddr) -> Talk {
    let any = "127.0.0.1:0".parse().expect("an address");
    let endpoint = Endpoint::bind(&DeviceKey::from_seed(seed), any).expect("a port");
    let connection = endpoint.connect(address, None).await.expect("the node serves");
    let (sender, receiver) = connection.split().await.expect("a stream");
    Talk { _endpoint: endpoint, connection, sender, receiver, said: 0 }
}

impl Talk {
    async fn say(&mut self, bytes: &[u8]) {
        // A peer that has closed does not hear it, which the next hearing shows.
        let _ = self.sender.send(bytes).await;
    }

    /// The next message; nothing when the connection is closed, or nothing comes. What the node
    /// sends is acknowledged: nobody is owed an answer who gives none.
    async fn heard(&mut self) -> Option<Message> {
        let received = timeout(PATIENCE, self.receiver.receive()).await;
        let bytes = received.ok()?.ok()??;
        let message = Message::decode(&bytes).expect("an honest node's message").0;
        if let Message::Batch(Batch { upto, end, .. }) = &message
            && *end != End::Part
        {
            let ack = Ack { upto: *upto, refused: vec![], standing: Standing::Behind };
            self.say(&Message::Ack(ack).encode().bytes).await;
        }
        Some(message)
    }
}
