//! References: the id of another record, lists of them, digests of files.
//!
//! Whether the record or the file exists here is not asked; a prefix of an id is no id.

use crate::field::text::code_clean;
use crate::field::{Field, FieldError, FieldType, Shape};
use crate::ids::{Digest, OrgId, RecordId};
use crate::value::Value;

/// Declares the reference to a record of one kind, `record_ref!(CertificateRef => "certificate")`.
macro_rules! record_ref {
    ($(#[$meta:meta])* $name:ident => $kind:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $crate::ids::RecordId);

        impl $name {
            /// Reads 32 hex digits.
            pub fn parse(text: &str) -> Result<Self, $crate::field::FieldError> {
                $crate::field::code::record_id_parse(text).map(Self)
            }

            /// The id of the record.
            pub fn id(self) -> $crate::ids::RecordId {
                self.0
            }
        }

        impl $crate::field::Field for $name {
            const TYPE: $crate::field::FieldType = $crate::field::FieldType {
                name: concat!("id:", $kind),
                shape: $crate::field::Shape::Id($kind),
                parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
            };

            fn to_value(&self) -> $crate::value::Value {
                $crate::value::Value::Bytes(self.0.as_bytes().to_vec())
            }

            fn from_value(value: &$crate::value::Value) -> Option<Self> {
                value.as_bytes().and_then($crate::ids::RecordId::from_slice).map(Self)
            }
        }
    };
}
pub(crate) use record_ref;

/// Declares a list of references to records of one kind, in the order given, none twice.
macro_rules! id_list {
    ($(#[$meta:meta])* $name:ident => $kind:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Vec<$crate::ids::RecordId>);

        impl $name {
            /// Reads ids of 32 hex digits, separated as in a `TextList`.
            pub fn parse(text: &str) -> Result<Self, $crate::field::FieldError> {
                $crate::field::code::record_ids_parse(text).map(Self)
            }

            /// Returns the ids without doubles, or nothing when there is none.
            pub fn new(ids: &[$crate::ids::RecordId]) -> Option<Self> {
                let mut seen = std::collections::BTreeSet::new();
                let ids: Vec<_> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
                (!ids.is_empty()).then_some(Self(ids))
            }

            /// The ids of the records, at least one.
            pub fn ids(&self) -> Vec<$crate::ids::RecordId> {
                self.0.clone()
            }
        }

        impl $crate::field::Field for $name {
            const TYPE: $crate::field::FieldType = $crate::field::FieldType {
                name: "list",
                shape: $crate::field::Shape::IdList($kind),
                parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
            };

            fn to_value(&self) -> $crate::value::Value {
                $crate::value::Value::List(self.0.iter().map(ToString::to_string).collect())
            }

            fn from_value(value: &$crate::value::Value) -> Option<Self> {
                $crate::field::text::list_from_value(value, Self::parse)
            }
        }
    };
}
pub(crate) use id_list;

super::record_ref!(
    /// An organisation that a record names.
    OrgRef => "organisation"
);
super::id_list!(
    /// Organisations that a record names, as the audience of a call.
    OrgRefs => "organisation"
);

impl OrgRef {
    /// The id as an organisation's.
    pub fn org(self) -> OrgId {
        self.0.into()
    }
}

impl From<OrgId> for OrgRef {
    fn from(org: OrgId) -> Self {
        Self(org.into())
    }
}

/// Declares a field that holds SHA-256 of something.
macro_rules! digest_field {
    ($(#[$meta:meta])* $name:ident, $type_name:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Digest);

        impl $name {
            /// Reads 64 hex digits.
            pub fn parse(text: &str) -> Result<Self, FieldError> {
                let digest = code_clean(text)?.parse();
                digest.map(Self).map_err(|_| FieldError::Form { form: "64 hex digits" })
            }

            /// The digest.
            pub fn digest(self) -> Digest {
                self.0
            }
        }

        impl Field for $name {
            const TYPE: FieldType = FieldType {
                name: $type_name,
                shape: Shape::Digest,
                parse: |text| Self::parse(text).map(|parsed| parsed.to_value()),
            };

            fn to_value(&self) -> Value {
                Value::Bytes(self.0.as_bytes().to_vec())
            }

            fn from_value(value: &Value) -> Option<Self> {
                value.as_bytes().and_then(Digest::from_slice).map(Self)
            }
        }
    };
}

digest_field!(
    /// SHA-256 of a document that the record vouches for.
    FileDigest,
    "digest"
);
digest_field!(
    /// SHA-256 of a file that travels beside the documents: a photo, evidence.
    Blob,
    "blob"
);

/// Returns the id that 32 hex digits are.
pub(crate) fn record_id_parse(text: &str) -> Result<RecordId, FieldError> {
    code_clean(text)?.parse().map_err(|_| FieldError::UnknownRecord)
}

/// Returns the ids of a list, in order, none twice, whatever the case of their digits.
pub(crate) fn record_ids_parse(text: &str) -> Result<Vec<RecordId>, FieldError> {
    let mut seen = std::collections::BTreeSet::new();
    let mut ids = Vec::new();
    for item in crate::field::text::items_split(text)? {
        let id = record_id_parse(&item)?;
        if seen.insert(id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_reference_names_its_kind() {
        assert_eq!(OrgRef::TYPE.name, "id:organisation");
        assert!(matches!(OrgRef::TYPE.shape, Shape::Id("organisation")));
        let org = OrgRef::parse(&format!(" {} ", ID.to_uppercase())).expect("an id");
        assert_eq!(org.id().to_string(), ID);
        assert_eq!(OrgRef::from(org.org()), org);
        assert_eq!(OrgRef::from_value(&org.to_value()), Some(org));
    }

    #[test]
    fn what_is_no_id_is_no_record() {
        for text in [&ID[..31], "西安", &format!("{ID}00"), &ID.replace('0', "g"), &ID[..8]] {
            assert_eq!(OrgRef::parse(text), Err(FieldError::UnknownRecord), "{text}");
        }
        assert_eq!(OrgRef::parse(" "), Err(FieldError::Missing));
        assert_eq!(OrgRef::from_value(&Value::Bytes(vec![0; 15])), None);
        assert_eq!(OrgRef::from_value(&Value::Text(ID.to_owned())), None);
    }

    #[test]
    fn lists_of_ids_drop_doubles() {
        let other = "f".repeat(32);
        let orgs = OrgRefs::parse(&format!("{other}，{ID},{}", other.to_uppercase()));
        let orgs = orgs.expect("two ids");
        let ids: Vec<String> = orgs.ids().iter().map(ToString::to_string).collect();
        assert_eq!(ids, [other.as_str(), ID]);
        assert_eq!(OrgRefs::new(&[orgs.ids(), orgs.ids()].concat()), Some(orgs));
        assert_eq!(OrgRefs::new(&[]), None);
        assert_eq!(OrgRefs::parse("abc"), Err(FieldError::UnknownRecord));
        let upper = Value::List(vec![ID.to_uppercase()]);
        assert_eq!(OrgRefs::from_value(&upper), None);
    }

    #[test]
    fn digests_have_64_digits() {
        assert_eq!((FileDigest::TYPE.name, Blob::TYPE.name), ("digest", "blob"));
        let digest = FileDigest::parse(&ID.repeat(2)).expect("a digest");
        assert_eq!(digest.digest().to_string(), ID.repeat(2));
        assert_eq!(FileDigest::parse(ID), Err(FieldError::Form { form: "64 hex digits" }));
        assert_eq!(Blob::from_value(&Value::Bytes(vec![0; 31])), None);
    }
}
