//! Delegations that no event tells of.

use std::collections::BTreeSet;

use delegation::{
    refusal::Fault,
    trail::{Index, Record},
};
use policy::Timestamp;
use uuid::Uuid;

use super::{Place, number};
use crate::{
    database::{Transaction, Value},
    recall::uuid,
};

const COUNT: &str = "SELECT COUNT(*) AS number FROM events WHERE org = $1";

const WITHOUT_LINK: &str = "
  SELECT id FROM delegations
  WHERE org = $1 AND issued_at >= $2 AND NOT EXISTS (
    SELECT 1 FROM trail
    WHERE trail.org = $1 AND trail.delegation = delegations.id AND trail.delegation IS NOT NULL
      AND trail.outcome = 'issued')
  LIMIT $3";

const EVENTS: &str = "
  SELECT id, record FROM events WHERE org = $1 AND id > $2 ORDER BY id LIMIT $3";

/// How many events are read at once.
const PAGE: usize = 1000;

/// As of one moment: an event is written with its delegation, and never both waits and has a place.
pub(super) async fn run(place: &Place, since: Timestamp, most: usize) -> Result<Vec<Uuid>, Fault> {
    let mut transaction = place.database.begin_reading().await?;
    let org = Value::from(&*place.org);
    let count = transaction.fetch_all(COUNT, std::slice::from_ref(&org)).await?;
    let waiting: i64 = count.first().map_or(Ok(0), |row| row.get("number"))?;
    // So many are told of by events that wait, at most.
    let values = [org, since.0.into(), waiting.saturating_add(number(most)).into()];
    let rows = transaction.fetch_all(WITHOUT_LINK, &values).await?;
    let mut untold = rows
        .iter()
        .map(|row| row.get::<String>("id"))
        .collect::<Result<BTreeSet<String>, Fault>>()?;
    if !untold.is_empty() {
        take_out_told(&mut transaction, &place.org, &mut untold).await?;
    }
    transaction.commit().await?;
    untold.iter().take(most).map(|id| uuid(id)).collect()
}

async fn take_out_told(
    transaction: &mut Transaction,
    org: &str,
    untold: &mut BTreeSet<String>,
) -> Result<(), Fault> {
    let mut after = String::new();
    loop {
        let values = [org.into(), (&after).into(), number(PAGE).into()];
        let rows = transaction.fetch_all(EVENTS, &values).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.get("id")?;
        for row in &rows {
            let record: String = row.get("record")?;
            let index = Record::read(&record).ok().map(|record| record.index());
            if let Some(Index { outcome, delegation: Some(delegation), .. }) = index
                && outcome == "issued"
            {
                untold.remove(&delegation);
            }
        }
    }
}
