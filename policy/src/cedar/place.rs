//! Where in a file something stands, and how that is said.

use std::fmt;

use cedar_policy::ffi::DetailedError;

use super::{PolicyError, PolicyFile};

/// A byte of a file.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a PolicyFile,
    pub(super) offset: usize,
}

impl Place<'_> {
    /// The error that `message` is true of this place.
    pub(super) fn error(self, message: impl Into<String>) -> PolicyError {
        let (line, column) = self.line_and_column();
        let message = visible(&message.into());
        PolicyError { file: visible(&self.file.name), line, column, message }
    }

    /// What Cedar found, where it says; here when it does not.
    pub(super) fn explain(self, found: &DetailedError) -> PolicyError {
        let label = found.source_locations.first();
        let more = [label.and_then(|label| label.label.as_deref()), found.help.as_deref()];
        let message = more
            .into_iter()
            .flatten()
            .fold(found.message.clone(), |message, more| format!("{message}; {more}"));
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let offset = label.map_or(self.offset, |label| label.loc.start);
        Self { offset, ..self }.error(message)
    }

    /// Both from 1; the column in characters.
    fn line_and_column(self) -> (usize, usize) {
        let before = self.file.text.get(..self.offset).unwrap_or(&self.file.text);
        let line = before.rsplit('\n').next().unwrap_or("");
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_and_column();
        write!(f, "{}:{line}:{column}", self.file.name)
    }
}

/// Policies may hold characters that turn a line of a terminal or a log around.
fn visible(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
}
