//! Why a command did not do what it was asked, in sentences, and the exit status that says so.
//!
//! Refusals by rules find their words in `core::refusal`; here stand those of the node itself.

use onex_crdt::action::{Action, Reason, Refusal};
use onex_node::NodeError;
use onex_node::backup::BackupError;
use onex_node::home::KeysError;
use onex_node::net::NetError;
use onex_node::rooting::RootRefusal;
use onex_node::store::StoreError;

use super::Status;
use crate::core::refusal::{Explained, at_field, explain, explain_field, field_label};
use crate::core::welcome::FOUND;
use crate::i18n::{Arg, Lang, tr};

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A rule refused: exit status 1.
    Refused(Explained),
    /// Wrong usage: exit status 2.
    Usage(String),
    /// The disk or the network failed: exit status 3.
    System(Explained),
}

impl Failure {
    /// The exit status.
    pub fn status(&self) -> Status {
        match self {
            Failure::Refused(_) => Status::Refused,
            Failure::Usage(_) => Status::Usage,
            Failure::System(_) => Status::Failed,
        }
    }

    /// Puts a node's error into words.
    pub fn of(lang: Lang, error: NodeError) -> Self {
        let detail = match &error {
            NodeError::NoNode { folder } => folder.clone(),
            NodeError::Folder { folder, source } => format!("{folder}: {source}"),
            NodeError::Net(error) => detail(error),
            error => detail(error),
        };
        let detail = [("detail", Arg::Text(&detail))];
        let refused = |id, field: Option<&str>| Self::Refused(said(lang, id, &detail, field));
        let failed = |id| Self::System(said(lang, id, &detail, None));
        match &error {
            NodeError::Refused(refusal) => Self::Refused(explain(lang, refusal)),
            NodeError::Value { field, error } => {
                let (why, next) = explain_field(lang, error);
                let what = tr(lang, "command-not-done", &[]);
                let label = field_label(lang, FOUND.id, field);
                let why = at_field(lang, &label, &why);
                Self::Refused(Explained { what, why, next, field: Some(field.clone()) })
            }
            NodeError::UnknownId { kind: "device", .. } => refused("unknown-device", Some("id")),
            NodeError::UnknownId { .. } => refused("unknown-record", Some("id")),
            NodeError::NoNode { .. } => refused("no-node", None),
            NodeError::NotJoined => refused("not-joined", None),
            NodeError::Folder { source, .. }
                if source.kind() == std::io::ErrorKind::AlreadyExists =>
            {
                refused("node-exists", None)
            }
            NodeError::Keys(KeysError::Locked) => refused("locked", None),
            NodeError::Keys(KeysError::WrongPassphrase) => refused("wrong-passphrase", None),
            NodeError::Keys(KeysError::Keystore) => failed("keystore"),
            NodeError::Keys(_) => failed("keys-damaged"),
            NodeError::Membership(_) => refused("membership", None),
            NodeError::Invitation(_) => refused("invitation", Some("file")),
            NodeError::NoSuchDigits => refused("no-such-digits", Some("digits")),
            NodeError::NotLetIn { .. } => refused("not-let-in", None),
            NodeError::NotListening => refused("not-listening", None),
            NodeError::NotTheInviter => refused("not-the-inviter", Some("code")),
            NodeError::NotAsked => refused("not-asked", None),
            NodeError::NotLead => refused("not-lead", None),
            NodeError::Root(refusal) => root(lang, *refusal),
            NodeError::InUse => refused("in-use", None),
            NodeError::NotCaughtUp => refused("not-caught-up", None),
            NodeError::NotRepairable => failed("not-repairable"),
            NodeError::Backup(error) => refused(backup_words(error), Some("file")),
            NodeError::Store(error) if error.is_full() => failed("disk-full"),
            NodeError::Store(error) if error.is_fatal() => failed("disk-broken"),
            NodeError::Store(StoreError::OlderProgram) => failed("in-use"),
            NodeError::Stopped => failed("stopped"),
            NodeError::NoPeer => failed("no-peer"),
            NodeError::Net(NetError::Bind { .. }) => failed("no-listening"),
            NodeError::Unreachable | NodeError::Net(_) => failed("unreachable"),
            NodeError::NotConfirmed => failed("not-confirmed"),
            NodeError::Folder { .. } => failed("disk"),
            _ => failed("system"),
        }
    }

