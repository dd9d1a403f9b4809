//! Removing devices and roles: up to where their work stays, and what is brought back.
//!
//! What lies beyond a frontier is decided by admission; here is who says what was held.

use onex_crdt::action::{Action, Reason, Refusal};
use onex_crdt::header::Header;
use onex_crdt::ids::{DeviceId, RecordId};
use onex_crdt::records::membership as actions;
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_protocol::membership::Membership;
use onex_protocol::statement::{Frontier, RemovalReason, SignedStatement, Statement};

use crate::audit;
use crate::error::NodeError;
use crate::handle::{Node, Writer};
use crate::members::waits_for_others;
use crate::store::{self, StoreError, documents, quarantine};

/// Most seals in the frontier of one statement: at most 190 bytes each, within an entry.
const FRONTIER_SEALS_MAX: usize = 600;

impl Node {
    /// Removes a device for good. What this organisation holds of its work stays; what comes later
    /// is kept apart.
    ///
    /// # Errors
    /// When it is this device, no active one, or the person may not.
    pub fn device_remove(&self, device: DeviceId, reason: RemovalReason) -> Result<(), NodeError> {
        let mut writer = self.writer()?;
        if device == writer.engine.key().device() {
            let action = &actions::DEVICE_REMOVE;
            return Err(Refusal::new(action, Reason::OwnDevice, Some("id")).into());
        }
        let mut frontiers = writer.frontiers_stated(device)?.into_iter();
        let frontier = frontiers.next().unwrap_or_default();
        let statement = Statement::RemoveDevice { device, reason, frontier };
        let signed = writer.membership.propose(writer.engine.key(), statement.clone());
        writer.membership.check(&signed).map_err(NodeError::membership)?;
        let cut = writer.membership.position() + 1;
        let more = frontiers.map(|frontier| Statement::SetFrontier { cut, frontier });
        let statements = std::iter::once(statement).chain(more).collect();
        let signed = (&actions::DEVICE_REMOVE, RecordId(device.0));
        self.state_all(&mut writer, statements, signed)
    }

    /// Writes the content of a change that was kept apart again, as this person's own.
    ///
    /// # Errors
    /// When no held change has this id, or a rule refuses.
    pub fn device_adopt(&self, id: &str) -> Result<RecordId, NodeError> {
        let unknown = || NodeError::UnknownId { kind: "quarantine", id: id.to_owned() };
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        if !actions::DEVICE_ADOPT.may(who.org_role, &who.roles) {
            return Err(Refusal::new(&actions::DEVICE_ADOPT, Reason::NoRight, None).into());
        }
        let held = quarantine::all(writer.store.read())?;
        let mut meant = held.iter().filter(|it| it.id.is_meant_by(id));
        let (Some(held), None) = (meant.next(), meant.next()) else { return Err(unknown()) };
        writer.commit(|engine, transaction, membership| {
            engine.adopt(transaction, membership, &who, held)?;
            Ok(audit::signed(transaction, &who, &actions::DEVICE_ADOPT, held.id)?)
        })?;
        drop(writer);
        self.shared.changed();
        Ok(held.id)
    }

    /// Signs the statements of an action, and what follows from them for this device.
    pub(crate) fn state_all(
        &self,
        writer: &mut Writer,
        statements: Vec<Statement>,
        (action, id): (&Action, RecordId),
    ) -> Result<(), NodeError> {
        let who = self.who(writer)?;
        let before = writer.membership.position();
        writer
            .state(&who, statements, |transaction| audit::signed(transaction, &who, action, id))?;
        self.complete(writer, before)?;
        self.shared.changed();
        Ok(())
    }

    /// Says what this device held where something was cut and its side has not said so yet, and
    /// which branches of forks it had.
    pub(crate) fn complete(&self, writer: &mut Writer, since: u64) -> Result<(), NodeError> {
        // A rotation of the root may have dropped this device: then nobody hears what it says.
        let Ok(who) = self.who(writer) else { return Ok(()) };
        let (store, membership) = (writer.store.read(), &writer.membership);
        if membership.sequencer() == who.device && waits_for_others(store, membership, who.device)?
        {
            // It says so once it has heard from those who know what it held before.
            return Ok(());
        }
        let mut statements = std::mem::take(&mut writer.to_say);
        let cuts: Vec<_> =
            writer.membership.cuts().filter(|cut| cut.position > since).cloned().collect();
        let pending = store::membership::proposals(writer.store.read())?;
        let by_hub = who.org_role == OrgRole::Hub;
        let sequences = writer.membership.sequencer() == who.device;
        for cut in cuts {
            let org = writer.membership.device(cut.device).map(|device| device.org);
            let own = org == Some(who.org) && who.roles.contains(&PersonRole::Admin);
            let mine = if by_hub { sequences } else { own };
            let says = |it: &SignedStatement| match &it.body {
                Statement::SetFrontier { cut: at, .. } => *at == cut.position,
                _ => false,
            };
            if mine && !cut.has_spoken(by_hub) && !pending.iter().any(says) {
                let position = cut.position;
                let say = |frontier| Statement::SetFrontier { cut: position, frontier };
                statements.extend(writer.frontiers(cut.device)?.into_iter().map(say));
            }
        }
        if statements.is_empty() {
            return Ok(());
        }
        if !sequences {
            return writer.state(&who, statements, |_| Ok(()));
        }
        // What was said before, by another process or for the same document, is left out.
        let key = writer.engine.key();
        let signed = statements.into_iter().map(|it| writer.membership.propose(key, it)).collect();
        writer.sequence(&who, signed)
    }
}

impl Writer {
    /// What is said of a device's work along with its removal. A device of the hub that does not
    /// sequence leaves that to the one that does: there it was acknowledged, and this store may not
    /// have it yet.
    pub(crate) fn frontiers_stated(&self, device: DeviceId) -> Result<Vec<Frontier>, StoreError> {
        let own = self.engine.key().device();
        let org = self.membership.device(own).map(|device| device.org);
        match org == Some(self.membership.hub()) && own != self.membership.sequencer() {
            true => Ok(vec![Frontier { seals: Vec::new(), more: true }]),
            false => self.frontiers(device),
        }
    }

    /// What this side holds of a device's work, in as many parts as statements are needed, at least
    /// one: at the hub in the documents that it reads, elsewhere in the others (architecture 7).
    pub(crate) fn frontiers(&self, device: DeviceId) -> Result<Vec<Frontier>, StoreError> {
        let own = self.membership.device(self.engine.key().device()).map(|device| device.org);
        let by_hub = own == Some(self.membership.hub());
        let mut sealed = documents::sealed_by(self.store.read(), device)?;
        sealed.retain(|(header, _)| hub_reads(&self.membership, header) == by_hub);
        let mut parts = vec![Frontier::default()];
        for (_, seals) in sealed {
            let last = parts.last_mut().expect("there is a first part");
            if last.seals.len() + seals.len() > FRONTIER_SEALS_MAX {
                last.more = true;
                parts.push(Frontier::whole(seals));
            } else {
                last.seals.extend(seals);
            }
        }
        Ok(parts)
    }
}

fn hub_reads(membership: &Membership, header: &Header) -> bool {
    header.may_read(membership.hub(), OrgRole::Hub)
}
