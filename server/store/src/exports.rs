//! How far the exports of one organization have got.
//!
//! Whoever holds an export moves its cursor, and nobody else: each statement names the holder. A
//! replica that was slow, and whose export was taken over meanwhile, moves nothing any more.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    export::{Exports, Progress},
    refusal::Fault,
};
use policy::Timestamp;
use uuid::Uuid;

use crate::database::{Database, Row, Value, to_its_end};

const LEASE: &str = "
  UPDATE exports SET holder = $3, held_until = $5
  WHERE org = $1 AND id = $2 AND (holder IS NULL OR holder = $3 OR held_until <= $4)
  RETURNING id, done, sending, error, failing_since";

// A batch that may have arrived is sent again as it was: until it is done no other is begun.
const BEGIN: &str = "
  UPDATE exports SET sending = $4
  WHERE org = $1 AND id = $2 AND holder = $3 AND done < $4 AND (sending = done OR sending = $4)";

const DONE: &str = "
  UPDATE exports SET done = $4, error = NULL, failing_since = NULL
  WHERE org = $1 AND id = $2 AND holder = $3 AND sending = $4";

const WITHDRAW: &str = "
  UPDATE exports SET sending = done
  WHERE org = $1 AND id = $2 AND holder = $3 AND done <= $4";

const FAILED: &str = "
  UPDATE exports SET error = $3, failing_since = COALESCE(failing_since, $4)
  WHERE org = $1 AND id = $2";

const ALL: &str = "
  SELECT id, done, sending, error, failing_since FROM exports WHERE org = $1 ORDER BY id";

#[derive(Debug)]
pub(crate) struct OrgExports {
    org: Arc<str>,
    database: Database,
}

impl OrgExports {
    pub fn new(org: Arc<str>, database: Database) -> Self {
        Self { org, database }
    }

    /// Runs a statement of a holder; whether it was one.
    async fn hold(
        &self,
        sql: &'static str,
        export: &str,
        holder: Uuid,
        seq: i64,
    ) -> Result<bool, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        let (export, holder) = (export.to_owned(), holder.to_string());
        to_its_end(async move {
            let values = [(&*org).into(), (&export).into(), holder.into(), seq.into()];
            Ok(database.execute(sql, &values).await? == 1)
        })
        .await
    }
}

#[async_trait]
impl Exports for OrgExports {
    async fn lease(
        &self,
        export: &str,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Progress>, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        let (export, holder) = (export.to_owned(), holder.to_string());
        to_its_end(async move {
            let mut transaction = database.begin_writing().await?;
            let values: [Value<'_>; 5] =
                [(&*org).into(), (&export).into(), holder.into(), now.0.into(), until.0.into()];
            let rows = transaction.fetch_all(LEASE, &values).await?;
            transaction.commit().await?;
            rows.first().map(progress).transpose()
        })
        .await
    }

    async fn begin(&self, export: &str, holder: Uuid, seq: i64) -> Result<bool, Fault> {
        self.hold(BEGIN, export, holder, seq).await
    }

    async fn done(&self, export: &str, holder: Uuid, seq: i64) -> Result<(), Fault> {
        // Whoever has taken over sends the batch again, and then says so.
        self.hold(DONE, export, holder, seq).await.map(drop)
    }

    async fn withdraw(&self, export: &str, holder: Uuid) -> Result<(), Fault> {
        self.hold(WITHDRAW, export, holder, i64::MAX).await.map(drop)
    }

    async fn failed(&self, export: &str, error: &str, at: Timestamp) -> Result<(), Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        // It may repeat what a sink said; PostgreSQL stores no NUL in text.
        let (export, error) = (export.to_owned(), error.replace('\0', "\u{fffd}"));
        to_its_end(async move {
            let values = [(&*org).into(), (&export).into(), error.into(), at.0.into()];
            database.execute(FAILED, &values).await.map(drop)
        })
        .await
    }

    async fn all(&self) -> Result<Vec<(String, Progress)>, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        to_its_end(async move {
            let rows = database.fetch_all(ALL, &[(&*org).into()]).await?;
            rows.iter().map(|row| Ok((row.get("id")?, progress(row)?))).collect()
        })
        .await
    }
}

fn progress(row: &Row) -> Result<Progress, Fault> {
    let error: Option<String> = row.get("error")?;
    let since: Option<i64> = row.get("failing_since")?;
    Ok(Progress {
        done: row.get("done")?,
        sending: row.get("sending")?,
        error: error.zip(since.map(Timestamp)),
    })
}
