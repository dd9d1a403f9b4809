//! Writes the inputs that fuzzing begins with into `fuzz/corpus`: those made by the targets and
//! those in `tests/corpus`.

use std::fs;
use std::path::Path;

use onex_tests::fuzz::{TARGETS, corpus};

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, input) in corpus(target)?.into_iter().enumerate() {
            fs::write(folder.join(format!("{number:04}")), input)?;
        }
    }
    Ok(())
}
