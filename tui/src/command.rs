//! The command line: what `onex` understands, and how it answers (architecture 8).
//!
//! Every action of the registry is reached through `do`; no rule stands here. Credentials and
//! bundles are not here yet.

mod actions;
mod enrol;
mod export;
mod failure;
mod given;
mod import;
mod invite;
mod lists;
mod network;
mod place;
mod root;
mod secrets;
mod stage;
mod tables;
mod upkeep;
mod usage;

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use onex_crdt::roles::OrgRole;
use onex_node::Node;
use onex_node::clock::Clock;
use onex_node::home::Guard;
use onex_node::upkeep::Upkeep;
use serde_json::Value as Json;

use crate::i18n::{Lang, tr};
use crate::json;
use crate::run::app::{self, Begins};
use crate::run::guard::panic_hook_plain;
use crate::run::node_backend::EmptyHome;
pub use failure::Failure;
pub use given::Call;
pub use place::{home, lang};

/// Runs a command line and returns its exit status: 0 done, 1 refused, 2 wrong usage, 3 the
/// system failed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let lang = lang();
    panic_hook_plain(tr(lang, "crash-what", &[]));
    let arguments = usage::arguments(arguments);
    let matched = usage::worded(lang, Program::command()).try_get_matches_from(arguments);
    let program = match matched.and_then(|matched| Program::from_arg_matches(&matched)) {
        Ok(program) => program,
        Err(error) if error.use_stderr() => {
            eprintln!("{}", usage::wrong(lang, &error).trim_end());
            return Status::Usage.code();
        }
        Err(help) => {
            let _ = help.print();
            return Status::Done.code();
        }
    };
    let Some(command) = program.command else {
        return interface(lang, &home());
    };
    if let Command::Demo { dir, seed, learners, no_tui: false, json, explain } = command {
        let options = crate::demo::Options { dir, seed, learners, explain };
        return network::demo_to_use(lang, &options, json);
    }
    let as_json = command.wants_json();
    let answered = carry_out(lang, command);
    finish(lang, as_json, answered).code()
}

/// Opens the terminal interface on the node in a folder, or on the first use of one without a
/// node. While it is open, others reach the node, unless another process of it serves already.
pub fn interface(lang: Lang, home: &Path) -> ExitCode {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        eprintln!("{}", tr(lang, "command-no-terminal", &[]));
        return Status::Usage.code();
    }
    finish(lang, false, shown(lang, home).map(|()| Output::printed())).code()
}

/// Shows the interface as the home is: a node, one behind a passphrase, or none yet.
fn shown(lang: Lang, home: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::terminal(lang, &error);
    let first = |guard, begins| {
        let entry = EmptyHome::new(home.to_owned(), Clock::System, guard);
        app::run_first(Arc::new(entry), lang, begins).map_err(failed)
    };
    let is_locked = secrets::is_locked(home);
    if Node::exists(home) {
        let passphrase = if is_locked { secrets::from_file(lang)? } else { None };
        if is_locked && passphrase.is_none() {
            return first(Guard::File, Begins::Locked);
        }
        let node = Node::unlock(home, passphrase.as_ref(), Clock::System);
        let node = node.map_err(|error| Failure::of(lang, error))?;
        node.audit("open", "", &[], &[]).map_err(|error| Failure::of(lang, error))?;
        return on_node(node, lang).map_err(failed);
    }
    match secrets::guard_unasked(lang)? {
        Some(guard) => first(guard, Begins::Empty),
        None => first(Guard::File, Begins::EmptyUnguarded),
    }
}

/// Opens the interface on a node that stays in touch with its peers meanwhile. Without a network
/// it works as well.
fn on_node(node: Node, lang: Lang) -> std::io::Result<()> {
    let _online = node.stay_in_touch().ok();
    let _upkeep = Upkeep::begin(&node);
    app::run(Arc::new(node), lang)
}

