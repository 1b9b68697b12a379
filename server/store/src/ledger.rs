//! The ledger of one organization.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    event::Event,
    names::Names,
    ports::{Found, Ledger, Lineage, Opened, Opening, Recalled, Selector, Signalled},
    refusal::Fault,
    signal::Signal,
};
use policy::Timestamp;
use uuid::Uuid;

use crate::{
    adoption,
    database::{Database, to_its_end},
    ending,
    entry::{Decided, Entry, note},
    find,
    recall::recall,
    signals,
    subjects::{self, Realm},
    writer::Writer,
};

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
        recall(&self.database, &self.org, lineage).await
    }

    async fn open(&self, opening: Opening) -> Result<Opened, Fault> {
        let Opening { revision, epoch, delegation, event, until } = opening;
        let opening = Some(Decided { revision, epoch, delegation, until });
        self.writer.write(Entry { org: Arc::clone(&self.org), event, opening }).await
    }

    async fn note(&self, event: Event) -> Result<(), Fault> {
        let entry = Entry { org: Arc::clone(&self.org), event, opening: None };
        match self.writer.write(entry).await? {
            Opened::Recorded => Ok(()),
            Opened::Changed | Opened::Ended | Opened::Signalled => {
                Err(Fault::Store("an event was not written".to_owned()))
            }
        }
    }

    async fn learn(&self, connection: &str, user: &str, names: &Names) -> Result<(), Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        let (connection, user, names) = (connection.to_owned(), user.to_owned(), names.clone());
        to_its_end(async move {
            let realm = Realm { org: &org, connection: &connection };
            subjects::learn(&database, realm, &user, &names).await
        })
        .await
    }

    async fn adopt(&self, template: &str, user: &str) -> Result<(), Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        let (template, user) = (template.to_owned(), user.to_owned());
        to_its_end(async move { adoption::adopt(&database, &org, &template, &user).await }).await
    }

    async fn signal(&self, signal: Signal) -> Result<Signalled, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        to_its_end(async move {
            if signals::is_known(&database, &org, &signal).await? {
                return Ok(Signalled::Duplicate);
            }
            let mut transaction = database.begin_changing(&org).await?;
            let signalled = signals::take(&mut transaction, &org, &signal).await?;
            transaction.commit().await?;
            Ok(signalled)
        })
        .await
    }

    async fn find(&self, delegation: Uuid) -> Result<Option<Found>, Fault> {
        find::find(&self.database, &self.org, delegation).await
    }

    async fn revoke(
        &self,
        selector: &Selector,
        at: Timestamp,
        event: Option<Event>,
    ) -> Result<u64, Fault> {
        let (org, database, selector) =
            (Arc::clone(&self.org), self.database.clone(), selector.clone());
        to_its_end(async move {
            let mut transaction = database.begin_changing(&org).await?;
            let ended = ending::revoke(&mut transaction, &org, &selector, at).await?;
            if let Some(event) = event {
                let event = Event { ended: Some(ended), ..event };
                note(&mut transaction, &org, &event).await?;
            }
            transaction.commit().await?;
            Ok(ended)
        })
        .await
    }
}
