//! Reads the tree itself: who may use whom, and the house rules that plain text shows.
//!
//! Nothing is compiled or judged here that rustc or clippy can see (clocks and randomness are
//! theirs, by `clippy.toml`). Tests may hold SQL, to damage a store or to look into one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What architecture section 1 says of one crate.
struct Rule {
    folder: &'static str,
    /// The crates of the workspace that it may use.
    arrows: &'static [&'static str],
    others: Others,
}

/// Which crates from outside the workspace one may use.
enum Others {
    /// These and no more, in tests also [`FOR_TESTS`].
    Only(&'static [&'static str]),
    /// Any but these and what is named after them (`quinn` stands for `quinn-proto` too).
    AllBut(&'static [&'static str]),
}

/// The table of architecture section 1; a new line here is a change of the architecture.
const RULES: [Rule; 5] = [
    Rule {
        folder: "crdt",
        arrows: &[],
        others: Others::Only(&[
            "automerge",
            "minicbor",
            "pinyin",
            "serde",
            "sha2",
            "thiserror",
            "unicode-normalization",
        ]),
    },
    Rule {
        folder: "protocol",
        arrows: &["onex-crdt"],
        others: Others::Only(&[
            "ed25519-dalek",
            "minicbor",
            "negentropy",
            "sha2",
            "thiserror",
            "zstd",
        ]),
    },
    Rule {
        folder: "node",
        arrows: &["onex-crdt", "onex-protocol"],
        others: Others::AllBut(&["crossterm", "ratatui"]),
    },
    Rule {
        folder: "tui",
        arrows: &["onex-crdt", "onex-node"],
        others: Others::AllBut(&["automerge", "quinn", "rusqlite"]),
    },
    Rule {
        folder: "tests",
        arrows: &["onex", "onex-crdt", "onex-node", "onex-protocol"],
        others: Others::AllBut(&[]),
    },
];

/// What the tests of `crdt` and `protocol` may use beside their crate's list.
const FOR_TESTS: [&str; 1] = ["proptest"];

/// Above this a file holds two topics (style 16 asks from 600 on).
const FILE_LINES_MAX: usize = 800;

/// Where SQL may stand (style 30).
const SQL_PLACES: [&str; 3] = ["node/src/store/", "node/src/store.rs", "node/migrations/"];

#[test]
fn each_crate_uses_what_the_table_allows() {
    for rule in RULES {
        let manifest = read(&format!("{}/Cargo.toml", rule.folder));
        assert_eq!(forbidden(&manifest, &rule), Vec::<String>::new(), "{}", rule.folder);
    }
}

#[test]
fn the_table_covers_the_workspace() {
    let manifest = read("Cargo.toml");
    let folders: BTreeSet<&str> = RULES.iter().map(|rule| rule.folder).collect();
    assert_eq!(members(&manifest), folders);
    for dependency in dependencies(&manifest) {
        assert_eq!(dependency.key, dependency.package, "a rename would hide it from the table");
    }
}

/// Checks which packages of a manifest the rule of a crate does not allow.
fn check_forbidden(folder: &str, manifest: &str, expected: &[&str]) {
    let rule = RULES.iter().find(|rule| rule.folder == folder).expect("a crate of the table");
    assert_eq!(forbidden(manifest, rule), expected, "{folder}: {manifest}");
}

#[test]
fn what_the_table_forbids_is_found() {
    let check = |folder: &str, line: &str, expected: &[&str]| {
        check_forbidden(folder, &format!("[dependencies]\n{line}\n"), expected);
    };
    check("crdt", "sha2.workspace = true", &[]);
    check("crdt", "tokio.workspace = true", &["tokio"]);
    check("crdt", "proptest = \"1\"", &["proptest"]);
    check("crdt", "# tokio = \"1\"", &[]);
    check("protocol", "automerge = \"1\"\nzstd = \"1\"", &["automerge"]);
    check("protocol", "zstd = { package = \"tokio\" }", &["tokio"]);
    check("protocol", "onex-node.workspace = true", &["onex-node"]);
    check("node", "quinn = \"1\"", &[]);
    check("node", "ratatui-textarea = \"1\"", &["ratatui-textarea"]);
    check("node", "onex = { path = \"../tui\" }", &["onex"]);
    check("tui", "onex-crdt.workspace = true", &[]);
    check("tui", "quinn-proto = \"1\"", &["quinn-proto"]);
    check("tui", "clap = { features = [\n  \"derive\",\n] }", &[]);
    check("tests", "rusqlite = \"1\"\nonex-protocol = \"1\"", &[]);
}

