//! The interface on a terminal: model, workers, clock and drawing put together.
//!
//! The thread that draws never asks the backend: tasks go to workers by channel, answers come back
//! as events. Of the loads that wait for one slot only the newest is done.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use ratatui::backend::CrosstermBackend;
use ratatui::style::Modifier;
use ratatui::{Frame, Terminal};

use crate::core::backend::{Backend, Entry};
use crate::core::keys::Key;
use crate::core::load::{Message, Slot, Task, perform};
use crate::core::model::{Model, Welcome};
use crate::core::update;
use crate::i18n::{Lang, tr};
use crate::run::environment::Environment;
use crate::run::event_loop::{App, Dirty, Pacer, event_loop};
use crate::run::events::{LoopEvent, input_thread_start};
use crate::run::guard::{PanicPlan, TerminalGuard, panic_hook_install};
use crate::run::probe::{Console, glyphs_probe};
use crate::view::screens::draw;

/// Runs the interface on a node until the person leaves it.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(backend: Arc<dyn Backend>, lang: Lang) -> io::Result<()> {
    interface(Node { backend: Mutex::new(Some(backend)), entry: None }, lang, None)
}

/// Runs the interface where there is no node yet, beginning with the first use.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run_first(entry: Arc<dyn Entry>, lang: Lang) -> io::Result<()> {
    let node = Node { backend: Mutex::new(None), entry: Some(entry) };
    interface(node, lang, Some(Welcome::Keys))
}

/// The node, once there is one, and the way to it.
struct Node {
    backend: Mutex<Option<Arc<dyn Backend>>>,
    entry: Option<Arc<dyn Entry>>,
}

impl Node {
    fn backend(&self) -> Option<Arc<dyn Backend>> {
        self.backend.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Carries a task out and sends what comes of it.
    fn perform(&self, task: Task, send: &dyn Fn(Message)) {
        let entered = match (&task, &self.entry) {
            (Task::Found { name, region, person }, Some(entry)) => {
                entry.found(name, region, person)
            }
            (Task::Join { file, person }, Some(entry)) => {
                entry.join(file, person, &|digits| send(Message::Digits(digits)))
            }
            _ => {
                let backend = self.backend();
                if let Some(message) = backend.and_then(|backend| perform(&*backend, task)) {
                    send(message);
                }
                return;
            }
        };
        match entered {
            Ok(backend) => {
                *self.backend.lock().unwrap_or_else(PoisonError::into_inner) = Some(backend);
                send(Message::Entered);
            }
            Err(error) => send(Message::NotEntered(error)),
        }
    }
}

fn interface(node: Node, lang: Lang, welcome: Option<Welcome>) -> io::Result<()> {
    let environment = Environment::of_process();
    let (events, received) = unbounded();
    let guard = TerminalGuard::enter()?;
    let lost = events.clone();
    panic_hook_install(PanicPlan {
        farewell: tr(lang, "crash-what", &[]),
        on_worker_panic: Box::new(move |what| {
            let _ = lost.send(LoopEvent::Message(Message::WorkerLost(what.to_owned())));
        }),
    });
    let mut model = Model::new(lang, welcome);
    model.look.scheme = environment.scheme();
    model.glyphs = glyphs_probe(&mut Console);
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let size = terminal.size()?;
    model.size = (size.width, size.height);
    input_thread_start(events.clone())?;
    let mut app = Interface {
        model,
        workers: Workers::start(node, &events)?,
        dirty: Dirty::Now,
        look_at: Instant::now(),
    };
    let tasks = update::start(&mut app.model);
    app.send(tasks);
    event_loop(&mut app, &mut terminal, &received, Pacer::new(environment.frame_interval()))?;
    guard.leave()
}

/// The channels to the workers: one thread reads, one acts, one talks to the network.
struct Workers {
    reads: Sender<Task>,
    acts: Sender<Task>,
    network: Sender<Task>,
}

impl Workers {
    fn start(node: Node, events: &Sender<LoopEvent<Message>>) -> io::Result<Workers> {
        let node = Arc::new(node);
        let worker = |name: &str| {
            let (sender, tasks) = unbounded();
            let (node, events) = (node.clone(), events.clone());
            let work = move || worker_run(&node, &tasks, &events);
            thread::Builder::new().name(name.into()).spawn(work).map(|_| sender)
        };
        Ok(Workers { reads: worker("reads")?, acts: worker("acts")?, network: worker("network")? })
    }

