//! The declared state of all organizations.

use async_trait::async_trait;
use delegation::{
    declared::{Change, Declared, DeclaredGrant, Registry, Stoppable},
    event::Event,
    refusal::Fault,
};
use policy::Timestamp;

use crate::{
    changes,
    database::{Database, Row, to_its_end},
    declared::find,
    entry::note,
    list,
    recall::scope,
    stops,
};

// Those that were made of a grant of everybody are not declared: `actas apply` would drop them.
const GRANTS: &str = "
  SELECT id, connection, user_sub, agent, scope, targets, expires_at
  FROM grants WHERE org = $1 AND ended_at IS NULL AND template IS NULL
  ORDER BY connection, user_sub, agent";

const GRANT: &str = "
  SELECT id, connection, user_sub, agent, scope, targets, expires_at
  FROM grants WHERE org = $1 AND id = $2";

#[derive(Debug)]
pub(crate) struct SqlRegistry {
    database: Database,
}

impl SqlRegistry {
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Registry for SqlRegistry {
    async fn revision(&self, org: &str) -> Result<Option<i64>, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        to_its_end(async move {
            let sql = "SELECT revision FROM orgs WHERE org = $1";
            let row = database.fetch_one(sql, &[(&org).into()]).await?;
            row.map(|row| row.get("revision")).transpose()
        })
        .await
    }

    async fn orgs(&self) -> Result<Vec<(String, i64)>, Fault> {
        let database = self.database.clone();
        to_its_end(async move {
            let sql = "SELECT org, revision FROM orgs ORDER BY org";
            let rows = database.fetch_all(sql, &[]).await?;
            rows.into_iter().map(|row| Ok((row.get("org")?, row.get("revision")?))).collect()
        })
        .await
    }

    async fn find(&self, org: &str) -> Result<Option<Declared>, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        to_its_end(async move {
            let mut transaction = database.begin_reading().await?;
            let declared = find(&mut transaction, &org).await?;
            transaction.commit().await?;
            Ok(declared)
        })
        .await
    }

    async fn grants(&self, org: &str) -> Result<Vec<DeclaredGrant>, Fault> {
        let (database, org) = (self.database.clone(), org.to_owned());
        to_its_end(async move {
            let rows = database.fetch_all(GRANTS, &[org.as_str().into()]).await?;
            rows.iter().map(grant).collect()
        })
        .await
    }

    async fn grant(&self, org: &str, id: &str) -> Result<Option<DeclaredGrant>, Fault> {
        let (database, org, id) = (self.database.clone(), org.to_owned(), id.to_owned());
        to_its_end(async move {
            let row = database.fetch_one(GRANT, &[(&org).into(), (&id).into()]).await?;
            row.as_ref().map(grant).transpose()
        })
        .await
    }

    async fn apply(
        &self,
        org: &str,
        expected: i64,
        changes: &[Change],
        at: Timestamp,
    ) -> Result<Option<i64>, Fault> {
        let (database, org, changes) = (self.database.clone(), org.to_owned(), changes.to_vec());
        to_its_end(async move {
            let mut transaction = database.begin_changing(&org).await?;
            if !changes::advance(&mut transaction, &org, expected, &changes).await? {
                return Ok(None);
            }
            for change in &changes {
                changes::make(&mut transaction, &org, change, at).await?;
            }
            transaction.commit().await?;
            Ok(Some(expected.saturating_add(1)))
        })
        .await
    }

    async fn restore(&self, org: &str, what: &Stoppable, event: Event) -> Result<bool, Fault> {
        let (database, org, what) = (self.database.clone(), org.to_owned(), what.clone());
        to_its_end(async move {
            let mut transaction = database.begin_changing(&org).await?;
            if !stops::drop(&mut transaction, &org, &what).await? {
                return Ok(false);
            }
            note(&mut transaction, &org, &event).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }
}

fn grant(row: &Row) -> Result<DeclaredGrant, Fault> {
    Ok(DeclaredGrant {
        id: row.get("id")?,
        connection: row.get("connection")?,
        user: row.get("user_sub")?,
        agent: row.get("agent")?,
        scope: scope(&row.get::<String>("scope")?)?,
        targets: list::read(&row.get::<String>("targets")?),
        expires_at: row.get::<Option<i64>>("expires_at")?.map(Timestamp),
    })
}
