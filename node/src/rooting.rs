//! The root's ceremony, recovery keys, and organisations that begin anew.
//!
//! Keys of the root and recovery keys are made here and handed out; they are kept nowhere.

use onex_crdt::action::{Reason, Refusal};
use onex_crdt::ids::{DeviceId, OrgId, RecordId};
use onex_crdt::records::membership::ROLE_GRANT;
use onex_crdt::roles::PersonRole;
use onex_protocol::enrolment::InvitationError;
use onex_protocol::key::{PublicKey, SigningKey};
use onex_protocol::membership::MembershipError;
use onex_protocol::recovery::{Recovery, RecoverySecret};
use onex_protocol::root::{Rotation, RotationError, RotationFile};
use onex_protocol::statement::Statement;

use crate::api::{RecoveryMade, RootKey, RootView};
use crate::audit;
use crate::clock::random;
use crate::error::NodeError;
use crate::handle::Node;
use crate::members::addresses;
use crate::store;

/// Draws a key for the root: the text of a file that its keeper carries, and the public half.
pub fn root_key_new() -> RootKey {
    let seed: [u8; 16] = random();
    let secret = RecoverySecret(seed);
    RootKey { public: hex(&root_key(&secret)), secret: secret.code() }
}

/// Signs a rotation with the key of a keeper. Needs no node: the keeper's computer need not be one.
///
/// # Errors
/// When either text is damaged or something else.
pub fn root_sign(rotation: &str, secret: &str) -> Result<String, NodeError> {
    let mut file = RotationFile::from_text(rotation)?;
    let key = root_signing_key(&RecoverySecret::from_code(secret)?);
    file.rotation.sign(file.network, &key);
    Ok(file.to_text())
}

impl Node {
    /// The root that decides now, and who sequences.
    pub fn root(&self) -> Result<RootView, NodeError> {
        let writer = self.writer()?;
        let root = writer.membership.root();
        Ok(RootView {
            version: root.version,
            keys: root.keys.iter().map(hex).collect(),
            threshold: root.threshold,
            sequencer: writer.membership.sequencer(),
            position: writer.membership.position(),
        })
    }

    /// Writes the next root into a file for its keepers to sign: these keys, so many of which must
    /// sign, this device as the one that sequences. It takes its place after an entry, which is the
    /// last good one; without one it is the end of the log. Keys of the present root that this
    /// device holds sign at once.
    ///
    /// # Errors
    /// When a key is none, or the entry is not there.
    pub fn root_propose(
        &self,
        keys: &[String],
        threshold: u32,
        sequencer: Option<DeviceId>,
        after: Option<u64>,
    ) -> Result<String, NodeError> {
        let writer = self.writer()?;
        let who = self.who(&writer)?;
        let log = &writer.membership;
        let after = after.unwrap_or(log.position());
        let entry = log.entries_from(after).first();
        let entry = entry.ok_or(NodeError::UnknownId { kind: "entry", id: after.to_string() })?;
        let own = writer.engine.key();
        let sequencer = match sequencer.and_then(|device| log.device(device)) {
            Some(device) => device,
            None => log.device(own.device()).ok_or(NodeError::NotJoined)?,
        };
        let person = match sequencer.persons.contains_key(&who.person) {
            true => Some(&who.person),
            false => sequencer.persons.keys().next(),
        };
        let mut rotation = Rotation {
            version: log.root().version + 1,
            keys: read_keys(keys)?,
            threshold,
            sequencer: sequencer.key,
            person: person.unwrap_or(&who.person).clone(),
            position: after + 1,
            previous: entry.digest(),
            signatures: Vec::new(),
        };
        let network = log.network();
        if log.root().keys.contains(&own.public()) {
            rotation.sign(network, own);
        }
        let text = RotationFile { network, rotation }.to_text();
        // What is out of bounds is told now, not when the keepers have met.
        RotationFile::from_text(&text)?;
        Ok(text)
    }

    /// Gives a signed rotation its place; only at the device that it names.
    ///
    /// # Errors
    /// `NodeError::Root` with what is wrong with it.
    pub fn root_apply(&self, rotation: &str) -> Result<RootView, NodeError> {
        let file = RotationFile::from_text(rotation)?;
        let mut writer = self.writer()?;
        if file.network != writer.membership.network() {
            return Err(NodeError::Root(RootRefusal::Place));
        }
        let entry = writer
            .membership
            .rotation_place(writer.engine.key(), file.rotation)
            .map_err(root_refused)?;
        let who = self.who(&writer)?;
        let own = RecordId(who.device.0);
        writer.take_entries(&who, vec![entry], |transaction| {
            audit::ceremony(transaction, &who, audit::ROOT_APPLY, own)
        })?;
        writer.sequence_waiting(&who)?;
        drop(writer);
        self.shared.changed();
        self.root()
    }

    /// A lead of the hub says that nobody who knows more can be reached after a restore: from now
    /// on statements get their places again.
    ///
    /// # Errors
    /// When the person is no lead.
    pub fn go_on_restored(&self) -> Result<(), NodeError> {
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        if !who.roles.contains(&PersonRole::Lead) {
            return Err(NodeError::NotLead);
        }
        writer.commit(|engine, transaction, membership| {
            store::set_restored(transaction, false)?;
            engine.catch_up(transaction, membership, &who)?;
            let own = RecordId(who.device.0);
            Ok(audit::ceremony(transaction, &who, audit::ROOT_GO_ON, own)?)
        })?;
        self.complete(&mut writer, 0)?;
        writer.sequence_waiting(&who)?;
        drop(writer);
        self.shared.changed();
        Ok(())
    }

