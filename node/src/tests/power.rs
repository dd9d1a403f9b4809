//! The power is cut at every operation of a story, and the node is started again (trust S3): what
//! was acknowledged is there, nothing is half there, and work goes on.

use std::path::Path;
use std::time::Instant;

use onex_crdt::record::Row;
use onex_crdt::registry;

use super::disk::{Dice, Disk, Image, Op, Platter};
use super::mount::Mount;
use super::story::{Care, State, Told, add, copy, damage, found, open, state, tell, torn};
use crate::api::Query;
use crate::error::NodeError;
use crate::handle::Node;
use crate::live::wire;
use crate::store::{query, sync};

/// Cuts at each operation, each with other dice.
const CUTS: u64 = 1;
/// Every so many cuts the node that goes on also meets its colleague.
const MEET_EVERY: usize = 40;
/// Cuts of the story that is told without care: every so many operations one.
const CARELESS_EVERY: usize = 7;
/// Threads that cut.
const WORKERS: usize = 2;

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Tally {
    /// Times that the power was cut.
    cuts: usize,
    /// Those after which the step under way was there as a whole.
    ahead: usize,
    /// Those after which the node met its colleague, too.
    met: usize,
    /// Those after which something acknowledged was not there.
    lost: usize,
    /// Those after which the store held something that it never held before.
    partial: Vec<String>,
    /// Those after which the store did not open, or was damaged, or did not go on.
    corrupt: Vec<String>,
}

/// What one cut left.
enum Left {
    /// What was acknowledged, or also the step under way.
    Kept {
        ahead: bool,
        met: bool,
    },
    Lost,
    Partial(String),
    Corrupt(String),
}

#[test]
fn the_power_is_cut_at_every_operation() {
    let begun = Instant::now();
    let told = tell(Care::Full);
    let steps = told.states.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(steps >= 40, "{steps} transactions");
    assert!(told.states.last().is_some_and(|last| last["snapshot"].0 > 0), "none was compacted");
    let tally = cut(&told, 1);
    let points = told.points();
    println!("{points} points, {steps} steps, {tally:?}, {:?}", begun.elapsed());
    assert_eq!(tally.cuts, points * CUTS as usize);
    assert!(tally.ahead > 0 && tally.met > 0, "{tally:?}");
    let expected =
        Tally { cuts: tally.cuts, ahead: tally.ahead, met: tally.met, ..Tally::default() };
    assert_eq!(tally, expected);
}

#[test]
fn without_care_the_same_story_loses_what_it_acknowledged() {
    let told = tell(Care::Normal);
    let tally = cut(&told, CARELESS_EVERY);
    println!("every {CARELESS_EVERY}th of {} points, {tally:?}", told.points());
    assert!(tally.lost > 0, "the harness sees no loss: {tally:?}");
    assert_eq!((tally.partial.len(), tally.corrupt.len()), (0, 0), "{tally:?}");
}

#[test]
fn rows_are_those_of_the_documents_after_each_step() {
    let told = tell(Care::Full);
    let folder = copy(&told.homes[0]);
    let (mut platter, mut dice) = (Platter::of(&Image::new()), Dice(0));
    for op in &told.ops {
        platter.take(op, &mut dice);
        if let Op::Said(step) = op {
            let mount = Mount::new(folder.path(), Disk::of(&platter.all()));
            check_rebuilt(folder.path(), *step);
            drop(mount);
        }
    }
}

/// Checks that a projection that is thrown away comes back as it was.
fn check_rebuilt(folder: &Path, step: usize) {
    let node = open(folder).expect("it opens");
    let before = projected(&node);
    let forget = "delete from meta where key = 'projection_shape'; delete from row_contact;
        delete from source; delete from act; delete from about; delete from step;";
    node.reader().read().execute_batch(forget).expect("it is open");
    drop(node);
    let node = open(folder).expect("it opens");
    assert_eq!(projected(&node), before, "step {step}");
}

/// The rows of every kind, and what acts and batches are found by.
fn projected(node: &Node) -> (Vec<Vec<Row>>, State) {
    let reader = node.reader();
    let rows = |kind| query::list_by_sql(reader.read(), &Query::all(kind)).expect("readable").rows;
    let mut tables = state(reader.read()).expect("readable");
    tables.retain(|table, _| ["act", "about", "step"].contains(&table.as_str()));
    (registry::KINDS.iter().map(|kind| rows(*kind)).collect(), tables)
}

impl Told {
    /// The operations at which the power can be cut.
    fn points(&self) -> usize {
        self.ops.iter().filter(|op| !matches!(op, Op::Said(_))).count()
    }
}

