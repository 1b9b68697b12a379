//! What the server sees of this crate.

use std::sync::Arc;

use delegation::{declared::Registry, ports::Ledger, refusal::Fault};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    database::Database, ledger::OrgLedger, migrate, postgres, registry::SqlRegistry, sqlite,
    writer::Writer,
};

/// Where the database is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:PATH`, `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: SecretString,
    /// At most so many connections, and at least 4 of `PostgreSQL`; of `SQLite`, those to read
    /// with (there is one more, to write).
    pub max_connections: u32,
}

/// The database. Clones share its connections and its writer.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    writer: Arc<Writer>,
}

impl Store {
    /// Connects, and creates the file of an `SQLite` database that is not there yet. Does not
    /// migrate.
    ///
    /// # Errors
    /// When the URL is none of ours, or the database cannot be reached or is too old. The fault
    /// never holds the URL, which holds a password.
    pub async fn connect(settings: &Settings) -> Result<Self, Fault> {
        let url = settings.url.expose_secret();
        let database = match url.split_once(':') {
            Some(("sqlite", rest)) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                sqlite::connect(path, settings.max_connections).await?
            }
            Some(("postgres" | "postgresql", _)) => {
                postgres::connect(url, settings.max_connections).await?
            }
            _ => {
                return Err(Fault::Store(
                    "the database url must begin with `sqlite:` or `postgres://`".to_owned(),
                ));
            }
        };
        let writer = Arc::new(Writer::start(database.clone()));
        Ok(Self { database, writer })
    }

    /// Brings the schema up to date. Several replicas may do so at once.
    ///
    /// # Errors
    /// When a migration fails, was edited after it was applied, or the database was migrated by a
    /// newer actas.
    pub async fn migrate(&self) -> Result<(), Fault> {
        let database = self.database.clone();
        crate::database::to_its_end(async move { migrate::run(&database).await }).await
    }

    /// Asks the database for a sign of life, for `/readyz`.
    ///
    /// # Errors
    /// When there is none, or the writer has stopped.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.writer.check()?;
        let database = self.database.clone();
        crate::database::to_its_end(async move {
            database.fetch_one("SELECT 1 AS alive", &[]).await?;
            Ok(())
        })
        .await
    }

    /// The ledger of one organization.
    #[must_use]
    pub fn ledger(&self, org: &str) -> Arc<dyn Ledger> {
        Arc::new(OrgLedger::new(Arc::from(org), self.database.clone(), Arc::clone(&self.writer)))
    }

    /// The declared state of all organizations.
    #[must_use]
    pub fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(SqlRegistry::new(self.database.clone()))
    }

    /// Writes what has been queued, then closes all connections. Afterwards every call is a fault.
    pub async fn close(&self) {
        self.writer.close().await;
        self.database.close().await;
    }
}
