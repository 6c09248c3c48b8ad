//! `logos demo` in a small group.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a test"
)]

use std::process::{Command, Output, Stdio};

fn logos(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logos"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// With tables that are kept nowhere.
fn demo(arguments: &[&str]) -> Output {
    logos(&["demo", "--tables", "none"]).args(arguments).output().unwrap()
}

#[test]
fn every_claim_is_checked_and_listed() {
    let output = demo(&["--members", "4", "--messages", "10", "--limit", "2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("3 of 3 members who sent twice under one id were caught"), "{text}");
    assert!(text.contains("claims were checked and hold."), "{text}");
    assert!(!text.contains('✗'), "{text}");
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(progress.contains("finishing proofs"), "{progress}");
}

#[test]
fn programs_get_the_same_as_json() {
    let output = demo(&["--members", "4", "--messages", "4", "--json"]);
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let claims = report["claims"].as_array().unwrap();
    assert!(claims.len() > 10 && claims.iter().all(|claim| claim["holds"] == true), "{report}");
    assert_eq!(report["proof_bytes"], 289);
}

#[test]
fn an_impossible_group_is_refused() {
    for arguments in [&["--members", "2"][..], &["--limit", "0"], &["--text", "/no/such/file"]] {
        let output = demo(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}

#[cfg(unix)]
#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let mut child = logos(&["rln", "bench", "--rounds", "1", "--tables", "none"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
