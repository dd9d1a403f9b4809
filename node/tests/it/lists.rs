//! Lists from memory are the lists that SQL gives: searches, pages, orders, edits by others.

use std::path::Path;

use onex_crdt::ids::{OrgId, RecordId};
use onex_crdt::record::{Record, Row};
use onex_crdt::records::learner::Learner;
use onex_crdt::value::Value;
use onex_node::api::{List, Query};
use onex_node::store::lists::Lists;
use onex_node::store::{KEY_BYTES, Store, projection, query};

const NAMES: [&str; 6] = ["王芳", "欧阳静", "李小龙", "王小芳", "阿依古丽·买买提", "Anna Lee"];
const CLASSES: [&str; 3] = ["软件2301", "软件2302", "供电2201"];

#[test]
fn a_search_finds_names_sounds_initials_and_digits() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(&store(folder.path()), 6);
    let mut lists = Lists::default();
    let mut check = |text: &str, expected: &[&str]| {
        let query = Query { text: Some(text.to_owned()), limit: Some(50), ..learners() };
        let from_memory = lists.list(store.read(), &query).expect("listed");
        let by_sql = query::list_by_sql(store.read(), &query).expect("listed");
        assert_eq!(names(&from_memory), expected, "{text}");
        assert_eq!(from_memory, by_sql, "{text}");
    };
    check("王芳", &["王芳"]);
    check("王", &["王芳", "王小芳"]);
    check("芳", &["王芳", "王小芳"]);
    check("阳静", &["欧阳静"]);
    check("ouyangjing", &["欧阳静"]);
    check("yangjing", &["欧阳静"]);
    check("oyj", &["欧阳静"]);
    check("yj", &["欧阳静"]);
    check("XiaoLong", &["李小龙"]);
    check("xl", &["李小龙"]);
    check("买买提", &["阿依古丽·买买提"]);
    check("anna", &["Anna Lee"]);
    check("1003", &["王小芳"]);
    check("61019920050101 1002", &["李小龙"]);
    check("王 2201", &[]);
    check("软件2301 王", &["王芳", "王小芳"]);
    check("zzz", &[]);
    check("  ", &["阿依古丽·买买提", "王芳", "欧阳静", "李小龙", "王小芳", "Anna Lee"]);
}

#[test]
fn pages_in_any_order_make_the_whole_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(&store(folder.path()), 300);
    let mut lists = Lists::default();
    check_all(&mut lists, &store);
}

#[test]
fn what_another_process_wrote_is_found_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let reader = store(folder.path());
    let mut lists = Lists::default();
    let writer = filled(&store(folder.path()), 300);
    check_all(&mut lists, &reader);
    for number in [7, 90, 299] {
        let moved = Row { fields: row(number + 1000).fields, ..row(number) };
        projection::put(writer.read(), Learner::KIND, &moved).expect("written");
    }
    projection::delete(writer.read(), Learner::KIND, row(3).id).expect("deleted");
    projection::put(writer.read(), Learner::KIND, &row(301)).expect("written");
    check_all(&mut lists, &reader);
    let found = Query { text: Some("2401001090".into()), limit: Some(9), ..learners() };
    assert_eq!(lists.list(reader.read(), &found).expect("listed").rows[0].id, row(90).id);
    for number in 302..900 {
        projection::put(writer.read(), Learner::KIND, &row(number)).expect("written");
    }
    check_all(&mut lists, &reader);
    projection::delete(writer.read(), Learner::KIND, row(899).id).expect("deleted");
    projection::put(writer.read(), Learner::KIND, &row(2000)).expect("written");
    check_all(&mut lists, &reader);
}

#[test]
fn counts_follow_rows_and_their_states() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(&store(folder.path()), 10);
    let count = || projection::counts(store.read(), Learner::KIND).expect("counted");
    assert_eq!(count(), [("active".to_owned(), 8), ("left".to_owned(), 2)]);
    let mut left = row(1);
    left.set_text("state", "left");
    projection::put(store.read(), Learner::KIND, &left).expect("written");
    projection::put(store.read(), Learner::KIND, &left).expect("written");
    projection::delete(store.read(), Learner::KIND, row(0).id).expect("deleted");
    projection::delete(store.read(), Learner::KIND, row(0).id).expect("deleted");
    assert_eq!(count(), [("active".to_owned(), 6), ("left".to_owned(), 3)]);
    assert_eq!(projection::count(store.read(), Learner::KIND).expect("counted"), 9);
    let gone = learners().with("state", text("left")).with("state", text("active"));
    assert_eq!(query::list_by_sql(store.read(), &gone).expect("listed").total, 9);
}

