//! A story of two devices of a hub, told by the real engine on a disk in memory: founding, acts,
//! imports, drafts, undoing, syncs. After each step stands what has been acknowledged.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use onex_crdt::action::{Action, Given};
use onex_crdt::field::code::resident_check;
use onex_crdt::field::time::Moment;
use onex_crdt::ids::RecordId;
use onex_crdt::record::Record;
use onex_crdt::records::contact::Contact;
use onex_crdt::registry;
use onex_protocol::key::SigningKey;
use onex_protocol::statement::Statement;

use super::disk::{Disk, Image, Op};
use super::mount::Mount;
use crate::api::Query;
use crate::clock::Clock;
use crate::engine::Order;
use crate::handle::PERSON;
use crate::home::{Guard, Home};
use crate::import::{Draft, Roster};
use crate::live::wire;
use crate::store::{self, Store, StoreError, check, peers};
use crate::table::read_pasted;
use crate::undoing::What;
use crate::{Founding, Node, NodeError};

/// What a store holds: of each table the number of its rows, and a digest of them.
pub type State = BTreeMap<String, (usize, [u8; 32])>;

/// A story that was told to its end.
pub struct Told {
    /// What was done to the disk.
    pub ops: Vec<Op>,
    /// The device's disk at the end.
    pub image: Image,
    /// What the store held when each step was acknowledged.
    pub states: Vec<State>,
    /// The keys of the device and of its colleague, and what the colleague's disk holds.
    pub homes: [TempDir; 2],
    /// The colleague's disk at the end.
    pub colleague: Image,
}

/// How hard the store waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// As the store does it: a log is synced before its transaction is acknowledged.
    Full,
    /// As it must not: logs are synced when they are copied into the database.
    Normal,
}

struct Teller {
    homes: [TempDir; 2],
    mounts: [Mount; 2],
    care: Care,
    states: Vec<State>,
}

/// Tells the story on a new disk.
pub fn tell(care: Care) -> Told {
    let homes = [home(), home()];
    let mounts = [0, 1].map(|at: usize| Mount::new(homes[at].path(), Disk::default()));
    let mut teller = Teller { homes, mounts, care, states: Vec::new() };
    let node = teller.begin();
    let colleague = teller.colleague(&node);
    teller.register(&node);
    teller.together(&node, &colleague);
    drop(node);
    let node = teller.open();
    teller.later(&node, &colleague);
    drop((node, colleague));
    let Teller { homes, mounts, states, .. } = teller;
    let ops = mounts[0].disk().ops().to_vec();
    let [image, colleague] = mounts.each_ref().map(|mount| mount.disk().image());
    Told { ops, image, states, homes, colleague }
}

/// A folder for keys; that there is a database is looked for in the true one.
pub fn home() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("store.db"), []).expect("the folder takes it");
    folder
}

/// Founds a hub in a folder.
pub fn found(folder: &Path) -> Result<Node, NodeError> {
    let founding = Founding {
        name: "陕西省1+X证书试点项目办".to_owned(),
        region: "610000".to_owned(),
        person: "郝敏".to_owned(),
    };
    Node::found(folder, &founding, clock())
}

/// Opens the node of a folder.
pub fn open(folder: &Path) -> Result<Node, NodeError> {
    Node::open(folder, clock())
}

/// Opens the node of a folder; its log is copied after so many pages.
pub fn open_brisk(folder: &Path, pages: i64) -> Result<Node, NodeError> {
    let node = open(folder)?;
    let writer = node.writer()?;
    writer.store.read().pragma_update(None, "wal_autocheckpoint", pages).expect("it is open");
    drop(writer);
    Ok(node)
}

/// A home with the same keys, and nothing else that lay beside the database.
pub fn copy(of: &TempDir) -> TempDir {
    let folder = home();
    for file in std::fs::read_dir(of.path()).expect("it is there") {
        let path = file.expect("it can be read").path();
        if path.extension().is_some_and(|ending| ending == "key") {
            let name = path.file_name().expect("it was listed");
            std::fs::copy(&path, folder.path().join(name)).expect("a small file");
        }
    }
    folder
}

/// Adds a contact of that name.
pub fn add(node: &Node, name: &str) -> Result<RecordId, NodeError> {
    let values = [("name", name), ("duty", "coordinator"), ("phone", "13900000021")];
    act(node, "contact.add", &[], &values)
}

impl Teller {
    fn begin(&mut self) -> Node {
        found(self.homes[0].path()).expect("a new folder takes a hub");
        let node = self.open();
        self.say(&node);
        node
    }

    fn open(&self) -> Node {
        let node = open_brisk(self.homes[0].path(), LOG_PAGES).expect("it opens");
        if self.care == Care::Normal {
            let writer = node.writer().expect("it is open");
            let connection = writer.store.read();
            connection.pragma_update(None, "synchronous", "normal").expect("it is open");
        }
        node
    }

