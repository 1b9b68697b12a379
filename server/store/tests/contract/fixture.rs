//! A happy database: one org, one user, two agents, one grant. Each test changes one thing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use delegation::{
    declared::{Change, Registry},
    event::{Event, Outcome},
    ports::{Delegation, Ledger, Opened, Opening},
    trail::{Notary, Record, Trail},
};
use keys::DataKey;
use policy::Timestamp;
use sqlx::{Connection as _, PgPool, SqlitePool};
use store::Store;
use tempfile::TempDir;
use uuid::Uuid;

pub use crate::happy::{agent, connection, grant, names, resource, scope, settings};

pub const ORG: &str = "acme";
pub const GRANT: &str = "grant-alice";
pub const NOW: Timestamp = Timestamp(1_800_000_000);
pub const LATER: Timestamp = Timestamp(1_800_000_100);
/// When the happy user signed in.
pub const SIGNED_IN: Timestamp = Timestamp(1_799_999_000);

/// Longer than any of these tests takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Longer than one race takes on a slow machine.
const PATIENCE_PER_RACE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy)]
pub enum Kind {
    Sqlite,
    Postgres,
}

pub struct Fixture {
    pub store: Store,
    pub url: String,
    pub raw: Raw,
    data_key: Arc<DataKey>,
    next: AtomicU64,
    #[expect(dead_code, reason = "kept for as long as the database is used")]
    folder: Option<TempDir>,
}

/// A look at the database beside the store.
pub enum Raw {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

/// Runs a test on a fresh, migrated database with the happy org, and drops the database after it.
pub async fn run<F>(kind: Kind, test: impl FnOnce(Arc<Fixture>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    run_empty(kind, |it| {
        let test = test(Arc::clone(&it));
        async move {
            it.store.migrate().await.unwrap();
            it.declare(ORG).await;
            test.await;
        }
    })
    .await;
}

/// The same on a database without a schema.
pub async fn run_empty<F>(kind: Kind, test: impl FnOnce(Arc<Fixture>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let fixture = match kind {
        Kind::Sqlite => Fixture::sqlite().await,
        Kind::Postgres => Fixture::postgres().await,
    };
    let fixture = Arc::new(fixture);
    // In a task, so that the database goes away also when the test panics or hangs.
    let mut task = tokio::spawn(test(Arc::clone(&fixture)));
    let patience = PATIENCE + PATIENCE_PER_RACE * u32::try_from(races()).unwrap();
    let outcome = tokio::time::timeout(patience, &mut task).await;
    task.abort();
    fixture.end().await;
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        Err(late) => panic!("the test did not end: {late}"),
    }
}

impl Fixture {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("actas.db");
        let url = format!("sqlite:{}", path.display());
        let store = connect(&url).await.unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(Duration::from_secs(10));
        let raw = SqlitePool::connect_with(options).await.unwrap();
        Self::new(store, url, Raw::Sqlite(raw), Some(folder))
    }

    async fn postgres() -> Self {
        let server = postgres_url();
        let mut admin = sqlx::PgConnection::connect(&server).await.unwrap();
        // Unique among all processes that test against this server.
        let number: String = sqlx::query_scalar("SELECT pg_current_xact_id()::text")
            .fetch_one(&mut admin)
            .await
            .unwrap();
        let name = format!("actas_contract_{number}");
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        let url = in_database(&server, &name);
        let store = connect(&url).await.unwrap();
        let raw = PgPool::connect(&url).await.unwrap();
        Self::new(store, url, Raw::Postgres(raw), None)
    }

    fn new(store: Store, url: String, raw: Raw, folder: Option<TempDir>) -> Self {
        let data_key = Arc::new(DataKey::generate().unwrap());
        Self { store, url, raw, data_key, next: AtomicU64::new(1), folder }
    }

    async fn end(&self) {
        self.store.close().await;
        match &self.raw {
            Raw::Sqlite(pool) => pool.close().await,
            Raw::Postgres(pool) => {
                pool.close().await;
                let (_, name) = self.url.rsplit_once('/').unwrap();
                let name = name.split('?').next().unwrap();
                let drop = format!("DROP DATABASE {name} WITH (FORCE)");
                let mut admin = sqlx::PgConnection::connect(&postgres_url()).await.unwrap();
                sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
                admin.close().await.unwrap();
            }
        }
    }

    /// Another server on the same database.
    pub async fn replica(&self) -> Store {
        connect(&self.url).await.unwrap()
    }

    pub fn ledger(&self) -> Arc<dyn Ledger> {
        self.store.ledger(ORG)
    }

    pub fn registry(&self) -> Arc<dyn Registry> {
        self.store.registry()
    }

    pub fn id(&self) -> Uuid {
        self.id_at(NOW)
    }

    /// A `UUIDv7` of this moment.
    pub fn id_at(&self, at: Timestamp) -> Uuid {
        let milliseconds = u128::try_from(at.0).unwrap() * 1000;
        let number = u128::from(self.next.fetch_add(1, Ordering::Relaxed));
        Uuid::from_u128((milliseconds << 80) | (7 << 76) | (2 << 62) | number)
    }

    /// A number from the database itself, like `SELECT count(*) FROM events`.
    pub async fn number(&self, sql: &'static str) -> i64 {
        match &self.raw {
            Raw::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Raw::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }

    /// Every event, in the order of the trail, then those that wait for their place.
    pub async fn records(&self) -> Vec<Record<'static>> {
        let sql = "SELECT record FROM (
            SELECT 0 AS part, seq, id, record FROM trail
            UNION ALL SELECT 1, 0, id, record FROM events) AS told
          ORDER BY part, seq, id";
        let lines: Vec<String> = match &self.raw {
            Raw::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await.unwrap(),
            Raw::Sqlite(pool) => sqlx::query_scalar(sql).fetch_all(pool).await.unwrap(),
        };
        lines.iter().map(|line| Record::read(line).unwrap()).collect()
    }

