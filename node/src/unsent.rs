//! The outbox log and the database kept in step: written after each commit, read back at the start,
//! emptied once everybody has everything.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::foreign::ForeignBytes;
use onex_crdt::ids::{ChangeHash, DocId};
use onex_protocol::admission::DocumentBatch;

use crate::engine::EngineError;
use crate::handle::Writer;
use crate::outbox_log::Unsent;
use crate::store::{StoreError, check, documents, outbox};

impl Writer {
    /// Appends own new changes to the outbox log. They are saved already: what goes wrong here is
    /// told, and mended at the next start.
    pub(crate) fn log_unsent(&mut self, own: BTreeMap<DocId, Vec<ChangeHash>>) {
        if own.is_empty() {
            return;
        }
        let written = self
            .records(own)
            .and_then(|records| self.outbox.append(&records).map_err(StoreError::from));
        if let Err(error) = written {
            tracing::error!(%error, "the outbox log was not written");
        }
    }

    /// Takes back what the outbox log holds and the database has lost, and writes the log anew
    /// where it lacks something.
    pub(crate) fn mend_outbox(&mut self) -> Result<(), EngineError> {
        let found = self.outbox.read().map_err(StoreError::from)?;
        let mut lost = BTreeMap::new();
        let mut logged = BTreeSet::new();
        for record in &found.records {
            let id = record.header.id();
            for hash in record.changes.iter().filter_map(|bytes| hash_of(bytes)) {
                if !outbox::is_logged(self.store.read(), id, hash)? {
                    lost.entry(id).or_insert_with(Vec::new).push(record.clone());
                }
                logged.insert(hash);
            }
        }
        if !lost.is_empty() {
            self.take_back(lost)?;
        }
        let unsent = outbox::hashes(self.store.read())?;
        if !found.whole || !unsent.is_subset(&logged) {
            let own = outbox::after(self.store.read(), i64::MIN)?;
            let mut records = self.records(own)?;
            records.extend(self.still_lost(found.records)?);
            self.outbox.replace(&records).map_err(StoreError::from)?;
        }
        Ok(())
    }

    /// Empties the outbox log, once everything in it was acknowledged.
    pub(crate) fn trim_outbox(&self) -> Result<(), StoreError> {
        self.outbox
            .clear_if(|records| Ok(outbox::is_empty(self.store.read())? && self.all_here(records)?))
    }

