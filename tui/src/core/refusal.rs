//! Refusals as sentences: what was not done, why, and what to do about it (contract, `refused`).
//!
//! Used by the screens and by the command line. No code or key of the program is shown alone.

use onex_crdt::action::{Action, Reason, Refusal};
use onex_crdt::field::{Choice, FieldError, show};
use onex_crdt::ids::DeviceId;
use onex_crdt::record::RecordKind;
use onex_crdt::records::application::Outcome;
use onex_crdt::records::receipt;
use onex_crdt::registry;

use crate::core::welcome::{FOUND, JOIN};
use crate::i18n::{Arg, Lang, tr};

/// A refusal in the words of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What was not done.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do now; the contract's `do`.
    pub next: String,
    /// The key of the field or parameter concerned.
    pub field: Option<String>,
}

impl Explained {
    /// Returns the three sentences on one line.
    pub fn line(&self, lang: Lang) -> String {
        let args = [
            ("what", Arg::Text(&self.what)),
            ("why", Arg::Text(&self.why)),
            ("next", Arg::Text(&self.next)),
        ];
        tr(lang, "refusal-line", &args)
    }
}

/// Returns a refusal as sentences.
pub fn explain(lang: Lang, refusal: &Refusal) -> Explained {
    let action = action_of(refusal.action);
    let title = action.map_or(refusal.action, |action| match lang {
        Lang::Zh => action.zh,
        Lang::En => action.en,
    });
    let kind = action.and_then(|action| action.kind);
    let label = refusal.field.as_deref().map(|key| field_label(lang, refusal.action, key));
    let (id, args) = reason_words(lang, kind, &refusal.reason);
    let (why, next) = sentences(lang, id, &args);
    let why = match label {
        Some(label) => at_field(lang, &label, &why),
        None => why,
    };
    let what = tr(lang, "refusal-what", &[("action", title.into())]);
    Explained { what, why, next, field: refusal.field.clone() }
}

/// Returns why alone, for a place where the name of the field stands already.
pub fn explain_why(lang: Lang, refusal: &Refusal) -> String {
    let kind = action_of(refusal.action).and_then(|action| action.kind);
    let (id, args) = reason_words(lang, kind, &refusal.reason);
    sentences(lang, id, &args).0
}

/// Returns why, after the name of the field concerned.
pub fn at_field(lang: Lang, label: &str, why: &str) -> String {
    tr(lang, "refusal-at-field", &[("field", label.into()), ("why", why.into())])
}

/// Returns why a text is no value of its field, and what to write instead.
pub fn explain_field(lang: Lang, error: &FieldError) -> (String, String) {
    let (id, args) = field_words(lang, error);
    sentences(lang, id, &args)
}

/// Returns what a field or parameter of an action is called; an unknown key is returned as it is.
pub fn field_label(lang: Lang, action: &str, key: &str) -> String {
    let Some(action) = action_of(action) else {
        return key.to_owned();
    };
    let pick = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
    let param = action.params.iter().find(|param| param.key == key);
    let field = || action.kind.and_then(|kind| kind.field(key));
    let own = param.map(|param| pick(param.zh, param.en));
    own.or_else(|| field().map(|field| pick(field.zh, field.en))).unwrap_or(key).to_owned()
}

/// Returns what an act, or an edit, is called; the id of one that this build does not know.
pub fn act_title(lang: Lang, id: &str) -> String {
    match (registry::action(id), id) {
        (Some(action), _) => if lang == Lang::Zh { action.zh } else { action.en }.to_owned(),
        (None, "edit") => tr(lang, "step-edit", &[]),
        (None, receipt::RECEIPT) => tr(lang, "step-receipt", &[]),
        (None, receipt::NUMBER) => tr(lang, "step-number", &[]),
        (None, _) => id.to_owned(),
    }
}

/// Returns whose work a step writes again, as far as it is known here.
pub fn source_words(lang: Lang, person: Option<&str>, device: Option<DeviceId>) -> String {
    let known =
        [person.map(str::to_owned), device.map(|device| device.short())].into_iter().flatten();
    let known = known.collect::<Vec<_>>().join(" ");
    match known.is_empty() {
        true => tr(lang, "step-source-elsewhere", &[]),
        false => tr(lang, "step-source", &[("who", known.as_str().into())]),
    }
}

