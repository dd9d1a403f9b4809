//! The binary is killed (`SIGKILL`) while it imports, edits and syncs: what it acknowledged is
//! there, a command that it did not end is there as a whole or not at all, and `onex check` finds nothing.
//!
//! `ONEX_KILLS=200 cargo test -p onex --test it killed -- --nocapture` kills that often and prints
//! what it saw; without it there are few. Power cuts are not tested here: the system goes on.

use std::fs::Metadata;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::program::{Home, Running, command};

/// Kills when nobody says how many.
const KILLS: usize = 10;
/// Learners of one roster.
const ROWS: usize = 300;
/// Commands after which everything that is stored is read again, beside the last one.
const CHECK_EVERY: usize = 20;
/// Syncs until a role has come.
const SYNCS_MAX: usize = 50;
/// Commands of each kind in turn.
const KINDS: [Kind; 3] = [Kind::Import, Kind::Edit, Kind::Sync];

/// What is under way when the process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Import,
    Edit,
    Sync,
}

/// What was seen.
#[derive(Debug, Default)]
struct Tally {
    /// Processes that were killed, by kind.
    killed: [usize; 3],
    /// Those of them whose store had begun to move and not ended.
    moving: usize,
    /// Those of them that had printed their answer.
    acknowledged: usize,
    /// Commands that were not ended and are there all the same, as a whole.
    whole: usize,
    /// Commands that ended before they could be killed.
    ended: usize,
}

/// Two devices of a hub: one serves, the other one is killed.
struct Pair {
    hub: Home,
    device: Home,
    _serving: Running,
    /// The contacts that the device and the hub edit.
    contacts: [String; 2],
    held: Held,
    /// How often the store is seen to move during a command of each kind: known once one was left
    /// to end. It depends on the machine, and on what else it does.
    moves: [Option<usize>; 3],
}

/// What is looked at after each kill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Held {
    /// Learners at the device.
    learners: usize,
    /// What both contacts are there.
    posts: [String; 2],
}

