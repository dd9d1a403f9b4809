//! Field types: how the text that a person or a file gives becomes a value, and back.
//!
//! Validation lives here and nowhere else; a value that exists has passed it. No sentence for
//! people is written here: a `FieldError` holds data, the interface finds the words.

pub mod code;
pub mod number;
pub mod text;
pub mod time;

use crate::value::Value;

/// What a type of field is, for everything generic.
#[derive(Debug, Clone, Copy)]
pub struct FieldType {
    /// The type as `fields.csv` names it, `text`, `int`, `id:certificate`.
    pub name: &'static str,
    /// How values are stored, compared and printed.
    pub shape: Shape,
    /// Reads what a person, a file or the command line gave; never called with an empty text.
    pub parse: fn(&str) -> Result<Value, FieldError>,
}

/// How the values of a type are stored, compared and printed.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// `Value::Text`, printed as it is.
    Text,
    /// `Value::Int`, a JSON number.
    Int,
    /// `Value::Int` of tenths (1) or hundredths (2), a JSON string with as many decimals.
    Decimal(u32),
    /// `Value::Bool`.
    Bool,
    /// `Value::Text`, `YYYY-MM-DD`.
    Date,
    /// `Value::Text`, RFC 3339 with offset and seconds.
    DateTime,
    /// `Value::Text`, the id of one of these.
    Choice(&'static [Choice]),
    /// `Value::Int`, the number that stands first in the id of one of these.
    NumberedChoice(&'static [Choice]),
    /// `Value::List`, of texts.
    List,
    /// `Value::List`, of the ids of these.
    ChoiceList(&'static [Choice]),
    /// `Value::List`, of record ids of this kind, as hex.
    IdList(&'static str),
    /// `Value::Bytes`, 16 of them: the id of a record of this kind.
    Id(&'static str),
    /// `Value::Bytes`, 32 of them.
    Digest,
}

/// One value of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// What is stored and printed as JSON.
    pub id: &'static str,
    /// The official term, which input may give too.
    pub zh: &'static str,
    /// The English label.
    pub en: &'static str,
}

/// A type whose values a field of a record can hold.
pub trait Field: Sized {
    /// The type, for everything generic.
    const TYPE: FieldType;

    /// Returns the stored form.
    fn to_value(&self) -> Value;

    /// Returns the typed form of a stored value, or nothing when it is not of this type.
    fn from_value(value: &Value) -> Option<Self>;
}

/// What a record may have in the place of a field: a value, or perhaps one.
pub trait Slot: Sized {
    /// The type, for everything generic.
    const TYPE: FieldType;
    /// Whether a record without it is incomplete.
    const REQUIRED: bool;

    /// Returns the stored form, if there is a value.
    fn to_slot(&self) -> Option<Value>;

    /// Returns the typed form, or nothing when a required value is absent or of another type.
    fn from_slot(value: Option<&Value>) -> Option<Self>;
}

impl<T: Field> Slot for T {
    const TYPE: FieldType = T::TYPE;
    const REQUIRED: bool = true;

    fn to_slot(&self) -> Option<Value> {
        Some(self.to_value())
    }

    fn from_slot(value: Option<&Value>) -> Option<Self> {
        value.and_then(T::from_value)
    }
}

impl<T: Field> Slot for Option<T> {
    const TYPE: FieldType = T::TYPE;
    const REQUIRED: bool = false;

    fn to_slot(&self) -> Option<Value> {
        self.as_ref().map(Field::to_value)
    }

    fn from_slot(value: Option<&Value>) -> Option<Self> {
        match value {
            None => Some(None),
            Some(value) => T::from_value(value).map(Some),
        }
    }
}

/// Declares an enum whose values have an id and a Chinese and an English name.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $id:literal $zh:literal $en:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* #[doc = $zh] $variant,)+ }

        impl $name {
            /// Every value, in the order of the definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// Id and names of every value, in the same order.
            pub const CHOICES: &'static [$crate::field::Choice] =
                &[$($crate::field::Choice { id: $id, zh: $zh, en: $en },)+];

            /// The id that is stored and printed.
            pub fn id(self) -> &'static str {
                Self::CHOICES[self as usize].id
            }

            /// Returns the value with this id.
            pub fn from_id(id: &str) -> Option<Self> {
                Self::CHOICES.iter().position(|choice| choice.id == id).map(|at| Self::ALL[at])
            }
        }

        impl $crate::field::Field for $name {
            const TYPE: $crate::field::FieldType = $crate::field::FieldType {
                name: "enum",
                shape: $crate::field::Shape::Choice(Self::CHOICES),
                parse: |text| $crate::field::choice_parse(text, Self::CHOICES),
            };

            fn to_value(&self) -> $crate::value::Value {
                $crate::value::Value::Text(self.id().to_owned())
            }

            fn from_value(value: &$crate::value::Value) -> Option<Self> {
                value.as_text().and_then(Self::from_id)
            }
        }
    };
}
pub(crate) use choices;