    /// Makes a recovery key for an organisation: an admin for his own, the hub's staff the first
    /// one for another.
    ///
    /// # Errors
    /// When the membership log does not allow it.
    pub fn recovery_new(&self, org: Option<OrgId>) -> Result<RecoveryMade, NodeError> {
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        let org = org.unwrap_or(who.org);
        let secret = RecoverySecret(random());
        let root = writer.membership.entries_from(0).first().cloned();
        let log = &writer.membership;
        // Only the hub can let a device in that nobody there has invited.
        let mut addresses = addresses(&writer)?;
        addresses.retain(|(id, ..)| log.device(*id).is_some_and(|it| it.org == log.hub()));
        let recovery = Recovery {
            network: who.network,
            root: root.ok_or(NodeError::NotJoined)?,
            org,
            addresses,
            secret,
        };
        let statement = Statement::SetRecovery { org, key: secret.key().public() };
        writer.state(&who, vec![statement], |transaction| {
            audit::ceremony(transaction, &who, audit::RECOVERY_NEW, org.into())
        })?;
        drop(writer);
        self.shared.changed();
        Ok(RecoveryMade { org_id: org, text: recovery.to_text(), code: secret.code() })
    }

    /// Makes the person at this device an admin of its organisation by the code of the recovery
    /// key: a device that takes part already needs nothing more. Goes to the hub with the next sync.
    ///
    /// # Errors
    /// When the code is mistyped or not this organisation's.
    pub fn recovery_use(&self, code: &str) -> Result<(), NodeError> {
        let secret = RecoverySecret::from_code(code)?;
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        let statement = writer.membership.propose(
            &secret.key(),
            Statement::GrantRole {
                device: who.device,
                person: who.person.clone(),
                role: PersonRole::Admin,
            },
        );
        writer.membership.check(&statement).map_err(NodeError::membership)?;
        let own = RecordId(who.device.0);
        writer.place(&who, statement, |transaction| {
            audit::ceremony(transaction, &who, audit::RECOVERY_USE, own)
        })?;
        drop(writer);
        self.shared.changed();
        Ok(())
    }

    /// Lets an organisation begin anew that lost every device: its next device is a first one.
    /// Returns whether it is done; otherwise a second person of the hub must say so too.
    ///
    /// # Errors
    /// When the person is no lead (the second one: not of the hub's staff), or a device of the
    /// organisation still takes part.
    pub fn organisation_reset(&self, org: OrgId) -> Result<bool, NodeError> {
        let mut writer = self.writer()?;
        let known = writer.membership.organisation(org);
        if known.is_none() {
            return Err(Refusal::new(&ROLE_GRANT, Reason::UnknownRecord, Some("org_id")).into());
        }
        let who = self.who(&writer)?;
        writer.state(&who, vec![Statement::Reset { org }], |transaction| {
            audit::ceremony(transaction, &who, audit::RECOVERY_RESET, org.into())
        })?;
        let done = writer.membership.organisation(org).is_some_and(|org| org.awaits_first);
        tracing::warn!(%org, done, "an organisation begins anew");
        drop(writer);
        self.shared.changed();
        Ok(done)
    }
}

/// What is wrong with a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootRefusal {
    /// Not the next version.
    #[error("root {expected} comes next, not {found}")]
    Version {
        /// The next version.
        expected: u64,
        /// The version given.
        found: u64,
    },
    /// A key signed that is in neither root.
    #[error("somebody signed who is in neither root")]
    Foreign,
    /// A signature does not hold: the file was altered after somebody had signed.
    #[error("a signature does not hold")]
    Signature,
    /// Too few signed.
    #[error("{found} keys of root {version} signed, {needed} are needed")]
    Signed {
        /// The root.
        version: u64,
        /// How many of its keys signed.
        found: usize,
        /// How many must.
        needed: u32,
    },
    /// For another place, network or device.
    #[error("for another place in the log, another network or another device")]
    Place,
}

fn root_refused(error: MembershipError) -> NodeError {
    use MembershipError::{Fork, Gap, NotSequencer};
    NodeError::Root(match error {
        MembershipError::Rotation(RotationError::Version { expected, found }) => {
            RootRefusal::Version { expected, found }
        }
        MembershipError::Rotation(RotationError::Foreign { .. }) => RootRefusal::Foreign,
        MembershipError::Rotation(RotationError::BadSignature { .. }) => RootRefusal::Signature,
        MembershipError::Rotation(RotationError::UnderSigned { version, found, needed }) => {
            RootRefusal::Signed { version, found, needed }
        }
        MembershipError::Rotation(RotationError::Place)
        | Fork { .. }
        | Gap { .. }
        | NotSequencer { .. } => RootRefusal::Place,
        other => return NodeError::membership(other),
    })
}

fn read_keys(texts: &[String]) -> Result<Vec<PublicKey>, NodeError> {
    let read = |text: &String| {
        let bytes = onex_crdt::ids::hex_decode(text.trim());
        let key = bytes.and_then(|bytes| bytes.try_into().ok()).map(PublicKey);
        key.filter(PublicKey::is_usable).ok_or(NodeError::Invitation(InvitationError::Code))
    };
    let mut keys = texts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    keys.sort_unstable();
    Ok(keys)
}

/// A key of the root comes from 16 secret bytes, as a recovery key does, and is no recovery key.
fn root_signing_key(secret: &RecoverySecret) -> SigningKey {
    SigningKey::from_seed(&onex_crdt::ids::Digest::over(&[b"onex/root-key/1\0", &secret.0]).0)
}

fn root_key(secret: &RecoverySecret) -> PublicKey {
    root_signing_key(secret).public()
}

fn hex(key: &PublicKey) -> String {
    onex_crdt::ids::hex_encode(&key.0)
}
