//! The recovery key of an organisation: on paper in the safe, for the day on which no admin's
//! device is left (trust A3). It may only let admins' devices in and remove them.

use minicbor::{Decode, Encode};
use onex_crdt::ids::{DeviceId, Digest, NetworkId, OrgId};

use crate::armour;
use crate::cbor;
use crate::enrolment::{InvitationError, addresses_check, root_open};
use crate::key::{PublicKey, SigningKey};
use crate::membership::{ENTRY_BYTES_MAX, Entry, Membership};

/// Most bytes of the file before it becomes text.
const RECOVERY_BYTES_MAX: usize = ENTRY_BYTES_MAX + 8 * 1024;
/// Most bytes of its text.
const RECOVERY_TEXT_MAX: usize = 2 * RECOVERY_BYTES_MAX;

/// What the recovery key is made of; never printed but on the paper that is meant for it.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct RecoverySecret(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

impl RecoverySecret {
    /// Returns the key.
    pub fn key(&self) -> SigningKey {
        SigningKey::from_seed(&Digest::over(&[RECOVERY_DOMAIN, &self.0]).0)
    }

    /// Returns the code for paper.
    pub fn code(&self) -> String {
        armour::code_encode(&self.0)
    }

    /// Reads such a code.
    pub fn from_code(code: &str) -> Result<Self, InvitationError> {
        armour::code_decode(code).map(Self).ok_or(InvitationError::Code)
    }
}

impl std::fmt::Debug for RecoverySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoverySecret(…)")
    }
}

/// The recovery key with what a device that has nothing else must know.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Recovery {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// Its root.
    #[n(1)]
    pub root: Entry,
    /// The organisation.
    #[n(2)]
    pub org: OrgId,
    /// The hub's devices, each with key and address.
    #[n(3)]
    pub addresses: Vec<(DeviceId, PublicKey, String)>,
    /// The secret.
    #[n(4)]
    pub secret: RecoverySecret,
}

impl Recovery {
    /// Returns the text of the file.
    pub fn to_text(&self) -> String {
        armour::encode(RECOVERY, &cbor::encode(self))
    }

    /// Reads such a text and verifies the root.
    pub fn from_text(text: &str) -> Result<Self, InvitationError> {
        let bytes = armour::decode(RECOVERY, text, RECOVERY_TEXT_MAX)?;
        let recovery: Self = cbor::decode_exact(&bytes, RECOVERY_BYTES_MAX)?;
        addresses_check(&recovery.addresses)?;
        recovery.membership()?;
        Ok(recovery)
    }

    /// Returns the membership log as far as the file has it: its root.
    pub fn membership(&self) -> Result<Membership, InvitationError> {
        root_open(&self.root, self.network)
    }
}

const RECOVERY: &str = "onex-recovery";
const RECOVERY_DOMAIN: &[u8] = b"onex/recovery/1\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrolment::tests::invitation;

    #[test]
    fn file_and_paper_make_one_key() {
        let (invitation, secret) = (invitation(), RecoverySecret([0x2e; 16]));
        let recovery = Recovery {
            network: invitation.network,
            root: invitation.root,
            org: invitation.org,
            addresses: invitation.addresses,
            secret,
        };
        let read = Recovery::from_text(&recovery.to_text()).expect("its own text");
        assert_eq!(read, recovery);
        let typed = RecoverySecret::from_code(&secret.code()).expect("its own code");
        assert_eq!(typed.key().public(), read.secret.key().public());
        assert_ne!(RecoverySecret([0x2f; 16]).key().public(), typed.key().public());
        assert!(!format!("{recovery:?}").contains("46, 46"), "a secret is not printed");
        let refused = |alter: &dyn Fn(&mut Recovery)| {
            let mut altered = recovery.clone();
            alter(&mut altered);
            Recovery::from_text(&altered.to_text()).expect_err("it was altered")
        };
        let network = refused(&|it| it.network.0[0] ^= 1);
        assert!(matches!(network, InvitationError::Root(_)), "{network}");
        let many = refused(&|it| it.addresses = vec![it.addresses[0].clone(); 17]);
        assert!(matches!(many, InvitationError::Addresses { found: 17 }), "{many}");
        let key = refused(&|it| it.addresses[0].1 = SigningKey::from_seed(&[2; 32]).public());
        assert!(matches!(key, InvitationError::WrongKey { .. }), "{key}");
        let address = refused(&|it| it.addresses[0].2 = "\u{1b}[2J".to_owned());
        assert!(matches!(address, InvitationError::Text(_)), "{address}");
    }
}