fn carry_out(lang: Lang, command: Command) -> Result<Output, Failure> {
    let opened = |person: Option<&str>| open(lang, person);
    match command {
        Command::Init { role, name, region, person, .. } => {
            network::init(lang, role, name, region, person)
        }
        Command::Invite { role, org, out, code, offline, person, .. } => {
            let out = out.unwrap_or_default();
            let way = match (code, offline) {
                (true, _) => invite::Way::Code,
                (_, true) => invite::Way::Stick(out),
                _ => invite::Way::File(out),
            };
            let role = role.as_deref().and_then(OrgRole::from_id);
            let asked = invite::Asked { role, org, way };
            invite::invite(lang, &opened(person.as_deref())?, &asked)
        }
        Command::Join { file, code, address, request, response, person, wait, json } => {
            let way = enrol::Way { file, code, address, request, response };
            enrol::join(lang, &enrol::Join { way, person, wait_seconds: wait, json })
        }
        Command::Admit { file, values, out, person, .. } => {
            let node = opened(person.as_deref())?;
            enrol::admit(lang, &node, &file, out.as_deref(), &values)
        }
        Command::Root { what, person, .. } => root::root(lang, &what, || opened(person.as_deref())),
        Command::Recovery { what, .. } => root::recovery(lang, &what, opened),
        Command::Serve { listen, json } => network::serve(lang, &opened(None)?, listen, json),
        Command::Sync { peer, .. } => network::sync(lang, &opened(None)?, peer.as_deref()),
        Command::Status { person, .. } => network::status(lang, &opened(person.as_deref())?),
        Command::List { kind, conditions, text, limit, csv, reveal, person, .. } => {
            let asked = lists::Asked { kind, conditions, text, limit, csv, reveal };
            lists::list(lang, &opened(person.as_deref())?, &asked)
        }
        Command::Show { kind, id, history, reveal, person, .. } => {
            let node = opened(person.as_deref())?;
            lists::show(lang, &node, &kind, &id, (history, reveal))
        }
        Command::Do { list: true, .. } => Ok(actions::all(lang)),
        Command::Do { action, values, person, .. } => {
            let action = given::action(lang, &action.unwrap_or_default())?;
            let node = opened(person.as_deref())?;
            actions::act(lang, &node, action, &values)
        }
        Command::Import { kind, file, values, dry_run, person, json } => {
            let asked = import::Asked { kind, file, values, dry_run, json };
            import::import(lang, &opened(person.as_deref())?, &asked)
        }
        Command::Export { kind, file, reveal, person, .. } => {
            let asked = export::Asked { kind, file, reveal };
            export::export(lang, &opened(person.as_deref())?, &asked)
        }
        Command::Check { repair: false, .. } => upkeep::check(lang),
        Command::Check { repair: true, .. } => upkeep::repair(lang),
        Command::Backup { file, secret, .. } => upkeep::backup(lang, opened(None)?, &file, secret),
        Command::Restore { file, secret, .. } => upkeep::restore(lang, &file, secret),
        Command::Passphrase { what, new, .. } => secrets::passphrase(lang, what, new),
        Command::Demo { dir, seed, learners, explain, .. } => {
            let options = crate::demo::Options { dir, seed, learners, explain };
            network::demo(lang, &options)
        }
    }
}

fn open(lang: Lang, person: Option<&str>) -> Result<Node, Failure> {
    let node = secrets::open(lang)?;
    Ok(match person {
        Some(person) => node.as_person(person),
        None => node,
    })
}

/// Prints an answer where it belongs: sentences and refusals for people go to stderr, all else
/// to stdout.
fn finish(lang: Lang, as_json: bool, answered: Result<Output, Failure>) -> Status {
    match answered {
        Ok(output) => {
            match (as_json, &output.json) {
                (true, Some(value)) => print(&value.to_string()),
                (true, None) => {}
                (false, _) if output.text.is_empty() => {}
                (false, _) => print(&output.text),
            }
            output.status
        }
        Err(failure) => {
            let status = failure.status();
            match (as_json, &failure) {
                (_, Failure::Usage(text)) => eprintln!("{text}"),
                (true, Failure::Refused(said)) => print(&json::refused(said).to_string()),
                (true, Failure::System(said)) => {
                    print(&serde_json::json!({ "failed": json::explained(said) }).to_string());
                }
                (false, Failure::Refused(said) | Failure::System(said)) => {
                    eprintln!("{}", said.line(lang));
                }
            }
            status
        }
    }
}

