//! The oldest links are forgotten.

use delegation::{
    refusal::Fault,
    trail::{Index, link},
};
use policy::Timestamp;

use super::{
    Place,
    ends::{self, hash, tampered},
    number,
};
use crate::database::{Row, Transaction};

const OLDEST: &str = "
  SELECT seq, id, record, hash FROM trail
  WHERE org = $1 AND seq > $2 AND seq <= $3
  ORDER BY seq LIMIT $4";

const FORGET: &str = "DELETE FROM trail WHERE org = $1 AND seq > $2 AND seq <= $3";

/// Forgets a prefix of the trail; none while another replica has the trail.
///
/// What is forgotten was whole: its links are computed once more before we attest that the trail
/// begins after them, or an edit could hide behind its age. And only what the records themselves say
/// counts, or whoever edits a column could have us delete the rest.
pub(super) async fn run(
    place: &Place,
    before: Timestamp,
    exported: i64,
    most: usize,
) -> Result<u64, Fault> {
    let mut transaction = place.database.begin_writing().await?;
    match prune(&mut transaction, place, before, (exported, most)).await? {
        0 => transaction.rollback().await.map(|()| 0),
        forgotten => transaction.commit().await.map(|()| forgotten),
    }
}

async fn prune(
    transaction: &mut Transaction,
    place: &Place,
    Timestamp(before): Timestamp,
    (exported, most): (i64, usize),
) -> Result<u64, Fault> {
    let org = &*place.org;
    let Some(ends) = ends::lock(transaction, place).await? else { return Ok(0) };
    let up_to = exported.min(ends.last.seq);
    let values = [org.into(), ends.first.seq.into(), up_to.into(), number(most).into()];
    let mut oldest = (ends.first.seq, ends.first.hash);
    for row in &transaction.fetch_all(OLDEST, &values).await? {
        let Old { seq, at, record } = old(row)?;
        // A prefix, whatever comes later: a clock that was wrong makes a trail longer, never shorter.
        if before <= at {
            break;
        }
        let expected = (oldest.0.saturating_add(1), link(&oldest.1, &record));
        if expected != (seq, hash(row, "hash")?) {
            return Err(tampered(
                place,
                &format!("link {seq}, or the one before it, is not what it was"),
            ));
        }
        oldest = expected;
    }
    if oldest.0 == ends.first.seq {
        return Ok(0);
    }
    let values = [org.into(), ends.first.seq.into(), oldest.0.into()];
    let forgotten = transaction.execute(FORGET, &values).await?;
    ends::move_first(transaction, place, oldest).await?;
    Ok(forgotten)
}

struct Old {
    seq: i64,
    at: i64,
    record: String,
}

fn old(row: &Row) -> Result<Old, Fault> {
    let (id, record): (String, String) = (row.get("id")?, row.get("record")?);
    Ok(Old { seq: row.get("seq")?, at: Index::of(&id, &record).at, record })
}
