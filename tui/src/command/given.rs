//! What is given on the command line: actions, parameters, ids and conditions, as text.
//!
//! Every value is read by the type of its field or parameter; nothing is checked beyond that.

use std::path::Path;

use onex_crdt::action::{Action, Given, Reason, Subject};
use onex_crdt::field::{FieldError, FieldType, Shape};
use onex_crdt::ids::{Digest, RecordId};
use onex_crdt::record::RecordKind;
use onex_crdt::registry;
use onex_crdt::value::Value;
use onex_node::api::{Answer, Compare, Condition};
use onex_node::engine::Order;
use onex_node::{Node, NodeError};

use super::Failure;
use crate::core::refusal::explain_field;
use crate::i18n::{Arg, Lang, tr};

/// An action with what it is given, once its texts have been read.
#[derive(Debug)]
pub struct Call {
    /// The action.
    pub action: &'static Action,
    /// The records that `id=` named.
    pub ids: Vec<RecordId>,
    /// What is given: once for all of those, or once for each new record.
    pub given: Vec<Given>,
}

/// Returns the action with a name; a wrong one is answered with those on the same kind.
pub fn action(lang: Lang, name: &str) -> Result<&'static Action, Failure> {
    registry::action(name).ok_or_else(|| {
        let subject = name.split('.').next().unwrap_or_default();
        let ids = registry::ACTIONS.iter().map(|action| action.id);
        let known = ids.filter(|id| id.split('.').next() == Some(subject));
        match known.collect::<Vec<_>>().as_slice() {
            [] => Failure::usage(lang, "command-unknown-action", name),
            known => Failure::unlisted(lang, "command-unknown-action-of", name, known),
        }
    })
}

/// Returns the kind with a key; a wrong one is answered with those there are, and with `more`.
pub fn kind(lang: Lang, key: &str, more: &[&str]) -> Result<&'static RecordKind, Failure> {
    registry::kind(key).ok_or_else(|| {
        let known = registry::KINDS.iter().map(|kind| kind.key);
        let known: Vec<&str> = known.chain(more.iter().copied()).collect();
        Failure::unlisted(lang, "command-unknown-kind", key, &known)
    })
}

impl Call {
    /// Reads what an action is given as `key`, `text`.
    ///
    /// # Errors
    /// Wrong usage for a parameter that the action has not; a refusal for a value that is none.
    pub fn read(
        lang: Lang,
        node: &Node,
        action: &'static Action,
        pairs: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let mut call = Self { action, ids: Vec::new(), given: vec![Given::new()] };
        let mut seen = std::collections::BTreeSet::new();
        for (key, text) in pairs {
            if !seen.insert(*key) {
                return Err(Failure::usage(lang, "command-twice", key));
            }
            call.read_one(lang, node, key, text)?;
        }
        if action.subject == Subject::Takes && call.ids.is_empty() {
            let missing = Reason::Invalid(FieldError::Missing);
            return Err(Failure::refused(lang, action, missing, Some("id")));
        }
        Ok(call)
    }

