//! A hub that was restored from a backup: it gives no statement a place before it has the longest
//! membership log that its peers have (architecture 4), since it would sign a second past.

use rusqlite::Connection;

use onex_crdt::ids::OrgId;
use onex_crdt::roles::PersonRole;
use onex_protocol::membership::Membership;

use crate::handle::{Node, NodeError};
use crate::store::{StoreError, drop_meta, meta, set_meta};

impl Node {
    /// The organisations of which no device was met since this hub was restored; none at a node
    /// that gives statements their places.
    pub fn awaited(&self) -> Result<Vec<OrgId>, NodeError> {
        let writer = self.writer()?;
        let sequences = writer.membership.sequencer() == writer.engine.key().device();
        let awaited = awaited(writer.store.read(), &writer.membership)?;
        Ok(awaited.filter(|_| sequences).unwrap_or_default())
    }

    /// A lead of the hub says that those who were not met yet cannot be reached: from now on
    /// statements get their places again.
    ///
    /// # Errors
    /// When the person is no lead.
    pub fn go_on_restored(&self) -> Result<(), NodeError> {
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        if !who.roles.contains(&PersonRole::Lead) {
            return Err(NodeError::NotLead);
        }
        let transaction = writer.store.write()?;
        drop_meta(&transaction, RESTORED)?;
        transaction.commit().map_err(StoreError::from)?;
        writer.sequence_waiting(&who)?;
        drop(writer);
        self.shared.changed();
        Ok(())
    }
}

/// Notes that the store was restored from a backup.
pub fn mark(connection: &Connection) -> Result<(), StoreError> {
    set_meta(connection, RESTORED, &[])
}

/// Notes that an organisation was met and its log taken. When all have been, the node is as if it
/// had never been restored.
pub(crate) fn met(
    connection: &Connection,
    membership: &Membership,
    org: OrgId,
) -> Result<(), StoreError> {
    let Some(met) = meta(connection, RESTORED)? else { return Ok(()) };
    set_meta(connection, RESTORED, &[met.as_slice(), org.0.as_slice()].concat())?;
    match awaited(connection, membership)? {
        Some(awaited) if awaited.is_empty() => drop_meta(connection, RESTORED),
        _ => Ok(()),
    }
}

/// The organisations that were not met since the store was restored; nothing where it was not.
pub(crate) fn awaited(
    connection: &Connection,
    membership: &Membership,
) -> Result<Option<Vec<OrgId>>, StoreError> {
    let Some(met) = meta(connection, RESTORED)? else { return Ok(None) };
    let others = membership.organisations().map(|(org, _)| org).filter(|org| {
        *org != membership.hub()
            && membership.devices_of(*org).any(|(_, device)| device.active)
            && !met.chunks_exact(16).any(|id| id == org.0.as_slice())
    });
    Ok(Some(others.collect()))
}

/// The key under which those are kept that were met, in the table of odds and ends.
const RESTORED: &str = "restored";
