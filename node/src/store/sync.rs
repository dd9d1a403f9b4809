//! Answers to the sync machine, read from the narrow tables: where the log stands, what is new,
//! what both sides should have alike.

use rusqlite::Connection;

use super::StoreError;

/// The newest position of the membership log that the hub is known to have.
pub fn hub_position(connection: &Connection) -> Result<u64, StoreError> {
    let bytes = super::meta(connection, HUB_POSITION)?;
    Ok(bytes.and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes))
}

const HUB_POSITION: &str = "hub_position";
