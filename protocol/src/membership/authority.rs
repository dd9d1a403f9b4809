//! Who may say what in the membership log, judged by the state before the statement.
//!
//! Signatures and the statement in itself were checked before.

use onex_crdt::ids::{DeviceId, OrgId};
use onex_crdt::roles::{OrgRole, PersonRole};

use super::{Device, FORKS_RESOLVED_MAX, Membership, MembershipError};
use crate::key::PublicKey;
use crate::statement::{Statement, StatementError};

/// Who signs a statement.
pub(super) enum Signer<'a> {
    /// A device that takes part.
    Device(&'a Device),
    /// The recovery key of an organisation.
    Recovery(OrgId, &'a PublicKey),
}

impl Signer<'_> {
    pub(super) fn key(&self) -> &PublicKey {
        match self {
            Self::Device(device) => &device.key,
            Self::Recovery(_, key) => key,
        }
    }
}

impl Membership {
    /// Returns who signs under this id.
    pub(super) fn signer(&self, id: DeviceId) -> Result<Signer<'_>, MembershipError> {
        let key = |org: &OrgId| self.organisations[org].recovery.as_ref().map(|key| (*org, key));
        match self.recoveries.get(&id).and_then(key) {
            Some((org, key)) => Ok(Signer::Recovery(org, key)),
            None => self.active_device(id).map(Signer::Device),
        }
    }

    /// Checks whether somebody may say this now, and whether it makes sense now.
    pub(super) fn body_check(
        &self,
        signer: &Signer<'_>,
        body: &Statement,
    ) -> Result<(), MembershipError> {
        match signer {
            Signer::Device(device) => self.device_body_check(device, body),
            Signer::Recovery(org, _) => self.recovery_body_check(*org, body),
        }
    }

    /// The recovery key lets admins' devices of its organisation in and removes them, grants and
    /// takes the role of an admin there, and may be replaced by another one. Nothing else.
    fn recovery_body_check(&self, own: OrgId, body: &Statement) -> Result<(), MembershipError> {
        let allowed = |right: bool| match right {
            true => Ok(()),
            false => Err(MembershipError::NotAllowed { kind: body.kind() }),
        };
        match body {
            Statement::AddDevice { org, key, .. } => {
                allowed(*org == own)?;
                self.device_check(*org, key)
            }
            Statement::RemoveDevice { device, .. } => {
                let target = self.active_device(*device)?;
                allowed(is_admin_of(target, own))?;
                self.removal_check(*device)
            }
            Statement::GrantRole { device, person, role } => {
                let target = self.active_device(*device)?;
                allowed(target.org == own && *role == PersonRole::Admin)?;
                self.grant_check(target, person, *role)
            }
            Statement::RemoveRole { device, person, role, .. } => {
                let target = self.active_device(*device)?;
                allowed(target.org == own && *role == PersonRole::Admin)?;
                role_held_check(target, person, *role)
            }
            Statement::SetRecovery { org, key } => {
                allowed(*org == own)?;
                self.recovery_check(key)
            }
            _ => allowed(false),
        }
    }

    /// Checks whether a device may say this now, and whether it makes sense now.
    fn device_body_check(&self, signer: &Device, body: &Statement) -> Result<(), MembershipError> {
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
                self.removal_check(*device)
            }
            Statement::GrantRole { device, person, role } => {
                let target = self.active_device(*device)?;
                allowed(self.may_set_role(signer, target.org, *role))?;
                self.grant_check(target, person, *role)
            }
            Statement::RemoveRole { device, person, role, .. } => {
                let target = self.active_device(*device)?;
                allowed(self.may_set_role(signer, target.org, *role))?;
                role_held_check(target, person, *role)
            }
            Statement::SetFrontier { cut, frontier } => {
                let cut = self.cuts.get(cut).ok_or(MembershipError::NoCut { cut: *cut })?;
                let org = self.devices[&cut.device].org;
                allowed(is_admin_of(signer, org) || self.is_hub_staff(signer))?;
                match frontier.is_of(cut.device) {
                    true => Ok(()),
                    false => Err(StatementError::Frontier.into()),
                }
            }
            Statement::Resolve { device, document, actor, .. } => {
                let target = self.device(*device);
                let target = target.ok_or(MembershipError::UnknownDevice { device: *device })?;
                allowed(is_admin_of(signer, target.org) || self.is_hub_staff(signer))?;
                let by_hub = signer.org == self.hub;
                let of_device = self.resolved.keys().filter(|(.., it)| it.tag() == device.tag());
                match self.resolved.contains_key(&(*document, by_hub, *actor)) {
                    true => Err(MembershipError::Resolved),
                    false if of_device.count() >= FORKS_RESOLVED_MAX => {
                        Err(MembershipError::TooManyForks { device: *device })
                    }
                    false => Ok(()),
                }
            }
            // It takes its place by the signatures of root keys alone (`rotation`).
            Statement::Rotate(_) => allowed(false),
            Statement::SetRecovery { org, key } => {
                let organisation = self.organisation(*org);
                let organisation =
                    organisation.ok_or(MembershipError::UnknownOrganisation { org: *org })?;
                let first = organisation.recovery.is_none() && self.is_hub_staff(signer);
                allowed(is_admin_of(signer, *org) || first)?;
                self.recovery_check(key)
            }
            Statement::Reset { org } => {
                allowed(self.is_hub_staff(signer))?;
                self.reset_check(signer, *org)
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

    /// The hub's staff adds the first device of an organisation, its admin the others.
    fn may_add_device(&self, signer: &Device, org: OrgId) -> Result<bool, MembershipError> {
        let organisation = self.organisation(org);
        let organisation = organisation.ok_or(MembershipError::UnknownOrganisation { org })?;
        Ok(match organisation.awaits_first {
            true => self.is_hub_staff(signer),
            false => is_admin_of(signer, org),
        })
    }

    fn removal_check(&self, device: DeviceId) -> Result<(), MembershipError> {
        match device == self.sequencer {
            true => Err(MembershipError::SequencerStays),
            false => Ok(()),
        }
    }

    /// A recovery key is no device's and nobody else's.
    fn recovery_check(&self, key: &PublicKey) -> Result<(), MembershipError> {
        let id = key.device();
        let taken = self.devices.contains_key(&id) || self.recoveries.contains_key(&id);
        if taken { Err(MembershipError::KeyInUse) } else { Ok(()) }
    }

    /// An organisation begins anew when no device of it takes part. A lead says so first; where the
    /// hub has two devices somebody else of the staff says so too, at another one.
    fn reset_check(&self, signer: &Device, org: OrgId) -> Result<(), MembershipError> {
        let organisation = self.organisation(org);
        let organisation = organisation.ok_or(MembershipError::UnknownOrganisation { org })?;
        let lives = self.devices_of(org).any(|(_, device)| device.active);
        if lives || organisation.awaits_first || org == self.hub {
            return Err(MembershipError::NotLost { org });
        }
        let Some(first) = organisation.reset_asked else {
            return match self.is_hub_lead(signer) {
                true => Ok(()),
                false => Err(MembershipError::NotAllowed { kind: "reset" }),
            };
        };
        let first = &self.devices[&first];
        let other = signer
            .persons
            .iter()
            .any(|(person, roles)| !roles.is_empty() && !first.persons.contains_key(person));
        if first.key != signer.key && other { Ok(()) } else { Err(MembershipError::SecondPerson) }
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
    pub(super) fn device_check(&self, org: OrgId, key: &PublicKey) -> Result<(), MembershipError> {
        let device = key.device();
        if self.devices.contains_key(&device) {
            return Err(MembershipError::DeviceExists { device });
        }
        if self.recoveries.contains_key(&device) {
            return Err(MembershipError::KeyInUse);
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

fn role_held_check(target: &Device, person: &str, role: PersonRole) -> Result<(), MembershipError> {
    match target.persons.get(person).is_some_and(|roles| roles.contains(&role)) {
        true => Ok(()),
        false => Err(MembershipError::RoleNotHeld { role }),
    }
}

fn is_admin_of(signer: &Device, org: OrgId) -> bool {
    signer.org == org && signer.has(PersonRole::Admin)
}