#[test]
fn what_a_killed_process_acknowledged_is_there() {
    let kills = std::env::var("ONEX_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let mut pair = Pair::new();
    let (mut tally, mut dice) = (Tally::default(), Dice(1));
    let mut round = 0;
    while tally.killed.iter().sum::<usize>() < kills {
        let kind = KINDS[round % KINDS.len()];
        pair.disturb(kind, round, &mut dice, &mut tally);
        round += 1;
        assert!(round < 10 * kills, "processes end before they can be killed: {tally:?}");
    }
    println!("{kills} kills in {round} commands: {tally:?}, {} learners", pair.held.learners);
    pair.end();
    assert!(tally.moving * 4 >= kills * 3, "the store stood still too often: {tally:?}");
    assert!(tally.killed.iter().all(|killed| *killed > 0), "{tally:?}");
}

impl Pair {
    fn new() -> Self {
        let hub = Home::hub();
        let serving = Running::serve(&hub);
        let invitation = hub.folder.path().join("invitation");
        let invitation = invitation.to_str().expect("UTF-8");
        hub.json(&["invite", "--device", "--out", invitation]);
        let device = Running::join(&hub, &[invitation, "--person", "王芳"]);
        let id = device.json(&["status"])["device"]["id"].clone();
        let id = format!("device={}", id.as_str().expect("an id"));
        hub.json(&["do", "role.grant", &id, "person=王芳", "role=officer"]);
        // The hub that serves is another process than the one that granted: it looks a little later.
        let is_officer = (0..SYNCS_MAX).any(|_| {
            device.json(&["sync"]);
            device.json(&["status"])["roles"].to_string().contains("officer")
        });
        assert!(is_officer, "the role has not come with {SYNCS_MAX} syncs");
        let contact = ["name=王芳", "duty=coordinator", "phone=13900000021"];
        let contacts = [&device, &hub].map(|home| home.make("contact.add", &contact));
        device.json(&["sync"]);
        let held = Held::default();
        Self { hub, device, _serving: serving, contacts, held, moves: [None; 3] }
    }

    /// Begins a command, kills it somewhere on its way, and looks at what is there. The first one of
    /// each kind is left to end.
    fn disturb(&mut self, kind: Kind, round: usize, dice: &mut Dice, tally: &mut Tally) {
        let file = self.roster(round);
        let [id, of_hub] = self.contacts.each_ref().map(|contact| format!("id={contact}"));
        let post = format!("post=第{round}位");
        let arguments: &[&str] = match kind {
            Kind::Import => &["import", "learner", &file, "--json"],
            Kind::Edit => &["do", "contact.edit", &id, &post, "--json"],
            Kind::Sync => &["sync", "--json"],
        };
        if kind == Kind::Sync {
            self.hub.json(&["do", "contact.edit", &of_hub, &post]);
        }
        let known = self.moves[kind as usize];
        let moves = known.map_or(usize::MAX, |known| 1 + dice.below(known as u64));
        let mut end = kill_after(self.device.folder.path(), arguments, moves);
        if kind == Kind::Sync {
            end.answer = end.answer.filter(|report| report["peers"][0]["equal"] == true);
        }
        if end.killed {
            tally.killed[kind as usize] += 1;
            self.moves[kind as usize] = known.map(|known| known + 1);
            tally.moving += usize::from(end.moved > 0);
            tally.acknowledged += usize::from(end.answer.is_some());
        } else {
            tally.ended += 1;
            self.moves[kind as usize] = Some(end.moved.max(1));
            assert!(end.answer.is_some(), "{kind:?} in round {round} failed");
        }
        tally.whole += usize::from(self.look(kind, round, &end));
    }

    /// Looks whether what was acknowledged is there, and the disturbed command as a whole or not at
    /// all. Returns whether it is there though nobody was told.
    fn look(&mut self, kind: Kind, round: usize, end: &End) -> bool {
        let learners = self.device.json(&["list", "learner", "--limit", "1"])["total"].clone();
        let learners = usize::try_from(learners.as_u64().expect("a number")).expect("few");
        let posts = self.contacts.each_ref().map(|contact| {
            let shown = self.device.json(&["show", "contact", contact]);
            shown["row"]["post"].as_str().unwrap_or_default().to_owned()
        });
        let now = Held { learners, posts };
        let mut whole = self.held.clone();
        match kind {
            Kind::Import => whole.learners += ROWS,
            Kind::Edit => whole.posts[0] = format!("第{round}位"),
            Kind::Sync => whole.posts[1] = format!("第{round}位"),
        }
        let what = format!("{kind:?} in round {round}: {end:?}");
        assert!(now == whole || now == self.held, "{what}: {now:?}, not {:?}", self.held);
        assert!(now == whole || end.answer.is_none(), "{what}: acknowledged and lost");
        self.held = now;
        if round.is_multiple_of(CHECK_EVERY) {
            check(&self.device);
        }
        self.held == whole && end.answer.is_none()
    }

    /// Writes a roster of people whom no other round has.
    fn roster(&self, round: usize) -> String {
        let mut text = "姓名,身份证号,手机号码\n".to_owned();
        for number in round * ROWS..(round + 1) * ROWS {
            let day = ["0401", "0402", "0403", "0404", "0405", "0406"][number / 1000 % 6];
            let body = format!("610199{}{day}{:03}", 1960 + number / 6000, number % 1000);
            let check = onex_crdt::field::code::resident_check(&body).expect("17 digits");
            text.push_str(&format!("王芳,{body}{check},199{number:08}\n"));
        }
        let file = self.device.folder.path().join("roster.csv");
        std::fs::write(&file, text).expect("the folder takes it");
        file.to_str().expect("UTF-8").to_owned()
    }

    /// Reads everything as the last kill left it, lets both say everything, and holds the one
    /// against the other.
    fn end(&self) {
        check(&self.device);
        let report = self.device.json(&["sync"]);
        let peer = &report["peers"][0];
        assert_eq!((&peer["reached"], &peer["equal"]), (&true.into(), &true.into()), "{report}");
        assert_eq!(report["unsent"]["changes"], 0, "{report}");
        for kind in ["contact", "learner"] {
            let list = |home: &Home| home.json(&["list", kind, "--limit", "100000", "--reveal"]);
            assert_eq!(list(&self.hub)["rows"], list(&self.device)["rows"], "{kind}");
        }
        let total = self.hub.json(&["list", "learner", "--limit", "1"])["total"].clone();
        assert_eq!(total, self.held.learners);
        check(&self.hub);
        check(&self.device);
    }
}

/// Has everything read again that is stored.
fn check(home: &Home) {
    let report = home.json(&["check"]);
    assert_eq!(report["ok"], true, "{report}");
}

/// How a command ended.
#[derive(Debug)]
struct End {
    killed: bool,
    /// How often the store had moved by then.
    moved: usize,
    /// What it had printed, if that was a whole value.
    answer: Option<Value>,
}

/// Runs the binary, and kills it as soon as its store has moved so many times.
fn kill_after(home: &Path, arguments: &[&str], moves: usize) -> End {
    let mut child =
        command(home, arguments).stdout(Stdio::piped()).spawn().expect("the binary runs");
    let mut out = child.stdout.take().expect("piped");
    let files = ["store.db-wal", "store.db"].map(|file| home.join("node").join(file));
    let (mut last, mut moved) = (counter(&files), 0);
    let mut ended = false;
    while moved < moves && !ended {
        let now = counter(&files);
        moved += usize::from(now != last);
        last = now;
        ended = child.try_wait().expect("it is our child").is_some();
        std::thread::yield_now();
    }
    // A process that has just ended does not mind.
    let _ = child.kill();
    let status = child.wait().expect("it is our child");
    let mut text = String::new();
    out.read_to_string(&mut text).expect("UTF-8");
    let killed = !status.success();
    assert!(!(ended && killed), "it failed by itself: {status} {text}");
    End { killed, moved, answer: serde_json::from_str(&text).ok() }
}

/// What moves whenever the store is written: the lengths of its files, and when they were written.
fn counter(files: &[PathBuf; 2]) -> [Option<(u64, std::time::SystemTime)>; 2] {
    let of = |file: Metadata| Some((file.len(), file.modified().ok()?));
    files.each_ref().map(|file| std::fs::metadata(file).ok().and_then(of))
}

/// Seeded chance (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end) as usize
    }
}