    /// Notes what the store holds, which was acknowledged.
    fn say(&mut self, node: &Node) {
        self.states.push(state(node.reader().read()).expect("it can be read"));
        self.mounts[0].disk().say(self.states.len() - 1);
    }

    fn step<T>(&mut self, node: &Node, step: impl FnOnce(&Node) -> Result<T, NodeError>) -> T {
        let done = step(node).unwrap_or_else(|error| panic!("step {}: {error}", self.states.len()));
        self.say(node);
        done
    }

    /// Takes an action whose effect is no record's; its line in the audit log comes with it.
    fn sign(&mut self, node: &Node, action: &str, values: &[(&str, &str)]) {
        let action = registry::action(action).expect("the action exists");
        let given = given(action, values);
        self.step(node, |node| node.act(action, &[], &given));
    }

    fn sync(&mut self, nodes: [&Node; 2]) {
        let reports = wire::sync(nodes, &mut || self.say(nodes[0])).expect("both stores work");
        let equal = reports.iter().flatten().filter(|report| report.equal).count();
        assert_eq!(equal, 2, "{reports:?}");
    }

    /// Lets a second device of the hub in, and opens it.
    fn colleague(&mut self, node: &Node) -> Node {
        let folder = self.homes[1].path().to_owned();
        std::fs::remove_file(folder.join("store.db")).expect("no node lives there yet");
        let keys = Home::new(&folder).make(&Guard::File).expect("a new folder takes keys");
        std::fs::write(folder.join("store.db"), []).expect("the folder takes it");
        let key = SigningKey::from_seed(&keys.device).public();
        let me = node.me().expect("me");
        let person = "孙涛".to_owned();
        self.step(node, |node| {
            let added = Statement::AddDevice { org: me.org_id, key, person: person.clone() };
            let mut writer = node.writer()?;
            let who = node.who(&writer)?;
            writer.state(&who, vec![added], |_| Ok(()))
        });
        for (device, person) in [(me.device, "郝敏"), (key.device(), "孙涛")] {
            let device = device.to_string();
            let values = [("device", device.as_str()), ("person", person), ("role", "officer")];
            self.sign(node, "role.grant", &values);
        }
        let membership = node.writer().expect("it is open").membership.clone();
        let mut store = Store::open(&Home::new(&folder).database(), &keys.store).expect("opens");
        let transaction = store.write().expect("nobody else writes");
        for entry in membership.entries_from(0) {
            store::membership::put(&transaction, entry).expect("stored");
        }
        store::set_meta(&transaction, PERSON, person.as_bytes()).expect("stored");
        let hub = SigningKey::from_seed(&node.shared.keys.device).public();
        peers::put(&transaction, &hub, me.org_id, None).expect("stored");
        transaction.commit().expect("stored");
        drop(store);
        open(&folder).expect("it opens")
    }

    /// What one person does alone: records, several at once, rosters, drafts, a look at numbers.
    fn register(&mut self, node: &Node) {
        for (number, name) in COLLEGES.iter().enumerate() {
            let short_code = format!("1394{number}");
            let values = [
                ("role", "college"),
                ("name", name),
                ("short_code", &short_code),
                ("region_code", "610100"),
                ("reporting_unit", "610100"),
            ];
            self.step(node, |node| act(node, "organisation.add", &[], &values));
        }
        let mut contacts = Vec::new();
        for name in PERSONS {
            contacts.push(self.step(node, |node| add(node, name)));
        }
        for pair in contacts.chunks(2) {
            self.step(node, |node| act(node, "contact.edit", pair, &[("post", "主任")]));
        }
        let texts = |text: &str| BTreeMap::from([("post".to_owned(), text.to_owned())]);
        for text in ["副", "副主", "副主任"] {
            let subject = Some(contacts[0]);
            self.step(node, |node| node.draft_put("contact.edit", subject, &texts(text)));
        }
        self.step(node, |node| act(node, "contact.edit", &contacts[..1], &[("post", "副主任")]));
        self.step(node, |node| node.draft_drop("contact.edit", Some(contacts[0])));
        for rows in [1..8, 8..9, 20..80, 100..130] {
            self.step(node, |node| import(node, rows.clone()));
        }
        self.step(node, |node| node.undo(&What::Last, &[]));
        let ids = contacts.clone();
        self.step(node, |node| node.audit("reveal", Contact::KIND.key, &ids, &["phone"]));
        let orders: Vec<Order> = PERSONS.iter().map(|name| order(name)).collect();
        self.step(node, |node| node.act_all(&orders));
    }

    /// What both do, together and apart.
    fn together(&mut self, node: &Node, colleague: &Node) {
        self.sync([node, colleague]);
        let contact = contacts(node)[0];
        act(colleague, "contact.edit", &[contact], &[("name", "王一芳")]).expect("allowed");
        import(colleague, 200..240).expect("allowed");
        self.step(node, |node| act(node, "contact.edit", &[contact], &[("name", "王二芳")]));
        self.sync([node, colleague]);
        let conflict = node.conflicts().expect("readable").remove(0).id.to_string();
        let values = [("id", conflict.as_str()), ("choice", "1")];
        self.sign(node, "conflict.choose", &values);
        self.sync([node, colleague]);
    }

