//! Tests of the effective set: claims, frontiers, forks, rights, order.

use super::*;

const TAG: Tag = [1; 8];
const OTHER: Tag = [2; 8];

fn hash(name: char) -> ChangeHash {
    ChangeHash([name as u8; 32])
}

fn hashes(names: &str) -> Vec<ChangeHash> {
    names.chars().map(hash).collect()
}

fn actor(tag: Tag, fresh: u8) -> Actor {
    let mut bytes = [fresh; 16];
    bytes[..8].copy_from_slice(&tag);
    Actor(bytes)
}

/// A change `x` of device 1 or, in capitals, of device 2: its number, and what it depends on.
fn change(name: char, seq: u64, deps: &str) -> (ChangeHash, ChangeFacts) {
    let tag = if name.is_uppercase() { OTHER } else { TAG };
    let facts = ChangeFacts { hash: hash(name), deps: hashes(deps), actor: actor(tag, 9), seq };
    (hash(name), facts)
}

/// `a <- b <- c` of device 1, `B` of device 2 upon b, `D` upon B; `g` is the genesis.
fn facts() -> Facts {
    let changes = [
        change('a', 1, "g"),
        change('b', 2, "a"),
        change('c', 3, "b"),
        change('B', 1, "b"),
        change('D', 2, "B"),
    ];
    let claim = |tag, heads| Claim { tag, heads: hashes(heads), position: 1, verdict: Ok(()) };
    Facts {
        changes: changes.into(),
        genesis: BTreeSet::from([hash('g')]),
        claims: vec![claim(TAG, "c"), claim(OTHER, "D")],
        ..Facts::default()
    }
}

/// What counts, by name, and what does not, with the first letters of its reason.
fn check(facts: &Facts, counting: &str, excluded: &str) {
    let found = effective(facts);
    let name = |hash: &ChangeHash| char::from(hash.0[0]);
    let mut order: Vec<_> = found.order.iter().map(name).collect();
    order.sort_unstable();
    assert_eq!(order.into_iter().collect::<String>(), counting);
    let of = |(hash, why): (&ChangeHash, &Exclusion)| format!("{}:{}", name(hash), why.reason());
    let reasons: Vec<_> = found.excluded.iter().map(of).collect();
    assert_eq!(reasons.join(" "), excluded);
    for (at, hash) in found.order.iter().enumerate() {
        let before =
            |dep: &ChangeHash| facts.genesis.contains(dep) || found.order[..at].contains(dep);
        assert!(facts.changes[hash].deps.iter().all(before), "after what it depends on");
    }
}

#[test]
fn what_is_claimed_counts() {
    check(&facts(), "BDabc", "");
}

#[test]
fn a_claim_covers_only_the_devices_own() {
    let mut facts = facts();
    facts.claims.truncate(1);
    check(&facts, "abc", "B:no_seal D:no_seal");
    facts.claims[0].heads = hashes("b");
    check(&facts, "ab", "B:no_seal D:no_seal c:no_seal");
}

#[test]
fn the_best_claim_counts() {
    let mut facts = facts();
    let bad = Claim { verdict: Err(Exclusion::BadSeal), ..facts.claims[0].clone() };
    facts.claims.push(bad.clone());
    check(&facts, "BDabc", "");
    facts.claims[0] = bad;
    let hang = "B:missing_dependency D:missing_dependency";
    check(&facts, "", &format!("{hang} a:bad_seal b:bad_seal c:bad_seal"));
}

#[test]
fn a_removed_devices_work_stays_up_to_its_frontier() {
    let mut facts = facts();
    facts.cuts.insert(TAG, hashes("b"));
    check(&facts, "BDab", "c:removed_device");
    facts.cuts.insert(TAG, hashes("a"));
    check(
        &facts,
        "a",
        "B:missing_dependency D:missing_dependency b:removed_device c:removed_device",
    );
    facts.cuts.insert(TAG, Vec::new());
    let hang = "B:missing_dependency D:missing_dependency";
    check(&facts, "", &format!("{hang} a:removed_device b:removed_device c:removed_device"));
}

#[test]
fn a_frontier_vouches_for_nothing() {
    let mut facts = facts();
    facts.claims.remove(0);
    facts.cuts.insert(TAG, hashes("b"));
    let hang = "B:missing_dependency D:missing_dependency";
    check(&facts, "", &format!("{hang} a:no_seal b:no_seal c:no_seal"));
    facts.claims.push(Claim { tag: TAG, heads: hashes("a"), position: 1, verdict: Ok(()) });
    check(&facts, "a", &format!("{hang} b:no_seal c:no_seal"));
}

