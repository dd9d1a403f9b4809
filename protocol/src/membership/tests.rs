//! Tests of the membership log: who may say what, tampering, forks, replay, the past.

use onex_crdt::header::{ORGANISATION, PLAN};
use onex_crdt::ids::{ChangeHash, DocId};

use super::*;
use crate::seal::{Seal, SealBody};
use crate::statement::{Frontier, RemovalReason, StatementError};

pub(super) const HUB: OrgId = OrgId([0xa1; 16]);
pub(super) const COLLEGE: OrgId = OrgId([0xb2; 16]);
const EVALUATOR: OrgId = OrgId([0xd5; 16]);
const FRESH: OrgId = OrgId([0xee; 16]);

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn root() -> Root {
    Root {
        nonce: [0x11; 16],
        org: HUB,
        name: "陕西省1+X项目办".to_owned(),
        region: "610000".to_owned(),
        hub_key: key(1).public(),
        person: "郝敏".to_owned(),
    }
}

pub(super) fn add_org(org: OrgId, role: OrgRole) -> Statement {
    Statement::AddOrganisation { org, role, name: "西安铁路职业技术学院".to_owned() }
}

pub(super) fn add(org: OrgId, seed: u8, person: &str) -> Statement {
    Statement::AddDevice { org, key: key(seed).public(), person: person.to_owned() }
}

/// What a device has sealed in a document of this number.
fn seal(seed: u8, document: u16) -> Seal {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&document.to_be_bytes());
    seal_in(seed, DocId(id))
}

fn seal_in(seed: u8, document: DocId) -> Seal {
    let body = SealBody {
        network: root().network(),
        document,
        head: ChangeHash([2; 32]),
        actor: Actor::new(key(seed).device(), [1; 8]),
        seq: 1,
        membership_position: 6,
    };
    Seal::make(&key(seed), body)
}

pub(super) fn remove(seed: u8) -> Statement {
    let frontier = Frontier::whole(vec![seal(seed, 1)]);
    Statement::RemoveDevice { device: key(seed).device(), reason: RemovalReason::Lost, frontier }
}

pub(super) fn grant(seed: u8, person: &str, role: PersonRole) -> Statement {
    Statement::GrantRole { device: key(seed).device(), person: person.to_owned(), role }
}

fn revoke(seed: u8, person: &str, role: PersonRole) -> Statement {
    let (device, person) = (key(seed).device(), person.to_owned());
    Statement::RemoveRole { device, person, role, frontier: Frontier::default() }
}

pub(super) fn say(
    membership: &mut Membership,
    seed: u8,
    body: Statement,
) -> Result<(), MembershipError> {
    let statement = membership.propose(&key(seed), body);
    let entry = membership.sequence(&key(1), statement)?;
    membership.append(entry)
}

/// Hub: 1 (lead, admin), 2 (officer), 3 (none). College: 11 (admin), 12 (coordinator), 13 removed.
/// Evaluator: 21 (admin). The organisation FRESH has no device.
pub(super) fn province() -> Membership {
    let mut membership = Membership::found(&key(1), root()).expect("a good root");
    let statements = [
        (1, add(HUB, 2, "孙涛")),
        (1, grant(2, "孙涛", PersonRole::Officer)),
        (1, add(HUB, 3, "周敏")),
        (2, add_org(COLLEGE, OrgRole::College)),
        (2, add(COLLEGE, 11, "王芳")),
        (11, add(COLLEGE, 12, "李强")),
        (11, grant(12, "李强", PersonRole::Coordinator)),
        (11, add(COLLEGE, 13, "何静")),
        (11, remove(13)),
        (1, add_org(EVALUATOR, OrgRole::Evaluator)),
        (1, add(EVALUATOR, 21, "赵磊")),
        (1, add_org(FRESH, OrgRole::College)),
    ];
    for (seed, body) in statements {
        say(&mut membership, seed, body).expect("the province is built by the rules");
    }
    membership
}

fn check(seed: u8, body: Statement, expected: Result<(), MembershipError>) {
    let found = say(&mut province(), seed, body.clone());
    assert_eq!(found, expected, "device {seed} says {body:?}");
}

fn not_allowed(kind: &'static str) -> Result<(), MembershipError> {
    Err(MembershipError::NotAllowed { kind })
}

