//! The status lists of one organization.
//!
//! The places of a list are given away in blocks, in order, and no place twice: a number
//! that was leased is behind `leased` for good. A list that is full is followed by the next number.
//! The newest list stays when all others are swept (see `sweep`), so that no number comes again: a
//! verifier may still hold a copy of the old one.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    refusal::Fault,
    status::{Leased, SIZE, StatusLists},
};
use policy::Timestamp;

use crate::database::{Database, to_its_end};

/// Places of one lease: about one second of a busy replica, and what is lost when one stops.
const BLOCK: i64 = 1024;

/// For so long the places of a lease may be given away, in seconds.
const LEASED_FOR: i64 = 600;

// $2 until when, $3 block, $4 size. A list that has room, or else a new one. Two that come at once
// find the same list: the second waits for the first, at the conflict, and goes on from there; when
// that has filled the list there is no row, and it asks again.
const LEASE: &str = "
  INSERT INTO status_lists AS known (org, list, leased, leased_until)
  SELECT $1, COALESCE(MAX(CASE WHEN leased < $4 THEN list END), MAX(list) + 1, 1), $3, $2
  FROM status_lists WHERE org = $1
  ON CONFLICT (org, list) DO UPDATE SET
    leased = known.leased + $3,
    leased_until = CASE WHEN known.leased_until < $2 THEN $2 ELSE known.leased_until END
    WHERE known.leased < $4
  RETURNING list, leased";

// The list itself shows as place -1.
const ENDED: &str = "
  SELECT -1 AS place FROM status_lists WHERE org = $1 AND list = $2
  UNION ALL
  SELECT status_index FROM delegations
  WHERE org = $1 AND status_list = $2 AND ended_at IS NOT NULL
  ORDER BY place";

const LISTS: &str = "SELECT list FROM status_lists WHERE org = $1 ORDER BY list";

#[derive(Debug)]
pub(crate) struct OrgStatusLists {
    org: Arc<str>,
    database: Database,
}

impl OrgStatusLists {
    pub fn new(org: Arc<str>, database: Database) -> Self {
        Self { org, database }
    }
}

#[async_trait]
impl StatusLists for OrgStatusLists {
    async fn lease(&self, now: Timestamp) -> Result<Leased, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        to_its_end(async move {
            for _ in 0..ATTEMPTS {
                if let Some(leased) = lease(&database, &org, now).await? {
                    return Ok(leased);
                }
            }
            Err(Fault::Store("too many lease places on status lists at once".to_owned()))
        })
        .await
    }

    async fn ended(&self, list: i64) -> Result<Option<Vec<i64>>, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        to_its_end(async move {
            let rows = database.fetch_all(ENDED, &[(&*org).into(), list.into()]).await?;
            let mut places = rows.iter().map(|row| row.get::<i64>("place"));
            Ok(match places.next().transpose()? {
                Some(-1) => Some(places.collect::<Result<_, _>>()?),
                Some(_) | None => None,
            })
        })
        .await
    }

    async fn lists(&self) -> Result<Vec<i64>, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        to_its_end(async move {
            let rows = database.fetch_all(LISTS, &[(&*org).into()]).await?;
            rows.iter().map(|row| row.get("list")).collect()
        })
        .await
    }
}

/// Each attempt but the last found that somebody else had filled the list meanwhile: 128 leases of
/// others per attempt.
const ATTEMPTS: usize = 8;

/// None when the list was filled by others meanwhile.
async fn lease(database: &Database, org: &str, now: Timestamp) -> Result<Option<Leased>, Fault> {
    let until = now.0.saturating_add(LEASED_FOR);
    let mut transaction = database.begin_writing().await?;
    let values = [org.into(), until.into(), BLOCK.into(), SIZE.into()];
    let row = transaction.fetch_all(LEASE, &values).await?.into_iter().next();
    transaction.commit().await?;
    row.map(|row| {
        Ok(Leased {
            list: row.get("list")?,
            first: row.get::<i64>("leased")?.saturating_sub(BLOCK),
            count: BLOCK,
            until: Timestamp(until),
        })
    })
    .transpose()
}
