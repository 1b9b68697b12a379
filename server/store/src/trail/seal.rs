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
    trail::{Anchor, Hash, Index, link},
};
use serde::Serialize;

use super::{Place, ends, number};
use crate::{
    database::{Database, Row, Transaction, Value},
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
    let ahead = match place.database {
        Database::Postgres { .. } => None,
        // Whoever writes there keeps everybody from it: what can be done before that is.
        Database::Sqlite { .. } => {
            let last = ends::read(place).await?.last;
            Some((last, waiting_for(place, most).await?))
        }
    };
    let chained = ahead.as_ref().map(|(last, waiting)| Chained::new(last, waiting, false));
    let mut transaction = place.database.begin_writing().await?;
    match seal(&mut transaction, place, most, chained).await? {
        0 => transaction.rollback().await.map(|()| 0),
        sealed => transaction.commit().await.map(|()| sealed),
    }
}

async fn seal(
    transaction: &mut Transaction,
    place: &Place,
    most: usize,
    ahead: Option<Chained<'_>>,
) -> Result<usize, Fault> {
    let Some(ends) = ends::lock(transaction, place).await? else { return Ok(0) };
    // Unless somebody has sealed meanwhile, who has perhaps taken the same events.
    if let Some(chained) = ahead.filter(|it| it.follows(&ends.last) && !it.placed.is_empty()) {
        return append(transaction, place, chained).await;
    }
    let waiting = take(transaction, &place.org, most).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let with_records = matches!(transaction, Transaction::Postgres(_));
    append(transaction, place, Chained::new(&ends.last, &waiting, with_records)).await
}

/// An event as it was written.
struct Waiting {
    id: String,
    record: String,
}

async fn waiting_for(place: &Place, most: usize) -> Result<Vec<Waiting>, Fault> {
    let rows = place.database.fetch_all(TAKE, &[(&*place.org).into(), number(most).into()]).await?;
    rows.iter().map(waiting_one).collect()
}

async fn take(
    transaction: &mut Transaction,
    org: &str,
    most: usize,
) -> Result<Vec<Waiting>, Fault> {
    let rows = transaction.fetch_all(TAKE, &[org.into(), number(most).into()]).await?;
    rows.iter().map(waiting_one).collect()
}

fn waiting_one(row: &Row) -> Result<Waiting, Fault> {
    Ok(Waiting { id: row.get("id")?, record: row.get("record")? })
}

/// Events as the links of a chain, and their hashes one after the other.
struct Chained<'a> {
    /// What they hang on.
    last: (i64, Hash),
    placed: Vec<Placed<'a>>,
    hashes: Vec<u8>,
    newest: (i64, Hash),
}

impl<'a> Chained<'a> {
    fn new(last: &Anchor, waiting: &'a [Waiting], with_records: bool) -> Self {
        let last = (last.seq, last.hash);
        let (mut newest, mut hashes) = (last, Vec::with_capacity(32 * waiting.len()));
        let mut placed = Vec::with_capacity(waiting.len());
        for Waiting { id, record } in waiting {
            let hash = link(&newest.1, record);
            newest = (newest.0.saturating_add(1), hash);
            placed.push(Placed::new(newest.0, id, record, with_records));
            hashes.extend(hash);
        }
        Self { last, placed, hashes, newest }
    }

    fn follows(&self, last: &Anchor) -> bool {
        self.last == (last.seq, last.hash)
    }
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
    fn new(seq: i64, event: &'a str, record: &'a str, with_record: bool) -> Self {
        let Index { id, at, outcome, client, subject, delegation, root } = Index::of(event, record);
        let record = with_record.then_some(record);
        Self { seq, event, id, at, outcome, client, subject, delegation, root, record }
    }
}

/// Writes them to the end of the trail; returns how many.
async fn append(
    transaction: &mut Transaction,
    place: &Place,
    Chained { last, placed, hashes, newest }: Chained<'_>,
) -> Result<usize, Fault> {
    let (put, forget) = match transaction {
        Transaction::Postgres(_) => (PLACE_POSTGRES, FORGET_POSTGRES),
        Transaction::Sqlite(..) => (PLACE_SQLITE, FORGET_SQLITE),
    };
    let org = Value::from(&*place.org);
    let first = last.0.saturating_add(1);
    let values = [org.clone(), json::write(&placed).into(), hashes.as_slice().into(), first.into()];
    all(transaction.execute(put, &values).await?, placed.len())?;
    let ids: Vec<&str> = placed.iter().map(|placed| placed.event).collect();
    let values = [org, json::write(&ids).into()];
    all(transaction.execute(forget, &values).await?, placed.len())?;
    ends::move_last(transaction, place, newest).await?;
    Ok(placed.len())
}

/// Each event is placed once, and waits no more; or nothing has happened.
fn all(rows: u64, events: usize) -> Result<(), Fault> {
    if usize::try_from(rows) == Ok(events) {
        Ok(())
    } else {
        Err(Fault::Store(format!("{rows} of {events} events would have got their place")))
    }
}
