//! Enrolment: the invitation as a file and as a code, the proofs of both sides that they know it,
//! the digits on both screens (trust A6). Files that go to and fro on a stick stand in `stick`.
//!
//! Who may invite, that an invitation is used once and until when, is the node's to keep: there is
//! no clock and no memory here.

mod stick;

use std::fmt;

use minicbor::{Decode, Encode};
use onex_crdt::ids::{DeviceId, Digest, NetworkId, OrgId};
use onex_crdt::roles::OrgRole;
use sha2::{Digest as _, Sha256};

use crate::armour::{self, ArmourError};
use crate::cbor::{self, CborError};
use crate::key::PublicKey;
use crate::membership::{Entry, Membership, MembershipError};
use crate::statement::{NAME_CHARS_MAX, StatementError, text_check};

pub use stick::{JoinRequest, JoinResponse};

/// Most bytes of an invitation before it becomes text.
pub const INVITATION_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of an invitation's text, with room for other line ends and spaces.
pub const INVITATION_TEXT_MAX: usize = 64 * 1024;
/// Most addresses in an invitation.
pub const ADDRESSES_MAX: usize = 16;
/// Most characters of an address.
pub const ADDRESS_CHARS_MAX: usize = 255;

/// The number of an invitation; no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct InvitationId(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

/// What whoever holds an invitation knows; never printed.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct InvitationSecret(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

impl InvitationSecret {
    /// Reads a code as it is typed.
    pub fn from_code(code: &str) -> Result<Self, InvitationError> {
        armour::code_decode(code).map(Self).ok_or(InvitationError::Code)
    }

    /// Returns the number of the invitation with this secret, which tells nothing of the secret:
    /// whoever has only a code can name the invitation.
    pub fn id(&self) -> InvitationId {
        InvitationId(Digest::over(&[INVITATION_DOMAIN, &self.0]).half())
    }
}

impl fmt::Debug for InvitationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationSecret(…)")
    }
}

/// What a device needs to join: whom to believe, where to go, how to prove that it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Invitation {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// Its root, from which the joining device verifies the whole log.
    #[n(1)]
    pub root: Entry,
    /// The organisation that the device is to join.
    #[n(2)]
    pub org: OrgId,
    /// Its name, to be shown; at most 60 characters.
    #[n(3)]
    pub org_name: String,
    /// Its role, to be shown.
    #[cbor(n(4), with = "crate::cbor::org_role")]
    pub role: OrgRole,
    /// The devices that take the call, each with key and address; at most 16, none where files go
    /// to and fro on a stick.
    #[n(5)]
    pub addresses: Vec<(DeviceId, PublicKey, String)>,
    /// Which invitation it is.
    #[n(6)]
    pub id: InvitationId,
    /// What the joining device proves that it knows.
    #[n(7)]
    pub secret: InvitationSecret,
    /// The last day on which it is good, `YYYY-MM-DD`.
    #[n(8)]
    pub expires_on: String,
    /// The key of the inviting device, for the digits where it cannot be asked.
    #[n(9)]
    pub inviter: PublicKey,
}

impl Invitation {
    /// Returns the text of the file (`armour`).
    pub fn to_text(&self) -> String {
        armour::encode(INVITE, &cbor::encode(self))
    }

    /// Reads such a text and verifies the root.
    pub fn from_text(text: &str) -> Result<Self, InvitationError> {
        let bytes = armour::decode(INVITE, text, INVITATION_TEXT_MAX)?;
        let invitation: Self = cbor::decode_exact(&bytes, INVITATION_BYTES_MAX)?;
        invitation.check()?;
        Ok(invitation)
    }

    /// Returns the secret as a code to be typed, which does for the whole file where the inviter
    /// can be reached.
    pub fn code(&self) -> String {
        armour::code_encode(&self.secret.0)
    }

    /// Returns the membership log as far as the invitation has it: its root.
    pub fn membership(&self) -> Result<Membership, InvitationError> {
        root_open(&self.root, self.network)
    }

    fn check(&self) -> Result<(), InvitationError> {
        self.membership()?;
        text_check("org_name", &self.org_name, NAME_CHARS_MAX)?;
        if self.id != self.secret.id() {
            return Err(InvitationError::WrongId);
        }
        addresses_check(&self.addresses)?;
        if is_date(&self.expires_on) { Ok(()) } else { Err(InvitationError::Date) }
    }
}

/// Returns the membership log that the root of a network begins.
pub(crate) fn root_open(root: &Entry, network: NetworkId) -> Result<Membership, InvitationError> {
    let membership = Membership::open(root.clone())?;
    match membership.network() == network {
        true => Ok(membership),
        false => Err(InvitationError::Root(MembershipError::WrongNetwork)),
    }
}