#[test]
fn who_may_add_organisations() {
    let new = || add_org(OrgId([9; 16]), OrgRole::Evaluator);
    check(1, new(), Ok(()));
    check(2, new(), Ok(()));
    check(3, new(), not_allowed("add_organisation"));
    check(11, new(), not_allowed("add_organisation"));
    check(21, new(), not_allowed("add_organisation"));
    check(1, add_org(OrgId([9; 16]), OrgRole::Observer), Ok(()));
    check(1, add_org(OrgId([9; 16]), OrgRole::Hub), Err(MembershipError::SecondHub));
    let exists = MembershipError::OrganisationExists { org: COLLEGE };
    check(1, add_org(COLLEGE, OrgRole::College), Err(exists));
    check(1, Statement::Root(root()), Err(MembershipError::SecondRoot));
}

#[test]
fn who_may_add_devices() {
    check(1, add(FRESH, 31, "陈晨"), Ok(()));
    check(2, add(FRESH, 31, "陈晨"), Ok(()));
    check(3, add(FRESH, 31, "陈晨"), not_allowed("add_device"));
    check(11, add(FRESH, 31, "陈晨"), not_allowed("add_device"));
    check(11, add(COLLEGE, 31, "陈晨"), Ok(()));
    check(12, add(COLLEGE, 31, "陈晨"), not_allowed("add_device"));
    check(21, add(COLLEGE, 31, "陈晨"), not_allowed("add_device"));
    check(1, add(COLLEGE, 31, "陈晨"), not_allowed("add_device"));
    check(1, add(HUB, 31, "陈晨"), Ok(()));
    check(2, add(HUB, 31, "陈晨"), not_allowed("add_device"));
    let org = OrgId([9; 16]);
    check(1, add(org, 31, "陈晨"), Err(MembershipError::UnknownOrganisation { org }));
    let exists = |seed| Err(MembershipError::DeviceExists { device: key(seed).device() });
    check(11, add(COLLEGE, 12, "李强"), exists(12));
    check(11, add(COLLEGE, 13, "何静"), exists(13));
    check(11, add(COLLEGE, 21, "赵磊"), exists(21));
}

#[test]
fn who_may_remove_devices() {
    check(11, remove(12), Ok(()));
    check(11, remove(11), Ok(()));
    check(1, remove(12), Ok(()));
    check(1, remove(2), Ok(()));
    check(2, remove(12), not_allowed("remove_device"));
    check(12, remove(11), not_allowed("remove_device"));
    check(21, remove(12), not_allowed("remove_device"));
    check(1, remove(1), Err(MembershipError::SequencerStays));
    let device = key(13).device();
    check(11, remove(13), Err(MembershipError::RemovedDevice { device }));
    let device = key(99).device();
    check(11, remove(99), Err(MembershipError::UnknownDevice { device }));
}

#[test]
fn who_may_grant_roles() {
    use PersonRole::*;
    check(11, grant(11, "王芳", Coordinator), Ok(()));
    check(11, grant(12, "钱进", Teacher), Ok(()));
    check(11, grant(12, "李强", Admin), Ok(()));
    check(12, grant(12, "李强", Admin), not_allowed("grant_role"));
    check(21, grant(12, "李强", Admin), not_allowed("grant_role"));
    check(1, grant(12, "李强", Admin), Ok(()));
    check(1, grant(12, "李强", Teacher), not_allowed("grant_role"));
    check(2, grant(12, "李强", Admin), not_allowed("grant_role"));
    check(1, grant(3, "周敏", Lead), Ok(()));
    let refusal = |role, org| Err(MembershipError::RoleDoesNotFit { role, org });
    check(11, grant(12, "李强", Examiner), refusal(Examiner, OrgRole::College));
    check(11, grant(12, "李强", Lead), refusal(Lead, OrgRole::College));
    check(21, grant(21, "赵磊", Teacher), refusal(Teacher, OrgRole::Evaluator));
    let held = MembershipError::RoleHeld { role: Coordinator };
    check(11, grant(12, "李强", Coordinator), Err(held));
    let device = key(13).device();
    check(11, grant(13, "何静", Teacher), Err(MembershipError::RemovedDevice { device }));
}

#[test]
fn who_may_remove_roles() {
    use PersonRole::*;
    check(11, revoke(12, "李强", Coordinator), Ok(()));
    check(1, revoke(12, "李强", Coordinator), not_allowed("remove_role"));
    check(1, revoke(11, "王芳", Admin), Ok(()));
    check(12, revoke(11, "王芳", Admin), not_allowed("remove_role"));
    check(21, revoke(11, "王芳", Admin), not_allowed("remove_role"));
    let missing = |role| Err(MembershipError::RoleNotHeld { role });
    check(11, revoke(12, "李强", Teacher), missing(Teacher));
    check(11, revoke(12, "王芳", Coordinator), missing(Coordinator));
}