/// Prints to stdout; a reader that has gone away is no failure of ours.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// What a command came to.
#[derive(Debug)]
pub struct Output {
    /// The value that `--json` prints; nothing when the command has printed it already.
    json: Option<Json>,
    /// What people read.
    text: String,
    /// Done, or failed with an answer.
    status: Status,
}

impl Output {
    fn done(json: Json, text: String) -> Self {
        Self { json: Some(json), text, status: Status::Done }
    }

    fn printed() -> Self {
        Self { json: None, text: String::new(), status: Status::Done }
    }
}

/// The exit status of a command (contract, "One value").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: done.
    Done,
    /// 1: a rule refused.
    Refused,
    /// 2: wrong usage.
    Usage,
    /// 3: the system failed.
    Failed,
}

impl Status {
    fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// The distributed system of the 1+X certificate pilot.
#[derive(Debug, Parser)]
#[command(name = "onex", version)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Founds a network; this device is the hub's first.
    Init {
        /// Only a hub can be founded; others join.
        #[arg(long, value_parser = ["hub"])]
        role: String,
        /// The hub's name.
        #[arg(long)]
        name: String,
        /// Its region, six digits of GB/T 2260.
        #[arg(long)]
        region: String,
        /// The person at this device.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Writes an invitation for a device.
    Invite {
        /// The role of the organisation that is invited.
        #[arg(long, value_parser = [OrgRole::College.id(), OrgRole::Evaluator.id()])]
        #[arg(requires = "org", required_unless_present = "device")]
        role: Option<String>,
        /// The organisation that is invited.
        #[arg(long, conflicts_with = "device", required_unless_present = "device")]
        org: Option<String>,
        /// Invites a further device of the own organisation.
        #[arg(long)]
        device: bool,
        /// The file that is written.
        #[arg(long, required_unless_present = "code")]
        out: Option<PathBuf>,
        /// Prints a code to be read to the other side, in place of a file.
        #[arg(long, conflicts_with_all = ["out", "offline"])]
        code: bool,
        /// For a device that cannot call: files go to and fro on a stick.
        #[arg(long)]
        offline: bool,
        /// Who acts.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Joins with an invitation: prints the digits, then waits for the inviter.
    Join {
        /// The invitation.
        #[arg(required_unless_present_any = ["code", "response"])]
        file: Option<PathBuf>,
        /// The code of an invitation, in place of the file.
        #[arg(long, requires = "address", conflicts_with = "file")]
        code: Option<String>,
        /// Where the inviter can be reached, `10.1.2.3:40311`.
        #[arg(long)]
        address: Option<String>,
        /// Writes a request for a stick, in place of a call.
        #[arg(long, requires = "file")]
        request: Option<PathBuf>,
        /// Takes the inviter's answer from a stick.
        #[arg(long, conflicts_with_all = ["file", "code", "request"])]
        response: Option<PathBuf>,
        /// Who acts.
        #[arg(long)]
        person: Option<String>,
        /// Seconds to wait for the inviter.
        #[arg(long, default_value_t = 600)]
        wait: u64,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Shows a request out of a file; with `digits=` lets the device in.
    Admit {
        /// The request.
        file: PathBuf,
        /// The digits that the other screen shows, once they were compared.
        #[arg(value_name = "digits=D", requires = "out")]
        values: Vec<String>,
        /// The answer that is written.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Who acts.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// The ceremony of the root: keys, rotations, who sequences.
    Root {
        #[command(subcommand)]
        what: root::Root,
        /// Who acts.
        #[arg(long, global = true)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Recovery keys, and organisations that lost everything.
    Recovery {
        #[command(subcommand)]
        what: root::Recovery,
        /// Prints one JSON value.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Lets others reach this node, until it is stopped.
    Serve {
        /// Where to listen; without it where it listened last, else any free port.
        #[arg(long)]
        listen: Option<std::net::SocketAddr>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Syncs once.
    Sync {
        /// A device, or the beginning of its id; without it every peer that is known.
        peer: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Who am I, what is unsent, peers, conflicts.
    Status {
        /// Who acts.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Lists records of a kind, conflicts, quarantine, devices or parameters.
    List {
        /// The kind, `application`.
        kind: String,
        /// A condition, `level=2`, `planned_students>=60`; several must all hold.
        #[arg(long = "where", value_name = "F=V")]
        conditions: Vec<String>,
        /// A text that the record is found by.
        #[arg(long)]
        text: Option<String>,
        /// At most so many rows.
        #[arg(long)]
        limit: Option<usize>,
        /// A table with Chinese headers.
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// Shows masked fields as they are; who looked is written down.
        #[arg(long)]
        reveal: bool,
        /// Who looks.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Shows one record.
    Show {
        /// The kind, `application`.
        kind: String,
        /// The id, or its first or last eight digits.
        id: String,
        /// With every step that led to it.
        #[arg(long)]
        history: bool,
        /// Shows masked fields as they are; who looked is written down.
        #[arg(long)]
        reveal: bool,
        /// Who looks.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Takes an action; `--list` names them all.
    Do {
        /// The action, `application.submit`.
        #[arg(required_unless_present = "list")]
        action: Option<String>,
        /// Parameters, `planned_students=90`; `F=` clears a field.
        #[arg(value_name = "F=V")]
        values: Vec<String>,
        /// Names every action.
        #[arg(long)]
        list: bool,
        /// Who acts.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Saves the good rows of a roster and lists the bad ones.
    Import {
        /// The kind, `learner` or `enrolment`.
        kind: String,
        /// A workbook (xlsx, xls, ods) or text (csv, tab; UTF-8, GB18030, UTF-16).
        file: PathBuf,
        /// `class=ID` puts the learners into that class.
        #[arg(value_name = "class=ID")]
        values: Vec<String>,
        /// Checks only; saves nothing.
        #[arg(long)]
        dry_run: bool,
        /// Who acts.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Writes the records of a kind as xlsx or csv, by the ending.
    Export {
        /// The kind, `learner`.
        kind: String,
        /// The file that is written.
        file: PathBuf,
        /// Shows masked fields; it is written down who looked.
        #[arg(long)]
        reveal: bool,
        /// Who looks.
        #[arg(long)]
        person: Option<String>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Reads everything again that is stored, and says what is damaged.
    Check {
        /// Makes a new database of what can be read; the damaged one stays beside it.
        #[arg(long)]
        repair: bool,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Writes everything that is stored into one file, encrypted, without the device's key.
    Backup {
        /// The file that is written.
        file: PathBuf,
        /// A file with a passphrase; with it any computer can restore the backup, without it only
        /// this home.
        #[arg(long = "passphrase-file")]
        secret: Option<PathBuf>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Puts back what a backup holds. Safe at any time; unsent work stays.
    Restore {
        /// The backup.
        file: PathBuf,
        /// A file with the backup's passphrase.
        #[arg(long = "passphrase-file")]
        secret: Option<PathBuf>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Sets, changes or removes the passphrase that the keys of this node are under.
    Passphrase {
        /// What is done with it.
        what: secrets::What,
        /// A file with the new passphrase; without it it is asked for.
        #[arg(long)]
        new: Option<PathBuf>,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
    },
    /// Builds the province of the story in a folder of its own.
    Demo {
        /// An empty folder; without it a fresh one beside the node's own.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Another seed makes up other people.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many learners the colleges have beside those of the story.
        #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(..=50_000))]
        learners: u32,
        /// Exits when the province stands.
        #[arg(long)]
        no_tui: bool,
        /// Prints one JSON value.
        #[arg(long)]
        json: bool,
        /// Prints each step's equivalent command to stderr.
        #[arg(long)]
        explain: bool,
    },
}

impl Command {
    fn wants_json(&self) -> bool {
        match self {
            Command::Init { json, .. }
            | Command::Invite { json, .. }
            | Command::Join { json, .. }
            | Command::Admit { json, .. }
            | Command::Root { json, .. }
            | Command::Recovery { json, .. }
            | Command::Serve { json, .. }
            | Command::Sync { json, .. }
            | Command::Status { json, .. }
            | Command::List { json, .. }
            | Command::Show { json, .. }
            | Command::Do { json, .. }
            | Command::Import { json, .. }
            | Command::Export { json, .. }
            | Command::Check { json, .. }
            | Command::Backup { json, .. }
            | Command::Restore { json, .. }
            | Command::Passphrase { json, .. }
            | Command::Demo { json, .. } => *json,
        }
    }
}
