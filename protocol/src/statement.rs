//! Statements: what somebody wants the membership log to say, signed by his device.
//!
//! Whether he may say so is not judged here but where the statement takes its place (`membership`).

use minicbor::{Decode, Encode};
use onex_crdt::ids::{Actor, ChangeHash, DeviceId, Digest, DocId, NetworkId, OrgId};
pub use onex_crdt::records::membership::RemovalReason;
use onex_crdt::roles::{OrgRole, PersonRole};

use crate::cbor::{self, CborError};
use crate::key::{Algorithm, Domain, PublicKey, Signature, SigningKey};
use crate::root::Rotation;
use crate::seal::Seal;

/// Most characters of an organisation's name.
pub const NAME_CHARS_MAX: usize = 60;
/// Most characters of a person's name.
pub const PERSON_CHARS_MAX: usize = 50;

/// What begins a network: the hub, its first device, that device's person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Root {
    /// Fresh bytes, so that two networks of one hub differ.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The hub.
    #[n(1)]
    pub org: OrgId,
    /// The hub's name, at most 60 characters.
    #[n(2)]
    pub name: String,
    /// The province, six digits (GB/T 2260).
    #[n(3)]
    pub region: String,
    /// The key of the hub's first device, which sequences the log.
    #[n(4)]
    pub hub_key: PublicKey,
    /// The first device's person, at most 50 characters; becomes `lead` and `admin`.
    #[n(5)]
    pub person: String,
}

impl Root {
    /// Returns the network that this root begins: half the SHA-256 of its encoding.
    pub fn network(&self) -> NetworkId {
        NetworkId(Digest::over(&[&cbor::encode(self)]).half())
    }
}

/// What of somebody's work stays when he is cut off, or a part of it.
///
/// His own seals say so, not the heads alone: whoever cuts him off must not be able to put work
/// into his name that he never sealed (trust B3, R2 and R4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Frontier {
    /// The seals of the device that were live then, ascending by document and head, none twice.
    #[n(0)]
    pub seals: Vec<Seal>,
    /// Whether a further statement names further documents. What is named nowhere is cut off
    /// whole, but not before the last part has come.
    #[n(1)]
    pub more: bool,
}

impl Frontier {
    /// Returns the whole of what stays.
    pub fn whole(mut seals: Vec<Seal>) -> Self {
        seals.sort_by_key(|seal| (seal.document, seal.head));
        Self { seals, more: false }
    }

    fn check(&self, device: Option<DeviceId>) -> Result<(), StatementError> {
        let place = |seal: &Seal| (seal.document, seal.head);
        let sorted = self.seals.is_sorted_by(|a, b| place(a) < place(b));
        match sorted && device.is_none_or(|device| self.is_of(device)) {
            true => Ok(()),
            false => Err(StatementError::Frontier),
        }
    }

    /// Whether all seals name this device.
    pub(crate) fn is_of(&self, device: DeviceId) -> bool {
        self.seals.iter().all(|seal| seal.device == device)
    }
}

