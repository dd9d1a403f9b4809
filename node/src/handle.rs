//! The handle of a node: what commands and screens hold, and the only way into the store.
//!
//! Calls block; several processes may hold one home. Network and enrolment stand beside it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, InterruptHandle, Transaction};

use onex_crdt::action::{Action, Given, Run, Who};
use onex_crdt::document::Write;
use onex_crdt::field::time::Moment;
use onex_crdt::header::DIRECTORY;
use onex_crdt::ids::{BatchId, DeviceId, OrgId, RecordId, SHORT_DIGITS};
use onex_crdt::record::{Record, RecordKind, Row};
use onex_crdt::records::conflict::CHOOSE;
use onex_crdt::records::organisation::{self, Organisation};
use onex_crdt::records::undo::UNDO;
use onex_crdt::value::Value;
use onex_protocol::key::SigningKey;
use onex_protocol::membership::Membership;
use onex_protocol::statement::{Root, Statement};

use crate::api::{Answer, List, Me, Query};
use crate::audit::{Audit, Deed};
use crate::backup;
use crate::clock::{Clock, random};
use crate::engine::{Engine, EngineError, Order};
use crate::error::NodeError;
use crate::home::{Guard, Home, Keys, Passphrase};
use crate::live::told_removed;
use crate::members::caught_up;
use crate::outbox_log::OutboxLog;
use crate::presence::{Alone, Presence};
use crate::space::{self, Room};
use crate::store::lists::Lists;
use crate::store::view::SqlView;
use crate::store::{self, Store, StoreError, documents, outbox, projection, query, upgrade};

/// A node. Clones are the same node; they may act for different persons.
#[derive(Clone)]
pub struct Node {
    pub(crate) shared: Arc<Shared>,
    person: Option<String>,
}

pub(crate) struct Shared {
    pub home: Home,
    pub clock: Clock,
    pub keys: Keys,
    writer: Mutex<Writer>,
    reader: Mutex<Store>,
    lists: Mutex<Lists>,
    version: AtomicU64,
    listeners: Mutex<Vec<Listener>>,
    taps: Mutex<Vec<Tap>>,
    /// Whether pages of the database were found to be damaged.
    pub damaged: AtomicBool,
    /// Ends what the upkeep reads at the moment, when the program is to end.
    pub interrupt: Mutex<Option<InterruptHandle>>,
    /// Dropped last, when nothing of the home is open any more.
    _presence: Presence,
}

/// Somebody who wants to hear that the store has changed.
type Listener = Box<dyn Fn() -> bool + Send>;
/// Somebody who wants to see every message of the sync, before it is encrypted.
type Tap = Box<dyn Fn(DeviceId, Way, &[u8]) + Send>;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From this node.
    Sent,
    /// To this node.
    Received,
}

pub(crate) struct Writer {
    pub store: Store,
    pub engine: Engine,
    pub membership: Membership,
    pub outbox: OutboxLog,
    folder: PathBuf,
    /// The disk has failed: what was written last may be there or not, and nothing more is written
    /// before somebody has started the program again.
    stopped: bool,
    /// What this device is still to say in the membership log.
    pub to_say: Vec<Statement>,
}

/// What a network is founded with.
#[derive(Debug, Clone)]
pub struct Founding {
    /// The hub's name.
    pub name: String,
    /// Its region, GB/T 2260.
    pub region: String,
    /// The person at its first device.
    pub person: String,
}

impl Node {
    /// Whether a node lives in a folder.
    pub fn exists(folder: &Path) -> bool {
        Home::new(folder).is_node()
    }

    /// Founds a network: makes the hub's first device in a folder. Its keys lie in plain files.
    ///
    /// # Errors
    /// When a value is wrong, or a node lives there already.
    pub fn found(folder: &Path, founding: &Founding, clock: Clock) -> Result<Self, NodeError> {
        Self::found_under(folder, founding, &Guard::File, clock)
    }

