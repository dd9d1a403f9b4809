//! Commands that look after a node's folder: check, backup, restore.
//!
//! What is damaged and what can be mended is the node's matter.

use std::path::{Path, PathBuf};

use onex_node::backup::{Restored, Unlocking, restore as put_back};
use onex_node::check::{Bad, CheckReport, Part, check as look};
use onex_node::home::Passphrase;
use onex_node::repair::{Repaired, repair as mend};
use onex_node::{Node, NodeError};
use serde_json::{Value as Json, json};

use super::secrets::{guard_of_new, with_passphrase};
use super::stage::Stage;
use super::{Failure, Output, Status, home};
use crate::core::clean::clean;
use crate::i18n::{Arg, Lang, tr};

/// Checks everything that is stored.
pub fn check(lang: Lang) -> Result<Output, Failure> {
    let report = look_with_progress(lang)?;
    let status = if report.is_ok() { Status::Done } else { Status::Failed };
    let mut text = check_text(lang, &report);
    text.push_str(&next_line(lang, &report));
    Ok(Output { status, ..Output::done(check_json(&report), text) })
}

/// Checks everything that is stored, mends what is damaged, and checks again.
pub fn repair(lang: Lang) -> Result<Output, Failure> {
    let folder = home();
    let (before, repaired) = with_passphrase(lang, &folder, |passphrase| {
        with_progress(lang, |progress| mend(&folder, passphrase, progress))
    })?;
    let Some(repaired) = repaired else {
        let status = if before.is_ok() { Status::Done } else { Status::Failed };
        let text = check_text(lang, &before) + &next_line(lang, &before);
        return Ok(Output { status, ..Output::done(check_json(&before), text) });
    };
    let after = look_with_progress(lang)?;
    let mut json = check_json(&after);
    json["repaired"] = repaired_json(&before, &repaired);
    let mut text = check_text(lang, &before);
    text.push_str(&repaired_text(lang, &repaired));
    let status = if after.is_ok() { Status::Done } else { Status::Failed };
    Ok(Output { status, ..Output::done(json, text) })
}

fn look_with_progress(lang: Lang) -> Result<CheckReport, Failure> {
    let folder = home();
    with_passphrase(lang, &folder, |passphrase| {
        with_progress(lang, |progress| look(&folder, passphrase, progress))
    })
}

fn with_progress<T>(
    lang: Lang,
    work: impl FnOnce(&mut dyn FnMut(Part, usize, usize)) -> Result<T, NodeError>,
) -> Result<T, NodeError> {
    let stage = Stage { lang };
    let mut progress = |part: Part, at: usize, of: usize| {
        let part = part_word(lang, part);
        let count = |name, count: usize| (name, Arg::Count(count as u64));
        let args = [("part", Arg::Text(&part)), count("at", at), count("of", of)];
        stage.show("command-check-part", &args);
    };
    let done = work(&mut progress);
    stage.clear();
    done
}

/// Writes a backup.
pub fn backup(
    lang: Lang,
    node: Node,
    file: &Path,
    secret: Option<PathBuf>,
) -> Result<Output, Failure> {
    let passphrase = read(lang, secret)?;
    let written = node.backup(file, passphrase.as_ref());
    let written = written.map_err(|error| Failure::of(lang, error))?;
    let name = file.display().to_string();
    let json = json!({
        "file": name,
        "bytes": written.bytes,
        "passphrase": written.has_passphrase,
    });
    let id = match written.has_passphrase {
        true => "command-backup-anywhere",
        false => "command-backup-here",
    };
    Ok(Output::done(json, tr(lang, id, &[("file", Arg::Text(&name))])))
}