#[test]
fn only_known_active_devices_speak() {
    let unknown = MembershipError::UnknownDevice { device: key(99).device() };
    check(99, add(COLLEGE, 31, "陈晨"), Err(unknown));
    let removed = MembershipError::RemovedDevice { device: key(13).device() };
    check(13, add(COLLEGE, 31, "陈晨"), Err(removed));
}

#[test]
fn of_two_admins_that_remove_each_other_the_first_wins() {
    let mut membership = province();
    say(&mut membership, 11, grant(12, "李强", PersonRole::Admin)).expect("an admin grants");
    let second = membership.propose(&key(12), remove(11));
    say(&mut membership, 11, remove(12)).expect("an admin removes");
    let device = key(12).device();
    let refusal = membership.sequence(&key(1), second).expect_err("his device is removed");
    assert_eq!(refusal, MembershipError::RemovedDevice { device });
}

#[test]
fn an_old_grant_cannot_be_sequenced_again() {
    let mut membership = province();
    let statement = membership.propose(&key(11), grant(12, "李强", PersonRole::Teacher));
    let entry = membership.sequence(&key(1), statement.clone()).expect("an admin grants");
    membership.append(entry).expect("it is next");
    say(&mut membership, 11, revoke(12, "李强", PersonRole::Teacher)).expect("an admin removes");
    let again = membership.sequence(&key(1), statement).expect_err("it has its place");
    assert_eq!(again, MembershipError::Repeated);
    say(&mut membership, 11, grant(12, "李强", PersonRole::Teacher)).expect("a new statement");
}

#[test]
fn a_tag_names_one_device_of_an_organisation() {
    let mut membership = province();
    let mut twin = key(31).device();
    twin.0[15] ^= 1;
    let device = membership.devices[&key(12).device()].clone();
    membership.devices.insert(twin, device);
    let refusal = say(&mut membership, 11, add(COLLEGE, 31, "陈晨"));
    assert_eq!(refusal, Err(MembershipError::TagClash { device: key(31).device() }));
    say(&mut membership, 1, add(FRESH, 31, "陈晨")).expect("another organisation's tag");
}

#[test]
fn only_the_sequencer_gives_places() {
    let mut membership = province();
    let statement = membership.propose(&key(11), remove(12));
    let device = key(2).device();
    let refusal = membership.sequence(&key(2), statement.clone());
    assert_eq!(refusal, Err(MembershipError::NotSequencer { device }));
    let (position, head) = (membership.position() + 1, membership.head());
    let entry = Entry::sign(&key(2), position, head, statement.clone());
    assert_eq!(membership.append(entry), Err(MembershipError::NotSequencer { device }));
    let mut entry = Entry::sign(&key(2), position, head, statement);
    entry.sequencer = membership.sequencer();
    assert_eq!(membership.append(entry), Err(MembershipError::BadEntrySignature));
}

#[test]
fn a_statement_of_another_signer_network_or_time_is_refused() {
    let membership = province();
    let good = membership.propose(&key(11), remove(12));
    let refuse = |change: &dyn Fn(&mut SignedStatement)| {
        let mut statement = good.clone();
        change(&mut statement);
        membership.sequence(&key(1), statement).expect_err("it was altered")
    };
    let bad = MembershipError::BadStatementSignature;
    assert_eq!(refuse(&|it| it.signature.0[9] ^= 1), bad);
    assert_eq!(refuse(&|it| it.body = remove(11)), bad);
    assert_eq!(refuse(&|it| it.signer = key(21).device()), bad);
    assert_eq!(refuse(&|it| it.position_seen -= 1), bad);
    assert_eq!(refuse(&|it| it.network.0[0] ^= 1), MembershipError::WrongNetwork);
    let later = SignedStatement::sign(&key(11), membership.network(), remove(12), 99);
    let refusal = membership.sequence(&key(1), later);
    assert_eq!(refusal, Err(MembershipError::Future { seen: 99 }));
}