    /// What is done after a new start.
    fn later(&mut self, node: &Node, colleague: &Node) {
        self.say(node);
        for name in PERSONS {
            self.step(node, |node| add(node, name));
        }
        import(colleague, 300..320).expect("allowed");
        self.sync([node, colleague]);
        self.step(node, |node| node.undo(&What::Last, &[]));
    }
}

/// Takes an action, and returns the last record of it.
pub fn act(
    node: &Node,
    action: &str,
    ids: &[RecordId],
    values: &[(&str, &str)],
) -> Result<RecordId, NodeError> {
    let action = registry::action(action).expect("the action exists");
    let given = given(action, values);
    let answers = node.act(action, ids, &given)?;
    Ok(answers.last().expect("each answers").id)
}

fn order(name: &str) -> Order {
    let action = registry::action("contact.add").expect("the action exists");
    let values = [("name", name), ("duty", "coordinator"), ("phone", "13900000021")];
    Order { action, id: None, given: given(action, &values) }
}

fn given(action: &Action, values: &[(&str, &str)]) -> Given {
    let read = |(key, text): &(&str, &str)| {
        ((*key).to_owned(), action.read(key, text).expect("the value is right"))
    };
    values.iter().map(read).collect()
}

/// Imports a roster of made-up persons.
pub fn import(node: &Node, rows: std::ops::Range<u32>) -> Result<(), NodeError> {
    let mut text = "姓名,身份证号,手机号码\n".to_owned();
    for number in rows {
        let body = format!("61019920040101{number:03}");
        let check = resident_check(&body).expect("17 digits");
        text.push_str(&format!("王芳,{body}{check},1990000{number:04}\n"));
    }
    let table = read_pasted(&text).expect("a table");
    let mut draft = Draft::new(Roster::Learner, table, clock().now().date()).expect("a header");
    node.import_match(&mut draft)?;
    node.import(&draft, None, &mut |_, _| true).map(|_| ())
}

/// The contacts that there are.
pub fn contacts(node: &Node) -> Vec<RecordId> {
    let list = node.list(&Query::all(Contact::KIND)).expect("readable");
    list.rows.iter().map(|row| row.id).collect()
}

/// What SQLite finds wrong with a store: pages that are not what was encrypted, indexes that are
/// not those of their tables.
pub fn damage(node: &Node) -> Option<String> {
    let tables = answers(node, "pragma integrity_check");
    let sound = tables.as_ref().is_ok_and(|found| found == &["ok"]);
    (!sound).then(|| format!("{tables:?}"))
}

/// What a check finds wrong with the pages of the database's file: what a cut has torn there stands
/// in the log, and is none of it.
pub fn torn(node: &Node) -> Option<String> {
    let wrong = check::pages(node.reader().read());
    (!wrong.is_empty()).then(|| format!("{wrong:?}"))
}

fn answers(node: &Node, pragma: &str) -> rusqlite::Result<Vec<String>> {
    let reader = node.reader();
    let mut statement = reader.read().prepare(pragma)?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// What a store holds.
pub fn state(connection: &Connection) -> Result<State, StoreError> {
    let mut tables =
        connection.prepare_cached("select name from sqlite_schema where type = 'table'")?;
    let tables = tables.query_map([], |row| row.get(0))?;
    let mut state = State::new();
    for table in tables.collect::<Result<Vec<String>, _>>()? {
        let mut statement = connection.prepare_cached(&format!("select * from {table}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        let (mut count, mut digest) = (0, Sha256::new());
        while let Some(row) = rows.next()? {
            count += 1;
            (0..columns)
                .try_for_each(|at| row.get_ref(at).map(|value| hash(&mut digest, value)))?;
        }
        state.insert(table, (count, digest.finalize().into()));
    }
    Ok(state)
}

fn hash(digest: &mut Sha256, value: ValueRef<'_>) {
    let mut part = |kind: u8, bytes: &[u8]| {
        digest.update([kind]);
        digest.update(bytes.len().to_be_bytes());
        digest.update(bytes);
    };
    match value {
        ValueRef::Null => part(0, &[]),
        ValueRef::Integer(number) => part(1, &number.to_be_bytes()),
        ValueRef::Real(number) => part(2, &number.to_be_bytes()),
        ValueRef::Text(text) => part(3, text),
        ValueRef::Blob(bytes) => part(4, bytes),
    }
}

fn clock() -> Clock {
    Clock::story(Moment::parse("2026-04-01T09:00:00+08:00").expect("a moment"))
}

/// Pages of the log after which it is copied into the database: few, so that it happens often.
const LOG_PAGES: i64 = 60;
const COLLEGES: [&str; 3] = ["西安铁路职业技术学院", "宝鸡职业技术学院", "榆林职业技术学院"];
const PERSONS: [&str; 6] = ["王芳", "李强", "欧阳静", "赵敏", "周杰", "陈晨"];
