//! Tests of judgement: forged, moved, stolen and missing seals, order, cuts.

use super::*;
use crate::key::SigningKey;
use crate::seal::SealBody;
use crate::statement::{Frontier, RemovalReason, Root, Statement};
use onex_crdt::effective::{Effective, effective};
use onex_crdt::header::PLAN;
use onex_crdt::ids::DocId;
use onex_crdt::roles::OrgRole;

const HUB: OrgId = OrgId([0xa1; 16]);
const COLLEGE: OrgId = OrgId([0xb2; 16]);
const OTHER: OrgId = OrgId([0xd5; 16]);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Positions: 1 college, 2 device 11, 3 device 12, 4 device 13, 5 removes 13 beyond change 1, 6
/// other, 7 device 21.
fn membership() -> Membership {
    let root = Root {
        nonce: [0x11; 16],
        org: HUB,
        name: "省项目办".to_owned(),
        region: "610000".to_owned(),
        hub_key: key(1).public(),
        person: "郝敏".to_owned(),
    };
    let organisation =
        |org| Statement::AddOrganisation { org, role: OrgRole::College, name: "学院".to_owned() };
    let device = |org, seed| Statement::AddDevice {
        org,
        key: key(seed).public(),
        person: "王芳".to_owned(),
    };
    let plan = PLAN.of(root.network(), COLLEGE, 2026).id();
    let removal = Statement::RemoveDevice {
        device: key(13).device(),
        reason: RemovalReason::Left,
        frontier: Frontier::whole(vec![Seal::make(
            &key(13),
            SealBody {
                network: root.network(),
                document: plan,
                head: hash(1),
                actor: actor(1, 13),
                seq: 1,
                membership_position: 4,
            },
        )]),
    };
    let mut membership = Membership::found(&key(1), root).expect("a good root");
    let statements = [
        (1, organisation(COLLEGE)),
        (1, device(COLLEGE, 11)),
        (11, device(COLLEGE, 12)),
        (11, device(COLLEGE, 13)),
        (11, removal),
        (1, organisation(OTHER)),
        (1, device(OTHER, 21)),
    ];
    for (seed, body) in statements {
        let statement = membership.propose(&key(seed), body);
        let entry = membership.sequence(&key(1), statement).expect("an allowed statement");
        membership.append(entry).expect("it is next");
    }
    membership
}

fn header() -> Header {
    PLAN.of(membership().network(), COLLEGE, 2026)
}

/// Every change has an actor of its own.
fn actor(n: u8, seed: u8) -> Actor {
    Actor::new(key(seed).device(), [n; 8])
}

fn hash(n: u8) -> ChangeHash {
    ChangeHash([n; 32])
}

/// A change n by the device of a seed.
fn change(n: u8, seed: u8, deps: &[u8]) -> ChangeFacts {
    let deps = deps.iter().map(|n| hash(*n)).collect();
    ChangeFacts { hash: hash(n), deps, actor: actor(n, seed), seq: 1 }
}

fn body(n: u8, seed: u8, membership_position: u64) -> SealBody {
    SealBody {
        network: membership().network(),
        document: header().id(),
        head: hash(n),
        actor: actor(n, seed),
        seq: 1,
        membership_position,
    }
}

fn seal(n: u8, seed: u8) -> Seal {
    Seal::make(&key(seed), body(n, seed, 4))
}

/// What counts, and the verdicts on the seals; hashes from 200 on are known to count.
fn judge(changes: &[ChangeFacts], seals: &[Seal]) -> (Effective, Vec<Result<(), Exclusion>>) {
    let (header, membership) = (header(), membership());
    let known: Vec<_> = (200..=255).map(hash).collect();
    let new = changes.iter().filter(|change| !known.contains(&change.hash));
    let changes: BTreeMap<_, _> = new.map(|change| (change.hash, change.clone())).collect();
    let mut facts = log_facts(&header, changes, &known, &membership);
    let verdict = |seal: &Seal| seal_verdict(seal, &header, &facts.changes, &membership);
    let verdicts: Vec<_> = seals.iter().map(verdict).collect();
    let all = seals.iter().zip(&verdicts);
    let claims = all.filter_map(|(seal, it)| claim(seal, *it, &header, &membership));
    let claims: Vec<_> = claims.collect();
    facts.claims.extend(claims);
    let mut judged = effective(&facts);
    for (hash, exclusion) in &mut judged.excluded {
        if *exclusion == Exclusion::NoSeal {
            *exclusion = unclaimed(facts.changes[hash].actor, COLLEGE, &membership);
        }
    }
    (judged, verdicts)
}

