//! Texts of forms that were left or are open, and which of them the node has not been given yet.
//!
//! Reads no clock and writes nothing: the loop says when they are to be written, a worker does it.

use std::collections::{BTreeMap, BTreeSet};

use onex_crdt::field::time::Moment;
use onex_crdt::registry;
use onex_node::api;

use crate::core::form::{Draft, DraftKey};
use crate::core::load::Task;

/// The drafts that are known.
#[derive(Debug, Clone, Default)]
pub struct Drafts {
    kept: BTreeMap<DraftKey, Kept>,
    unwritten: BTreeSet<DraftKey>,
}

/// One draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The texts.
    pub texts: Draft,
    /// When the node was last given it; nothing while it never was.
    pub written: Option<Moment>,
}

impl Drafts {
    /// Returns the draft of a form.
    pub fn get(&self, key: &DraftKey) -> Option<&Kept> {
        self.kept.get(key)
    }

    /// Whether a form has one.
    pub fn contains(&self, key: &DraftKey) -> bool {
        self.kept.contains_key(key)
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Takes the texts of a form as they are now; none forgets the draft.
    pub fn keep(&mut self, key: DraftKey, texts: Draft) {
        if texts.is_empty() {
            self.forget(key);
        } else if self.get(&key).is_none_or(|kept| kept.texts != texts) {
            let written = self.get(&key).and_then(|kept| kept.written);
            self.kept.insert(key, Kept { texts, written });
            self.unwritten.insert(key);
        }
    }

    /// Forgets a draft; the node is told with the next write.
    pub fn forget(&mut self, key: DraftKey) {
        if self.kept.remove(&key).is_some() {
            self.unwritten.insert(key);
        }
    }

    /// Forgets all but one and tells nobody: there is no node that knows them.
    pub fn retain_only(&mut self, key: Option<DraftKey>) {
        self.kept.retain(|known, _| Some(*known) == key);
        self.unwritten.clear();
    }

    /// Whether something waits to be written.
    pub fn are_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Returns the tasks that write what has changed since the last call.
    pub fn write(&mut self) -> Vec<Task> {
        let keys = std::mem::take(&mut self.unwritten);
        let task = |key| {
            let texts = self.get(&key).map(|kept| kept.texts.clone()).unwrap_or_default();
            Task::Draft { key, texts }
        };
        keys.into_iter().map(task).collect()
    }

    /// Notes that the node has a draft.
    pub fn written(&mut self, key: &DraftKey, at: Moment) {
        if let Some(kept) = self.kept.get_mut(key) {
            kept.written = Some(at);
        }
    }

    /// Takes what the node kept from before; a draft that is here already is newer.
    pub fn restore(&mut self, stored: Vec<api::Draft>) {
        for draft in stored {
            let Some((key, kept)) = read(draft) else { continue };
            if !self.unwritten.contains(&key) {
                self.kept.entry(key).or_insert(kept);
            }
        }
    }
}

/// Reads a stored draft; nothing when this program has no such form any more.
fn read(stored: api::Draft) -> Option<(DraftKey, Kept)> {
    let action = registry::action(&stored.action)?;
    let params = action.params.iter().map(|param| param.key);
    let keys: Vec<&'static str> =
        action.field_params().map(|field| field.key).chain(params).collect();
    let known = |field: &str| keys.iter().copied().find(|key| *key == field);
    let texts = stored.texts.into_iter().filter_map(|(field, text)| Some((known(&field)?, text)));
    let texts: Draft = texts.collect();
    let kept = Kept { texts, written: Some(stored.at) };
    (!kept.texts.is_empty()).then_some(((action.id, stored.subject), kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: DraftKey = ("contact.add", None);

    fn texts(text: &str) -> Draft {
        Draft::from([("name", text.to_owned())])
    }

    fn stored(action: &str, field: &str) -> api::Draft {
        let texts = BTreeMap::from([(field.to_owned(), "王芳".to_owned())]);
        let at = Moment::parse("2026-04-20T09:41:00+08:00").expect("valid");
        api::Draft { action: action.to_owned(), subject: None, at, texts }
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut drafts = Drafts::default();
        drafts.keep(KEY, texts("王"));
        drafts.keep(KEY, texts("王芳"));
        let tasks = drafts.write();
        assert!(matches!(&tasks[..], [Task::Draft { texts, .. }] if texts["name"] == "王芳"));
        drafts.keep(KEY, texts("王芳"));
        assert!(drafts.write().is_empty(), "the same text again");
        drafts.keep(KEY, Draft::new());
        let tasks = drafts.write();
        assert!(matches!(&tasks[..], [Task::Draft { texts, .. }] if texts.is_empty()));
        drafts.forget(KEY);
        assert!(!drafts.are_unwritten(), "what is not there is not forgotten");
    }

    #[test]
    fn what_is_newer_here_stays() {
        let mut drafts = Drafts::default();
        drafts.keep(KEY, texts("李强"));
        drafts.restore(vec![stored("contact.add", "name")]);
        assert_eq!(drafts.get(&KEY).map(|kept| kept.texts["name"].as_str()), Some("李强"));
        drafts.forget(KEY);
        drafts.restore(vec![stored("contact.add", "name")]);
        assert!(drafts.is_empty(), "forgotten here, and the node does not know it yet");
        drafts.write();
        drafts.restore(vec![
            stored("contact.add", "name"),
            stored("contact.add", "no_field"),
            stored("no.action", "name"),
        ]);
        assert_eq!(drafts.len(), 1, "only what this program can open");
    }
}
