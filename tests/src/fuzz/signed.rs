//! Everything that is signed: seals, statements, entries of the membership log, invitations.
//! What is read has one encoding; what a member signs is judged, and a log that took it replays.

use minicbor::decode;
use onex_protocol::enrolment::{Invitation, InvitationId, InvitationSecret};
use onex_protocol::membership::{Entry, Membership};
use onex_protocol::seal::Seal;
use onex_protocol::statement::{Frontier, RemovalReason, SignedStatement, Statement};

use crate::hostile::attacks::scene;
use crate::hostile::office::{COLLEGE, key, membership};

thread_local! {
    static LOG: Membership = membership();
}

/// Reads bytes as each of them.
pub fn run(data: &[u8]) {
    if let Ok(seal) = Seal::from_bytes(data) {
        assert_eq!(seal.to_bytes(), data);
        assert!(!seal.verify(&key(99).public()), "a stranger's key fits");
    }
    if let Ok(statement) = SignedStatement::from_bytes(data) {
        assert_eq!(statement.to_bytes(), data);
        LOG.with(|log| drop(log.check(&statement)));
    }
    if let Ok(entry) = Entry::from_bytes(data) {
        assert_eq!(entry.to_bytes(), data);
        LOG.with(|log| drop(log.clone().append(entry.clone())));
        drop(Membership::open(entry));
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(invitation) = Invitation::from_text(text)
    {
        let again = Invitation::from_text(&invitation.to_text());
        assert_eq!(again.expect("what was written is read"), invitation);
    }
    if let Ok(statement) = decode::<Statement>(data) {
        LOG.with(|log| say(log.clone(), statement));
    }
}

/// Lets every first device say something, and replays the log.
fn say(mut log: Membership, statement: Statement) {
    for seed in [1, 11, 21] {
        let signed = log.propose(&key(seed), statement.clone());
        if let Ok(entry) = log.sequence(&key(1), signed) {
            let bytes = entry.to_bytes();
            assert_eq!(Entry::from_bytes(&bytes).as_ref().ok(), Some(&entry));
            log.append(entry).expect("it was allowed");
        }
    }
    let again = Membership::replay(log.entries_from(0).to_vec()).expect("what was taken");
    assert_eq!(again.head(), log.head());
}

/// One of each.
pub fn seeds() -> Vec<Vec<u8>> {
    let log = membership();
    let scene = scene(&log);
    let entries = log.entries_from(0);
    let sealed = scene.seals.iter().filter(|seal| seal.device == key(12).device());
    let (device, frontier) = (key(12).device(), Frontier::whole(sealed.cloned().collect()));
    let statements = [
        Statement::RemoveDevice { device, reason: RemovalReason::Lost, frontier },
        Statement::AddDevice { org: COLLEGE, key: key(14).public(), person: "李强".to_owned() },
    ];
    let first = key(11);
    let invitation = Invitation {
        network: log.network(),
        root: entries[0].clone(),
        org: COLLEGE,
        org_name: "某学院".to_owned(),
        role: onex_crdt::roles::OrgRole::College,
        addresses: vec![(first.device(), first.public(), "192.0.2.1:7001".to_owned())],
        id: InvitationId([4; 16]),
        secret: InvitationSecret([5; 16]),
        expires_on: "2026-05-01".to_owned(),
        inviter: first.public(),
    };
    let bodies = entries.iter().map(|entry| entry.statement.body.clone()).chain(statements);
    let bodies = bodies.map(|body| minicbor::to_vec(body).expect("a vector takes every write"));
    let mut seeds: Vec<Vec<u8>> = bodies.collect();
    seeds.extend(scene.seals.iter().map(Seal::to_bytes));
    seeds.extend(entries.iter().map(Entry::to_bytes));
    seeds.extend(entries.iter().map(|entry| entry.statement.to_bytes()));
    seeds.push(invitation.to_text().into_bytes());
    seeds
}
