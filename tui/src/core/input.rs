//! One line of text being edited: `tui-input` keeps the text and the cursor, this adds the keys,
//! the length limit and the entry of rare characters by code point.
//!
//! How much of it fits on the screen is `view::input`'s question. Enter, Esc and Tab are left to
//! the form: Enter never submits, because a pasted line end is an Enter on Windows.

use tui_input::{Input, InputRequest};

use crate::core::clean::{clean, is_unprintable};
use crate::core::keys::{Code, Key, ascii_of};

/// A single-line text field.
#[derive(Clone, Debug)]
pub struct TextInput {
    input: Input,
    chars_max: usize,
}

/// What a key did to the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The text changed (and so, perhaps, the cursor).
    Text,
    /// Only the cursor moved.
    Cursor,
    /// The field knows the key, and there was nothing to do.
    Nothing,
    /// The key is not one of the field's: the form or the screen may use it.
    NotMine,
}

impl TextInput {
    /// Returns a field holding `value` with the cursor at its end; `chars_max` is in Unicode
    /// scalar values and also cuts `value`.
    pub fn new(value: &str, chars_max: usize) -> TextInput {
        let value = clean(value).chars().take(chars_max).collect();
        TextInput { input: Input::new(value), chars_max }
    }

    /// Returns the text.
    pub fn value(&self) -> &str {
        self.input.value()
    }

    /// Returns the text before and after the cursor.
    pub fn halves(&self) -> (&str, &str) {
        let value = self.input.value();
        let byte = value.char_indices().nth(self.input.cursor()).map_or(value.len(), |(at, _)| at);
        value.split_at(byte)
    }

    /// Applies one key: characters, arrows, Home, End, Backspace, Delete, and the usual Ctrl
    /// chords that no screen uses (W word back, U to the start).
    ///
    /// F4 and Alt+Down replace a `U+2B74E` before the cursor by that character.
    pub fn key(&mut self, key: Key) -> Edited {
        if let Some(letter) = key.text() {
            return self.insert(letter);
        }
        let request = match (key.code, key.held.ctrl, key.held.alt) {
            (Code::F(4), false, false) | (Code::Down, false, true) => {
                return self.code_point_enter().map_or(Edited::NotMine, |_| Edited::Text);
            }
            (Code::Left, false, false) => InputRequest::GoToPrevChar,
            (Code::Right, false, false) => InputRequest::GoToNextChar,
            (Code::Left, true, false) => InputRequest::GoToPrevWord,
            (Code::Right, true, false) => InputRequest::GoToNextWord,
            (Code::Home, false, false) => InputRequest::GoToStart,
            (Code::End, false, false) => InputRequest::GoToEnd,
            (Code::Backspace, false, false) => InputRequest::DeletePrevChar,
            (Code::Delete, false, false) => InputRequest::DeleteNextChar,
            (Code::Char('w'), true, false) | (Code::Backspace, true, false) => {
                InputRequest::DeletePrevWord
            }
            (Code::Char('u'), true, false) => InputRequest::DeleteFromStart,
            _ => return Edited::NotMine,
        };
        match self.input.handle(request) {
            Some(changed) if changed.value => Edited::Text,
            Some(changed) if changed.cursor => Edited::Cursor,
            _ => Edited::Nothing,
        }
    }

    /// Inserts pasted text as one line; what is over the limit is left out.
    pub fn paste(&mut self, text: &str) -> Edited {
        let mut edited = Edited::Nothing;
        for letter in clean(text).trim().chars() {
            if self.insert(letter) == Edited::Text {
                edited = Edited::Text;
            }
        }
        edited
    }

    /// Replaces a code point written before the cursor (`U+2B74E`, 4 to 6 hexadecimal digits,
    /// full-width allowed) by its character, and returns it.
    ///
    /// This is for hanzi that the input method lacks or that Windows loses (tui.md, finding 4).
    pub fn code_point_enter(&mut self) -> Option<char> {
        let before: Vec<char> = self.halves().0.chars().map(ascii_of).collect();
        let digits = before.iter().rev().take_while(|letter| letter.is_ascii_hexdigit()).count();
        let start = before.len().checked_sub(digits + 2)?;
        let marked = before[start].eq_ignore_ascii_case(&'u') && before[start + 1] == '+';
        if !marked || !(4..=6).contains(&digits) {
            return None;
        }
        let code: String = before[start + 2..].iter().collect();
        let letter = char::from_u32(u32::from_str_radix(&code, 16).ok()?)?;
        if is_unprintable(letter) || letter.is_whitespace() {
            return None;
        }
        for _ in start..before.len() {
            self.input.handle(InputRequest::DeletePrevChar);
        }
        self.input.handle(InputRequest::InsertChar(letter));
        Some(letter)
    }

    fn insert(&mut self, letter: char) -> Edited {
        if letter.is_control() || self.value().chars().count() >= self.chars_max {
            return Edited::Nothing;
        }
        self.input.handle(InputRequest::InsertChar(letter));
        Edited::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(value: &str) -> TextInput {
        TextInput::new(value, 20)
    }

    #[track_caller]
    fn check(value: &str, keys: &[&str], expected: &str) {
        let mut input = field(value);
        for key in keys {
            input.key(key.parse().expect(key));
        }
        let (before, after) = input.halves();
        assert_eq!(format!("{before}|{after}"), expected);
    }

    #[test]
    fn keys_edit_by_whole_characters() {
        check("张𫝎", &["伟"], "张𫝎伟|");
        check("张𫝎伟", &["Left", "Left"], "张|𫝎伟");
        check("👩\u{200d}🏫老", &["Left", "Backspace"], "|老");
        check("张𫝎伟", &["Home", "Delete", "End", "Space"], "𫝎伟 |");
        check("abc def", &["Ctrl+W"], "abc |");
        check("abc def", &["Left", "Ctrl+U"], "|f");
        check("", &["Backspace", "Left"], "|");
    }

    #[test]
    fn keys_of_the_form_are_left_alone() {
        for key in ["Enter", "Tab", "Esc", "Up", "F2", "F4", "Ctrl+S"] {
            assert_eq!(field("张").key(key.parse().expect(key)), Edited::NotMine, "{key}");
        }
        assert_eq!(field("张").key(Key::plain(Code::Right)), Edited::Nothing);
        assert_eq!(field("张").key(Key::plain(Code::Left)), Edited::Cursor);
    }

    #[test]
    fn a_code_point_becomes_its_character() {
        check("张U+2B74E", &["F4"], "张\u{2b74e}|");
        check("张u+5f20", &["Alt+Down"], "张张|");
        check("Ｕ＋５Ｆ２０", &["F4"], "张|");
        check("U+5F20三", &["Left", "F4"], "张|三");
        for refused in ["U+5F2", "U+0007", "U+202E", "U+D800", "U+110000", "5F20", "U+0000020", ""]
        {
            check(refused, &["F4"], &format!("{refused}|"));
        }
    }

    #[test]
    fn pasted_text_is_one_clean_line_within_the_limit() {
        let mut input = TextInput::new("", 4);
        assert_eq!(input.paste(" 张\n三\u{202e}\u{1b}李四 "), Edited::Text);
        assert_eq!(input.value(), "张 三李");
        assert_eq!(input.paste("x"), Edited::Nothing);
        assert_eq!(TextInput::new("abcdef", 3).value(), "abc");
    }
}
