//! The person at the command line: the only place that asks who it is.

use std::os::unix::fs::MetadataExt;

use crate::config::variable;

/// Who the audit trail says did something by the command line: `cli:alice`.
///
/// What the system says of its user, and no proof: whoever runs this command has the database and
/// the master key anyway. Behind `sudo` it is the person, not the account they became.
pub(crate) fn operator() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(variable);
    let name = named.map_or_else(user_id, |name| name.chars().filter(|c| is_plain(*c)).collect());
    format!("cli:{name}")
}

/// In a container there is often no name.
fn user_id() -> String {
    let of_process = std::fs::metadata("/proc/self").map(|process| process.uid());
    of_process.map_or_else(|_| "unknown".to_owned(), |id| id.to_string())
}

/// It stands in the audit trail and on terminals.
fn is_plain(c: char) -> bool {
    c.is_ascii_graphic()
}