#[test]
fn the_beginning_or_the_end_of_an_id_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = filled(&store(folder.path()), 3);
    let find =
        |digits: &str| query::ids_meant_by(store.read(), Learner::KIND, digits).expect("readable");
    let id = row(1).id.to_string();
    assert_eq!(find(&id[..20]), [row(1).id]);
    assert_eq!(find(&id[..8]).len(), 2, "all of one organisation begin alike");
    assert_eq!(find(&row(1).id.short()), [row(1).id], "their ends differ");
    assert_eq!(find(&id[19..].to_uppercase()), [row(1).id]);
    assert_eq!(find("ffffffff"), []);
    assert_eq!(find("no digit"), []);
}

/// Every list that pages make, from memory and by SQL.
fn check_all(lists: &mut Lists, store: &Store) {
    let conditions: [&[(&str, &str)]; 4] = [
        &[],
        &[("state", "left")],
        &[("state", "active"), ("gender", "1")],
        &[("department", "供电学院")],
    ];
    let orders = [None, Some("student_no"), Some("birth_date")];
    for (conditions, text_wanted) in conditions.iter().flat_map(|c| [(c, ""), (c, "王")]) {
        for (order, descending) in orders.iter().flat_map(|key| [(key, false), (key, true)]) {
            let mut asked = Query {
                text: Some(text_wanted.to_owned()),
                order: order.map(|key| (key.to_owned(), descending)),
                ..learners()
            };
            for (key, value) in *conditions {
                asked = asked.with(key, text(value));
            }
            let whole = query::list_by_sql(store.read(), &asked).expect("listed");
            let mut rows = Vec::new();
            for offset in (0..whole.total + PAGE).step_by(PAGE) {
                let page = Query { limit: Some(PAGE), offset, ..asked.clone() };
                let page = lists.list(store.read(), &page).expect("listed");
                assert_eq!(page.total, whole.total, "{asked:?}");
                rows.extend(page.rows);
            }
            assert_eq!(rows, whole.rows, "{asked:?}");
        }
    }
}

const PAGE: usize = 150;
/// Makes ids that do not come in the order of their numbers.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

fn learners() -> Query {
    Query::all(Learner::KIND)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn names(list: &List) -> Vec<&str> {
    assert_eq!(list.total, list.rows.len());
    list.rows.iter().filter_map(|row| row.text("name")).collect()
}

fn store(folder: &Path) -> Store {
    Store::open(&folder.join("store.db"), &[7; KEY_BYTES]).expect("a store")
}

/// Another connection to a store, by which so many learners were written.
fn filled(store: &Store, learners: usize) -> Store {
    let path = store.read().path().expect("a file");
    let store = Store::open(Path::new(path), &[7; KEY_BYTES]).expect("a store");
    for number in 0..learners {
        projection::put(store.read(), Learner::KIND, &row(number)).expect("written");
    }
    store
}

fn row(number: usize) -> Row {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&(number as u64 + 1).wrapping_mul(SPREAD).to_be_bytes());
    let mut row =
        Row { id: RecordId::of(OrgId([1; 16]), id), born: number as u64, ..Row::default() };
    row.set_text("name", NAMES[number % NAMES.len()]);
    row.set_text("id_number", format!("61019920050101{}", 1000 + number));
    row.set_text("gender", if number.is_multiple_of(3) { "1" } else { "2" });
    row.set_text("birth_date", format!("2005-01-{:02}", 1 + number % 28));
    row.set_text("department", if number.is_multiple_of(4) { "软件学院" } else { "供电学院" });
    row.set_text("class_name", if number < 6 { CLASSES[0] } else { CLASSES[number % 3] });
    if number % 5 != 4 {
        row.set_text("student_no", format!("2401{number:06}"));
    }
    row.set_text("state", if number % 5 == 4 { "left" } else { "active" });
    row
}
