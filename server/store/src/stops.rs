//! What operators have stopped.
//!
//! A stop is kept under a name, whatever is declared under it, even nothing: an agent that is dropped
//! and declared anew is still stopped. Only [`drop`] lets it go on. Otherwise whoever may declare could
//! undo, by two applies and without a word in the audit trail, what an operator has stopped.

use delegation::{declared::Stoppable, refusal::Fault};
use policy::Timestamp;

use crate::database::Transaction;

const PUT: &str = "
  INSERT INTO stops (org, kind, id, stopped_at) VALUES ($1, $2, $3, $4)
  ON CONFLICT (org, kind, id) DO NOTHING";

const DROP: &str = "DELETE FROM stops WHERE org = $1 AND kind = $2 AND id = $3";

// Whatever was decided before is decided anew.
const RAISE: &str = "UPDATE orgs SET revision = revision + 1 WHERE org = $1";

/// Stops something, if it is not stopped already.
pub(crate) async fn put(
    transaction: &mut Transaction,
    org: &str,
    what: &Stoppable,
    at: Timestamp,
) -> Result<(), Fault> {
    let (kind, id) = named(what);
    let values = [org.into(), kind.into(), id.into(), at.0.into()];
    transaction.execute(PUT, &values).await?;
    transaction.execute(RAISE, &[org.into()]).await.map(core::mem::drop)
}

/// Lets it go on; false when it was not stopped.
pub(crate) async fn drop(
    transaction: &mut Transaction,
    org: &str,
    what: &Stoppable,
) -> Result<bool, Fault> {
    let (kind, id) = named(what);
    if transaction.execute(DROP, &[org.into(), kind.into(), id.into()]).await? == 0 {
        return Ok(false);
    }
    transaction.execute(RAISE, &[org.into()]).await.map(|_| true)
}

fn named(what: &Stoppable) -> (&str, &str) {
    match what {
        Stoppable::Org => ("org", ""),
        Stoppable::Agent(id) => ("agent", id),
        Stoppable::Connection(id) => ("connection", id),
    }
}
