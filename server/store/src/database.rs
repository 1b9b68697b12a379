//! What the two databases have in common: one SQL text, values in, rows out, and a transaction.
//!
//! `sqlx::Any` would be this too; server/decisions/0002-two-databases.md says why it is not used.

use std::{borrow::Cow, io::ErrorKind, sync::Arc, time::Duration};

use delegation::refusal::Fault;
use rusqlite::types::FromSql;
use sqlx::{
    ColumnIndex, Decode, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Type, postgres::PgRow,
    sqlite::SqliteRow,
};

use crate::{
    postgres::lookout::Lookout,
    readers::Readers,
    sqlite::{
        fold::Folder,
        local::{LocalRow, Lookers},
        pen::{Pen, Turn},
        scribe::Scribe,
    },
};

/// How long one may wait for a connection. A request that waited longer is not worth answering.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long `PostgreSQL` may take for a statement, also when it does not answer at all: whoever asked
/// has given up by then, and a connection that is waited for serves nobody else.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// In a transaction. To end all that hangs on a large org takes its time.
const LONGEST: Duration = Duration::from_mins(2);

/// The result of `work`, or that it came too late.
pub(crate) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())))
}

/// Keeps our advisory locks apart from other uses of them in the same database.
pub(crate) const LOCK_ORG: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 8693))";
const SHARE_ORG: &str = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 8693))";

/// The connections. Clones share them.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Postgres {
        pool: PgPool,
        readers: Readers<Postgres>,
        lookout: Lookout,
    },
    /// Readers never wait for a writer.
    Sqlite {
        pool: SqlitePool,
        readers: Readers<Sqlite>,
        lookers: Lookers,
        pen: Pen,
        scribe: Arc<Scribe>,
        folder: Folder,
    },
}

