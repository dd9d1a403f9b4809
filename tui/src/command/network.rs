//! Commands that make a node, or meet others: init, join, serve, sync, status, demo.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use onex_crdt::roles::{OrgRole, PersonRole};
use onex_node::api::{Closed, PeerReport, SyncReport};
use onex_node::clock::Clock;
use onex_node::upkeep::Upkeep;
use onex_node::{Founding, Node, NodeError, Serving};
use serde_json::json;

use super::{Failure, Output, Status, home, print, secrets};
use crate::core::health::warnings;
use crate::core::lock::keeping_sentence;
use crate::demo;
use crate::i18n::{Arg, Lang, tr};
use crate::json;

/// The person of a device that nobody named.
pub const PERSON: &str = "管理员";

/// Founds a network.
pub fn init(
    lang: Lang,
    _role: String,
    name: String,
    region: String,
    person: Option<String>,
) -> Result<Output, Failure> {
    let person = person.unwrap_or_else(|| PERSON.to_owned());
    let founding = Founding { name, region, person };
    let failed = |error| Failure::of(lang, error);
    let guard = secrets::guard_of_new(lang)?;
    let node = Node::found_under(&home(), &founding, &guard, Clock::System).map_err(failed)?;
    let me = node.me().map_err(failed)?;
    let folder = home().display().to_string();
    let args = [("name", Arg::Text(&me.org_name)), ("home", Arg::Text(&folder))];
    Ok(Output::done(json::me(&me), tr(lang, "command-founded", &args)))
}

/// Lets others reach the node until the process is stopped.
pub fn serve(
    lang: Lang,
    node: &Node,
    listen: Option<SocketAddr>,
    as_json: bool,
) -> Result<Output, Failure> {
    let failed = |error| Failure::of(lang, error);
    node.audit("open", "", &[], &[]).map_err(failed)?;
    let serving = match listen {
        Some(listen) => node.serve_in_touch(listen).map_err(failed)?,
        None => serve_again(node).map_err(failed)?,
    };
    let listen = serving.listen().to_string();
    let device = node.me().map_err(failed)?.device.to_string();
    if as_json {
        print(&json!({ "listen": listen, "device": device }).to_string());
    } else {
        print(&tr(lang, "command-serving", &[("listen", listen.as_str().into())]));
    }
    let _upkeep = Upkeep::begin(node);
    serving.wait().map_err(failed)?;
    Ok(Output::printed())
}

/// Listens where the node last did, else, and where another process of it does, at any free port.
fn serve_again(node: &Node) -> Result<Serving, NodeError> {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let last = node.listen()?.and_then(|address| address.parse().ok());
    let again = last.map(|last| node.serve_in_touch(last));
    again.and_then(Result::ok).map_or_else(|| node.serve_in_touch(any), Ok)
}

/// Syncs once with one peer or with all that are known.
pub fn sync(lang: Lang, node: &Node, peer: Option<&str>) -> Result<Output, Failure> {
    let failed = |error| Failure::of(lang, error);
    let peer = peer.map(|text| node.find_device(text)).transpose().map_err(failed)?;
    let report = node.sync(peer).map_err(failed)?;
    let reached = report.peers.iter().any(|peer| peer.reached);
    let status = if reached { Status::Done } else { Status::Failed };
    Ok(Output { status, ..Output::done(json::sync(&report), report_text(lang, &report)) })
}

fn report_text(lang: Lang, report: &SyncReport) -> String {
    let mut lines = Vec::new();
    for peer in &report.peers {
        lines.push(peer_line(lang, peer));
        lines.extend(peer.refused.iter().map(|(id, reason)| {
            let (document, reason) = (id.to_string(), tr(lang, &format!("held-{reason}"), &[]));
            let args = [("document", Arg::Text(&document)), ("reason", Arg::Text(&reason))];
            tr(lang, "command-peer-refused", &args)
        }));
    }
    lines.push(unsent_line(lang, report.unsent.changes));
    lines.join("\n")
}

fn peer_line(lang: Lang, report: &PeerReport) -> String {
    let device = report.peer.device.short();
    let args = [
        ("name", Arg::Text(&report.peer.name)),
        ("device", Arg::Text(&device)),
        ("sent", Arg::Count(report.sent.changes)),
        ("received", Arg::Count(report.received.changes)),
    ];
    match (report.reached, report.equal) {
        _ if report.closed == Some(Closed::Removed) => tr(lang, "command-peer-removed", &args[..2]),
        _ if report.closed == Some(Closed::Fork) => tr(lang, "command-peer-fork", &args[..2]),
        (false, _) => tr(lang, "command-peer-lost", &args[..2]),
        (true, true) => tr(lang, "command-peer-equal", &args),
        (true, false) => tr(lang, "command-peer-differs", &args),
    }
}

