//! `onex import`: a roster out of a file, its problems, and what of it was saved.
//!
//! What a cell means and which rows are good is the node's matter.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use onex_crdt::ids::RecordId;
use onex_crdt::record::Record;
use onex_crdt::records::class::Class;
use onex_node::Node;
use onex_node::import::{Draft, Other, Problem, Roster, Tally};
use onex_node::importing::Saved;
use onex_node::table::{FILE_BYTES_MAX, read};
use serde_json::{Value as Json, json};

use super::stage::Stage;
use super::{Failure, Output, Status, given, tables};
use crate::core::clean::clean;
use crate::core::problem::{Unusable, label, mark_word, problem_words, value};
use crate::core::refusal::Explained;
use crate::i18n::{Arg, Lang, tr};
use crate::json;

/// What `onex import` is given.
pub struct Asked {
    pub kind: String,
    pub file: PathBuf,
    pub values: Vec<String>,
    pub dry_run: bool,
    pub json: bool,
}

/// Saves the good rows of a file and lists the bad ones.
pub fn import(lang: Lang, node: &Node, asked: &Asked) -> Result<Output, Failure> {
    let known: Vec<&str> = Roster::ALL.iter().map(|roster| roster.kind().key).collect();
    let roster = Roster::of(&asked.kind)
        .ok_or_else(|| Failure::unlisted(lang, "command-unknown-kind", &asked.kind, &known))?;
    let class = class(lang, node, &asked.values)?;
    if roster == Roster::Enrolment && class.is_none() {
        return Err(Failure::usage(lang, "command-needs-class", &asked.kind));
    }
    let stage = Stage { lang };
    stage.show("command-import-reading", &[]);
    let bytes = file(&asked.file).map_err(|error| Failure::bad_file(lang, &asked.file, &error))?;
    let today = node.clock().now().date();
    let draft = read(&bytes)
        .map_err(Unusable::Table)
        .and_then(|table| Draft::new(roster, table, today).map_err(|_| Unusable::NoHeader));
    drop(bytes);
    let mut draft = match draft {
        Ok(draft) => draft,
        Err(unusable) => {
            stage.clear();
            return unusable_answer(lang, asked, unusable);
        }
    };
    let count = Arg::Count(draft.rows().len() as u64);
    stage.show("command-import-checking", &[("count", count)]);
    let matched = node.import_match(&mut draft);
    let mut step = |at: usize, of: usize| {
        let args = [("at", Arg::Count(at as u64)), ("of", Arg::Count(of as u64))];
        stage.show("command-import-saving", &args);
        true
    };
    let saved = matched.and_then(|()| match asked.dry_run {
        true => Ok(Saved::default()),
        false => node.import(&draft, class, &mut step),
    });
    stage.clear();
    let saved = saved.map_err(|error| Failure::of(lang, error))?;
    Ok(answer(lang, asked, &draft, &saved))
}

fn answer(lang: Lang, asked: &Asked, draft: &Draft, saved: &Saved) -> Output {
    let tally = draft.tally();
    let batch = saved.batch.map(|batch| batch.to_string());
    let warnings = draft.warnings();
    let json = json!({
        "kind": asked.kind,
        "batch": batch,
        "dry_run": asked.dry_run,
        "rows": tally.rows,
        "added": tally.added,
        "updated": tally.updated,
        "rejected": tally.rejected,
        "unknown_columns": draft.unknown_columns(),
        "warnings": warnings.iter().map(|warning| json!({
            "row": warning.row,
            "column": warning.column,
            "code": warning.code.id(),
        })).collect::<Vec<_>>(),
        "problems": draft.problems().iter().map(|one| problem(lang, one)).collect::<Vec<_>>(),
    });
    let text = text(lang, asked, draft, tally, batch.as_deref());
    let none = tally.added + tally.updated == 0;
    let status = if none { Status::Refused } else { Status::Done };
    Output { status, ..Output::done(json, text) }
}

/// A problem in the shape of the contract.
fn problem(lang: Lang, problem: &Problem) -> Json {
    let said = problem_words(lang, problem);
    let of = match problem.of {
        None => Json::Null,
        Some(Other::Row(row)) => row.into(),
        Some(Other::Record(id)) => id.to_string().into(),
    };
    json!({
        "row": problem.row,
        "column": problem.column,
        "field": problem.field,
        "code": problem.code.id(),
        "value": value(problem),
        "of": of,
        "what": said.what,
        "do": said.next,
    })
}

