//! Writes the seeds of the `ratchet` targets that need keys: `cargo run -p logos-fuzz-targets
//! --example ratchet_seeds`.

use std::fs;
use std::io::Result;
use std::path::Path;

use logos_fuzz_targets::ratchet::seeds;

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds");
    for seed in seeds() {
        fs::create_dir_all(folder.join(seed.target))?;
        fs::write(folder.join(seed.target).join(seed.name), &seed.bytes)?;
    }
    Ok(())
}
