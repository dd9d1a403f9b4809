//! Forms made from an action's parameters: fields, drafts, checks, choices.
//!
//! A field's text is what its type's `parse` takes, the same in both languages; what is shown is
//! worded when it is drawn. Enter never submits; F2 does, and only the screen sends anything.

mod popup;

use std::collections::BTreeMap;

use onex_crdt::action::{Action, Given, Refusal};
use onex_crdt::field::number::{Flag, decimal_format};
use onex_crdt::field::{Choice, FieldError, FieldType, Shape, show};
use onex_crdt::ids::RecordId;
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::value::Value;

use crate::core::input::{Edited, TextInput};
use crate::core::keys::Key;
use crate::core::load::Many;
use crate::i18n::Lang;
pub use popup::Popup;

/// What a draft is kept under: the action and the record.
pub type DraftKey = (&'static str, Option<RecordId>);

/// Texts by key of field, kept until the action is done.
pub type Draft = BTreeMap<&'static str, String>;

/// A form that is open.
#[derive(Clone)]
pub struct FormState {
    /// What it is for.
    pub action: &'static Action,
    /// The record that the action takes.
    pub subject: Option<RecordId>,
    /// The records that it takes, where they were ticked.
    pub many: Option<Many>,
    /// The parameter that names those records, where the action takes another one.
    pub into: Option<&'static str>,
    /// Given besides the fields, an outcome that a key has chosen.
    pub preset: Given,
    /// The fields in order.
    pub fields: Vec<FormField>,
    /// Index of the field with the focus.
    pub focused: usize,
    /// The text of the focused field being edited; unused where a field is chosen.
    pub input: TextInput,
    /// The list that is open over the focused field.
    pub popup: Option<Popup>,
    /// A sentence above the fields: what will happen. An id of `i18n`.
    pub effect: Option<&'static str>,
    /// Why the record came back.
    pub reason: Option<String>,
    /// How far sending has come.
    pub stage: Stage,
    /// Whether it holds, or holds no longer, what was left in it before.
    pub left: Left,
    /// Whether it is about what was marked: what is typed is not kept, since it would come back
    /// under another mark.
    pub marked: bool,
}

/// What a form has of the texts that were left in it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// There were none.
    Nothing,
    /// They are in the fields.
    Restored,
    /// They were put aside, and can come back.
    Aside(Draft),
}

/// How far a form has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The row that it alters is being read.
    Loading,
    /// Being filled in.
    Filling,
    /// A worker carries it out.
    Sending,
    /// A rule refused it.
    Refused(Refusal),
    /// The system failed.
    Failed(String),
}

/// One field of a form.
#[derive(Debug, Clone)]
pub struct FormField {
    /// The key of the field or parameter.
    pub key: &'static str,
    /// The Chinese label.
    pub zh: &'static str,
    /// The English label.
    pub en: &'static str,
    /// How it is read.
    pub ty: FieldType,
    /// Whether it must be given.
    pub required: bool,
    /// Whether the record has several values in it.
    pub conflict: bool,
    /// The text when the form was opened.
    pub original: String,
    /// The text now.
    pub text: String,
    /// Whether the focus was on it and left it.
    pub visited: bool,
    /// What the last check found.
    pub error: Option<FieldError>,
    /// Ready-made texts; ids of `i18n`.
    pub ready: &'static [&'static str],
    /// Choices that are not offered here; ids.
    pub hidden: Vec<&'static str>,
}

