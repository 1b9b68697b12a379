//! `PostgreSQL`: the session every connection has, and the statement that records a batch.

pub(crate) mod lookout;

use std::str::FromStr;

use delegation::refusal::Fault;
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, PgPool, Postgres, Row,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions},
    query::Query,
};
use tokio::time::Instant;

use self::lookout::Lookout;
use crate::{
    database::{DEADLINE, Database, PATIENCE, Value, in_time},
    entry::Entry,
    readers::{IDLE, Readers, SIGN_OF_LIFE, is_alive},
    writer::{Verdict, blames_an_entry},
};

const RECORD: &str = include_str!("postgres/record.sql");

/// The writer keeps one connection for itself, and one more while somebody ends things; one uses up
/// what may be used once, two look up by key, and one is left for transactions. The others read.
const RESERVED: u32 = 6;

/// Every session:
/// - `READ COMMITTED`, whatever the server's default: record.sql reasons from it.
/// - No sequential scans: every query here looks up by a key. Otherwise a plan made and kept while
///   a table was small would go on scanning it after it has grown.
/// - No JIT: it costs more than any of these queries, and the line above would invite it.
/// - A transaction that is left open, which should not happen (sqlx#4385), lets go of its locks.
const SESSION: &str = "SET default_transaction_isolation = 'read committed';
  SET enable_seqscan = off;
  SET jit = off;
  SET idle_in_transaction_session_timeout = '60s'";

/// What a kept connection is asked, it is asked thousands of times, and always by keys: of arrays
/// `PostgreSQL` would otherwise take the few that are there for a reason to plan anew each time, which
/// takes longer than all the rest.
const SAME_PLAN: &str = "SET plan_cache_mode = force_generic_plan";

pub(crate) async fn connect(url: &str, max_connections: u32) -> Result<Database, Fault> {
    let unreachable =
        |error: sqlx::Error| Fault::Store(format!("cannot connect to PostgreSQL: {error}"));
    let options = PgConnectOptions::from_str(url)
        // The error may quote a piece of the URL, and a piece of the URL is the password.
        .map_err(|_| Fault::Store("the `postgres` url is malformed".to_owned()))?
        .application_name("actas")
        // The migrator's "already exists, skipping" is news to nobody.
        .options([("client_min_messages", "warning")])
        .disable_statement_logging();
    // Once without the pool, which would go on trying for as long as it has patience.
    let first = tokio::time::timeout(PATIENCE, options.connect())
        .await
        .map_err(|_| Fault::Store("PostgreSQL did not answer in time".to_owned()))?
        .map_err(unreachable)?;
    first.close().await.map_err(unreachable)?;
    let readers = max_connections.saturating_sub(RESERVED).max(1);
    let pool = PgPoolOptions::new()
        .max_connections(RESERVED + readers)
        .acquire_timeout(PATIENCE)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SESSION).await.map(drop) })
        })
        .test_before_acquire(false)
        .before_acquire(|connection, idle| {
            Box::pin(async move { Ok(idle.idle_for <= IDLE || is_alive(connection).await) })
        })
        .after_release(|connection, _| Box::pin(is_of_use(connection)))
        .connect_with(options)
        .await
        .map_err(unreachable)?;
    let readers = Readers::new(pool.clone(), usize::try_from(readers).unwrap_or(1));
    let lookout = Lookout::new(pool.clone());
    Ok(Database::Postgres { pool, readers, lookout })
}

// As one message, so that a transaction of its own begins with the statement.
const IS_OF_USE: &str = "
  SELECT current_setting('transaction_read_only') = 'off' AND now() = statement_timestamp()";

/// Whether a connection may be used again.
///
/// A session that began while the database took no writes, or at a server that has become a standby,
/// would refuse them for as long as it lasts; a new one may be better off. And one that was given up
/// on while it began a transaction may be in the middle of it (sqlx#4385).
async fn is_of_use(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // An error closes it at once. So does silence: until then the pool is short of a connection.
    let row = in_time(SIGN_OF_LIFE, sqlx::raw_sql(IS_OF_USE).fetch_one(connection)).await?;
    row.try_get(0)
}

/// A connection that one task keeps between its statements.
#[derive(Debug)]
pub(crate) struct Kept {
    pool: PgPool,
    connection: Option<(PoolConnection<Postgres>, Instant)>,
}