    /// Founds a network on a device whose keys are kept as is said.
    ///
    /// # Errors
    /// When a value is wrong, a node lives there already, or the keys cannot be kept so.
    pub fn found_under(
        folder: &Path,
        founding: &Founding,
        guard: &Guard,
        clock: Clock,
    ) -> Result<Self, NodeError> {
        let fields = organisation::hub_fields(&founding.name, &founding.region)
            .map_err(|(field, error)| NodeError::Value { field: field.to_owned(), error })?;
        let person = onex_crdt::field::text::PersonName::parse(&founding.person)
            .map_err(|error| NodeError::Value { field: "person".to_owned(), error })?;
        let person = person.as_str().to_owned();
        let home = Home::new(folder);
        let keys = fresh_keys(&home, guard)?;
        let key = SigningKey::from_seed(&keys.device);
        let org = OrgId(random());
        let root = Root {
            nonce: random(),
            org,
            name: founding.name.clone(),
            region: founding.region.clone(),
            hub_key: key.public(),
            person: person.clone(),
        };
        let membership = Membership::found(&key, root).map_err(NodeError::membership)?;
        let mut store = Store::open(&home.database(), &keys.store)?;
        let mut engine = Engine::new(key, clock.clone());
        let transaction = store.write()?;
        for entry in membership.entries_from(0) {
            store::membership::put(&transaction, entry)?;
        }
        store::set_meta(&transaction, PERSON, person.as_bytes())?;
        let header = DIRECTORY.of(membership.network(), org, clock.now().date().year());
        let kind = Organisation::KIND;
        let record = Write::Create { kind, id: org.into(), fields };
        engine.write_founding(&transaction, &membership, &person, vec![(header, record)])?;
        transaction.commit().map_err(StoreError::from)?;
        drop(store);
        Self::with_keys(home, keys, clock)
    }

    /// Opens the node that lives in a folder and whose keys need no passphrase.
    ///
    /// # Errors
    /// When there is none, its keys need one, or its store cannot be read.
    pub fn open(folder: &Path, clock: Clock) -> Result<Self, NodeError> {
        Self::unlock(folder, None, clock)
    }

    /// Opens the node that lives in a folder; a passphrase that is not needed is not looked at.
    ///
    /// # Errors
    /// When there is none, its keys cannot be opened, or its store cannot be read.
    pub fn unlock(
        folder: &Path,
        passphrase: Option<&Passphrase>,
        clock: Clock,
    ) -> Result<Self, NodeError> {
        let home = Home::new(folder);
        if !home.is_node() {
            return Err(NodeError::NoNode { folder: folder.display().to_string() });
        }
        let keys = home.unlock(passphrase).map_err(|error| NodeError::keys(&home, error))?;
        Self::with_keys(home, keys, clock)
    }

    /// Opens a node whose keys are at hand.
    pub(crate) fn with_keys(home: Home, keys: Keys, clock: Clock) -> Result<Self, NodeError> {
        let presence = enter(&home, &keys)?;
        let mut store = Store::open(&home.database(), &keys.store)?;
        let membership = store::membership::load(store.read())?.ok_or(NodeError::NotJoined)?;
        let transaction = store.write()?;
        let view = SqlView::new(&transaction, &membership);
        documents::fill_rows(&transaction, &view)?;
        view.finish()?;
        transaction.commit().map_err(StoreError::from)?;
        store.settle()?;
        let reader = Store::open(&home.database(), &keys.store)?;
        let engine = Engine::new(SigningKey::from_seed(&keys.device), clock.clone());
        let outbox = OutboxLog::new(home.folder(), &keys.store);
        let folder = home.folder().to_owned();
        let mut writer = Writer {
            store,
            engine,
            membership,
            outbox,
            folder,
            stopped: false,
            to_say: Vec::new(),
        };
        writer.mend_outbox()?;
        Ok(Self {
            shared: Arc::new(Shared {
                home,
                clock,
                keys,
                writer: Mutex::new(writer),
                reader: Mutex::new(reader),
                lists: Mutex::default(),
                version: AtomicU64::new(0),
                listeners: Mutex::new(Vec::new()),
                taps: Mutex::new(Vec::new()),
                damaged: AtomicBool::new(false),
                interrupt: Mutex::default(),
                _presence: presence,
            }),
            person: None,
        })
    }

