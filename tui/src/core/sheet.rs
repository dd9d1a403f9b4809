//! The sheets over a list: what to order it by, what to filter it by.
//!
//! They hold where the person is in them; the list keeps the order and the chips.

use onex_crdt::value::Value;

use crate::core::input::TextInput;
use crate::core::keys::Key;

/// A sheet that is open over the list.
#[derive(Clone)]
pub enum Sheet {
    /// By which column, and which way round.
    Sort {
        /// Index of the marked entry; 0 is the list's own order, then its columns.
        selected: usize,
        /// Largest first.
        descending: bool,
        /// The letter that opened it.
        letter: Option<Key>,
    },
    /// By which field.
    Fields {
        /// Index of the marked field; a list that can be a queue has that first.
        selected: usize,
        /// The letter that opened it.
        letter: Option<Key>,
    },
    /// By which values of the field.
    Values {
        /// The field.
        key: &'static str,
        /// What the values are searched for.
        query: TextInput,
        /// The values that there are, with how many rows have each; nothing while it is read.
        found: Option<Vec<(Value, usize)>>,
        /// Index of the marked one among those that fit the query.
        selected: usize,
    },
}

impl Sheet {
    /// Notes that a letter opened it: the next letter shows that a search was meant.
    pub fn opened_by(&mut self, key: Key) {
        if let Sheet::Sort { letter, .. } | Sheet::Fields { letter, .. } = self {
            *letter = key.text().filter(|text| text.is_alphabetic()).map(|_| key);
        }
    }
}