impl Database {
    /// Runs a query that reads, outside of any transaction. To be called in a task of its own.
    pub async fn fetch_all(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Fault> {
        match self {
            Self::Postgres { readers, .. } => {
                let mut reader = readers.take().await.map_err(fault)?;
                let query = bind_all!(sql, values).fetch_all(&mut *reader.connection);
                let rows = in_time(DEADLINE, query).await;
                readers.give_back(reader, &rows);
                Ok(rows.map_err(fault)?.into_iter().map(Row::Postgres).collect())
            }
            Self::Sqlite { readers, .. } => {
                let mut reader = readers.take().await.map_err(fault)?;
                let rows = bind_all!(sql, values).fetch_all(&mut *reader.connection).await;
                readers.give_back(reader, &rows);
                Ok(rows.map_err(fault)?.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    pub async fn fetch_one(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, Fault> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Looks something up by texts that are a key, which takes next to no time. Of `SQLite` the calling
    /// thread itself reads it; `PostgreSQL` is asked for many at once.
    pub async fn look(&self, sql: &'static str, texts: &[&str]) -> Result<Option<Row>, Fault> {
        let lookers = match self {
            Self::Postgres { lookout, .. } => {
                return Ok(lookout.look(sql, texts).await?.map(Row::Postgres));
            }
            Self::Sqlite { lookers, .. } => lookers,
        };
        let values: Vec<Value<'_>> = texts.iter().map(|text| (*text).into()).collect();
        if let Ok(row) = lookers.look(sql, &values) {
            return Ok(row.map(Row::Local));
        }
        let values: Vec<_> = texts.iter().map(|text| Value::from((*text).to_owned())).collect();
        let database = self.clone();
        to_its_end(async move { database.fetch_one(sql, &values).await }).await
    }

    /// Runs one statement that writes, outside of any transaction of ours.
    pub async fn execute(&self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, Fault> {
        match self {
            Self::Postgres { pool, .. } => {
                let query = bind_all!(sql, values).execute(pool);
                in_time(DEADLINE, query).await.map(|done| done.rows_affected())
            }
            Self::Sqlite { pen, .. } => {
                let (writer, turn) = pen.take().await.map_err(fault)?;
                let done = bind_all!(sql, values).execute(writer).await;
                drop(turn);
                done.map(|done| done.rows_affected())
            }
        }
        .map_err(fault)
    }

    /// Begins a transaction whose reads all see the database as of one moment.
    pub async fn begin_reading(&self) -> Result<Transaction, Fault> {
        match self {
            Self::Postgres { pool, .. } => {
                let begin = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
                in_time(DEADLINE, begin).await.map(Transaction::Postgres)
            }
            Self::Sqlite { pool, .. } => {
                pool.begin().await.map(|transaction| Transaction::Sqlite(transaction, None))
            }
        }
        .map_err(fault)
    }

    /// Begins a transaction that writes; on `SQLite` alone.
    pub async fn begin_writing(&self) -> Result<Transaction, Fault> {
        match self {
            Self::Postgres { pool, .. } => {
                in_time(DEADLINE, pool.begin()).await.map(Transaction::Postgres)
            }
            Self::Sqlite { pen, .. } => {
                let begun = pen.begin().await;
                begun.map(|(transaction, turn)| Transaction::Sqlite(transaction, Some(turn)))
            }
        }
        .map_err(fault)
    }

    /// Begins a transaction that changes what others rest on, alone in its org: nobody opens a
    /// delegation there, and nobody else changes it, until it ends.
    pub async fn begin_changing(&self, org: &str) -> Result<Transaction, Fault> {
        let mut transaction = self.begin_writing().await?;
        if let Transaction::Postgres(_) = transaction {
            transaction.fetch_all(LOCK_ORG, &[org.into()]).await?;
        }
        Ok(transaction)
    }

    /// Begins a transaction that adds to what others rest on, as openings do: many at once, but none
    /// while somebody changes the org.
    pub async fn begin_beside_openings(&self, org: &str) -> Result<Transaction, Fault> {
        let mut transaction = self.begin_writing().await?;
        if let Transaction::Postgres(_) = transaction {
            transaction.fetch_all(SHARE_ORG, &[org.into()]).await?;
        }
        Ok(transaction)
    }

    pub async fn close(&self) {
        match self {
            Self::Postgres { pool, readers, lookout } => {
                lookout.close();
                readers.close();
                pool.close().await;
            }
            Self::Sqlite { pool, readers, lookers, pen, scribe, folder } => {
                scribe.close().await;
                folder.close().await;
                lookers.close();
                readers.close();
                pool.close().await;
                // Last, so that it is this one that folds the write-ahead log into the file.
                pen.close().await;
            }
        }
    }
}

/// A transaction; dropped without [`Transaction::commit`] it changes nothing.
#[derive(Debug)]
pub(crate) enum Transaction {
    Postgres(sqlx::Transaction<'static, Postgres>),
    /// With the turn of one that writes.
    Sqlite(sqlx::Transaction<'static, Sqlite>, Option<Turn>),
}

impl Transaction {
    /// Runs a statement and returns how many rows it changed.
    pub async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, Fault> {
        match self {
            Self::Postgres(transaction) => {
                let query = bind_all!(sql, values).execute(&mut **transaction);
                in_time(LONGEST, query).await.map(|done| done.rows_affected())
            }
            Self::Sqlite(transaction, _) => bind_all!(sql, values)
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err(fault)
    }

    pub async fn fetch_all(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Fault> {
        match self {
            Self::Postgres(transaction) => {
                let query = bind_all!(sql, values).fetch_all(&mut **transaction);
                let rows = in_time(LONGEST, query).await.map_err(fault)?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
            Self::Sqlite(transaction, _) => {
                let rows =
                    bind_all!(sql, values).fetch_all(&mut **transaction).await.map_err(fault)?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// Gives back what is locked before it returns, which dropping does a moment later.
    pub async fn rollback(self) -> Result<(), Fault> {
        match self {
            Self::Postgres(transaction) => transaction.rollback().await,
            Self::Sqlite(transaction, _turn) => transaction.rollback().await,
        }
        .map_err(fault)
    }

    pub async fn commit(self) -> Result<(), Fault> {
        match self {
            Self::Postgres(transaction) => in_time(DEADLINE, transaction.commit()).await,
            Self::Sqlite(transaction, _turn) => transaction.commit().await,
        }
        .map_err(fault)
    }
}

/// What a statement is given for a `$n`.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Cow::Owned))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(Cow::Borrowed(value)))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value.map(Cow::Borrowed))
    }
}

/// Binds each of the values to its `$n`.
macro_rules! bind_all {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value {
                $crate::database::Value::Int(value) => query.bind(*value),
                $crate::database::Value::Text(value) => query.bind(value.as_deref()),
                $crate::database::Value::Bytes(value) => query.bind(value.as_deref()),
            };
        }
        query
    }};
}
pub(crate) use bind_all;

/// A row that came back.
#[derive(Debug)]
pub(crate) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
    /// Of `SQLite`, read by ourselves.
    Local(LocalRow),
}

/// What both databases can give back.
pub(crate) trait Cell:
    Type<Postgres> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + for<'r> Decode<'r, Sqlite> + FromSql
{
}

impl<T> Cell for T where
    T: Type<Postgres>
        + Type<Sqlite>
        + for<'r> Decode<'r, Postgres>
        + for<'r> Decode<'r, Sqlite>
        + FromSql
{
}

impl Row {
    pub fn get<T: Cell>(&self, column: &str) -> Result<T, Fault>
    where
        for<'c> &'c str: ColumnIndex<PgRow> + ColumnIndex<SqliteRow>,
    {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
            Self::Local(row) => return row.get(column),
        }
        .map_err(fault)
    }
}

/// Runs `work` in a task of its own, so that it comes to its end also when the caller goes away: a
/// transaction whose `begin` or `commit` is abandoned half-way poisons its connection (sqlx#4385).
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> Result<T, Fault> {
    tokio::spawn(work).await.map_err(|gone| Fault::Store(format!("a task did not end: {gone}")))?
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
pub(crate) fn fault(error: sqlx::Error) -> Fault {
    Fault::Store(error.to_string())
}
