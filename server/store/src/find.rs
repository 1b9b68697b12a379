//! What became of one delegation.

use delegation::{ports::Found, refusal::Fault};
use uuid::Uuid;

use crate::{
    database::{Database, Row},
    recall::{moment, uuid},
};

// Questions within the question rather than joins: each stays a look-up of one row by primary key,
// however the tables have grown since the plan was made (see postgres/recall_derived.sql).
//
// An ancestor that is not there, or a grant, makes the delegation one that nobody can vouch for: as
// if it were not there itself. Nobody comes across that (see `sweep`) unless rows were taken out.
const FIND: &str = "
  WITH RECURSIVE line (id, parent, ended_at) AS (
    SELECT id, parent, ended_at FROM delegations WHERE org = $1 AND id = $2
    UNION -- Not UNION ALL: a circle, which cannot be, would end here.
    SELECT
      (SELECT above.id FROM delegations above WHERE above.org = $1 AND above.id = line.parent),
      (SELECT above.parent FROM delegations above WHERE above.org = $1 AND above.id = line.parent),
      (SELECT above.ended_at FROM delegations above WHERE above.org = $1 AND above.id = line.parent)
    FROM line WHERE line.parent IS NOT NULL
  )
  SELECT own.token_hash, own.root, own.connection, own.user_sub, own.agent,
    (SELECT MIN(ended_at) FROM line) AS line_ended_at,
    (SELECT id FROM grants WHERE org = $1 AND id = own.grant_id) AS held,
    (SELECT ended_at FROM grants WHERE org = $1 AND id = own.grant_id) AS grant_ended_at,
    (SELECT expires_at FROM grants WHERE org = $1 AND id = own.grant_id) AS grant_expires_at,
    (SELECT revision FROM orgs WHERE org = $1) AS revision
  FROM delegations own
  WHERE own.org = $1 AND own.id = $2
    AND NOT EXISTS (SELECT 1 FROM line WHERE id IS NULL)";

pub(crate) async fn find(
    database: &Database,
    org: &str,
    delegation: Uuid,
) -> Result<Option<Found>, Fault> {
    let delegation = delegation.to_string();
    let Some(row) = database.look(FIND, &[org, &delegation]).await? else { return Ok(None) };
    match row.get::<Option<String>>("held")? {
        Some(_) => found(&row).map(Some),
        None => Ok(None),
    }
}

fn found(row: &Row) -> Result<Found, Fault> {
    let ends = [moment(row, "line_ended_at")?, moment(row, "grant_ended_at")?];
    Ok(Found {
        token_hash: hash(row)?,
        root: uuid(&row.get::<String>("root")?)?,
        connection: row.get("connection")?,
        user: row.get("user_sub")?,
        agent: row.get("agent")?,
        ended_at: ends.into_iter().flatten().min(),
        grant_expires_at: moment(row, "grant_expires_at")?,
        revision: row.get("revision")?,
    })
}

fn hash(row: &Row) -> Result<[u8; 32], Fault> {
    let bytes: Vec<u8> = row.get("token_hash")?;
    bytes.try_into().map_err(|_| Fault::Store("a stored hash has not 32 bytes".to_owned()))
}
