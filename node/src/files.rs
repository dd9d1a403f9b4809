//! Files of records, kept by their hash: photos of learners. Requirements 5.2.
//!
//! Sending them to others is not here yet; nobody but the own organisation needs one so far.

use onex_crdt::field::FieldError;
use onex_crdt::ids::Digest;

use crate::error::NodeError;
use crate::handle::Node;
use crate::store::StoreError;

/// Bytes of a photo (requirements 5.2: jpg, 20-200 KB).
const PHOTO_BYTES: std::ops::RangeInclusive<usize> = 20 * 1024..=200 * 1024;
/// What every JPEG file begins with (ITU-T T.81, B.2.1).
const JPEG_BEGINS: [u8; 3] = [0xFF, 0xD8, 0xFF];

impl Node {
    /// Keeps a photo in the encrypted store and returns the digest that names it in a record.
    ///
    /// # Errors
    /// When it is no JPEG of 20-200 KB.
    pub fn keep_photo(&self, bytes: &[u8]) -> Result<Digest, NodeError> {
        if !bytes.starts_with(&JPEG_BEGINS) || !PHOTO_BYTES.contains(&bytes.len()) {
            let error = FieldError::Form { form: PHOTO_FORM };
            return Err(NodeError::Value { field: "photo".to_owned(), error });
        }
        let digest = Digest::over(&[bytes]);
        let mut writer = self.writer()?;
        let transaction = writer.store.write()?;
        crate::store::files::put(&transaction, digest, bytes)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(digest)
    }

    /// Returns a file that is kept here.
    pub fn file(&self, digest: Digest) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(crate::store::files::get(self.reader().read(), digest)?)
    }
}

/// How a photo must be.
const PHOTO_FORM: &str = "jpg, 20-200 KB";
