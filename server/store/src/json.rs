//! Lists that come from outside, kept as JSON.

use delegation::{names::Names, refusal::Fault};
use serde::{Serialize, de::DeserializeOwned};

use crate::database::Row;

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

/// As a column of text has it.
pub(crate) fn text<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|e| Fault::Store(format!("what is to be stored: {e}")))
}

/// A column of text, if there is any in it.
pub(crate) fn column<T: DeserializeOwned>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, Fault> {
    let text: Option<String> = row.get(column)?;
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|e| Fault::Store(format!("a stored `{column}`: {e}")))
}
