//! Two processes meet: serve, invite, join with digits compared, sync.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use super::program::{Home, command};

/// A process that is stopped when the test is over.
struct Running(Child);

impl Running {
    /// Starts the binary and returns it with the first value that it prints.
    fn start(home: &Path, arguments: &[&str]) -> (Self, Value) {
        let mut child =
            command(home, arguments).stdout(Stdio::piped()).spawn().expect("the binary runs");
        let out = child.stdout.take().expect("piped");
        let running = Self(child);
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("it prints a line");
        let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        (running, value)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_college_joins_and_syncs() {
    let hub = Home::hub();
    let college = [
        "role=college",
        "name=西安铁路职业技术学院",
        "short_code=13945",
        "region_code=610100",
        "reporting_unit=610100",
    ];
    let org = hub.make("organisation.add", &college);
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--json"];
    let (_serving, first) = Running::start(hub.folder.path(), &arguments);
    assert_eq!(first["device"], hub.json(&["status"])["device"]["id"]);

    let file = hub.folder.path().join("invitation");
    let file = file.to_str().expect("UTF-8");
    let wrong = ["invite", "--role", "evaluator", "--org", &org, "--out", file, "--json"];
    let refused = hub.run(&wrong);
    assert_eq!((refused.status, &refused.json()["refused"]["field"]), (1, &"role".into()));
    hub.json(&["invite", "--role", "college", "--org", &org[..8], "--out", file]);

    let college = Home::empty();
    let join = ["join", file, "--person", "王芳", "--wait", "60", "--json"];
    let (mut joining, asked) = Running::start(college.folder.path(), &join);
    let digits = format!("digits={}", asked["digits"].as_str().expect("digits"));
    let refused = hub.run(&["do", "device.confirm", "digits=1", "--json"]);
    assert_eq!((refused.status, &refused.json()["refused"]["field"]), (1, &"digits".into()));
    hub.json(&["do", "device.confirm", &digits]);
    assert!(joining.0.wait().expect("it ends").success());

    let status = college.json(&["status"]);
    assert_eq!(status["org"]["id"], org.as_str());
    assert_eq!((&status["org"]["role"], &status["person"]), (&"college".into(), &"王芳".into()));
    let phone = ["name=王芳", "duty=coordinator", "phone=13900000021"];
    let contact = college.make("contact.add", &phone);
    let report = college.json(&["sync"]);
    assert_eq!(
        (&report["peers"][0]["reached"], &report["peers"][0]["equal"]),
        (&true.into(), &true.into())
    );
    assert_eq!(hub.json(&["show", "contact", &contact])["row"]["name"], "王*");
}
