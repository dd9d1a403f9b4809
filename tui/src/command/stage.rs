//! Where long work stands, on stderr when that is a terminal.

use std::io::{IsTerminal as _, Write as _};

use crate::i18n::{Arg, Lang, tr};

/// The line that tells it.
#[derive(Clone, Copy)]
pub struct Stage {
    pub lang: Lang,
}

impl Stage {
    /// Writes the line over the one before.
    pub fn show(self, id: &str, args: &[(&str, Arg)]) {
        let mut out = std::io::stderr().lock();
        if out.is_terminal() {
            let _ = write!(out, "\r\u{1b}[K{}", tr(self.lang, id, args));
            let _ = out.flush();
        }
    }

    /// Takes the line away.
    pub fn clear(self) {
        let mut out = std::io::stderr().lock();
        if out.is_terminal() {
            let _ = write!(out, "\r\u{1b}[K");
            let _ = out.flush();
        }
    }
}
