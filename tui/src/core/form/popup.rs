//! The list over a field of a form: what it holds, how it is searched, what is taken from it.

use onex_crdt::record::Row;

use super::{FormState, TEXT_CHARS_MAX, Widget};
use crate::core::input::{Edited, TextInput};
use crate::core::keys::Key;
use crate::core::menu::Menu;
use crate::i18n::Lang;

/// A list that is open over a field.
#[derive(Clone)]
pub enum Popup {
    /// The choices of the field's type, or its ready-made texts.
    Listed {
        /// What is searched for among them.
        query: TextInput,
        /// The entries that fit it, best first.
        fitting: Vec<usize>,
        /// Index of the marked one among those.
        selected: usize,
    },
    /// Records to search.
    Records {
        /// What is searched for.
        query: TextInput,
        /// What was found; nothing while it is being read.
        found: Option<Vec<Row>>,
        /// Index of the marked one.
        selected: usize,
    },
}

impl FormState {
    /// Opens the list of the focused field, if it has one; tells which records it needs.
    pub fn open(&mut self) -> Option<&'static str> {
        let field = self.current()?;
        let query = TextInput::new("", TEXT_CHARS_MAX);
        let (popup, kind) = match field.widget() {
            Widget::One(choices) | Widget::Several(choices) => {
                let fitting: Vec<usize> =
                    (0..choices.len()).filter(|at| field.offers(*at)).collect();
                let at = fitting.iter().position(|at| choices[*at].id == field.text);
                (Popup::Listed { query, fitting, selected: at.unwrap_or(0) }, None)
            }
            Widget::Record(kind) | Widget::Records(kind) => {
                (Popup::Records { query, found: None, selected: 0 }, Some(kind))
            }
            Widget::Text if !field.ready.is_empty() => {
                let fitting = (0..field.ready.len()).collect();
                (Popup::Listed { query, fitting, selected: 0 }, None)
            }
            Widget::Text => return None,
        };
        self.popup = Some(popup);
        kind
    }

    /// Whether the list over the focused field, open or not, takes this letter to search by.
    pub fn searches(&self, letter: char) -> bool {
        self.popup.is_none() && !self.is_typed() && letter.is_alphanumeric()
    }

    /// Offers a key to what is searched for in the open list.
    pub fn popup_key(&mut self, key: Key, lang: Lang) -> Edited {
        self.popup_edit(lang, |query| query.key(key))
    }

    /// Adds pasted text to what is searched for in the open list.
    pub fn popup_paste(&mut self, text: &str, lang: Lang) {
        self.popup_edit(lang, |query| {
            query.paste(text);
            Edited::Text
        });
    }

    fn popup_edit(&mut self, lang: Lang, edit: impl FnOnce(&mut TextInput) -> Edited) -> Edited {
        let Some(field) = self.fields.get(self.focused) else { return Edited::NotMine };
        match &mut self.popup {
            Some(Popup::Listed { query, fitting, selected }) => {
                let edited = edit(query);
                if edited == Edited::Text {
                    let words = field.listed(lang);
                    let found = Menu::new(words.iter().map(String::as_str)).find(query.value());
                    let found = found.into_iter().map(|hit| hit.entry);
                    *fitting = found.filter(|at| field.offers(*at)).collect();
                    *selected = 0;
                }
                edited
            }
            Some(Popup::Records { query, .. }) => edit(query),
            None => Edited::NotMine,
        }
    }

    /// Whether a space ticks the marked entry: several can be taken, and nothing is searched for.
    pub fn popup_ticks(&self) -> bool {
        let (Some(Popup::Listed { query, .. } | Popup::Records { query, .. }), Some(field)) =
            (&self.popup, self.current())
        else {
            return false;
        };
        matches!(field.widget(), Widget::Several(_) | Widget::Records(_))
            && query.value().is_empty()
    }

    /// Moves the mark in the open list.
    pub fn popup_step(&mut self, by: isize) {
        let (selected, count) = match &mut self.popup {
            Some(Popup::Listed { fitting, selected, .. }) => (selected, fitting.len()),
            Some(Popup::Records { found, selected, .. }) => {
                (selected, found.as_ref().map_or(0, Vec::len))
            }
            None => return,
        };
        *selected = selected.saturating_add_signed(by).min(count.saturating_sub(1));
    }

    /// Takes the marked entry. A list that takes several stays open.
    pub fn popup_take(&mut self, lang: Lang) {
        let Some(field) = self.fields.get_mut(self.focused) else { return };
        let taken = match (&self.popup, field.widget()) {
            (Some(Popup::Listed { fitting, selected, .. }), widget) => {
                let at = fitting.get(*selected).copied();
                match widget {
                    Widget::One(choices) | Widget::Several(choices) => {
                        at.and_then(|at| choices.get(at)).map(|choice| choice.id.to_owned())
                    }
                    _ => at.and_then(|at| field.listed(lang).into_iter().nth(at)),
                }
            }
            (Some(Popup::Records { found, selected, .. }), _) => {
                let row = found.as_ref().and_then(|found| found.get(*selected));
                row.map(|row| row.id.to_string())
            }
            (None, _) => return,
        };
        match (field.widget(), taken) {
            (Widget::Several(_) | Widget::Records(_), Some(item)) => field.toggle(&item),
            (_, Some(text)) => self.take(text),
            // Nothing fits: the list stays, with what was typed.
            (_, None) => {}
        }
    }

    fn take(&mut self, text: String) {
        self.put(text);
        let at = self.focused;
        self.focus(at);
        if let Some(field) = self.fields.get_mut(at) {
            field.visited = true;
            field.check();
        }
    }

    /// Whether an entry of a list that takes several is taken.
    pub fn is_picked(&self, item: &str) -> bool {
        self.current().is_some_and(|field| field.is_picked(item))
    }
}
