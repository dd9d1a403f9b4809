//! Record types: one definition each, from which forms, tables, columns, import and `--json` derive.
//!
//! This file holds what every definition has in common; the definitions stand in `records`.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::FieldType;
use crate::ids::RecordId;
use crate::value::Value;
use crate::view::{Touch, View};

/// The values of one record by key; a key without a value is absent.
pub type Fields = BTreeMap<String, Value>;

/// A record type (记录类型): its key, its names, its fields and how its rows come about.
pub struct RecordKind {
    /// The key that commands and documents use, `cert_level`.
    pub key: &'static str,
    /// The official Chinese term.
    pub zh: &'static str,
    /// The English name.
    pub en: &'static str,
    /// Every field, in the order in which lists and `--json` show them.
    pub fields: &'static [FieldDef],
    /// Keys that rows are ordered by; rows without such keys stand oldest first. A key with `-` in
    /// front descends.
    pub order: &'static [&'static str],
    /// Computes the row of an id, or nothing when there is none to show here.
    pub derive: fn(&dyn View, RecordId) -> Option<Row>,
    /// Names the rows of this kind that touched records and acts may have altered.
    pub affected: fn(&dyn View, &[Touch]) -> BTreeSet<RecordId>,
}

/// One field of a record type.
#[derive(Debug, Clone, Copy)]
pub struct FieldDef {
    /// The key in documents, columns and `--json`.
    pub key: &'static str,
    /// The official Chinese term, which is also the column header of imports and exports.
    pub zh: &'static str,
    /// The English label.
    pub en: &'static str,
    /// How its text is read and its value stored.
    pub ty: FieldType,
    /// Whether a record without it is incomplete.
    pub required: bool,
    /// Whether a conflict in it blocks sign-off, submission, certificate and export (C2).
    pub critical: bool,
    /// Personal data: masked wherever it is shown, never logged.
    pub secret: bool,
    /// Computed from other records and acts, never written.
    pub derived: bool,
    /// Whether records are looked up by it, so that the projection has an index over it.
    pub indexed: bool,
    /// Other headers that imported tables give it.
    pub aliases: &'static [&'static str],
}

impl RecordKind {
    /// Returns the field with this key.
    pub fn field(&self, key: &str) -> Option<&'static FieldDef> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The fields that are written, in order.
    pub fn stored(&self) -> impl Iterator<Item = &'static FieldDef> {
        self.fields.iter().filter(|field| !field.derived)
    }

    /// Returns what of some values is a field of this kind and stored like one: what an act says
    /// comes from others and is not believed to be more than that.
    pub fn fitting(&self, fields: &Fields) -> Fields {
        let fits = |key: &str, value: &Value| {
            self.field(key).is_some_and(|field| field.ty.shape.fits(value))
        };
        let fitting = fields.iter().filter(|(key, value)| fits(key, value));
        fitting.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Whether rows of this kind have a state.
    pub fn has_state(&self) -> bool {
        self.field("state").is_some()
    }
}

impl PartialEq for RecordKind {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for RecordKind {}

impl std::fmt::Debug for RecordKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordKind({})", self.key)
    }
}

/// A typed record: exists only for a row whose required fields are there and settled.
pub trait Record: Sized {
    /// The definition.
    const KIND: &'static RecordKind;

    /// Returns the typed record, or nothing when a required field is absent or of another type.
    fn from_fields(fields: &Fields) -> Option<Self>;

    /// Returns the stored form.
    fn to_fields(&self) -> Fields;
}

/// What a screen, a list or a rule sees of one record.
#[derive(Debug, Clone, PartialEq, Eq, Default, minicbor::Encode, minicbor::Decode)]
pub struct Row {
    /// The record.
    #[n(0)]
    pub id: RecordId,
    /// Stored and derived values; `state` is one of them.
    #[n(1)]
    pub fields: Fields,
    /// Keys with more than one distinct concurrent value, in the order of the definition.
    #[n(2)]
    pub conflict: Vec<String>,
    /// Made on permissions or a catalogue that were outdated (依据旧信息).
    #[n(3)]
    pub stale: bool,
    /// The place in the order of making: the Lamport counter of its first operation.
    #[n(4)]
    pub born: u64,
}

impl Row {
    /// Returns the typed record of a settled row: complete, and without a conflict in any field.
    pub fn settled<R: Record>(&self) -> Option<R> {
        if self.conflict.is_empty() { R::from_fields(&self.fields) } else { None }
    }

    /// The derived state, where the kind has one.
    pub fn state(&self) -> Option<&str> {
        self.text("state")
    }

