//! `onex root` and `onex recovery`: the ceremony of the root, recovery keys, organisations that
//! lost everything (docs/guide/root.md).

use std::path::{Path, PathBuf};

use clap::Subcommand;
use onex_node::Node;
use onex_node::clock::Clock;
use onex_node::rooting::{root_key_new, root_sign};
use serde_json::json;

use super::enrol::{read, write};
use super::invite::organisation;
use super::network::PERSON;
use super::{Failure, Output, home, secrets};
use crate::i18n::{Arg, Lang, tr};
use crate::json;

/// What `onex root` does.
#[derive(Debug, Subcommand)]
pub enum Root {
    /// Draws a key for one keeper, on a stick of his own.
    Key {
        /// The file that is written.
        #[arg(long)]
        out: PathBuf,
    },
    /// Shows the root that decides now.
    Show,
    /// Writes the next root into a file, to be signed.
    Propose {
        /// A public key, or the file of a key; once for each keeper.
        #[arg(long = "key", required = true)]
        keys: Vec<String>,
        /// How many of them must sign.
        #[arg(long)]
        threshold: u32,
        /// The device that gives statements their places; without it this one.
        #[arg(long)]
        sequencer: Option<String>,
        /// The last good entry of the membership log; without it the last one.
        #[arg(long)]
        after: Option<u64>,
        /// The file that is written.
        #[arg(long)]
        out: PathBuf,
    },
    /// Signs such a file with the key of a keeper.
    Sign {
        /// The rotation.
        file: PathBuf,
        /// The file of the key.
        #[arg(long)]
        key: PathBuf,
    },
    /// Gives a signed rotation its place, at the device that it names.
    Apply {
        /// The rotation.
        file: PathBuf,
    },
    /// After a restore: does not wait for organisations that cannot be reached.
    GoOn,
}

/// What `onex recovery` does.
#[derive(Debug, Subcommand)]
pub enum Recovery {
    /// Makes the recovery key of an organisation, for the safe.
    New {
        /// The organisation; without it the own one.
        #[arg(long)]
        org: Option<String>,
        /// The file that is written, to be printed.
        #[arg(long)]
        out: PathBuf,
    },
    /// Joins as an admin with the file, or makes this device's person one with the code.
    Use {
        /// The file, on a new device.
        #[arg(required_unless_present = "code")]
        file: Option<PathBuf>,
        /// The code from paper, on a device that takes part.
        #[arg(long, conflicts_with = "file")]
        code: Option<String>,
        /// Who acts.
        #[arg(long)]
        person: Option<String>,
    },
    /// At the hub: an organisation that lost every device begins anew.
    Reset {
        /// The organisation.
        org: String,
    },
}

/// Does a step of the ceremony.
pub fn root(
    lang: Lang,
    asked: &Root,
    open: impl Fn() -> Result<Node, Failure>,
) -> Result<Output, Failure> {
    let failed = |error| Failure::of(lang, error);
    match asked {
        Root::Key { out } => {
            let key = root_key_new();
            let text = format!("{KEY_LINE}\n{PUBLIC}{}\n{SECRET}{}\n", key.public, key.secret);
            write(lang, out, &text)?;
            let file = out.display().to_string();
            let args = [("file", file.as_str().into()), ("public", key.public.as_str().into())];
            let value = json!({ "public": key.public });
            Ok(Output::done(value, tr(lang, "command-root-key", &args)))
        }
        Root::Show => shown(lang, &open()?),
        Root::Propose { keys, threshold, sequencer, after, out } => {
            let node = open()?;
            let keys = keys.iter().map(|key| public(lang, key)).collect::<Result<Vec<_>, _>>()?;
            let device = sequencer.as_deref().map(|text| node.find_device(text));
            let device = device.transpose().map_err(failed)?;
            let text = node.root_propose(&keys, *threshold, device, *after).map_err(failed)?;
            write(lang, out, &text)?;
            Ok(file_done(lang, "command-root-proposed", out))
        }
        Root::Sign { file, key } => {
            let secret = read(lang, key)?;
            let secret = secret.lines().find_map(|line| line.trim().strip_prefix(SECRET));
            let text = root_sign(&read(lang, file)?, secret.unwrap_or_default());
            write(lang, file, &text.map_err(failed)?)?;
            Ok(file_done(lang, "command-root-signed", file))
        }
        Root::Apply { file } => {
            let node = open()?;
            node.root_apply(&read(lang, file)?).map_err(failed)?;
            shown(lang, &node)
        }
        Root::GoOn => {
            open()?.go_on_restored().map_err(failed)?;
            Ok(Output::done(json!({}), tr(lang, "command-root-goes-on", &[])))
        }
    }
}

