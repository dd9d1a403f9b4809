//! `onex do`: actions with their answers.

use onex_crdt::action::{Action, Subject};
use onex_crdt::registry;
use onex_node::Node;
use onex_node::api::{Answer, Undone};

use super::given::{self, Call};
use super::{Failure, Output, tables};
use crate::core::refusal::{act_title, state_word};
use crate::i18n::{Arg, Lang, tr};
use crate::json;

/// Takes an action with its parameters as `F=V`.
pub fn act(
    lang: Lang,
    node: &Node,
    action: &'static Action,
    values: &[String],
) -> Result<Output, Failure> {
    let pairs: Vec<(&str, &str)> =
        values.iter().map(|text| given::pair(lang, text)).collect::<Result<_, _>>()?;
    let call = Call::read(lang, node, action, &pairs)?;
    let answers = call.take(node).map_err(|error| Failure::of(lang, error))?;
    Ok(answered(lang, &call, &answers))
}

fn answered(lang: Lang, call: &Call, answers: &[Answer]) -> Output {
    let value = match answers {
        [one] if !call.is_several() => json::answer(call.action, one),
        several => json::answers(call.action, several),
    };
    let lines = answers.iter().map(|answer| line(lang, call.action, answer));
    Output::done(value, lines.collect::<Vec<_>>().join("\n"))
}

fn line(lang: Lang, action: &'static Action, answer: &Answer) -> String {
    if let Some(undone) = &answer.undone {
        return undone_line(lang, undone);
    }
    let title = if lang == Lang::Zh { action.zh } else { action.en };
    let id = answer.id.to_string();
    let mut line =
        tr(lang, "command-done", &[("action", title.into()), ("id", id.as_str().into())]);
    if let Some(state) = &answer.state {
        let word = state_word(lang, action.kind, state);
        line = format!("{line}  {}", tr(lang, "command-state", &[("state", word.as_str().into())]));
    }
    if let Some(pending) = &answer.pending_act {
        let pending = registry::action(pending).map_or(pending.as_str(), |action| {
            if lang == Lang::Zh { action.zh } else { action.en }
        });
        line = format!("{line}  {}", tr(lang, "command-pending", &[("action", pending.into())]));
    }
    line
}

/// What an undoing led to; records that were left alone are named with what was changed since.
fn undone_line(lang: Lang, undone: &Undone) -> String {
    let title = act_title(lang, &undone.action);
    let args = [
        ("action", title.as_str().into()),
        ("count", Arg::Count(undone.undone.len() as u64)),
        ("left", Arg::Count(undone.left.len() as u64)),
    ];
    let id = if undone.batch.is_some() { "command-undone" } else { "command-undone-none" };
    let mut lines = vec![tr(lang, id, &args)];
    lines.extend(undone.left.iter().map(|left| {
        let of_field = |key: &String| match left.kind.field(key) {
            Some(field) => if lang == Lang::Zh { field.zh } else { field.en }.to_owned(),
            None => act_title(lang, key),
        };
        let since: Vec<String> = left.since.iter().map(of_field).collect();
        let (id, since) = (left.id.to_string(), since.join("、"));
        let args = [("id", id.as_str().into()), ("since", since.as_str().into())];
        tr(lang, "command-undone-left", &args)
    }));
    lines.join("\n")
}

/// Names every action.
pub fn all(lang: Lang) -> Output {
    let rows = registry::ACTIONS.iter().map(|action| {
        let title = if lang == Lang::Zh { action.zh } else { action.en };
        let own = action.params.iter().map(|param| (param.key, param.required));
        let fields = action.field_params().map(|field| {
            let makes = action.subject == Subject::Makes;
            (field.key, makes && field.required)
        });
        let mark =
            |(key, required): (&str, bool)| format!("{key}{}", if required { "*" } else { "" });
        let id = (action.subject == Subject::Takes).then(|| "id*".to_owned());
        let keys: Vec<String> = id.into_iter().chain(own.chain(fields).map(mark)).collect();
        vec![action.id.to_owned(), title.to_owned(), keys.join(" ")]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Output::done(json::actions(), tables::aligned(&rows))
}
