//! The disk is full, a write fails, a sync fails: at every operation of some deeds, and afterwards
//! the power is cut (trust S4). What was acknowledged is there; what was refused left nothing.

use super::disk::{Dice, Disk, Fault, FaultKind, Image, Platter};
use super::mount::Mount;
use super::story::{
    Care, State, Told, act, add, contacts, copy, damage, import, open, open_brisk, state, tell,
};
use crate::error::NodeError;
use crate::handle::Node;
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

/// Seeds for each sync that fails.
const SYNC_SEEDS: u64 = 8;

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
    let mut tally = Tally::default();
    for deed in &DEEDS {
        let trial = Trial { told: &told, deed, whole: whole(&told, deed) };
        for times in [1, usize::MAX] {
            for kind in [FaultKind::Full, FaultKind::Write] {
                trial.strike_each(kind, times, deed.every, 0, &mut tally);
            }
            // There are few syncs, and much that may be left of one that failed.
            (0..SYNC_SEEDS)
                .for_each(|seed| trial.strike_each(FaultKind::Sync, times, 1, seed, &mut tally));
        }
    }
    println!("{tally:?}");
    assert!(tally.there > 0, "no failed sync left its transaction behind: {tally:?}");
    assert!(tally.refused > 0 && tally.struck > tally.refused, "{tally:?}");
}

/// A deed that is to be disturbed.
struct Trial<'a> {
    told: &'a Told,
    deed: &'a Deed,
    /// The rows of each table after it, when nothing disturbs it.
    whole: Vec<(String, usize)>,
}

/// The rows of each table after a deed that nothing disturbs.
fn whole(told: &Told, deed: &Deed) -> Vec<(String, usize)> {
    let home = copy(&told.homes[0]);
    let _mount = Mount::new(home.path(), Disk::of(&told.image));
    let node = open(home.path()).expect("it opens");
    (deed.done)(&node).unwrap_or_else(|error| panic!("{}: {error}", deed.name));
    counts(&held(&node))
}

fn held(node: &Node) -> State {
    state(node.reader().read()).expect("it can be read")
}

fn counts(state: &State) -> Vec<(String, usize)> {
    state.iter().map(|(table, (rows, _))| (table.clone(), *rows)).collect()
}

impl Trial<'_> {
    /// Lets every so many operations of a kind fail, each in a run of its own.
    fn strike_each(
        &self,
        kind: FaultKind,
        times: usize,
        every: usize,
        seed: u64,
        tally: &mut Tally,
    ) {
        let faults = (1..).step_by(every).map(|at| Fault { kind, at, times });
        let struck = faults.map(|fault| self.strike(fault, seed, tally));
        let _ = struck.take_while(|struck| *struck).count();
    }

    /// Does the deed on a disk that fails, cuts the power, and looks at what is left. Returns
    /// whether anything failed.
    fn strike(&self, fault: Fault, seed: u64, tally: &mut Tally) -> bool {
        let what = format!("{} {fault:?} {seed}", self.deed.name);
        let mut dice = Dice(SYNC_SEEDS * fault.at as u64 + seed);
        let home = copy(&self.told.homes[0]);
        let mount = Mount::new(home.path(), Disk::of(&self.told.image));
        let node = open_brisk(home.path(), LOG_PAGES).expect("it opens");
        let before = held(&node);
        mount.disk().set_fault(Some(fault));
        let done = (self.deed.done)(&node);
        let struck = mount.disk().failed() > 0;
        mount.disk().set_fault(None);
        if !struck {
            return false;
        }
        tally.struck += 1;
        assert!(matches!(done, Ok(()) | Err(NodeError::Store(_))), "{what}: {done:?}");
        let mut acknowledged = done.is_ok().then(|| held(&node));
        tally.refused += usize::from(done.is_err());
        // The disk is well again; what a process that goes on acknowledges now must hold, too.
        if dice.below(2) == 0 && add(&node, "陈晨").is_ok() {
            tally.went_on += 1;
            acknowledged = Some(held(&node));
        }
        let mut platter = Platter::of(&self.told.image);
        mount.disk().ops().iter().for_each(|op| platter.take(op, &mut dice));
        drop(node);
        drop(mount);
        let there = self.look(&what, &platter.cut(&mut dice), &before, acknowledged.as_ref());
        tally.there += usize::from(there);
        true
    }

    /// Starts the node on what a cut left. Returns whether a deed that was refused is there.
    fn look(&self, what: &str, image: &Image, before: &State, acked: Option<&State>) -> bool {
        let home = copy(&self.told.homes[0]);
        let _mount = Mount::new(home.path(), Disk::of(image));
        let node = open(home.path()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(damage(&node), None, "{what}");
        let now = held(&node);
        let there = acked.is_none() && now != *before;
        match acked {
            Some(acknowledged) => assert!(now == *acknowledged, "{what}: acknowledged and lost"),
            None if there => assert_eq!(counts(&now), self.whole, "{what}: half there"),
            None => {}
        }
        add(&node, "周杰").unwrap_or_else(|error| panic!("{what}: it does not go on: {error:?}"));
        there
    }
}