    fn all_here(&self, records: &[Unsent]) -> Result<bool, StoreError> {
        for record in records {
            for hash in record.changes.iter().filter_map(|bytes| hash_of(bytes)) {
                if !outbox::is_logged(self.store.read(), record.header.id(), hash)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The records of changes that could not be taken back yet.
    fn still_lost(&self, records: Vec<Unsent>) -> Result<Vec<Unsent>, StoreError> {
        let mut lost = Vec::new();
        for record in records {
            if !self.all_here(std::slice::from_ref(&record))? {
                lost.push(record);
            }
        }
        Ok(lost)
    }

    fn take_back(&mut self, lost: BTreeMap<DocId, Vec<Unsent>>) -> Result<(), EngineError> {
        let batches = lost.into_values().filter_map(|records| {
            let mut records = records.into_iter();
            let first = records.next()?;
            let mut batch = batch_of(first);
            for record in records {
                let more = batch_of(record);
                batch.changes.extend(more.changes);
                batch.seals.extend(more.seals);
            }
            Some(batch)
        });
        let batches: Vec<_> = batches.collect();
        let count = self.commit_unlogged(|engine, transaction, membership| {
            engine.take_back(transaction, membership, batches)
        })?;
        tracing::warn!(count, "unsent changes came back out of the outbox log");
        Ok(())
    }

    /// The records of some changes that are here.
    fn records(
        &mut self,
        own: BTreeMap<DocId, Vec<ChangeHash>>,
    ) -> Result<Vec<Unsent>, StoreError> {
        let mut records = Vec::new();
        for (id, hashes) in own {
            let header = documents::header(self.store.read(), id)?;
            let header = header.ok_or(StoreError::Damaged { what: "header" })?;
            let mut bytes = self.loose(id, hashes.len());
            if hashes.iter().any(|hash| !bytes.contains_key(hash)) {
                let document = self.engine.document(self.store.read(), &header)?;
                let changes = hashes.iter().filter_map(|hash| document.change(hash));
                bytes.extend(changes.map(|change| (change.hash, change.bytes)));
            }
            let changes = hashes.iter().filter_map(|hash| bytes.remove(hash));
            let changes = changes.map(Into::into).collect();
            let seals = documents::seals(self.store.read(), id)?;
            records.push(Unsent { header, changes, seals });
        }
        Ok(records)
    }

    /// The newest loose changes of a document: those just written, unless they were compacted.
    fn loose(&self, id: DocId, most: usize) -> BTreeMap<ChangeHash, Vec<u8>> {
        let newest = check::newest_chunks(self.store.read(), id, most).unwrap_or_default();
        let hashed = newest.into_iter().filter_map(|bytes| Some((hash_of(&bytes)?, bytes)));
        hashed.collect()
    }
}

fn hash_of(bytes: &[u8]) -> Option<ChangeHash> {
    ForeignBytes(bytes.to_vec()).parse().ok().map(|parsed| parsed.hash())
}

fn batch_of(record: Unsent) -> DocumentBatch {
    let Unsent { header, changes, seals } = record;
    let changes = changes.into_iter().map(Into::into).collect();
    DocumentBatch { changes, seals, ..DocumentBatch::empty(header) }
}

#[cfg(test)]
mod tests {
    use onex_crdt::action::Given;
    use onex_crdt::field::time::Moment;
    use onex_crdt::record::Record as _;
    use onex_crdt::records::contact::Contact;
    use onex_crdt::registry;

    use crate::api::Query;
    use crate::clock::Clock;
    use crate::store::StoreError;
    use crate::{Founding, Node, NodeError, check};

    fn hub() -> (tempfile::TempDir, Node) {
        let folder = tempfile::tempdir().expect("a folder");
        let at = Moment::parse("2026-04-01T09:00:00+08:00").expect("a moment");
        let [name, region, person] = ["某省项目办", "610000", "郝敏"].map(str::to_owned);
        let founding = Founding { name, region, person };
        let node = Node::found(folder.path(), &founding, Clock::story(at)).expect("founded");
        (folder, node)
    }

    fn add(node: &Node) -> Result<(), NodeError> {
        let action = registry::action("contact.add").expect("there is one");
        let long = "综合办公室主任".repeat(4);
        let values = [
            ("name", "王芳"),
            ("duty", "coordinator"),
            ("phone", "13900000021"),
            ("post", long.as_str()),
        ];
        let read = |(key, text): (&str, &str)| {
            (key.to_owned(), action.read(key, text).expect("the value is right"))
        };
        let given: Given = values.into_iter().map(read).collect();
        node.act(action, &[], &given).map(drop)
    }

    fn contacts(node: &Node) -> usize {
        node.list(&Query::all(Contact::KIND)).expect("a list").total
    }

    fn pages(node: &Node, most: Option<i64>) -> i64 {
        let writer = node.writer().expect("it works");
        let connection = writer.store.read();
        if let Some(most) = most {
            let set = connection
                .pragma_update_and_check(None, "max_page_count", most, |row| row.get::<_, i64>(0));
            set.expect("set");
        }
        connection.pragma_query_value(None, "page_count", |row| row.get(0)).expect("counted")
    }

    #[test]
    fn a_full_disk_refuses_a_save_and_keeps_what_was_acknowledged() {
        let (folder, node) = hub();
        pages(&node, Some(pages(&node, None)));
        let mut saved = 0;
        let refused = loop {
            match add(&node) {
                Ok(()) => saved += 1,
                Err(error) => break error,
            }
        };
        let full = matches!(&refused, NodeError::Store(error) if error.is_full());
        assert!(full && saved > 0, "{saved} saved, then {refused:?}");
        assert_eq!(contacts(&node), saved);
        let again = add(&node);
        assert!(again.is_err(), "it is full still");
        pages(&node, Some(1 << 20));
        add(&node).expect("there is room again");
        assert_eq!(contacts(&node), saved + 1);
        let report = check::check(folder.path(), None, &mut |_, _, _| {}).expect("looked at");
        assert!(report.is_ok(), "{report:?}");
    }

    #[test]
    fn after_an_error_of_the_disk_nothing_more_is_written() {
        let (folder, node) = hub();
        let broken = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        let broken = StoreError::from(rusqlite::Error::SqliteFailure(broken, None));
        assert!(broken.is_fatal() && !broken.is_full());
        node.writer().expect("it works").failed(&broken);
        let refused = add(&node);
        assert!(matches!(refused, Err(NodeError::Store(StoreError::Stopped))), "{refused:?}");
        assert_eq!(contacts(&node), 0, "what is there can be looked at");
        drop(node);
        let node = Node::open(folder.path(), Clock::default()).expect("a new start");
        add(&node).expect("it works again");
    }
}
