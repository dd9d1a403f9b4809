//! `onex do` and `onex invite`: actions with their answers.

use std::path::PathBuf;

use onex_crdt::action::{Action, Reason, Subject};
use onex_crdt::records::membership::DEVICE_INVITE;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::roles::OrgRole;
use onex_crdt::{record::Record, registry};
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
    let mut lines = vec![tr(lang, "command-undone", &args)];
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

/// What `onex invite` is given: an organisation and its role, or `--device`.
pub struct Invite {
    pub role: Option<OrgRole>,
    pub org: Option<String>,
    pub device: bool,
    pub out: PathBuf,
}

/// Writes an invitation.
pub fn invite(lang: Lang, node: &Node, asked: &Invite) -> Result<Output, Failure> {
    let out = asked.out.display().to_string();
    let mut pairs = vec![("out", out.as_str())];
    if let (Some(org), false) = (&asked.org, asked.device) {
        pairs.push(("org_id", org));
    }
    let call = Call::read(lang, node, &DEVICE_INVITE, &pairs)?;
    if let Some(role) = asked.role {
        check_role(lang, node, &call, role)?;
    }
    let answers = call.take(node).map_err(|error| Failure::of(lang, error))?;
    let text = tr(lang, "command-invited", &[("file", out.as_str().into())]);
    Ok(Output { text, ..answered(lang, &call, &answers) })
}

/// The organisation that is invited is of the role that was said.
fn check_role(lang: Lang, node: &Node, call: &Call, role: OrgRole) -> Result<(), Failure> {
    let org = call.given[0].get("org_id").and_then(Option::as_ref);
    let org = org.and_then(|value| value.as_bytes()).and_then(onex_crdt::ids::RecordId::from_slice);
    let Some(org) = org else {
        return Ok(());
    };
    let row = node.row(Organisation::KIND, org).map_err(|error| Failure::of(lang, error))?;
    match row {
        Some(row) if row.text("role") != Some(role.id()) => {
            let reason = Reason::WrongOrganisation;
            Err(Failure::refused(lang, &DEVICE_INVITE, reason, Some("role")))
        }
        _ => Ok(()),
    }
}
