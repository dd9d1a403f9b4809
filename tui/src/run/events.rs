//! Terminal events as the program's own, and the thread that waits for them.

use std::thread;

use crossbeam_channel::Sender;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::core::keys::{Code, Held, Key};

/// What reaches the event loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopEvent<M> {
    /// A key was pressed or repeats; releases are dropped.
    Key(Key),
    /// A bracketed paste; on Windows pastes arrive as keys.
    Paste(String),
    /// The new size in cells: columns, rows.
    Resize(u16, u16),
    /// News from a worker.
    Message(M),
    /// The terminal is gone; the reason is for the log.
    InputLost(String),
}

/// Starts the thread that blocks on the terminal and sends what it reads.
///
/// It ends when the terminal or the receiver is gone; nothing waits for it.
pub fn input_thread_start<M: Send + 'static>(sender: Sender<LoopEvent<M>>) -> std::io::Result<()> {
    let read_all = move || {
        loop {
            let sent = match event::read() {
                Ok(event) => event_of(event).map_or(Ok(()), |event| sender.send(event)),
                Err(error) => {
                    let _ = sender.send(LoopEvent::InputLost(error.to_string()));
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("input".into()).spawn(read_all).map(drop)
}

/// Returns the program's form of a terminal event; releases, focus and mouse have none.
pub fn event_of<M>(event: Event) -> Option<LoopEvent<M>> {
    match event {
        Event::Key(key) => key_of(&key).map(LoopEvent::Key),
        Event::Paste(text) => Some(LoopEvent::Paste(text)),
        Event::Resize(columns, rows) => Some(LoopEvent::Resize(columns, rows)),
        Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

/// Returns the key of a press or repeat. Windows also reports releases: they are dropped.
///
/// Ctrl+J, M, I, H and [ become the keys that terminals send them as.
pub fn key_of(event: &KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut held = Held {
        ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
        alt: event.modifiers.contains(KeyModifiers::ALT),
        shift: event.modifiers.contains(KeyModifiers::SHIFT),
    };
    let code = match event.code {
        KeyCode::BackTab => {
            held.shift = true;
            Code::Tab
        }
        KeyCode::Char(letter) => {
            held.shift = false;
            let code = char_code(letter, held);
            held.ctrl &= matches!(code, Code::Char(_));
            code
        }
        other => named_code(other)?,
    };
    Some(Key { code, held })
}

fn char_code(letter: char, held: Held) -> Code {
    if !held.ctrl && !held.alt {
        return Code::Char(letter);
    }
    let letter = letter.to_ascii_lowercase();
    match letter {
        'j' | 'm' if held.ctrl => Code::Enter,
        'i' if held.ctrl => Code::Tab,
        'h' if held.ctrl => Code::Backspace,
        '[' if held.ctrl => Code::Esc,
        _ => Code::Char(letter),
    }
}

fn named_code(code: KeyCode) -> Option<Code> {
    Some(match code {
        KeyCode::F(number) => Code::F(number),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: KeyCode, modifiers: KeyModifiers, expected: &str) {
        let key = key_of(&KeyEvent::new(code, modifiers)).map(|key| key.to_string());
        assert_eq!(key.as_deref(), Some(expected));
    }

    #[test]
    fn terminal_keys_become_ours() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        const CTRL: KeyModifiers = KeyModifiers::CONTROL;
        check(KeyCode::Char('张'), NONE, "张");
        check(KeyCode::Char('S'), KeyModifiers::SHIFT, "S");
        check(KeyCode::Char('?'), KeyModifiers::SHIFT, "?");
        check(KeyCode::Char('K'), CTRL, "Ctrl+K");
        check(KeyCode::Char('k'), CTRL | KeyModifiers::SHIFT, "Ctrl+K");
        check(KeyCode::Char('j'), CTRL, "Enter");
        check(KeyCode::Char('i'), CTRL, "Tab");
        check(KeyCode::Char('h'), CTRL, "Backspace");
        check(KeyCode::Char('['), CTRL, "Esc");
        check(KeyCode::BackTab, NONE, "Shift+Tab");
        check(KeyCode::Down, KeyModifiers::ALT, "Alt+Down");
        check(KeyCode::F(10), NONE, "F10");
    }

    #[test]
    fn releases_are_dropped_and_repeats_kept() {
        let mut event = KeyEvent::new(KeyCode::Down, KeyModifiers::NONE);
        event.kind = KeyEventKind::Repeat;
        assert!(key_of(&event).is_some());
        event.kind = KeyEventKind::Release;
        assert_eq!(key_of(&event), None);
        assert_eq!(event_of::<()>(Event::FocusLost), None);
    }
}