/// What people read: the problems as a table, what was put right, and a summary.
fn text(lang: Lang, asked: &Asked, draft: &Draft, tally: Tally, batch: Option<&str>) -> String {
    let mut parts = Vec::new();
    let problems = draft.problems();
    if !problems.is_empty() {
        let heads = ["row", "column", "what", "do"];
        let heads = heads.map(|head| tr(lang, &format!("command-import-{head}"), &[]));
        let lines = problems.iter().take(PROBLEMS_SHOWN_MAX).map(|problem| {
            let said = problem_words(lang, problem);
            vec![problem.row.to_string(), clean(&label(lang, problem)), said.what, said.next]
        });
        parts.push(tables::aligned(
            &std::iter::once(heads.to_vec()).chain(lines).collect::<Vec<_>>(),
        ));
        let more = problems.len().saturating_sub(PROBLEMS_SHOWN_MAX);
        if more > 0 {
            parts.push(tr(lang, "command-import-more", &[("count", Arg::Count(more as u64))]));
        }
    }
    let mut marks = BTreeMap::new();
    draft.warnings().iter().for_each(|warning| *marks.entry(warning.code).or_insert(0_u64) += 1);
    let marks =
        marks.into_iter().map(|(mark, count)| format!("{} × {count}", mark_word(lang, mark)));
    let marks: Vec<String> = marks.collect();
    if !marks.is_empty() {
        let marks = marks.join(if lang == Lang::Zh { "；" } else { "; " });
        parts.push(tr(lang, "command-import-marks", &[("marks", Arg::Text(&marks))]));
    }
    let unknown = draft.unknown_columns().join(if lang == Lang::Zh { "、" } else { ", " });
    if !unknown.is_empty() {
        let unknown = clean(&unknown);
        parts.push(tr(lang, "command-import-unknown", &[("columns", Arg::Text(&unknown))]));
    }
    let count = |name, count: usize| (name, Arg::Count(count as u64));
    let counts = [
        count("rows", tally.rows),
        count("added", tally.added),
        count("updated", tally.updated),
        count("rejected", tally.rejected),
    ];
    let id = if asked.dry_run { "command-import-would" } else { "command-import-done" };
    parts.push(tr(lang, id, &counts));
    if let Some(batch) = batch {
        parts.push(tr(lang, "command-import-undo", &[("batch", Arg::Text(batch))]));
    }
    parts.join("\n")
}

/// The answer to a file of which nothing can be used.
fn unusable_answer(lang: Lang, asked: &Asked, unusable: Unusable) -> Result<Output, Failure> {
    let said = unusable.words(lang);
    let what = tr(lang, "command-not-done", &[]);
    let (why, next) = (said.what.clone(), said.next.clone());
    let refused = Explained { what, why, next, field: None };
    if !asked.json {
        return Err(Failure::Refused(refused));
    }
    let mut json = json::refused(&refused);
    json["problems"] = json!([{
        "row": null,
        "column": null,
        "field": null,
        "code": unusable.code(),
        "value": null,
        "of": null,
        "what": said.what,
        "do": said.next,
    }]);
    Ok(Output { status: Status::Refused, ..Output::done(json, String::new()) })
}

/// The class that `class=` names.
fn class(lang: Lang, node: &Node, values: &[String]) -> Result<Option<RecordId>, Failure> {
    let mut class = None;
    for text in values {
        let (key, id) = given::pair(lang, text)?;
        if key != "class" {
            return Err(Failure::unlisted(lang, "command-unknown-parameter", key, &["class"]));
        }
        if class.is_some() {
            return Err(Failure::usage(lang, "command-twice", key));
        }
        let unknown = || Failure::unknown(lang, "class");
        let id = node.find_id(Class::KIND, id).map_err(|_| unknown())?;
        let row = node.row(Class::KIND, id).map_err(|error| Failure::of(lang, error))?;
        class = Some(row.ok_or_else(unknown)?.id);
    }
    Ok(class)
}

/// The bytes of a file, one more than are taken at most.
fn file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// More problems than this are read in the file that `--json` makes, not on a screen.
const PROBLEMS_SHOWN_MAX: usize = 200;