/// Puts back what a backup holds.
pub fn restore(lang: Lang, file: &Path, secret: Option<PathBuf>) -> Result<Output, Failure> {
    let passphrase = read(lang, secret)?;
    let (folder, guard) = (home(), guard_of_new(lang)?);
    let restored = with_passphrase(lang, &folder, |home| {
        let unlocking = Unlocking { home, backup: passphrase.as_ref() };
        put_back(&folder, file, &unlocking, &guard)
    })?;
    Ok(match restored {
        Restored::Home { made_at, aside } => {
            let aside = aside.map(|aside| aside.display().to_string());
            let json = json!({ "restored": "home", "made_at": made_at, "aside": aside });
            let mut text = tr(lang, "command-restored", &[("at", Arg::Text(&made_at))]);
            if let Some(aside) = &aside {
                let args = [("file", Arg::Text(aside.as_str()))];
                text = format!("{text}\n{}", tr(lang, "command-kept-aside", &args));
            }
            Output::done(json, text)
        }
        Restored::Waiting { made_at } => {
            let json = json!({ "restored": "waiting", "made_at": made_at, "aside": null });
            let text = tr(lang, "command-restored-waiting", &[("at", Arg::Text(&made_at))]);
            Output::done(json, text)
        }
    })
}

fn read(lang: Lang, file: Option<PathBuf>) -> Result<Option<Passphrase>, Failure> {
    let read = |file: PathBuf| {
        Passphrase::read(&file).map_err(|error| Failure::bad_file(lang, &file, &error))
    };
    file.map(read).transpose()
}

fn repaired_json(before: &CheckReport, repaired: &Repaired) -> Json {
    let missing = repaired.missing.iter().map(ToString::to_string);
    json!({
        "found": check_json(before)["checks"],
        "aside": repaired.aside.as_ref().map(|file| file.display().to_string()),
        "documents": repaired.documents,
        "missing": missing.collect::<Vec<_>>(),
    })
}

fn repaired_text(lang: Lang, repaired: &Repaired) -> String {
    let Some(aside) = &repaired.aside else { return tr(lang, "command-repaired-lists", &[]) };
    let count = |name, count: usize| (name, Arg::Count(count as u64));
    let args = [count("documents", repaired.documents), count("missing", repaired.missing.len())];
    let aside = aside.display().to_string();
    let mut lines = vec![
        tr(lang, "command-repaired", &args),
        tr(lang, "command-kept-aside", &[("file", Arg::Text(&aside))]),
    ];
    if !repaired.missing.is_empty() {
        lines.push(tr(lang, "command-repaired-missing", &[]));
    }
    lines.join("\n")
}

fn next_line(lang: Lang, report: &CheckReport) -> String {
    let mut damaged = report.checks.iter().filter(|check| check.is_ok() != Some(true));
    let id = match (damaged.next(), damaged.next()) {
        (None, _) => "command-check-whole",
        (Some(only), None) if only.part == Part::Audit => "command-check-audit-next",
        _ => "command-check-next",
    };
    tr(lang, id, &[])
}

/// The answer in the shape of the contract.
fn check_json(report: &CheckReport) -> Json {
    let checks = report.checks.iter().map(|check| {
        json!({
            "check": check.part.id(),
            "ok": check.is_ok(),
            "count": check.count,
            "bad": check.bad.iter().map(bad_json).collect::<Vec<_>>(),
        })
    });
    json!({
        "ok": report.is_ok(),
        "documents": report.documents,
        "changes": report.changes,
        "checks": checks.collect::<Vec<_>>(),
    })
}

fn bad_json(bad: &Bad) -> Json {
    json!({
        "document": bad.document.map(|id| id.to_string()),
        "kind": bad.row.as_ref().map(|(kind, _)| kind),
        "id": bad.row.as_ref().map(|(_, id)| id.to_string()),
        "what": bad.what,
        "detail": bad.detail,
    })
}