/// Makes or uses a recovery key, or lets an organisation begin anew.
pub fn recovery(
    lang: Lang,
    asked: &Recovery,
    open: impl Fn(Option<&str>) -> Result<Node, Failure>,
) -> Result<Output, Failure> {
    let failed = |error| Failure::of(lang, error);
    match asked {
        Recovery::New { org, out } => {
            let node = open(None)?;
            let org = organisation(lang, &node, org.as_deref())?;
            let made = node.recovery_new(org).map_err(failed)?;
            write(lang, out, &made.text)?;
            let file = out.display().to_string();
            let args = [("file", file.as_str().into()), ("code", made.code.as_str().into())];
            let value = json!({ "org_id": made.org_id.to_string(), "code": made.code });
            Ok(Output::done(value, tr(lang, "command-recovery-made", &args)))
        }
        Recovery::Use { file: Some(file), person, .. } => {
            let (text, clock) = (read(lang, file)?, Clock::System);
            let guard = secrets::guard_of_new(lang)?;
            let person = person.as_deref().unwrap_or(PERSON);
            let node = Node::join_by_recovery(&home(), &text, person, &guard, clock);
            let me = node.and_then(|node| node.me()).map_err(failed)?;
            let args = [("name", me.org_name.as_str().into()), ("person", person.into())];
            Ok(Output::done(json::me(&me), tr(lang, "command-recovered", &args)))
        }
        Recovery::Use { code, person, .. } => {
            let node = open(person.as_deref())?;
            node.recovery_use(code.as_deref().unwrap_or_default()).map_err(failed)?;
            let me = node.me().map_err(failed)?;
            let args = [("person", me.person.as_str().into())];
            Ok(Output::done(json::me(&me), tr(lang, "command-recovery-used", &args)))
        }
        Recovery::Reset { org } => {
            let node = open(None)?;
            let done = match organisation(lang, &node, Some(org))? {
                Some(org) => node.organisation_reset(org).map_err(failed)?,
                None => false,
            };
            let id = if done { "command-reset-done" } else { "command-reset-second" };
            Ok(Output::done(json!({ "done": done }), tr(lang, id, &[])))
        }
    }
}

fn shown(lang: Lang, node: &Node) -> Result<Output, Failure> {
    let root = node.root().map_err(|error| Failure::of(lang, error))?;
    let device = root.sequencer.to_string();
    let args = [
        ("version", Arg::Count(root.version)),
        ("count", Arg::Count(root.keys.len() as u64)),
        ("threshold", Arg::Count(root.threshold.into())),
        ("device", Arg::Text(&device)),
        ("position", Arg::Count(root.position)),
    ];
    let value = json!({
        "version": root.version,
        "keys": root.keys,
        "threshold": root.threshold,
        "sequencer": device,
        "position": root.position,
    });
    Ok(Output::done(value, tr(lang, "command-root-shown", &args)))
}

fn file_done(lang: Lang, id: &str, file: &Path) -> Output {
    let file = file.display().to_string();
    Output::done(json!({ "file": file }), tr(lang, id, &[("file", file.as_str().into())]))
}

/// A public key as it was given, or that of the file of a key.
fn public(lang: Lang, given: &str) -> Result<String, Failure> {
    if given.len() == KEY_DIGITS && given.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(given.to_owned());
    }
    let text = read(lang, Path::new(given))?;
    let public = text.lines().find_map(|line| line.trim().strip_prefix(PUBLIC));
    Ok(public.unwrap_or_default().to_owned())
}

const KEY_LINE: &str = "onex-root-key/1";
const PUBLIC: &str = "public ";
const SECRET: &str = "secret ";
const KEY_DIGITS: usize = 64;