impl Kept {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, connection: None }
    }

    /// A connection that is well. It is closed unless it is kept, also when the deadline passes:
    /// what a half-done statement leaves behind must not reach anybody else.
    pub async fn take(&mut self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        if let Some((mut connection, used)) = self.connection.take() {
            if used.elapsed() <= IDLE || is_alive(&mut *connection).await {
                return Ok(connection);
            }
            connection.close_on_drop();
        }
        let mut connection = self.pool.acquire().await?;
        connection.close_on_drop();
        connection.execute(SAME_PLAN).await?;
        Ok(connection)
    }

    pub fn keep(&mut self, connection: PoolConnection<Postgres>) {
        self.connection = Some((connection, Instant::now()));
    }
}

/// What one writer records with.
#[derive(Debug)]
pub(crate) struct Session {
    kept: Kept,
    /// Whether it comes after those who are changing an org; else such entries are
    /// [`Verdict::Busy`].
    patient: bool,
}

impl Session {
    pub fn new(pool: PgPool, patient: bool) -> Self {
        Self { kept: Kept::new(pool), patient }
    }

    /// Records the entries in one transaction; each gets its own verdict, in order.
    ///
    /// # Errors
    /// Nothing was written; or nobody knows, when the connection broke or the deadline passed.
    pub async fn record(&mut self, entries: &[Entry]) -> Result<Vec<Verdict>, sqlx::Error> {
        in_time(DEADLINE, self.try_record(entries)).await
    }

    async fn try_record(&mut self, entries: &[Entry]) -> Result<Vec<Verdict>, sqlx::Error> {
        let mut connection = self.kept.take().await?;
        let result = if self.patient {
            record_in_turn(&mut connection, entries).await
        } else {
            record_at_once(&mut connection, entries).await
        };
        if result.as_ref().err().is_none_or(blames_an_entry) {
            self.kept.keep(connection);
        }
        result
    }
}

async fn record_at_once(
    connection: &mut PgConnection,
    entries: &[Entry],
) -> Result<Vec<Verdict>, sqlx::Error> {
    let rows: Vec<Vec<Value<'_>>> = entries.iter().map(Entry::values).collect();
    let mut verdicts = vec![Verdict::Ended; entries.len()];
    for row in bind_columns(&rows).fetch_all(connection).await? {
        let number = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(usize::MAX);
        if let Some(place) = verdicts.get_mut(number.wrapping_sub(1)) {
            *place = Verdict::from_code(row.try_get::<i32, _>(1)?)?;
        }
    }
    Ok(verdicts)
}

/// Takes the lock of every org first, in statements of their own: the statement that records then
/// begins, with its snapshot, when it is its turn.
async fn record_in_turn(
    connection: &mut PgConnection,
    entries: &[Entry],
) -> Result<Vec<Verdict>, sqlx::Error> {
    let mut orgs: Vec<&str> = entries.iter().map(|entry| &*entry.org).collect();
    // In one order everywhere, or two writers could wait for each other.
    orgs.sort_unstable();
    orgs.dedup();
    let mut transaction = connection.begin().await?;
    for org in orgs {
        sqlx::query("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 8693))")
            .bind(org)
            .execute(&mut *transaction)
            .await?;
    }
    let verdicts = record_at_once(&mut transaction, entries).await?;
    transaction.commit().await?;
    Ok(verdicts)
}

/// One array per column out of one list of values per entry.
fn bind_columns<'q>(rows: &[Vec<Value<'_>>]) -> Query<'q, Postgres, PgArguments> {
    let mut query = sqlx::query(RECORD);
    for (column, kind) in rows.first().into_iter().flatten().enumerate() {
        let cells = rows.iter().map(|row| row.get(column));
        query =
            match kind {
                Value::Int(_) => query.bind(
                    cells
                        .map(|cell| if let Some(Value::Int(int)) = cell { *int } else { None })
                        .collect::<Vec<Option<i64>>>(),
                ),
                Value::Text(_) => query.bind(
                    cells
                        .map(|cell| {
                            if let Some(Value::Text(text)) = cell { text.as_deref() } else { None }
                        })
                        .collect::<Vec<Option<&str>>>(),
                ),
                Value::Bytes(_) => query.bind(
                    cells
                        .map(|cell| {
                            if let Some(Value::Bytes(bytes)) = cell {
                                bytes.as_deref()
                            } else {
                                None
                            }
                        })
                        .collect::<Vec<Option<&[u8]>>>(),
                ),
            };
    }
    query
}
