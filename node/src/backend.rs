//! Which arithmetic this process uses.

use std::env;
use std::sync::OnceLock;

use logos_crypto::backend::Backend;
use thiserror::Error;

/// The variable that forces an arithmetic.
const VARIABLE: &str = "LOGOS_BACKEND";

/// The environment names an arithmetic that there is not.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("LOGOS_BACKEND is {0:?}: set it to `portable`, or leave it out for the fastest there is")]
pub struct BackendError(String);

/// The fastest arithmetic of this processor, or the portable one if `LOGOS_BACKEND=portable`.
///
/// # Errors
///
/// [`BackendError`] if the variable holds anything else.
pub fn backend() -> Result<Backend, BackendError> {
    choose(env::var_os(VARIABLE).map(|name| name.to_string_lossy().into_owned()))
}

/// The same for work that cannot be refused: the portable arithmetic if the variable names none there
/// is. Read once.
pub(crate) fn backend_or_portable() -> Backend {
    static CHOSEN: OnceLock<Backend> = OnceLock::new();
    *CHOSEN.get_or_init(|| backend().unwrap_or(Backend::Portable))
}

fn choose(name: Option<String>) -> Result<Backend, BackendError> {
    match name {
        None => Ok(Backend::detect()),
        Some(name) if name.is_empty() => Ok(Backend::detect()),
        Some(name) if name == "portable" => Ok(Backend::Portable),
        Some(name) => Err(BackendError(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_arithmetic_is_asked_for_by_name_and_other_names_are_refused() {
        let named = |name: &str| choose(Some(name.to_owned()));
        assert_eq!(choose(None), Ok(Backend::detect()));
        assert_eq!(named(""), Ok(Backend::detect()));
        assert_eq!(named("portable"), Ok(Backend::Portable));
        assert_eq!(named("fast"), Err(BackendError("fast".to_owned())));
    }
}
