//! The interface on a terminal: model, workers, clock and drawing put together.
//!
//! The thread that draws never asks the backend: tasks go to workers by channel, answers come back
//! as events. Of the loads that wait for one slot only the newest is done.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use ratatui::backend::CrosstermBackend;
use ratatui::style::Modifier;
use ratatui::{Frame, Terminal};

use crate::core::backend::{Backend, BackendError, Entry};
use crate::core::jobs::JobId;
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
    let node = Node { backend: Mutex::new(Some(backend)), entry: None };
    interface(node, Model::new(lang, None))
}

/// How the interface begins where no node is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// With the first use; how the keys are kept is settled.
    Empty,
    /// With the first use, which asks for a passphrase.
    EmptyUnguarded,
    /// With the passphrase that opens the node.
    Locked,
}

/// Runs the interface where no node is open: with the first use, or with a passphrase.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run_first(entry: Arc<dyn Entry>, lang: Lang, begins: Begins) -> io::Result<()> {
    let node = Node { backend: Mutex::new(None), entry: Some(entry) };
    let welcome = match begins {
        Begins::Empty | Begins::EmptyUnguarded => Welcome::Keys,
        Begins::Locked => Welcome::Locked(None),
    };
    let mut model = Model::new(lang, Some(welcome));
    model.wants_lock = begins == Begins::EmptyUnguarded;
    interface(node, model)
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
            (Task::Join { invitation, address, person }, Some(entry)) => {
                let digits = |digits| send(Message::Digits(digits));
                entry.join(invitation, address.as_deref(), person, &digits)
            }
            (Task::Unlock(passphrase), Some(entry)) => entry.unlock(passphrase),
            (Task::Guard(passphrase), Some(entry)) => return entry.guard(passphrase.clone()),
            _ => {
                if let Some(backend) = self.backend() {
                    perform(&*backend, task, send);
                }
                return;
            }
        };
        match entered {
            Ok(backend) => {
                *self.backend.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(&backend));
                send(Message::Entered);
                lists_prepare(&*backend);
            }
            Err(error) => send(Message::NotEntered(error)),
        }
    }
}

/// Reads what the first search would wait for.
fn lists_prepare(backend: &dyn Backend) {
    if backend.lists_prepare().is_err() {
        tracing::warn!("the first search will take longer");
    }
}

fn interface(node: Node, mut model: Model) -> io::Result<()> {
    let environment = Environment::of_process();
    let (events, received) = unbounded();
    let guard = TerminalGuard::enter()?;
    let lost = events.clone();
    panic_hook_install(PanicPlan {
        farewell: tr(model.look.lang, "crash-what", &[]),
        on_worker_panic: Box::new(move |what| {
            let _ = lost.send(LoopEvent::Message(Message::WorkerLost(what.to_owned())));
        }),
    });
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
        started: Instant::now(),
        look_at: Instant::now(),
        write_at: None,
    };
    let tasks = update::start(&mut app.model);
    app.send(tasks);
    let pacer = Pacer::new(environment.frame_interval());
    let ended = event_loop(&mut app, &mut terminal, &received, pacer);
    app.close();
    ended.and(guard.leave())
}

/// The channels to the workers: one thread reads, one acts, one reads tables, one founds
/// and joins, and one keeps drafts, which nothing else may hold up. A job has a thread of its own.
struct Workers {
    node: Arc<Node>,
    events: Sender<LoopEvent<Message>>,
    reads: Sender<Task>,
    acts: Sender<Task>,
    tables: Sender<Task>,
    enters: Sender<Task>,
    drafts: Sender<Task>,
    drafts_thread: JoinHandle<()>,
}

impl Workers {
    fn start(node: Node, events: &Sender<LoopEvent<Message>>) -> io::Result<Workers> {
        let node = Arc::new(node);
        if let Some(backend) = node.backend() {
            let prepare = move || lists_prepare(&*backend);
            thread::Builder::new().name("lists".into()).spawn(prepare)?;
        }
        let worker = |name: &str| {
            let (sender, tasks) = unbounded();
            let (node, events) = (node.clone(), events.clone());
            let work = move || worker_run(&node, &tasks, &events);
            thread::Builder::new().name(name.into()).spawn(work).map(|thread| (sender, thread))
        };
        let (drafts, drafts_thread) = worker("drafts")?;
        Ok(Workers {
            reads: worker("reads")?.0,
            acts: worker("acts")?.0,
            tables: worker("tables")?.0,
            enters: worker("enters")?.0,
            drafts,
            drafts_thread,
            events: events.clone(),
            node,
        })
    }

