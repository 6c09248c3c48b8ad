//! What to do next.

use std::io::ErrorKind;

use logos_node::{
    FileError, IdentityFileError, KeyFileError, MembersError, ProofFileError, RegisterError,
};
use logos_rln::{LimitError, MessageIdsError, ProveError};

use super::inspect::Unknown;
use super::keygen::WouldOverwrite;
use super::prove::PlaceError;

/// A line of advice for an error that has one.
pub(super) fn of(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        None.or_else(|| cause.downcast_ref().map(file))
            .or_else(|| cause.downcast_ref().map(members))
            .or_else(|| cause.downcast_ref().map(identity))
            .or_else(|| cause.downcast_ref().map(register))
            .or_else(|| cause.downcast_ref().map(limit))
            .or_else(|| cause.downcast_ref().and_then(message_ids))
            .or_else(|| cause.downcast_ref().and_then(prove))
            .or_else(|| cause.downcast_ref().map(place))
            .or_else(|| cause.downcast_ref().and_then(proof))
            .or_else(|| cause.downcast_ref().map(key))
            .or_else(|| cause.downcast_ref::<WouldOverwrite>().map(overwrite))
            .or_else(|| cause.downcast_ref::<Unknown>().map(unknown))
    })
}

fn file(error: &FileError) -> String {
    match error.kind {
        ErrorKind::NotFound => "check the path; `-` stands for standard input".to_owned(),
        ErrorKind::PermissionDenied => "check who owns the file and its folder".to_owned(),
        ErrorKind::FileTooLarge => "that is more than any such file holds".to_owned(),
        ErrorKind::StorageFull => "free some space and run the command again".to_owned(),
        _ => "nothing was changed; run the command again once that is solved".to_owned(),
    }
}

fn members(error: &MembersError) -> String {
    match error {
        MembersError::Empty { .. } => "write an empty leaf as 64 zeros, or take the line out",
        MembersError::Repeated { .. } => "take the second line out",
        MembersError::TooMany { .. } => "start another group",
        _ => "a line is one rate commitment, 64 hexadecimal digits: `rate_commitment` of id.json",
    }
    .to_owned()
}

fn identity(_: &IdentityFileError) -> String {
    "use the file as `logos rln keygen` wrote it".to_owned()
}

fn register(error: &RegisterError) -> String {
    match error {
        RegisterError::Duplicate { index } => format!("prove with --index {index}"),
        _ => "start another group".to_owned(),
    }
}

fn limit(error: &LimitError) -> String {
    match error {
        LimitError::IdNotBelowLimit { limit, .. } => format!(
            "use --message-id 0 to {}, each once an epoch, or wait for the next epoch",
            limit.saturating_sub(1)
        ),
        LimitError::OverCircuit { max, .. } => {
            format!("choose a limit up to {max}, or a key of a circuit with more bits with --key")
        }
        _ => "choose a limit of at least 1".to_owned(),
    }
}

fn message_ids(error: &MessageIdsError) -> Option<String> {
    match error {
        MessageIdsError::Limit(error) => Some(limit(error)),
        MessageIdsError::SlotMismatch { slots, .. } => {
            Some(format!("this key takes up to {slots} --message-id"))
        }
        _ => None,
    }
}

fn prove(error: &ProveError) -> Option<String> {
    match error {
        ProveError::MessageIds(error) => message_ids(error),
        _ => None,
    }
}

fn place(error: &PlaceError) -> String {
    match error {
        PlaceError::Elsewhere { found, .. } => format!("prove with --index {found}"),
        PlaceError::NotRegistered => {
            "register it first: logos rln register --members members.txt id.json".to_owned()
        }
    }
}

fn proof(error: &ProofFileError) -> Option<String> {
    error.is_wrong_length().then(|| {
        "a proof has 289 bytes (zerokit 3.0), 290 (2.0) or 288 (0.9); was the file cut short?"
            .to_owned()
    })
}

fn key(error: &KeyFileError) -> String {
    match error {
        KeyFileError::File(error) => file(error),
        KeyFileError::VerifyingOnly { .. } => {
            "name the proving key, or leave --key out for the deployed one".to_owned()
        }
        _ => "fetch the key again, or leave --key out for the deployed one".to_owned(),
    }
}

fn overwrite(_: &WouldOverwrite) -> String {
    "name another file, or add --force if the secret is not needed any more".to_owned()
}

fn unknown(_: &Unknown) -> String {
    "`logos rln --help` describes the files".to_owned()
}
