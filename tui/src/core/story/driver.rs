//! The interface of the story, driven key by key.

use std::cell::RefCell;

use super::Fake;
use crate::core::keys::Key;
use crate::core::load::{Task, perform};
use crate::core::model::Model;
use crate::core::update;
use crate::i18n::Lang;

/// The interface with its workers on one thread: a key is done when nothing is under way.
pub struct Driver {
    pub model: Model,
    pub fake: Fake,
    /// Keys pressed so far.
    pub keys: usize,
}

impl Driver {
    pub fn new(fake: Fake, lang: Lang, size: (u16, u16)) -> Driver {
        let mut driver = Driver { model: Model::new(lang, None), fake, keys: 0 };
        driver.model.size = size;
        let tasks = update::start(&mut driver.model);
        driver.settle(tasks);
        driver
    }

    /// Lets the workers do tasks, and what comes of them, to the end.
    pub fn settle(&mut self, tasks: Vec<Task>) {
        let mut tasks = tasks;
        while !tasks.is_empty() {
            let messages = RefCell::new(Vec::new());
            for task in tasks.drain(..) {
                perform(&self.fake, task, &|message| messages.borrow_mut().push(message));
            }
            for message in messages.into_inner() {
                tasks.extend(update::message(&mut self.model, message));
            }
        }
    }

    /// Presses keys named as in the table, separated by spaces.
    pub fn press(&mut self, keys: &str) -> &mut Driver {
        for key in keys.split(' ') {
            let key: Key = key.parse().unwrap_or_else(|error| panic!("{error}"));
            self.keys += 1;
            let tasks = update::key(&mut self.model, key);
            self.settle(tasks);
        }
        self
    }

    /// Ends the program as Ctrl+Q does, once the workers have done what is left.
    pub fn end(&mut self) {
        let tasks = update::finish(&mut self.model);
        self.settle(tasks);
    }

    /// Types a text letter by letter, as an input method commits it.
    pub fn write(&mut self, text: &str) -> &mut Driver {
        for letter in text.chars() {
            self.keys += 1;
            let tasks = update::key(&mut self.model, Key::char(letter));
            self.settle(tasks);
        }
        self
    }

    /// Pastes a text in one piece.
    pub fn paste(&mut self, text: &str) -> &mut Driver {
        let tasks = update::paste(&mut self.model, text);
        self.settle(tasks);
        self
    }

    /// Puts the focus of the form on a field.
    pub fn focus(&mut self, key: &str) -> &mut Driver {
        let form = self.model.form.as_mut().expect("a form is open");
        let at = form.fields.iter().position(|field| field.key == key).expect(key);
        form.focus(at);
        self
    }

    /// Changes who sits at the screen; the interface is opened anew.
    pub fn as_person(&mut self, fake: Fake) -> &mut Driver {
        *self = Driver::new(fake, self.model.look.lang, self.model.size);
        self
    }
}
