//! Enters the terminal and leaves it whatever happens: at the end, on an error, on a panic.
//!
//! ratatui's own hook leaves bracketed paste on and fires for any thread (tui.md, finding 9).
//! Signals are not handled here.

use std::io::{self, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use ratatui::crossterm::cursor::{SetCursorStyle, Show};
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
};
use ratatui::crossterm::queue;
use ratatui::crossterm::terminal::{
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};

/// The terminal while the interface is on it; dropping it gives the terminal back.
#[derive(Debug)]
pub struct TerminalGuard(());

impl TerminalGuard {
    /// Turns on raw mode, the alternate screen and bracketed paste. On an error everything that
    /// was turned on is turned off again.
    pub fn enter() -> io::Result<TerminalGuard> {
        ENTERED.store(true, Ordering::SeqCst);
        let guard = TerminalGuard(());
        enable_raw_mode()?;
        write_enter(&mut io::stdout())?;
        Ok(guard)
    }

    /// Gives the terminal back now and says whether that worked.
    pub fn leave(self) -> io::Result<()> {
        leave()
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        let _ = leave();
    }
}

/// What to do about panics while the interface runs.
pub struct PanicPlan {
    /// Shown on the ordinary screen after a panic of the thread that draws.
    pub farewell: String,
    /// Told about panics of other threads; the screen stays.
    pub on_worker_panic: Box<dyn Fn(&str) + Send + Sync>,
}

/// Installs the panic hook; call it on the thread that draws, once. It replaces the hook before.
pub fn panic_hook_install(plan: PanicPlan) {
    let drawing = thread::current().id();
    panic::set_hook(Box::new(move |info| {
        // The place alone: what a panic says may quote what a person has entered.
        let what = info.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(panic = %what, "a thread panicked");
        match panic_place(drawing, thread::current().id()) {
            PanicPlace::Drawing => {
                let _ = leave();
                eprintln!("{}", plan.farewell);
            }
            PanicPlace::Worker => (plan.on_worker_panic)(&what),
        }
    }));
}

/// Installs the panic hook of a command: a sentence and the place, and nothing of what the panic
/// says, which may quote what a person has entered.
pub fn panic_hook_plain(farewell: String) {
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or_else(String::new, ToString::to_string);
        eprintln!("{farewell} ({place})");
    }));
}

#[derive(Debug, PartialEq, Eq)]
enum PanicPlace {
    Drawing,
    Worker,
}

fn panic_place(drawing: ThreadId, panicked: ThreadId) -> PanicPlace {
    if drawing == panicked { PanicPlace::Drawing } else { PanicPlace::Worker }
}

/// Leaves once: the hook, `Drop` and `leave` may all come here.
fn leave() -> io::Result<()> {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let written = write_leave(&mut io::stdout());
    disable_raw_mode()?;
    written
}

fn write_enter(out: &mut impl Write) -> io::Result<()> {
    queue!(out, EnterAlternateScreen, EnableBracketedPaste)?;
    out.flush()
}

fn write_leave(out: &mut impl Write) -> io::Result<()> {
    queue!(
        out,
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        DisableMouseCapture,
        DisableFocusChange,
        SetCursorStyle::DefaultUserShape,
        LeaveAlternateScreen,
        Show
    )?;
    out.flush()
}

static ENTERED: AtomicBool = AtomicBool::new(false);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_may_be_on_is_turned_off() {
        let mut out = Vec::new();
        write_leave(&mut out).expect("a vector takes it");
        let out = String::from_utf8(out).expect("escape sequences are ASCII");
        for mode in ["?2004l", "?1049l", "?25h", "?1000l", "?1006l", "?1004l", "?2026l"] {
            assert!(out.contains(&format!("\x1b[{mode}")), "{mode} in {out:?}");
        }
    }

    #[test]
    fn leaving_without_having_entered_writes_nothing() {
        assert!(leave().is_ok());
    }

    #[test]
    fn only_the_drawing_thread_takes_the_screen_down() {
        let here = thread::current().id();
        let other = thread::spawn(|| thread::current().id()).join().expect("it only returns");
        assert_eq!(panic_place(here, here), PanicPlace::Drawing);
        assert_eq!(panic_place(here, other), PanicPlace::Worker);
    }
}
