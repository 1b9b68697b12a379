//! What is handed over to tasks that write: bounded, taken in batches, and settled also when nobody
//! waits for it any more.
//!
//! No linger: an idle task takes the first entry at once. A lone caller waits for one commit, a crowd
//! shares them.

use delegation::refusal::Fault;
use tokio::{
    sync::{
        Mutex as AsyncMutex,
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::JoinHandle,
};

/// Entries that may wait, per lane; at 16 kB each (a sealed token, generously) 64 MB. More means
/// that the database cannot follow, and that those who wait would give up anyway.
pub(crate) const QUEUE: usize = 4096;

/// Entries of one transaction. Larger ones make the last wait for the first and gain nothing.
const BATCH: usize = 256;

const STOPPED: &str = "the writer has stopped";

/// Where somebody waits for what becomes of an entry.
pub(crate) type Answer<R> = oneshot::Sender<Result<R, Fault>>;

/// Entries, and for each who waits for it.
pub(crate) type Batch<T, R> = (Vec<T>, Vec<Answer<R>>);

/// Takes entries until it is closed or dropped.
#[derive(Debug)]
pub(crate) struct Queue<T, R> {
    jobs: mpsc::Sender<(T, Answer<R>)>,
    running: AsyncMutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    /// Dropped to say that no more will come.
    open: oneshot::Sender<()>,
    lanes: Vec<JoinHandle<()>>,
}

impl<T, R> Queue<T, R> {
    /// Starts the tasks that `lanes` makes of what will come.
    pub fn start(lanes: impl FnOnce(Jobs<T, R>) -> Vec<JoinHandle<()>>) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (open, closed) = oneshot::channel();
        let lanes = lanes(Jobs { jobs, closed: Some(closed) });
        Self { jobs: queue, running: AsyncMutex::new(Some(Running { open, lanes })) }
    }

    /// Hands an entry over and waits for what becomes of it. A caller that stops waiting changes
    /// nothing: the entry is written all the same.
    pub async fn ask(&self, entry: T) -> Result<R, Fault> {
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send((entry, answer)).map_err(|refused| {
            Fault::Store(match refused {
                TrySendError::Full(_) => "too many writes are waiting".to_owned(),
                TrySendError::Closed(_) => STOPPED.to_owned(),
            })
        })?;
        answered.await.map_err(|_| Fault::Store(STOPPED.to_owned()))?
    }

    /// Whether it still takes entries.
    pub fn check(&self) -> Result<(), Fault> {
        if self.jobs.is_closed() { Err(Fault::Store(STOPPED.to_owned())) } else { Ok(()) }
    }

    /// Takes no more entries, and returns when all that were taken are settled.
    pub async fn close(&self) {
        if let Some(Running { open, lanes }) = self.running.lock().await.take() {
            drop(open);
            for lane in lanes {
                if let Err(error) = lane.await {
                    tracing::error!(%error, "a writer did not end well");
                }
            }
        }
    }
}

/// What a lane is fed from.
pub(crate) struct Jobs<T, R> {
    jobs: mpsc::Receiver<(T, Answer<R>)>,
    closed: Option<oneshot::Receiver<()>>,
}

impl<T, R> Jobs<T, R> {
    /// Those that another lane hands on, until it ends.
    pub fn handed_on(jobs: mpsc::Receiver<(T, Answer<R>)>) -> Self {
        Self { jobs, closed: None }
    }

    /// At least one, as many as there are, none when no more will come.
    pub async fn next(&mut self) -> Batch<T, R> {
        let mut jobs = Vec::new();
        if let Some(closed) = &mut self.closed {
            tokio::select! {
                _ = self.jobs.recv_many(&mut jobs, BATCH) => return jobs.into_iter().unzip(),
                _ = closed => {}
            }
            // What is queued already still comes out below.
            self.jobs.close();
            self.closed = None;
        }
        self.jobs.recv_many(&mut jobs, BATCH).await;
        jobs.into_iter().unzip()
    }
}
