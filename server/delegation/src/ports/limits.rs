//! How much may be asked.

use std::{fmt::Debug, time::Duration};

/// Counts what is asked, for one organization. Never waits: it lets pass or says when to come again.
pub trait Limiter: Debug + Send + Sync {
    /// # Errors
    ///
    /// After how long it makes sense to ask again.
    fn admit(&self, by: Asker<'_>) -> Result<(), Duration>;
}

/// Who asks, as soon as that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asker<'a> {
    /// An authenticated client.
    Agent(&'a str),
    /// The user a verified token is about, by the name in our tokens: of whatever hop it is.
    User(&'a str),
}
