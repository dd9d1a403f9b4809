//! Keys as the action table writes them (`F10`, `Ctrl+K`, `1`) and as an input method sends them.
//!
//! It knows no terminal crate: `run::events` turns terminal events into these keys. What a key
//! does is not decided here.

use std::fmt;
use std::str::FromStr;

use crate::i18n::{Lang, tr};

/// One key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which key.
    pub code: Code,
    /// What was held with it. Shift is not recorded for characters: the character shows it.
    pub held: Held,
}

/// Which key was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A character; lower case when Ctrl or Alt is held.
    Char(char),
    /// A function key, 1 to 24.
    F(u8),
    /// Enter; Ctrl+J and Ctrl+M arrive as this too.
    Enter,
    /// Escape; Ctrl+[ arrives as this too.
    Esc,
    /// Tab; Shift+Tab is this with Shift held.
    Tab,
    /// Backspace; Ctrl+H arrives as this too.
    Backspace,
    /// Delete (forwards).
    Delete,
    /// Insert.
    Insert,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
}

/// The modifier keys held during a press.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    /// Whether Ctrl was held.
    pub ctrl: bool,
    /// Whether Alt was held.
    pub alt: bool,
    /// Whether Shift was held; never set for characters.
    pub shift: bool,
}

/// What a key means in a place that is not a text field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A key to look up in the keymap, already in its ASCII form.
    Command(Key),
    /// A hanzi: it can only be the first character of a search (tui.md, finding 1).
    Find(char),
}

impl Key {
    /// Returns the key with nothing held.
    pub fn plain(code: Code) -> Key {
        Key { code, held: Held::default() }
    }

    /// Returns the key of one character with nothing held.
    pub fn char(letter: char) -> Key {
        Key::plain(Code::Char(letter))
    }

    /// Returns the key of one character with Ctrl held.
    pub fn ctrl(letter: char) -> Key {
        let held = Held { ctrl: true, ..Held::default() };
        Key { code: Code::Char(letter.to_ascii_lowercase()), held }
    }

    /// Returns the character this press puts into a text field, as typed (not normalised).
    pub fn text(self) -> Option<char> {
        match self.code {
            Code::Char(letter) if !self.held.ctrl && !self.held.alt => Some(letter),
            _ => None,
        }
    }

    /// Returns what the press means outside text fields: full-width characters and Chinese
    /// punctuation become the ASCII key they sit on, a hanzi starts a search.
    pub fn in_list(self) -> Typed {
        match self.code {
            Code::Char(letter) if self.text().is_some() && is_hanzi(letter) => Typed::Find(letter),
            Code::Char(letter) => {
                Typed::Command(Key { code: Code::Char(ascii_of(letter)), ..self })
            }
            _ => Typed::Command(self),
        }
    }

    /// Returns the name for hint bars and help: `空格`, `↑`, `Ctrl+K`.
    pub fn label(self, lang: Lang) -> String {
        let name = match self.code {
            Code::Char(' ') => tr(lang, "key-space", &[]),
            Code::Backspace => tr(lang, "key-backspace", &[]),
            Code::Delete => "Del".into(),
            Code::Insert => "Ins".into(),
            Code::PageUp => "PgUp".into(),
            Code::PageDown => "PgDn".into(),
            Code::Up => "↑".into(),
            Code::Down => "↓".into(),
            Code::Left => "←".into(),
            Code::Right => "→".into(),
            _ => self.name(),
        };
        format!("{}{name}", self.held)
    }

    fn name(self) -> String {
        match self.code {
            Code::Char(' ') => "Space".into(),
            Code::Char(letter) if self.held.ctrl || self.held.alt => {
                letter.to_ascii_uppercase().into()
            }
            Code::Char(letter) => letter.into(),
            Code::F(number) => format!("F{number}"),
            code => NAMES
                .iter()
                .find(|(named, _)| *named == code)
                .map_or_else(String::new, |(_, name)| (*name).into()),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (is_held, name) in [(self.ctrl, "Ctrl+"), (self.alt, "Alt+"), (self.shift, "Shift+")] {
            if is_held {
                f.write_str(name)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.held, self.name())
    }
}

impl FromStr for Key {
    type Err = KeyError;

    /// Reads the form that `Display` writes; names and modifiers are case-sensitive.
    fn from_str(text: &str) -> Result<Key, KeyError> {
        let mut rest = text;
        let mut held = Held::default();
        loop {
            let (flag, after) = if let Some(after) = rest.strip_prefix("Ctrl+") {
                (&mut held.ctrl, after)
            } else if let Some(after) = rest.strip_prefix("Alt+") {
                (&mut held.alt, after)
            } else if let Some(after) = rest.strip_prefix("Shift+") {
                (&mut held.shift, after)
            } else {
                break;
            };
            if std::mem::replace(flag, true) {
                return Err(KeyError::ModifierTwice { text: text.into() });
            }
            rest = after;
        }
        let code = code_named(rest).ok_or_else(|| KeyError::UnknownName { text: text.into() })?;
        match code {
            Code::Char(_) if held.shift => Err(KeyError::ShiftOnCharacter { text: text.into() }),
            Code::Char(letter) if held.ctrl || held.alt => {
                Ok(Key { code: Code::Char(letter.to_ascii_lowercase()), held })
            }
            _ => Ok(Key { code, held }),
        }
    }
}

/// Returns whether `letter` is a Chinese character, of any plane.
pub fn is_hanzi(letter: char) -> bool {
    matches!(letter as u32,
        0x3005 | 0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFD)
}

/// Returns the ASCII character on the key that typed `letter` with a Chinese input method on.
pub fn ascii_of(letter: char) -> char {
    match letter {
        '\u{3000}' => ' ',
        '、' => '/',
        '。' => '.',
        '【' | '「' => '[',
        '】' | '」' => ']',
        '《' => '<',
        '》' => '>',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(letter as u32 - 0xFEE0).expect("the block mirrors ASCII 0x21..0x7E")
        }
        _ => letter,
    }
}

fn code_named(name: &str) -> Option<Code> {
    if name == "Space" {
        return Some(Code::Char(' '));
    }
    if let Some((code, _)) = NAMES.iter().find(|(_, known)| *known == name) {
        return Some(*code);
    }
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if !letter.is_whitespace() && !letter.is_control() => {
            Some(Code::Char(letter))
        }
        (Some('F'), Some(first)) if first != '0' && first.is_ascii_digit() => {
            let number = name[1..].parse().ok()?;
            (1..=FUNCTION_KEYS_MAX).contains(&number).then_some(Code::F(number))
        }
        _ => None,
    }
}