    /// Waits until every draft that was handed on is kept.
    fn close(self) {
        drop(self.drafts);
        let _ = self.drafts_thread.join();
    }

    /// Hands a task to its worker, or to a thread of its own; false when there is none.
    fn send(&self, task: Task) -> bool {
        let worker = match task {
            Task::Job { id, .. } => return self.begin(id, task),
            Task::Load { .. } | Task::Look => &self.reads,
            Task::Folder { .. } | Task::ReadTable { .. } | Task::MatchTable { .. } => &self.tables,
            Task::Choose { .. }
            | Task::Act { .. }
            | Task::Reveal { .. }
            | Task::Opened { .. }
            | Task::ActMany { .. }
            | Task::Invite { .. }
            | Task::Confirm { .. } => &self.acts,
            Task::Draft { .. } => &self.drafts,
            Task::Found { .. } | Task::Join { .. } | Task::Guard(_) | Task::Unlock(_) => {
                &self.enters
            }
        };
        worker.send(task).is_ok()
    }

    fn begin(&self, id: JobId, task: Task) -> bool {
        let (node, events) = (self.node.clone(), self.events.clone());
        let work = move || job_run(&node, id, task, &events);
        thread::Builder::new().name("job".into()).spawn(work).is_ok()
    }
}

/// Does a job. Of what it tells of its progress only so much is passed on as a person can see; a
/// panic ends the job.
fn job_run(node: &Node, id: JobId, task: Task, events: &Sender<LoopEvent<Message>>) {
    let told = Cell::new(None::<Instant>);
    let send = |message| {
        let now = Instant::now();
        if matches!(message, Message::Progress { .. }) {
            if told.get().is_some_and(|told| now < told + PROGRESS_INTERVAL) {
                return;
            }
            told.set(Some(now));
        }
        let _ = events.send(LoopEvent::Message(message));
    };
    let work = std::panic::AssertUnwindSafe(|| node.perform(task, &send));
    if std::panic::catch_unwind(work).is_err() {
        let lost = BackendError::Failed("failure-worker".to_owned());
        let _ = events.send(LoopEvent::Message(Message::Ended(id, Err(lost))));
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
    started: Instant,
    look_at: Instant,
    write_at: Option<Instant>,
}

impl Interface {
    /// Hands tasks to workers; one that cannot be handed on is a worker that died.
    fn send(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            if !self.workers.send(task) {
                tracing::error!("a worker is gone");
            }
        }
    }

    /// Tells the model how long the program runs.
    fn clock(&mut self) {
        let runs = self.started.elapsed().as_millis();
        self.model.clock = u64::try_from(runs).unwrap_or(u64::MAX);
    }

    /// Hands on what came of a key, and sets the time at which what was typed is kept.
    fn typed(&mut self, tasks: Vec<Task>) {
        self.send(tasks);
        self.dirty = Dirty::Now;
        let waits = self.model.drafts.are_unwritten();
        self.write_at = waits.then(|| Instant::now() + DRAFT_DELAY);
    }

    /// Keeps what was typed before the program ends.
    fn close(mut self) {
        let tasks = update::finish(&mut self.model);
        self.send(tasks);
        self.workers.close();
    }

    /// While a job runs its line is drawn anew each second; else nothing is.
    fn job_seen(&mut self) {
        if self.model.jobs.running().next().is_some() && self.dirty != Dirty::Now {
            self.clock();
            self.dirty = if self.types() { Dirty::Background } else { Dirty::Now };
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
        self.clock();
        let tasks = update::key(&mut self.model, key);
        self.typed(tasks);
    }

    fn paste(&mut self, text: &str) {
        let tasks = update::paste(&mut self.model, text);
        self.typed(tasks);
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let tasks = update::resize(&mut self.model, columns, rows);
        self.send(tasks);
        self.dirty = Dirty::Now;
    }

    fn message(&mut self, message: Message) {
        self.clock();
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
        if self.write_at.is_some_and(|at| at <= now) {
            self.write_at = None;
            let tasks = self.model.drafts.write();
            self.send(tasks);
        }
        if self.look_at <= now {
            self.look_at = now + LOOK_INTERVAL;
            let tasks = update::tick(&self.model);
            self.send(tasks);
            self.job_seen();
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        Some(self.write_at.map_or(self.look_at, |at| at.min(self.look_at)))
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

/// How often a job may tell how far it has come.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// How long after the last key what was typed is kept.
const DRAFT_DELAY: Duration = Duration::from_millis(500);
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
