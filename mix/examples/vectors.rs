//! Writes the vectors into the folder named by its argument: `tests/vectors/mix`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a program for people, which writes files"
)]

#[path = "../tests/vectors/generate.rs"]
mod generate;

fn main() {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    for (name, value) in generate::files() {
        let text = serde_json::to_string_pretty(&value).unwrap();
        std::fs::write(folder.join(name), text + "\n").unwrap();
    }
}
