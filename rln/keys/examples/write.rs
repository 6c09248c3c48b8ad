//! Writes the single-message-id key to a folder, for who loads keys from files: `single.key`, the
//! prepared proving key, and `single.vk`, its verifying half.
//!
//! ```console
//! $ cargo run -p logos-rln-keys --example write -- FOLDER
//! ```

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(folder) = env::args().nth(1) else {
        return Err(io::Error::other("usage: write FOLDER"));
    };
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    fs::write(folder.join("single.key"), logos_rln_keys::single_bytes())?;
    fs::write(folder.join("single.vk"), logos_rln_keys::single_verifying_key().to_bytes())
}