    /// The same node, acting for another person.
    pub fn as_person(&self, person: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), person: Some(person.to_owned()) }
    }

    /// The node's folder.
    pub fn home(&self) -> &Path {
        self.shared.home.folder()
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Who uses the node.
    pub fn me(&self) -> Result<Me, NodeError> {
        let writer = self.writer()?;
        let who = self.who(&writer)?;
        let org = writer.membership.organisation(who.org);
        let row = projection::get(writer.store.read(), Organisation::KIND, who.org.into())?;
        let device = writer.membership.device(who.device);
        Ok(Me {
            org_id: who.org,
            org_name: row
                .as_ref()
                .and_then(|row| row.text("name").map(str::to_owned))
                .or(org.map(|org| org.name.clone()))
                .unwrap_or_default(),
            org_role: who.org_role,
            org_state: row.and_then(|row| row.state().map(str::to_owned)),
            person: who.person,
            roles: who.roles.into_iter().collect(),
            device: who.device,
            device_active: device.is_some_and(|device| device.active)
                && !told_removed(writer.store.read())?,
            network: who.network,
            now: who.now,
        })
    }

    /// Lists records.
    pub fn list(&self, query: &Query) -> Result<List, NodeError> {
        Ok(query::list(self.reader().read(), &mut self.lists(), query)?)
    }

    /// Reads what the first search would wait for. Takes a second where there are 500,000 records
    /// and keeps nobody waiting meanwhile: it reads by a connection of its own.
    pub fn lists_prepare(&self) -> Result<(), NodeError> {
        let Shared { home, keys, lists, .. } = &*self.shared;
        let store = Store::open(&home.database(), &keys.store)?;
        let prepared = Lists::prepared(store.read())?;
        lists.lock().unwrap_or_else(PoisonError::into_inner).adopt(prepared);
        Ok(())
    }

    /// Returns the values that rows of a kind have under a key, each with the number of its rows.
    pub fn facets(
        &self,
        kind: &'static RecordKind,
        key: &str,
    ) -> Result<Vec<(Value, usize)>, NodeError> {
        Ok(query::facets(self.reader().read(), kind, key)?)
    }

    /// Returns one record.
    pub fn row(&self, kind: &'static RecordKind, id: RecordId) -> Result<Option<Row>, NodeError> {
        Ok(projection::get(self.reader().read(), kind, id)?)
    }

    /// Returns the id that a full id, or its first or last eight digits or more, means.
    ///
    /// # Errors
    /// When no record, or more than one, is meant.
    pub fn find_id(&self, kind: &'static RecordKind, text: &str) -> Result<RecordId, NodeError> {
        let unknown = || NodeError::UnknownId { kind: kind.key, id: text.to_owned() };
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let digits = text.chars().all(|c| c.is_ascii_hexdigit());
        if !digits || !(SHORT_DIGITS..32).contains(&text.len()) {
            return Err(unknown());
        }
        match query::ids_meant_by(self.reader().read(), kind, text)?.as_slice() {
            [id] => Ok(*id),
            _ => Err(unknown()),
        }
    }

    /// Takes an action on some records, or makes one: all or none.
    ///
    /// # Errors
    /// `NodeError::Refused` when a rule does not allow it.
    pub fn act(
        &self,
        action: &'static Action,
        ids: &[RecordId],
        given: &Given,
    ) -> Result<Vec<Answer>, NodeError> {
        if matches!(action.run, Run::Node) {
            let answered = match action.id {
                id if id == UNDO.id => self.undo_given(given),
                id if id == CHOOSE.id => self.choose_given(given),
                _ => self.act_on_membership(action, given),
            };
            return Ok(vec![answered?]);
        }
        let order = |id| Order { action, id, given: given.clone() };
        let orders = match ids {
            [] => vec![order(None)],
            ids => ids.iter().map(|id| order(Some(*id))).collect(),
        };
        self.act_all(&orders)
    }

    /// Takes several actions in one transaction: all or none.
    ///
    /// # Errors
    /// `NodeError::Refused` when a rule does not allow one of them.
    pub fn act_all(&self, orders: &[Order]) -> Result<Vec<Answer>, NodeError> {
        let (_, ids) = self.carry_out(orders.chunks(1))?;
        let reader = self.reader();
        let answers = ids.iter().zip(orders).map(|(id, order)| answer(reader.read(), order, *id));
        Ok(answers.collect::<Result<_, _>>()?)
    }

    /// Takes many actions in one transaction, as one batch: all or none. No order may depend on
    /// another one of the same list: they are written together, `PART_ORDERS` at a time.
    ///
    /// Returns the batch and the records, in the order of the orders.
    ///
    /// # Errors
    /// `NodeError::Refused` when a rule does not allow one of them.
    pub fn act_many(&self, lists: &[&[Order]]) -> Result<(BatchId, Vec<RecordId>), NodeError> {
        self.carry_out(lists.iter().flat_map(|orders| orders.chunks(PART_ORDERS)))
    }

    fn carry_out<'o>(
        &self,
        parts: impl IntoIterator<Item = &'o [Order]>,
    ) -> Result<(BatchId, Vec<RecordId>), NodeError> {
        self.carry_out_then(Deed::Signing, parts.into_iter().map(Ok), |_| Vec::new())
    }

    /// Carries orders out, then those that name the records which the first ones made.
    pub(crate) fn carry_out_then<'o>(
        &self,
        deed: Deed,
        parts: impl IntoIterator<Item = Result<&'o [Order], EngineError>>,
        then: impl FnOnce(&[RecordId]) -> Vec<Order>,
    ) -> Result<(BatchId, Vec<RecordId>), NodeError> {
        let mut writer = self.writer()?;
        let who = self.who(&writer)?;
        let log = RefCell::new(Audit::of(deed));
        let parts = parts.into_iter().inspect(|part| {
            log.borrow_mut().orders(part.as_ref().copied().unwrap_or_default());
        });
        let then = |ids: &[RecordId]| {
            let orders = then(ids);
            log.borrow_mut().orders(&orders);
            orders
        };
        let done = writer.commit(|engine, transaction, membership| {
            let done = engine.carry_out(transaction, membership, &who, parts, then)?;
            log.borrow().put(transaction, &who, &done.1)?;
            Ok(done)
        })?;
        drop(writer);
        self.shared.changed();
        Ok(done)
    }

    /// Shows somebody every message that is exchanged with a device from now on, as it is before
    /// it is encrypted: what a node names on the wire can be looked at.
    pub fn tap(&self, tap: impl Fn(DeviceId, Way, &[u8]) + Send + 'static) {
        self.shared.taps.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(tap));
    }

    /// A number that moves when anything in the store has changed, by whatever process.
    pub fn version(&self) -> Result<u64, NodeError> {
        let foreign = self.reader().data_version()?;
        Ok(self.shared.version.load(Ordering::SeqCst).wrapping_add(foreign as u64))
    }

    pub(crate) fn who(&self, writer: &Writer) -> Result<Who, NodeError> {
        let device = writer.engine.key().device();
        let membership = &writer.membership;
        let member = membership.device(device).ok_or(NodeError::NotJoined)?;
        let person = match &self.person {
            Some(person) => person.clone(),
            None => own_person(writer.store.read())?,
        };
        Ok(Who {
            network: membership.network(),
            org: member.org,
            org_role: membership
                .organisation(member.org)
                .map(|org| org.role)
                .ok_or(NodeError::NotJoined)?,
            device,
            roles: member.persons.get(&person).cloned().unwrap_or_default(),
            person,
            now: self.shared.clock.now(),
        })
    }

    /// The part that writes, with the membership log as far as it is stored.
    pub(crate) fn writer(&self) -> Result<MutexGuard<'_, Writer>, NodeError> {
        let mut writer = self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.stopped {
            return Err(StoreError::Stopped.into());
        }
        let Writer { store, membership, .. } = &mut *writer;
        let stored = store::membership::position(store.read())?;
        let rotated = store::membership::root_version(store.read())? != membership.root().version;
        if rotated || stored.is_some_and(|stored| stored > membership.position()) {
            *membership = caught_up(store.read(), membership)?;
        }
        Ok(writer)
    }

    pub(crate) fn reader(&self) -> MutexGuard<'_, Store> {
        self.shared.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.shared.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Runs some work in one transaction; what fails leaves nothing behind, in memory neither. Own
    /// changes are in the outbox log too when this returns.
    pub fn commit<T>(
        &mut self,
        work: impl FnOnce(&mut Engine, &Transaction<'_>, &Membership) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let (done, own) = self.commit_unlogged(|engine, transaction, membership| {
            let before = store::log::end(transaction)?.position;
            let done = work(engine, transaction, membership)?;
            Ok((done, outbox::after(transaction, before as i64)?))
        })?;
        self.log_unsent(own);
        Ok(done)
    }

    /// The same for what is in the outbox log already.
    pub(crate) fn commit_unlogged<T>(
        &mut self,
        work: impl FnOnce(&mut Engine, &Transaction<'_>, &Membership) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.make_room();
        let Writer { store, engine, membership, .. } = self;
        let done = store.write().map_err(EngineError::from).and_then(|transaction| {
            let done = work(engine, &transaction, membership)?;
            transaction.commit()?;
            Ok(done)
        });
        if let Err(error) = &done {
            engine.forget();
            if let EngineError::Store(error) = error {
                self.failed(error);
            }
        }
        done
    }

    /// Notes that the store failed: after an error of the disk nothing more is written.
    pub(crate) fn failed(&mut self, error: &StoreError) {
        if error.is_fatal() {
            tracing::error!(%error, "the disk failed; nothing more is written");
            self.stopped = true;
        }
    }

    /// Gives the ballast up when the disk is full: a person can still save what he has begun.
    fn make_room(&self) {
        if Room::in_folder(&self.folder) == Room::Full
            && let Err(error) = space::drop_ballast(&self.folder)
        {
            tracing::error!(%error, "the ballast cannot be given up");
        }
    }
}

