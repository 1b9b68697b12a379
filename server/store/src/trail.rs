//! The audit trail of one organization.
//!
//! Reading order: `ends` (where it begins and ends, and who may move that), `seal` (events get their
//! place), `find` (queries), `prune` (the oldest are forgotten), `untold` (what has no event).

mod ends;
mod find;
mod prune;
mod seal;
mod untold;

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    refusal::Fault,
    trail::{Ends, Index, Link, Notary, Page, Query, Stored, Trail},
};
use policy::Timestamp;
use uuid::Uuid;

use self::ends::hash;
use crate::database::{Database, Row, to_its_end};

pub(crate) use self::seal::{Addition, waiting};

const WALK: &str = "
  SELECT seq, hash, record, id, at, outcome, client, subject, delegation, root FROM trail
  WHERE org = $1 AND seq > $2
  ORDER BY seq LIMIT $3";

#[derive(Debug)]
pub(crate) struct OrgTrail {
    place: Place,
}

/// Which trail, where, and who vouches for it.
#[derive(Clone, Debug)]
struct Place {
    org: Arc<str>,
    database: Database,
    notary: Arc<Notary>,
}

impl OrgTrail {
    pub fn new(org: Arc<str>, database: Database, notary: Notary) -> Self {
        Self { place: Place { org, database, notary: Arc::new(notary) } }
    }
}

#[async_trait]
impl Trail for OrgTrail {
    async fn seal(&self, most: usize) -> Result<usize, Fault> {
        let place = self.place.clone();
        to_its_end(async move { seal::run(&place, most).await }).await
    }

    async fn ends(&self) -> Result<Ends, Fault> {
        let place = self.place.clone();
        to_its_end(async move { ends::read(&place).await }).await
    }

    async fn walk(&self, after: i64, most: usize) -> Result<Vec<Stored>, Fault> {
        let place = self.place.clone();
        to_its_end(async move {
            let values = [(&*place.org).into(), after.into(), number(most).into()];
            let rows = place.database.fetch_all(WALK, &values).await?;
            rows.iter().map(stored).collect()
        })
        .await
    }

    async fn find(&self, query: &Query) -> Result<Page, Fault> {
        let (place, query) = (self.place.clone(), query.clone());
        to_its_end(async move { find::run(&place, &query).await }).await
    }

    async fn untold(&self, since: Timestamp, most: usize) -> Result<Vec<Uuid>, Fault> {
        let place = self.place.clone();
        to_its_end(async move { untold::run(&place, since, most).await }).await
    }

    async fn prune(&self, before: Timestamp, exported: i64, most: usize) -> Result<u64, Fault> {
        let place = self.place.clone();
        to_its_end(async move { prune::run(&place, before, exported, most).await }).await
    }
}

/// As the databases count.
fn number(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn link(row: &Row) -> Result<Link, Fault> {
    Ok(Link { seq: row.get("seq")?, hash: hash(row, "hash")?, record: row.get("record")? })
}

fn stored(row: &Row) -> Result<Stored, Fault> {
    Ok(Stored {
        link: link(row)?,
        index: Index {
            id: row.get("id")?,
            at: row.get("at")?,
            outcome: row.get("outcome")?,
            client: row.get("client")?,
            subject: row.get("subject")?,
            delegation: row.get("delegation")?,
            root: row.get("root")?,
        },
    })
}
