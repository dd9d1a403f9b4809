//! Keystrokes on the list of learners: the interface's own update, worker and drawing, on a
//! terminal that is memory.

use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

use onex_node::Node;
use onex_tui::core::backend::Backend;
use onex_tui::core::keys::Key;
use onex_tui::core::load::{Message, Task, Want, perform};
use onex_tui::core::model::Model;
use onex_tui::core::training::Part;
use onex_tui::core::update;
use onex_tui::i18n::Lang;
use onex_tui::view::screens::draw;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::home;
use super::report::Report;
use super::times::add_times;

/// A person at the interface.
struct Seat<'a> {
    model: Model,
    backend: &'a dyn Backend,
    terminal: Terminal<TestBackend>,
    /// From a key to the frame that shows that it was heard.
    frames: Vec<Duration>,
    /// From a key to the frame that shows the rows it asked for, where it asked for some.
    rows: Vec<Duration>,
    /// From a key to the frame that shows everything it asked for, the history of the marked
    /// learner too.
    answers: Vec<Duration>,
}

/// Walks through the list and searches in it.
pub fn measure(report: &mut Report, folder: &Path) {
    let node = Node::open(folder, home::clock()).expect("opens");
    let started = Instant::now();
    let mut model = Model::new(Lang::Zh, None);
    model.size = (120, 40);
    model.training.part = Part::Learners;
    let tasks = update::start(&mut model);
    let terminal = Terminal::new(TestBackend::new(120, 40)).expect("a terminal");
    let (frames, rows, answers) = (Vec::new(), Vec::new(), Vec::new());
    let mut seat = Seat { model, backend: &node, terminal, frames, rows, answers };
    seat.work(started, tasks);
    seat.draw();
    let mut first = vec![started.elapsed()];
    add_times(report, "the interface's first screen", &mut first, Some(150.0), None);
    seat.press("3");
    assert!(seat.model.list().is_some_and(|list| list.total() > 0), "the learners are shown");
    // The first search of a process reads the texts: it is measured by itself.
    for key in ["/", "王", "Esc"] {
        seat.press(key);
    }
    for times in [&mut seat.frames, &mut seat.rows, &mut seat.answers] {
        times.clear();
    }
    for _ in 0..30 {
        for key in ["Down", "Down", "PageDown", "PageDown", "End", "PageUp", "Up", "Home"] {
            seat.press(key);
        }
    }
    for text in ["欧阳静", "wangf", "zlf", "123X", "软件"] {
        seat.press("/");
        for letter in text.chars() {
            seat.type_letter(letter);
        }
        seat.press("Esc");
    }
    add_times(report, "key to frame, learners", &mut seat.frames, Some(16.0), None);
    add_times(report, "key to the rows it asked for", &mut seat.rows, Some(50.0), None);
    add_times(report, "key to everything it asked for", &mut seat.answers, None, None);
}

impl Seat<'_> {
    fn press(&mut self, key: &str) {
        self.key(key.parse().unwrap_or_else(|_| panic!("the key {key}")));
    }

    fn type_letter(&mut self, letter: char) {
        self.key(Key::char(letter));
    }

    fn key(&mut self, key: Key) {
        let started = Instant::now();
        let tasks = update::key(&mut self.model, key);
        self.draw();
        self.frames.push(started.elapsed());
        self.work(started, tasks);
        self.draw();
        self.answers.push(started.elapsed());
    }

    /// What the workers do, one task after the other, until nothing is asked any more. Rows come
    /// before what belongs to one of them, as the worker has it.
    fn work(&mut self, started: Instant, mut tasks: Vec<Task>) {
        while !tasks.is_empty() {
            tasks.sort_by_key(|task| !asks_for_rows(task));
            let task = tasks.remove(0);
            let brings_rows = asks_for_rows(&task);
            let heard: RefCell<Vec<Message>> = RefCell::default();
            perform(self.backend, task, &|message| heard.borrow_mut().push(message));
            for message in heard.into_inner() {
                tasks.extend(update::message(&mut self.model, message));
            }
            if brings_rows {
                self.draw();
                self.rows.push(started.elapsed());
            }
        }
    }

    fn draw(&mut self) {
        let Self { model, terminal, .. } = self;
        let drawn = terminal.draw(|frame| {
            let area = frame.area();
            draw(model, area, frame.buffer_mut());
        });
        drawn.expect("a terminal that is memory");
    }
}

fn asks_for_rows(task: &Task) -> bool {
    matches!(task, Task::Load { want: Want::Rows(..), .. })
}
