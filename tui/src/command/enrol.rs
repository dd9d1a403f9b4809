//! `onex join` and `onex admit`: by file, by code, and by two files on a stick.
//!
//! How somebody is invited stands in `invite`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use onex_node::clock::Clock;
use onex_node::home::write_secret;
use onex_node::{Joining, Node};
use serde_json::json;

use super::network::PERSON;
use super::{Failure, Output, given, home, print, secrets};
use crate::i18n::{Lang, tr};
use crate::json;

/// By which way a device comes in: a file or a code, at once or by two files.
pub struct Way {
    pub file: Option<PathBuf>,
    pub code: Option<String>,
    pub address: Option<String>,
    pub request: Option<PathBuf>,
    pub response: Option<PathBuf>,
}

/// What `onex join` is given.
pub struct Join {
    pub way: Way,
    pub person: Option<String>,
    pub wait_seconds: u64,
    pub json: bool,
}

/// Asks to be let in by the way that was said.
pub fn join(lang: Lang, asked: &Join) -> Result<Output, Failure> {
    let person = asked.person.as_deref().unwrap_or(PERSON);
    let failed = |error| Failure::of(lang, error);
    if let Some(response) = &asked.way.response {
        let text = read(lang, response)?;
        let folder = home();
        let node = secrets::with_passphrase(lang, &folder, |passphrase| {
            Node::join_finish(&folder, &text, passphrase, Clock::System)
        })?;
        return joined(lang, &node);
    }
    if let (Some(code), Some(address)) = (&asked.way.code, &asked.way.address) {
        let guard = secrets::guard_of_new(lang)?;
        let joining = Node::join_by_code(&home(), code, address, person, &guard, Clock::System);
        return wait(lang, joining.map_err(failed)?, asked);
    }
    let invitation = read(lang, asked.way.file.as_deref().unwrap_or(Path::new("")))?;
    if let Some(request) = &asked.way.request {
        let guard = secrets::guard_of_new(lang)?;
        let made = Node::join_request(&home(), &invitation, person, &guard).map_err(failed)?;
        write(lang, request, &made.text)?;
        let file = request.display().to_string();
        let args = [("file", file.as_str().into()), ("digits", made.digits.as_str().into())];
        let value = json!({ "digits": made.digits, "request": file });
        return Ok(Output::done(value, tr(lang, "command-requested", &args)));
    }
    let guard = secrets::guard_of_new(lang)?;
    let joining = Node::join_under(&home(), &invitation, person, &guard, Clock::System);
    wait(lang, joining.map_err(failed)?, asked)
}

/// Prints the digits at once and waits for the inviter.
fn wait(lang: Lang, joining: Joining, asked: &Join) -> Result<Output, Failure> {
    let digits = joining.digits().to_owned();
    if asked.json {
        print(&json!({ "digits": digits }).to_string());
    } else {
        print(&tr(lang, "command-digits", &[("digits", digits.as_str().into())]));
    }
    let node = joining.wait(Duration::from_secs(asked.wait_seconds));
    let output = joined(lang, &node.map_err(|error| Failure::of(lang, error))?)?;
    Ok(Output { json: None, ..output })
}

fn joined(lang: Lang, node: &Node) -> Result<Output, Failure> {
    let me = node.me().map_err(|error| Failure::of(lang, error))?;
    let text = tr(lang, "command-joined", &[("name", me.org_name.as_str().into())]);
    Ok(Output::done(json::me(&me), text))
}

/// Shows who asks in a file, and with the digits lets him in and writes the answer.
pub fn admit(
    lang: Lang,
    node: &Node,
    request: &Path,
    out: Option<&Path>,
    values: &[String],
) -> Result<Output, Failure> {
    let request = read(lang, request)?;
    let pairs = values.iter().map(|text| given::pair(lang, text));
    let pairs: Vec<(&str, &str)> = pairs.collect::<Result<_, _>>()?;
    let digits = match pairs.as_slice() {
        [] => None,
        [("digits", digits)] => Some(*digits),
        [(other, _), ..] => return Err(Failure::usage(lang, "command-unknown-parameter", other)),
    };
    let admitting = node.admit(&request, digits).map_err(|error| Failure::of(lang, error))?;
    let file = out.map(|out| out.display().to_string()).unwrap_or_default();
    let id = match (digits, &admitting.response) {
        (None, _) => "command-admitting",
        (Some(_), None) => "command-admitted-waits",
        (Some(_), Some(_)) => "command-admitted",
    };
    if let (Some(response), Some(out)) = (&admitting.response, out) {
        write(lang, out, response)?;
    }
    let args = [
        ("person", admitting.person.as_str().into()),
        ("org", admitting.org_name.as_str().into()),
        ("digits", admitting.digits.as_str().into()),
        ("file", file.as_str().into()),
    ];
    let value = json!({
        "person": admitting.person,
        "digits": admitting.digits,
        "admitted": admitting.response.is_some(),
    });
    Ok(Output::done(value, tr(lang, id, &args)))
}

/// Reads a file that somebody has given.
pub fn read(lang: Lang, file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::bad_file(lang, file, &error))
}

/// Writes a file that only the user may read.
pub fn write(lang: Lang, file: &Path, text: &str) -> Result<(), Failure> {
    write_secret(file, text.as_bytes()).map_err(|error| Failure::disk(lang, file, &error))
}
