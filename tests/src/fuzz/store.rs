//! A database that is not as it was left: it opens and says what it says, or it does not open.
//!
//! The input is a list of places (three bytes each, low first) and what is written there.

use std::cell::OnceCell;
use std::path::Path;

use onex_node::store::{Store, documents, membership, peers, quarantine};

const KEY: [u8; 32] = [7; 32];
/// Beyond this place the file is cut off instead.
const CUT: usize = 0xff_0000;

thread_local! {
    static WHOLE: OnceCell<Vec<u8>> = const { OnceCell::new() };
}

/// Opens a database with some bytes altered, and reads what a start reads.
pub fn run(data: &[u8]) {
    let mut bytes = whole();
    for patch in data.chunks_exact(4) {
        let at = usize::from(patch[0]) | usize::from(patch[1]) << 8 | usize::from(patch[2]) << 16;
        let length = bytes.len();
        if at >= CUT {
            bytes.truncate((at - CUT) * 256 % length.max(1));
        } else if length > 0 {
            bytes[at % length] ^= patch[3];
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    std::fs::write(&path, bytes).expect("room on the disk");
    look(&path);
}

fn look(path: &Path) {
    let Ok(store) = Store::open(path, &KEY) else { return };
    drop(membership::load(store.read()));
    drop(documents::headers(store.read()));
    drop(peers::all(store.read()));
    drop(quarantine::all(store.read()));
}

fn whole() -> Vec<u8> {
    let make = || {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        drop(Store::open(&path, &KEY).expect("a new database"));
        std::fs::read(path).expect("it was written")
    };
    WHOLE.with(|whole| whole.get_or_init(make).clone())
}

/// Nothing altered, the head, a page in the middle, a file that is cut off.
pub fn seeds() -> Vec<Vec<u8>> {
    let cut = |pages: u8| vec![pages, 0, 0xff, 0];
    vec![vec![], vec![3, 0, 0, 1], vec![0, 0x21, 0, 255, 9, 0x30, 1, 8], cut(0), cut(1), cut(40)]
}
