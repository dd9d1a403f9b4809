//! A terminal for the binary: a pseudo terminal of 80x24, with a parser in the place of a screen.
//!
//! It types no letters, which an input method would keep for itself, and it never sleeps: every
//! wait ends with the frame that was waited for, or fails after `PATIENCE`.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Parser;

/// The interface on a terminal of its own.
pub struct Terminal {
    parser: Parser<Asked>,
    output: Receiver<Vec<u8>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    written: Vec<u8>,
    strokes: usize,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Opens the interface of a node, for a person whose own folder is the one around it.
    pub fn open(home: &Path) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, ..PtySize::default() };
        let pair = native_pty_system().openpty(size).expect("a pseudo terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_onex"));
        for (name, value) in [("ONEX_LANG", "zh"), ("TERM", "xterm-256color")] {
            command.env(name, value);
        }
        command.env("ONEX_HOME", home);
        command.env("HOME", home.parent().expect("a folder around it"));
        command.env("ONEX_KEYSTORE", "off");
        command.env_remove("ONEX_PASSPHRASE_FILE");
        command.env_remove("NO_COLOR");
        command.env_remove("SSH_CONNECTION");
        let child = pair.slave.spawn_command(command).expect("the binary runs");
        let input = pair.master.take_writer().expect("the first writer");
        let reader = pair.master.try_clone_reader().expect("a reader");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut reader = reader;
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let [rows, columns] = [ROWS, COLUMNS].map(|cells| cells.try_into().expect("not zero"));
        let parser = Parser::new_with_callbacks(rows, columns, 0, Asked::default());
        let (written, strokes) = (Vec::new(), 0);
        Self { parser, output, input, child, written, strokes, _master: pair.master }
    }

    /// Presses keys, named as in the hint bar and separated by spaces.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for name in keys.split(' ') {
            let known = KEYS.iter().find(|(key, _)| *key == name);
            let (_, bytes) = known.unwrap_or_else(|| panic!("no key is called {name}"));
            self.send(bytes.as_bytes());
            self.strokes += 1;
        }
        self
    }

    /// Types a text as an input method does: whole characters, no letters.
    pub fn write(&mut self, text: &str) -> &mut Self {
        assert!(!text.contains(|letter: char| letter.is_ascii_alphabetic()), "{text} has letters");
        self.send(text.as_bytes());
        self.strokes += text.chars().count();
        self
    }

    /// How many keys were pressed; each character of a text is one.
    pub fn strokes(&self) -> usize {
        self.strokes
    }

    fn send(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).and_then(|()| self.input.flush()).expect("it reads its keys");
    }

    /// Waits until a whole frame shows a text.
    #[track_caller]
    pub fn see(&mut self, text: &str) -> &mut Self {
        self.wait(text, |shown| shown.contains(text))
    }

    /// Waits until a row of a whole frame shows all these texts.
    #[track_caller]
    pub fn see_row(&mut self, texts: &[&str]) -> &mut Self {
        let has_all = |row: &str| texts.iter().all(|text| row.contains(text));
        self.wait(&texts.join(" … "), |shown| shown.lines().any(has_all))
    }

    /// Waits until a whole frame is as wanted.
    #[track_caller]
    pub fn wait(&mut self, wanted: &str, is_so: impl Fn(&str) -> bool) -> &mut Self {
        let until = Instant::now() + PATIENCE;
        while self.parser.callbacks().is_drawing || !is_so(&self.shown()) {
            if !self.read(until) {
                panic!("{wanted} is not shown:\n{}", self.shown());
            }
        }
        self
    }

    /// What the screen shows.
    pub fn shown(&self) -> String {
        self.parser.screen().contents()
    }

    /// The row with the mark, as it is shown.
    pub fn marked(&self) -> String {
        marked(&self.shown()).unwrap_or_default().to_owned()
    }

    /// Goes down in a form to a field, in a list to a row.
    #[track_caller]
    pub fn down_to(&mut self, text: &str) -> &mut Self {
        while !self.marked().contains(text) {
            let before = self.marked();
            let moved = format!("{text}, below {before},");
            self.press("Down").wait(&moved, |shown| marked(shown).is_some_and(|row| row != before));
        }
        self
    }

    /// Types a text into the marked field, and checks that the cursor stands behind it.
    #[track_caller]
    pub fn fill(&mut self, text: &str) -> &mut Self {
        let typed = format!("{text}_");
        self.write(text)
            .wait(&typed, |shown| marked(shown).is_some_and(|row| row.contains(&typed)));
        self.check_cursor(text)
    }

    /// Checks that the terminal's own cursor is visible, in the field, right behind a text.
    #[track_caller]
    pub fn check_cursor(&mut self, text: &str) -> &mut Self {
        let screen = self.parser.screen();
        assert!(!screen.hide_cursor(), "the input method needs the cursor:\n{}", self.shown());
        let (row, column) = screen.cursor_position();
        let before: String =
            (0..column).filter_map(|column| Some(screen.cell(row, column)?.contents())).collect();
        assert!(before.contains('▏'), "the cursor is at {row}, {column}:\n{}", self.shown());
        assert!(before.ends_with(text), "the cursor stands behind {before:?}:\n{}", self.shown());
        self
    }

    /// Kills the program, as a crash or a power cut would.
    pub fn kill(mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("it runs");
    }

    /// Leaves the interface, and checks that the terminal is as it was.
    #[track_caller]
    pub fn leave(mut self) {
        self.press("Ctrl+Q");
        let until = Instant::now() + PATIENCE;
        while self.read(until) {}
        assert!(self.child.wait().expect("it ends").success());
        let written = String::from_utf8_lossy(&self.written);
        for mode in ["?1049h", "?2004h", "?1049l", "?25h", "?2004l", "?1000l", "?1006l"] {
            assert!(written.contains(&format!("\x1b[{mode}")), "{mode} was not written");
        }
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor());
    }

    /// Takes what was written, and answers what was asked; false when nothing more comes.
    fn read(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(bytes) = self.output.recv_timeout(left) else { return false };
        self.written.extend(&bytes);
        self.parser.process(&bytes);
        let answers = std::mem::take(&mut self.parser.callbacks_mut().answers);
        self.send(answers.as_bytes());
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The row of a picture with the mark.
fn marked(shown: &str) -> Option<&str> {
    shown.lines().find(|row| row.trim_start().starts_with('▸'))
}

/// What a terminal is asked besides drawing: where its cursor is, and to show whole frames only.
#[derive(Default)]
struct Asked {
    answers: String,
    is_drawing: bool,
}

impl vt100::Callbacks for Asked {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        end: char,
    ) {
        match (first, params, end) {
            (None, [[6]], 'n') => {
                let (row, column) = screen.cursor_position();
                self.answers += &format!("\x1b[{};{}R", row + 1, column + 1);
            }
            (Some(b'?'), [[2026]], 'h' | 'l') => self.is_drawing = end == 'h',
            _ => {}
        }
    }
}

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;
/// After so long a wait has failed; no wait is as long as that.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a terminal sends for keys. No letters: an input method would keep them.
const KEYS: &[(&str, &str)] = &[
    ("F1", "\x1bOP"),
    ("F2", "\x1bOQ"),
    ("F3", "\x1bOR"),
    ("F4", "\x1bOS"),
    ("F6", "\x1b[17~"),
    ("F7", "\x1b[18~"),
    ("F8", "\x1b[19~"),
    ("F10", "\x1b[21~"),
    ("Up", "\x1b[A"),
    ("Down", "\x1b[B"),
    ("Enter", "\r"),
    ("Esc", "\x1b"),
    ("Tab", "\t"),
    ("Space", " "),
    ("Backspace", "\x7f"),
    ("Ctrl+A", "\x01"),
    ("Ctrl+P", "\x10"),
    ("Ctrl+Q", "\x11"),
    ("Ctrl+R", "\x12"),
    ("Ctrl+U", "\x15"),
    ("1", "1"),
    ("2", "2"),
    ("3", "3"),
];
