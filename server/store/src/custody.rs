//! The signing keys of all organizations.

use async_trait::async_trait;
use delegation::{
    custody::{KeyChange, KeyRecord, KeyStore},
    event::Event,
    refusal::Fault,
};
use policy::Timestamp;

use crate::{
    database::{Database, Row, to_its_end},
    entry::note,
};

const KEYS: &str = "
  SELECT kid, algorithm, sealed, created_at, activates_at, retires_at, compromised_at
  FROM signing_keys WHERE org = $1 ORDER BY created_at, kid";

const ADD: &str = "
  INSERT INTO signing_keys (org, kid, algorithm, sealed, created_at, activates_at, retires_at,
    compromised_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const ACTIVATE: &str = "
  UPDATE signing_keys SET activates_at = $3 WHERE org = $1 AND kid = $2";

const RETIRE: &str = "UPDATE signing_keys SET retires_at = $3 WHERE org = $1 AND kid = $2";

const COMPROMISE: &str = "
  UPDATE signing_keys SET compromised_at = $3 WHERE org = $1 AND kid = $2";

const DROP: &str = "DELETE FROM signing_keys WHERE org = $1 AND kid = $2";

const RAISE: &str = "UPDATE orgs SET revision = revision + 1 WHERE org = $1";

#[derive(Debug)]
pub(crate) struct SqlKeyStore {
    database: Database,
}

impl SqlKeyStore {
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl KeyStore for SqlKeyStore {
    async fn keys(&self, org: &str) -> Result<Vec<KeyRecord>, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        to_its_end(async move {
            let rows = database.fetch_all(KEYS, &[org.as_str().into()]).await?;
            rows.iter().map(key).collect()
        })
        .await
    }

    async fn change(
        &self,
        org: &str,
        seen: &[KeyRecord],
        changes: &[KeyChange],
        event: Option<Event>,
    ) -> Result<bool, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        let (seen, changes) = (seen.to_vec(), changes.to_vec());
        to_its_end(async move {
            let mut transaction = database.begin_changing(&org).await?;
            let rows = transaction.fetch_all(KEYS, &[org.as_str().into()]).await?;
            if rows.iter().map(key).collect::<Result<Vec<_>, _>>()? != seen {
                return Ok(false);
            }
            for change in &changes {
                let (sql, kid, at) = match change {
                    KeyChange::Add(record) => {
                        let values = [
                            org.as_str().into(),
                            (&record.kid).into(),
                            (&record.algorithm).into(),
                            record.sealed.as_slice().into(),
                            record.created_at.0.into(),
                            record.activates_at.0.into(),
                            record.retires_at.map(|at| at.0).into(),
                            record.compromised_at.map(|at| at.0).into(),
                        ];
                        transaction.execute(ADD, &values).await?;
                        continue;
                    }
                    KeyChange::Activate { kid, at } => (ACTIVATE, kid, Some(at)),
                    KeyChange::Retire { kid, at } => (RETIRE, kid, Some(at)),
                    KeyChange::Compromise { kid, at } => (COMPROMISE, kid, Some(at)),
                    KeyChange::Drop(kid) => (DROP, kid, None),
                };
                let mut values = vec![org.as_str().into(), kid.into()];
                values.extend(at.map(|at| at.0.into()));
                transaction.execute(sql, &values).await?;
            }
            if !seen.is_empty() {
                transaction.execute(RAISE, &[org.as_str().into()]).await?;
            }
            if let Some(event) = event {
                note(&mut transaction, &org, &event).await?;
            }
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }
}

fn key(row: &Row) -> Result<KeyRecord, Fault> {
    let moment = |column| Ok::<_, Fault>(row.get::<Option<i64>>(column)?.map(Timestamp));
    Ok(KeyRecord {
        kid: row.get("kid")?,
        algorithm: row.get("algorithm")?,
        sealed: row.get("sealed")?,
        created_at: Timestamp(row.get("created_at")?),
        activates_at: Timestamp(row.get("activates_at")?),
        retires_at: moment("retires_at")?,
        compromised_at: moment("compromised_at")?,
    })
}