#[test]
fn no_section_of_a_manifest_is_overlooked() {
    let check = check_forbidden;
    check("crdt", "[package]\ntokio = \"1\"\n", &[]);
    check("crdt", "[dev-dependencies]\nproptest = \"1\"\n", &[]);
    check("crdt", "[dev-dependencies]\ntokio = \"1\"\n", &["tokio"]);
    check("crdt", "[dependencies.jiff]\nversion = \"1\"\n", &["jiff"]);
    check("protocol", "[build-dependencies]\ncc = \"1\"\n", &["cc"]);
    let renamed = "[dependencies.zstd]\npackage = \"tokio\"\n";
    check("protocol", renamed, &["tokio"]);
    let of_target = "[target.'cfg(windows)'.dependencies]\ncrossterm = \"1\"\n";
    check("node", of_target, &["crossterm"]);
    let of_tests = "[dev-dependencies]\nonex-protocol.workspace = true\n";
    check("tui", of_tests, &["onex-protocol"]);
}

#[test]
fn sources_keep_the_house_rules() {
    let mut faults = Vec::new();
    let files = files();
    assert!(files.len() > RULES.len(), "the tree was not found");
    for path in files {
        faults.extend(source_faults(&path, &read(&path)));
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn what_the_house_forbids_is_found() {
    let long = "//! x\n".repeat(FILE_LINES_MAX + 1);
    let check = |path: &str, text: &str, expected: &[&str]| {
        let expected: Vec<_> = expected.iter().map(|fault| format!("{path}: {fault}")).collect();
        assert_eq!(source_faults(path, text), expected);
    };
    check("crdt/src/a.rs", "//! x\nfn a() {}\n", &[]);
    check("crdt/src/a.rs", "fn a() {}\n", &["does not open with //!"]);
    check("crdt/src/a.rs", "/// x\n", &["does not open with //!"]);
    check("crdt/src/a.rs", "", &["does not open with //!"]);
    check("crdt/src/a/mod.rs", "//! x\n", &["is named mod.rs"]);
    check("crdt/src/a.rs", &long[6..], &[]);
    check("crdt/src/a.rs", &long, &["has 801 lines"]);
    let sql = "//! x\nconst A: &str = \"SELECT id FROM head\";\n";
    check("node/src/store/a.rs", sql, &[]);
    check("node/src/store.rs", sql, &[]);
    check("node/src/net.rs", sql, &["holds SQL in line 2"]);
    check("node/src/storehouse.rs", sql, &["holds SQL in line 2"]);
    check("node/tests/it/a.rs", sql, &[]);
    check("tui/src/a.rs", "//! x\nlet a = \"select id from head\";\n", &["holds SQL in line 2"]);
    check("tui/src/a.rs", "//! x\nlet a = \"delete from head\";\n", &["holds SQL in line 2"]);
    check("tui/src/a.rs", "//! x\n// BEGIN IMMEDIATE waits\nlet a = \"select one\";\n", &[]);
    check("node/migrations/0001.sql", "create table a (b) strict;\n", &[]);
    check("tui/src/a.sql", "create table a (b) strict;\n", &["is a file of SQL"]);
}

#[test]
fn the_tree_has_one_crossterm() {
    let check = |lock: &str, expected: &[&str]| {
        assert_eq!(versions(lock, "crossterm"), expected);
    };
    check("name = \"crossterm\"\nversion = \"0.29.0\"\n", &["0.29.0"]);
    check("name = \"crossterm_winapi\"\nversion = \"0.9.1\"\n", &[]);
    let two = "name = \"crossterm\"\nversion = \"1\"\n\nname = \"crossterm\"\nversion = \"2\"\n";
    check(two, &["1", "2"]);
    let lock = read("Cargo.lock");
    assert_eq!(versions(&lock, "crossterm").len(), 1, "two would not share one terminal's state");
}

#[test]
fn the_readme_names_both_commands() {
    let check = |readme: &str, expected: &[&str]| assert_eq!(unnamed(readme), expected);
    check("`cargo run --release -- demo` and `cargo test --workspace`", &[]);
    check("cargo run --release -- demo", &["cargo test --workspace"]);
    check("cargo run -- demo; cargo test --workspace", &["cargo run --release -- demo"]);
    if root().join("README.md").exists() {
        check(&read("README.md"), &[]);
    }
}

#[test]
fn clippy_is_told_the_same_everywhere() {
    let (crdt, protocol) = (read("crdt/clippy.toml"), read("protocol/clippy.toml"));
    assert!(entries(&crdt).iter().any(|entry| entry.contains("\"std::time::Instant::now\"")));
    let (crdt, protocol) = (entries(&crdt), entries(&protocol));
    assert_eq!(crdt.symmetric_difference(&protocol).collect::<Vec<_>>(), Vec::<&&str>::new());
    let root = read("clippy.toml");
    let lacking: Vec<_> = entries(&root).difference(&crdt).copied().collect();
    assert_eq!(lacking, Vec::<&str>::new(), "a crate's own file replaces the root one");
}

/// Returns the lines of a file of settings that are no remarks.
fn entries(settings: &str) -> BTreeSet<&str> {
    settings.lines().filter(|line| !line.starts_with('#')).collect()
}

/// One line of a manifest that brings a crate in.
struct Dependency {
    /// The name it is used by.
    key: String,
    /// The name it was published under.
    package: String,
    /// Whether only tests see it.
    for_tests: bool,
}

/// Returns the packages of a manifest that its rule does not allow, in their order.
fn forbidden(manifest: &str, rule: &Rule) -> Vec<String> {
    let allowed = |dependency: &Dependency| {
        let name = dependency.package.as_str();
        if name == "onex" || name.starts_with("onex-") {
            return rule.arrows.contains(&name);
        }
        match rule.others {
            Others::Only(list) => {
                list.contains(&name) || (dependency.for_tests && FOR_TESTS.contains(&name))
            }
            Others::AllBut(list) => !list.iter().any(|other| {
                name.strip_prefix(other)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }),
        }
    };
    let all = dependencies(manifest).into_iter();
    all.filter(|dependency| !allowed(dependency)).map(|dependency| dependency.package).collect()
}

/// Reads the dependencies of a manifest line by line, of whatever section they stand in.
fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = Vec::new();
    let mut section = "";
    for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = header;
            if let Some((_, key)) = header.split_once("dependencies.") {
                found.push(Dependency::new(section, key));
            }
        } else if section.contains("dependencies.") {
            if let (Some(package), Some(last)) = (renamed(line), found.last_mut()) {
                last.package = package.to_owned();
            }
        } else if let (true, Some((key, _))) =
            (section.ends_with("dependencies"), line.split_once('='))
        {
            let key = key.split('.').next().unwrap_or(key).trim();
            let mut dependency = Dependency::new(section, key);
            if let Some(package) = renamed(line) {
                dependency.package = package.to_owned();
            }
            found.push(dependency);
        }
    }
    found
}

