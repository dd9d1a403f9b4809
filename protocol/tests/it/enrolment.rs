//! Tests of a stranger with an invitation, as the machine of the called side sees it.

use onex_protocol::enrolment::InvitationId;
use onex_protocol::machine::{Effect, Event, JoinAnswer, Machine, Now, Own, PeerId, Side};
use onex_protocol::message::{Join, Message};

use crate::province::*;

const PEER: PeerId = PeerId(1);

fn called() -> Machine {
    let (org, role) = org_of(HUB_1);
    let own = Own { device: device(HUB_1), org, role, network: network() };
    let mut machine = Machine::new(own, membership());
    let device = device(STRANGER);
    machine.handle(Now(0), Event::Connected { peer: PEER, device, side: Side::Called });
    machine
}

fn join(seed: u8, person: &str) -> Message {
    Message::Join(Join {
        invitation: InvitationId([0x1d; 16]),
        proof: [0x9f; 32],
        key: key(seed).public(),
        person: person.to_owned(),
    })
}

fn say(machine: &mut Machine, message: &Message) -> Vec<Effect> {
    let bytes = message.encode().bytes;
    machine.handle(Now(0), Event::Received { peer: PEER, bytes })
}

fn answer(machine: &mut Machine, answer: JoinAnswer) -> Vec<Message> {
    let effects = machine.handle(Now(0), Event::JoinAnswered { peer: PEER, answer });
    let sent = effects.into_iter().filter_map(|effect| match effect {
        Effect::Send { bytes, .. } => Some(Message::decode(&bytes).expect("a message").0),
        _ => None,
    });
    sent.collect()
}

fn check(message: &Message, let_in: bool) {
    let effects = say(&mut called(), message);
    let joining = effects.iter().any(|effect| matches!(effect, Effect::Joining { .. }));
    let closed = effects.iter().any(|effect| matches!(effect, Effect::Close { .. }));
    assert_eq!((joining, closed), (let_in, !let_in), "{message:?}");
}

#[test]
fn only_a_join_that_fits_the_connection_is_passed_on() {
    check(&join(STRANGER, "王芳"), true);
    check(&join(COLLEGE_1, "王芳"), false);
    check(&join(STRANGER, "  "), false);
    check(&join(STRANGER, &"芳".repeat(51)), false);
    check(&join(STRANGER, &"芳".repeat(900)), false);
    check(&Message::Want { from: 0 }, false);
    let foreign = membership().propose(&key(STRANGER), device_add(COLLEGE, COLLEGE_1));
    check(&Message::Recover(foreign), false);
    let other = membership().propose(&key(STRANGER), device_remove(COLLEGE_1));
    check(&Message::Recover(other), false);
    check(&Message::Statements(vec![]), false);
}

#[test]
fn a_stranger_waits_for_a_person_and_gets_the_log() {
    let mut machine = called();
    say(&mut machine, &join(STRANGER, "王芳"));
    let inviter_key = key(HUB_1).public();
    let proof = [0x1f; 32];
    let pending = answer(&mut machine, JoinAnswer::Pending { inviter_key, proof });
    assert_eq!(pending, [Message::Pending { inviter_key, proof }]);
    let welcome = answer(&mut machine, JoinAnswer::Welcome);
    assert_eq!(welcome, [Message::Welcome(membership().entries_from(0).to_vec())]);
}

#[test]
fn a_refused_stranger_is_closed_with_the_reason() {
    let mut machine = called();
    say(&mut machine, &join(STRANGER, "王芳"));
    let reason = "the invitation was used".to_owned();
    let sent = answer(&mut machine, JoinAnswer::Refused { reason: reason.clone() });
    assert_eq!(sent, [Message::Close { code: 12, reason }]);
}

#[test]
fn a_stranger_who_joins_cannot_do_anything_else() {
    let mut machine = called();
    say(&mut machine, &join(STRANGER, "王芳"));
    let again = say(&mut machine, &join(STRANGER, "王芳"));
    assert!(again.iter().any(|effect| matches!(effect, Effect::Close { code: 3, .. })));
}
