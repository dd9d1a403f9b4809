//! Somebody at a screen: the interface's own model on a real node, without a terminal.
//!
//! What its workers would do on their threads is done at once, in order.

use std::cell::RefCell;

use onex_node::Node;
use onex_tui::core::keys::Key;
use onex_tui::core::load::{Task, perform};
use onex_tui::core::model::Model;
use onex_tui::core::update;
use onex_tui::i18n::Lang;
use onex_tui::view::screens::draw;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const COLUMNS: u16 = 80;
const ROWS: u16 = 24;

/// A person's seat at a node.
pub struct Seat {
    node: Node,
    model: Model,
    terminal: Terminal<TestBackend>,
}

impl Seat {
    pub fn new(node: &Node) -> Self {
        let mut model = Model::new(Lang::Zh, None);
        model.size = (COLUMNS, ROWS);
        let terminal = Terminal::new(TestBackend::new(COLUMNS, ROWS)).expect("a buffer");
        let tasks = update::start(&mut model);
        let mut seat = Self { node: node.clone(), model, terminal };
        seat.work(tasks);
        seat
    }

    /// Presses keys, named as in the hint bar and separated by spaces.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for name in keys.split(' ') {
            let key: Key = name.parse().unwrap_or_else(|_| panic!("no key is called {name}"));
            let tasks = update::key(&mut self.model, key);
            self.work(tasks);
        }
        self
    }

    /// Types a text, one key a character.
    pub fn write(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            let tasks = update::key(&mut self.model, Key::char(character));
            self.work(tasks);
        }
        self
    }

    /// Moves the cursor of a form to a field.
    pub fn focus(&mut self, field: &str) -> &mut Self {
        let form = self.model.form.as_mut().expect("a form is open");
        let at = form.fields.iter().position(|other| other.key == field);
        form.focus(at.unwrap_or_else(|| panic!("the form has no field {field}")));
        self
    }

    /// Looks whether the store has moved, as the interface does every second.
    pub fn look(&mut self) -> &mut Self {
        let tasks = update::tick(&self.model);
        self.work(tasks);
        self
    }

    /// What the screen shows.
    pub fn screen(&mut self) -> String {
        let model = &self.model;
        let drawn = self.terminal.draw(|frame| {
            if let Some(position) = draw(model, frame.area(), frame.buffer_mut()) {
                frame.set_cursor_position(position);
            }
        });
        let buffer = drawn.expect("a buffer takes everything").buffer;
        let rows = buffer.content.chunks(usize::from(COLUMNS));
        let line = |cells: &[ratatui::buffer::Cell]| {
            let mut line = String::new();
            let mut skip = 0;
            for cell in cells {
                if skip == 0 {
                    line.push_str(cell.symbol());
                    skip = ratatui::text::Line::raw(cell.symbol()).width();
                }
                skip = skip.saturating_sub(1);
            }
            line
        };
        rows.map(line).collect::<Vec<_>>().join("\n")
    }

    fn work(&mut self, tasks: Vec<Task>) {
        let mut tasks: std::collections::VecDeque<Task> = tasks.into();
        while let Some(task) = tasks.pop_front() {
            let said = RefCell::new(Vec::new());
            perform(&self.node, task, &|message| said.borrow_mut().push(message));
            for message in said.into_inner() {
                tasks.extend(update::message(&mut self.model, message));
            }
        }
    }
}
