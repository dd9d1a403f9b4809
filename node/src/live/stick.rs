//! Enrolment by two files on a stick: a request out of the new device, an answer back to it.
//!
//! The digits are compared as with a connection; only nobody sees the other screen change.

use std::path::{Path, PathBuf};

use onex_crdt::field::text::PersonName;
use onex_protocol::enrolment::{
    Invitation, InvitationError, JoinRequest, JoinResponse, digits, digits_match,
};
use onex_protocol::key::SigningKey;

use super::joining::settle_in;
use crate::api::{Admitting, Requested};
use crate::clock::Clock;
use crate::error::NodeError;
use crate::handle::{Node, fresh_keys};
use crate::home::{Guard, Home, Passphrase, write_secret};
use crate::members::addresses;
use crate::store::enrolment::{self, InvitationState};

impl Node {
    /// Writes a request to join with an invitation, for the inviter. The invitation waits in the
    /// folder for the answer.
    ///
    /// # Errors
    /// When the text is no invitation, or a node lives in the folder already.
    pub fn join_request(
        folder: &Path,
        invitation: &str,
        person: &str,
        guard: &Guard,
    ) -> Result<Requested, NodeError> {
        let read = Invitation::from_text(invitation)?;
        let person = PersonName::parse(person)
            .map_err(|error| NodeError::Value { field: "person".to_owned(), error })?;
        let home = Home::new(folder);
        let keys = fresh_keys(&home, guard)?;
        let key = SigningKey::from_seed(&keys.device);
        let waiting = format!("{}\n{invitation}", person.as_str());
        write_secret(&waiting_file(folder), waiting.as_bytes())
            .map_err(|source| NodeError::folder(folder, source))?;
        let request = JoinRequest::make(&read, &key, person.as_str());
        let digits = digits(&read.inviter, &key.public(), &read.id);
        Ok(Requested { text: request.to_text(), digits, org_name: read.org_name })
    }

    /// Takes the inviter's answer and opens the node. It meets its peers with the next sync.
    ///
    /// # Errors
    /// When nothing was asked here, or the answer is not for this device.
    pub fn join_finish(
        folder: &Path,
        response: &str,
        passphrase: Option<&Passphrase>,
        clock: Clock,
    ) -> Result<Self, NodeError> {
        let file = waiting_file(folder);
        let waiting = std::fs::read_to_string(&file).map_err(|_| NodeError::NotAsked)?;
        let (person, invitation) = waiting.split_once('\n').ok_or(NodeError::NotAsked)?;
        let invitation = Invitation::from_text(invitation)?;
        let home = Home::new(folder);
        let keys = home.unlock(passphrase).map_err(|error| NodeError::keys(&home, error))?;
        let key = SigningKey::from_seed(&keys.device).public();
        let (response, membership) = JoinResponse::open(response, &invitation, &key)?;
        settle_in(&home, &keys, person, &membership, &response.addresses, |_| Ok(()))?;
        // Its secret is used up; a file that stays does no harm.
        let _ = std::fs::remove_file(file);
        Node::with_keys(home, keys, clock)
    }

    /// Takes a request out of a file. Without the digits it only tells them; with those that the
    /// other screen shows the device is let in, and the answer is there as soon as the hub has
    /// given it a place.
    ///
    /// # Errors
    /// When the request fits no invitation of this node, or the digits are others.
    pub fn admit(&self, request: &str, given: Option<&str>) -> Result<Admitting, NodeError> {
        let request = JoinRequest::from_text(request)?;
        let writer = self.writer()?;
        let stored = enrolment::get(writer.store.read(), request.invitation)?;
        let stored = stored.filter(|stored| {
            request.network == writer.membership.network()
                && request.knows(&stored.invitation.secret)
        });
        let stored = stored.ok_or(NodeError::Invitation(InvitationError::Request))?;
        let (id, joiner) = (stored.invitation.id, request.key);
        super::storing::usable(self, &stored, &joiner)?;
        let digits = digits(&writer.engine.key().public(), &joiner, &id);
        if stored.state != InvitationState::Used {
            enrolment::asked(writer.store.read(), id, &joiner, &request.person)?;
        }
        let is_in = |log: &onex_protocol::membership::Membership| {
            log.device(joiner.device()).is_some_and(|device| device.active)
        };
        drop(writer);
        match given {
            Some(given) if !digits_match(given, &digits) => return Err(NodeError::NoSuchDigits),
            Some(given) if stored.state != InvitationState::Used => {
                self.device_confirm(given)?;
            }
            _ => {}
        }
        let writer = self.writer()?;
        let person = request.person.clone();
        let is_in = is_in(&writer.membership);
        let response = match given.is_some() && is_in {
            true => {
                let addresses = addresses(&writer)?;
                let secret = &stored.invitation.secret;
                Some(JoinResponse::make(secret, &writer.membership, &joiner, addresses).to_text())
            }
            false => None,
        };
        drop(writer);
        self.shared.changed();
        Ok(Admitting { person, digits, org_name: stored.invitation.org_name, response })
    }
}

/// Where the invitation waits for the answer, with the person's name above it.
fn waiting_file(folder: &Path) -> PathBuf {
    folder.join("joining")
}
