//! The write-ahead log is folded into the file beside those who write, not by one of them: `SQLite`'s
//! own way makes the commit that fills the log wait for two flushes of the disk.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{Mutex, oneshot};

use super::{BUSY, local, pen::Turns};

/// At most so often. What is written many times in between is folded once.
const EVERY: Duration = Duration::from_millis(250);

/// Pages of 4 kB after which the log is begun anew. That takes a moment in which nobody writes: while
/// somebody does there is always a rest that is not folded yet.
const MANY: i64 = 4000;

const FOLD: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Folds until it is closed or dropped.
#[derive(Clone, Debug)]
pub(crate) struct Folder(Arc<Mutex<Option<Running>>>);

#[derive(Debug)]
struct Running {
    /// Dropped to end it.
    open: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Folder {
    pub fn start(path: &Path, turns: Turns) -> Self {
        let (open, closed) = oneshot::channel();
        let (end, ended) = oneshot::channel::<()>();
        let path = path.to_owned();
        std::thread::spawn(move || {
            let _end = end;
            match tokio::runtime::Builder::new_current_thread().enable_time().build() {
                Ok(runtime) => runtime.block_on(async {
                    tokio::select! {
                        () = run(path, &turns) => {}
                        _ = closed => {}
                    }
                }),
                Err(error) => tracing::error!(%error, "the write-ahead log will not be folded"),
            }
        });
        Self(Arc::new(Mutex::new(Some(Running { open, ended }))))
    }

    /// Returns when it has let go of the file.
    pub async fn close(&self) {
        if let Some(Running { open, ended }) = self.0.lock().await.take() {
            drop(open);
            drop(ended.await);
        }
    }
}

async fn run(path: PathBuf, turns: &Turns) {
    let mut connection = None;
    let mut said = None;
    loop {
        turns.one_is_over().await;
        let result = fold(&path, &mut connection, turns).await;
        let failed = result.err().map(|error| error.to_string());
        // Once per change. What is in the log is safe there.
        if said != failed {
            if let Some(error) = &failed {
                tracing::error!(error, "the write-ahead log cannot be folded");
            } else {
                tracing::info!("the write-ahead log is folded again");
            }
            said = failed;
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn fold(path: &Path, kept: &mut Option<Connection>, turns: &Turns) -> rusqlite::Result<()> {
    let connection = match kept.take() {
        Some(connection) => connection,
        None => local::open(path, BUSY)?,
    };
    // The most of it, while others write.
    if MANY <= pages(&connection)? {
        // What was written meanwhile, so that the pause is short.
        pages(&connection)?;
        let pause = turns.pause().await;
        // The rest. Whoever writes next finds all folded, and begins the log anew.
        pages(&connection)?;
        drop(pause);
    }
    *kept = Some(connection);
    Ok(())
}

/// Folds what can be without making anybody wait; how many pages the log has.
fn pages(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached(FOLD)?.query_row([], |row| row.get(1))
}
