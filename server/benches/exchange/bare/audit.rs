//! One row per exchange, on the disk before anybody is answered. What arrives while a commit is under way
//! is committed together with the next one; an idle writer waits for nobody.

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{postgres, sqlite};
use crate::Outcome;

/// Rows of one commit, and rows that may wait: as many as in `store`.
pub(super) const BATCH: usize = 256;
const QUEUE: usize = 4096;

/// What is kept of an exchange.
#[derive(Debug)]
pub(super) struct Row {
    pub id: Uuid,
    pub at: i64,
    pub client: String,
    pub subject: String,
    pub actor: String,
    /// JSON
    pub body: String,
}

/// A row, and who waits for it.
pub(super) type Job = (Row, oneshot::Sender<()>);

/// Where rows are handed over.
#[derive(Debug)]
pub(super) struct Audit(mpsc::Sender<Job>);

impl Audit {
    /// Starts the writer, on a thread of its own, once its table is there.
    pub(super) fn start(database: &str) -> Outcome<Self> {
        let (jobs, rows) = mpsc::channel(QUEUE);
        match database.strip_prefix("sqlite:") {
            Some(file) => sqlite::start(file, rows)?,
            None => postgres::start(database, rows)?,
        }
        Ok(Self(jobs))
    }

    /// Returns when the row is on the disk.
    pub(super) async fn keep(&self, row: Row) -> Outcome<()> {
        let (written, is_written) = oneshot::channel();
        self.0.send((row, written)).await.map_err(|_| "the writer has stopped")?;
        Ok(is_written.await?)
    }
}

/// Whoever gave up waiting misses nothing: the row is there.
pub(super) fn answer(waiting: impl IntoIterator<Item = oneshot::Sender<()>>) {
    for written in waiting {
        let _ = written.send(());
    }
}