const FUNCTION_KEYS_MAX: u8 = 24;

const NAMES: [(Code, &str); 14] = [
    (Code::Enter, "Enter"),
    (Code::Esc, "Esc"),
    (Code::Tab, "Tab"),
    (Code::Backspace, "Backspace"),
    (Code::Delete, "Delete"),
    (Code::Insert, "Insert"),
    (Code::Up, "Up"),
    (Code::Down, "Down"),
    (Code::Left, "Left"),
    (Code::Right, "Right"),
    (Code::PageUp, "PageUp"),
    (Code::PageDown, "PageDown"),
    (Code::Home, "Home"),
    (Code::End, "End"),
];

/// Why a text is not the name of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key has this name.
    #[error("no key is called {text:?}")]
    UnknownName {
        /// The whole text that was read.
        text: String,
    },
    /// A modifier stands in the name twice.
    #[error("{text:?} names a modifier twice")]
    ModifierTwice {
        /// The whole text that was read.
        text: String,
    },
    /// Shift stands before a character, which already shows it.
    #[error("{text:?} holds shift with a character, which already shows it")]
    ShiftOnCharacter {
        /// The whole text that was read.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(text: &str) {
        let key: Key = text.parse().expect(text);
        assert_eq!(key.to_string(), text);
    }

    #[track_caller]
    fn check_list(letter: char, expected: Typed) {
        assert_eq!(Key::char(letter).in_list(), expected);
    }

    #[test]
    fn a_key_prints_as_it_is_read() {
        for text in [
            "F1",
            "F10",
            "F24",
            "Ctrl+K",
            "Ctrl++",
            "+",
            "1",
            "-",
            "=",
            "/",
            "?",
            "s",
            "S",
            "Space",
            "Enter",
            "Esc",
            "Tab",
            "Shift+Tab",
            "Alt+Down",
            "Ctrl+Alt+Delete",
            "F",
            "汉",
        ] {
            check_text(text);
        }
        assert_eq!("Ctrl+k".parse(), Ok(Key::ctrl('K')));
        for (code, name) in NAMES {
            assert_eq!(name.parse(), Ok(Key::plain(code)));
        }
    }

    #[test]
    fn a_wrong_name_is_refused() {
        for text in ["", "F0", "F01", "F25", "F999", "Ctrl+", "enter", "ab", " ", "\t"] {
            assert_eq!(text.parse::<Key>(), Err(KeyError::UnknownName { text: text.into() }));
        }
        let twice = Err(KeyError::ModifierTwice { text: "Ctrl+Ctrl+a".into() });
        assert_eq!("Ctrl+Ctrl+a".parse::<Key>(), twice);
        let shifted = Err(KeyError::ShiftOnCharacter { text: "Shift+a".into() });
        assert_eq!("Shift+a".parse::<Key>(), shifted);
    }

    #[test]
    fn an_input_method_reaches_the_same_commands() {
        for (typed, ascii) in [
            ('、', '/'),
            ('？', '?'),
            ('：', ':'),
            ('。', '.'),
            ('，', ','),
            ('【', '['),
            ('】', ']'),
            ('\u{3000}', ' '),
            ('１', '1'),
            ('ｓ', 's'),
            ('－', '-'),
            ('＝', '='),
            ('～', '~'),
            ('a', 'a'),
            ('é', 'é'),
        ] {
            check_list(typed, Typed::Command(Key::char(ascii)));
        }
        for hanzi in ['张', '〇', '𫝎', '㐂', '\u{31350}'] {
            check_list(hanzi, Typed::Find(hanzi));
        }
        let arrow = Key::plain(Code::Up);
        assert_eq!(arrow.in_list(), Typed::Command(arrow));
    }

    #[test]
    fn a_field_gets_what_was_typed() {
        assert_eq!(Key::char('。').text(), Some('。'));
        assert_eq!(Key::ctrl('k').text(), None);
        assert_eq!(Key::plain(Code::Enter).text(), None);
    }

    #[test]
    fn labels_follow_the_language() {
        let space = Key::char(' ');
        assert_eq!(space.label(Lang::Zh), "空格");
        assert_eq!(space.label(Lang::En), "Space");
        assert_eq!(Key::plain(Code::Up).label(Lang::Zh), "↑");
        assert_eq!(Key::plain(Code::PageDown).label(Lang::En), "PgDn");
        assert_eq!(Key::ctrl('k').label(Lang::Zh), "Ctrl+K");
    }
}
