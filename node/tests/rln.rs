//! The contract of `logos rln`: what scripts rely on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a test"
)]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder with the files of a test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("logos-cli-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Runs `logos` here with words of `line` as arguments.
    fn run(&self, line: &str, input: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_logos"))
            .args(line.split_whitespace())
            .current_dir(&self.0)
            .env("XDG_CACHE_HOME", self.0.join("cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input may have ended by now.
        child.stdin.take().unwrap().write_all(input).ok();
        Ran(child.wait_with_output().unwrap())
    }

    fn logos(&self, line: &str) -> Ran {
        self.run(line, b"")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    fn field(&self, name: &str, field: &str) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.read(name)).unwrap();
        json[field].as_str().unwrap().to_owned()
    }

    /// Identity `id.json` as leaf 0 and a proof of `hello` in `proof.bin`.
    fn with_proof() -> Self {
        let place = Self::new();
        place.logos("rln keygen --limit 2 --seed 0001 --out id.json").ends(0);
        place.logos("rln register --members members.txt id.json").prints("{\"index\":0}\n");
        place.prove(0, "hello", "proof.bin");
        place
    }

    fn prove(&self, id: u32, message: &str, out: &str) {
        let line = format!("{PROVE} --message-id {id} --out {out}");
        self.run(&line, message.as_bytes()).ends(0);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const PROVE: &str =
    "rln prove --identity id.json --members members.txt --index 0 --epoch 7 --app chat";
const VERIFY: &str = "rln verify --members members.txt --epoch 7 --app chat";

struct Ran(Output);

impl Ran {
    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.0.status.code(), Some(code), "{}{}", self.out(), self.err());
        self
    }

    #[track_caller]
    fn prints(&self, text: &str) -> &Self {
        assert_eq!(self.out(), text, "{}", self.err());
        self.ends(0)
    }

    /// Fails as unusable input, with nothing on standard output and each of `words` in the message.
    #[track_caller]
    fn complains(&self, words: &[&str]) -> &Self {
        self.ends(2);
        assert_eq!(self.out(), "");
        for word in words {
            assert!(self.err().contains(word), "{word:?} is not in: {}", self.err());
        }
        self
    }
}

#[test]
fn a_seeded_identity_is_that_of_zerokit() {
    let place = Place::new();
    place.logos("rln keygen --limit 100 --seed 00010203040506070809 --out id.json").ends(0);
    assert_eq!(
        place.field("id.json", "secret"),
        "16677e8197c559280f4823fa4609c31839606f6157f2b3f5bd017a7e6cce6607"
    );
    assert_eq!(
        place.field("id.json", "commitment"),
        "1ff5ce748c0d36ae8f5063b03b874b1ba816cabf051e569d9d6f0d5c2b6df10b"
    );
    assert_eq!(place.field("id.json", "rate_commitment").len(), 64);
    let json: serde_json::Value = serde_json::from_slice(&place.read("id.json")).unwrap();
    assert_eq!(json["limit"], 100);
}

#[test]
fn random_identities_differ_and_go_to_standard_output_for_a_dash() {
    let place = Place::new();
    let [one, other] = [0, 1].map(|_| place.logos("rln keygen --limit 1 --out -").ends(0).out());
    assert_ne!(one, other);
    assert!(one.starts_with("{\"secret\":\""));
}

#[cfg(unix)]
#[test]
fn identities_are_for_their_owner_alone_and_not_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.logos("rln keygen --limit 1 --out id.json").ends(0);
    let mode = fs::metadata(place.0.join("id.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = place.read("id.json");
    let again = place.logos("rln keygen --limit 1 --out id.json");
    again.complains(&["id.json exists", "--force"]);
    assert_eq!(place.read("id.json"), before);
    place.logos("rln keygen --limit 1 --out id.json --force").ends(0);
    assert_ne!(place.read("id.json"), before);
}

#[test]
fn limits_that_have_no_proofs_are_refused() {
    let place = Place::new();
    for (limit, words) in [("0", "zero"), ("65537", "65536"), ("-1", "--limit"), ("x", "--limit")] {
        let line = format!("rln keygen --limit={limit} --out id.json");
        place.logos(&line).complains(&[words]);
    }
    place.logos("rln keygen --limit 1 --seed 0g --out id.json").complains(&["--seed", "2"]);
    assert!(!place.0.join("id.json").exists());
    place.logos("rln keygen --limit 65536 --out id.json").ends(0);
}

#[test]
fn members_are_appended_and_what_is_there_stays() {
    let place = Place::new();
    place.logos("rln keygen --limit 1 --seed 01 --out a.json").ends(0);
    place.logos("rln keygen --limit 1 --seed 02 --out b.json").ends(0);
    place.logos("rln register --members members.txt a.json").prints("{\"index\":0}\n");
    let first = place.read("members.txt");
    assert_eq!(first, format!("{}\n", place.field("a.json", "rate_commitment")).as_bytes());
    place.logos("rln register --members members.txt b.json").prints("{\"index\":1}\n");
    let both = place.read("members.txt");
    assert!(both.starts_with(&first));
    let again = place.logos("rln register --members members.txt a.json");
    again.complains(&["members.txt", "already, as leaf 0", "--index 0"]);
    assert_eq!(place.read("members.txt"), both);
}

#[test]
fn a_garbage_members_file_is_named_with_its_line_and_stays_as_it_is() {
    let place = Place::with_proof();
    let good = String::from_utf8(place.read("members.txt")).unwrap();
    place.logos("rln keygen --limit 1 --seed 09 --out other.json").ends(0);
    for (bad, words) in [
        ("garbage\n".to_owned(), "7 characters"),
        ("\n".to_owned(), "empty"),
        (format!("{}\n", "f".repeat(64)), "canonical"),
        (good.clone(), "repeats line 1"),
    ] {
        let text = format!("{good}{bad}{}\n", "0".repeat(64));
        place.write("members.txt", &text);
        let register = place.logos("rln register --members members.txt other.json");
        register.complains(&["members.txt", "line 2", words]);
        assert_eq!(place.read("members.txt"), text.as_bytes());
        let verify = place.run(&format!("{VERIFY} proof.bin"), b"hello");
        verify.complains(&["members.txt", "line 2", words]);
    }
}

#[test]
fn a_proof_has_289_bytes_and_is_valid_for_its_message_alone() {
    let place = Place::with_proof();
    assert_eq!(place.read("proof.bin").len(), 289);
    place.write("message.txt", "hello");
    place.run(&format!("{VERIFY} proof.bin"), b"hello").prints("valid\n");
    place.logos(&format!("{VERIFY} --message message.txt proof.bin")).prints("valid\n");
    place.run(&format!("{VERIFY} proof.bin"), b"hello!").ends(1);
    let json = place.run(&format!("{VERIFY} --json proof.bin"), b"hello");
    json.prints("{\"valid\":true,\"reason\":null}\n");
    let proof = place.read("proof.bin");
    let piped = place.run(&format!("{VERIFY} --message message.txt -"), &proof);
    piped.prints("valid\n");
}

#[test]
fn every_refusal_has_a_reason() {
    let place = Place::with_proof();
    let judge = |arguments: &str, message: &str| {
        let ran =
            place.run(&format!("rln verify --json {arguments} proof.bin"), message.as_bytes());
        ran.ends(1);
        let json: serde_json::Value = serde_json::from_str(&ran.out()).unwrap();
        assert_eq!(json["valid"], false);
        json["reason"].as_str().unwrap().to_owned()
    };
    let here = "--members members.txt";
    assert_eq!(judge(&format!("{here} --epoch 7 --app chat"), "bye"), "other-message");
    assert_eq!(judge(&format!("{here} --epoch 8 --app chat"), "hello"), "other-epoch");
    assert_eq!(judge(&format!("{here} --epoch 7 --app forum"), "hello"), "other-epoch");
    place.write("others.txt", format!("{}\n", "01".repeat(32)));
    assert_eq!(judge("--members others.txt --epoch 7 --app chat", "hello"), "unknown-root");
    place.write("nobody.txt", "");
    assert_eq!(judge("--members nobody.txt --epoch 7 --app chat", "hello"), "unknown-root");
}

#[test]
fn a_changed_proof_is_not_valid_wherever_it_is_changed() {
    let place = Place::with_proof();
    let proof = place.read("proof.bin");
    for place_of_byte in (0..proof.len()).step_by(24).chain([31, 127, 128, 288]) {
        let mut changed = proof.clone();
        changed[place_of_byte] ^= 1;
        place.write("changed.bin", &changed);
        place.run(&format!("{VERIFY} changed.bin"), b"hello").ends(1);
    }
}

#[test]
fn what_cannot_be_a_proof_is_unusable() {
    let place = Place::with_proof();
    let proof = place.read("proof.bin");
    for length in [0, 1, 137, 287, 288 + 3] {
        let mut bytes = proof.clone();
        bytes.resize(length, 0);
        place.write("bad.bin", bytes);
        let verify = place.run(&format!("{VERIFY} bad.bin"), b"hello");
        verify.complains(&["bad.bin", "no proof has", "289"]);
        place.logos("rln recover bad.bin proof.bin").complains(&["bad.bin"]);
    }
    let json = place.run(&format!("{VERIFY} --json bad.bin"), b"hello");
    json.ends(2);
    assert_eq!(json.out(), "{\"valid\":false,\"reason\":\"unusable-input\"}\n");
}

#[test]
fn missing_files_are_named() {
    let place = Place::with_proof();
    place.run(&format!("{VERIFY} no.bin"), b"").complains(&["no.bin", "check the path"]);
    place.logos(&format!("{VERIFY} --message no.txt proof.bin")).complains(&["no.txt"]);
    let verify = "rln verify --members no.txt --epoch 7 --app chat proof.bin";
    place.logos(verify).complains(&["no.txt"]);
    place.logos("rln register --members members.txt no.json").complains(&["no.json"]);
    place.logos("rln register --members no/members.txt id.json").complains(&["no/members.txt"]);
    place.logos("rln inspect no").complains(&["no"]);
    place.run(&format!("{VERIFY} --key no.key proof.bin"), b"").complains(&["no.key"]);
}

#[test]
fn older_frames_are_read() {
    let place = Place::with_proof();
    let proof = place.read("proof.bin");
    let (points, values) = proof.split_at(128);
    let field = |number: usize| &values[1 + 32 * number..33 + 32 * number];
    // 3.0: y, root, nullifier, x, external nullifier. Before: root, external nullifier, x, y,
    // nullifier.
    let older: Vec<u8> =
        [1, 4, 3, 0, 2].iter().flat_map(|number| field(*number)).copied().collect();
    place.write("v0_9.bin", [points, &older].concat());
    place.write("v2.bin", [&[0][..], points, &[0], &older].concat());
    for (name, length) in [("v0_9.bin", 288), ("v2.bin", 290)] {
        assert_eq!(place.read(name).len(), length);
        place.run(&format!("{VERIFY} {name}"), b"hello").prints("valid\n");
    }
}

#[test]
fn message_ids_from_the_limit_on_are_refused() {
    let place = Place::with_proof();
    place.prove(1, "second", "second.bin");
    let over = place.run(&format!("{PROVE} --message-id 2 --out third.bin"), b"third");
    over.complains(&["message id 2", "limit 2", "--message-id 0 to 1"]);
    assert!(!place.0.join("third.bin").exists());
}

#[test]
fn somebody_elses_leaf_cannot_be_proved_for() {
    let place = Place::with_proof();
    place.logos("rln keygen --limit 2 --seed 02 --out other.json").ends(0);
    let other = PROVE.replace("id.json", "other.json");
    let prove = place.run(&format!("{other} --message-id 0 --out p.bin"), b"");
    prove.complains(&["not in the members file", "register"]);
    let wrong = PROVE.replace("--index 0", "--index 1");
    let prove = place.run(&format!("{wrong} --message-id 0 --out p.bin"), b"");
    prove.complains(&["leaf 1 is not this identity's", "--index 0"]);
    assert!(!place.0.join("p.bin").exists());
}

#[test]
fn a_changed_identity_file_is_refused() {
    let place = Place::with_proof();
    let text = String::from_utf8(place.read("id.json")).unwrap();
    place.write("id.json", text.replace("\"limit\":2", "\"limit\":3"));
    let prove = place.run(&format!("{PROVE} --message-id 0 --out p.bin"), b"");
    prove.complains(&["id.json", "rate_commitment", "keygen"]);
    place.write("id.json", "{}");
    place.logos("rln register --members members.txt id.json").complains(&["id.json", "line 1"]);
}

#[test]
fn two_messages_under_one_id_give_the_secret_away() {
    let place = Place::with_proof();
    place.prove(0, "goodbye", "double.bin");
    let secret = place.field("id.json", "secret");
    place.logos("rln recover proof.bin double.bin").prints(&format!("{secret}\n"));
    let json = place.logos("rln recover --json double.bin proof.bin").ends(0).out();
    assert_eq!(json, format!("{{\"secret\":\"{secret}\",\"reason\":null}}\n"));
}

#[test]
fn proofs_that_give_nothing_away_end_with_one() {
    let place = Place::with_proof();
    place.prove(1, "goodbye", "fair.bin");
    let fair = place.logos("rln recover proof.bin fair.bin");
    fair.ends(1);
    assert_eq!(fair.out(), "");
    assert!(fair.err().contains("no message id was used twice"), "{}", fair.err());
    place.logos("rln recover proof.bin proof.bin").ends(1);
}

#[test]
fn proofs_come_out_of_pipes_and_as_json() {
    let place = Place::with_proof();
    let piped = place.run(&format!("{PROVE} --message-id 1 --out -"), b"piped");
    assert_eq!(piped.ends(0).0.stdout.len(), 289);
    let json = place.run(&format!("{PROVE} --json --message-id 1 --out p.bin"), b"piped");
    let json: serde_json::Value = serde_json::from_str(&json.ends(0).out()).unwrap();
    assert_eq!(json["bytes"], 289);
    assert_eq!(json["root"].as_str().unwrap().len(), 64);
    let both = place.run(&format!("{PROVE} --json --message-id 1 --out -"), b"piped");
    both.complains(&["--out"]);
    let two = PROVE.replace("id.json", "-");
    place.run(&format!("{two} --message-id 1 --out p.bin"), b"").complains(&["standard input"]);
}

#[test]
fn inspect_tells_what_a_file_is_and_shows_no_secret() {
    let place = Place::with_proof();
    place.write("key", logos_rln_keys::single_bytes());
    place.write("letter", "Dear reader");
    let kind = |name: &str| {
        let out = place.logos(&format!("rln inspect --json {name}")).ends(0).out();
        assert!(!out.contains(&place.field("id.json", "secret")));
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    assert_eq!(kind("proof.bin")["kind"], "proof");
    assert_eq!(kind("id.json")["rate_commitment"], place.field("id.json", "rate_commitment"));
    assert_eq!(kind("members.txt")["members"], 1);
    assert_eq!(kind("members.txt")["root"], kind("proof.bin")["root"]);
    assert_eq!(kind("key")["limit_bits"], 16);
    place.logos("rln inspect letter").complains(&["letter", "no proof"]);
    assert!(place.logos("rln inspect proof.bin").ends(0).out().contains("nullifier"));
}

#[test]
fn another_key_is_taken_from_a_file() {
    let place = Place::with_proof();
    place.write("multi.key", logos_rln_keys::multi_bytes());
    let line = format!("{PROVE} --key multi.key --message-id 0 --message-id 1 --out multi.bin");
    place.run(&line, b"twice").ends(0);
    assert_eq!(place.read("multi.bin").len(), 509);
    place.run(&format!("{VERIFY} --key multi.key multi.bin"), b"twice").prints("valid\n");
    place.run(&format!("{VERIFY} multi.bin"), b"twice").ends(1);
    let two = place.run(&format!("{PROVE} --message-id 0 --message-id 1 --out p.bin"), b"");
    two.complains(&["2 message-id slots", "up to 1"]);
    place.write("multi.key", "no key");
    place.run(&format!("{VERIFY} --key multi.key multi.bin"), b"").complains(&["multi.key"]);
}

#[test]
fn bench_prints_a_row_for_each_kind_of_work() {
    let place = Place::new();
    let out = place.logos("rln bench --rounds 1 --json").ends(0).out();
    let figures: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(figures["timings"].as_array().unwrap().len(), 7);
    let beside = figures["zerokit"].as_array().map_or(0, Vec::len);
    assert_eq!(beside, if cfg!(feature = "zerokit") { 4 } else { 0 });
    assert!(place.logos("rln bench --rounds 1").ends(0).out().contains("full proof"));
}

#[test]
fn help_teaches_with_examples_and_wrong_words_end_with_two() {
    let place = Place::new();
    for command in ["keygen", "register", "prove", "verify", "recover", "inspect", "bench"] {
        let help = place.logos(&format!("rln {command} --help")).ends(0).out();
        assert!(help.contains("Examples:"), "{help}");
    }
    assert!(place.logos("rln --help").ends(0).out().contains("A session:"));
    assert!(place.logos("demo --help").ends(0).out().contains("Examples:"));
    place.logos("").ends(2);
    place.logos("rln verfiy").ends(2);
    place.logos("rln verify").ends(2);
}
