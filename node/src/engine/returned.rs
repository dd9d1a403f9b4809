//! Own work that comes back: out of the outbox log after damage, and what a restored device held
//! back until it had heard from others.

use std::collections::BTreeSet;

use rusqlite::Transaction;

use onex_crdt::action::Who;
use onex_crdt::document::{Change, Document};
use onex_crdt::foreign::ForeignBytes;
use onex_crdt::ids::ChangeHash;
use onex_protocol::admission::DocumentBatch;
use onex_protocol::membership::Membership;
use onex_protocol::seal;

use super::{Engine, EngineError, Work, project};
use crate::store::documents::{self, Origin};

impl Engine {
    /// Takes own changes back that this device has stored before. Those that follow from what is
    /// not here are left out, to come back later. Returns how many came.
    pub fn take_back(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        batches: Vec<DocumentBatch>,
    ) -> Result<usize, EngineError> {
        let now = self.clock.now().to_string();
        let mut touches = Vec::new();
        let mut count = 0;
        for batch in batches {
            let mut document = self.cache.load(transaction, &batch.header)?;
            let before = document.heads();
            let new = apply(&mut document, batch.changes);
            if new.is_empty() {
                continue;
            }
            count += new.len();
            let mut seals = documents::seals(transaction, document.id())?;
            seals.extend(batch.seals.into_iter().filter(|one| document.holds(&one.head)));
            let (seals, _) = seal::live(seals, |heads| document.below(heads));
            documents::save(transaction, &document, &new, &seals, Origin::Own(&now))?;
            let touched = document.touched(&before);
            touches.extend(documents::project_sources(transaction, &document, &touched)?);
            documents::compact(transaction, &document)?;
            self.cache.keep(document);
        }
        project(transaction, membership, &touches)?;
        Ok(count)
    }

    /// Writes what this device gives by itself for everything that is here: it held that back while
    /// it could not know what it had given before.
    pub fn catch_up(
        &mut self,
        transaction: &Transaction<'_>,
        membership: &Membership,
        who: &Who,
    ) -> Result<(), EngineError> {
        let touches = documents::touched_acts(transaction, 0)?;
        let mut work = Work { touches, ..Work::default() };
        self.follow_up(transaction, membership, who, &mut work)?;
        self.seal(transaction, membership, work)
    }
}

/// Applies the changes that follow from what is here, each after those that it follows.
fn apply(document: &mut Document, changes: Vec<Vec<u8>>) -> Vec<Change> {
    let parsed = changes.into_iter().filter_map(|bytes| {
        let parsed = ForeignBytes(bytes.clone()).parse().ok()?;
        Some((parsed, bytes))
    });
    let mut ready = Vec::new();
    let mut hashes = BTreeSet::new();
    for (parsed, bytes) in parsed {
        let here = |hash: &ChangeHash| hashes.contains(hash) || document.holds(hash);
        if !here(&parsed.hash()) && parsed.deps().iter().all(here) {
            hashes.insert(parsed.hash());
            ready.push(bytes);
        }
    }
    if ready.is_empty() || document.replay(&ready).is_err() {
        return Vec::new();
    }
    hashes.iter().filter_map(|hash| document.change(hash)).collect()
}