    fn read_one(&mut self, lang: Lang, node: &Node, key: &str, text: &str) -> Result<(), Failure> {
        let action = self.action;
        if key == "id" && action.subject == Subject::Takes {
            let kind = action.kind.expect("an action that takes id= has a kind");
            let ids = parts(text).map(|part| id(lang, node, action, kind, key, part));
            self.ids = ids.collect::<Result<_, _>>()?;
            return Ok(());
        }
        if key == "file" && action.param_type(DIGEST_OF_FILE).is_some() {
            let bytes = std::fs::read(Path::new(text))
                .map_err(|error| Failure::bad_file(lang, Path::new(text), &error))?;
            return self.put(lang, DIGEST_OF_FILE, &Digest::over(&[&bytes]).to_string());
        }
        if key == "photo" && action.param_type(DIGEST_OF_PHOTO).is_some() {
            let bytes = std::fs::read(Path::new(text))
                .map_err(|error| Failure::bad_file(lang, Path::new(text), &error))?;
            let digest = node.keep_photo(&bytes).map_err(|error| match error {
                NodeError::Value { field, error } => {
                    Failure::refused(lang, action, Reason::Invalid(error), Some(&field))
                }
                error => Failure::of(lang, error),
            })?;
            return self.put(lang, DIGEST_OF_PHOTO, &digest.to_string());
        }
        let Some(ty) = action.param_type(key) else {
            let id = (action.subject == Subject::Takes).then_some("id");
            let known = id.into_iter().chain(action.params.iter().map(|param| param.key));
            let known: Vec<&str> =
                known.chain(action.field_params().map(|field| field.key)).collect();
            return Err(Failure::unlisted(lang, "command-unknown-parameter", key, &known));
        };
        let several = action.subject == Subject::Makes && parts(text).nth(1).is_some();
        match ty.shape {
            Shape::Id(of) if several => self.fan_out(lang, node, key, of, text),
            Shape::Id(of) => {
                let full = full_id(lang, node, action, of, key, text.trim())?;
                self.put(lang, key, &full)
            }
            Shape::IdList(of) => {
                let ids = parts(text).map(|part| full_id(lang, node, action, of, key, part));
                let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
                self.put(lang, key, &ids.join(","))
            }
            _ => self.put(lang, key, text),
        }
    }

    fn put(&mut self, lang: Lang, key: &str, text: &str) -> Result<(), Failure> {
        let value = self.action.read(key, text);
        let value = value.map_err(|reason| Failure::refused(lang, self.action, reason, Some(key)));
        let value = value?;
        for given in &mut self.given {
            given.insert(key.to_owned(), value.clone());
        }
        Ok(())
    }

    /// Several ids where a new record has one: a record for each (contract, "Ids").
    fn fan_out(
        &mut self,
        lang: Lang,
        node: &Node,
        key: &str,
        kind: &str,
        text: &str,
    ) -> Result<(), Failure> {
        let mut all = Vec::new();
        for part in parts(text) {
            let full = full_id(lang, node, self.action, kind, key, part)?;
            let mut one = Self { action: self.action, ids: Vec::new(), given: self.given.clone() };
            one.put(lang, key, &full)?;
            all.extend(one.given);
        }
        self.given = all;
        Ok(())
    }

    /// Takes the action: for all records or for none.
    ///
    /// # Errors
    /// When a rule refuses, or the node fails.
    pub fn take(&self, node: &Node) -> Result<Vec<Answer>, NodeError> {
        match self.given.as_slice() {
            [given] => node.act(self.action, &self.ids, given),
            several => {
                let order =
                    |given: &Given| Order { action: self.action, id: None, given: given.clone() };
                node.act_all(&several.iter().map(order).collect::<Vec<_>>())
            }
        }
    }

    /// Whether several records are made or concerned.
    pub fn is_several(&self) -> bool {
        self.ids.len() > 1 || self.given.len() > 1
    }
}

/// The parameter that `file=` stands for.
const DIGEST_OF_FILE: &str = "document_digest";

/// The parameter that `photo=` stands for.
const DIGEST_OF_PHOTO: &str = "photo_digest";

/// Splits `F=V` at the first sign.
pub fn pair(lang: Lang, text: &str) -> Result<(&str, &str), Failure> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.trim(), value)),
        _ => Err(Failure::usage(lang, "command-no-pair", text)),
    }
}

/// Reads a condition `F=V`, `F>=V` or `F<=V` by the type of the field.
pub fn condition(
    lang: Lang,
    node: &Node,
    kind: &'static RecordKind,
    text: &str,
) -> Result<Condition, Failure> {
    let (key, compare, given) =
        split_condition(text).ok_or_else(|| Failure::usage(lang, "command-no-condition", text))?;
    let value = if key == "id" {
        let id = node.find_id(kind, given).map_err(|_| Failure::unknown(lang, "id"))?;
        Value::Bytes(id.0.to_vec())
    } else {
        let field = kind.field(key);
        let field = field.ok_or_else(|| {
            let known: Vec<&str> = kind.fields.iter().map(|field| field.key).collect();
            Failure::unlisted(lang, "command-unknown-field", key, &known)
        })?;
        condition_value(lang, node, &field.ty, text, given)?
    };
    Ok(Condition { key: key.to_owned(), compare, value })
}

