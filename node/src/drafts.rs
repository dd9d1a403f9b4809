//! Drafts through the handle: kept in the encrypted store as soon as they are given, for the person
//! who writes, until the form is saved.
//!
//! A draft may hold personal data; nothing else keeps it, and no log names it.

use std::collections::BTreeMap;

use onex_crdt::field::time::Moment;
use onex_crdt::ids::RecordId;

use crate::api::Draft;
use crate::error::NodeError;
use crate::handle::{Node, moment};
use crate::store::StoreError;
use crate::store::draft::{self, StoredDraft};

impl Node {
    /// Keeps the texts of a form in the place of those before, and tells when; none forgets them.
    ///
    /// Listeners are not called: nothing has changed that anybody else could read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn draft_put(
        &self,
        action: &str,
        subject: Option<RecordId>,
        texts: &BTreeMap<String, String>,
    ) -> Result<Moment, NodeError> {
        let mut writer = self.writer()?;
        let person = self.who(&writer)?.person;
        let at = self.clock().now();
        let stored = StoredDraft {
            action: action.to_owned(),
            subject,
            at: at.to_string(),
            texts: texts.clone(),
        };
        let transaction = writer.store.write()?;
        draft::put(&transaction, &person, &stored)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(at)
    }

    /// Forgets the texts of a form.
    ///
    /// # Errors
    /// When the store fails.
    pub fn draft_drop(&self, action: &str, subject: Option<RecordId>) -> Result<(), NodeError> {
        let writer = self.writer()?;
        let person = self.who(&writer)?.person;
        Ok(draft::remove(writer.store.read(), &person, action, subject)?)
    }

    /// The person's drafts, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drafts(&self) -> Result<Vec<Draft>, NodeError> {
        let person = self.me()?.person;
        let stored = draft::all(self.reader().read(), &person)?;
        let read = |stored: StoredDraft| {
            let StoredDraft { action, subject, at, texts } = stored;
            Ok(Draft { action, subject, at: moment(&at)?, texts })
        };
        stored.into_iter().map(read).collect()
    }
}