    /// The refusal of an action at a parameter.
    pub fn refused(
        lang: Lang,
        action: &'static Action,
        reason: Reason,
        field: Option<&str>,
    ) -> Self {
        Self::Refused(explain(lang, &Refusal::new(action, reason, field)))
    }

    /// The refusal of something that is not here, or may not be seen: both look alike.
    pub fn unknown(lang: Lang, field: &str) -> Self {
        Self::Refused(said(lang, "unknown-record", &[], Some(field)))
    }

    /// A file that could not be read or written.
    pub fn disk(lang: Lang, path: &std::path::Path, error: &std::io::Error) -> Self {
        let detail = format!("{}: {error}", path.display());
        Self::System(said(lang, "disk", &[("detail", Arg::Text(&detail))], None))
    }

    /// A file that was given and is none that can be used.
    pub fn bad_file(lang: Lang, path: &std::path::Path, error: &std::io::Error) -> Self {
        let detail = format!("{}: {error}", path.display());
        Self::Refused(said(lang, "disk", &[("detail", Arg::Text(&detail))], Some("file")))
    }

    /// Something about passphrases that cannot be done as things stand.
    pub fn of_keys(lang: Lang, id: &str) -> Self {
        Self::Refused(said(lang, id, &[], None))
    }

    /// A passphrase that was asked for and not given.
    pub fn not_asked(lang: Lang, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::Interrupted => Self::of_keys(lang, "nothing-typed"),
            _ => Self::terminal(lang, error),
        }
    }

    /// A terminal that cannot show the interface.
    pub fn terminal(lang: Lang, error: &std::io::Error) -> Self {
        let detail = error.to_string();
        Self::System(said(lang, "terminal", &[("detail", Arg::Text(&detail))], None))
    }

    /// Wrong usage, with what was given.
    pub fn usage(lang: Lang, id: &str, given: &str) -> Self {
        Self::Usage(tr(lang, id, &[("given", Arg::Text(given))]))
    }

    /// Wrong usage: a name that there is not, with those that there are.
    pub fn unlisted(lang: Lang, id: &str, given: &str, known: &[&str]) -> Self {
        let known = known.join(", ");
        Self::Usage(tr(lang, id, &[("given", Arg::Text(given)), ("known", Arg::Text(&known))]))
    }
}

fn backup_words(error: &BackupError) -> &'static str {
    match error {
        BackupError::NoBackup => "no-backup",
        BackupError::Damaged => "damaged-backup",
        BackupError::OtherHome => "backup-of-other-home",
        BackupError::NeedsPassphrase | BackupError::Keys(_) => "backup-passphrase",
        BackupError::OtherDevice => "backup-of-other-device",
    }
}

fn said(lang: Lang, id: &str, args: &[(&str, Arg)], field: Option<&str>) -> Explained {
    Explained {
        what: tr(lang, "command-not-done", &[]),
        why: tr(lang, &format!("why-{id}"), args),
        next: tr(lang, &format!("next-{id}"), args),
        field: field.map(str::to_owned),
    }
}