#[test]
fn the_sequencer_cannot_append_what_the_signer_may_not_say() {
    let mut membership = province();
    let statement = membership.propose(&key(12), remove(11));
    let entry = Entry::sign(&key(1), membership.position() + 1, membership.head(), statement);
    let before = membership.clone();
    assert_eq!(membership.append(entry), not_allowed("remove_device"));
    assert_eq!(membership, before);
}

#[test]
fn every_flipped_byte_of_every_entry_is_refused() {
    let whole = province();
    for entry in whole.entries_from(0) {
        let past = whole.entries_from(0)[..entry.position as usize].to_vec();
        let bytes = entry.to_bytes();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let entries = |it| past.iter().cloned().chain([it]);
            let read = Entry::from_bytes(&flipped).ok();
            let replayed = read.and_then(|it| Membership::replay(entries(it)).ok());
            let accepted = replayed.is_some_and(|it| it.network() == whole.network());
            assert!(!accepted, "entry {} byte {at}", entry.position);
        }
    }
}

#[test]
fn entries_come_one_after_the_other() {
    let whole = province();
    let entries = whole.entries_from(0);
    let mut membership = Membership::replay(entries[..3].to_vec()).expect("its own entries");
    let gap = MembershipError::Gap { expected: 3, found: 4 };
    assert_eq!(membership.append(entries[4].clone()), Err(gap));
    assert_eq!(membership.append(entries[3].clone()), Ok(()));
    assert_eq!(membership.append(entries[3].clone()), Ok(()));
    assert_eq!(membership.position(), 3);
    let empty = Membership::replay([]).expect_err("no root");
    assert_eq!(empty, MembershipError::NotARoot);
    let headless = Membership::replay(entries[1..].to_vec()).expect_err("no root");
    assert_eq!(headless, MembershipError::NotARoot);
}

#[test]
fn a_fork_is_told_from_other_faults() {
    let mut one = province();
    let mut other = province();
    say(&mut one, 11, remove(12)).expect("an admin removes");
    say(&mut other, 11, grant(12, "李强", PersonRole::Teacher)).expect("an admin grants");
    say(&mut other, 11, grant(12, "李强", PersonRole::Finance)).expect("an admin grants");
    let position = one.position();
    let [at_known, after_known] = other.entries_from(position) else { panic!("two entries") };
    assert_eq!(one.append(at_known.clone()), Err(MembershipError::Fork { position }));
    assert_eq!(one.append(after_known.clone()), Err(MembershipError::Fork { position }));
    let mut forged = at_known.clone();
    forged.signature.0[0] ^= 1;
    assert_eq!(one.append(forged), Err(MembershipError::BadEntrySignature));
}

#[test]
fn a_root_proves_itself() {
    let refuse = |change: &dyn Fn(&mut Entry)| {
        let mut entry = Entry::root(&key(1), root());
        change(&mut entry);
        Membership::open(entry).expect_err("it was altered")
    };
    assert_eq!(refuse(&|it| it.position = 1), MembershipError::NotARoot);
    assert_eq!(refuse(&|it| it.previous.0[0] = 1), MembershipError::NotARoot);
    assert_eq!(refuse(&|it| it.statement.position_seen = 1), MembershipError::NotARoot);
    assert_eq!(refuse(&|it| it.statement.body = remove(1)), MembershipError::NotARoot);
    assert_eq!(refuse(&|it| it.statement.network.0[0] ^= 1), MembershipError::WrongNetwork);
    assert_eq!(refuse(&|it| it.signature.0[0] ^= 1), MembershipError::BadEntrySignature);
    let stolen = Membership::found(&key(2), root()).expect_err("another key");
    assert_eq!(stolen, MembershipError::BadEntrySignature);
    let mut nameless = root();
    nameless.name.clear();
    let refusal = Membership::found(&key(1), nameless).expect_err("no name");
    assert!(matches!(refusal, MembershipError::Statement(_)));
}