/// What the membership log can say.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Statement {
    /// The network begins. Only at position 0.
    #[n(0)]
    Root(#[n(0)] Root),
    /// An organisation takes part.
    #[n(1)]
    AddOrganisation {
        /// Its id, fresh.
        #[n(0)]
        org: OrgId,
        /// What it is in the pilot.
        #[cbor(n(1), with = "crate::cbor::org_role")]
        role: OrgRole,
        /// Its name, at most 60 characters.
        #[n(2)]
        name: String,
    },
    /// A device joins an organisation.
    #[n(2)]
    AddDevice {
        /// The organisation.
        #[n(0)]
        org: OrgId,
        /// The device's key, never seen in this network before.
        #[n(1)]
        key: PublicKey,
        /// Its first person, at most 50 characters; `admin` if the device is the first one there.
        #[n(2)]
        person: String,
    },
    /// A device leaves for good: its key never comes back.
    #[n(3)]
    RemoveDevice {
        /// The device.
        #[n(0)]
        device: DeviceId,
        /// Why.
        #[cbor(n(1), with = "crate::cbor::removal_reason")]
        reason: RemovalReason,
        /// What of its work stays.
        #[n(2)]
        frontier: Frontier,
    },
    /// A person at a device gets a role.
    #[n(4)]
    GrantRole {
        /// The device.
        #[n(0)]
        device: DeviceId,
        /// The person, at most 50 characters; may be new there.
        #[n(1)]
        person: String,
        /// The role; must fit the organisation's.
        #[cbor(n(2), with = "crate::cbor::person_role")]
        role: PersonRole,
    },
    /// A person at a device loses a role.
    #[n(5)]
    RemoveRole {
        /// The device.
        #[n(0)]
        device: DeviceId,
        /// The person.
        #[n(1)]
        person: String,
        /// The role.
        #[cbor(n(2), with = "crate::cbor::person_role")]
        role: PersonRole,
        /// What of the person's work in that role stays, as for a device.
        #[n(3)]
        frontier: Frontier,
    },
    /// What stays of the work of a device or a role that was cut, in further documents: the hub
    /// says it for those that it reads, an admin of the organisation for the others.
    #[n(6)]
    SetFrontier {
        /// The position of the entry that cut it.
        #[n(0)]
        cut: u64,
        /// Documents that the same side has not named yet.
        #[n(1)]
        frontier: Frontier,
    },
    /// Of two changes under one number of an actor this branch counts; the actor ends there.
    /// Trust B3, R6.
    #[n(7)]
    Resolve {
        /// The device whose actor it is.
        #[n(0)]
        device: DeviceId,
        /// The document.
        #[n(1)]
        document: DocId,
        /// The actor.
        #[n(2)]
        actor: Actor,
        /// The number of the branch's last change.
        #[n(3)]
        seq: u64,
        /// That change.
        #[n(4)]
        head: ChangeHash,
    },
    /// The root changes hands, or another device sequences. Signed by root keys; the statement
    /// itself by the new sequencer.
    #[n(8)]
    Rotate(#[n(0)] Rotation),
    /// This key may let admins' devices of the organisation in, and remove them (trust A3).
    #[n(9)]
    SetRecovery {
        /// The organisation.
        #[n(0)]
        org: OrgId,
        /// The key, which is no device's.
        #[n(1)]
        key: PublicKey,
    },
    /// An organisation that has lost every device begins anew: the hub's staff lets a first one in
    /// again, under the same id (trust A7). A hub with two devices says so twice.
    #[n(10)]
    Reset {
        /// The organisation.
        #[n(0)]
        org: OrgId,
    },
}

impl Statement {
    /// What kind of statement it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Root(_) => "root",
            Self::AddOrganisation { .. } => "add_organisation",
            Self::AddDevice { .. } => "add_device",
            Self::RemoveDevice { .. } => "remove_device",
            Self::GrantRole { .. } => "grant_role",
            Self::RemoveRole { .. } => "remove_role",
            Self::SetFrontier { .. } => "set_frontier",
            Self::Resolve { .. } => "resolve",
            Self::Rotate(_) => "rotate",
            Self::SetRecovery { .. } => "set_recovery",
            Self::Reset { .. } => "reset",
        }
    }

    /// Checks what can be checked without the log: texts, keys, the order of a frontier.
    pub fn check(&self) -> Result<(), StatementError> {
        match self {
            Self::Root(root) => {
                text_check("name", &root.name, NAME_CHARS_MAX)?;
                text_check("person", &root.person, PERSON_CHARS_MAX)?;
                region_check(&root.region)?;
                key_check(&root.hub_key)
            }
            Self::AddOrganisation { name, .. } => text_check("name", name, NAME_CHARS_MAX),
            Self::AddDevice { key, person, .. } => {
                text_check("person", person, PERSON_CHARS_MAX)?;
                key_check(key)
            }
            Self::RemoveDevice { device, frontier, .. } => frontier.check(Some(*device)),
            Self::SetFrontier { frontier, .. } => frontier.check(None),
            Self::GrantRole { person, .. } => text_check("person", person, PERSON_CHARS_MAX),
            Self::RemoveRole { device, person, frontier, .. } => {
                text_check("person", person, PERSON_CHARS_MAX)?;
                frontier.check(Some(*device))
            }
            Self::Resolve { device, actor, seq, .. } => {
                let fits = actor.tag() == device.tag() && *seq > 0;
                if fits { Ok(()) } else { Err(StatementError::Resolve) }
            }
            Self::Rotate(rotation) => rotation.check(),
            Self::SetRecovery { key, .. } => key_check(key),
            Self::Reset { .. } => Ok(()),
        }
    }
}

