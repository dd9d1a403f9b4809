//! The disk is full, a write fails, a sync fails: at every operation of some deeds, and afterwards
//! the power is cut (trust S4). What was acknowledged is there; what was refused left nothing.

use std::path::Path;

use super::disk::{Dice, Disk, Fault, FaultKind, Image, Platter};
use super::mount::Mount;
use super::story::{
    Care, State, Told, act, add, contacts, copy, damage, import, open, open_brisk, state, tell,
};
use crate::handle::{Node, NodeError};
use crate::undoing::What;

/// A deed of one transaction, and every how many of its operations one fails.
struct Deed {
    name: &'static str,
    done: fn(&Node) -> Result<(), NodeError>,
    every: usize,
}

const DEEDS: [Deed; 4] = [
    Deed { name: "edit", done: edit, every: 1 },
    Deed { name: "draft", done: draft, every: 1 },
    Deed { name: "undo", done: |node| node.undo(&What::Last, &[]).map(drop), every: 5 },
    Deed { name: "import", done: |node| import(node, 400..430), every: 11 },
];

/// Pages of the log after which it is copied into the database: this fails, too.
const LOG_PAGES: i64 = 1;

/// What was found.
#[derive(Debug, Default)]
struct Tally {
    /// Deeds during which something failed.
    struck: usize,
    /// Those that were refused.
    refused: usize,
    /// Those that were refused and all the same there as a whole after the power was cut.
    there: usize,
    /// Those after which the process went on without a new start.
    went_on: usize,
}

fn edit(node: &Node) -> Result<(), NodeError> {
    act(node, "contact.edit", &contacts(node)[..2], &[("post", "科长")]).map(drop)
}

fn draft(node: &Node) -> Result<(), NodeError> {
    let texts = [("post".to_owned(), "科".to_owned())].into();
    node.draft_put("contact.edit", Some(contacts(node)[0]), &texts).map(drop)
}

#[test]
fn what_a_failing_disk_acknowledged_survives() {
    let told = tell(Care::Full);
    let home = copy(&told.homes[0]);
    let mut tally = Tally::default();
    for deed in &DEEDS {
        let whole = whole(&told.image, home.path(), deed);
        for kind in [FaultKind::Full, FaultKind::Write, FaultKind::Sync] {
            let every = if kind == FaultKind::Sync { 1 } else { deed.every };
            for times in [1, usize::MAX] {
                let faults = (1..).step_by(every).map(|at| Fault { kind, at, times });
                let struck = |fault| strike(&told, home.path(), deed, fault, &whole, &mut tally);
                let _ = faults.map(struck).take_while(|struck| *struck).count();
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.refused > 0 && tally.struck > tally.refused, "{tally:?}");
}

/// The rows of each table after a deed that nothing disturbs.
fn whole(image: &Image, home: &Path, deed: &Deed) -> Vec<(String, usize)> {
    let _mount = Mount::new(home, Disk::of(image));
    let node = open(home).expect("it opens");
    (deed.done)(&node).unwrap_or_else(|error| panic!("{}: {error}", deed.name));
    counts(&held(&node))
}

fn held(node: &Node) -> State {
    state(node.reader().read()).expect("it can be read")
}

fn counts(state: &State) -> Vec<(String, usize)> {
    state.iter().map(|(table, (rows, _))| (table.clone(), *rows)).collect()
}

/// Does a deed on a disk that fails, cuts the power, and looks at what is left. Returns whether
/// anything failed.
fn strike(
    told: &Told,
    home: &Path,
    deed: &Deed,
    fault: Fault,
    whole: &[(String, usize)],
    tally: &mut Tally,
) -> bool {
    let what = format!("{} {fault:?}", deed.name);
    let mut dice = Dice(fault.at as u64);
    let mount = Mount::new(home, Disk::of(&told.image));
    let node = open_brisk(home, LOG_PAGES).expect("it opens");
    let before = held(&node);
    mount.disk().set_fault(Some(fault));
    let done = (deed.done)(&node);
    let struck = mount.disk().failed() > 0;
    mount.disk().set_fault(None);
    if !struck {
        return false;
    }
    tally.struck += 1;
    assert!(matches!(done, Ok(()) | Err(NodeError::Store(_))), "{what}: {done:?}");
    let mut acknowledged = done.is_ok().then(|| held(&node));
    tally.refused += usize::from(done.is_err());
    if dice.below(2) == 0 {
        // The disk is well again, and the process goes on as if nothing had been.
        tally.went_on += 1;
        add(&node, "陈晨").unwrap_or_else(|error| panic!("{what}: {error:?}"));
        acknowledged = Some(held(&node));
    }
    let mut platter = Platter::of(&told.image);
    mount.disk().ops().iter().for_each(|op| platter.take(op, &mut dice));
    drop(node);
    drop(mount);

    let _mount = Mount::new(home, Disk::of(&platter.cut(&mut dice)));
    let node = open(home).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(damage(&node), None, "{what}");
    let now = held(&node);
    match acknowledged {
        Some(acknowledged) => assert!(now == acknowledged, "{what}: acknowledged and lost"),
        None if now == before => {}
        None => {
            tally.there += 1;
            assert_eq!(counts(&now), whole, "{what}: half there");
        }
    }
    add(&node, "周杰").unwrap_or_else(|error| panic!("{what}: it does not go on: {error:?}"));
    true
}
