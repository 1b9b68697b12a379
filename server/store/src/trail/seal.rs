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

use std::sync::Arc;

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

const PLACE_SQLITE: &str = "
  INSERT INTO trail (
    org, seq, id, at, outcome, client, subject, delegation, root, record, hash)
  SELECT
    $1, value ->> 'seq', value ->> 'id', value ->> 'at', value ->> 'outcome', value ->> 'client',
    value ->> 'subject', value ->> 'delegation', value ->> 'root', value ->> 'record',
    substr($3, 1 + 32 * ((value ->> 'seq') - $4), 32)
  FROM json_each($2)";

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
    // Whoever writes to `SQLite` keeps everybody from it: what can be done before that is.
    if let Database::Sqlite { scribe, .. } = &place.database
        && let Some(addition) = prepared(place, most).await?
    {
        let placed = addition.placed.len();
        if placed == 0 || scribe.append(addition).await? {
            return Ok(placed);
        }
    }
    let mut transaction = place.database.begin_writing().await?;
    match seal(&mut transaction, place, most).await? {
        0 => transaction.rollback().await.map(|()| 0),
        sealed => transaction.commit().await.map(|()| sealed),
    }
}

/// What comes to the end of the trail as it is now; none while it has not begun, or when its ends are not
/// ours.
async fn prepared(place: &Place, most: usize) -> Result<Option<Addition>, Fault> {
    let ends = ends::read(place).await?;
    let attested = place.notary.attested(&ends)?;
    if ends.last.seq == 0 || !attested.first || !attested.last {
        return Ok(None);
    }
    let values = [(&*place.org).into(), number(most).into()];
    let rows = place.database.fetch_all(TAKE, &values).await?;
    let placed = chained(&ends.last, waiting_ones(&rows)?);
    let (seq, hash) = newest(&ends.last, &placed);
    let newest = place.notary.anchor(seq, hash)?;
    Ok(Some(Addition { org: Arc::clone(&place.org), last: ends.last, placed, newest }))
}

async fn seal(transaction: &mut Transaction, place: &Place, most: usize) -> Result<usize, Fault> {
    let Some(ends) = ends::lock(transaction, place).await? else { return Ok(0) };
    let values = [(&*place.org).into(), number(most).into()];
    let waiting = waiting_ones(&transaction.fetch_all(TAKE, &values).await?)?;
    if waiting.is_empty() {
        return Ok(0);
    }
    append(transaction, place, (&ends.last, &chained(&ends.last, waiting))).await
}

/// An event as it was written.
struct Waiting {
    id: String,
    record: String,
}

fn waiting_ones(rows: &[Row]) -> Result<Vec<Waiting>, Fault> {
    rows.iter().map(|row| Ok(Waiting { id: row.get("id")?, record: row.get("record")? })).collect()
}

/// What is added to the end of a trail, provided that it still ends there.
#[derive(Debug)]
pub(crate) struct Addition {
    pub org: Arc<str>,
    pub last: Anchor,
    pub placed: Vec<Placed>,
    pub newest: Anchor,
}

/// An event in its place.
#[derive(Debug, Serialize)]
pub(crate) struct Placed {
    pub seq: i64,
    /// The row of `events` it comes from.
    pub event: String,
    #[serde(flatten)]
    pub index: Index,
    pub record: String,
    #[serde(skip)]
    pub hash: Hash,
}

/// Events as the links of a chain that hangs on `last`.
fn chained(last: &Anchor, waiting: Vec<Waiting>) -> Vec<Placed> {
    let (mut seq, mut hash) = (last.seq, last.hash);
    let place = |Waiting { id, record }| {
        seq = seq.saturating_add(1);
        hash = link(&hash, &record);
        Placed { seq, index: Index::of(&id, &record), event: id, record, hash }
    };
    waiting.into_iter().map(place).collect()
}

fn newest(last: &Anchor, placed: &[Placed]) -> (i64, Hash) {
    placed.last().map_or((last.seq, last.hash), |placed| (placed.seq, placed.hash))
}

/// Writes them to the end of the trail; returns how many.
async fn append(
    transaction: &mut Transaction,
    place: &Place,
    (last, placed): (&Anchor, &[Placed]),
) -> Result<usize, Fault> {
    let (put, forget) = match transaction {
        Transaction::Postgres(_) => (PLACE_POSTGRES, FORGET_POSTGRES),
        Transaction::Sqlite(..) => (PLACE_SQLITE, FORGET_SQLITE),
    };
    let org = Value::from(&*place.org);
    let first = last.seq.saturating_add(1);
    let hashes: Vec<u8> = placed.iter().flat_map(|placed| placed.hash).collect();
    let values = [org.clone(), json::write(&placed).into(), hashes.as_slice().into(), first.into()];
    all(transaction.execute(put, &values).await?, placed.len())?;
    let ids: Vec<&str> = placed.iter().map(|placed| &*placed.event).collect();
    let values = [org, json::write(&ids).into()];
    all(transaction.execute(forget, &values).await?, placed.len())?;
    ends::move_last(transaction, place, newest(last, placed)).await?;
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
