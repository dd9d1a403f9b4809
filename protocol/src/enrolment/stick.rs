//! Enrolment without a network: a request and its answer, files that go to and fro on a stick.
//!
//! Both bear a MAC by the invitation's secret. Nothing in them is hidden: the membership log names
//! organisations, persons and public keys.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use onex_crdt::ids::{DeviceId, NetworkId};

use super::{
    Invitation, InvitationError, InvitationId, InvitationSecret, hmac_sha256, proofs_match,
};
use crate::armour;
use crate::cbor;
use crate::key::{Domain, PublicKey, Signature, SigningKey};
use crate::membership::{Entry, Membership};
use crate::statement::{PERSON_CHARS_MAX, text_check};

/// Most bytes of a request.
const REQUEST_BYTES_MAX: usize = 1024;
/// Most bytes of an answer: a membership log of some ten thousand entries.
const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most bytes of either's text.
const TEXT_MAX: usize = 2 * RESPONSE_BYTES_MAX;

/// A device that holds an invitation asks to join.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JoinRequest {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The invitation.
    #[n(1)]
    pub invitation: InvitationId,
    /// The device's key.
    #[n(2)]
    pub key: PublicKey,
    /// Its person, at most 50 characters.
    #[n(3)]
    pub person: String,
    /// The proof that the secret is known.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub mac: [u8; 32],
    /// The signature of the device over all of the above.
    #[n(5)]
    pub signature: Signature,
}

impl JoinRequest {
    /// Returns the request of a device.
    pub fn make(invitation: &Invitation, key: &SigningKey, person: &str) -> Self {
        let (public, person) = (key.public(), person.to_owned());
        let mut request = Self {
            network: invitation.network,
            invitation: invitation.id,
            mac: request_mac(&invitation.secret, &public, &person),
            key: public,
            person,
            signature: Signature([0; 64]),
        };
        request.signature = key.sign(Domain::Request, &request.signed_bytes());
        request
    }

    /// Returns the text of the file.
    pub fn to_text(&self) -> String {
        armour::encode(REQUEST, &cbor::encode(self))
    }

    /// Reads such a text and verifies the device's signature.
    pub fn from_text(text: &str) -> Result<Self, InvitationError> {
        let bytes = armour::decode(REQUEST, text, TEXT_MAX)?;
        let request: Self = cbor::decode_exact(&bytes, REQUEST_BYTES_MAX)?;
        text_check("person", &request.person, PERSON_CHARS_MAX)?;
        let signed = request.signed_bytes();
        match request.key.verify(Domain::Request, &signed, &request.signature) {
            true => Ok(request),
            false => Err(InvitationError::Request),
        }
    }

    /// Whether the device knows the secret of the invitation.
    #[must_use]
    pub fn knows(&self, secret: &InvitationSecret) -> bool {
        proofs_match(&self.mac, &request_mac(secret, &self.key, &self.person))
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let Self { network, invitation, key, person, mac, signature: _ } = self;
        cbor::encode(&(network, invitation, key, person, ByteArray::from(*mac)))
    }
}

/// The inviter's answer: the device is in the log that this holds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JoinResponse {
    /// The whole membership log.
    #[n(0)]
    pub entries: Vec<Entry>,
    /// Devices that can be reached, as in an invitation.
    #[n(1)]
    pub addresses: Vec<(DeviceId, PublicKey, String)>,
    /// The proof that the inviter made this for the device.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub mac: [u8; 32],
}

impl JoinResponse {
    /// Returns the answer to a device that is in the log.
    pub fn make(
        secret: &InvitationSecret,
        membership: &Membership,
        key: &PublicKey,
        addresses: Vec<(DeviceId, PublicKey, String)>,
    ) -> Self {
        let entries = membership.entries_from(0).to_vec();
        let mac = response_mac(secret, key, &entries, &addresses);
        Self { entries, addresses, mac }
    }

    /// Returns the text of the file.
    pub fn to_text(&self) -> String {
        armour::encode(RESPONSE, &cbor::encode(self))
    }

