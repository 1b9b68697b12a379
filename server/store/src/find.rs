//! What became of one delegation.

use delegation::{ports::Found, refusal::Fault};
use uuid::Uuid;

use crate::database::Database;

pub(crate) async fn find(
    _database: &Database,
    _org: &str,
    _delegation: Uuid,
) -> Result<Option<Found>, Fault> {
    Err(Fault::Store("to come".to_owned()))
}