/// A statement with the signature of the device that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedStatement {
    /// How it is signed.
    #[n(0)]
    pub algorithm: Algorithm,
    /// The network.
    #[n(1)]
    pub network: NetworkId,
    /// What it says.
    #[n(2)]
    pub body: Statement,
    /// The device that says so.
    #[n(3)]
    pub signer: DeviceId,
    /// The last position of the log that the signer had; 0 in the root.
    #[n(4)]
    pub position_seen: u64,
    /// The signature over all of the above.
    #[n(5)]
    pub signature: Signature,
}

impl SignedStatement {
    /// Signs a statement.
    pub fn sign(key: &SigningKey, network: NetworkId, body: Statement, position_seen: u64) -> Self {
        let mut statement = Self {
            algorithm: Algorithm::Ed25519,
            network,
            body,
            signer: key.device(),
            position_seen,
            signature: Signature([0; 64]),
        };
        statement.signature = key.sign(Domain::Statement, &statement.signed_bytes());
        statement
    }

    /// Whether this is the signature of the signer, who holds this key.
    #[must_use]
    pub fn verify(&self, key: &PublicKey) -> bool {
        key.device() == self.signer
            && key.verify(Domain::Statement, &self.signed_bytes(), &self.signature)
    }

    /// Returns SHA-256 over what was signed: two statements with one digest say the same.
    pub fn digest(&self) -> Digest {
        Digest::over(&[&self.signed_bytes()])
    }

    /// Returns the encoding, as it is sent to the sequencer.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads an encoding of at most `ENTRY_BYTES_MAX`. Nothing is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode_exact(bytes, crate::membership::ENTRY_BYTES_MAX)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let Self { algorithm, network, body, signer, position_seen, signature: _ } = self;
        cbor::encode(&(algorithm, network, body, signer, position_seen))
    }
}

/// Checks a text for people: something in it, not too long, no control characters.
pub(crate) fn text_check(
    field: &'static str,
    text: &str,
    chars_max: usize,
) -> Result<(), StatementError> {
    let chars = text.chars().count();
    if text.trim().is_empty() || chars > chars_max {
        return Err(StatementError::Length { field, chars, chars_max });
    }
    match text.chars().any(char::is_control) {
        true => Err(StatementError::ControlCharacter { field }),
        false => Ok(()),
    }
}

fn region_check(region: &str) -> Result<(), StatementError> {
    match region.len() == 6 && region.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(()),
        false => Err(StatementError::Region),
    }
}

pub(crate) fn key_check(key: &PublicKey) -> Result<(), StatementError> {
    if key.is_usable() { Ok(()) } else { Err(StatementError::UnusableKey) }
}