/// Cuts the power at every so many operations of a story.
fn cut(told: &Told, every: usize) -> Tally {
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..WORKERS).map(|worker| scope.spawn(move || work(told, worker, every))).collect();
        let mut all = Tally::default();
        for worker in workers {
            let one = worker.join().expect("it has not panicked");
            all.cuts += one.cuts;
            all.ahead += one.ahead;
            all.met += one.met;
            all.lost += one.lost;
            all.partial.extend(one.partial);
            all.corrupt.extend(one.corrupt);
        }
        all
    })
}

fn work(told: &Told, worker: usize, every: usize) -> Tally {
    let (mut platter, mut dice) = (Platter::of(&Image::new()), Dice(0));
    let (mut tally, mut said, mut point) = (Tally::default(), None, 0);
    for op in &told.ops {
        platter.take(op, &mut dice);
        if let Op::Said(step) = op {
            said = Some(*step);
            continue;
        }
        point += 1;
        if point % every != 0 || point / every % WORKERS != worker {
            continue;
        }
        for seed in 0..CUTS {
            let mut dice = Dice(point as u64 * CUTS + seed);
            let meets = tally.cuts % MEET_EVERY == 0;
            tally.cuts += 1;
            match judge(told, &platter.cut(&mut dice), said, meets) {
                Left::Kept { ahead, met } => {
                    tally.ahead += usize::from(ahead);
                    tally.met += usize::from(met);
                }
                Left::Lost => tally.lost += 1,
                Left::Partial(why) => tally.partial.push(format!("{point}, {said:?}: {why}")),
                Left::Corrupt(why) => tally.corrupt.push(format!("{point}, {said:?}: {why}")),
            }
        }
    }
    tally
}

/// Starts the node on what a cut left.
fn judge(told: &Told, image: &Image, said: Option<usize>, meets: bool) -> Left {
    let home = copy(&told.homes[0]);
    let _mount = Mount::new(home.path(), Disk::of(image));
    let node = match open(home.path()) {
        Ok(node) => node,
        // The founding was cut off: nobody was told of it, and it can be begun again.
        Err(error) if said.is_none() && is_unfounded(&error, image) => {
            return match found(home.path()) {
                Ok(_) => Left::Kept { ahead: false, met: false },
                Err(error) => Left::Corrupt(format!("a founding is not begun again: {error:?}")),
            };
        }
        Err(error) => return Left::Corrupt(format!("{error:?}")),
    };
    if let Some(damage) = damage(&node) {
        return Left::Corrupt(damage);
    }
    let now = match state(node.reader().read()) {
        Ok(now) => now,
        Err(error) => return Left::Corrupt(format!("{error:?}")),
    };
    let next = said.map_or(0, |said| said + 1);
    let is = |step: usize| told.states.get(step) == Some(&now);
    let ahead = is(next) && !said.is_some_and(is);
    if !ahead && !said.is_some_and(is) {
        return match told.states[..next].contains(&now) {
            true => Left::Lost,
            false => Left::Partial(difference(&told.states, next, &now)),
        };
    }
    match go_on(told, &node, meets) {
        Ok(met) => match met.then(|| torn(&node)).flatten() {
            Some(torn) => Left::Corrupt(torn),
            None => Left::Kept { ahead, met },
        },
        Err(error) => Left::Corrupt(format!("it does not go on: {error:?}")),
    }
}

/// Whether a node did not open since there is no database yet, or nothing in it.
fn is_unfounded(error: &NodeError, image: &Image) -> bool {
    matches!(error, NodeError::NotJoined) || !image.keys().any(|name| name.ends_with("store.db"))
}

/// The tables that are neither as before the step under way nor as after it.
fn difference(states: &[State], next: usize, now: &State) -> String {
    let of = |step: Option<usize>, table: &str| Some(states.get(step?)?.get(table)?.0);
    let differs = now.iter().filter(|(table, held)| {
        let is = |step: usize| states.get(step).and_then(|state| state.get(*table)) == Some(held);
        !is(next) || !next.checked_sub(1).is_some_and(is)
    });
    let rows = differs.map(|(table, held)| {
        let (before, after) = (of(next.checked_sub(1), table), of(Some(next), table));
        format!("{table} {before:?} {} {after:?}", held.0)
    });
    rows.collect::<Vec<_>>().join(", ")
}

/// Writes at a node that was started again, and lets it meet its colleague.
fn go_on(told: &Told, node: &Node, meets: bool) -> Result<bool, NodeError> {
    add(node, "周杰")?;
    if !meets || node.writer()?.membership.devices().count() < 2 {
        return Ok(false);
    }
    let home = copy(&told.homes[1]);
    let _mount = Mount::new(home.path(), Disk::of(&told.colleague));
    let colleague = open(home.path())?;
    let reports = wire::sync([node, &colleague], &mut || {})?;
    let equal = reports.iter().flatten().filter(|report| report.equal).count();
    assert_eq!(equal, 2, "{reports:?}");
    let held = |node: &Node| sync::states(node.reader().read());
    assert_eq!(held(node)?, held(&colleague)?);
    Ok(true)
}
