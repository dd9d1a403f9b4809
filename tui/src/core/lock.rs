//! Asking for a passphrase: an existing one that opens the keys, or a new one, typed twice.
//!
//! What is typed is never shown, kept in no draft, and wiped when it is dropped. Which way it comes
//! in, by a page or by a prompt, is not known here.

use onex_node::home::{Keeping, Passphrase};
use zeroize::Zeroizing;

use crate::core::clean::is_unprintable;
use crate::core::keys::{Code, Key};

/// A passphrase that is being asked for.
pub struct Lock {
    /// What is asked now.
    pub asks: Asks,
    /// What is wrong, or to be considered: an id of a sentence.
    pub said: Option<&'static str>,
    /// Whether it was given and is being tried.
    pub is_tried: bool,
    typed: Zeroizing<String>,
    first: Zeroizing<String>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// The passphrase that the keys are under.
    Existing,
    /// A new one.
    New,
    /// The new one again.
    Again,
}

/// What came of Enter.
pub enum Given {
    /// Something else is asked, or the same again.
    NotYet,
    /// This passphrase.
    Passphrase(Passphrase),
    /// None is wished, and what that means has been read.
    None,
}

impl Lock {
    /// Asks for the passphrase of existing keys.
    pub fn existing() -> Self {
        Self::asking(Asks::Existing)
    }

    /// Asks for a new one.
    pub fn new_one() -> Self {
        Self::asking(Asks::New)
    }

    fn asking(asks: Asks) -> Self {
        let empty = || Zeroizing::new(String::with_capacity(TYPED_BYTES_MAX));
        Self { asks, said: None, is_tried: false, typed: empty(), first: empty() }
    }

    /// The id of the sentence that asks.
    pub fn question(&self) -> &'static str {
        match self.asks {
            Asks::Existing => "lock-existing",
            Asks::New => "lock-new",
            Asks::Again => "lock-again",
        }
    }

    /// How many characters are typed.
    pub fn length(&self) -> usize {
        self.typed.chars().count()
    }

    /// Takes a key; false when it is not the text's.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(letter) = key.text() {
            self.put(letter);
            return true;
        }
        match (key.code, key.held.ctrl, key.held.alt) {
            (Code::Backspace, false, false) => drop(self.typed.pop()),
            (Code::Char('u'), true, false) => self.clear(),
            _ => return false,
        }
        true
    }

    /// Takes a text in one piece, up to its first line end.
    pub fn paste(&mut self, text: &str) {
        text.lines().next().unwrap_or_default().chars().for_each(|letter| self.put(letter));
    }

    fn put(&mut self, letter: char) {
        // It never grows beyond its room: growing would leave a copy behind.
        let fits = self.typed.len() + letter.len_utf8() <= TYPED_BYTES_MAX;
        if fits && !self.is_tried && !is_unprintable(letter) {
            self.typed.push(letter);
        }
    }

    /// Forgets what is typed.
    pub fn clear(&mut self) {
        if !self.is_tried {
            self.typed = Zeroizing::new(String::with_capacity(TYPED_BYTES_MAX));
        }
    }

    /// Takes what is typed as the answer.
    pub fn enter(&mut self) -> Given {
        let warned = self.said.take() == Some(UNPROTECTED);
        let typed = std::mem::replace(
            &mut self.typed,
            Zeroizing::new(String::with_capacity(TYPED_BYTES_MAX)),
        );
        match self.asks {
            _ if self.is_tried => {}
            Asks::Existing if typed.is_empty() => {}
            Asks::Existing => {
                self.is_tried = true;
                return Passphrase::new(typed).map_or(Given::NotYet, Given::Passphrase);
            }
            Asks::New if typed.is_empty() && warned => return Given::None,
            Asks::New if typed.is_empty() => self.said = Some(UNPROTECTED),
            Asks::New if typed.chars().count() < CHARS_MIN => self.said = Some("lock-short"),
            Asks::New => (self.first, self.asks) = (typed, Asks::Again),
            Asks::Again if typed == self.first => {
                self.is_tried = true;
                return Passphrase::new(typed).map_or(Given::NotYet, Given::Passphrase);
            }
            Asks::Again => (self.asks, self.said) = (Asks::New, Some("lock-differs")),
        }
        Given::NotYet
    }

    /// It was the wrong one, or something else failed: asks again.
    pub fn refuse(&mut self, said: Option<&'static str>) {
        (self.is_tried, self.said) = (false, said);
    }
}

/// The sentence that says how keys are kept, and what to do where that is not enough.
pub fn keeping_sentence(keeping: Keeping) -> &'static str {
    match keeping {
        Keeping::Keystore => "keys-keystore",
        Keeping::Passphrase => "keys-passphrase",
        Keeping::File => "keys-file",
    }
}

/// What it means to have no passphrase.
const UNPROTECTED: &str = "lock-unprotected";
/// Shorter ones are guessed.
pub const CHARS_MIN: usize = 8;
/// As long as a passphrase may be.
const TYPED_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Types texts, with Enter after each, and tells what came of the last.
    fn check(lock: &mut Lock, texts: &[&str], expected: &str) {
        let mut given = Given::NotYet;
        for text in texts {
            text.chars().for_each(|letter| assert!(lock.key(Key::char(letter))));
            given = lock.enter();
        }
        let given = match given {
            Given::NotYet => lock.said.unwrap_or(lock.question()),
            Given::Passphrase(_) => "passphrase",
            Given::None => "none",
        };
        assert_eq!(given, expected, "{texts:?}");
    }

    #[test]
    fn a_new_one_is_typed_twice() {
        let new = Lock::new_one;
        check(&mut new(), &["八个字的一句口令"], "lock-again");
        check(&mut new(), &["八个字的一句口令", "八个字的一句口令"], "passphrase");
        check(&mut new(), &["八个字的一句口令", "八个字的两句口令"], "lock-differs");
        check(&mut new(), &["a long one", "another one", "a long one", "a long one"], "passphrase");
        check(&mut new(), &["七个字的一句话"], "lock-short");
        check(&mut new(), &[""], "lock-unprotected");
        check(&mut new(), &["", ""], "none");
        check(&mut new(), &["", "短", ""], "lock-unprotected");
        check(&mut new(), &["八个字的一句口令", ""], "lock-differs");
    }

    #[test]
    fn an_existing_one_is_tried_until_it_is_refused() {
        let mut lock = Lock::existing();
        check(&mut lock, &[""], "lock-existing");
        check(&mut lock, &["短"], "passphrase");
        check(&mut lock, &["再来"], "lock-existing");
        lock.refuse(Some("lock-wrong"));
        assert_eq!(lock.length(), 0, "what was typed meanwhile is gone");
        check(&mut lock, &["再来"], "passphrase");
    }

    #[test]
    fn keys_that_edit_and_keys_that_do_not() {
        let mut lock = Lock::existing();
        lock.paste("口令\u{7}一\nand more");
        assert_eq!(lock.length(), 3);
        assert!(lock.key(Key::plain(Code::Backspace)) && lock.length() == 2);
        assert!(lock.key(Key::ctrl('u')) && lock.length() == 0);
        assert!(!lock.key(Key::ctrl('q')) && !lock.key(Key::plain(Code::Esc)));
        lock.paste(&"长".repeat(1_000));
        assert_eq!(lock.length(), 341, "it stops where a passphrase would be too long");
    }
}