#[test]
fn an_entry_has_a_largest_size() {
    let removal = |documents: u16| Statement::RemoveDevice {
        device: key(12).device(),
        reason: RemovalReason::Replaced,
        frontier: Frontier::whole((0..documents).map(|document| seal(12, document)).collect()),
    };
    check(11, removal(700), Ok(()));
    let refusal = say(&mut province(), 11, removal(800));
    assert!(matches!(refusal, Err(MembershipError::TooLarge { .. })), "{refusal:?}");
    let log = province();
    let with_name = |letters: usize| {
        let role = OrgRole::College;
        let body = Statement::AddOrganisation { org: FRESH, role, name: "x".repeat(letters) };
        Entry::sign(&key(1), 13, log.head(), log.propose(&key(1), body))
    };
    let other = with_name(ENTRY_BYTES_MAX / 2).to_bytes().len() - ENTRY_BYTES_MAX / 2;
    let letters = ENTRY_BYTES_MAX - other;
    assert_eq!(entry_size_check(&with_name(letters)), Ok(()));
    let bytes = ENTRY_BYTES_MAX + 1;
    let refusal = entry_size_check(&with_name(letters + 1));
    assert_eq!(refusal, Err(MembershipError::TooLarge { bytes }));
}

#[test]
fn who_may_say_what_stays() {
    let say_after = |seed, frontier: Frontier| {
        let mut log = province();
        let cut = log.cuts().next().expect("device 13 was removed").position;
        say(&mut log, seed, Statement::SetFrontier { cut, frontier })
    };
    let own = || Frontier::whole(vec![seal(13, 1)]);
    assert_eq!(say_after(11, own()), Ok(()));
    assert_eq!(say_after(2, own()), Ok(()));
    assert_eq!(say_after(12, own()), not_allowed("set_frontier"));
    assert_eq!(say_after(21, own()), not_allowed("set_frontier"));
    assert_eq!(say_after(3, own()), not_allowed("set_frontier"));
    let of_another = MembershipError::Statement(StatementError::Frontier);
    assert_eq!(say_after(11, Frontier::whole(vec![seal(12, 1)])), Err(of_another));
    let nothing = Statement::SetFrontier { cut: 3, frontier: own() };
    check(11, nothing, Err(MembershipError::NoCut { cut: 3 }));
}

/// What a part names is cut at once, what none names when the last one has come. Of a document the
/// first word stays.
#[test]
fn a_frontier_may_come_in_parts() {
    let plan = |year| PLAN.of(root().network(), COLLEGE, year);
    let part = |year, more| {
        let seals = vec![seal_in(12, plan(year).id())];
        Frontier { seals, more }
    };
    let mut log = province();
    let (device, reason) = (key(12).device(), RemovalReason::Lost);
    let removal = Statement::RemoveDevice { device, reason, frontier: part(2026, true) };
    say(&mut log, 11, removal).expect("an admin removes");
    let cut = log.position();
    let heads = |log: &Membership| {
        let cut = log.cut(cut).expect("it was cut");
        let count = |year| cut.heads(&plan(year), HUB).map(|heads| heads.len());
        ([2026, 2027, 2028].map(count), cut.has_spoken(false), cut.has_spoken(true))
    };
    assert_eq!(heads(&log), ([Some(1), None, None], false, false));
    let by_hub = Statement::SetFrontier { cut, frontier: Frontier::default() };
    say(&mut log, 1, by_hub).expect("the hub has no word here");
    assert_eq!(heads(&log), ([Some(1), None, None], false, true));
    say(&mut log, 11, Statement::SetFrontier { cut, frontier: part(2027, true) }).expect("more");
    assert_eq!(heads(&log), ([Some(1), Some(1), None], false, true));
    say(&mut log, 11, Statement::SetFrontier { cut, frontier: Frontier::default() }).expect("last");
    assert_eq!(heads(&log), ([Some(1), Some(1), Some(0)], true, true));
    let mut later = part(2026, false);
    later.seals[0].head = ChangeHash([9; 32]);
    say(&mut log, 11, Statement::SetFrontier { cut, frontier: later }).expect("too late");
    let plan = log.cut(cut).and_then(|cut| cut.heads(&plan(2026), HUB));
    assert_eq!(plan, Some(vec![ChangeHash([2; 32])]));
    assert_eq!(Membership::replay(log.entries_from(0).to_vec()), Ok(log));
}

#[test]
fn a_replay_gives_the_same_state() {
    let first = province();
    let sent: Vec<_> = first.entries_from(0).iter().map(Entry::to_bytes).collect();
    let read = sent.iter().map(|bytes| Entry::from_bytes(bytes).expect("its own encoding"));
    let second = Membership::replay(read).expect("its own entries");
    assert_eq!(first, second);
    assert_eq!((second.position(), second.head()), (12, first.entries_from(12)[0].digest()));
    assert!(second.entries_from(13).is_empty());
    assert!(second.entries_from(u64::MAX).is_empty());
}