fn check_text(lang: Lang, report: &CheckReport) -> String {
    let mut lines = Vec::new();
    for check in &report.checks {
        let part = part_word(lang, check.part);
        let id = match check.is_ok() {
            Some(true) => "command-check-good",
            Some(false) => "command-check-bad",
            None => "command-check-unknown",
        };
        let args = [
            ("part", Arg::Text(&part)),
            ("count", Arg::Count(check.count as u64)),
            ("bad", Arg::Count(check.bad.len() as u64)),
        ];
        lines.push(tr(lang, id, &args));
        lines.extend(check.bad.iter().take(BAD_SHOWN_MAX).map(|bad| bad_line(lang, bad)));
        if check.bad.len() > BAD_SHOWN_MAX {
            let more = (check.bad.len() - BAD_SHOWN_MAX) as u64;
            lines.push(tr(lang, "command-check-more", &[("count", Arg::Count(more))]));
        }
    }
    lines.join("\n") + "\n"
}

fn bad_line(lang: Lang, bad: &Bad) -> String {
    let row = bad.row.as_ref().map(|(kind, id)| format!("{kind} {id}"));
    let document = bad.document.map(|id| id.to_string());
    let detail = clean(&bad.detail);
    let line = || tr(lang, "command-check-audit-line", &[("line", Arg::Text(&detail))]);
    let line = (bad.what == Part::Audit.id()).then(line);
    let is_told = bad.detail.is_empty() || line.is_some();
    let where_is = row.or(document).or(line).unwrap_or_else(|| "-".to_owned());
    let what = tr(lang, &format!("damage-{}", bad.what.replace('_', "-")), &[]);
    let args = [
        ("where", Arg::Text(&where_is)),
        ("what", Arg::Text(&what)),
        ("detail", Arg::Text(&detail)),
    ];
    let id = if is_told { "command-check-line" } else { "command-check-detail" };
    tr(lang, id, &args)
}

fn part_word(lang: Lang, part: Part) -> String {
    tr(lang, &format!("check-{}", part.id()), &[])
}

/// More findings than this are read in what `--json` prints.
const BAD_SHOWN_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use onex_node::check::Checked;

    fn report(damaged: &[Part]) -> CheckReport {
        let bad = |part: Part| Bad { what: part.id(), detail: "17".to_owned(), ..Bad::default() };
        let part = |part| Checked {
            part,
            made: true,
            count: 20,
            bad: damaged.contains(&part).then(|| bad(part)).into_iter().collect(),
        };
        CheckReport { documents: 1, changes: 1, checks: Part::ALL.map(part).into() }
    }

    /// What could not be looked at is neither whole nor damaged.
    #[test]
    fn what_could_not_be_looked_at_is_not_called_whole() {
        let mut report = report(&[Part::Database]);
        let changes = &mut report.checks[Part::Changes as usize];
        (changes.made, changes.count) = (false, 0);
        let json = check_json(&report);
        let ok = |part: Part| &json["checks"][part as usize]["ok"];
        let shown = [Part::Database, Part::Changes, Part::Seals].map(ok);
        assert_eq!(shown, [&json!(false), &Json::Null, &json!(true)]);
        assert_eq!(json["ok"], false);
        let text = check_text(Lang::En, &report);
        assert!(text.contains("? changes: could not be looked at"), "{text}");
        assert!(!text.contains("changes: 0, all whole"), "{text}");
    }

    /// Nothing mends the audit log: whoever reads of it is told where, and what to do instead.
    #[test]
    fn an_altered_audit_log_is_told_with_its_place_and_what_to_do() {
        let only = report(&[Part::Audit]);
        let text = check_text(Lang::Zh, &only) + &next_line(Lang::Zh, &only);
        assert!(text.contains("第 17 条：审计记录从这一条起被改过或缺少"), "{text}");
        assert!(text.contains("保留这个文件夹和备份") && !text.contains("请先停止录入"), "{text}");
        let both = report(&[Part::Audit, Part::Database]);
        assert!(next_line(Lang::Zh, &both).contains("请先停止录入"));
    }
}
