//! Group commit: what is asked to be written while a commit is under way is committed together
//! with the next one (see `queue`).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use delegation::{ports::Opened, refusal::Fault};
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{
    database::Database,
    entry::Entry,
    postgres,
    queue::{self, Jobs, QUEUE, Queue},
    sqlite::scribe::Scribe,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Recorded,
    Changed,
    Ended,
    Signalled,
    /// Somebody is ending things in this org; nothing was written yet.
    Busy,
}

impl Verdict {
    /// As in postgres/record.sql.
    pub fn from_code(code: i32) -> Result<Self, sqlx::Error> {
        match code {
            0 => Ok(Self::Recorded),
            1 => Ok(Self::Changed),
            2 => Ok(Self::Ended),
            3 => Ok(Self::Busy),
            4 => Ok(Self::Signalled),
            other => Err(sqlx::Error::Protocol(format!("unknown verdict {other}"))),
        }
    }
}

impl From<Verdict> for Result<Opened, Fault> {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Recorded => Ok(Opened::Recorded),
            Verdict::Changed => Ok(Opened::Changed),
            Verdict::Ended => Ok(Opened::Ended),
            Verdict::Signalled => Ok(Opened::Signalled),
            Verdict::Busy => Err(Fault::Store("too many wait for a change of this org".to_owned())),
        }
    }
}

/// When the last batch failed that could not be written, if none has been written since.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Option<Instant>>);

impl Health {
    pub fn note(&self, written: bool) {
        let failed_at = (!written).then(Instant::now);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failed_at;
    }

    /// A write went well that was begun because of the failure at `at`.
    pub fn recovered_from(&self, at: Instant) {
        let mut failed_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *failed_at == Some(at) {
            *failed_at = None;
        }
    }

    pub fn failed_at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer = queue::Answer<Opened>;

type Batch = queue::Batch<Entry, Opened>;

/// Takes entries until it is closed or dropped.
#[derive(Debug)]
pub(crate) enum Writer {
    Postgres {
        queue: Queue<Entry, Opened>,
        health: Arc<Health>,
    },
    /// Who writes all that exchanges wait for.
    Sqlite(Arc<Scribe>),
}

impl Writer {
    /// Starts the tasks that write to `PostgreSQL`: one that waits for nobody, and one for the
    /// entries that must wait for their turn, so that all others need not.
    pub fn start(database: &Database) -> Self {
        let pool = match database {
            Database::Postgres { pool, .. } => pool.clone(),
            Database::Sqlite { scribe, .. } => return Self::Sqlite(Arc::clone(scribe)),
        };
        let health = Arc::new(Health::default());
        let well = Arc::clone(&health);
        let queue = Queue::start(|jobs| {
            let (aside, waiting) = mpsc::channel(QUEUE);
            let quick = postgres::Session::new(pool.clone(), false);
            let patient = postgres::Session::new(pool, true);
            vec![
                tokio::spawn(run(quick, jobs, Some(aside), well)),
                // Ends after the quick one, which holds the only way to it. Waiting for
                // somebody's change is no illness.
                tokio::spawn(run(patient, Jobs::handed_on(waiting), None, Arc::default())),
            ]
        });
        Self::Postgres { queue, health }
    }

    /// Hands an entry over and waits for what becomes of it.
    pub async fn write(&self, entry: Entry) -> Result<Opened, Fault> {
        match self {
            Self::Postgres { queue, .. } => queue.ask(entry).await,
            Self::Sqlite(scribe) => scribe.record(entry).await,
        }
    }

    /// Whether it still takes entries.
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Postgres { queue, .. } => queue.check(),
            Self::Sqlite(scribe) => scribe.check(),
        }
    }

    pub fn health(&self) -> &Health {
        match self {
            Self::Postgres { health, .. } => health,
            Self::Sqlite(scribe) => scribe.health(),
        }
    }

    /// Takes no more entries, and returns when all that were taken are settled.
    pub async fn close(&self) {
        match self {
            Self::Postgres { queue, .. } => queue.close().await,
            Self::Sqlite(scribe) => scribe.close().await,
        }
    }
}

/// `aside` is where those go that must wait for their turn.
async fn run(
    mut recorder: postgres::Session,
    mut jobs: Jobs<Entry, Opened>,
    aside: Option<mpsc::Sender<(Entry, Answer)>>,
    health: Arc<Health>,
) {
    loop {
        let batch = jobs.next().await;
        if batch.0.is_empty() {
            return;
        }
        settle(&mut recorder, batch, aside.as_ref(), &health).await;
    }
}

/// Records a batch and answers everybody in it.
///
/// When one entry is at fault the batch is halved until that entry is alone: the others do not pay
/// for it.
async fn settle(
    recorder: &mut postgres::Session,
    batch: Batch,
    aside: Option<&mpsc::Sender<(Entry, Answer)>>,
    health: &Health,
) {
    let mut pending = vec![batch];
    while let Some(batch) = pending.pop() {
        let (mut entries, mut answers) = in_time(batch);
        if entries.is_empty() {
            continue;
        }
        match recorder.record(&entries).await {
            Ok(verdicts) => {
                health.note(true);
                for ((entry, answer), verdict) in entries.into_iter().zip(answers).zip(verdicts) {
                    conclude(entry, answer, verdict, aside);
                }
            }
            Err(error) if 1 < entries.len() && blames_an_entry(&error) => {
                let half = entries.len() / 2;
                pending.push((entries.split_off(half), answers.split_off(half)));
                pending.push((entries, answers));
            }
            Err(error) => {
                if !blames_an_entry(&error) {
                    health.note(false);
                }
                for answer in answers {
                    // Nobody waiting any more is no reason to stop.
                    let _ = answer.send(Err(Fault::Store(error.to_string())));
                }
            }
        }
    }
}

/// Those of a batch that may still be written; the others are told that it is too late.
fn in_time((entries, answers): Batch) -> Batch {
    let now = Instant::now();
    let (mut kept, mut waiting) = (Vec::with_capacity(entries.len()), Vec::new());
    for (entry, answer) in entries.into_iter().zip(answers) {
        if entry.is_late(now) {
            let _ = answer.send(Err(Fault::Late));
        } else {
            kept.push(entry);
            waiting.push(answer);
        }
    }
    (kept, waiting)
}

fn conclude(
    entry: Entry,
    answer: Answer,
    verdict: Verdict,
    aside: Option<&mpsc::Sender<(Entry, Answer)>>,
) {
    let (answer, result) = match (verdict, aside) {
        (Verdict::Busy, Some(aside)) => match aside.try_send((entry, answer)) {
            Ok(()) => return,
            Err(TrySendError::Full((_, answer)) | TrySendError::Closed((_, answer))) => {
                (answer, verdict.into())
            }
        },
        (verdict, _) => (answer, verdict.into()),
    };
    let _ = answer.send(result);
}

/// Whether the values of some entry were refused, rather than the database being ill.
pub(crate) fn blames_an_entry(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    let Some(code) = error.code() else { return false };
    // Data exception, integrity constraint, program limit.
    ["22", "23", "54"].iter().any(|class| code.starts_with(class))
}