#[test]
fn first_persons_have_their_roles_and_later_ones_none() {
    let membership = province();
    let roles = |seed, person: &str| {
        let device = membership.device(key(seed).device()).expect("it is known");
        device.persons[person].iter().map(|role| role.id()).collect::<Vec<_>>()
    };
    assert_eq!(roles(1, "郝敏"), ["lead", "admin"]);
    assert_eq!(roles(3, "周敏"), [""; 0]);
    assert_eq!(roles(11, "王芳"), ["admin"]);
    assert_eq!(roles(12, "李强"), ["coordinator"]);
    assert_eq!(roles(21, "赵磊"), ["admin"]);
    assert_eq!(membership.hub(), HUB);
    assert_eq!(membership.sequencer(), key(1).device());
    assert_eq!(membership.organisation(HUB).map(|org| org.role), Some(OrgRole::Hub));
    assert_eq!(membership.devices_of(COLLEGE).count(), 3);
    assert_eq!(membership.devices().count(), 7);
    assert_eq!(membership.organisations().count(), 4);
}

#[test]
fn the_past_stays_what_it_was() {
    use PersonRole::*;
    let mut membership = province();
    say(&mut membership, 11, revoke(12, "李强", Coordinator)).expect("position 13");
    say(&mut membership, 11, grant(12, "李强", Coordinator)).expect("position 14");
    say(&mut membership, 11, remove(12)).expect("position 15");
    let device = key(12).device();
    let held: Vec<_> =
        (0..18).filter(|&at| membership.holds(device, "李强", Coordinator, at)).collect();
    assert_eq!(held, [7, 8, 9, 10, 11, 12, 14]);
    let active: Vec<_> = (0..18).filter(|&at| membership.was_active(device, at)).collect();
    assert_eq!(active, (6..15).collect::<Vec<_>>());
    let counts: Vec<_> = (0..18).map(|at| membership.device_count(COLLEGE, at)).collect();
    assert_eq!(counts, [0, 0, 0, 0, 0, 1, 2, 2, 3, 2, 2, 2, 2, 2, 2, 1, 0, 0]);
    assert_eq!(membership.device_count(HUB, 0), 1);
    assert!(membership.holds(key(1).device(), "郝敏", Lead, 0));
    assert!(!membership.holds(device, "王芳", Admin, 12));
    assert!(!membership.holds(key(99).device(), "李强", Coordinator, 12));
    let removed = membership.device(device).expect("it is still known");
    assert_eq!((removed.active, removed.removed_at, removed.joined_at), (false, Some(15), 6));
}

#[test]
fn golden_entry() {
    let entries = province();
    crate::documented(&entries.entries_from(0)[0].to_bytes());
}

fn recovery(org: OrgId, seed: u8) -> Statement {
    Statement::SetRecovery { org, key: key(seed).public() }
}

#[test]
fn who_may_set_a_recovery_key() {
    check(11, recovery(COLLEGE, 91), Ok(()));
    check(1, recovery(COLLEGE, 91), Ok(()));
    check(2, recovery(COLLEGE, 91), Ok(()));
    check(12, recovery(COLLEGE, 91), not_allowed("set_recovery"));
    check(21, recovery(COLLEGE, 91), not_allowed("set_recovery"));
    check(11, recovery(COLLEGE, 12), Err(MembershipError::KeyInUse));
    let org = OrgId([9; 16]);
    check(1, recovery(org, 91), Err(MembershipError::UnknownOrganisation { org }));
    let mut log = province();
    say(&mut log, 11, recovery(COLLEGE, 91)).expect("an admin sets it");
    let by_hub = say(&mut log, 1, recovery(COLLEGE, 92));
    assert_eq!(by_hub, not_allowed("set_recovery"), "only the first one");
    assert_eq!(say(&mut log, 21, recovery(EVALUATOR, 91)), Err(MembershipError::KeyInUse));
    assert_eq!(say(&mut log, 11, add(COLLEGE, 91, "王芳")), Err(MembershipError::KeyInUse));
    say(&mut log, 11, recovery(COLLEGE, 92)).expect("an admin replaces it");
    let device = key(91).device();
    let old = say(&mut log, 91, add(COLLEGE, 31, "陈晨"));
    assert_eq!(old, Err(MembershipError::UnknownDevice { device }));
}

