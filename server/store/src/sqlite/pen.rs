//! Who may write. `SQLite` lets one write at a time and has all others poll; those of this process
//! wait for their turn instead, in the order in which they came.

use std::{sync::Arc, time::Duration};

use sqlx::{Sqlite, SqlitePool};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

/// The turns of one process. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    one: Arc<Mutex<()>>,
    patience: Duration,
    /// Told whenever a turn is over (see `fold`).
    over: Arc<Notify>,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    over: Arc<Notify>,
    #[expect(dead_code, reason = "held, and let go of")]
    one: OwnedMutexGuard<()>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.over.notify_one();
    }
}

impl Turns {
    pub fn new(patience: Duration) -> Self {
        Self { one: Arc::default(), patience, over: Arc::default() }
    }

    pub async fn take(&self) -> Result<Turn, sqlx::Error> {
        let one = tokio::time::timeout(self.patience, Arc::clone(&self.one).lock_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        Ok(Turn { over: Arc::clone(&self.over), one })
    }

    /// Keeps everybody else from writing, and writes nothing that would have to be folded.
    pub async fn pause(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.one).lock_owned().await
    }

    /// Returns when a turn has ended since it last did.
    pub async fn one_is_over(&self) {
        self.over.notified().await;
    }
}

/// What transactions write with that are in no hurry. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Pen {
    pool: SqlitePool,
    turns: Turns,
}

impl Pen {
    /// A pool of one connection.
    pub fn new(pool: SqlitePool, turns: Turns) -> Self {
        Self { pool, turns }
    }

    /// Begins a transaction that nobody writes beside. Whoever drops it drops the turn last.
    pub async fn begin(&self) -> Result<(sqlx::Transaction<'static, Sqlite>, Turn), sqlx::Error> {
        let turn = self.turns.take().await?;
        Ok((self.pool.begin_with("BEGIN IMMEDIATE").await?, turn))
    }

    /// The connection, for one statement.
    pub async fn take(&self) -> Result<(&SqlitePool, Turn), sqlx::Error> {
        let turn = self.turns.take().await?;
        Ok((&self.pool, turn))
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}