/// Returns key, comparison and text of a condition, unless one of them is not there.
pub fn split_condition(text: &str) -> Option<(&str, Compare, &str)> {
    let at = text.find(['=', '>', '<'])?;
    let (key, rest) = text.split_at(at);
    let signs = [(">=", Compare::AtLeast), ("<=", Compare::AtMost), ("=", Compare::Equal)];
    let found = signs.into_iter().find_map(|(sign, how)| Some((how, rest.strip_prefix(sign)?)));
    let (compare, given) = found?;
    let (key, given) = (key.trim(), given.trim());
    (!key.is_empty() && !given.is_empty()).then_some((key, compare, given))
}

fn condition_value(
    lang: Lang,
    node: &Node,
    ty: &FieldType,
    whole: &str,
    given: &str,
) -> Result<Value, Failure> {
    if let Shape::Id(of) = ty.shape
        && let Some(kind) = registry::kind(of)
    {
        let id = node.find_id(kind, given).map_err(|_| Failure::unknown(lang, "id"))?;
        return Ok(Value::Bytes(id.0.to_vec()));
    }
    (ty.parse)(given).map_err(|error| {
        let (why, _) = explain_field(lang, &error);
        let args = [("given", Arg::Text(whole)), ("why", Arg::Text(&why))];
        Failure::Usage(tr(lang, "command-bad-condition", &args))
    })
}

/// The parts of a comma-separated text.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，', '、']).map(str::trim).filter(|part| !part.is_empty())
}

fn id(
    lang: Lang,
    node: &Node,
    action: &'static Action,
    kind: &'static RecordKind,
    key: &str,
    text: &str,
) -> Result<RecordId, Failure> {
    let unknown = || Failure::refused(lang, action, Reason::UnknownRecord, Some(key));
    node.find_id(kind, text).map_err(|error| match error {
        NodeError::UnknownId { .. } => unknown(),
        error => Failure::of(lang, error),
    })
}

/// The full id of a record of a kind; what clears a field, or has no list here, stays as it is.
fn full_id(
    lang: Lang,
    node: &Node,
    action: &'static Action,
    kind: &str,
    key: &str,
    text: &str,
) -> Result<String, Failure> {
    match registry::kind(kind) {
        Some(kind) if !text.is_empty() => {
            id(lang, node, action, kind, key, text).map(|id| id.to_string())
        }
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, Compare, &str)>) {
        assert_eq!(split_condition(text), expected, "{text}");
    }

    #[test]
    fn conditions_have_a_key_a_sign_and_a_value() {
        check("level=2", Some(("level", Compare::Equal, "2")));
        check("planned_students>=60", Some(("planned_students", Compare::AtLeast, "60")));
        check("composite_score <= 59.5", Some(("composite_score", Compare::AtMost, "59.5")));
        check("name=a>=b", Some(("name", Compare::Equal, "a>=b")));
        for text in ["level", "=2", "level>2", "level=", ">=3", ""] {
            check(text, None);
        }
    }

    #[test]
    fn pairs_split_at_the_first_sign() {
        assert_eq!(pair(Lang::Zh, "units=a:b=c"), Ok(("units", "a:b=c")));
        assert_eq!(pair(Lang::Zh, "reason="), Ok(("reason", "")));
        assert!(matches!(pair(Lang::Zh, "level"), Err(Failure::Usage(_))));
        assert!(matches!(pair(Lang::Zh, "=2"), Err(Failure::Usage(_))));
    }

    #[test]
    fn several_values_stand_between_commas() {
        assert_eq!(parts("a, b，c、d,,").collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    }
}