    /// Reads such a text and verifies everything: that the inviter of this invitation made it for
    /// this device, the log from the root on, that the device is in it.
    pub fn open(
        text: &str,
        invitation: &Invitation,
        key: &PublicKey,
    ) -> Result<(Self, Membership), InvitationError> {
        let bytes = armour::decode(RESPONSE, text, TEXT_MAX)?;
        let response: Self = cbor::decode_exact(&bytes, RESPONSE_BYTES_MAX)?;
        let Self { entries, addresses, mac } = &response;
        if !proofs_match(mac, &response_mac(&invitation.secret, key, entries, addresses)) {
            return Err(InvitationError::Response);
        }
        let membership = Membership::replay(entries.iter().cloned())?;
        // An admin elsewhere who has seen the key may have said that it is a device of his.
        let device = membership.device(key.device()).filter(|device| device.active);
        let is_in = membership.network() == invitation.network
            && device.is_some_and(|device| device.org == invitation.org);
        if is_in { Ok((response, membership)) } else { Err(InvitationError::Response) }
    }
}

fn request_mac(secret: &InvitationSecret, key: &PublicKey, person: &str) -> [u8; 32] {
    hmac_sha256(&secret.0, &[REQUEST_DOMAIN, &key.0, person.as_bytes()])
}

fn response_mac(
    secret: &InvitationSecret,
    key: &PublicKey,
    entries: &[Entry],
    addresses: &[(DeviceId, PublicKey, String)],
) -> [u8; 32] {
    let said = cbor::encode(&(entries, addresses));
    hmac_sha256(&secret.0, &[RESPONSE_DOMAIN, &key.0, &said])
}

const REQUEST: &str = "onex-request";
const RESPONSE: &str = "onex-response";
const REQUEST_DOMAIN: &[u8] = b"onex/join-request/1\0";
const RESPONSE_DOMAIN: &[u8] = b"onex/join-response/1\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrolment::tests::{invitation, key};
    use crate::statement::Statement;
    use onex_crdt::ids::OrgId;
    use onex_crdt::roles::OrgRole;

    fn joiner() -> SigningKey {
        SigningKey::from_seed(&[11; 32])
    }

    /// The hub's log with the device that asked.
    fn admitted() -> Membership {
        admitted_by(invitation().org)
    }

    fn admitted_by(org: OrgId) -> Membership {
        let hub = SigningKey::from_seed(&[1; 32]);
        let mut log = invitation().membership().expect("a good root");
        let key = joiner().public();
        let statements = [
            Statement::AddOrganisation { org, role: OrgRole::College, name: "学院".to_owned() },
            Statement::AddDevice { org, key, person: "王芳".to_owned() },
        ];
        for body in statements {
            let statement = log.propose(&hub, body);
            let entry = log.sequence(&hub, statement).expect("the hub may");
            log.append(entry).expect("it is next");
        }
        log
    }

    #[test]
    fn a_request_is_its_devices_and_proves_the_secret() {
        let request = JoinRequest::make(&invitation(), &joiner(), "王芳");
        let read = JoinRequest::from_text(&request.to_text()).expect("its own text");
        assert_eq!(read, request);
        assert!(read.knows(&invitation().secret));
        assert!(!read.knows(&InvitationSecret([1; 16])));
        let altered = |change: &dyn Fn(&mut JoinRequest)| {
            let mut request = request.clone();
            change(&mut request);
            JoinRequest::from_text(&request.to_text()).is_err()
        };
        assert!(altered(&|it| it.person = "李强".to_owned()));
        assert!(altered(&|it| it.key = key(12)));
        assert!(altered(&|it| it.mac[0] ^= 1));
        assert!(altered(&|it| it.network.0[0] ^= 1));
        assert!(altered(&|it| it.person = String::new()));
    }

    #[test]
    fn an_answer_is_for_one_device_of_one_invitation() {
        let invitation = invitation();
        let open = |response: &JoinResponse, key: &PublicKey| {
            JoinResponse::open(&response.to_text(), &invitation, key).map(|(_, log)| log)
        };
        let joined = joiner().public();
        let response = JoinResponse::make(&invitation.secret, &admitted(), &joined, Vec::new());
        assert_eq!(open(&response, &joined).expect("good"), admitted());
        assert!(matches!(open(&response, &key(12)), Err(InvitationError::Response)));
        let strange =
            JoinResponse::make(&InvitationSecret([1; 16]), &admitted(), &joined, Vec::new());
        assert!(matches!(open(&strange, &joined), Err(InvitationError::Response)));
        let early = JoinResponse::make(
            &invitation.secret,
            &invitation.membership().expect("a good root"),
            &joined,
            Vec::new(),
        );
        assert!(matches!(open(&early, &joined), Err(InvitationError::Response)));
        let elsewhere = admitted_by(OrgId([0x77; 16]));
        let stolen = JoinResponse::make(&invitation.secret, &elsewhere, &joined, Vec::new());
        assert!(matches!(open(&stolen, &joined), Err(InvitationError::Response)));
    }
}