/// What is wrong with a rotation of the root.
fn root(lang: Lang, refusal: RootRefusal) -> Failure {
    let (id, args) = match refusal {
        RootRefusal::Version { expected, found } => {
            ("version", vec![("expected", Arg::Count(expected)), ("found", Arg::Count(found))])
        }
        RootRefusal::Foreign => ("foreign", Vec::new()),
        RootRefusal::Signature => ("signature", Vec::new()),
        RootRefusal::Signed { version, found, needed } => (
            "signed",
            vec![
                ("version", Arg::Count(version)),
                ("found", Arg::Count(found as u64)),
                ("needed", Arg::Count(needed.into())),
            ],
        ),
        RootRefusal::Place => ("place", Vec::new()),
    };
    let next = if id == "signed" { "next-root-signed" } else { "next-root" };
    Failure::Refused(Explained {
        what: tr(lang, "command-not-done", &[]),
        why: tr(lang, &format!("why-root-{id}"), &args),
        next: tr(lang, next, &[]),
        field: None,
    })
}

/// What an error and its causes say, for those who look after the computer.
fn detail(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: Status, error: impl Fn() -> NodeError) {
        for lang in [Lang::Zh, Lang::En] {
            let failure = Failure::of(lang, error());
            assert_eq!(failure.status(), status, "{}", error());
            let (Failure::Refused(said) | Failure::System(said)) = failure else {
                panic!("{} is no wrong usage", error());
            };
            for text in [&said.what, &said.why, &said.next] {
                let is_id = text.starts_with("why-") || text.starts_with("next-");
                assert!(!is_id && !text.contains(['{', '$']), "{text}");
            }
        }
    }

    #[test]
    fn every_error_has_sentences_and_a_status() {
        let folder = |kind: std::io::ErrorKind| NodeError::Folder {
            folder: "D".to_owned(),
            source: kind.into(),
        };
        check(Status::Refused, || NodeError::NoNode { folder: "D".to_owned() });
        check(Status::Refused, || NodeError::NotJoined);
        check(Status::Refused, || folder(std::io::ErrorKind::AlreadyExists));
        check(Status::Failed, || folder(std::io::ErrorKind::StorageFull));
        check(Status::Refused, || NodeError::NoSuchDigits);
        check(Status::Refused, || NodeError::Keys(KeysError::Locked));
        check(Status::Refused, || NodeError::Keys(KeysError::WrongPassphrase));
        check(Status::Failed, || NodeError::Keys(KeysError::Keystore));
        check(Status::Failed, || NodeError::Keys(KeysError::Damaged));
        check(Status::Refused, || NodeError::NotLetIn { reason: "used".to_owned() });
        check(Status::Refused, || NodeError::UnknownId { kind: "call", id: "77".to_owned() });
        check(Status::Refused, || NodeError::NotTheInviter);
        check(Status::Refused, || NodeError::NotAsked);
        check(Status::Refused, || NodeError::NotLead);
        let refusals = [
            RootRefusal::Version { expected: 2, found: 4 },
            RootRefusal::Foreign,
            RootRefusal::Signature,
            RootRefusal::Signed { version: 1, found: 0, needed: 1 },
            RootRefusal::Place,
        ];
        for refusal in refusals {
            check(Status::Refused, || NodeError::Root(refusal));
        }
        check(Status::Refused, || NodeError::InUse);
        check(Status::Refused, || NodeError::NotCaughtUp);
        check(Status::Failed, || NodeError::NotRepairable);
        check(Status::Failed, || NodeError::Store(StoreError::OlderProgram));
        check(Status::Failed, || NodeError::Store(StoreError::Stopped));
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        check(Status::Failed, || NodeError::Store(full().into()));
        check(Status::Refused, || BackupError::NoBackup.into());
        check(Status::Refused, || BackupError::Damaged.into());
        check(Status::Refused, || BackupError::OtherHome.into());
        check(Status::Refused, || BackupError::NeedsPassphrase.into());
        check(Status::Refused, || BackupError::OtherDevice.into());
        check(Status::Failed, || NodeError::Stopped);
        check(Status::Failed, || NodeError::NoPeer);
        check(Status::Failed, || NodeError::Unreachable);
        check(Status::Failed, || NodeError::NotConfirmed);
    }
}
