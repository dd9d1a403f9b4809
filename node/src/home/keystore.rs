//! The system's keystore: Secret Service on Linux, Credential Manager on Windows, Keychain on macOS.
//!
//! It keeps the key that opens the file of the keys, never the keys themselves. One that does not
//! answer in time counts as none: a desktop asks its user to unlock it, a server has nobody to ask.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use onex_crdt::ids::hex_encode;
use zeroize::Zeroizing;

use super::keys::{KEY_BYTES, KeysError};
use super::sealed::{ENTRY_BYTES, Opener};
use crate::clock::random;

/// Whether there is a keystore that keeps what it is given and gives it back.
pub(super) fn is_there() -> bool {
    let (entry, opener) = (random(), Opener::new(random()));
    let kept = put(entry, &opener).is_ok();
    if kept {
        forget(entry);
    }
    kept
}

/// Puts a key into the keystore, and makes sure that it is there.
pub(super) fn put(entry: [u8; ENTRY_BYTES], opener: &Opener) -> Result<(), KeysError> {
    let opener = opener.clone();
    within(PUT_WAIT_MAX, move || {
        let named = named(entry)?;
        named.set_secret(&opener[..])?;
        let kept = Zeroizing::new(named.get_secret()?);
        if *kept == opener[..] { Ok(()) } else { Err(Error::NoEntry) }
    })
}

/// Takes a key from the keystore.
pub(super) fn get(entry: [u8; ENTRY_BYTES]) -> Result<Opener, KeysError> {
    let kept = within(GET_WAIT_MAX, move || Ok(Zeroizing::new(named(entry)?.get_secret()?)))?;
    let opener: [u8; KEY_BYTES] = kept[..].try_into().map_err(|_| KeysError::Damaged)?;
    Ok(Opener::new(opener))
}

/// Takes a key out of the keystore that nothing is under any more. One that stays is no harm.
pub(super) fn forget(entry: [u8; ENTRY_BYTES]) {
    let forgotten = within(PUT_WAIT_MAX, move || named(entry)?.delete_credential());
    if forgotten.is_err() {
        tracing::warn!("the keystore did not forget a key that opens nothing any more");
    }
}

fn named(entry: [u8; ENTRY_BYTES]) -> Result<Entry, Error> {
    system()?.build(SERVICE, &hex_encode(&entry), None)
}

#[cfg(target_os = "linux")]
fn system() -> Result<Arc<impl CredentialStoreApi>, Error> {
    zbus_secret_service_keyring_store::Store::new()
}

#[cfg(windows)]
fn system() -> Result<Arc<impl CredentialStoreApi>, Error> {
    windows_native_keyring_store::Store::new()
}

#[cfg(target_os = "macos")]
fn system() -> Result<Arc<impl CredentialStoreApi>, Error> {
    apple_native_keyring_store::keychain::Store::new()
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn system() -> Result<Arc<keyring_core::api::CredentialStore>, Error> {
    Err(Error::NoDefaultStore)
}

/// Asks the keystore on a thread of its own, which is left alone when it does not come back.
fn within<T: Send + 'static>(
    limit: Duration,
    ask: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, KeysError> {
    let (answer, answered) = mpsc::channel();
    let asking = std::thread::Builder::new().name("keystore".to_owned());
    asking.spawn(move || answer.send(ask()))?;
    match answered.recv_timeout(limit) {
        Ok(Ok(answer)) => Ok(answer),
        // What the system says of it may name the entry, and helps nobody.
        Ok(Err(_)) | Err(_) => Err(KeysError::Keystore),
    }
}

/// What the entries of this program are filed under.
const SERVICE: &str = "onex";
/// How long a new home waits for a keystore, which may ask its user to unlock it.
const PUT_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long an existing home waits: without the key it does not open.
const GET_WAIT_MAX: Duration = Duration::from_secs(60);