    /// A column of texts from the database itself.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        match &self.raw {
            Raw::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await.unwrap(),
            Raw::Sqlite(pool) => sqlx::query_scalar(sql).fetch_all(pool).await.unwrap(),
        }
    }

    /// The trail of an org.
    pub fn trail(&self, org: &str) -> Arc<dyn Trail> {
        self.store.trail(org, self.notary(org))
    }

    pub fn notary(&self, org: &str) -> Notary {
        Notary::new(org, Arc::clone(&self.data_key))
    }

    /// Changes the database itself, as nobody should.
    pub async fn tamper(&self, sql: &'static str) {
        match &self.raw {
            Raw::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop).unwrap(),
            Raw::Sqlite(pool) => sqlx::query(sql).execute(pool).await.map(drop).unwrap(),
        }
    }

    /// The same, with statements that a test has put together.
    pub async fn run(&self, sql: &str) {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        match &self.raw {
            Raw::Postgres(pool) => sql.execute(pool).await.map(drop).unwrap(),
            Raw::Sqlite(pool) => sql.execute(pool).await.map(drop).unwrap(),
        }
    }

    pub async fn apply(&self, expected: i64, changes: &[Change]) -> Option<i64> {
        self.registry().apply(ORG, expected, changes, LATER).await.unwrap()
    }

    /// Declares the happy org under a name; at revision 1.
    pub async fn declare(&self, org: &str) {
        let changes = [
            Change::PutSettings(settings()),
            Change::PutConnection(connection()),
            Change::PutAgent(agent("orchestrator")),
            Change::PutAgent(agent("researcher")),
            Change::PutResource(resource()),
            Change::PutGrant(grant()),
        ];
        assert_eq!(self.registry().apply(org, 0, &changes, NOW).await.unwrap(), Some(1));
    }

    /// A root delegation of the happy grant.
    pub fn root(&self) -> Opening {
        let id = self.id();
        let delegation = Delegation {
            id,
            parent: None,
            root: id,
            grant: GRANT.to_owned(),
            connection: "home".to_owned(),
            user: "alice".to_owned(),
            agent: "orchestrator".to_owned(),
            target: "researcher".to_owned(),
            scope: scope("documents:read"),
            depth: 1,
            token_hash: [7; 32],
            issued_at: NOW,
            expires_at: Timestamp(NOW.0 + 300),
            sealed_subject: Some(b"sealed".to_vec()),
            session: Some("s-1".to_owned()),
            signed_in_at: Some(SIGNED_IN),
            names: Some(names()),
            status: None,
        };
        let event = Event { delegation: Some(id), ..self.event(Outcome::Issued) };
        let until = Instant::now() + Duration::from_mins(10);
        Opening { revision: 1, epoch: 0, delegation, event, until }
    }

    /// A delegation derived from another.
    pub fn child(&self, parent: &Delegation) -> Opening {
        let mut opening = self.root();
        opening.event.parent = Some(parent.id);
        opening.delegation = Delegation {
            id: opening.delegation.id,
            parent: Some(parent.id),
            agent: "researcher".to_owned(),
            depth: parent.depth + 1,
            sealed_subject: None,
            names: None,
            ..parent.clone()
        };
        opening
    }

    pub fn event(&self, outcome: Outcome) -> Event {
        Event {
            outcome,
            client: Some("orchestrator".to_owned()),
            subject: Some("alice".to_owned()),
            target: Some("researcher".to_owned()),
            ..Event::draft(self.id(), NOW, "request".to_owned())
        }
    }

    /// Opens a delegation that must be recorded.
    pub async fn opened(&self, opening: Opening) -> Delegation {
        let delegation = opening.delegation.clone();
        assert_eq!(self.ledger().open(opening).await.unwrap(), Opened::Recorded);
        delegation
    }

    pub async fn ended_at(&self, delegation: &Delegation) -> Option<i64> {
        let id = delegation.id.to_string();
        match &self.raw {
            Raw::Postgres(pool) => {
                sqlx::query_scalar("SELECT ended_at FROM delegations WHERE id = $1")
                    .bind(id)
                    .fetch_one(pool)
                    .await
                    .unwrap()
            }
            Raw::Sqlite(pool) => {
                sqlx::query_scalar("SELECT ended_at FROM delegations WHERE id = $1")
                    .bind(id)
                    .fetch_one(pool)
                    .await
                    .unwrap()
            }
        }
    }

    /// Delegations and events that are written.
    pub async fn written(&self) -> (i64, i64) {
        (
            self.number("SELECT count(*) FROM delegations").await,
            self.number("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM trail)")
                .await,
        )
    }
}

pub async fn connect(url: &str) -> Result<Store, delegation::refusal::Fault> {
    Store::connect(&store::Settings { url: url.into(), max_connections: 4 }).await
}

/// How many races `soak` runs: few, unless `ACTAS_TEST_RACES` says more.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration to read it from")]
pub fn races() -> usize {
    match std::env::var("ACTAS_TEST_RACES") {
        Ok(races) => races.parse().unwrap_or_else(|_| panic!("ACTAS_TEST_RACES is no number")),
        Err(_) => 2000,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration to read it from")]
pub fn postgres_url() -> String {
    std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("TEST_POSTGRES_URL is not set: the contract of the store must also be tested on PostgreSQL; run `make test`, or set it to the URL of a superuser of a server that may be played with")
    })
}

/// The same server, another database.
pub fn in_database(url: &str, name: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, ""), |(before, query)| (before, query));
    let server = before.find("://").map_or(0, |at| at + 3);
    let end = before.get(server..).unwrap().find('/').map_or(before.len(), |at| server + at);
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{}/{name}{separator}{query}", before.get(..end).unwrap())
}