/// Returns the word for what the hub decided; an unknown one is returned as it is.
pub fn outcome_word(lang: Lang, outcome: &str) -> String {
    let found = Outcome::CHOICES.iter().find(|choice| choice.id == outcome);
    found.map_or_else(|| outcome.to_owned(), |choice| choice_word(lang, choice))
}

/// Returns the word for a state of a kind; an unknown one is returned as it is.
pub fn state_word(lang: Lang, kind: Option<&RecordKind>, state: &str) -> String {
    let field = kind.and_then(|kind| kind.field("state"));
    let value = onex_crdt::value::Value::Text(state.to_owned());
    field.map_or(state.to_owned(), |field| show(&field.ty.shape, &value, lang == Lang::Zh))
}

/// An action of the domain, or a question of the first use.
fn action_of(id: &str) -> Option<&'static Action> {
    let first_use = [&JOIN, &FOUND].into_iter().find(|action| action.id == id);
    registry::action(id).or(first_use)
}

type Words = (&'static str, Vec<(&'static str, String)>);

fn sentences(lang: Lang, id: &str, args: &[(&'static str, String)]) -> (String, String) {
    let args: Vec<(&str, Arg)> = args.iter().map(|(name, text)| (*name, Arg::Text(text))).collect();
    let of = |prefix: &str| tr(lang, &format!("{prefix}-{id}"), &args);
    (of("why"), of("next"))
}

fn reason_words(lang: Lang, kind: Option<&RecordKind>, reason: &Reason) -> Words {
    let plain = |id: &'static str| (id, Vec::new());
    match reason {
        Reason::Invalid(error) => field_words(lang, error),
        Reason::State { state, from } => {
            let words: Vec<String> = from.iter().map(|from| state_word(lang, kind, from)).collect();
            let comma = if lang == Lang::Zh { "、" } else { ", " };
            let state = state_word(lang, kind, state);
            ("state", vec![("state", state), ("from", words.join(comma))])
        }
        Reason::MoreThan { limit, most } => {
            let anywhere = || registry::KINDS.iter().find_map(|kind| kind.field(limit));
            let field = kind.and_then(|kind| kind.field(limit)).or_else(anywhere);
            let label = field.map_or(*limit, |f| if lang == Lang::Zh { f.zh } else { f.en });
            ("more-than", vec![("limit", label.to_owned()), ("most", most.to_string())])
        }
        Reason::NeedsRole(role) => {
            let choice = &onex_crdt::roles::PersonRole::CHOICES[*role as usize];
            ("needs-role", vec![("role", choice_word(lang, choice))])
        }
        Reason::NoRight => plain("no-right"),
        Reason::UnknownRecord => plain("unknown-record"),
        Reason::UnknownParameter => plain("unknown-parameter"),
        Reason::InConflict => plain("in-conflict"),
        Reason::Duplicate => plain("duplicate"),
        Reason::NotListed => plain("not-listed"),
        Reason::NoStandard => plain("no-standard"),
        Reason::AlreadyListed => plain("already-listed"),
        Reason::NoOpenCall => plain("no-open-call"),
        Reason::NoAgreement => plain("no-agreement"),
        Reason::OtherVersion => plain("other-version"),
        Reason::AlreadyDecided => plain("already-decided"),
        Reason::SamePerson => plain("same-person"),
        Reason::HasNode => plain("has-node"),
        Reason::WrongOrganisation => plain("wrong-organisation"),
        Reason::OwnProposal => plain("own-proposal"),
        Reason::Weights => plain("weights"),
        Reason::NoPassRule => plain("no-pass-rule"),
        Reason::EndsBeforeStart => plain("ends-before-start"),
        Reason::NothingChanged => plain("nothing-changed"),
        Reason::Differs { from } => {
            let field = kind.and_then(|kind| kind.field(from));
            let label = field.map_or(*from, |f| if lang == Lang::Zh { f.zh } else { f.en });
            ("differs", vec![("from", label.to_owned())])
        }
        Reason::OldNumber => plain("old-number"),
        Reason::SameRecord => plain("same-record"),
        Reason::NotOfClass => plain("not-of-class"),
        Reason::NotInClass => plain("not-in-class"),
        Reason::NothingToUndo => plain("nothing-to-undo"),
        Reason::NotUndoable => plain("not-undoable"),
        Reason::NotAdoptable => plain("not-adoptable"),
        Reason::HangsOnOthers => plain("hangs-on-others"),
        Reason::OwnDevice => plain("own-device"),
        Reason::OthersWork => plain("others-work"),
        Reason::NoChoice => plain("no-choice"),
    }
}

fn field_words(lang: Lang, error: &FieldError) -> Words {
    match error {
        FieldError::Missing => ("missing", Vec::new()),
        FieldError::Length { min, max, found } if min == max => {
            ("exact-length", vec![("max", max.to_string()), ("found", found.to_string())])
        }
        FieldError::Length { min, max, found } => (
            "length",
            vec![("min", min.to_string()), ("max", max.to_string()), ("found", found.to_string())],
        ),
        FieldError::Characters => ("characters", Vec::new()),
        FieldError::Number { decimals: 0 } => ("whole-number", Vec::new()),
        FieldError::Number { decimals } => ("number", vec![("decimals", decimals.to_string())]),
        FieldError::Range { min, max } => {
            ("range", vec![("min", min.clone()), ("max", max.clone())])
        }
        FieldError::Date => ("date", Vec::new()),
        FieldError::CheckDigit { expected } => {
            ("check-digit", vec![("expected", expected.to_string())])
        }
        FieldError::Form { form } => ("form", vec![("form", form_words(lang, form).to_owned())]),
        FieldError::UnknownChoice { choices } => {
            let shown = choices.iter().take(CHOICES_SHOWN_MAX);
            let words: Vec<String> = shown.map(|choice| choice_word(lang, choice)).collect();
            let comma = if lang == Lang::Zh { "、" } else { ", " };
            let more = if choices.len() > CHOICES_SHOWN_MAX { "…" } else { "" };
            ("unknown-choice", vec![("choices", words.join(comma) + more)])
        }
        FieldError::UnknownCode => ("unknown-code", Vec::new()),
        FieldError::UnknownRecord => ("unknown-record", Vec::new()),
        FieldError::Excluded => ("excluded", Vec::new()),
    }
}

/// A form in the language; one of signs only is the same in both.
fn form_words(lang: Lang, form: &'static str) -> &'static str {
    match (lang, form) {
        (Lang::En, _) => form,
        (_, "1 + 10 digits") => "以 1 开头的 11 位数字",
        (_, "18 characters") => "18 位，最后一位可以是 X",
        (_, "jpg, 20-200 KB") => "20-200 KB 的 jpg 文件",
        (_, "yyyy") => "4 位年份",
        (_, "yyyy-1 / yyyy-2") => "年份-1 或年份-2，如 2026-1",
        (_, "HH:MM") => "时:分，如 08:30",
        (_, "6 digits") => "6 位数字",
        (_, "10 digits") => "10 位数字",
        (_, "64 hex digits") => "64 位十六进制数字",
        (_, "6 digits, perhaps a letter") => "6 位数字，后面可以有一个字母",
        (_, "41, province, 0 + 5 digits") => "41、省份代码两位、0，再加 5 位数字",
        (_, "5 digits, Z + 4 digits, or 4 of 0-9 A-Y without I O S V") => {
            "5 位数字、Z 加 4 位数字，或 4 位数字与字母（不用 I、O、S、V、Z）"
        }
        (_, "18 characters, the third to the eighth digits") => "18 位，第 3 至 8 位是数字",
        (_, "code:name") => "代码:名称",
        (_, "name@domain") => "名称@域名",
        (_, form) => form,
    }
}

fn choice_word(lang: Lang, choice: &Choice) -> String {
    if lang == Lang::Zh { choice.zh } else { choice.en }.to_owned()
}

/// More choices than this are not read in a sentence.
const CHOICES_SHOWN_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use onex_crdt::records::application::actions::{DECIDE, SUBMIT};
    use onex_crdt::roles::PersonRole;

    use super::*;

    fn field_errors() -> Vec<FieldError> {
        let choices = PersonRole::CHOICES;
        vec![
            FieldError::Missing,
            FieldError::Length { min: 1, max: 40, found: 41 },
            FieldError::Length { min: 5, max: 5, found: 4 },
            FieldError::Characters,
            FieldError::Number { decimals: 0 },
            FieldError::Number { decimals: 2 },
            FieldError::Range { min: "1".into(), max: "100".into() },
            FieldError::Date,
            FieldError::CheckDigit { expected: 'X' },
            FieldError::Form { form: "1 + 10 digits" },
            FieldError::UnknownChoice { choices },
            FieldError::UnknownCode,
            FieldError::UnknownRecord,
            FieldError::Excluded,
        ]
    }

    fn reasons() -> Vec<Reason> {
        let mut reasons = vec![
            Reason::NoRight,
            Reason::UnknownRecord,
            Reason::UnknownParameter,
            Reason::State { state: "filed".into(), from: &["draft", "returned"] },
            Reason::InConflict,
            Reason::MoreThan { limit: "enrolled_students", most: 100 },
            Reason::Duplicate,
            Reason::NotListed,
            Reason::NoStandard,
            Reason::AlreadyListed,
            Reason::NoOpenCall,
            Reason::NoAgreement,
            Reason::OtherVersion,
            Reason::AlreadyDecided,
            Reason::SamePerson,
            Reason::NeedsRole(PersonRole::Lead),
            Reason::HasNode,
            Reason::WrongOrganisation,
            Reason::OwnProposal,
            Reason::Weights,
            Reason::NoPassRule,
            Reason::EndsBeforeStart,
            Reason::NothingChanged,
        ];
        reasons.extend(field_errors().into_iter().map(Reason::Invalid));
        reasons
    }

    fn check_written(lang: Lang, text: &str) {
        let is_id = text.starts_with("why-") || text.starts_with("next-");
        assert!(!text.is_empty() && !is_id && !text.contains(['{', '$']), "{lang:?}: {text}");
        let hanzi = text.chars().any(crate::core::keys::is_hanzi);
        assert_eq!(hanzi, lang == Lang::Zh, "{text}");
    }

    #[test]
    fn every_reason_has_its_sentences_in_both_languages() {
        for lang in [Lang::Zh, Lang::En] {
            for reason in reasons() {
                for field in [None, Some("planned_students")] {
                    let said = explain(lang, &Refusal::new(&SUBMIT, reason.clone(), field));
                    check_written(lang, &said.what);
                    check_written(lang, &said.why);
                    check_written(lang, &said.next);
                }
            }
            for error in field_errors() {
                let (why, next) = explain_field(lang, &error);
                check_written(lang, &why);
                check_written(lang, &next);
            }
        }
    }

    #[test]
    fn acts_of_the_hub_itself_have_a_title() {
        for (id, zh, en) in [
            ("application.submit", "提交申报项", "Submit line"),
            ("edit", "修改", "edit"),
            ("hub.receipt", "收到并登记", "received and registered"),
            ("hub.filing_no", "编定备案号", "filing number given"),
            ("later.act", "later.act", "later.act"),
        ] {
            assert_eq!([act_title(Lang::Zh, id), act_title(Lang::En, id)], [zh, en]);
        }
    }

    #[test]
    fn every_form_of_a_field_is_told_in_chinese() {
        let mut forms = 0;
        for field in registry::KINDS.iter().flat_map(|kind| kind.fields) {
            for text in ["?", "1", "x"] {
                let Err(error @ FieldError::Form { form }) = (field.ty.parse)(text) else {
                    continue;
                };
                forms += 1;
                let (why, _) = explain_field(Lang::Zh, &error);
                let signs_only = !form.contains(' ') && why.contains(form);
                assert!(signs_only || !why.contains("digits"), "{}: {why}", field.key);
            }
        }
        assert!(forms > 20, "{forms}");
    }

    #[test]
    fn no_two_reasons_say_the_same() {
        let mut seen = std::collections::BTreeSet::new();
        for reason in reasons() {
            if reason != Reason::Invalid(FieldError::UnknownRecord) {
                let why = explain(Lang::Zh, &Refusal::new(&DECIDE, reason.clone(), None)).why;
                assert!(seen.insert(why.clone()), "{reason:?}: {why}");
            }
        }
    }

    #[test]
    fn a_refusal_names_field_limit_and_action() {
        let reason = Reason::MoreThan { limit: "enrolled_students", most: 100 };
        let refusal = Refusal::new(&SUBMIT, reason, Some("planned_students"));
        let said = explain(Lang::Zh, &refusal);
        assert_eq!(said.what, "没有完成“提交申报项”");
        assert_eq!(said.why, "计划试点人数：不能超过在校生数 100");
        assert_eq!(said.field.as_deref(), Some("planned_students"));
        let reason = Reason::State { state: "filed".into(), from: &["draft", "returned"] };
        let said = explain(Lang::En, &Refusal::new(&SUBMIT, reason, None));
        assert_eq!(said.why, "it is now: filed; this needs: draft, returned");
    }
}
