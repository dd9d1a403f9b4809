//! Who may say what in the membership log, judged by the state before the statement.
//!
//! Signatures and the statement in itself were checked before.

use onex_crdt::ids::OrgId;
use onex_crdt::roles::{OrgRole, PersonRole};

use super::{Device, Membership, MembershipError};
use crate::key::PublicKey;
use crate::statement::Statement;

impl Membership {
    /// Checks whether a device may say this now, and whether it makes sense now.
    pub(super) fn body_check(
        &self,
        signer: &Device,
        body: &Statement,
    ) -> Result<(), MembershipError> {
        let allowed = |right: bool| match right {
            true => Ok(()),
            false => Err(MembershipError::NotAllowed { kind: body.kind() }),
        };
        match body {
            Statement::Root(_) => Err(MembershipError::SecondRoot),
            Statement::AddOrganisation { org, role, .. } => {
                allowed(self.is_hub_staff(signer))?;
                self.organisation_check(*org, *role)
            }
            Statement::AddDevice { org, key, .. } => {
                allowed(self.may_add_device(signer, *org)?)?;
                self.device_check(*org, key)
            }
            Statement::RemoveDevice { device, .. } => {
                let target = self.active_device(*device)?;
                allowed(is_admin_of(signer, target.org) || self.is_hub_lead(signer))?;
                match *device == self.sequencer {
                    true => Err(MembershipError::SequencerStays),
                    false => Ok(()),
                }
            }
            Statement::GrantRole { device, person, role } => {
                let target = self.active_device(*device)?;
                allowed(self.may_set_role(signer, target.org, *role))?;
                self.grant_check(target, person, *role)
            }
            Statement::RemoveRole { device, person, role, .. } => {
                let target = self.active_device(*device)?;
                allowed(self.may_set_role(signer, target.org, *role))?;
                match target.persons.get(person).is_some_and(|roles| roles.contains(role)) {
                    true => Ok(()),
                    false => Err(MembershipError::RoleNotHeld { role: *role }),
                }
            }
            Statement::SetFrontier { cut, .. } => {
                let cut = self.cuts.get(cut).ok_or(MembershipError::NoCut { cut: *cut })?;
                let org = self.devices[&cut.device].org;
                allowed(is_admin_of(signer, org) || self.is_hub_staff(signer))
            }
            Statement::Resolve { device, document, actor, .. } => {
                let target = self.device(*device);
                let target = target.ok_or(MembershipError::UnknownDevice { device: *device })?;
                allowed(is_admin_of(signer, target.org) || self.is_hub_staff(signer))?;
                match self.resolved.contains_key(&(*document, *actor)) {
                    true => Err(MembershipError::Resolved),
                    false => Ok(()),
                }
            }
        }
    }

    fn is_hub_staff(&self, signer: &Device) -> bool {
        let roles = [PersonRole::Officer, PersonRole::Lead, PersonRole::Admin];
        signer.org == self.hub && roles.into_iter().any(|role| signer.has(role))
    }

    fn is_hub_lead(&self, signer: &Device) -> bool {
        signer.org == self.hub && signer.has(PersonRole::Lead)
    }

    /// The hub's staff adds the first device that an organisation ever has, its admin the others.
    fn may_add_device(&self, signer: &Device, org: OrgId) -> Result<bool, MembershipError> {
        if self.organisation(org).is_none() {
            return Err(MembershipError::UnknownOrganisation { org });
        }
        Ok(match self.devices_of(org).next() {
            None => self.is_hub_staff(signer),
            Some(_) => is_admin_of(signer, org),
        })
    }

    fn may_set_role(&self, signer: &Device, org: OrgId, role: PersonRole) -> bool {
        is_admin_of(signer, org) || (role == PersonRole::Admin && self.is_hub_lead(signer))
    }

    fn organisation_check(&self, org: OrgId, role: OrgRole) -> Result<(), MembershipError> {
        if role == OrgRole::Hub {
            return Err(MembershipError::SecondHub);
        }
        match self.organisations.contains_key(&org) {
            true => Err(MembershipError::OrganisationExists { org }),
            false => Ok(()),
        }
    }

    /// A key never comes back, and in an organisation an actor's tag must name one device.
    fn device_check(&self, org: OrgId, key: &PublicKey) -> Result<(), MembershipError> {
        let device = key.device();
        if self.devices.contains_key(&device) {
            return Err(MembershipError::DeviceExists { device });
        }
        match self.devices_of(org).any(|(id, _)| id.tag() == device.tag()) {
            true => Err(MembershipError::TagClash { device }),
            false => Ok(()),
        }
    }

    fn grant_check(
        &self,
        target: &Device,
        person: &str,
        role: PersonRole,
    ) -> Result<(), MembershipError> {
        let org = self.organisations[&target.org].role;
        if !role.fits(org) {
            return Err(MembershipError::RoleDoesNotFit { role, org });
        }
        match target.persons.get(person).is_some_and(|roles| roles.contains(&role)) {
            true => Err(MembershipError::RoleHeld { role }),
            false => Ok(()),
        }
    }
}

fn is_admin_of(signer: &Device, org: OrgId) -> bool {
    signer.org == org && signer.has(PersonRole::Admin)
}
