//! The help of the command line, in the language of whoever asks: each command and each argument
//! has a sentence in `i18n`, found by its path.
//!
//! What clap says of a wrong command line stays clap's.

use clap::{Arg, ArgAction, Command};

use crate::i18n::{Lang, is_known, tr};

/// Returns a command line whose help is written in a language.
pub fn worded(lang: Lang, command: Command) -> Command {
    let version = argument(lang, "usage", Arg::new("version").short('V').long("version"));
    let around = tr(lang, "usage-around", &[]);
    words(lang, "usage", command)
        .disable_version_flag(true)
        .arg(version.action(ArgAction::Version))
        .after_help(around)
}

/// Gives a command and everything below it its sentences; `path` is the id of its own.
fn words(lang: Lang, path: &str, command: Command) -> Command {
    let help = argument(lang, path, Arg::new("help").short('h').long("help"));
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
        .arg(help.action(ArgAction::Help))
        .subcommand_help_heading(heading)
        .help_template(template)
}

/// Gives an argument its sentence, and puts it under the heading of its kind.
fn argument(lang: Lang, path: &str, arg: Arg) -> Arg {
    let id = sentence(lang, path, arg.get_id().as_str());
    let heading = if arg.is_positional() { "usage-arguments" } else { "usage-options" };
    arg.help(tr(lang, &id, &[])).help_heading(tr(lang, heading, &[])).hide_possible_values(true)
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
        let around = ["around", "how", "commands", "arguments", "options", "help", "version"];
        expected.extend(around.map(|end| format!("usage-{end}")));
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

    #[test]
    fn the_command_line_holds_together() {
        worded(Lang::Zh, Program::command()).debug_assert();
    }
}
