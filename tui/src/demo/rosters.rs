//! The rosters that the story's school offices send: kept as files beside the nodes, and brought
//! in as `onex import` does.

use std::fmt;

use onex_crdt::ids::{BatchId, RecordId};
use onex_node::api::Answer;
use onex_node::import::{Draft, Roster};

use super::DemoError;
use super::province::Province;

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The batch, unless no row was saved.
    pub batch: Option<BatchId>,
    /// Rows of the roster.
    pub rows: usize,
    /// New learners.
    pub added: usize,
    /// Learners that were there.
    pub updated: usize,
    /// The codes of what is wrong, by row.
    pub problems: Vec<&'static str>,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, added, updated, problems, .. } = self;
        write!(f, "of {rows} rows {added} added, {updated} updated, {}", problems.join(", "))
    }
}

impl Province {
    /// Brings a roster of learners in at a node; the file stays in the folder `rosters`.
    pub fn import(
        &mut self,
        step: &'static str,
        name: &'static str,
        file: &str,
        bytes: &[u8],
    ) -> Result<Imported, DemoError> {
        let failed = |error: &dyn fmt::Display| DemoError::step(step, error);
        let folder = self.dir().join(ROSTERS);
        let path = folder.join(file);
        std::fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        std::fs::write(&path, bytes).map_err(|error| failed(&error))?;
        self.pass();
        self.say(name, &["import", "learner", &path.display().to_string()].map(str::to_owned));
        let node = self.node(name).clone();
        let table = onex_node::table::read(bytes).map_err(|error| failed(&error))?;
        let today = node.clock().now().date();
        let mut draft = Draft::new(Roster::Learner, table, today).map_err(|e| failed(&e))?;
        node.import_match(&mut draft).map_err(|error| failed(&error))?;
        let saved = node.import(&draft, None, &mut |_, _| true).map_err(|error| failed(&error))?;
        let batch = saved.batch;
        if let Some(batch) = batch {
            let id = RecordId(batch.0);
            let answer = Answer { id, state: None, pending_act: None, undone: None };
            self.note(step, name, "import learner", &answer);
        }
        let tally = draft.tally();
        Ok(Imported {
            batch,
            rows: tally.rows,
            added: tally.added,
            updated: tally.updated,
            problems: draft.problems().iter().map(|problem| problem.code.id()).collect(),
        })
    }
}

/// The folder of the rosters, beside those of the nodes.
pub const ROSTERS: &str = "rosters";