/// How a field is filled in.
#[derive(Debug, Clone, Copy)]
pub enum Widget {
    /// Typed.
    Text,
    /// One of these.
    One(&'static [Choice]),
    /// Several of these.
    Several(&'static [Choice]),
    /// A record of this kind.
    Record(&'static str),
    /// Several records of this kind.
    Records(&'static str),
}

impl FormField {
    /// Returns how it is filled in.
    pub fn widget(&self) -> Widget {
        match self.ty.shape {
            Shape::Choice(choices) | Shape::NumberedChoice(choices) => Widget::One(choices),
            Shape::Bool => Widget::One(Flag::CHOICES),
            Shape::ChoiceList(choices) => Widget::Several(choices),
            Shape::Id(kind) => Widget::Record(kind),
            Shape::IdList(kind) => Widget::Records(kind),
            _ => Widget::Text,
        }
    }

    /// Returns the label.
    pub fn label(&self, lang: Lang) -> &'static str {
        if lang == Lang::Zh { self.zh } else { self.en }
    }

    /// Returns the value, if there is one.
    ///
    /// # Errors
    /// When the text is no value of the type, or nothing where something must be.
    pub fn read(&self) -> Result<Option<Value>, FieldError> {
        match self.text.trim() {
            "" if self.required => Err(FieldError::Missing),
            "" => Ok(None),
            text => (self.ty.parse)(text).map(Some),
        }
    }

    /// Returns the value as people read it; text that is no value is returned as it is.
    pub fn shown(&self, lang: Lang) -> String {
        match (self.text.trim(), (self.ty.parse)(&self.text)) {
            ("", _) => String::new(),
            (_, Ok(value)) => show(&self.ty.shape, &value, lang == Lang::Zh),
            (text, Err(_)) => text.to_owned(),
        }
    }

    /// Returns the words of its choices, or of its ready-made texts; none of a field whose records
    /// are searched by the store.
    pub fn listed(&self, lang: Lang) -> Vec<String> {
        match self.widget() {
            Widget::One(choices) | Widget::Several(choices) => {
                let words = choices.iter().map(|c| if lang == Lang::Zh { c.zh } else { c.en });
                words.map(str::to_owned).collect()
            }
            Widget::Text => self.ready.iter().map(|id| crate::i18n::tr(lang, id, &[])).collect(),
            Widget::Record(_) | Widget::Records(_) => Vec::new(),
        }
    }

    /// Whether one of its choices is offered.
    fn offers(&self, at: usize) -> bool {
        match self.widget() {
            Widget::One(choices) | Widget::Several(choices) => {
                choices.get(at).is_some_and(|choice| !self.hidden.contains(&choice.id))
            }
            _ => true,
        }
    }

    fn check(&mut self) {
        self.error = self.read().err();
    }

    fn is_picked(&self, choice: &str) -> bool {
        self.text.split(',').any(|picked| picked == choice)
    }

    fn toggle(&mut self, item: &str) {
        let mut items: Vec<&str> = self.text.split(',').filter(|item| !item.is_empty()).collect();
        match items.iter().position(|known| *known == item) {
            Some(at) => drop(items.remove(at)),
            None => items.push(item),
        }
        self.text = items.join(",");
    }
}

/// Returns the text of a value that its type reads again, in no language.
pub fn text_of(shape: &Shape, value: &Value) -> String {
    match (shape, value) {
        (Shape::Decimal(places), Value::Int(units)) => decimal_format(*units, *places),
        (_, Value::Bool(flag)) => flag.to_string(),
        (_, Value::Text(text)) => text.clone(),
        (_, Value::Int(number)) => number.to_string(),
        (Shape::ChoiceList(_) | Shape::IdList(_), Value::List(items)) => items.join(","),
        _ => show(shape, value, true),
    }
}

impl FormState {
    /// Returns the empty form of an action, without the fields that are asked for elsewhere.
    pub fn new(action: &'static Action, subject: Option<RecordId>, leave_out: &[&str]) -> Self {
        let own = action
            .params
            .iter()
            .map(|param| (param.key, param.zh, param.en, param.ty, param.required));
        let of_kind = action
            .field_params()
            .map(|field| (field.key, field.zh, field.en, field.ty, field.required));
        let fields = of_kind.chain(own).filter(|(key, ..)| !leave_out.contains(key)).map(
            |(key, zh, en, ty, required)| FormField {
                key,
                zh,
                en,
                ty,
                required,
                conflict: false,
                original: String::new(),
                text: String::new(),
                visited: false,
                error: None,
                ready: &[],
                hidden: Vec::new(),
            },
        );
        Self {
            action,
            subject,
            many: None,
            into: None,
            preset: Given::new(),
            fields: fields.collect(),
            focused: 0,
            input: TextInput::new("", TEXT_CHARS_MAX),
            popup: None,
            effect: None,
            reason: None,
            stage: Stage::Filling,
            left: Left::Nothing,
            marked: false,
        }
    }

    /// Returns what its draft is kept under.
    pub fn draft_key(&self) -> DraftKey {
        (self.action.id, self.subject)
    }

    /// Returns a field by its key.
    pub fn field_mut(&mut self, key: &str) -> Option<&mut FormField> {
        self.fields.iter_mut().find(|field| field.key == key)
    }

    /// Asks first for the record that the action takes; `SUBJECT` is the key of that field.
    pub fn ask_subject(&mut self, kind: &'static RecordKind, ty: FieldType) {
        let field = FormField {
            key: SUBJECT,
            zh: kind.zh,
            en: kind.en,
            ty,
            required: true,
            conflict: false,
            original: String::new(),
            text: String::new(),
            visited: false,
            error: None,
            ready: &[],
            hidden: Vec::new(),
        };
        self.fields.insert(0, field);
    }

    /// Gives a parameter that nobody types: it names what is marked.
    pub fn mark(&mut self, key: &'static str, id: String) {
        self.fields.retain(|field| field.key != key);
        self.preset.insert(key.to_owned(), Some(Value::Text(id)));
        self.marked = true;
    }

    /// Returns what a parameter was given beforehand.
    pub fn preset_text(&self, key: &str) -> Option<&str> {
        self.preset.get(key).and_then(Option::as_ref).and_then(Value::as_text)
    }

    /// Makes a field one that must be given.
    pub fn require(&mut self, key: &str) {
        if let Some(field) = self.field_mut(key) {
            field.required = true;
        }
    }

    /// Puts the values of a row into the fields.
    pub fn fill(&mut self, row: &Row) {
        for field in &mut self.fields {
            let value = row.fields.get(field.key);
            field.original = value.map(|v| text_of(&field.ty.shape, v)).unwrap_or_default();
            field.text.clone_from(&field.original);
            field.conflict = row.conflict.iter().any(|key| key == field.key);
        }
        self.focus(self.focused);
    }

    /// Puts the texts of a draft that was left into the fields.
    pub fn restore(&mut self, draft: &Draft) {
        for field in &mut self.fields {
            if let Some(text) = draft.get(field.key) {
                field.text.clone_from(text);
                field.visited = true;
                field.check();
            }
        }
        self.left = Left::Restored;
        self.focus(self.focused);
    }

    /// Puts what was restored aside, or brings it back.
    pub fn swap(&mut self) {
        match std::mem::replace(&mut self.left, Left::Nothing) {
            Left::Nothing => {}
            Left::Restored => {
                self.left = Left::Aside(self.draft());
                for field in &mut self.fields {
                    field.text.clone_from(&field.original);
                    (field.visited, field.error) = (false, None);
                }
                self.focus(self.focused);
            }
            Left::Aside(draft) => self.restore(&draft),
        }
    }

    /// Returns the texts that differ from those the form was opened with, and with them the outcome
    /// that a key has chosen.
    pub fn draft(&self) -> Draft {
        let changed = self.fields.iter().filter(|field| field.text != field.original);
        let mut draft: Draft = changed.map(|field| (field.key, field.text.clone())).collect();
        let outcome = self.preset.get(OUTCOME).cloned().flatten();
        if let (false, Some(Value::Text(outcome))) = (draft.is_empty(), outcome) {
            draft.insert(OUTCOME, outcome);
        }
        draft
    }

    /// Returns the field with the focus.
    pub fn current(&self) -> Option<&FormField> {
        self.fields.get(self.focused)
    }

    /// Whether the focused field takes text now.
    pub fn is_typed(&self) -> bool {
        self.popup.is_none() && self.current().is_some_and(|f| matches!(f.widget(), Widget::Text))
    }

    /// Moves the focus, checking the field that it leaves.
    pub fn focus(&mut self, at: usize) {
        let leaves = self.focused != at;
        if let Some(field) = self.fields.get_mut(self.focused).filter(|_| leaves) {
            field.visited = true;
            field.check();
        }
        self.focused = at.min(self.fields.len().saturating_sub(1));
        let text = self.current().map_or("", |field| field.text.as_str());
        self.input = TextInput::new(text, TEXT_CHARS_MAX);
        self.popup = None;
    }

    /// Moves the focus by some fields; it stops at both ends.
    pub fn step(&mut self, by: isize) {
        self.focus(self.focused.saturating_add_signed(by));
    }

    /// Applies a key to the text of the focused field.
    pub fn key(&mut self, key: Key) -> Edited {
        let edited = self.input.key(key);
        self.take_input();
        edited
    }

    /// Inserts pasted text into the focused field.
    pub fn paste(&mut self, text: &str) {
        self.input.paste(text);
        self.take_input();
    }

    fn take_input(&mut self) {
        let text = self.input.value().to_owned();
        self.put(text);
    }

    fn put(&mut self, text: String) {
        let Some(field) = self.fields.get_mut(self.focused) else { return };
        if field.text == text {
            return;
        }
        field.text = text;
        if field.error.is_some() {
            field.check();
        }
        if matches!(self.stage, Stage::Refused(_) | Stage::Failed(_)) {
            self.stage = Stage::Filling;
        }
    }

    /// How many fields keep the form from being sent.
    pub fn missing(&self) -> usize {
        let refused = match &self.stage {
            Stage::Refused(refusal) => refusal.field.as_deref(),
            _ => None,
        };
        let is_missing = |field: &&FormField| field.read().is_err() || refused == Some(field.key);
        self.fields.iter().filter(is_missing).count()
    }

    /// Checks every field and returns what to give; where something is wrong, the focus is there.
    pub fn collect(&mut self) -> Option<Given> {
        for field in &mut self.fields {
            field.visited = true;
            field.check();
        }
        if let Some(at) = self.fields.iter().position(|field| field.error.is_some()) {
            self.focus(at);
            return None;
        }
        let mut given = self.preset.clone();
        let edits = self.action.undo == onex_crdt::action::Undo::Edit && self.subject.is_some();
        for field in &self.fields {
            let changed = field.text != field.original || field.conflict;
            let value = field.read().ok().flatten();
            if (edits && changed) || (!edits && value.is_some()) {
                given.insert(field.key.to_owned(), value);
            }
        }
        Some(given)
    }

    /// Notes a refusal and puts the focus where it points.
    pub fn refused(&mut self, refusal: Refusal) {
        let at = self.fields.iter().position(|field| Some(field.key) == refusal.field.as_deref());
        if let Some(at) = at {
            self.focus(at);
        }
        self.stage = Stage::Refused(refusal);
    }
}

/// The parameter that a key chooses before the form opens.
pub const OUTCOME: &str = "outcome";
/// Longer than any field but a call's text, which comes from a file.
const TEXT_CHARS_MAX: usize = 1000;
/// The key of the field that asks for the record that the action takes.
pub const SUBJECT: &str = "subject";

#[cfg(test)]
mod tests {
    use onex_crdt::records::application::actions::{ADD, DECIDE, EDIT};

    use super::*;

    #[track_caller]
    fn check(key: &str, text: &str, expected: Result<&str, &str>) {
        let mut form = FormState::new(&ADD, None, &[]);
        let at = form.fields.iter().position(|field| field.key == key).expect(key);
        form.focus(at);
        form.paste(text);
        form.focus(if at == 0 { 1 } else { 0 });
        let field = &form.fields[at];
        match expected {
            Ok(shown) => {
                assert_eq!((field.error.as_ref(), field.shown(Lang::Zh)), (None, shown.into()));
            }
            Err(code) => assert_eq!(field.error.as_ref().map(FieldError::code), Some(code)),
        }
    }

    #[test]
    fn a_field_is_checked_when_the_focus_leaves_it() {
        check("planned_students", "90", Ok("90"));
        check("planned_students", "9.5", Err("number"));
        check("planned_students", "", Err("missing"));
        check("grade", "", Ok(""));
        check("contact_phone", "139 0000 0021", Ok("13900000021"));
        check("contact_phone", "139", Err("form"));
        check("own_site", "true", Ok("是"));
        check("education_level", "higher_vocational", Ok("高职"));
        check("budget_tuition", "9000", Ok("9000.00"));
    }

    #[test]
    fn only_what_changed_is_given() {
        let mut row = Row::default();
        row.set("planned_students", Some(Value::Int(90)));
        row.set_text("grade", "2024级");
        let mut form = FormState::new(&EDIT, Some(RecordId([1; 16])), &[]);
        form.fields.iter_mut().for_each(|field| field.required = false);
        form.fill(&row);
        assert_eq!(form.collect(), Some(Given::new()));
        form.restore(&Draft::from([("planned_students", "80".into()), ("grade", "".into())]));
        let given = form.collect().expect("all fields are right");
        let eighty = Some(Value::Int(80));
        assert_eq!(
            given,
            Given::from([("planned_students".into(), eighty), ("grade".into(), None)])
        );
    }

    #[test]
    fn choices_are_taken_and_several_stay_open() {
        let mut form = FormState::new(&DECIDE, None, &[]);
        assert_eq!(form.open(), None);
        form.popup_step(2);
        form.popup_step(99);
        form.popup_take(Lang::Zh);
        assert_eq!((form.fields[0].text.as_str(), form.popup.is_none()), ("cancelled", true));
        form.fields[1].ready = &["reason-numbers"];
        form.focus(1);
        form.open();
        form.popup_take(Lang::Zh);
        assert!(form.input.value().contains("人数"), "{}", form.input.value());
    }

    /// What is left of the outcomes of a decision when this is typed, and what Enter takes then.
    #[track_caller]
    fn check_typed(typed: &str, left: usize, taken: &str) {
        let mut form = FormState::new(&DECIDE, None, &[]);
        for letter in typed.chars() {
            if form.searches(letter) {
                form.open();
            }
            form.popup_key(Key::char(letter), Lang::Zh);
        }
        let fitting = match &form.popup {
            Some(Popup::Listed { fitting, .. }) => fitting.len(),
            _ => 0,
        };
        form.popup_take(Lang::Zh);
        assert_eq!((fitting, form.fields[0].text.as_str()), (left, taken), "{typed}");
    }

    #[test]
    fn letters_search_a_list_of_choices() {
        check_typed("取消", 1, "cancelled");
        check_typed("qx", 1, "cancelled");
        check_typed("tuihui", 1, "returned");
        check_typed("没有", 0, "");
        check_typed("/", 0, "");
    }
}