#[test]
fn a_recovery_key_lets_admins_in_and_removes_them() {
    use PersonRole::*;
    let mut log = province();
    say(&mut log, 11, recovery(COLLEGE, 91)).expect("an admin sets it");
    let mut check = |body: Statement, expected: Result<(), MembershipError>| {
        assert_eq!(say(&mut log.clone(), 91, body.clone()), expected, "{body:?}");
        if expected.is_ok() {
            say(&mut log, 91, body).expect("again");
        }
    };
    check(add(EVALUATOR, 31, "陈晨"), not_allowed("add_device"));
    check(add(HUB, 31, "陈晨"), not_allowed("add_device"));
    check(remove(12), not_allowed("remove_device"));
    check(remove(21), not_allowed("remove_device"));
    check(grant(12, "李强", Teacher), not_allowed("grant_role"));
    check(grant(21, "赵磊", Admin), not_allowed("grant_role"));
    check(revoke(12, "李强", Coordinator), not_allowed("remove_role"));
    check(add_org(OrgId([9; 16]), OrgRole::College), not_allowed("add_organisation"));
    check(Statement::Reset { org: COLLEGE }, not_allowed("reset"));
    check(add(COLLEGE, 31, "陈晨"), Ok(()));
    check(remove(11), Ok(()));
    check(grant(12, "李强", Admin), Ok(()));
    check(revoke(12, "李强", Admin), Ok(()));
    check(recovery(COLLEGE, 92), Ok(()));
    let device = log.device(key(31).device()).expect("let in");
    assert!(device.active && device.persons["陈晨"].contains(&Admin), "an admin at once");
    let lost = say(&mut log, 91, add(COLLEGE, 32, "陈晨"));
    assert!(matches!(lost, Err(MembershipError::UnknownDevice { .. })), "replaced");
}

#[test]
fn who_begins_anew_loses_the_old_recovery_key_and_nobody_else_does() {
    let mut log = province();
    say(&mut log, 11, recovery(COLLEGE, 91)).expect("an admin sets it");
    say(&mut log, 21, recovery(EVALUATOR, 92)).expect("an admin sets it");
    for seed in [11, 12] {
        say(&mut log, 1, remove(seed)).expect("a lead removes what was lost");
    }
    for seed in [1, 2] {
        say(&mut log, seed, Statement::Reset { org: COLLEGE }).expect("two of the hub begin");
    }
    let device = key(91).device();
    let refused = say(&mut log, 91, add(COLLEGE, 41, "陈晨"));
    assert_eq!(refused, Err(MembershipError::UnknownDevice { device }));
    assert_eq!(say(&mut log, 92, add(EVALUATOR, 42, "陈晨")), Ok(()));
}

/// One person at two devices is one person, whoever else once had a role there.
#[test]
fn one_person_at_two_devices_of_the_hub_begins_nothing_anew() {
    let reset = || Statement::Reset { org: COLLEGE };
    let mut log = province();
    for seed in [11, 12] {
        say(&mut log, 1, remove(seed)).expect("a lead removes what was lost");
    }
    say(&mut log, 1, reset()).expect("a lead begins");
    say(&mut log, 1, grant(2, "郝敏", PersonRole::Officer)).expect("there, too");
    say(&mut log, 1, revoke(2, "孙涛", PersonRole::Officer)).expect("he left");
    assert_eq!(say(&mut log, 2, reset()), Err(MembershipError::SecondPerson));
}

#[test]
fn an_organisation_that_lost_everything_begins_anew() {
    let reset = || Statement::Reset { org: COLLEGE };
    let lost = MembershipError::NotLost { org: COLLEGE };
    check(1, reset(), Err(lost));
    check(11, reset(), not_allowed("reset"));
    check(1, Statement::Reset { org: HUB }, Err(MembershipError::NotLost { org: HUB }));
    check(1, Statement::Reset { org: FRESH }, Err(MembershipError::NotLost { org: FRESH }));
    let mut log = province();
    for seed in [11, 12] {
        say(&mut log, 1, remove(seed)).expect("a lead removes what was lost");
    }
    assert_eq!(say(&mut log, 2, reset()), not_allowed("reset"), "an officer does not begin");
    say(&mut log, 1, reset()).expect("a lead begins");
    let first = say(&mut log, 1, add(COLLEGE, 41, "陈晨"));
    assert_eq!(first, not_allowed("add_device"), "a second person is awaited");
    let position = log.position();
    let again = SignedStatement::sign(&key(1), log.network(), reset(), position);
    assert_eq!(log.sequence(&key(1), again), Err(MembershipError::SecondPerson));
    assert_eq!(say(&mut log, 3, reset()), not_allowed("reset"), "no staff");
    say(&mut log, 2, reset()).expect("another person at another device");
    say(&mut log, 2, add(COLLEGE, 41, "陈晨")).expect("the staff lets a first one in");
    let device = log.device(key(41).device()).expect("let in");
    assert!(device.persons["陈晨"].contains(&PersonRole::Admin));
    assert_eq!(say(&mut log, 2, add(COLLEGE, 42, "何静")), not_allowed("add_device"));
    let mut small = Membership::found(&key(1), root()).expect("a good root");
    say(&mut small, 1, add_org(COLLEGE, OrgRole::College)).expect("a lead adds");
    say(&mut small, 1, add(COLLEGE, 11, "王芳")).expect("the first one");
    say(&mut small, 1, remove(11)).expect("lost");
    say(&mut small, 1, reset()).expect("the hub's only device");
    say(&mut small, 1, add(COLLEGE, 12, "王芳")).expect("it counts alone");
}