#[test]
fn a_frontier_may_lie_in_a_colleagues_change() {
    let mut facts = facts();
    facts.cuts.insert(TAG, hashes("D"));
    check(&facts, "BDab", "c:removed_device");
}

#[test]
fn only_what_lies_below_a_fork_counts() {
    let mut facts = facts();
    facts.changes.extend([change('x', 2, "a"), change('y', 3, "x")]);
    facts.claims.push(Claim { tag: TAG, heads: hashes("y"), position: 1, verdict: Ok(()) });
    let hang = "B:missing_dependency D:missing_dependency";
    check(&facts, "a", &format!("{hang} b:fork c:fork x:fork y:fork"));
    assert_eq!(effective(&facts).forks, BTreeMap::from([(actor(TAG, 9), 2)]));
    // Other actors of the device go on.
    let mut later = change('z', 1, "a");
    later.1.actor = actor(TAG, 8);
    facts.changes.extend([later]);
    facts.claims.push(Claim { tag: TAG, heads: hashes("z"), position: 1, verdict: Ok(()) });
    check(&facts, "az", &format!("{hang} b:fork c:fork x:fork y:fork"));
}

#[test]
fn the_branch_that_the_log_chose_counts_and_the_actor_ends_there() {
    let mut facts = facts();
    facts.changes.extend([change('x', 2, "a"), change('y', 3, "x"), change('z', 4, "c")]);
    facts.claims.push(Claim { tag: TAG, heads: hashes("yz"), position: 1, verdict: Ok(()) });
    facts.resolved.insert(actor(TAG, 9), hash('c'));
    check(&facts, "BDabc", "x:fork y:fork z:fork");
    assert_eq!(effective(&facts).forks, BTreeMap::new());
    facts.resolved.insert(actor(TAG, 9), hash('y'));
    let hang = "B:missing_dependency D:missing_dependency";
    check(&facts, "axy", &format!("{hang} b:fork c:fork z:fork"));
    // The last change of the chosen branch is not here, or beyond the frontier of a removal, which
    // somebody else may not have either: what would count without the resolution.
    facts.resolved.insert(actor(TAG, 9), hash('?'));
    check(&facts, "a", &format!("{hang} b:fork c:fork x:fork y:fork z:fork"));
    facts.resolved.insert(actor(TAG, 9), hash('y'));
    facts.cuts.insert(TAG, hashes("c"));
    check(&facts, "BDabc", "x:removed_device y:removed_device z:removed_device");
}

#[test]
fn a_branch_that_is_not_here_limits_nothing() {
    let mut facts = facts();
    facts.resolved.insert(actor(TAG, 9), hash('?'));
    check(&facts, "BDabc", "");
}

#[test]
fn an_ancestry_has_the_heads_and_what_is_known_below() {
    let facts = facts();
    let below = |heads| facts.ancestry(&hashes(heads)).into_iter().collect::<Vec<_>>();
    assert_eq!(below("D"), hashes("BDab"));
    assert_eq!(below("ca"), hashes("abc"));
    assert_eq!(below("g?"), []);
}

#[test]
fn an_unsealed_twin_is_no_fork() {
    let mut facts = facts();
    facts.changes.extend([change('x', 2, "a")]);
    check(&facts, "BDabc", "x:no_seal");
}

#[test]
fn what_was_denied_takes_along_what_hangs_on_it() {
    let mut facts = facts();
    facts.denied.insert(hash('b'));
    let hang = "B:missing_dependency D:missing_dependency";
    check(&facts, "a", &format!("{hang} b:no_right c:missing_dependency"));
}

#[test]
fn numbers_have_no_gap() {
    let mut facts = facts();
    facts.changes.remove(&hash('b'));
    facts.claims.push(Claim { tag: TAG, heads: hashes("a"), position: 1, verdict: Ok(()) });
    let left = "B:missing_dependency D:missing_dependency c:missing_dependency";
    check(&facts, "a", left);
    // A forged change that names an older dependency still lacks the number before its own.
    facts.changes.extend([change('c', 3, "a")]);
    check(&facts, "a", left);
}