fn unsent_line(lang: Lang, changes: usize) -> String {
    tr(lang, "command-unsent", &[("count", Arg::Count(changes as u64))])
}

/// Tells the state of the node.
pub fn status(lang: Lang, node: &Node) -> Result<Output, Failure> {
    let status = node.status().map_err(|error| Failure::of(lang, error))?;
    let (me, chinese) = (&status.me, lang == Lang::Zh);
    let roles = me.roles.iter().map(|role| choice(PersonRole::CHOICES, *role as usize, chinese));
    let roles = roles.collect::<Vec<_>>().join(if chinese { "、" } else { ", " });
    let device = me.device.to_string();
    let role = choice(OrgRole::CHOICES, me.org_role as usize, chinese);
    let count = |count: usize| Arg::Count(count as u64);
    let mut lines = vec![
        tr(lang, "command-org", &[("name", me.org_name.as_str().into()), ("role", role.into())]),
        tr(
            lang,
            "command-person",
            &[("person", me.person.as_str().into()), ("roles", roles.as_str().into())],
        ),
        tr(lang, "command-device", &[("device", device.as_str().into())]),
        unsent_line(lang, status.unsent.changes),
        tr(
            lang,
            "command-conflicts",
            &[("count", count(status.conflicts)), ("held", count(status.quarantine))],
        ),
        tr(lang, "command-peers", &[("count", count(status.peers.len()))]),
        tr(lang, keeping_sentence(status.keys), &[]),
    ];
    lines.extend((!me.device_active).then(|| tr(lang, "notice-removed", &[])));
    lines.extend(warnings(&status.health).map(|id| tr(lang, id, &[])));
    Ok(Output::done(json::status(&status), lines.join("\n")))
}

fn choice(choices: &[onex_crdt::field::Choice], at: usize, chinese: bool) -> &'static str {
    choices.get(at).map_or("", |choice| if chinese { choice.zh } else { choice.en })
}

/// Builds the demo's province and tells of it.
pub fn demo(lang: Lang, options: &demo::Options) -> Result<Output, Failure> {
    let outcome = demo::run(options).map_err(|error| error.failure(lang))?;
    Ok(told(lang, &outcome))
}

/// Builds the demo's province and opens the interface of its first college's coordinator; the
/// other nodes can be reached meanwhile.
pub fn demo_to_use(lang: Lang, options: &demo::Options, as_json: bool) -> ExitCode {
    let built = demo::build(options).map_err(|error| error.failure(lang));
    let (province, outcome) = match built {
        Ok(built) => built,
        Err(failure) => return super::finish(lang, as_json, Err(failure)).code(),
    };
    super::finish(lang, as_json, Ok(told(lang, &outcome)));
    let status = super::interface(lang, &outcome.first_college());
    drop(province);
    status
}

fn told(lang: Lang, outcome: &demo::Outcome) -> Output {
    let steps = outcome.steps.len().to_string();
    let seconds = format!("{:.1}", outcome.seconds);
    let args = [
        ("dir", Arg::Text(&outcome.dir)),
        ("steps", Arg::Text(&steps)),
        ("seconds", Arg::Text(&seconds)),
    ];
    Output::done(outcome.json(), tr(lang, "command-demo-done", &args))
}

#[cfg(test)]
mod tests {
    use super::*;
    use onex_crdt::ids::{DeviceId, DocId, OrgId};
    use onex_node::api::{Peer, Traffic, Unsent};

    /// What a peer did not take is named, with the reason.
    #[test]
    fn a_sync_says_what_was_not_taken() {
        let peer = PeerReport {
            peer: Peer {
                org_id: OrgId([0xa1; 16]),
                name: "某项目办".to_owned(),
                device: DeviceId([0x9c; 16]),
                address: None,
                last_sync: None,
                equal: false,
            },
            reached: true,
            round_trips: 3,
            sent: Traffic::default(),
            received: Traffic::default(),
            quarantined: 0,
            refused: vec![(DocId([0x0b; 16]), "too_large".to_owned())],
            equal: false,
            error: None,
            closed: None,
        };
        let report = SyncReport { peers: vec![peer], unsent: Unsent::default() };
        let text = report_text(Lang::En, &report);
        let line = format!("document {} was not taken: over the size limits", "0b".repeat(16));
        assert!(text.lines().any(|it| it.trim() == line), "{text}");
    }
}
