//! Lists that come from outside, kept as JSON.

use delegation::{names::Names, refusal::Fault};
use serde::Serialize;

/// For texts and numbers, and lists of them: those can always be written.
pub(crate) fn write(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(crate) fn names(names: &Names) -> String {
    write(&names.iter().collect::<Vec<_>>())
}

pub(crate) fn read(text: &str) -> Result<Vec<String>, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::Store(format!("a stored list: {error}")))
}
