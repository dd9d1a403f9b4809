//! Devices and people: who takes part with which device, who asks, what was kept apart.
//!
//! Plain data; what a key does stands in `update::people`.

use onex_crdt::document::Write;
use onex_crdt::ids::RecordId;
use onex_crdt::record::RecordKind;
use onex_crdt::roles::OrgRole;
use onex_node::api::{Asking, DeviceRow, InvitationRow, Quarantined};

use crate::core::backend::{Answered, Backend};
use crate::core::model::Model;

/// What the page shows.
#[derive(Debug, Clone, Default)]
pub struct PeoplePage {
    /// Devices that ask to be let in.
    pub asking: Vec<Asking>,
    /// Invitations that nobody has come with yet.
    pub invitations: Vec<InvitationRow>,
    /// Devices of the own organisation, at the hub of all; by organisation, the own one first.
    pub devices: Vec<DeviceRow>,
    /// What was kept apart and waits for a person.
    pub held: Vec<Quarantined>,
}

/// An entry of the page that can be marked.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    /// A device asks.
    Asking(&'a Asking),
    /// An invitation is open.
    Invitation(&'a InvitationRow),
    /// A device takes part, or did.
    Device(&'a DeviceRow),
    /// A change was kept apart.
    Held(&'a Quarantined),
}

impl PeoplePage {
    /// Reads the page.
    pub fn read(backend: &dyn Backend) -> Answered<Self> {
        let me = backend.me()?;
        let mut devices = backend.devices()?;
        devices.retain(|device| me.org_role == OrgRole::Hub || device.org_id == me.org_id);
        devices.sort_by_key(|device| {
            (device.org_id != me.org_id, device.org_id, !device.active, device.joined_at)
        });
        let mut held = backend.quarantine()?;
        held.retain(|held| held.state == "held");
        Ok(Self { asking: backend.asking()?, invitations: backend.invitations()?, devices, held })
    }

    /// The entries in the order in which they are shown.
    pub fn entries(&self) -> Vec<Entry<'_>> {
        let asking = self.asking.iter().map(Entry::Asking);
        let invitations = self.invitations.iter().map(Entry::Invitation);
        let devices = self.devices.iter().map(Entry::Device);
        let held = self.held.iter().map(Entry::Held);
        asking.chain(invitations).chain(devices).chain(held).collect()
    }
}

/// The records that would be written, each once.
pub fn written_records(writes: &[Write]) -> Vec<(&'static RecordKind, RecordId)> {
    let mut records = Vec::new();
    for write in writes {
        match write {
            Write::Create { kind, id, .. }
            | Write::Set { kind, id, .. }
            | Write::Register { kind, id, .. } => {
                if !records.contains(&(*kind, *id)) {
                    records.push((*kind, *id));
                }
            }
            Write::Act(_) => {}
        }
    }
    records
}

impl Model {
    /// The marked entry of the page, while it is open.
    pub fn people_entry(&self) -> Option<Entry<'_>> {
        let page = self.people.as_ref().filter(|_| self.people_open)?;
        page.entries().get(self.people_at).copied()
    }
}
