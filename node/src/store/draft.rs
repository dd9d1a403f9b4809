//! What a person has begun to write: texts of forms that are not saved yet.
//!
//! They are no records: nothing of them is checked, sealed, projected or sent.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};

use onex_crdt::ids::RecordId;

use super::StoreError;

/// A draft as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDraft {
    /// The id of the action that the form is for.
    pub action: String,
    /// The record that the action takes, if it takes one.
    pub subject: Option<RecordId>,
    /// When it was last written, RFC 3339.
    pub at: String,
    /// The texts by key of field.
    pub texts: BTreeMap<String, String>,
}

/// Puts a person's draft in the place of the one before.
pub fn put(
    transaction: &Transaction<'_>,
    person: &str,
    draft: &StoredDraft,
) -> Result<(), StoreError> {
    remove(transaction, person, &draft.action, draft.subject)?;
    let mut insert = transaction.prepare_cached(
        "insert into draft (person, action, subject, field, text, at) values (?, ?, ?, ?, ?, ?)",
    )?;
    for (field, text) in &draft.texts {
        let subject = subject_bytes(&draft.subject);
        insert.execute(params![person, draft.action, subject, field, text, draft.at])?;
    }
    Ok(())
}

/// Forgets a person's draft.
pub fn remove(
    connection: &Connection,
    person: &str,
    action: &str,
    subject: Option<RecordId>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("delete from draft where person = ? and action = ? and subject = ?")?
        .execute(params![person, action, subject_bytes(&subject)])?;
    Ok(())
}

/// A person's drafts, the newest first.
pub fn all(connection: &Connection, person: &str) -> Result<Vec<StoredDraft>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select action, subject, at, field, text from draft
         where person = ? order by at desc, action, subject, field",
    )?;
    let mut rows = statement.query([person])?;
    let mut drafts: Vec<StoredDraft> = Vec::new();
    while let Some(row) = rows.next()? {
        let (action, at): (String, String) = (row.get(0)?, row.get(2)?);
        let subject = RecordId::from_slice(&row.get::<_, Vec<u8>>(1)?);
        let (field, text) = (row.get(3)?, row.get(4)?);
        match drafts.last_mut() {
            Some(last) if last.action == action && last.subject == subject => {
                last.texts.insert(field, text);
            }
            _ => {
                let texts = BTreeMap::from([(field, text)]);
                drafts.push(StoredDraft { action, subject, at, texts });
            }
        }
    }
    Ok(drafts)
}

fn subject_bytes(subject: &Option<RecordId>) -> &[u8] {
    subject.as_ref().map_or(&[], |id| id.0.as_slice())
}