    /// Returns the text under a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_text)
    }

    /// Returns the number under a key.
    pub fn int(&self, key: &str) -> Option<i64> {
        self.fields.get(key).and_then(Value::as_int)
    }

    /// Returns the id under a key.
    pub fn id_of(&self, key: &str) -> Option<RecordId> {
        self.fields.get(key).and_then(Value::as_bytes).and_then(RecordId::from_slice)
    }

    /// Whether the flag under a key is set.
    pub fn is(&self, key: &str) -> bool {
        self.fields.get(key) == Some(&Value::Bool(true))
    }

    /// Puts a derived value under a key; no value takes the key away.
    pub fn set(&mut self, key: &str, value: Option<Value>) {
        match value {
            Some(value) => self.fields.insert(key.to_owned(), value),
            None => self.fields.remove(key),
        };
    }

    /// Puts a derived text under a key.
    pub fn set_text(&mut self, key: &str, text: impl Into<String>) {
        self.set(key, Some(Value::Text(text.into())));
    }

    /// Puts the id of a record under a key.
    pub fn set_id(&mut self, key: &str, id: impl Into<RecordId>) {
        self.set(key, Some(Value::Bytes(id.into().0.to_vec())));
    }
}

/// Declares a record type: a struct of its stored fields and a `RecordKind` of all of them.
///
/// `Option` makes a field one that may be absent; `derive` marks what is computed and not written.
/// Rows are named by a rule for one touch, or by one for `all` together, where looking at each by
/// itself would look at the same again and again.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident = $key:literal / $zh:literal / $en:literal
        order [$($order:literal),*] rows $derive:path, all $affected:path;
        $($body:tt)*
    ) => {
        $crate::record::record!(@field
            ($(#[$meta])* $name $key $zh $en [$($order),*] $derive, $affected)
            [] [] $($body)*);
    };
    (
        $(#[$meta:meta])*
        $name:ident = $key:literal / $zh:literal / $en:literal
        order [$($order:literal),*] rows $derive:path, $affected:path;
        $($body:tt)*
    ) => {
        $crate::record::record!(@field
            ($(#[$meta])* $name $key $zh $en [$($order),*] $derive,
                |view, touches| touches.iter().flat_map(|touch| $affected(view, touch)).collect())
            [] [] $($body)*);
    };
    (@field $head:tt [$($stored:tt)*] [$($defs:tt)*]
        derive $field:ident : $ty:ty = $zh:literal / $en:literal
        $([$($mark:ident),*])? $(aka $($alias:literal)|+)? ; $($rest:tt)*) => {
        $crate::record::record!(@field $head [$($stored)*]
            [$($defs)* (true $field ($ty) $zh $en [$($($mark)*)?] [$($($alias),*)?])] $($rest)*);
    };
    (@field $head:tt [$($stored:tt)*] [$($defs:tt)*]
        $field:ident : $ty:ty = $zh:literal / $en:literal
        $([$($mark:ident),*])? $(aka $($alias:literal)|+)? ; $($rest:tt)*) => {
        $crate::record::record!(@field $head [$($stored)* ($field ($ty) $zh)]
            [$($defs)* (false $field ($ty) $zh $en [$($($mark)*)?] [$($($alias),*)?])] $($rest)*);
    };
    (@field ($(#[$meta:meta])* $name:ident $key:literal $zh:literal $en:literal [$($order:literal),*]
            $derive:path, $affected:expr)
        [$(($sfield:ident ($sty:ty) $szh:literal))*]
        [$(($derived:literal $field:ident ($ty:ty) $fzh:literal $fen:literal
            [$($mark:ident)*] [$($alias:literal),*]))*]) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name { $(#[doc = $szh] pub $sfield: $sty,)* }

        impl $crate::record::Record for $name {
            const KIND: &'static $crate::record::RecordKind = &$crate::record::RecordKind {
                key: $key,
                zh: $zh,
                en: $en,
                fields: &[$($crate::record::FieldDef {
                    key: stringify!($field),
                    zh: $fzh,
                    en: $fen,
                    ty: <$ty as $crate::field::Slot>::TYPE,
                    required: <$ty as $crate::field::Slot>::REQUIRED,
                    critical: $crate::record::marked(stringify!(critical), &[$(stringify!($mark)),*]),
                    secret: $crate::record::marked(stringify!(secret), &[$(stringify!($mark)),*]),
                    indexed: $crate::record::marked(stringify!(indexed), &[$(stringify!($mark)),*]),
                    derived: $derived,
                    aliases: &[$($alias),*],
                },)*],
                order: &[$($order),*],
                derive: $derive,
                affected: $affected,
            };

            fn from_fields(fields: &$crate::record::Fields) -> Option<Self> {
                let _all_may_be_derived = fields;
                Some(Self { $($sfield:
                    $crate::field::Slot::from_slot(fields.get(stringify!($sfield)))?,)* })
            }

            fn to_fields(&self) -> $crate::record::Fields {
                let slots: Vec<(&str, Option<$crate::value::Value>)> =
                    vec![$((stringify!($sfield), $crate::field::Slot::to_slot(&self.$sfield)),)*];
                let values = slots.into_iter();
                values.filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
            }
        }
    };
}
pub(crate) use record;

/// Whether a mark stands among those of a field; for the macro above.
pub const fn marked(mark: &str, marks: &[&str]) -> bool {
    let mut at = 0;
    while at < marks.len() {
        if same(mark.as_bytes(), marks[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}