    fn of(&self, task: &Task) -> &Sender<Task> {
        match task {
            Task::Load { .. } | Task::Look => &self.reads,
            Task::Act { .. }
            | Task::Reveal { .. }
            | Task::ActMany { .. }
            | Task::Invite { .. }
            | Task::Confirm { .. } => &self.acts,
            Task::Sync { .. } | Task::Found { .. } | Task::Join { .. } => &self.network,
        }
    }
}

/// Works until the interface is gone. A panic ends one task, not the worker.
fn worker_run(node: &Node, tasks: &Receiver<Task>, events: &Sender<LoopEvent<Message>>) {
    let send = |message| {
        let _ = events.send(LoopEvent::Message(message));
    };
    while let Ok(first) = tasks.recv() {
        for task in newest(first, tasks.try_iter()) {
            let work = std::panic::AssertUnwindSafe(|| node.perform(task, &send));
            let _ = std::panic::catch_unwind(work);
        }
    }
}

/// Returns the tasks to do: of loads for one slot the newest, everything else in its order.
fn newest(first: Task, others: impl Iterator<Item = Task>) -> Vec<Task> {
    let mut loads: BTreeMap<Slot, Task> = BTreeMap::new();
    let mut tasks = Vec::new();
    let mut looks = false;
    for task in std::iter::once(first).chain(others) {
        match &task {
            Task::Load { want, .. } => drop(loads.insert(want.slot(), task)),
            Task::Look if looks => {}
            Task::Look => {
                looks = true;
                tasks.push(task);
            }
            _ => tasks.push(task),
        }
    }
    tasks.extend(loads.into_values());
    tasks
}

struct Interface {
    model: Model,
    workers: Workers,
    dirty: Dirty,
    look_at: Instant,
}

impl Interface {
    /// Hands tasks to workers; one that cannot be handed on is a worker that died.
    fn send(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            let sent = self.workers.of(&task).send(task);
            if sent.is_err() {
                tracing::error!("a worker is gone");
            }
        }
    }

    fn types(&self) -> bool {
        let typed = self.model.form.as_ref().is_some_and(|form| form.is_typed());
        typed || self.model.list().is_some_and(|list| list.finding)
    }
}

impl App for Interface {
    type Message = Message;

    fn key(&mut self, key: Key) {
        let tasks = update::key(&mut self.model, key);
        self.send(tasks);
        self.dirty = Dirty::Now;
    }

    fn paste(&mut self, text: &str) {
        let tasks = update::paste(&mut self.model, text);
        self.send(tasks);
        self.dirty = Dirty::Now;
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let tasks = update::resize(&mut self.model, columns, rows);
        self.send(tasks);
        self.dirty = Dirty::Now;
    }

    fn message(&mut self, message: Message) {
        let version = self.model.version;
        let is_quiet = matches!(&message, Message::Version(Ok(new)) if version == Some(*new));
        let tasks = update::message(&mut self.model, message);
        self.send(tasks);
        let is_sending = self.model.form.is_none() && !self.types();
        if !is_quiet && self.dirty != Dirty::Now {
            self.dirty = if is_sending { Dirty::Now } else { Dirty::Background };
        }
    }

    fn wake(&mut self, now: Instant) {
        self.look_at = now + LOOK_INTERVAL;
        let tasks = update::tick(&self.model);
        self.send(tasks);
    }

    fn wake_at(&self) -> Option<Instant> {
        Some(self.look_at)
    }

    fn dirty(&self) -> Dirty {
        self.dirty
    }

    /// After Ctrl+L one frame fills every cell, so that the next one writes every cell.
    fn draw(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if std::mem::take(&mut self.model.repaint) {
            for cell in &mut frame.buffer_mut().content {
                cell.modifier.insert(Modifier::REVERSED);
            }
            self.dirty = Dirty::Now;
            return;
        }
        if let Some(position) = draw(&self.model, area, frame.buffer_mut()) {
            frame.set_cursor_position(position);
        }
        self.dirty = Dirty::Clean;
    }

    fn has_finished(&self) -> bool {
        self.model.finished
    }

    fn input_lost(&mut self, reason: &str) {
        tracing::error!(reason, "the terminal is gone");
        self.model.finished = true;
    }
}

/// How often the store is asked whether it changed; nothing is drawn when it has not.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use onex_crdt::ids::RecordId;

    use super::*;
    use crate::core::load::Want;

    #[test]
    fn only_the_newest_load_of_a_slot_is_done() {
        let load = |want, generation| Task::Load { want, generation };
        let one = Want::Line(RecordId([1; 16]));
        let two = Want::Line(RecordId([2; 16]));
        let confirm = || Task::Confirm { digits: "1".into() };
        let tasks = newest(
            load(one, 1),
            [
                Task::Look,
                load(Want::Today, 2),
                confirm(),
                load(two.clone(), 3),
                Task::Look,
                confirm(),
            ]
            .into_iter(),
        );
        assert_eq!(tasks.len(), 5);
        let kept = tasks.iter().filter_map(|task| match task {
            Task::Load { want, generation } => Some((want.clone(), *generation)),
            _ => None,
        });
        assert_eq!(kept.collect::<Vec<_>>(), [(Want::Today, 2), (two, 3)]);
        assert!(matches!(tasks[..3], [Task::Look, Task::Confirm { .. }, Task::Confirm { .. }]));
    }
}
