//! `onex invite`: for an organisation's first device or a further one of the own, by file, by code
//! and for a stick.

use std::path::PathBuf;

use onex_crdt::ids::OrgId;
use onex_crdt::record::Record;
use onex_crdt::records::membership::DEVICE_INVITE;
use onex_crdt::records::organisation::Organisation;
use onex_crdt::roles::OrgRole;
use onex_node::{Node, NodeError};
use serde_json::json;

use super::{Failure, Output, enrol};
use crate::i18n::{Lang, tr};

/// What `onex invite` is given; no organisation means the own one.
pub struct Asked {
    pub role: Option<OrgRole>,
    pub org: Option<String>,
    pub way: Way,
}

/// How the invitation gets to the other side.
pub enum Way {
    /// As a file, for a device that calls.
    File(PathBuf),
    /// As a code that is read out.
    Code,
    /// As a file, for a device that cannot call.
    Stick(PathBuf),
}

/// Makes an invitation, and writes it or prints its code.
pub fn invite(lang: Lang, node: &Node, asked: &Asked) -> Result<Output, Failure> {
    let failed = |error| Failure::of(lang, error);
    let org = organisation(lang, node, asked.org.as_deref())?;
    if let Some(org) = org {
        node.check_role(org, asked.role).map_err(failed)?;
    }
    let invited = match asked.way {
        Way::File(_) | Way::Code => node.invite(org),
        Way::Stick(_) => node.invite_offline(org),
    };
    let invited = invited.map_err(failed)?;
    // As the same action given by `onex do` is written down.
    node.audit("sign", "", &[invited.id], &[DEVICE_INVITE.id]).map_err(failed)?;
    let id = invited.id.to_string();
    match &asked.way {
        Way::File(out) | Way::Stick(out) => {
            enrol::write(lang, out, &invited.text)?;
            let file = out.display().to_string();
            let text = tr(lang, "command-invited", &[("file", file.as_str().into())]);
            Ok(Output::done(json!({ "id": id, "state": null }), text))
        }
        Way::Code => {
            let (code, address) = (invited.code, invited.address.unwrap_or_default());
            let args = [("code", code.as_str().into()), ("address", address.as_str().into())];
            let lines = ["command-invited-code", "command-invited-code-how"];
            let text = lines.map(|id| tr(lang, id, &args)).join("\n");
            Ok(Output::done(json!({ "id": id, "code": code, "address": address }), text))
        }
    }
}

/// The organisation that is meant: a full id, or the beginning of one.
pub fn organisation(lang: Lang, node: &Node, org: Option<&str>) -> Result<Option<OrgId>, Failure> {
    let find =
        |text: &str| -> Result<_, NodeError> { Ok(node.find_id(Organisation::KIND, text)?.into()) };
    org.map(find).transpose().map_err(|error| Failure::of(lang, error))
}