impl Dependency {
    fn new(section: &str, key: &str) -> Self {
        let key = key.trim_matches(['"', '\'']).to_owned();
        Self { package: key.clone(), key, for_tests: section.contains("dev-dependencies") }
    }
}

/// Returns what a line says after `package =`.
fn renamed(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("package")?;
    rest.trim_start().strip_prefix('=')?.split('"').nth(1)
}

/// Returns the folders that the workspace lists.
fn members(manifest: &str) -> BTreeSet<&str> {
    let list = manifest.split_once("members = [").and_then(|(_, rest)| rest.split_once(']'));
    let names =
        list.map_or("", |(list, _)| list).split(',').map(|name| name.trim().trim_matches('"'));
    names.filter(|name| !name.is_empty()).collect()
}

/// What the benchmarks measure against: a plain SQLite database with the same rows.
const BASELINE: &str = "tests/benches/support/plain.rs";

/// Returns what one source file does against the house rules.
fn source_faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let sql_allowed = path.contains("/tests/")
        || path == BASELINE
        || SQL_PLACES.iter().any(|place| path.starts_with(place));
    if path.ends_with(".sql") {
        faults.extend((!sql_allowed).then(|| "is a file of SQL".to_owned()));
    } else {
        if path.ends_with("/mod.rs") {
            faults.push("is named mod.rs".to_owned());
        }
        if !text.starts_with("//!") {
            faults.push("does not open with //!".to_owned());
        }
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!("has {lines} lines"));
        }
        let sql = text.lines().position(holds_sql).filter(|_| !sql_allowed);
        faults.extend(sql.map(|line| format!("holds SQL in line {}", line + 1)));
    }
    faults.into_iter().map(|fault| format!("{path}: {fault}")).collect()
}

/// Whether a line of code looks like SQL: words in capitals, or a text that opens like a statement.
fn holds_sql(line: &str) -> bool {
    let code = line.trim_start();
    let capitals =
        ["SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "PRAGMA ", "BEGIN IMM"];
    let openings = ["\"insert into ", "\"delete from ", "\"create table ", "\"pragma "];
    let query = code.split_once("\"select ").is_some_and(|(_, rest)| rest.contains(" from "));
    let any = |words: &[&str]| words.iter().any(|word| code.contains(word));
    !code.starts_with("//") && (any(&capitals) || any(&openings) || query)
}

/// Returns the versions of a package in a lock file.
fn versions<'a>(lock: &'a str, package: &str) -> Vec<&'a str> {
    let name = format!("name = \"{package}\"");
    let lines = lock.lines().zip(lock.lines().skip(1));
    lines.filter(|(line, _)| *line == name).filter_map(|(_, next)| next.split('"').nth(1)).collect()
}

/// Returns the commands that a README has to name and does not.
fn unnamed(readme: &str) -> Vec<&'static str> {
    let mut commands = vec!["cargo run --release -- demo", "cargo test --workspace"];
    commands.retain(|command| !readme.contains(command));
    commands
}

/// Returns every source of the five crates as a path from the root with forward slashes.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = RULES.iter().map(|rule| root().join(rule.folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder lies in the tree") {
            let path = entry.expect("the folder can be read").path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if matches!(ending, Some("rs" | "sql")) {
                let relative = path.strip_prefix(root()).expect("it was found below the root");
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// Reads a file of the tree.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}