/// Comes in beside the other processes of a home. The first one looks how the last has ended, and
/// brings the database up to date.
fn enter(home: &Home, keys: &Keys) -> Result<Presence, NodeError> {
    let failed = |source| NodeError::folder(home.folder(), source);
    let Some(alone) = Alone::new(home).map_err(failed)? else {
        return Presence::new(home).map_err(failed);
    };
    backup::tidy(home).map_err(failed)?;
    if alone.is_clean().map_err(failed)? {
        upgrade::forget_old(&home.database()).map_err(failed)?;
    }
    upgrade::bring_up(&home.database(), &keys.store)?;
    alone.stay().map_err(failed)
}

impl Shared {
    /// Says that the store has changed; listeners that are gone are forgotten.
    pub fn changed(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener());
    }

    /// Shows a message to whoever taps.
    pub fn tapped(&self, device: DeviceId, way: Way, bytes: &[u8]) {
        let taps = self.taps.lock().unwrap_or_else(PoisonError::into_inner);
        taps.iter().for_each(|tap| tap(device, way, bytes));
    }

    /// Calls somebody whenever the store changes, until he answers `false`.
    pub fn listen(&self, listener: impl Fn() -> bool + Send + 'static) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
    }
}

fn answer(connection: &Connection, order: &Order, id: RecordId) -> Result<Answer, StoreError> {
    let Some(kind) = order.action.kind else {
        return Ok(Answer { id, state: None, pending_act: None, undone: None });
    };
    let row = projection::get(connection, kind, id)?.unwrap_or_default();
    let text = |key: &str| row.text(key).map(str::to_owned);
    Ok(Answer { id, state: text("state"), pending_act: text("pending_act"), undone: None })
}

