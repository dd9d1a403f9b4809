//! Cuts: up to where the work of a removed device, or of a role that was taken away, stays.
//!
//! Which changes lie beyond a cut is decided where the changes are (`admission`).

use std::collections::BTreeMap;

use onex_crdt::header::Header;
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, DocId, OrgId};
use onex_crdt::roles::{OrgRole, PersonRole};

use super::{Entry, Membership};
use crate::seal::Seal;
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
    /// What the hub has said that it held.
    hub: Said,
    /// What admins of the organisation have said that they held.
    own: Said,
}

/// What one side has said, in one statement or several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    /// The seals up to which work stays, by document.
    seals: BTreeMap<DocId, Vec<Seal>>,
    /// Whether the last part has come.
    is_whole: bool,
}

impl Cut {
    /// Returns the seals up to which work in a document stays; nothing while the side that reads
    /// the document has not spoken, or goes on and has not come to it. What the hub durably held
    /// decides for documents that it reads, what an admin held for the others (architecture 7).
    pub fn seals(&self, header: &Header, hub: OrgId) -> Option<&[Seal]> {
        let side = self.side(header.may_read(hub, OrgRole::Hub));
        let seals = side.seals.get(&header.id()).map(Vec::as_slice);
        seals.or(side.is_whole.then_some(&[]))
    }

    /// Returns the heads of those seals.
    pub fn heads(&self, header: &Header, hub: OrgId) -> Option<Vec<ChangeHash>> {
        let seals = self.seals(header, hub)?;
        Some(seals.iter().map(|seal| seal.head).collect())
    }

    /// Whether the hub, or an admin of the organisation, has said all of what it held.
    pub fn has_spoken(&self, by_hub: bool) -> bool {
        self.side(by_hub).is_whole
    }

    fn side(&self, by_hub: bool) -> &Said {
        if by_hub { &self.hub } else { &self.own }
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

    /// Returns the branches that count where actors of a document were forked: the last change of
    /// each. The side that a removal is up to chooses: an admin could otherwise take back, at his
    /// own devices, what the hub holds and has decided on.
    pub fn resolved(&self, header: &Header) -> impl Iterator<Item = (Actor, ChangeHash)> + '_ {
        let (document, by_hub) = (header.id(), header.may_read(self.hub, OrgRole::Hub));
        let place = |byte| (document, by_hub, Actor([byte; Actor::BYTES]));
        let all = self.resolved.range(place(0)..=place(0xff));
        all.map(|((.., actor), head)| (*actor, *head))
    }

    pub(super) fn cut_make(
        &mut self,
        entry: &Entry,
        device: DeviceId,
        term: Option<(String, PersonRole)>,
        frontier: &Frontier,
    ) {
        let position = entry.position;
        let cut = Cut { position, device, term, hub: Said::default(), own: Said::default() };
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
        side.is_whole |= !frontier.more;
        for of_document in frontier.seals.chunk_by(|a, b| a.document == b.document) {
            let seals = side.seals.entry(of_document[0].document);
            seals.or_insert_with(|| of_document.to_vec());
        }
    }
}
