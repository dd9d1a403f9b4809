//! Enrolment: the invitation file, the proof that a joining device holds it, the digits on both
//! screens (trust A6).
//!
//! Who may invite, that an invitation is used once and until when, is the node's to keep: there is
//! no clock and no memory here.

use std::fmt;

use minicbor::{Decode, Encode};
use onex_crdt::ids::{DeviceId, Digest, NetworkId, OrgId};
use onex_crdt::roles::OrgRole;
use sha2::{Digest as _, Sha256};

use crate::cbor::{self, CborError};
use crate::key::PublicKey;
use crate::membership::{Entry, Membership, MembershipError};
use crate::statement::{NAME_CHARS_MAX, StatementError, text_check};

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
    /// The devices that take the call, each with key and address; at least one, at most 16.
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
}

impl Invitation {
    /// Returns the text of the file: a line with the version, then base32 (Crockford) of the CBOR
    /// and eight bytes of its SHA-256, in lines of 64.
    pub fn to_text(&self) -> String {
        let mut bytes = cbor::encode(self);
        let check = check_bytes(&bytes);
        bytes.extend(check);
        let digits = base32_encode(&bytes);
        let lines = digits.as_bytes().chunks(LINE_CHARS).map(|line| line.escape_ascii());
        lines.fold(format!("{FIRST_LINE}{VERSION}\n"), |text, line| format!("{text}{line}\n"))
    }

    /// Reads such a text and verifies the root. Case, spaces, line ends and the letters O, I, L for
    /// the digits 0, 1, 1 are forgiven.
    pub fn from_text(text: &str) -> Result<Self, InvitationError> {
        if text.len() > INVITATION_TEXT_MAX {
            return Err(InvitationError::NotAnInvitation);
        }
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let (first, rest) = text.split_once(['\n', '\r']).unwrap_or((text, ""));
        version_check(first)?;
        let mut bytes = base32_decode(rest).ok_or(InvitationError::Damaged)?;
        let at = bytes.len().checked_sub(CHECK_BYTES).ok_or(InvitationError::Damaged)?;
        let check = bytes.split_off(at);
        if check != check_bytes(&bytes) {
            return Err(InvitationError::Damaged);
        }
        let invitation: Self = cbor::decode_exact(&bytes, INVITATION_BYTES_MAX)?;
        invitation.check()?;
        Ok(invitation)
    }

    /// Returns the membership log as far as the invitation has it: its root.
    pub fn membership(&self) -> Result<Membership, InvitationError> {
        let membership = Membership::open(self.root.clone())?;
        match membership.network() == self.network {
            true => Ok(membership),
            false => Err(InvitationError::Root(MembershipError::WrongNetwork)),
        }
    }

    fn check(&self) -> Result<(), InvitationError> {
        self.membership()?;
        text_check("org_name", &self.org_name, NAME_CHARS_MAX)?;
        if self.addresses.is_empty() || self.addresses.len() > ADDRESSES_MAX {
            return Err(InvitationError::Addresses { found: self.addresses.len() });
        }
        for (device, key, address) in &self.addresses {
            text_check("address", address, ADDRESS_CHARS_MAX)?;
            if key.device() != *device {
                return Err(InvitationError::WrongKey { device: *device });
            }
        }
        if is_date(&self.expires_on) { Ok(()) } else { Err(InvitationError::Date) }
    }
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

fn version_check(first_line: &str) -> Result<(), InvitationError> {
    let line = first_line.trim().to_ascii_lowercase();
    let version = line.strip_prefix(FIRST_LINE).and_then(|version| version.parse::<u32>().ok());
    match version {
        None | Some(0) => Err(InvitationError::NotAnInvitation),
        Some(VERSION) => Ok(()),
        Some(version) => Err(InvitationError::NewerVersion { version }),
    }
}

fn check_bytes(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = Digest::over(&[bytes]);
    hash.0[..CHECK_BYTES].try_into().expect("a hash has more bytes")
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
fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(out, key)| *out ^= key);
        block
    };
    let mut inner = Sha256::new_with_prefix(pad(0x36));
    parts.iter().for_each(|part| inner.update(part));
    Sha256::new_with_prefix(pad(0x5c)).chain_update(inner.finalize()).finalize().into()
}