/// Checks where others can be reached: few enough, each with its own key.
pub(crate) fn addresses_check(
    addresses: &[(DeviceId, PublicKey, String)],
) -> Result<(), InvitationError> {
    if addresses.len() > ADDRESSES_MAX {
        return Err(InvitationError::Addresses { found: addresses.len() });
    }
    for (device, key, address) in addresses {
        text_check("address", address, ADDRESS_CHARS_MAX)?;
        if key.device() != *device {
            return Err(InvitationError::WrongKey { device: *device });
        }
    }
    Ok(())
}

/// Returns the proof of a joining device that it knows the secret, good on one connection only:
/// HMAC-SHA256 over the exporter of the TLS connection (RFC 8446, 7.5) and the device's key.
pub fn join_proof(
    secret: &InvitationSecret,
    exporter: &[u8; 32],
    device_key: &PublicKey,
) -> [u8; 32] {
    hmac_sha256(&secret.0, &[exporter, &device_key.0])
}

/// Returns the proof of the inviter that it knows the secret too, good on one connection only:
/// whoever joins with a code knows nobody's key before.
pub fn inviter_proof(
    secret: &InvitationSecret,
    exporter: &[u8; 32],
    inviter_key: &PublicKey,
) -> [u8; 32] {
    hmac_sha256(&secret.0, &[INVITER_DOMAIN, exporter, &inviter_key.0])
}

/// Whether a proof is the one expected, in a time that does not tell how much of it is right.
#[must_use]
pub fn proofs_match(given: &[u8; 32], expected: &[u8; 32]) -> bool {
    let differing = given.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(differing) == 0
}

/// Returns the digits that both screens show, six groups of four: whoever stands between the two
/// devices has another key, hence other digits.
pub fn digits(inviter_key: &PublicKey, joiner_key: &PublicKey, id: &InvitationId) -> String {
    let hash = Digest::over(&[DIGITS_DOMAIN, &inviter_key.0, &joiner_key.0, &id.0]);
    let groups = hash.0.chunks_exact(4).take(DIGIT_GROUPS).map(|four| {
        let number = four.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:04}", number % 10_000)
    });
    groups.collect::<Vec<_>>().join(" ")
}

/// Whether somebody typed these digits. Spaces do not matter, full-width digits are digits.
#[must_use]
pub fn digits_match(input: &str, digits: &str) -> bool {
    let plain = |text: &str| {
        text.chars().filter(|c| !c.is_whitespace()).map(half_width).collect::<String>()
    };
    let expected = plain(digits);
    !expected.is_empty() && plain(input) == expected
}

fn half_width(c: char) -> char {
    match c {
        '０'..='９' => char::from(b'0' + (c as u32 - '０' as u32) as u8),
        _ => c,
    }
}

/// Whether a text has the form `YYYY-MM-DD` with a month and a day that some year has.
fn is_date(text: &str) -> bool {
    let form = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    form && ("01"..="12").contains(&&text[5..7]) && ("01"..="31").contains(&&text[8..])
}

/// HMAC (RFC 2104) with SHA-256, for keys of at most 64 bytes; ours has 16.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(out, key)| *out ^= key);
        block
    };
    let mut inner = Sha256::new_with_prefix(pad(0x36));
    parts.iter().for_each(|part| inner.update(part));
    Sha256::new_with_prefix(pad(0x5c)).chain_update(inner.finalize()).finalize().into()
}

const INVITE: &str = "onex-invite";
const DIGIT_GROUPS: usize = 6;
const DIGITS_DOMAIN: &[u8] = b"onex/digits/1\0";
const INVITATION_DOMAIN: &[u8] = b"onex/invitation/1\0";
const INVITER_DOMAIN: &[u8] = b"onex/inviter/1\0";