/// What is wrong with a statement in itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// A text is empty or too long.
    #[error("{field} has {chars} characters, between 1 and {chars_max} are allowed")]
    Length {
        /// The field.
        field: &'static str,
        /// Characters given.
        chars: usize,
        /// Characters allowed.
        chars_max: usize,
    },
    /// A text has a line break, an escape or the like.
    #[error("{field} has a control character")]
    ControlCharacter {
        /// The field.
        field: &'static str,
    },
    /// Not the six digits of a region.
    #[error("a region has six digits")]
    Region,
    /// A key that no signature could be verified with.
    #[error("the key is no usable Ed25519 key")]
    UnusableKey,
    /// Seals out of order, twice, or of another device than the one that is cut off.
    #[error("the frontier is not in order")]
    Frontier,
    /// Keys or signatures of a root out of order or twice, none or too many of them, or a threshold
    /// that they cannot reach.
    #[error("the keys of the root are not in order")]
    RootKeys,
    /// The actor is not the device's, or the number is none.
    #[error("the branch is none of the device's")]
    Resolve,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SealBody;

    fn signed() -> SignedStatement {
        let key = SigningKey::from_seed(&[1; 32]);
        let body = Statement::GrantRole {
            device: DeviceId([0xd0; 16]),
            person: "王芳".to_owned(),
            role: PersonRole::Coordinator,
        };
        SignedStatement::sign(&key, NetworkId([0xa0; 16]), body, 7)
    }

    #[test]
    fn golden_statement() {
        crate::documented(&signed().to_bytes());
    }

    #[test]
    fn reading_gives_back_what_was_written() {
        let statement = signed();
        let read = SignedStatement::from_bytes(&statement.to_bytes()).expect("its own encoding");
        assert_eq!(read, statement);
        assert!(read.verify(&SigningKey::from_seed(&[1; 32]).public()));
        assert!(!read.verify(&SigningKey::from_seed(&[2; 32]).public()));
    }

    #[test]
    fn every_byte_of_a_statement_counts() {
        let bytes = signed().to_bytes();
        let key = SigningKey::from_seed(&[1; 32]).public();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let accepted = SignedStatement::from_bytes(&flipped).is_ok_and(|it| it.verify(&key));
            assert!(!accepted, "byte {at}");
        }
    }

    #[test]
    fn two_roots_of_one_hub_are_two_networks() {
        let root = |nonce| Root {
            nonce: [nonce; 16],
            org: OrgId([1; 16]),
            name: "省项目办".to_owned(),
            region: "610000".to_owned(),
            hub_key: SigningKey::from_seed(&[1; 32]).public(),
            person: "郝敏".to_owned(),
        };
        assert_ne!(root(1).network(), root(2).network());
        assert_eq!(root(1).network(), root(1).network());
    }

    fn check(statement: Statement, expected: Result<(), StatementError>) {
        assert_eq!(statement.check(), expected, "{statement:?}");
    }

    #[test]
    fn texts_and_keys_have_bounds() {
        let org = OrgId([1; 16]);
        let key = SigningKey::from_seed(&[1; 32]).public();
        let named = |name: String| Statement::AddOrganisation { org, role: OrgRole::College, name };
        let add = |key, person: String| Statement::AddDevice { org, key, person };
        let length = |field, chars, chars_max| StatementError::Length { field, chars, chars_max };
        check(named("校".repeat(60)), Ok(()));
        check(named("校".repeat(61)), Err(length("name", 61, 60)));
        check(named(String::new()), Err(length("name", 0, 60)));
        check(named("　".to_owned()), Err(length("name", 1, 60)));
        check(named("a\nb".to_owned()), Err(StatementError::ControlCharacter { field: "name" }));
        check(add(key, "芳".repeat(50)), Ok(()));
        check(add(key, "芳".repeat(51)), Err(length("person", 51, 50)));
        check(add(PublicKey([2; 32]), "芳".to_owned()), Err(StatementError::UnusableKey));
    }

    #[test]
    fn a_frontier_has_one_order() {
        let key = SigningKey::from_seed(&[1; 32]);
        let seal = |document, head| {
            let (network, seq, membership_position) = (NetworkId([0xa0; 16]), 1, 1);
            let (document, head) = (DocId([document; 16]), ChangeHash([head; 32]));
            let actor = Actor::new(key.device(), [1; 8]);
            let body = SealBody { network, document, head, actor, seq, membership_position };
            Seal::make(&key, body)
        };
        let remove = |device, seals, more| Statement::RemoveDevice {
            device,
            reason: RemovalReason::Lost,
            frontier: Frontier { seals, more },
        };
        let own = key.device();
        let wrong = Err(StatementError::Frontier);
        for more in [false, true] {
            check(remove(own, vec![], more), Ok(()));
            check(remove(own, vec![seal(1, 1), seal(1, 2), seal(2, 1)], more), Ok(()));
            check(remove(own, vec![seal(1, 2), seal(1, 1)], more), wrong.clone());
            check(remove(own, vec![seal(1, 1), seal(1, 1)], more), wrong.clone());
            check(remove(own, vec![seal(2, 1), seal(1, 2)], more), wrong.clone());
            check(remove(DeviceId([1; 16]), vec![seal(1, 1)], more), wrong.clone());
        }
        let role = |device| Statement::RemoveRole {
            device,
            person: "王芳".to_owned(),
            role: PersonRole::Coordinator,
            frontier: Frontier::whole(vec![seal(2, 1), seal(1, 2), seal(1, 1)]),
        };
        check(role(own), Ok(()));
        check(role(DeviceId([1; 16])), wrong);
    }
}
