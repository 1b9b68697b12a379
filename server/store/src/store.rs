//! What the server sees of this crate.

use std::{sync::Arc, time::Duration};

use delegation::{
    custody::KeyStore,
    declared::Registry,
    export::Exports,
    ports::{Ledger, SingleUse, Streams},
    refusal::Fault,
    status::StatusLists,
    trail::{Notary, Trail},
};
use policy::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    custody::SqlKeyStore,
    database::{Database, Row},
    exports::OrgExports,
    ledger::OrgLedger,
    migrate,
    once::{OrgSingleUse, Spender},
    postgres,
    registry::SqlRegistry,
    sqlite,
    status::OrgStatusLists,
    streams::OrgStreams,
    sweep,
    trail::{self, OrgTrail},
    writer::Writer,
};

const INSTALLATION: &str = "SELECT probe, data_key FROM installation WHERE one = 1";
// The probe of an installation that has a data key is that key: something to write to.
const FOUND: &str = "
  INSERT INTO installation (one, probe, data_key) VALUES (1, $1, $1) ON CONFLICT (one) DO NOTHING";
const REWRAP: &str = "
  UPDATE installation SET probe = $2, data_key = $2
  WHERE one = 1 AND COALESCE(data_key, probe) = $1";

/// For so long after a write has failed we are not ready; then a probe decides. A probe alone would
/// say yes on a disk that has room for it and for nothing else.
const CONVALESCENCE: Duration = Duration::from_secs(3);

/// Writes a page, and changes nothing.
///
/// On a row that nobody else locks: openings and changes hold on to those of their org.
const PROBE: &str = "UPDATE installation SET probe = probe WHERE one = 1";
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// Where the database is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:PATH`, `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: SecretString,
    /// At most so many connections, and at least 5 of `PostgreSQL`; of `SQLite`, those to read
    /// with (there is one more, to write).
    pub max_connections: u32,
}

/// What an installation was first used with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installation {
    /// The data key, wrapped under the master key.
    Wrapped(Vec<u8>),
    /// From before there was one: a constant, sealed under the master key itself.
    Probe(Vec<u8>),
}

impl Installation {
    fn read(row: &Row) -> Result<Self, Fault> {
        match row.get("data_key")? {
            Some(wrapped) => Ok(Self::Wrapped(wrapped)),
            None => row.get("probe").map(Self::Probe),
        }
    }
}

/// The database. Clones share its connections and those who write.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    writer: Arc<Writer>,
    spender: Arc<Spender>,
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
        let writer = Arc::new(Writer::start(&database));
        let spender = Arc::new(Spender::start(&database));
        Ok(Self { database, writer, spender })
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
        let (database, writer) = (self.database.clone(), Arc::clone(&self.writer));
        crate::database::to_its_end(async move {
            database.fetch_one("SELECT 1 AS alive", &[]).await?;
            // It may answer and yet take nothing: a full disk, a standby.
            match writer.health().failed_at() {
                None => Ok(()),
                Some(at) if at.elapsed() < CONVALESCENCE => {
                    Err(Fault::Store("a write failed a moment ago".to_owned()))
                }
                Some(at) => {
                    tokio::time::timeout(PROBE_PATIENCE, database.execute(PROBE, &[]))
                        .await
                        .map_err(|_| Fault::Store("a probe took too long".to_owned()))??;
                    writer.health().recovered_from(at);
                    Ok(())
                }
            }
        })
        .await
    }

    /// Keeps `data_key` unless this database has one already; returns the one that stands. Of
    /// replicas that come first together, one wins.
    ///
    /// # Errors
    /// When the database cannot be read or written to.
    pub async fn found_installation(&self, data_key: &[u8]) -> Result<Installation, Fault> {
        let (database, data_key) = (self.database.clone(), data_key.to_vec());
        crate::database::to_its_end(async move {
            if let Some(row) = database.fetch_one(INSTALLATION, &[]).await? {
                return Installation::read(&row);
            }
            database.execute(FOUND, &[data_key.as_slice().into()]).await?;
            let row = database.fetch_one(INSTALLATION, &[]).await?;
            let row = row.ok_or_else(|| Fault::Store("nothing was recorded".to_owned()))?;
            Installation::read(&row)
        })
        .await
    }

    /// Replaces the wrapped data key `old` by `new`; false when it is another one by now.
    ///
    /// # Errors
    /// When the database cannot be written to.
    pub async fn rewrap(&self, old: &[u8], new: &[u8]) -> Result<bool, Fault> {
        let (database, old, new) = (self.database.clone(), old.to_vec(), new.to_vec());
        crate::database::to_its_end(async move {
            let values = [old.as_slice().into(), new.as_slice().into()];
            Ok(database.execute(REWRAP, &values).await? == 1)
        })
        .await
    }

    /// Forgets, some at a time, what nobody can need any more: the subject tokens of chains that
    /// have died, signals and ended sessions of long ago, what was used once and has expired. Returns
    /// how many.
    ///
    /// # Errors
    /// When the database cannot be written to.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, Fault> {
        let database = self.database.clone();
        crate::database::to_its_end(async move { sweep::run(&database, now).await }).await
    }

    /// The ledger of one organization.
    #[must_use]
    pub fn ledger(&self, org: &str) -> Arc<dyn Ledger> {
        Arc::new(OrgLedger::new(Arc::from(org), self.database.clone(), Arc::clone(&self.writer)))
    }

    /// What is known of the streams of one organization's connections.
    #[must_use]
    pub fn streams(&self, org: &str) -> Arc<dyn Streams> {
        Arc::new(OrgStreams::new(Arc::from(org), self.database.clone()))
    }

    /// The declared state of all organizations.
    #[must_use]
    pub fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(SqlRegistry::new(self.database.clone()))
    }

    /// The audit trail of one organization, whose ends are attested by `notary`.
    #[must_use]
    pub fn trail(&self, org: &str, notary: Notary) -> Arc<dyn Trail> {
        Arc::new(OrgTrail::new(Arc::from(org), self.database.clone(), notary))
    }

    /// Which organizations have events that wait for their place in the trail. Costs by their
    /// number, not by that of the events.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn waiting(&self) -> Result<Vec<String>, Fault> {
        let database = self.database.clone();
        crate::database::to_its_end(async move { trail::waiting(&database).await }).await
    }

    /// How far the exports of one organization have got.
    #[must_use]
    pub fn exports(&self, org: &str) -> Arc<dyn Exports> {
        Arc::new(OrgExports::new(Arc::from(org), self.database.clone()))
    }

    /// The status lists of one organization.
    #[must_use]
    pub fn status_lists(&self, org: &str) -> Arc<dyn StatusLists> {
        Arc::new(OrgStatusLists::new(Arc::from(org), self.database.clone()))
    }

    /// What one organization has seen used once.
    #[must_use]
    pub fn single_use(&self, org: &str) -> Arc<dyn SingleUse> {
        Arc::new(OrgSingleUse::new(Arc::from(org), Arc::clone(&self.spender)))
    }

    /// The signing keys of all organizations.
    #[must_use]
    pub fn key_store(&self) -> Arc<dyn KeyStore> {
        Arc::new(SqlKeyStore::new(self.database.clone()))
    }

    /// Writes what has been queued, then closes all connections. Afterwards every call is a fault.
    pub async fn close(&self) {
        self.spender.close().await;
        self.writer.close().await;
        self.database.close().await;
    }
}
