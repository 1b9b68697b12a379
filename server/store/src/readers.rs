//! Connections to read with, kept between requests.
//!
//! A pool of sqlx asks a connection for a sign of life whenever it comes back: one more round trip
//! per request, which halves what one can read. These do not go back to the pool unless they are
//! suspect; whoever takes one works in a task of its own, so none comes back with work half done.
//!
//! One whose other side has gone is rarely alone: the others that lie here are let go of with it,
//! or each of them would cost somebody an answer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection, Database, Pool, pool::PoolConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::database::PATIENCE;

/// A connection that lay idle for longer is asked for a sign of life before it is used.
pub(crate) const IDLE: Duration = Duration::from_secs(5);
/// How long it has to give one. Where nothing comes back at all, nobody says that it never will.
pub(crate) const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Whether the other side is still there.
pub(crate) async fn is_alive(connection: &mut impl Connection) -> bool {
    tokio::time::timeout(SIGN_OF_LIFE, connection.ping()).await.is_ok_and(|pong| pong.is_ok())
}

/// Clones share the connections.
#[derive(Debug)]
pub(crate) struct Readers<DB: Database> {
    pool: Pool<DB>,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Idle<DB>>>>,
}

#[derive(Debug)]
struct Idle<DB: Database> {
    connection: PoolConnection<DB>,
    since: Instant,
}

impl<DB: Database> Clone for Readers<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            turns: Arc::clone(&self.turns),
            idle: Arc::clone(&self.idle),
        }
    }
}

/// A connection, and the right to use it.
pub(crate) struct Reader<DB: Database> {
    pub connection: PoolConnection<DB>,
    turn: OwnedSemaphorePermit,
}

impl<DB: Database> Readers<DB> {
    /// Takes at most `most` connections out of `pool`.
    pub fn new(pool: Pool<DB>, most: usize) -> Self {
        Self { pool, turns: Arc::new(Semaphore::new(most)), idle: Arc::default() }
    }

    pub async fn take(&self) -> Result<Reader<DB>, sqlx::Error> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        while let Some(Idle { mut connection, since }) = self.pop() {
            if since.elapsed() <= IDLE || is_alive(&mut *connection).await {
                return Ok(Reader { connection, turn });
            }
            connection.close_on_drop();
            self.let_go();
        }
        Ok(Reader { connection: self.pool.acquire().await?, turn })
    }

    /// Keeps the connection for the next, if all went well.
    pub fn give_back<T>(&self, reader: Reader<DB>, result: &Result<T, sqlx::Error>) {
        let Reader { mut connection, turn } = reader;
        match result {
            Ok(_) => {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                // Looked at under the lock: `close` empties the list after it has closed the turns.
                if !self.turns.is_closed() {
                    idle.push(Idle { connection, since: Instant::now() });
                }
            }
            Err(error) => {
                connection.close_on_drop();
                if !matches!(error, sqlx::Error::Database(_)) {
                    self.let_go();
                }
            }
        }
        drop(turn);
    }

    /// Closes what is kept.
    fn let_go(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for mut idle in idle {
            idle.connection.close_on_drop();
        }
    }

    /// Lets go of what is kept, so that the pool can be closed.
    pub fn close(&self) {
        self.turns.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn pop(&self) -> Option<Idle<DB>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
