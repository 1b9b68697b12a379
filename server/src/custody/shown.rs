//! Signing keys as operators are shown them, by the admin API and by `actas keys --json` alike.

use delegation::custody::Standing;
use policy::Timestamp;
use serde::Serialize;

/// Times are seconds since 1970.
#[derive(Debug, Serialize)]
pub(crate) struct Key {
    pub kid: String,
    pub algorithm: String,
    /// `next`, `active`, `retiring`, `retired`, `compromised`.
    pub state: &'static str,
    pub published_at: i64,
    pub signs_from: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs_until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compromised_at: Option<i64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Keys {
    pub keys: Vec<Key>,
    /// When one of them changes its state, or the next is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_change_at: Option<i64>,
}

impl Keys {
    pub fn of((standing, next): (Vec<Standing>, Option<Timestamp>)) -> Self {
        let keys = standing.into_iter().map(Key::of).collect();
        Self { keys, next_change_at: next.map(|at| at.0) }
    }
}

impl Key {
    fn of(Standing { key, state }: Standing) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm,
            state: state.name(),
            published_at: key.created_at.0,
            signs_from: key.activates_at.0,
            signs_until: key.retires_at.map(|at| at.0),
            compromised_at: key.compromised_at.map(|at| at.0),
        }
    }
}
