//! The loop of the interface: wait, drain, update, draw if something changed.
//!
//! Threads and one channel, no async runtime. It knows nothing of what is shown; what an idle
//! program writes is nothing at all.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::queue;
use ratatui::crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::{Frame, Terminal};

use crate::core::keys::Key;
use crate::run::events::LoopEvent;

/// The program as the loop sees it. None of these may wait for anything.
pub trait App {
    /// What workers send to the screen.
    type Message;

    /// A key was pressed.
    fn key(&mut self, key: Key);
    /// A text was pasted in one piece, not cleaned yet.
    fn paste(&mut self, text: &str);
    /// The new size in cells: columns, rows.
    fn resize(&mut self, columns: u16, rows: u16);
    /// A worker sent news.
    fn message(&mut self, message: Self::Message);
    /// The time `wake_at` asked for has come.
    fn wake(&mut self, now: Instant);
    /// When to call `wake`, if no event comes before.
    fn wake_at(&self) -> Option<Instant>;
    /// What has changed since the last `draw`.
    fn dirty(&self) -> Dirty;
    /// Draws everything; `dirty` is `Clean` after it.
    fn draw(&mut self, frame: &mut Frame<'_>);
    /// Whether the loop ends now.
    fn has_finished(&self) -> bool;
    /// The terminal is gone: keep what must be kept, and finish.
    fn input_lost(&mut self, reason: &str);
}

/// How urgent a new frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dirty {
    /// Nothing has changed: no frame.
    Clean,
    /// Changed without the person while a text field has the focus: twice a second is enough,
    /// or the candidate window of the input method flickers.
    Background,
    /// The person waits for it: a frame as soon as the pacer's interval allows.
    Now,
}

/// Decides when to draw and how long to wait; holds times, reads no clock.
#[derive(Clone, Debug)]
pub struct Pacer {
    interval: Duration,
    drawn_at: Option<Instant>,
}

/// What the loop does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Draws a frame now.
    Draw,
    /// Waits for an event, until this time at the latest.
    WaitUntil(Instant),
    /// Waits for an event, however long.
    Wait,
}

impl Pacer {
    /// Returns a pacer with at least `interval` between two frames.
    pub fn new(interval: Duration) -> Pacer {
        Pacer { interval, drawn_at: None }
    }

    /// Returns what to do at `now`.
    pub fn next(&self, now: Instant, dirty: Dirty, wake_at: Option<Instant>) -> Next {
        let interval = match dirty {
            Dirty::Clean => return wake_at.map_or(Next::Wait, Next::WaitUntil),
            Dirty::Background => self.interval.max(BACKGROUND_INTERVAL),
            Dirty::Now => self.interval,
        };
        let draw_at = self.drawn_at.map_or(now, |drawn| drawn + interval);
        if draw_at <= now {
            return Next::Draw;
        }
        Next::WaitUntil(wake_at.map_or(draw_at, |wake| wake.min(draw_at)))
    }

    /// Notes that a frame was drawn at `now`.
    pub fn drawn(&mut self, now: Instant) {
        self.drawn_at = Some(now);
    }
}

