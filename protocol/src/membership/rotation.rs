//! Rotations at their place in the log: the root's word wins over the sequencer's.

use onex_crdt::roles::PersonRole;

use super::{Entry, Membership, MembershipError};
use crate::key::SigningKey;
use crate::root::{RootKeys, Rotation, RotationError};
use crate::statement::{SignedStatement, Statement};

impl Membership {
    /// The root that decides now.
    pub fn root(&self) -> &RootKeys {
        &self.root
    }

    /// Returns the place of the rotation that made a root; nothing for the first one and for those
    /// to come.
    pub fn rotation_of(&self, version: u64) -> Option<u64> {
        let at = usize::try_from(version.checked_sub(2)?).ok()?;
        self.rotations.get(at).copied()
    }

    /// Returns the first position that this log does not have in common with an earlier state of
    /// it: its next one, where the log only grew; the place of a rotation that cut it back.
    pub fn first_new(&self, earlier: &Self) -> u64 {
        let grown = earlier.position() + 1;
        let rotated = self.rotation_of(earlier.root.version + 1);
        rotated.map_or(grown, |place| place.min(grown))
    }

    /// Returns the entry of a rotation, which its sequencer signs. The caller stores it, then
    /// appends it.
    pub fn rotation_place(
        &self,
        key: &SigningKey,
        rotation: Rotation,
    ) -> Result<Entry, MembershipError> {
        let (position, previous) = (rotation.position, rotation.previous);
        let seen = position.saturating_sub(1);
        let statement = SignedStatement::sign(key, self.network, Statement::Rotate(rotation), seen);
        let entry = Entry::sign(key, position, previous, statement);
        self.clone().append(entry.clone())?;
        Ok(entry)
    }

    /// Takes a rotation at its place and drops what stood there and after it. It cannot reach back
    /// behind an earlier rotation: its version would not be the next one there.
    pub(super) fn rotation_take(&mut self, entry: Entry) -> Result<(), MembershipError> {
        let Statement::Rotate(rotation) = &entry.statement.body else {
            return Err(RotationError::Place.into());
        };
        let (position, expected) = (entry.position, self.position() + 1);
        if position > expected {
            return Err(MembershipError::Gap { expected, found: position });
        }
        let device = rotation.sequencer.device();
        let in_place = position > self.rotations.last().copied().unwrap_or(0)
            && rotation.position == position
            && rotation.previous == entry.previous
            && entry.statement.position_seen < position;
        let by_whom = entry.sequencer == device && entry.statement.signer == device;
        entry.statement.body.check()?;
        rotation.verify(self.network, &self.root)?;
        if !in_place || !by_whom {
            return Err(RotationError::Place.into());
        }
        if !entry.verify(&rotation.sequencer) {
            return Err(MembershipError::BadEntrySignature);
        }
        if !entry.statement.verify(&rotation.sequencer) {
            return Err(MembershipError::BadStatementSignature);
        }
        let before = self.entries_from(position - 1).first().map(Entry::digest);
        if before != Some(entry.previous) {
            return Err(MembershipError::Fork { position: position - 1 });
        }
        let mut kept = match position == expected {
            true => self.clone(),
            false => Self::replay(self.entries.iter().take(position as usize).cloned())?,
        };
        kept.sequencer_check(rotation)?;
        kept.apply(entry);
        *self = kept;
        Ok(())
    }

    /// The device is one of the hub's, or a new one that may join it.
    fn sequencer_check(&self, rotation: &Rotation) -> Result<(), MembershipError> {
        let id = rotation.sequencer.device();
        match self.device(id) {
            None => self.device_check(self.hub, &rotation.sequencer),
            Some(device) if device.org == self.hub && device.active => Ok(()),
            Some(device) if device.org == self.hub => {
                Err(MembershipError::RemovedDevice { device: id })
            }
            Some(_) => Err(MembershipError::NotSequencer { device: id }),
        }
    }

    pub(super) fn rotation_apply(&mut self, rotation: &Rotation, position: u64) {
        let (device, person) = (rotation.sequencer.device(), &rotation.person);
        if self.device(device).is_none() {
            self.device_add(self.hub, rotation.sequencer, person, position);
        }
        self.role_ensure(device, person, PersonRole::Admin, position);
        self.role_ensure(device, person, PersonRole::Lead, position);
        self.root = rotation.root();
        self.sequencer = device;
        self.rotations.push(position);
    }
}

#[cfg(test)]
mod tests;