fn base32_encode(bytes: &[u8]) -> String {
    let (mut held, mut bits) = (0u32, 0);
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(BASE32[(held >> bits & 31) as usize].into());
        }
    }
    if bits > 0 {
        text.push(BASE32[(held << (5 - bits) & 31) as usize].into());
    }
    text
}

/// Returns nothing for a foreign character, a lone last one, or filling bits that are not zero.
fn base32_decode(text: &str) -> Option<Vec<u8>> {
    let (mut held, mut bits) = (0u32, 0);
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        held = (held << 5 | base32_value(c)?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    (bits < 5 && held & ((1 << bits) - 1) == 0).then_some(bytes)
}

fn base32_value(c: char) -> Option<u32> {
    let digit = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let at = BASE32.iter().position(|known| char::from(*known) == digit)?;
    u32::try_from(at).ok()
}

const FIRST_LINE: &str = "onex-invite/";
const VERSION: u32 = 1;
const LINE_CHARS: usize = 64;
const CHECK_BYTES: usize = 8;
const DIGIT_GROUPS: usize = 6;
const DIGITS_DOMAIN: &[u8] = b"onex/digits/1\0";
/// Crockford's alphabet: no I, L, O, U.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Why a text is no good invitation.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// Some other text.
    #[error("not an invitation")]
    NotAnInvitation,
    /// Made by a newer program.
    #[error("an invitation of version {version}, which this program does not know")]
    NewerVersion {
        /// Its version.
        version: u32,
    },
    /// Characters are missing, added or altered.
    #[error("the invitation is damaged")]
    Damaged,
    /// Whole, but not what an invitation is made of.
    #[error("the invitation cannot be read")]
    Malformed(#[from] CborError),
    /// The root does not hold or is of another network.
    #[error("the root of the network does not hold")]
    Root(#[from] MembershipError),
    /// A text is empty, too long or has control characters.
    #[error(transparent)]
    Text(#[from] StatementError),
    /// No address, or too many.
    #[error("{found} addresses, between 1 and {ADDRESSES_MAX} are allowed")]
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
    /// The last day is no date.
    #[error("the last day is no date")]
    Date,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;
    use crate::statement::Root;
    use onex_crdt::ids::hex_encode;

    fn key(seed: u8) -> PublicKey {
        SigningKey::from_seed(&[seed; 32]).public()
    }

    fn invitation() -> Invitation {
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
            id: InvitationId([0x1d; 16]),
            secret: InvitationSecret([0x5e; 16]),
            expires_on: "2026-03-08".to_owned(),
        }
    }

    /// Errors by their kind: what a person is told.
    fn check(text: &str, expected: &str) {
        let found = match Invitation::from_text(text) {
            Ok(read) if read == invitation() => "the same",
            Ok(_) => "another",
            Err(InvitationError::NotAnInvitation) => "not an invitation",
            Err(InvitationError::NewerVersion { .. }) => "newer",
            Err(InvitationError::Damaged) => "damaged",
            Err(InvitationError::Root(_)) => "root",
            Err(InvitationError::WrongKey { .. }) => "key",
            Err(InvitationError::Addresses { .. }) => "addresses",
            Err(InvitationError::Text(_)) => "text",
            Err(InvitationError::Date) => "date",
            Err(InvitationError::Malformed(_)) => "malformed",
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
        check(&with(&|it| it.addresses.clear()), "addresses");
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
    fn base32_is_its_own_inverse() {
        for length in 0..40u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(37) ^ 0xa5).collect();
            assert_eq!(base32_decode(&base32_encode(&bytes)), Some(bytes));
        }
        assert_eq!(base32_encode(b"foobar"), "CSQPYRK1E8");
        assert_eq!(base32_decode("CR"), Some(b"f".to_vec()));
        assert_eq!(base32_decode("CS"), None);
        assert_eq!(base32_decode("C"), None);
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
        let shown = digits(&key(1), &key(11), &InvitationId([0x1d; 16]));
        let document = include_str!("../../docs/PROTOCOL.md");
        assert!(document.contains(&shown), "docs/PROTOCOL.md does not show {shown}");
    }
}
