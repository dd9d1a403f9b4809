//! Asks for a passphrase on a terminal without a page: a line on stderr, and nothing is echoed.
//!
//! What is asked, and when it is enough, is `core::lock`'s matter.

use std::io::{self, IsTerminal as _, Write as _};

use onex_node::home::Passphrase;
use ratatui::crossterm::event;
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use crate::core::keys::{Code, Key};
use crate::core::lock::{Asks, Given, Lock};
use crate::i18n::{Lang, tr};
use crate::run::events::{LoopEvent, event_of};

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks until there is an answer; nothing when none is wished.
///
/// # Errors
/// `ErrorKind::Interrupted` when the person gave up, or when the terminal is gone.
pub fn ask(lang: Lang, lock: &mut Lock) -> io::Result<Option<Passphrase>> {
    if lock.asks == Asks::New {
        eprintln!("{}", tr(lang, "lock-how-new", &[]));
    }
    loop {
        let said = lock.said.map(|id| tr(lang, id, &[]) + "\r\n").unwrap_or_default();
        let question = format!("{said}{} ", tr(lang, lock.question(), &[]));
        line(&question, lock)?;
        match lock.enter() {
            Given::NotYet => {}
            Given::Passphrase(passphrase) => return Ok(Some(passphrase)),
            Given::None => return Ok(None),
        }
    }
}

/// Lets a line be typed behind a question.
fn line(question: &str, lock: &mut Lock) -> io::Result<()> {
    let _raw = Raw::enter()?;
    let mut out = io::stderr().lock();
    write!(out, "{question}").and_then(|()| out.flush())?;
    let typed = loop {
        match event_of::<()>(event::read()?) {
            Some(LoopEvent::Key(key)) if key == Key::plain(Code::Enter) => break Ok(()),
            Some(LoopEvent::Key(key)) if is_end(key) => {
                break Err(io::ErrorKind::Interrupted.into());
            }
            Some(LoopEvent::Key(key)) => drop(lock.key(key)),
            Some(LoopEvent::Paste(text)) => lock.paste(&text),
            _ => {}
        }
    };
    write!(out, "\r\n").and_then(|()| out.flush())?;
    typed
}

fn is_end(key: Key) -> bool {
    [Key::ctrl('c'), Key::ctrl('d'), Key::plain(Code::Esc)].contains(&key)
}

/// The terminal without echo and lines; dropping it gives both back.
struct Raw;

impl Raw {
    fn enter() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}