/// Runs `app` until it has finished, all senders are gone or the terminal cannot be written.
pub fn event_loop<A: App, W: Write>(
    app: &mut A,
    terminal: &mut Terminal<CrosstermBackend<W>>,
    events: &Receiver<LoopEvent<A::Message>>,
    mut pacer: Pacer,
) -> io::Result<()> {
    while !app.has_finished() {
        let now = Instant::now();
        let next = pacer.next(now, app.dirty(), app.wake_at());
        let first = match next {
            Next::Draw => {
                frame_draw(app, terminal)?;
                pacer.drawn(now);
                continue;
            }
            Next::WaitUntil(time) => events.recv_deadline(time),
            Next::Wait => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match first {
            Ok(event) => drain(app, event, events),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        let now = Instant::now();
        if app.wake_at().is_some_and(|time| time <= now) {
            app.wake(now);
        }
    }
    Ok(())
}

/// Handles the event and those already waiting, so that a paste or an IME commit is one frame.
fn drain<A: App>(
    app: &mut A,
    first: LoopEvent<A::Message>,
    events: &Receiver<LoopEvent<A::Message>>,
) {
    let until = Instant::now() + DRAIN_TIME_MAX;
    handle(app, first);
    while !app.has_finished() && Instant::now() < until {
        match events.try_recv() {
            Ok(event) => handle(app, event),
            Err(_) => return,
        }
    }
}

fn handle<A: App>(app: &mut A, event: LoopEvent<A::Message>) {
    match event {
        LoopEvent::Key(key) => app.key(key),
        LoopEvent::Paste(text) => app.paste(&text),
        LoopEvent::Resize(columns, rows) => app.resize(columns, rows),
        LoopEvent::Message(message) => app.message(message),
        LoopEvent::InputLost(reason) => app.input_lost(&reason),
    }
}

/// Draws one frame inside a synchronized update, which ends with the cursor in its place.
fn frame_draw<A: App, W: Write>(
    app: &mut A,
    terminal: &mut Terminal<CrosstermBackend<W>>,
) -> io::Result<()> {
    queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
    let drawn = terminal.draw(|frame| app.draw(frame)).map(drop);
    queue!(terminal.backend_mut(), EndSynchronizedUpdate)?;
    terminal.backend_mut().flush()?;
    drawn
}

const BACKGROUND_INTERVAL: Duration = Duration::from_millis(500);
const DRAIN_TIME_MAX: Duration = Duration::from_millis(4);

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use crossbeam_channel::unbounded;
    use ratatui::layout::Rect;
    use ratatui::{TerminalOptions, Viewport};

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(50);

    #[track_caller]
    fn check(since_ms: u64, dirty: Dirty, wake_ms: Option<u64>, expected_ms: Option<u64>) {
        let start = Instant::now();
        let mut pacer = Pacer::new(INTERVAL);
        pacer.drawn(start);
        let at = |ms| start + Duration::from_millis(ms);
        let next = pacer.next(at(since_ms), dirty, wake_ms.map(at));
        assert_eq!(next, expected_ms.map_or(Next::Draw, |ms| Next::WaitUntil(at(ms))));
    }

    #[test]
    fn frames_keep_their_distance() {
        check(10, Dirty::Now, None, Some(50));
        check(50, Dirty::Now, None, None);
        check(50, Dirty::Background, None, Some(500));
        check(500, Dirty::Background, None, None);
        check(10, Dirty::Now, Some(20), Some(20));
        check(10, Dirty::Clean, Some(80), Some(80));
        let fresh = Pacer::new(INTERVAL);
        assert_eq!(fresh.next(Instant::now(), Dirty::Now, None), Next::Draw);
        assert_eq!(fresh.next(Instant::now(), Dirty::Clean, None), Next::Wait);
    }

    #[derive(Clone, Default)]
    struct Wire(Rc<RefCell<Vec<u8>>>);

    impl Write for Wire {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Typewriter {
        text: String,
        dirty: Dirty,
        frames: usize,
        finished: bool,
    }

    impl App for Typewriter {
        type Message = char;

        fn key(&mut self, key: Key) {
            match key.text() {
                Some(letter) => self.message(letter),
                None => self.finished = true,
            }
        }

        fn paste(&mut self, text: &str) {
            text.chars().for_each(|letter| self.message(letter));
        }

        fn resize(&mut self, _: u16, _: u16) {}

        fn message(&mut self, letter: char) {
            self.text.push(letter);
            self.dirty = Dirty::Now;
        }

        fn wake(&mut self, _: Instant) {}

        fn wake_at(&self) -> Option<Instant> {
            None
        }

        fn dirty(&self) -> Dirty {
            self.dirty
        }

        fn draw(&mut self, frame: &mut Frame<'_>) {
            frame.render_widget(self.text.as_str(), frame.area());
            self.dirty = Dirty::Clean;
            self.frames += 1;
        }

        fn has_finished(&self) -> bool {
            self.finished
        }

        fn input_lost(&mut self, _: &str) {
            self.finished = true;
        }
    }

    /// Runs the loop over these events and returns the frames drawn and the bytes written.
    fn run(dirty: Dirty, events: Vec<LoopEvent<char>>) -> (Typewriter, String) {
        let (sender, receiver) = unbounded();
        for event in events {
            sender.send(event).expect("the receiver is here");
        }
        drop(sender);
        let wire = Wire::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, 20, 2));
        let backend = CrosstermBackend::new(wire.clone());
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport })
            .expect("a fixed viewport asks nothing");
        let mut app = Typewriter { text: String::new(), dirty, frames: 0, finished: false };
        event_loop(&mut app, &mut terminal, &receiver, Pacer::new(Duration::ZERO)).expect("runs");
        let bytes = String::from_utf8(wire.0.take()).expect("text and escape sequences");
        (app, bytes)
    }

    #[test]
    fn nothing_changed_writes_nothing() {
        let (app, bytes) = run(Dirty::Clean, vec![LoopEvent::Resize(20, 2)]);
        assert_eq!((app.frames, bytes.as_str()), (0, ""));
    }

    #[test]
    fn a_frame_is_one_synchronized_update() {
        let events = vec![LoopEvent::Message('江'), LoopEvent::Paste("城".into())];
        let (app, bytes) = run(Dirty::Clean, events);
        assert_eq!(app.text, "江城");
        assert!(bytes.starts_with("\x1b[?2026h") && bytes.ends_with("\x1b[?2026l"), "{bytes:?}");
        assert_eq!(bytes.matches("2026h").count(), app.frames);
    }

    #[test]
    fn events_keep_their_order_and_the_end_is_the_end() {
        let esc = Key::plain(crate::core::keys::Code::Esc);
        let mut events: Vec<_> = "工业机器人".chars().map(Key::char).map(LoopEvent::Key).collect();
        events.extend([LoopEvent::Key(esc), LoopEvent::Message('x')]);
        let (app, _) = run(Dirty::Now, events);
        assert_eq!(app.text, "工业机器人");
        let (app, _) = run(Dirty::Now, vec![LoopEvent::InputLost("gone".into())]);
        assert!(app.finished);
    }
}
