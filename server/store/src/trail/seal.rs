//! Events get their place.
//!
//! The number is given in the order in which events become visible here, by ids within a batch. An
//! id says when a request was decided, not when its event was committed: of two replicas, the one
//! that decided first may commit last. Such an event was not there when the batch before was taken,
//! so it simply gets a later number than one with a larger id. Nobody ever waits for it, and no
//! number that was given is given again, moved or left out: whoever has seen everything up to a
//! number has seen everything that will ever be below it.
//!
//! What was taken is deleted by id, and never "everything up to" an id: one that became visible
//! meanwhile stays for the next batch. All of a batch is one transaction, so that an event is either
//! still waiting or in its place, and never both.

use delegation::{
    refusal::Fault,
    trail::{Index, link},
};
use serde::Serialize;

use super::{Place, ends, number};
use crate::{
    database::{Database, Transaction, Value},
    json,
};

// One step per org, however many events each has.
const WAITING: &str = "
  WITH RECURSIVE waiting (org) AS (
    SELECT MIN(org) FROM events
    UNION ALL
    SELECT (SELECT MIN(events.org) FROM events WHERE events.org > waiting.org)
    FROM waiting WHERE waiting.org IS NOT NULL
  )
  SELECT org FROM waiting WHERE org IS NOT NULL";

const TAKE: &str = "SELECT id, record FROM events WHERE org = $1 ORDER BY id LIMIT $2";

// The hashes come as one string of bytes, 32 for each number from $4 on.
const PLACE_POSTGRES: &str = "
  INSERT INTO trail (
    org, seq, id, at, outcome, client, subject, delegation, root, record, hash)
  SELECT
    $1, seq, id, at, outcome, client, subject, delegation, root, record,
    substr($3::bytea, (1 + 32 * (seq - $4))::int, 32)
  FROM json_to_recordset($2::json) AS places (
    seq bigint, id text, at bigint, outcome text, client text, subject text, delegation text,
    root text, record text)";

// The record stays in the database.
const PLACE_SQLITE: &str = "
  INSERT INTO trail (
    org, seq, id, at, outcome, client, subject, delegation, root, record, hash)
  SELECT
    $1, value ->> 'seq', value ->> 'id', value ->> 'at', value ->> 'outcome', value ->> 'client',
    value ->> 'subject', value ->> 'delegation', value ->> 'root', events.record,
    substr($3, 1 + 32 * ((value ->> 'seq') - $4), 32)
  FROM json_each($2) CROSS JOIN events ON events.org = $1 AND events.id = value ->> 'event'";

const FORGET_POSTGRES: &str = "
  DELETE FROM events
  WHERE org = $1 AND id = ANY (ARRAY (SELECT json_array_elements_text($2::json)))";

const FORGET_SQLITE: &str = "
  DELETE FROM events WHERE org = $1 AND id IN (SELECT value FROM json_each($2))";

/// Which organizations have events that wait for their place.
pub(crate) async fn waiting(database: &Database) -> Result<Vec<String>, Fault> {
    database.fetch_all(WAITING, &[]).await?.iter().map(|row| row.get("org")).collect()
}

/// Gives at most `most` events their place; returns how many.
pub(super) async fn run(place: &Place, most: usize) -> Result<usize, Fault> {
    let mut transaction = place.database.begin_writing().await?;
    match seal(&mut transaction, place, most).await? {
        0 => transaction.rollback().await.map(|()| 0),
        sealed => transaction.commit().await.map(|()| sealed),
    }
}

async fn seal(transaction: &mut Transaction, place: &Place, most: usize) -> Result<usize, Fault> {
    let Some(ends) = ends::lock(transaction, place).await? else { return Ok(0) };
    let waiting = take(transaction, &place.org, most).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let mut newest = (ends.last.seq, ends.last.hash);
    let (mut placed, mut hashes) = (Vec::with_capacity(waiting.len()), Vec::new());
    for Waiting { id, record } in &waiting {
        let hash = link(&newest.1, record);
        newest = (newest.0.saturating_add(1), hash);
        placed.push(Placed::new(newest.0, id, record, transaction));
        hashes.extend(hash);
    }
    append(transaction, &place.org, ends.last.seq, (&placed, &hashes)).await?;
    forget(transaction, &place.org, &waiting).await?;
    ends::move_last(transaction, place, newest).await?;
    Ok(waiting.len())
}

/// An event as it was written.
struct Waiting {
    id: String,
    record: String,
}

async fn take(
    transaction: &mut Transaction,
    org: &str,
    most: usize,
) -> Result<Vec<Waiting>, Fault> {
    let rows = transaction.fetch_all(TAKE, &[org.into(), number(most).into()]).await?;
    rows.iter().map(|row| Ok(Waiting { id: row.get("id")?, record: row.get("record")? })).collect()
}

/// An event in its place, without its hash.
#[derive(Serialize)]
struct Placed<'a> {
    seq: i64,
    /// The row of `events` it comes from.
    event: &'a str,
    id: String,
    at: i64,
    outcome: String,
    client: Option<String>,
    subject: Option<String>,
    delegation: Option<String>,
    root: Option<String>,
    record: Option<&'a str>,
}

impl<'a> Placed<'a> {
    fn new(seq: i64, event: &'a str, record: &'a str, transaction: &Transaction) -> Self {
        let Index { id, at, outcome, client, subject, delegation, root } = Index::of(event, record);
        let record = match transaction {
            Transaction::Postgres(_) => Some(record),
            Transaction::Sqlite(_) => None,
        };
        Self { seq, event, id, at, outcome, client, subject, delegation, root, record }
    }
}

async fn append(
    transaction: &mut Transaction,
    org: &str,
    before: i64,
    (placed, hashes): (&[Placed<'_>], &[u8]),
) -> Result<(), Fault> {
    let sql = match transaction {
        Transaction::Postgres(_) => PLACE_POSTGRES,
        Transaction::Sqlite(_) => PLACE_SQLITE,
    };
    let first = before.saturating_add(1);
    let values: [Value<'_>; 4] =
        [org.into(), json::write(placed).into(), hashes.into(), first.into()];
    all(transaction.execute(sql, &values).await?, placed.len())
}

async fn forget(
    transaction: &mut Transaction,
    org: &str,
    waiting: &[Waiting],
) -> Result<(), Fault> {
    let sql = match transaction {
        Transaction::Postgres(_) => FORGET_POSTGRES,
        Transaction::Sqlite(_) => FORGET_SQLITE,
    };
    let ids: Vec<&str> = waiting.iter().map(|event| event.id.as_str()).collect();
    let values = [org.into(), json::write(&ids).into()];
    all(transaction.execute(sql, &values).await?, waiting.len())
}

/// Each event is placed once, and waits no more; or nothing has happened.
fn all(rows: u64, events: usize) -> Result<(), Fault> {
    if usize::try_from(rows) == Ok(events) {
        Ok(())
    } else {
        Err(Fault::Store(format!("{rows} of {events} events would have got their place")))
    }
}
