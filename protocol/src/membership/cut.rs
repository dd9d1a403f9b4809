//! Cuts: up to where the work of a removed device, or of a role that was taken away, stays.
//!
//! Which changes lie beyond a cut is decided where the changes are (`admission`).

use std::collections::BTreeMap;

use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, DocId, OrgId};
use onex_crdt::roles::{OrgRole, PersonRole};

use super::{Entry, Membership};
use crate::statement::Frontier;

/// A removal, of a device or of a role of a person at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The position that made it.
    pub position: u64,
    /// The device.
    pub device: DeviceId,
    /// The person and the role; nothing where the whole device was removed.
    pub term: Option<(String, PersonRole)>,
    /// What the hub held, once it has said so.
    hub: Option<Heads>,
    /// What an admin of the organisation held, once one has said so.
    own: Option<Heads>,
}

type Heads = BTreeMap<DocId, Vec<ChangeHash>>;

impl Cut {
    /// Returns the heads up to which work in a document stays; nothing while the side that reads
    /// the document has not spoken. What the hub durably held decides for documents that it reads,
    /// what an admin held for the others (architecture 7).
    pub fn heads(&self, header: &Header, hub: OrgId) -> Option<&[ChangeHash]> {
        let side = match header.may_read(hub, OrgRole::Hub) {
            true => self.hub.as_ref(),
            false => self.own.as_ref(),
        };
        side.map(|heads| heads.get(&header.id()).map_or(&[][..], Vec::as_slice))
    }

    /// Whether the hub, or an admin of the organisation, has said what it held.
    pub fn has_spoken(&self, by_hub: bool) -> bool {
        if by_hub { self.hub.is_some() } else { self.own.is_some() }
    }
}

impl Membership {
    /// Returns every cut, in the order of positions.
    pub fn cuts(&self) -> impl Iterator<Item = &Cut> {
        self.cuts.values()
    }

    /// Returns the cut that an entry made.
    pub fn cut(&self, position: u64) -> Option<&Cut> {
        self.cuts.get(&position)
    }

    /// Returns the branches that count where actors of a document were forked: the number and the
    /// hash of the last change of each.
    pub fn resolved(
        &self,
        document: DocId,
    ) -> impl Iterator<Item = (Actor, (u64, ChangeHash))> + '_ {
        let all = (document, Actor([0; Actor::BYTES]))..=(document, Actor([0xff; Actor::BYTES]));
        self.resolved.range(all).map(|((_, actor), branch)| (*actor, *branch))
    }

    pub(super) fn cut_make(
        &mut self,
        entry: &Entry,
        device: DeviceId,
        term: Option<(String, PersonRole)>,
        frontier: &Frontier,
    ) {
        let position = entry.position;
        let cut = Cut { position, device, term, hub: None, own: None };
        self.cuts.insert(position, cut);
        self.cut_extend(position, entry.statement.signer, frontier);
    }

    /// What a side has said of a document stays; it may name further ones.
    pub(super) fn cut_extend(&mut self, position: u64, signer: DeviceId, frontier: &Frontier) {
        // A recovery key is no device; it cuts in its own organisation only.
        let target = self.cuts.get(&position).and_then(|cut| self.device(cut.device));
        let by_hub = self.device(signer).or(target).is_some_and(|by| by.org == self.hub);
        let Some(cut) = self.cuts.get_mut(&position) else { return };
        let side = if by_hub { &mut cut.hub } else { &mut cut.own };
        let heads = side.get_or_insert_default();
        for (document, held) in frontier {
            heads.entry(*document).or_insert_with(|| held.clone());
        }
    }
}
