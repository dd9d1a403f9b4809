//! The demo: the province of the story, on real nodes of this machine.
//!
//! The story checks itself: a step that does not come out as it is told ends the demo. It writes
//! nothing outside its folder, and only what commands could write too.

mod learners;
mod lost;
mod province;
pub mod reference;
mod rosters;
mod stage_a;
mod stage_b;
mod teaching;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use onex_crdt::ids::{Digest, DocId, OrgId, RecordId};
use onex_crdt::registry;
use onex_crdt::roles::OrgRole;
use onex_node::api::Query;
use onex_node::{Node, NodeError};
use serde_json::{Map, Value as Json, json};

use crate::command::{Failure, home};
use crate::core::refusal::Explained;
use crate::i18n::{Arg, Lang, tr};
pub use province::Province;

/// What the demo is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder; without one `onex-demo`, or the next `onex-demo-2` that is free, beside the
    /// node's own.
    pub dir: Option<PathBuf>,
    /// Another seed makes up other contact persons and learners.
    pub seed: u64,
    /// How many learners the colleges have beside those of the story.
    pub learners: u32,
    /// Whether the equivalent commands are printed to stderr.
    pub explain: bool,
}

/// What the demo came to (contract, `onex demo`).
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The folder.
    pub dir: String,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// Whether nodes that may read the same hold the same.
    pub converged: bool,
    /// How long it took.
    pub seconds: f64,
    value: Json,
    first_college: PathBuf,
}

/// A step of the story.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its number in the story, `A4`.
    pub step: &'static str,
    /// The folder of the node.
    pub node: String,
    /// The action.
    pub action: &'static str,
    /// The record made or concerned; nothing when the action was refused.
    pub id: Option<RecordId>,
    /// Its state, where the kind has one.
    pub state: Option<String>,
    /// The refusal, where the story wants one.
    pub refused: Option<Explained>,
}

impl Outcome {
    /// The value that `--json` prints.
    pub fn json(&self) -> Json {
        self.value.clone()
    }

    /// The node of the first college's coordinator.
    pub fn first_college(&self) -> PathBuf {
        self.first_college.clone()
    }
}

/// Builds the province, tells the story, and takes every node off the network.
///
/// # Errors
/// When the folder is not empty, or a step does not come out as the story tells it.
pub fn run(options: &Options) -> Result<Outcome, DemoError> {
    let (province, outcome) = build(options)?;
    province.stop()?;
    Ok(outcome)
}

/// Builds the province and tells the story; its nodes can be reached until it is dropped.
///
/// # Errors
/// When the folder is not empty, or a step does not come out as the story tells it.
pub fn build(options: &Options) -> Result<(Province, Outcome), DemoError> {
    let started = Instant::now();
    let fresh = || fresh(home().with_file_name("onex-demo"));
    let dir = options.dir.clone().unwrap_or_else(fresh);
    if is_taken(&dir) {
        return Err(DemoError::Folder { folder: dir.display().to_string() });
    }
    let mut province = Province::new(dir, options);
    let known = stage_a::tell(&mut province)?;
    stage_b::tell(&mut province, &known, options.learners)?;
    lost::tell(&mut province)?;
    let outcome = outcome(&province, options, started)?;
    Ok((province, outcome))
}

/// The folder, or where something stands in it the first of those numbered from 2 that is free;
/// the folder itself when all `FOLDERS_MAX` are taken.
fn fresh(first: PathBuf) -> PathBuf {
    let name = first.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let more = (2..=FOLDERS_MAX).map(|number| first.with_file_name(format!("{name}-{number}")));
    let found = std::iter::once(first.clone()).chain(more).find(|dir| !is_taken(dir));
    found.unwrap_or(first)
}

fn is_taken(dir: &Path) -> bool {
    std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some())
}

/// Demos that stand side by side without anyone naming their folders.
const FOLDERS_MAX: u32 = 99;

fn outcome(province: &Province, options: &Options, started: Instant) -> Result<Outcome, DemoError> {
    let failed = |error: NodeError| DemoError::step("end", &error);
    let nodes: Vec<Node> = province.nodes().cloned().collect();
    let converged = converged(&nodes).map_err(failed)?;
    let mut conflicts = 0;
    for node in &nodes {
        conflicts += node.conflicts().map_err(failed)?.len();
    }
    let dir = province.dir().display().to_string();
    let steps = province.steps().to_vec();
    let seconds = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let value = json!({
        "dir": dir,
        "seed": options.seed,
        "network": province.network()?,
        "learners": options.learners,
        "nodes": province.describe()?,
        "steps": steps.iter().map(step_json).collect::<Vec<_>>(),
        "records": records(&nodes).map_err(failed)?,
        "syncs": province.syncs,
        "sync_bytes": province.sync_bytes,
        "conflicts": conflicts,
        "converged": converged,
        "seconds": seconds,
    });
    let first_college = province.dir().join(FIRST_COLLEGE);
    Ok(Outcome { dir, steps, converged, seconds, value, first_college })
}