/// The keys of a home in which no node lives: drawn now, or those of a founding or an enrolment
/// that was cut off before anything was stored.
pub(crate) fn fresh_keys(home: &Home, guard: &Guard) -> Result<Keys, NodeError> {
    let was_cut_off = home.unlock(guard.passphrase()).is_ok_and(|keys| {
        let store = home.is_node().then(|| Store::open(&home.database(), &keys.store));
        store.is_some_and(|store| {
            store.is_ok_and(|store| matches!(store::membership::load(store.read()), Ok(None)))
        })
    });
    let keys = if was_cut_off { home.draw(guard) } else { home.make(guard) };
    keys.map_err(|error| NodeError::keys(home, error))
}

/// Orders that are written together: a shard's worth of learners stays below the size of a change.
pub(crate) const PART_ORDERS: usize = 200;

/// The person who is meant when nobody says who acts.
fn own_person(connection: &Connection) -> Result<String, StoreError> {
    let bytes = store::meta(connection, PERSON)?.unwrap_or_default();
    String::from_utf8(bytes).map_err(|_| StoreError::Damaged { what: "person" })
}

/// The key of the person's name in the table of odds and ends.
pub(crate) const PERSON: &str = "person";

/// Reads a stored time.
pub(crate) fn moment(text: &str) -> Result<Moment, StoreError> {
    Moment::parse(text).map_err(|_| StoreError::Damaged { what: "time" })
}
