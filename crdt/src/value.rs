//! Values: what one field of a record holds once its text has been parsed.
//!
//! A value does not know its type; a `FieldType` says how it is read, shown and compared.

use std::fmt;

/// The value of one field, as it is stored and hashed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
pub enum Value {
    /// Text in NFC, an enum id, a date, a moment.
    #[n(0)]
    Text(#[n(0)] String),
    /// A whole number; tenths of a `decimal1`, hundredths of a `money`.
    #[n(1)]
    Int(#[n(0)] i64),
    /// Yes or no.
    #[n(2)]
    Bool(#[n(0)] bool),
    /// An id or a digest.
    #[n(3)]
    Bytes(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Several texts; never an empty list, which is no value at all.
    #[n(4)]
    List(#[n(0)] Vec<String>),
}

impl Value {
    /// Returns the text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number, where it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the bytes, where it is an id or a digest.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Returns the items, where it is a list.
    pub fn as_list(&self) -> Option<&[String]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }
}

/// Shows the shape of a value only: values may be personal data and must not reach a log.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "Text({} characters)", text.chars().count()),
            Value::Int(_) => f.write_str("Int"),
            Value::Bool(_) => f.write_str("Bool"),
            Value::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Value::List(items) => write!(f, "List({})", items.len()),
        }
    }
}