/// Why a text is no good invitation.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// Another text, a newer or a damaged one.
    #[error(transparent)]
    Armour(#[from] ArmourError),
    /// The code has too few characters, too many, or a mistaken one.
    #[error("the code is mistyped")]
    Code,
    /// The device that asks does not know the secret, or the request was altered.
    #[error("the request does not fit the invitation")]
    Request,
    /// The answer was not made by the inviter, or not for this device.
    #[error("the answer does not fit the request")]
    Response,
    /// Whole, but not what an invitation is made of.
    #[error("the invitation cannot be read")]
    Malformed(#[from] CborError),
    /// The root does not hold or is of another network.
    #[error("the root of the network does not hold")]
    Root(#[from] MembershipError),
    /// A text is empty, too long or has control characters.
    #[error(transparent)]
    Text(#[from] StatementError),
    /// Too many addresses.
    #[error("{found} addresses, at most {ADDRESSES_MAX} are allowed")]
    Addresses {
        /// Addresses given.
        found: usize,
    },
    /// The key of an address is another device's.
    #[error("the key of device {device} is another device's")]
    WrongKey {
        /// The device.
        device: DeviceId,
    },
    /// The number is another secret's.
    #[error("the number is another invitation's")]
    WrongId,
    /// The last day is no date.
    #[error("the last day is no date")]
    Date,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::key::SigningKey;
    use crate::statement::Root;
    use onex_crdt::ids::hex_encode;

    pub(crate) fn key(seed: u8) -> PublicKey {
        SigningKey::from_seed(&[seed; 32]).public()
    }

    pub(crate) fn invitation() -> Invitation {
        let root = Root {
            nonce: [0x11; 16],
            org: OrgId([0xa1; 16]),
            name: "陕西省1+X项目办".to_owned(),
            region: "610000".to_owned(),
            hub_key: key(1),
            person: "郝敏".to_owned(),
        };
        Invitation {
            network: root.network(),
            root: Entry::root(&SigningKey::from_seed(&[1; 32]), root),
            org: OrgId([0xb2; 16]),
            org_name: "西安铁路职业技术学院".to_owned(),
            role: OrgRole::College,
            addresses: vec![(key(1).device(), key(1), "127.0.0.1:40311".to_owned())],
            id: InvitationSecret([0x5e; 16]).id(),
            secret: InvitationSecret([0x5e; 16]),
            expires_on: "2026-03-08".to_owned(),
            inviter: key(1),
        }
    }

    /// Errors by their kind: what a person is told.
    fn check(text: &str, expected: &str) {
        let found = match Invitation::from_text(text) {
            Ok(read) if read == invitation() => "the same",
            Ok(_) => "another",
            Err(InvitationError::Armour(ArmourError::SomethingElse)) => "not an invitation",
            Err(InvitationError::Armour(ArmourError::NewerVersion { .. })) => "newer",
            Err(InvitationError::Armour(ArmourError::Damaged)) => "damaged",
            Err(InvitationError::Root(_)) => "root",
            Err(InvitationError::WrongKey { .. }) => "key",
            Err(InvitationError::Addresses { .. }) => "addresses",
            Err(InvitationError::WrongId) => "id",
            Err(InvitationError::Text(_)) => "text",
            Err(InvitationError::Date) => "date",
            Err(InvitationError::Malformed(_)) => "malformed",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_text_is_read_however_it_was_copied() {
        let text = invitation().to_text();
        assert!(text.starts_with("onex-invite/1\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 64), "{text}");
        let (first, rest) = text.split_once('\n').expect("two lines");
        check(&text, "the same");
        check(&text.to_lowercase(), "the same");
        check(&text.to_uppercase(), "the same");
        check(&text.replace('\n', "\r\n"), "the same");
        check(&format!("\u{feff}\n {text}\n\n"), "the same");
        check(&format!("{first}\n{}", rest.replace('\n', "　")), "the same");
        check(&format!("{first}\n{}", rest.replace('0', "O").replace('1', "l")), "the same");
        check(&format!("{first}\n{}", rest.replace('0', "o").replace('1', "I")), "the same");
    }

    #[test]
    fn what_is_wrong_with_a_text_is_told() {
        let text = invitation().to_text();
        check("", "not an invitation");
        check("姓名,证件号码\n", "not an invitation");
        check(&text.replacen("invite/1", "invite/", 1), "not an invitation");
        check(&text.replacen("invite/1", "invite/0", 1), "not an invitation");
        check(&" ".repeat(INVITATION_TEXT_MAX + 1), "not an invitation");
        check(&text.replacen("invite/1", "invite/2", 1), "newer");
        check("onex-invite/1", "damaged");
        check(&text[..text.len() - 2], "damaged");
        check(&text[..text.len() - 70], "damaged");
        check(&format!("{text}0"), "damaged");
        check(&format!("{text}U"), "damaged");
        check(&format!("{text}中"), "damaged");
    }

    #[test]
    fn every_character_of_a_text_counts() {
        let text = invitation().to_text();
        for at in "onex-invite/1\n".len()..text.len() {
            let swap = match text.as_bytes()[at] {
                b'\n' => continue,
                b'Z' => "Y",
                _ => "Z",
            };
            let mut altered = text.clone();
            altered.replace_range(at..=at, swap);
            check(&altered, "damaged");
        }
    }

    #[test]
    fn a_whole_text_must_still_make_sense() {
        let with = |alter: &dyn Fn(&mut Invitation)| {
            let mut invitation = invitation();
            alter(&mut invitation);
            invitation.to_text()
        };
        check(&with(&|it| it.network.0[0] ^= 1), "root");
        check(&with(&|it| it.root.signature.0[0] ^= 1), "root");
        check(&with(&|it| it.addresses[0].1 = key(2)), "key");
        check(&with(&|it| it.addresses.clear()), "another");
        check(&with(&|it| it.id.0[0] ^= 1), "id");
        check(&with(&|it| it.addresses = vec![it.addresses[0].clone(); 17]), "addresses");
        check(&with(&|it| it.addresses[0].2 = "a".repeat(256)), "text");
        check(&with(&|it| it.org_name = "\u{1b}[2J".to_owned()), "text");
        check(&with(&|it| it.expires_on = "2026-13-08".to_owned()), "date");
        check(&with(&|it| it.expires_on = "08.03.2026".to_owned()), "date");
        check(&with(&|it| it.expires_on = "2026年3月".to_owned()), "date");
        check(&with(&|it| it.org_name = "校".repeat(6000)), "malformed");
        check(&with(&|it| it.org_name = "另一所学院".to_owned()), "another");
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let mac = |key: &[u8], data: &[u8]| hex_encode(&hmac_sha256(key, &[data]));
        assert_eq!(
            mac(&[0x0b; 20], b"Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            mac(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_proof_is_good_for_one_secret_connection_and_key() {
        let proof = |secret, exporter, seed| {
            join_proof(&InvitationSecret([secret; 16]), &[exporter; 32], &key(seed))
        };
        let expected = proof(1, 2, 3);
        assert!(proofs_match(&proof(1, 2, 3), &expected));
        assert!(!proofs_match(&proof(9, 2, 3), &expected));
        assert!(!proofs_match(&proof(1, 9, 3), &expected));
        assert!(!proofs_match(&proof(1, 2, 9), &expected));
        for at in 0..32 {
            let mut altered = expected;
            altered[at] ^= 0x80;
            assert!(!proofs_match(&altered, &expected), "byte {at}");
        }
    }

    #[test]
    fn digits_depend_on_both_keys_and_the_invitation() {
        let id = InvitationId([0x1d; 16]);
        let shown = digits(&key(1), &key(11), &id);
        let groups: Vec<_> = shown.split(' ').collect();
        assert_eq!(groups.len(), 6);
        assert!(groups.iter().all(|it| it.len() == 4 && it.bytes().all(|b| b.is_ascii_digit())));
        assert_ne!(shown, digits(&key(2), &key(11), &id));
        assert_ne!(shown, digits(&key(1), &key(12), &id));
        assert_ne!(shown, digits(&key(11), &key(1), &id));
        assert_ne!(shown, digits(&key(1), &key(11), &InvitationId([0; 16])));
    }

    #[test]
    fn digits_are_compared_as_people_type_them() {
        let shown = "0123 4567 8901 2345 6789 0123";
        let check = |input: &str, expected| {
            assert_eq!(digits_match(input, shown), expected, "{input}");
        };
        check(shown, true);
        check("012345678901234567890123", true);
        check("  0123\t4567 8901　2345 6789 0123\n", true);
        check("０１２３ ４５６７ ８９０１ ２３４５ ６７８９ ０１２３", true);
        check("0123 4567 8901 2345 6789 0124", false);
        check("0123 4567 8901 2345 6789", false);
        check("0123 4567 8901 2345 6789 0123 0", false);
        check("", false);
        assert!(!digits_match("", ""));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let printed = format!("{:?}", invitation());
        assert!(!printed.contains("94, 94") && !printed.contains("5e5e"), "{printed}");
    }

    #[test]
    fn golden_invitation() {
        crate::documented(&cbor::encode(&invitation()));
        let proof = join_proof(&InvitationSecret([0x5e; 16]), &[0xee; 32], &key(11));
        crate::documented(&proof);
        crate::documented(&inviter_proof(&InvitationSecret([0x5e; 16]), &[0xee; 32], &key(1)));
        let (shown, code) =
            (digits(&key(1), &key(11), &InvitationId([0x1d; 16])), invitation().code());
        let document = include_str!("../../docs/PROTOCOL.md");
        assert!(document.contains(&shown), "docs/PROTOCOL.md does not show {shown}");
        assert!(document.contains(&code), "docs/PROTOCOL.md does not show {code}");
    }
}