/// Changes are written `n` vouched, or `n reason`, in the order of their numbers.
fn check(changes: &[ChangeFacts], seals: &[Seal], expected: &str) {
    let (judged, _) = judge(changes, seals);
    let one = |change: &ChangeFacts| match judged.excluded.get(&change.hash) {
        Some(refusal) => format!("{} {}", change.hash.0[0], refusal.reason()),
        None => format!("{}", change.hash.0[0]),
    };
    let found: Vec<_> = changes.iter().map(one).collect();
    assert_eq!(found.join(", "), expected);
    assert_eq!(judged.order.len() + judged.excluded.len(), changes.len());
}

#[test]
fn one_seal_vouches_for_the_ancestry() {
    let chain = [change(1, 11, &[]), change(2, 11, &[1]), change(3, 11, &[2])];
    check(&chain, &[seal(3, 11)], "1, 2, 3");
    check(&chain, &[seal(2, 11)], "1, 2, 3 no_seal");
    check(&chain, &[], "1 no_seal, 2 no_seal, 3 no_seal");
    check(&[change(1, 11, &[200])], &[seal(1, 11)], "1");
}

#[test]
fn a_colleague_under_my_seal_is_not_vouched_for() {
    let changes = [change(1, 12, &[]), change(2, 11, &[1])];
    check(&changes, &[seal(2, 11)], "1 no_seal, 2 missing_dependency");
    check(&changes, &[seal(2, 11), seal(1, 12)], "1, 2");
}

#[test]
fn a_stolen_tag_is_not_vouched_for() {
    let stolen = [change(1, 12, &[])];
    check(&stolen, &[Seal::make(&key(11), body(1, 12, 4))], "1 no_seal");
    let mut passed_off = Seal::make(&key(11), body(1, 12, 4));
    passed_off.device = key(12).device();
    check(&stolen, &[passed_off], "1 bad_seal");
}

#[test]
fn a_seal_holds_for_its_document_network_and_head() {
    let changes = [change(1, 11, &[])];
    let with = |alter: &dyn Fn(&mut SealBody)| {
        let mut body = body(1, 11, 4);
        alter(&mut body);
        Seal::make(&key(11), body)
    };
    check(&changes, &[with(&|_| ())], "1");
    check(&changes, &[with(&|it| it.document.0[0] ^= 1)], "1 bad_seal");
    check(&changes, &[with(&|it| it.network.0[0] ^= 1)], "1 bad_seal");
    check(&changes, &[with(&|it| it.seq = 2)], "1 bad_seal");
    check(&changes, &[with(&|it| it.actor.0[15] ^= 1)], "1 bad_seal");
    check(&changes, &[with(&|it| it.head = hash(9))], "1 no_seal");
    check(&changes, &[with(&|it| it.head = hash(9)), with(&|_| ())], "1");
}

#[test]
fn a_seal_needs_a_device_of_the_owner_at_that_time() {
    let at = |seed, position| Seal::make(&key(seed), body(1, seed, position));
    check(&[change(1, 12, &[])], &[at(12, 2)], "1 unknown_device");
    check(&[change(1, 12, &[])], &[at(12, 3)], "1");
    check(&[change(1, 12, &[])], &[at(12, 2), at(12, 3)], "1");
    check(&[change(1, 11, &[])], &[at(11, 7)], "1");
    check(&[change(1, 11, &[])], &[at(11, 8)], "1 unknown_device");
    check(&[change(1, 21, &[])], &[at(21, 7)], "1 wrong_owner");
    check(&[change(1, 1, &[])], &[at(1, 7)], "1 wrong_owner");
    check(&[change(1, 99, &[])], &[at(99, 7)], "1 unknown_device");
}

#[test]
fn a_removed_device_is_cut_at_its_frontier() {
    let at = |n, position| Seal::make(&key(13), body(n, 13, position));
    let changes = [change(1, 13, &[]), change(2, 13, &[1]), change(3, 11, &[2])];
    check(&changes, &[at(2, 4), seal(3, 11)], "1, 2 removed_device, 3 missing_dependency");
    check(&changes[..1], &[], "1");
    check(&[change(4, 13, &[])], &[at(4, 4)], "4 removed_device");
    check(&[change(4, 13, &[])], &[at(4, 5)], "4 removed_device");
}

