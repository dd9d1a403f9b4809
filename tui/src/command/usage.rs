//! The help of the command line, in the language of whoever asks: each command and each argument
//! has a sentence in `i18n`, found by its path; and what is wrong with a command line.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, Error};

use crate::i18n::{Arg as Value, Lang, is_known, tr};

/// Returns a command line as clap reads it: `help list` stands for `list --help`.
pub fn arguments(given: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.into_iter().collect();
    if given.get(1).is_some_and(|first| first == "help") {
        given.remove(1);
        given.push("--help".into());
    }
    given
}

/// Returns what is wrong with a command line, as far as it has a sentence; clap's words otherwise.
pub fn wrong(lang: Lang, error: &Error) -> String {
    let (id, kind) = match error.kind() {
        ErrorKind::MissingRequiredArgument => ("usage-missing", ContextKind::InvalidArg),
        ErrorKind::UnknownArgument => ("usage-unknown", ContextKind::InvalidArg),
        ErrorKind::InvalidSubcommand => ("usage-no-command", ContextKind::InvalidSubcommand),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            ("usage-bad-value", ContextKind::InvalidArg)
        }
        ErrorKind::ArgumentConflict => ("usage-not-both", ContextKind::InvalidArg),
        _ => return error.to_string(),
    };
    let what = match error.get(kind) {
        Some(ContextValue::String(what)) => what.clone(),
        Some(ContextValue::Strings(what)) => what.join(" "),
        _ => return error.to_string(),
    };
    let said = tr(lang, id, &[("what", Value::Text(&what))]);
    format!("{said}\n{}", tr(lang, "usage-see", &[]))
}

/// Returns a command line whose help is written in a language.
pub fn worded(lang: Lang, command: Command) -> Command {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    let around = tr(lang, "usage-around", &[]);
    words(lang, "usage", command)
        .disable_version_flag(true)
        .arg(argument(lang, "usage", version))
        .after_help(around)
}

/// Gives a command and everything below it its sentences; `path` is the id of its own.
fn words(lang: Lang, path: &str, command: Command) -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    let heading = tr(lang, "usage-commands", &[]);
    let template = format!(
        "{{about}}\n\n{} {{usage}}\n\n{{all-args}}{{after-help}}",
        tr(lang, "usage-how", &[])
    );
    command
        .about(tr(lang, path, &[]))
        .mut_args(|arg| argument(lang, path, arg))
        .mut_subcommands(|below| {
            let path = format!("{path}-{}", below.get_name());
            words(lang, &path, below)
        })
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(argument(lang, path, help))
        .subcommand_help_heading(heading)
        .help_template(template)
}

/// Gives an argument its sentence, and puts it under the heading of its kind.
fn argument(lang: Lang, path: &str, arg: Arg) -> Arg {
    let id = sentence(lang, path, arg.get_id().as_str());
    let heading = if arg.is_positional() { "usage-arguments" } else { "usage-options" };
    let takes = arg.get_action().takes_values();
    let arg = arg.help(tr(lang, &id, &[])).help_heading(tr(lang, heading, &[]));
    // The sentence says what is possible.
    if takes { arg.hide_possible_values(true) } else { arg }
}

/// Returns the id of an argument's sentence: its own, else the one of all that are called so.
fn sentence(lang: Lang, path: &str, arg: &str) -> String {
    let arg = arg.replace('_', "-");
    let own = format!("{path}-{arg}");
    if is_known(lang, &own) { own } else { format!("usage-{arg}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::command::Program;
    use crate::i18n::ids_of;

    /// The ids of the sentences of a command and of everything below it.
    fn ids(path: &str, command: &Command, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        let ids_below = command.get_arguments().map(|arg| arg.get_id().as_str());
        found.extend(ids_below.map(|arg| sentence(Lang::Zh, path, arg)));
        for below in command.get_subcommands() {
            ids(&format!("{path}-{}", below.get_name()), below, found);
        }
    }

    #[test]
    fn every_command_and_argument_has_its_sentence() {
        let mut expected = BTreeSet::new();
        ids("usage", &Program::command(), &mut expected);
        let around =
            ["around", "how", "commands", "arguments", "options", "help", "version", "see"];
        let wrong = ["missing", "unknown", "no-command", "bad-value", "not-both"];
        expected.extend(around.iter().chain(&wrong).map(|end| format!("usage-{end}")));
        assert_eq!(ids_of("usage"), expected);
    }

    #[test]
    fn a_help_is_in_one_language() {
        let shown = |lang| {
            let mut command = worded(lang, Program::command());
            let list = command.find_subcommand_mut("list").expect("there is one");
            list.render_help().to_string()
        };
        let zh = shown(Lang::Zh);
        assert!(zh.contains("用法：") && zh.contains("选项") && zh.contains("参数"), "{zh}");
        for english in ["Usage", "Options", "Arguments", "Print", "Shows"] {
            assert!(!zh.contains(english), "{english}: {zh}");
        }
        let hanzi = |letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter);
        let en = shown(Lang::En);
        assert!(en.contains("Usage:") && !en.contains(hanzi), "{en}");
    }

    #[track_caller]
    fn check(given: &[&str], zh: &str) {
        let given = arguments(given.iter().map(Into::into));
        let matched = worded(Lang::Zh, Program::command()).try_get_matches_from(given);
        let said = wrong(Lang::Zh, &matched.expect_err("a wrong command line"));
        assert!(said.starts_with(zh), "{said}");
    }

    #[test]
    fn a_wrong_command_line_is_told_in_words() {
        check(&["onex", "list"], "还缺：<KIND>\n");
        check(&["onex", "lst"], "没有这个命令：lst\n");
        check(&["onex", "sync", "--fast"], "没有这个选项：--fast\n");
        check(&["onex", "list", "a", "--limit", "x"], "内容不对：--limit <LIMIT>\n");
        check(&["onex", "list", "a", "--csv", "--json"], "不能与别的选项一起用：--");
        check(&["onex", "help", "list"], "列出一种记录");
    }

    #[test]
    fn the_command_line_holds_together() {
        worded(Lang::Zh, Program::command()).debug_assert();
    }
}