/// Returns the stored form of an enum given by id, Chinese or English name.
pub(crate) fn choice_parse(text: &str, choices: &'static [Choice]) -> Result<Value, FieldError> {
    choices
        .iter()
        .find(|choice| choice.id == text || choice.zh == text || choice.en == text)
        .map(|choice| Value::Text(choice.id.to_owned()))
        .ok_or(FieldError::UnknownChoice { choices })
}

/// Why a text is no value of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Nothing was given where something must be.
    #[error("a value is required")]
    Missing,
    /// Too few or too many characters.
    #[error("between {min} and {max} characters are allowed, {found} were given")]
    Length {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// Characters given.
        found: usize,
    },
    /// A character that values of this type never have.
    #[error("a character is not allowed here")]
    Characters,
    /// Not a number, or not with so many decimals.
    #[error("a number with at most {decimals} decimals is expected")]
    Number {
        /// Decimals allowed.
        decimals: u32,
    },
    /// A number outside its bounds; both in the unit of the value (tenths, hundredths).
    #[error("the number is out of bounds")]
    Range {
        /// Smallest value, as a person writes it.
        min: String,
        /// Largest value, as a person writes it.
        max: String,
    },
    /// No such day, or another form than `YYYY-MM-DD`.
    #[error("no such date")]
    Date,
    /// A check character that does not fit the others.
    #[error("the check character does not fit")]
    CheckDigit {
        /// The character that would fit.
        expected: char,
    },
    /// Another form than the standard prescribes.
    #[error("not of the form {form}")]
    Form {
        /// The form, `1 + 10 digits`.
        form: &'static str,
    },
    /// None of the values of an enum.
    #[error("not one of the values of the enum")]
    UnknownChoice {
        /// The values there are.
        choices: &'static [Choice],
    },
    /// A code that its standard does not list.
    #[error("the code is not listed")]
    UnknownCode,
    /// No id, or not of a record that is known here.
    #[error("no such record")]
    UnknownRecord,
    /// Something that must not take part: a technical school (技工学校).
    #[error("excluded from the pilot")]
    Excluded,
}

impl FieldError {
    /// The code that import problems and interface texts go by.
    pub fn code(&self) -> &'static str {
        match self {
            FieldError::Missing => "missing",
            FieldError::Length { .. } => "length",
            FieldError::Characters => "characters",
            FieldError::Number { .. } => "number",
            FieldError::Range { .. } => "range",
            FieldError::Date => "bad_date",
            FieldError::CheckDigit { .. } => "check_digit",
            FieldError::Form { .. } => "form",
            FieldError::UnknownChoice { .. } => "unknown_value",
            FieldError::UnknownCode => "unknown_code",
            FieldError::UnknownRecord => "unknown_record",
            FieldError::Excluded => "excluded",
        }
    }
}
