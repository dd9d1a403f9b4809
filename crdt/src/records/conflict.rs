//! Choosing among concurrent values (选定冲突值): a signed step of a person. C2, C8.
//!
//! Which values there are is found in documents; the node looks them up and writes the choice.

use crate::act::Act;
use crate::action::{Action, FieldsGiven, Param, Run, Says, Subject, Undo};
use crate::field::Field;
use crate::field::number::Count;
use crate::field::text::{LongText, Text};
use crate::ids::RecordId;
use crate::value::Value;

use super::undo::ANYBODY;

/// Chooses one of several concurrent values of a field, or another one. Requirements 2.24.
pub const CHOOSE: Action = Action {
    id: "conflict.choose",
    zh: "选定冲突值",
    en: "Choose in a conflict",
    who: ANYBODY,
    kind: None,
    subject: Subject::Nothing,
    fields: FieldsGiven::None,
    params: &[
        Param::required("id", "冲突", "conflict", <Text<8, 32> as Field>::TYPE),
        Param::optional("choice", "选第几个", "choice", <Count<1, 1000> as Field>::TYPE),
        Param::optional("value", "另填的值", "another value", <LongText<8000> as Field>::TYPE),
        Param::optional("reason", "理由", "reason", <LongText<400> as Field>::TYPE),
    ],
    from: &[],
    undo: Undo::No,
    run: Run::Node,
};

/// What a choice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The conflict that it ended.
    pub conflict: RecordId,
    /// The key of the kind of the record.
    pub kind: String,
    /// The key of the field.
    pub field: String,
    /// The value chosen; nothing when the field was cleared.
    pub value: Option<Value>,
    /// Why.
    pub reason: Option<String>,
}

impl Choice {
    /// What the act says.
    pub fn says(&self) -> Says {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        Says::nothing()
            .with("conflict", text(&self.conflict.to_string()))
            .with("kind", text(&self.kind))
            .with("field", text(&self.field))
            .with("value", self.value.clone())
            .with("reason", self.reason.clone().map(Value::Text))
    }

    /// Reads an act as a choice.
    pub fn of(act: &Act) -> Option<Self> {
        let text = |key: &str| act.says(key).map(str::to_owned);
        let (kind, field) = (text("kind")?, text("field")?);
        let conflict = act.says("conflict")?.parse().ok()?;
        let value = act.body.get("value").cloned();
        let is_choice = act.kind == CHOOSE.id;
        is_choice.then(|| Self { conflict, kind, field, value, reason: text("reason") })
    }
}
