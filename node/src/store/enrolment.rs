//! Invitations: what was handed out, and who has come with it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use onex_protocol::enrolment::{Invitation, InvitationId};
use onex_protocol::key::PublicKey;

use super::StoreError;
use super::view::{decode, encode};

/// How an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// Handed out, nobody has come with it.
    Open,
    /// Somebody has come; the digits are to be compared.
    Asked,
    /// Used.
    Used,
    /// Made useless.
    Cancelled,
}

impl InvitationState {
    const ALL: [(Self, &str); 4] = [
        (Self::Open, "open"),
        (Self::Asked, "asked"),
        (Self::Used, "used"),
        (Self::Cancelled, "cancelled"),
    ];

    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, text)| text)
    }
}

/// An invitation of this node.
#[derive(Debug, Clone)]
pub struct StoredInvitation {
    /// The invitation as it was handed out.
    pub invitation: Invitation,
    /// The day it was made, `YYYY-MM-DD`.
    pub made_on: String,
    /// The key of the device that came with it.
    pub joiner: Option<PublicKey>,
    /// The person at that device.
    pub person: Option<String>,
    /// Wrong proofs so far.
    pub tries: u32,
    /// How it stands.
    pub state: InvitationState,
}

/// Stores a new invitation.
pub fn put(
    connection: &Connection,
    invitation: &Invitation,
    made_on: &str,
) -> Result<(), StoreError> {
    connection.execute(
        "insert into invitation (id, bytes, made_on, state) values (?, ?, ?, 'open')",
        params![invitation.id.0.as_slice(), encode(invitation), made_on],
    )?;
    Ok(())
}

/// Returns an invitation.
pub fn get(
    connection: &Connection,
    id: InvitationId,
) -> Result<Option<StoredInvitation>, StoreError> {
    let sql = format!("select {COLUMNS} from invitation where id = ?");
    let found = connection.query_row(&sql, [id.0.as_slice()], raw).optional()?;
    Ok(found.map(read).transpose()?.flatten())
}

/// Every invitation, the oldest first.
pub fn all(connection: &Connection) -> Result<Vec<StoredInvitation>, StoreError> {
    let sql = format!("select {COLUMNS} from invitation order by made_on, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], raw)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().filter_map(|row| read(row).transpose()).collect()
}

/// Notes who has come with an invitation.
pub fn asked(
    connection: &Connection,
    id: InvitationId,
    joiner: &PublicKey,
    person: &str,
) -> Result<(), StoreError> {
    connection.execute(
        "update invitation set joiner_key = ?, person = ?, state = 'asked' where id = ?",
        params![joiner.0.as_slice(), person, id.0.as_slice()],
    )?;
    Ok(())
}

/// Counts a wrong proof.
pub fn failed(connection: &Connection, id: InvitationId) -> Result<(), StoreError> {
    let sql = "update invitation set tries = tries + 1 where id = ?";
    connection.execute(sql, [id.0.as_slice()])?;
    Ok(())
}

/// Sets how an invitation stands.
pub fn set_state(
    connection: &Connection,
    id: InvitationId,
    state: InvitationState,
) -> Result<(), StoreError> {
    let sql = "update invitation set state = ? where id = ?";
    connection.execute(sql, params![state.text(), id.0.as_slice()])?;
    Ok(())
}

const COLUMNS: &str = "bytes, made_on, joiner_key, person, tries, state";

type Raw = (Vec<u8>, String, Option<Vec<u8>>, Option<String>, u32, String);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

/// An invitation that an older program wrote is good no longer.
fn read(raw: Raw) -> Result<Option<StoredInvitation>, StoreError> {
    let (bytes, made_on, joiner, person, tries, state) = raw;
    let joiner = joiner.and_then(|key| key.try_into().ok()).map(PublicKey);
    let state = InvitationState::ALL.iter().find(|(_, text)| *text == state);
    let state = state.map(|(state, _)| *state).ok_or(StoreError::Damaged { what: "invitation" })?;
    let Ok(invitation) = decode(&bytes, "invitation") else { return Ok(None) };
    Ok(Some(StoredInvitation { invitation, made_on, joiner, person, tries, state }))
}
