//! What a record can be found by: hanzi, full pinyin, initials, the last four digits (R120).
//!
//! Matching is the store's matter; a search is plain text inside this text.

use pinyin::ToPinyin;

use crate::field::Shape;
use crate::record::{Fields, RecordKind};
use crate::value::Value;

/// Values longer than this are not spelt in pinyin: nobody looks for a duty by its initials.
const SPELT_CHARACTERS_MAX: usize = 60;

/// Returns the text that searches for a record look in, lower case.
pub fn text(kind: &RecordKind, fields: &Fields) -> String {
    let mut parts: Vec<String> = Vec::new();
    for field in kind.fields.iter().filter(|field| matches!(field.ty.shape, Shape::Text)) {
        let Some(Value::Text(text)) = fields.get(field.key) else { continue };
        parts.push(text.to_lowercase());
        if text.chars().count() <= SPELT_CHARACTERS_MAX {
            parts.extend(spellings(text));
        }
    }
    parts.join("\n")
}

/// The syllables of a text with hanzi; other characters stay as they are, together.
pub fn syllables(text: &str) -> Option<Vec<String>> {
    if text.to_pinyin().all(|spelling| spelling.is_none()) {
        return None;
    }
    let mut syllables: Vec<String> = Vec::new();
    let mut joins = false;
    for (character, spelling) in text.chars().zip(text.to_pinyin()) {
        match (spelling, syllables.last_mut()) {
            (Some(spelling), _) => syllables.push(spelling.plain().to_owned()),
            (None, Some(last)) if joins => last.push(character),
            (None, _) => syllables.push(character.to_string()),
        }
        joins = spelling.is_none();
    }
    Some(syllables)
}

/// Full pinyin and initials of a text with hanzi, without spaces; other characters stay.
pub fn spellings(text: &str) -> Vec<String> {
    if text.to_pinyin().all(|spelling| spelling.is_none()) {
        return Vec::new();
    }
    let spelt = text.chars().zip(text.to_pinyin());
    let (full, initials): (String, String) = spelt
        .map(|(character, spelling)| match spelling {
            Some(spelling) => (spelling.plain().to_owned(), spelling.first_letter().to_owned()),
            None => (character.to_lowercase().to_string(), character.to_lowercase().to_string()),
        })
        .unzip();
    vec![full, initials]
}

#[cfg(test)]
mod tests {
    use super::{spellings, syllables};

    #[test]
    fn hanzi_are_spelt_in_full_and_by_initials() {
        assert_eq!(spellings("智能财税"), ["zhinengcaishui", "zncs"]);
        assert_eq!(spellings("Web前端"), ["webqianduan", "webqd"]);
        assert_eq!(spellings("BIM"), Vec::<String>::new());
        assert_eq!(syllables("欧阳静"), Some(vec!["ou".into(), "yang".into(), "jing".into()]));
        assert_eq!(syllables("Anna"), None);
    }
}