/// Whoever may say up to where a device's work stays cannot say what its work is.
#[test]
fn a_frontier_without_the_devices_own_seal_vouches_for_nothing() {
    let mut log = membership();
    let forged = Seal { signature: seal(5, 11).signature, ..Seal::make(&key(13), body(6, 13, 4)) };
    let plan = PLAN.of(log.network(), COLLEGE, 2027);
    let forged = Seal { document: plan.id(), ..forged };
    let own = Seal::make(&key(13), SealBody { document: plan.id(), ..body(7, 13, 4) });
    let frontier = Frontier::whole(vec![forged, own]);
    let cut = log.cuts().next().expect("device 13 was removed").position;
    let further = log.propose(&key(11), Statement::SetFrontier { cut, frontier });
    log.append(log.sequence(&key(1), further).expect("an admin may")).expect("it is next");
    let changes = [change(6, 13, &[]), change(7, 13, &[])].map(|change| (change.hash, change));
    let facts = log_facts(&plan, changes.into(), &[], &log);
    assert_eq!(facts.cuts[&key(13).device().tag()], [hash(6), hash(7)]);
    let judged = effective(&facts);
    assert_eq!(
        (judged.order, judged.excluded),
        (vec![hash(7)], [(hash(6), Exclusion::BadSeal)].into())
    );
}

#[test]
fn what_hangs_on_a_missing_or_refused_change_is_refused() {
    let changes = [change(1, 11, &[200]), change(2, 11, &[1, 99]), change(3, 11, &[2])];
    check(&changes, &[seal(3, 11)], "1, 2 missing_dependency, 3 missing_dependency");
    let changes = [change(1, 99, &[]), change(2, 11, &[]), change(3, 11, &[1, 2])];
    check(&changes, &[seal(3, 11)], "1 unknown_device, 2, 3 missing_dependency");
    let circle = [change(1, 11, &[2]), change(2, 11, &[1])];
    check(&circle, &[seal(2, 11)], "1 missing_dependency, 2 missing_dependency");
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut changes = vec![
        change(4, 11, &[3, 2]),
        change(1, 11, &[]),
        change(3, 12, &[1]),
        change(2, 11, &[1]),
        change(5, 99, &[4]),
    ];
    let mut seals = vec![seal(4, 11), seal(3, 12), seal(2, 11)];
    let first = judge(&changes, &seals);
    assert_eq!(first.0.order, [hash(1), hash(2), hash(3), hash(4)]);
    for _ in 0..changes.len() {
        changes.rotate_left(1);
        seals.reverse();
        assert_eq!(judge(&changes, &seals).0, first.0);
    }
}

#[test]
fn known_changes_are_not_judged_again() {
    let (judged, _) = judge(&[change(200, 99, &[]), change(1, 11, &[200])], &[seal(1, 11)]);
    assert_eq!((judged.order, judged.excluded.len()), (vec![hash(1)], 0));
}

#[test]
fn seals_have_verdicts_of_their_own() {
    let changes = [change(1, 11, &[]), change(2, 12, &[99])];
    let elsewhere = Seal::make(&key(11), SealBody { document: DocId([1; 16]), ..body(1, 11, 4) });
    let for_another = Seal::make(&key(11), body(200, 12, 4));
    let seals =
        [seal(1, 11), seal(2, 12), seal(9, 11), seal(200, 11), elsewhere, for_another, seal(1, 21)];
    let expected = [
        Ok(()),
        Ok(()),
        Ok(()),
        Ok(()),
        Err(Exclusion::BadSeal),
        Err(Exclusion::BadSeal),
        Err(Exclusion::WrongOwner),
    ];
    assert_eq!(judge(&changes, &seals).1, expected);
    // Device 13 joined at 4 and was removed at 5.
    let at = |position| Seal::make(&key(13), body(2, 13, position));
    let expected = [
        Err(Exclusion::UnknownDevice),
        Ok(()),
        Err(Exclusion::RemovedDevice),
        Err(Exclusion::RemovedDevice),
    ];
    assert_eq!(judge(&[], &[at(3), at(4), at(5), at(9)]).1, expected);
}

fn say(log: &mut Membership, seed: u8, body: Statement) {
    let statement = log.propose(&key(seed), body);
    log.append(log.sequence(&key(1), statement).expect("allowed")).expect("it is next");
}

