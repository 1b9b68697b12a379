//! `SQLite`: how a database file is opened, and by whom.
//!
//! Reading order: `pen` (who may write), `scribe` (what exchanges wait for) with
//! `append` (the audit trail), `fold` (the write-ahead
//! log), `local` (connections that work where they are called).

mod append;
pub(crate) mod fold;
pub(crate) mod local;
pub(crate) mod pen;
pub(crate) mod scribe;

use std::{
    fs::OpenOptions,
    io::ErrorKind,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use delegation::refusal::Fault;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::{
    fold::Folder,
    local::Lookers,
    pen::{Pen, Turns},
    scribe::Scribe,
};
use crate::{
    database::{Database, PATIENCE},
    readers::Readers,
};

/// 3.7.0 to 3.51.2 may corrupt a database when two connections checkpoint and write at once
/// (the WAL-reset bug).
const LEAST_VERSION: [u32; 3] = [3, 51, 3];

/// How long another process (`actas apply` beside a server) may keep us from writing.
const BUSY: Duration = Duration::from_secs(10);

pub(crate) async fn connect(path: &str, readers: u32) -> Result<Database, Fault> {
    if path.is_empty() || path.starts_with(':') || path.contains('?') {
        return Err(Fault::Store(
            "the `sqlite` url must be `sqlite:` and the path of a file, without parameters"
                .to_owned(),
        ));
    }
    create(Path::new(path))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        // See `fold`.
        .pragma("wal_autocheckpoint", "0")
        .disable_statement_logging();
    check_version(&options, path).await?;
    let pool = |size: u32| {
        SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(PATIENCE.max(BUSY))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    let writer = open(&unspoilt(pool(1)), options.clone(), path).await?;
    let readers = readers.max(1);
    // One more, for the transactions that read.
    let pool =
        open(&pool(readers.saturating_add(1)), options.pragma("query_only", "ON"), path).await?;
    let readers = Readers::new(pool.clone(), usize::try_from(readers).unwrap_or(1));
    let (path, turns) = (Path::new(path), Turns::new(PATIENCE.max(BUSY)));
    Ok(Database::Sqlite {
        pool,
        readers,
        lookers: Lookers::new(path),
        folder: Folder::start(path, turns.clone()),
        scribe: Arc::new(Scribe::start(path, turns.clone())),
        pen: Pen::new(writer, turns),
    })
}

/// Gives back only connections that are in no transaction.
///
/// On a full disk `SQLite` rolls back by itself, the rollback that sqlx sends then fails, and sqlx
/// takes the connection to be in a transaction for ever: every later `BEGIN` would be refused.
fn unspoilt(options: SqlitePoolOptions) -> SqlitePoolOptions {
    options.after_release(|connection, _| {
        Box::pin(async move {
            // Behind a rollback that is still under way.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

/// Creates the file, readable by us alone; the files `SQLite` puts beside it inherit that.
fn create(path: &Path) -> Result<(), Fault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unusable(path, &error)),
    }
}

async fn open(
    pool: &SqlitePoolOptions,
    options: SqliteConnectOptions,
    path: &str,
) -> Result<SqlitePool, Fault> {
    pool.clone().connect_with(options).await.map_err(|error| unusable(Path::new(path), &error))
}

async fn check_version(options: &SqliteConnectOptions, path: &str) -> Result<(), Fault> {
    let mut connection = wal(options, path).await?;
    let version: Result<String, _> =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await;
    let closed = connection.close().await;
    let version = version.map_err(|error| unusable(Path::new(path), &error))?;
    closed.map_err(|error| unusable(Path::new(path), &error))?;
    if is_fixed(&version) {
        Ok(())
    } else {
        Err(Fault::Store(format!("SQLite {version} may corrupt databases; 3.51.3 is needed")))
    }
}

fn is_fixed(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    LEAST_VERSION.as_slice() <= numbers.as_slice()
}

/// Connects and switches to the write-ahead log, which stays with the file.
///
/// Switching needs the file alone, and that is not waited for by the busy timeout: of two replicas
/// that start on a new file at once, one has to ask again.
async fn wal(options: &SqliteConnectOptions, path: &str) -> Result<SqliteConnection, Fault> {
    let started = Instant::now();
    loop {
        match options.clone().journal_mode(SqliteJournalMode::Wal).connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) if is_busy(&error) && started.elapsed() < BUSY => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => return Err(unusable(Path::new(path), &error)),
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    // SQLITE_BUSY; the upper bytes of an extended code say more.
    matches!(error, sqlx::Error::Database(database)
        if database.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::Store(format!("cannot open the SQLite database `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_version_that_fixed_the_wal_reset_bug_and_later_ones() {
        for version in ["3.51.3", "3.52.0", "4.0"] {
            assert!(is_fixed(version), "{version}");
        }
    }

    #[test]
    fn refuses_versions_before_the_fix() {
        for version in ["3.51.2", "3.7.0", "3.51", ""] {
            assert!(!is_fixed(version), "{version}");
        }
    }
}
