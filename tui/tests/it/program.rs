//! Running the binary on a home of its own: to its end, or beside the test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A node's home, and the binary that works on it.
pub struct Home {
    pub folder: TempDir,
}

/// What a run left: exit status and both outputs.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// The one JSON value on stdout.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Home {
    /// A home without a node.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// A home whose node is the hub's first, with a person who is its officer too.
    pub fn hub() -> Self {
        let home = Self::empty();
        home.json(&["init", "--role", "hub", "--name", "某省项目办", "--region", "610000"]);
        let device = home.json(&["status"])["device"]["id"].clone();
        let device = format!("device={}", device.as_str().expect("an id"));
        home.json(&["do", "role.grant", &device, "person=管理员", "role=officer"]);
        home
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = command(self.folder.path(), arguments).output().expect("the binary runs");
        Run {
            status: output.status.code().expect("it ends by itself"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs the binary with `--json`; it must be done.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(run.status, 0, "{arguments:?}: {run:?}");
        run.json()
    }

    /// Takes an action that makes a record, and returns its id.
    pub fn make(&self, action: &str, values: &[&str]) -> String {
        let made = self.json(&[&["do", action], values].concat());
        made["id"].as_str().expect("an id").to_owned()
    }
}

/// A process beside the test, killed when that is over.
pub struct Running(pub Child);

impl Running {
    /// Starts the binary on a home and returns it with the first value that it prints.
    pub fn start(home: &Home, arguments: &[&str]) -> (Self, Value) {
        Self::begin(command(home.folder.path(), arguments))
    }

    /// The same with a command of one's own.
    pub fn begin(mut command: Command) -> (Self, Value) {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let out = child.stdout.take().expect("piped");
        let running = Self(child);
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("it prints a line");
        let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        (running, value)
    }

    /// A node that others reach.
    pub fn serve(home: &Home) -> Self {
        Self::start(home, &["serve", "--listen", "127.0.0.1:0", "--json"]).0
    }

    /// A device that asks to be let in with these arguments, once a device of `home` has let it in.
    pub fn join(home: &Home, arguments: &[&str]) -> Home {
        let device = Home::empty();
        let arguments = [&["join"], arguments, &["--wait", "60", "--json"]].concat();
        let (mut joining, asked) = Self::start(&device, &arguments);
        let digits = format!("digits={}", asked["digits"].as_str().expect("digits"));
        home.json(&["do", "device.confirm", &digits]);
        assert!(joining.0.wait().expect("it ends").success());
        device
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The binary on a home, speaking Chinese.
pub fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onex"));
    command.args(arguments).env("ONEX_HOME", home.join("node")).env("ONEX_LANG", "zh");
    // Nothing of a test goes into the keystore of whoever runs it.
    command.env("ONEX_KEYSTORE", "off").env_remove("ONEX_PASSPHRASE_FILE");
    command.stdin(Stdio::null());
    command
}