/// Whoever forks at will would have the hub write the log for everybody, without end.
#[test]
fn of_a_device_so_many_forks_are_resolved_and_no_more() {
    let mut log = province();
    let device = key(11).device();
    let resolve = |n: u64| {
        let (document, head) = (DocId([1; 16]), ChangeHash([2; 32]));
        let actor = Actor::new(device, n.to_be_bytes());
        Statement::Resolve { device, document, actor, seq: 1, head }
    };
    for n in 0..FORKS_RESOLVED_MAX as u64 {
        assert_eq!(say(&mut log, 1, resolve(n)), Ok(()));
    }
    assert_eq!(say(&mut log, 1, resolve(0)), Err(MembershipError::Resolved));
    let expected = Err(MembershipError::TooManyForks { device });
    assert_eq!(say(&mut log, 1, resolve(u64::MAX)), expected);
}

/// An admin could otherwise take back at his own devices what the hub has decided on.
#[test]
fn of_a_fork_the_side_that_reads_the_document_chooses() {
    let mut log = province();
    let device = key(12).device();
    let actor = Actor::new(device, [7; 8]);
    let (of_hub, of_admin) = (ChangeHash([1; 32]), ChangeHash([2; 32]));
    let own = PLAN.of(log.network(), COLLEGE, 2026);
    let province_wide = ORGANISATION.of(log.network(), COLLEGE, 2026);
    for header in [&own, &province_wide] {
        for (seed, head) in [(11, of_admin), (1, of_hub)] {
            let body = Statement::Resolve { device, document: header.id(), actor, seq: 1, head };
            assert_eq!(say(&mut log, seed, body), Ok(()), "each side says once");
        }
    }
    let chosen = |header| log.resolved(header).collect::<Vec<_>>();
    assert_eq!(chosen(&own), [(actor, of_admin)]);
    assert_eq!(chosen(&province_wide), [(actor, of_hub)]);
}

/// What a member says stands on every node for good.
#[test]
fn an_organisation_has_so_much_room_in_the_log_and_no_more() {
    let mut log = province();
    let (device, person, role) = (key(11).device(), "李强", PersonRole::Coordinator);
    let full = Frontier::whole((0..600).map(|document| seal(11, document)).collect());
    let turn = |log: &mut Membership| {
        say(log, 11, grant(11, person, role))?;
        let (person, frontier) = (person.to_owned(), full.clone());
        say(log, 11, Statement::RemoveRole { device, person, role, frontier })
    };
    let turns: Vec<_> = (0..100).map(|_| turn(&mut log)).take_while(Result::is_ok).collect();
    assert!((60..100).contains(&turns.len()), "{}", turns.len());
    let expected = MembershipError::SaidTooMuch { org: COLLEGE };
    let last = log.propose(&key(11), grant(11, "赵敏", role));
    let room = |log: &mut Membership, bytes| {
        let org = log.organisations.get_mut(&COLLEGE).expect("a member");
        org.said_bytes = ORG_BYTES_MAX - bytes;
    };
    let bytes = cbor::encode(&last).len();
    room(&mut log, bytes - 1);
    assert_eq!(log.check(&last), Err(expected), "a byte short");
    room(&mut log, bytes);
    assert_eq!(log.check(&last), Ok(()), "it fits");
    assert_eq!(say(&mut log, 1, remove(11)), Ok(()), "the hub says it");
}
