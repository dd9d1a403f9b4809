//! What lies on the disk: of a thousand names and numbers not one, in no encoding (test M7).

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use onex_crdt::action::Given;
use onex_crdt::field::code::resident_check;
use onex_crdt::record::Record;
use onex_crdt::records::learner::Learner;
use onex_crdt::registry;
use onex_node::Node;
use onex_node::api::Query;
use onex_node::clock::Clock;
use onex_node::engine::Order;
use onex_node::table::write::gb18030;

use super::program::{Home, command};

/// Of these so many come by a file and the binary, the others by the handle.
const PEOPLE: usize = 1_000;
const BY_FILE: usize = 900;

/// A made-up person: name and number, both of nobody else.
fn person(number: usize) -> (String, String) {
    let given: String =
        [number / 100, number / 10 % 10, number % 10].map(|digit| GIVEN[digit]).concat();
    let name = format!("{}{given}", ["诸葛", "欧阳", "司徒", "上官"][number % 4]);
    let body = format!("610199200{}0101{:03}", 1 + number % 9, number);
    let check = resident_check(&body).expect("17 digits");
    (name, format!("{body}{check}"))
}

/// Ten syllables of names, one for each digit.
const GIVEN: [&str; 10] = ["青", "云", "明", "远", "静", "怡", "子", "轩", "若", "溪"];

/// Looks for many texts in one pass: only where the first four bytes are those of one.
struct Search {
    begins: Vec<bool>,
    needles: HashMap<[u8; 4], Vec<(Vec<u8>, usize)>>,
}

impl Search {
    /// Each text in UTF-8, in both orders of UTF-16, and in GB 18030.
    fn new(texts: &[String]) -> Self {
        let mut search = Self { begins: vec![false; 1 << 16], needles: HashMap::new() };
        for (number, text) in texts.iter().enumerate() {
            let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
            let forms = [
                text.as_bytes().to_vec(),
                utf16(u16::to_le_bytes),
                utf16(u16::to_be_bytes),
                gb18030(text),
            ];
            for form in forms {
                let start = *form.first_chunk::<4>().expect("longer than two characters");
                search.begins[usize::from(u16::from_be_bytes([start[0], start[1]]))] = true;
                search.needles.entry(start).or_default().push((form, number));
            }
        }
        search
    }

    /// The numbers of the texts that the bytes hold.
    fn found(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (at, window) in bytes.windows(4).enumerate() {
            if !self.begins[usize::from(u16::from_be_bytes([window[0], window[1]]))] {
                continue;
            }
            let start: [u8; 4] = window.try_into().expect("a window of four");
            let here = self.needles.get(&start).into_iter().flatten();
            let fits = here.filter(|(form, _)| bytes[at..].starts_with(form));
            found.extend(fits.map(|(_, number)| *number));
        }
        found
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("reads").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Checks that no file below a folder holds one of the texts; returns the names of the files.
fn check_none(search: &Search, folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for path in files(folder) {
        let bytes = std::fs::read(&path).expect("reads");
        assert_eq!(search.found(&bytes), BTreeSet::new(), "{}", path.display());
        names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
    }
    names
}

/// The orders for those who come by the handle.
fn orders() -> Vec<Order> {
    let action = registry::action("learner.add").expect("the action exists");
    let order = |number| {
        let (name, id_number) = person(number);
        let values = [
            ("name", name.as_str()),
            ("id_type", "resident_id"),
            ("id_number", id_number.as_str()),
            ("phone", "13900000021"),
            ("learner_kind", "social"),
        ];
        let read = |(key, text): (&str, &str)| {
            (key.to_owned(), action.read(key, text).expect("the value is right"))
        };
        let given: Given = values.into_iter().map(read).collect();
        Order { action, id: None, given }
    };
    (BY_FILE..PEOPLE).map(order).collect()
}

#[test]
fn no_name_and_no_number_lies_on_the_disk() {
    let people: Vec<(String, String)> = (0..PEOPLE).map(person).collect();
    let texts: Vec<String> =
        people.iter().flat_map(|(name, number)| [name.clone(), number.clone()]).collect();
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), 2 * PEOPLE, "of nobody else");
    let search = Search::new(&texts);
    let home = Home::hub();
    let temporary = home.folder.path().join("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let roster = home.folder.path().join("roster.csv");
    let rows = people[..BY_FILE].iter().map(|(name, number)| format!("{name},{number}\n"));
    std::fs::write(&roster, format!("姓名,证件号码\n{}", rows.collect::<String>()))
        .expect("written");
    let control = search.found(&std::fs::read(&roster).expect("reads"));
    assert_eq!(control.len(), 2 * BY_FILE, "the control: the search finds what is there");

    let arguments = ["import", "learner", roster.to_str().expect("UTF-8"), "--json"];
    let mut import = command(home.folder.path(), &arguments);
    let output = import.env("TMPDIR", &temporary).env("TMP", &temporary).output();
    let output = output.expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for said in [&output.stdout, &output.stderr] {
        assert_eq!(search.found(said), BTreeSet::new(), "what the program says");
    }

    let folder = home.folder.path().join("node");
    let node = Node::open(&folder, Clock::System).expect("opens");
    node.act_many(&[&orders()]).expect("saved");
    let rows = node.list(&Query::all(Learner::KIND)).expect("listed").rows;
    let shown: BTreeSet<&str> =
        rows.iter().flat_map(|row| [row.text("name"), row.text("id_number")]).flatten().collect();
    assert!(texts.iter().all(|text| shown.contains(text.as_str())), "the control: all are there");
    let open = check_none(&search, &folder);
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        assert!(open.iter().any(|file| file == name), "{name} is looked at while it is open");
    }
    let backups = home.folder.path().join("backups");
    std::fs::create_dir(&backups).expect("a folder");
    node.backup(&backups.join("today"), None).expect("backed up");
    assert_eq!(check_none(&search, &backups), ["today"]);
    drop(node);
    assert!(check_none(&search, &folder).contains(&"store.db".to_owned()));
    check_none(&search, &temporary);
    check_keys(&folder, &backups);
}

/// The keys lie in their own files and in no other: never in the database, nor in a backup.
fn check_keys(folder: &Path, backups: &Path) {
    let read = |name: &str| std::fs::read(folder.join(name)).expect("reads");
    for key in [read("store.key"), read("device.key")] {
        let holds = |path: &PathBuf| {
            let bytes = std::fs::read(path).expect("reads");
            bytes.windows(key.len()).any(|window| window == key)
        };
        let all = [files(folder), files(backups)].concat();
        assert_eq!(all.iter().filter(|path| holds(path)).count(), 1);
    }
}