/// Whoever lost his role keeps what was held of it then; others are not touched by that.
#[test]
fn a_right_ends_where_the_work_in_it_was_held() {
    let (mut log, header) = (membership(), header());
    let (device, person) = (key(12).device(), || "王芳".to_owned());
    let changes = [change(1, 12, &[]), change(2, 12, &[1])].map(|change| (change.hash, change));
    let facts = |log: &Membership| log_facts(&header, changes.clone().into(), &[], log);
    let deed = |seed, person: Option<&str>| Deed {
        actor: actor(1, seed),
        person: person.map(str::to_owned),
        kinds: [String::from("contact")].into(),
        acts: BTreeSet::new(),
    };
    let permits = |log: &Membership, seed, person| {
        let rights = Rights::new(&header, log, &facts(log));
        [1, 2].map(|n| rights.permits(&hash(n), &deed(seed, person)))
    };
    let narrowed = |log: &Membership| {
        let rights = Rights::new(&header, log, &facts(log));
        [11, 12, 13, 21].map(|seed| rights.is_narrowed(actor(1, seed)))
    };
    assert_eq!(permits(&log, 12, Some("王芳")), [false, false], "no role yet");
    let role = PersonRole::Coordinator;
    say(&mut log, 11, Statement::GrantRole { device, person: person(), role });
    assert_eq!(permits(&log, 12, Some("王芳")), [true, true]);
    assert_eq!(narrowed(&log), [false; 4]);
    let frontier = Frontier::whole(vec![seal(1, 12)]);
    say(&mut log, 11, Statement::RemoveRole { device, person: person(), role, frontier });
    assert_eq!(permits(&log, 12, Some("王芳")), [true, false]);
    assert_eq!(narrowed(&log), [false, true, false, false]);
    assert_eq!(permits(&log, 11, Some("王芳")), [true, true], "an admin");
    assert_eq!(permits(&log, 12, Some("李强")), [false, false], "another person there");
    assert_eq!(permits(&log, 12, None), [false, false]);
    assert_eq!(permits(&log, 21, Some("王芳")), [false, false], "another organisation");
    say(&mut log, 11, Statement::GrantRole { device, person: person(), role });
    assert_eq!(permits(&log, 12, Some("王芳")), [true, false], "his again, and not for before");
    assert_eq!(narrowed(&log), [false, true, false, false]);
}

/// Of a role that is given again is what the device vouches for since; of the first term is all.
#[test]
fn a_role_that_is_given_again_is_no_right_to_what_was_done_without_it() {
    let (mut log, header) = (membership(), header());
    let (device, person, role) = (key(12).device(), "王芳".to_owned(), PersonRole::Coordinator);
    let changes = [change(1, 12, &[]), change(2, 12, &[1]), change(3, 12, &[1])];
    let changes: BTreeMap<_, _> = changes.into_iter().map(|it| (it.hash, it)).collect();
    let permits = |log: &Membership, seals: &[Seal]| {
        let mut facts = log_facts(&header, changes.clone(), &[], log);
        let verdict = |seal: &Seal| seal_verdict(seal, &header, &facts.changes, log);
        let claims = seals.iter().filter_map(|seal| claim(seal, verdict(seal), &header, log));
        let claims: Vec<_> = claims.collect();
        facts.claims.extend(claims);
        let rights = Rights::new(&header, log, &facts);
        let (person, kinds) = (Some("王芳".to_owned()), [String::from("contact")].into());
        let deed = Deed { actor: actor(1, 12), person, kinds, acts: BTreeSet::new() };
        [1, 2, 3].map(|n| rights.permits(&hash(n), &deed))
    };
    let grant = || Statement::GrantRole { device, person: person.clone(), role };
    say(&mut log, 11, grant());
    let at = |n, position| Seal::make(&key(12), body(n, 12, position));
    let granted = log.position();
    assert_eq!(permits(&log, &[at(3, granted - 1)]), [true; 3], "the first term");
    let frontier = Frontier::whole(vec![at(1, granted)]);
    say(&mut log, 11, Statement::RemoveRole { device, person: person.clone(), role, frontier });
    say(&mut log, 11, grant());
    let again = log.position();
    assert_eq!(permits(&log, &[at(2, again - 1)]), [true, false, false], "sealed before");
    assert_eq!(permits(&log, &[at(2, again)]), [true, true, false], "the other was not sealed");
    assert_eq!(permits(&log, &[at(3, again + 1)]), [true, false, false], "not a position yet");
    let others = Seal::make(&key(11), body(2, 11, again));
    assert_eq!(permits(&log, &[others]), [true, false, false], "of another device");
}
