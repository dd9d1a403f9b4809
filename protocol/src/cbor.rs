//! Deterministic CBOR (RFC 8949, 4.2): one value has one encoding, so that it can be hashed.
//!
//! Types are written as arrays with definite lengths. There are no maps, floats, tags or absent
//! fields here, hence nothing to sort and nothing to leave out.

use minicbor::{Decode, Encode};

/// Returns the one encoding of a value.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("a vector takes every write")
}

/// Returns the value that these bytes, all of them, are the one encoding of.
///
/// The size is checked before anything is read. Trailing bytes, longer forms of a number,
/// indefinite lengths and additional fields are refused, since they do not encode back to the same
/// bytes.
pub fn decode_exact<T>(bytes: &[u8], bytes_max: usize) -> Result<T, CborError>
where
    T: for<'b> Decode<'b, ()> + Encode<()>,
{
    if bytes.len() > bytes_max {
        return Err(CborError::TooLarge { bytes: bytes.len(), bytes_max });
    }
    let value: T = minicbor::decode(bytes)?;
    if encode(&value) == bytes { Ok(value) } else { Err(CborError::NotCanonical) }
}

/// Declares a module for `#[cbor(with)]` that writes an enum as its id.
macro_rules! by_id {
    ($(#[$meta:meta])* $name:ident, $type:ty) => {
        $(#[$meta])*
        pub(crate) mod $name {
            use minicbor::encode::{Error as EncodeError, Write};
            use minicbor::{Decoder, Encoder, decode::Error as DecodeError};

            pub fn encode<C, W: Write>(
                value: &$type,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                encoder.str(value.id())?.ok()
            }

            pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<$type, DecodeError> {
                <$type>::from_id(decoder.str()?).ok_or_else(|| DecodeError::message("unknown id"))
            }
        }
    };
}

by_id!(
    /// The role of an organisation.
    org_role,
    onex_crdt::roles::OrgRole
);
by_id!(
    /// The role of a person.
    person_role,
    onex_crdt::roles::PersonRole
);
by_id!(
    /// Why a device is removed.
    removal_reason,
    onex_crdt::records::membership::RemovalReason
);

/// Why bytes are no value.
#[derive(Debug, thiserror::Error)]
pub enum CborError {
    /// More bytes than such a value may have.
    #[error("{bytes} bytes are more than the {bytes_max} allowed")]
    TooLarge {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        bytes_max: usize,
    },
    /// Not CBOR, or not of this type.
    #[error("not a value of the expected type")]
    Malformed(#[from] minicbor::decode::Error),
    /// Another encoding than the deterministic one, or bytes after it.
    #[error("not the deterministic encoding")]
    NotCanonical,
}

#[cfg(test)]
mod tests {
    use super::*;
    use onex_crdt::ids::hex_decode;

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Pair {
        #[n(0)]
        number: u64,
        #[n(1)]
        text: String,
    }

    fn check(hex: &str, expected: Result<u64, &str>) {
        let bytes = hex_decode(hex).expect("test data is hex");
        let found = decode_exact::<Pair>(&bytes, 8).map(|pair| pair.number);
        let found = found.map_err(|error| match error {
            CborError::TooLarge { .. } => "too large",
            CborError::Malformed(_) => "malformed",
            CborError::NotCanonical => "not canonical",
        });
        assert_eq!(found, expected, "{hex}");
    }

    #[test]
    fn only_the_deterministic_encoding_is_read() {
        check("82016161", Ok(1));
        check("8218186161", Ok(24));
        check("8218016161", Err("not canonical"));
        check("8219000161", Err("malformed"));
        check("8201616100", Err("not canonical"));
        check("9f016161ff", Err("not canonical"));
        check("82017f6161ff", Err("malformed"));
        check("8201780161", Err("not canonical"));
        check("83016161f6", Err("not canonical"));
        check("8101", Err("malformed"));
        check("", Err("malformed"));
        check("820161ff", Err("malformed"));
        check("82016661616161616161", Err("too large"));
    }

    #[test]
    fn encoding_and_decoding_are_inverse() {
        let pair = Pair { number: u64::MAX, text: "考生".to_owned() };
        assert_eq!(decode_exact::<Pair>(&encode(&pair), 100).expect("its own encoding"), pair);
    }
}