/// The folder of the first college's coordinator.
const FIRST_COLLEGE: &str = "xatl-1";

fn step_json(step: &Step) -> Json {
    let mut value = json!({
        "step": step.step,
        "node": step.node,
        "action": step.action,
        "id": step.id.map(|id| id.to_string()),
        "state": step.state,
    });
    if let Some(said) = &step.refused {
        value["refused"] = crate::json::explained(said);
    }
    value
}

/// How many distinct records of each kind the nodes have together.
fn records(nodes: &[Node]) -> Result<Json, NodeError> {
    let mut counts = Map::new();
    for kind in registry::KINDS {
        let mut ids: BTreeSet<RecordId> = BTreeSet::new();
        for node in nodes {
            ids.extend(node.list(&Query::all(kind))?.rows.iter().map(|row| row.id));
        }
        if !ids.is_empty() {
            counts.insert(kind.key.to_owned(), ids.len().into());
        }
    }
    Ok(Json::Object(counts))
}

/// Whether every document that two of these nodes may both read is the same at both.
///
/// # Errors
/// When a store cannot be read.
pub fn converged(nodes: &[Node]) -> Result<bool, NodeError> {
    let mut holdings = Vec::new();
    for node in nodes {
        let me = node.me()?;
        let states = node.document_states()?;
        holdings.push(Holding { org: me.org_id, role: me.org_role, states });
    }
    let pairs = holdings.iter().enumerate();
    let mut pairs = pairs.flat_map(|(at, one)| holdings[at + 1..].iter().map(move |o| (one, o)));
    Ok(pairs.all(|(one, other)| one.shared_with(other) == other.shared_with(one)))
}

/// What a node has of each document.
struct Holding {
    org: OrgId,
    role: OrgRole,
    states: Vec<(onex_crdt::header::Header, Digest)>,
}

impl Holding {
    /// The documents here that both may read.
    fn shared_with(&self, other: &Self) -> BTreeMap<DocId, Digest> {
        let shared = self.states.iter().filter(|(header, _)| {
            header.may_read(self.org, self.role) && header.may_read(other.org, other.role)
        });
        shared.map(|(header, digest)| (header.id(), *digest)).collect()
    }
}

/// Ends the story where it comes out otherwise than it is told.
fn ensure(
    step: &'static str,
    holds: bool,
    detail: &dyn std::fmt::Display,
) -> Result<(), DemoError> {
    if holds { Ok(()) } else { Err(DemoError::step(step, detail)) }
}

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder has something in it.
    #[error("the folder {folder} is not empty")]
    Folder {
        /// The folder.
        folder: String,
    },
    /// A step came out otherwise than the story tells it.
    #[error("step {step}: {detail}")]
    Step {
        /// The step.
        step: &'static str,
        /// What happened.
        detail: String,
    },
}

impl DemoError {
    fn step(step: &'static str, detail: &dyn std::fmt::Display) -> Self {
        Self::Step { step, detail: detail.to_string() }
    }

    /// Puts the error into words.
    pub fn failure(&self, lang: Lang) -> Failure {
        let what = tr(lang, "command-not-done", &[]);
        match self {
            DemoError::Folder { folder } => Failure::Refused(Explained {
                what,
                why: tr(lang, "why-demo-folder", &[("detail", Arg::Text(folder))]),
                next: tr(lang, "next-demo-folder", &[]),
                field: Some("dir".to_owned()),
            }),
            DemoError::Step { step, detail } => {
                let args = [("step", Arg::Text(step)), ("detail", Arg::Text(detail))];
                let (why, next) = (tr(lang, "why-demo", &args), tr(lang, "next-demo", &[]));
                Failure::System(Explained { what, why, next, field: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_demo_takes_a_folder_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = folder.path().join("onex-demo");
        for expected in ["onex-demo", "onex-demo-2", "onex-demo-3"] {
            let dir = fresh(first.clone());
            assert_eq!(dir, folder.path().join(expected));
            std::fs::create_dir_all(dir.join("hub-1")).expect("writable");
        }
        std::fs::remove_dir(folder.path().join("onex-demo-2/hub-1")).expect("writable");
        assert_eq!(fresh(first), folder.path().join("onex-demo-2"), "an empty one is free");
    }
}
