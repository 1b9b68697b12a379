//! The ledger of one organization.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    event::Event,
    ports::{Grant, Ledger, Lineage, Opened, Opening, Parent, Recalled, Selector},
    refusal::Fault,
};
use policy::{Scope, Timestamp};
use uuid::Uuid;

use crate::{
    database::{Database, Row, to_its_end},
    ending,
    entry::{Decided, Entry},
    list,
    writer::Writer,
};

const RECALL_ROOT: &str = include_str!("recall_root.sql");
const RECALL_DERIVED_POSTGRES: &str = include_str!("postgres/recall_derived.sql");
const RECALL_DERIVED_SQLITE: &str = include_str!("sqlite/recall_derived.sql");

#[derive(Debug)]
pub(crate) struct OrgLedger {
    org: Arc<str>,
    database: Database,
    writer: Arc<Writer>,
}

impl OrgLedger {
    pub fn new(org: Arc<str>, database: Database, writer: Arc<Writer>) -> Self {
        Self { org, database, writer }
    }
}

#[async_trait]
impl Ledger for OrgLedger {
    async fn recall(&self, lineage: &Lineage) -> Result<Recalled, Fault> {
        let (org, database, lineage) =
            (Arc::clone(&self.org), self.database.clone(), lineage.clone());
        to_its_end(async move { recall(&database, &org, &lineage).await }).await
    }

    async fn open(&self, opening: Opening) -> Result<Opened, Fault> {
        let Opening { revision, delegation, event, until } = opening;
        let opening = Some(Decided { revision, delegation, until });
        self.writer.write(Entry { org: Arc::clone(&self.org), event, opening }).await
    }

    async fn note(&self, event: Event) -> Result<(), Fault> {
        let entry = Entry { org: Arc::clone(&self.org), event, opening: None };
        match self.writer.write(entry).await? {
            Opened::Recorded => Ok(()),
            Opened::Changed | Opened::Ended => {
                Err(Fault::Store("an event was not written".to_owned()))
            }
        }
    }

    async fn revoke(&self, selector: &Selector, at: Timestamp) -> Result<u64, Fault> {
        let (org, database, selector) =
            (Arc::clone(&self.org), self.database.clone(), selector.clone());
        to_its_end(async move {
            let mut transaction = database.begin_changing(&org).await?;
            let ended = ending::end(&mut transaction, &org, &selector, at).await?;
            transaction.commit().await?;
            Ok(ended)
        })
        .await
    }
}

async fn recall(database: &Database, org: &str, lineage: &Lineage) -> Result<Recalled, Fault> {
    let row = match lineage {
        Lineage::Root { connection, user, agent } => {
            let values = [org.into(), connection.into(), user.into(), agent.into()];
            database.fetch_one(RECALL_ROOT, &values).await?
        }
        Lineage::Derived { delegation } => {
            let sql = match database {
                Database::Postgres { .. } => RECALL_DERIVED_POSTGRES,
                Database::Sqlite { .. } => RECALL_DERIVED_SQLITE,
            };
            database.fetch_one(sql, &[org.into(), delegation.to_string().into()]).await?
        }
    };
    let Some(row) = row else {
        // No revision is 0: whoever still holds a snapshot of this org will look again.
        return Ok(Recalled { revision: 0, grant: None, parent: None });
    };
    Ok(Recalled {
        revision: row.get("revision")?,
        grant: grant(&row)?,
        parent: match lineage {
            Lineage::Root { .. } => None,
            Lineage::Derived { .. } => parent(&row)?,
        },
    })
}

fn grant(row: &Row) -> Result<Option<Grant>, Fault> {
    let Some(id) = row.get::<Option<String>>("grant_id")? else { return Ok(None) };
    Ok(Some(Grant {
        id,
        scope: scope(&row.get::<String>("scope")?)?,
        targets: list::read(&row.get::<String>("targets")?),
        expires_at: row.get::<Option<i64>>("expires_at")?.map(Timestamp),
        ended_at: row.get::<Option<i64>>("grant_ended_at")?.map(Timestamp),
    }))
}

fn parent(row: &Row) -> Result<Option<Parent>, Fault> {
    let Some(id) = row.get::<Option<String>>("id")? else { return Ok(None) };
    Ok(Some(Parent {
        id: uuid(&id)?,
        root: uuid(&row.get::<String>("root")?)?,
        connection: row.get("connection")?,
        user: row.get("user_sub")?,
        ended_at: row.get::<Option<i64>>("ended_at")?.map(Timestamp),
        sealed_subject: row.get("subject_sealed")?,
    }))
}

fn uuid(text: &str) -> Result<Uuid, Fault> {
    Uuid::parse_str(text).map_err(|error| Fault::Store(format!("a stored id: {error}")))
}

pub(crate) fn scope(text: &str) -> Result<Scope, Fault> {
    Scope::parse(text).map_err(|error| Fault::Store(format!("a stored scope: {error}")))
}
