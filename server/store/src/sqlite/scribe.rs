//! The one who writes what exchanges wait for: events with their delegations, and what is used once; and,
//! after them, events into their places, so that one connection knows all pages that change all the time.
//!
//! A thread of its own with a connection of its own. Whatever waits when its turn comes is one
//! transaction, and one flush of the disk, whatever it is.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use delegation::{
    ports::{Once, Opened},
    refusal::Fault,
};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::{BUSY, append::append, local, local::prepare, pen::Turns};
use crate::{
    entry::{Decided, Entry},
    once::Request,
    queue::{self, Jobs, Queue},
    trail::Addition,
    writer::{Health, Verdict},
};

const OPEN: &str = include_str!("open.sql");
const NOTE: &str = include_str!("../note.sql");

const SPEND: &str = "
  INSERT INTO used (org, id, request, until) VALUES ($1, $2, $3, $4)
  -- The same request decides anew: what it has used is its own.
  ON CONFLICT (org, id) DO UPDATE SET until = excluded.until WHERE used.request = excluded.request";

/// What an opening rests on, as of now. No row: no org. The epoch is null without a grant.
const STANDS: &str = include_str!("stands.sql");

#[derive(Debug)]
enum Job {
    Record(Box<Entry>),
    Spend(Request),
    Append(Box<Addition>),
}

#[derive(Debug)]
enum Done {
    Recorded(Verdict),
    Appended(bool),
    /// The first that another request has used.
    Spent(Option<Once>),
}

type Batch = queue::Batch<Job, Done>;

/// Writes until it is closed or dropped.
#[derive(Debug)]
pub(crate) struct Scribe {
    queue: Queue<Job, Done>,
    health: Arc<Health>,
}

impl Scribe {
    pub fn start(path: &Path, turns: Turns) -> Self {
        let health = Arc::new(Health::default());
        let book = Book { path: path.to_owned(), connection: None };
        let well = Arc::clone(&health);
        let queue = Queue::start(|jobs| {
            let (end, ended) = oneshot::channel::<()>();
            std::thread::spawn(move || {
                let _end = end;
                match tokio::runtime::Builder::new_current_thread().enable_time().build() {
                    Ok(runtime) => runtime.block_on(run(book, jobs, &turns, &well)),
                    Err(error) => tracing::error!(%error, "the writer did not begin"),
                }
            });
            vec![tokio::spawn(async move { drop(ended.await) })]
        });
        Self { queue, health }
    }

    pub async fn record(&self, entry: Entry) -> Result<Opened, Fault> {
        match self.queue.ask(Job::Record(Box::new(entry))).await? {
            Done::Recorded(verdict) => verdict.into(),
            Done::Spent(_) | Done::Appended(_) => Err(mixed_up()),
        }
    }

    pub async fn spend(&self, request: Request) -> Result<Option<Once>, Fault> {
        match self.queue.ask(Job::Spend(request)).await? {
            Done::Spent(repeated) => Ok(repeated),
            Done::Recorded(_) | Done::Appended(_) => Err(mixed_up()),
        }
    }

    /// Whether the trail still ended where the addition says; otherwise nothing was added.
    pub async fn append(&self, addition: Addition) -> Result<bool, Fault> {
        match self.queue.ask(Job::Append(Box::new(addition))).await? {
            Done::Appended(done) => Ok(done),
            Done::Recorded(_) | Done::Spent(_) => Err(mixed_up()),
        }
    }

    /// Whether it still takes anything.
    pub fn check(&self) -> Result<(), Fault> {
        self.queue.check()
    }

    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Takes no more, and returns when all that was taken is settled.
    pub async fn close(&self) {
        self.queue.close().await;
    }
}

fn mixed_up() -> Fault {
    Fault::Store("an answer to something else".to_owned())
}

async fn run(mut book: Book, mut jobs: Jobs<Job, Done>, turns: &Turns, health: &Health) {
    loop {
        let (jobs, answers) = jobs.next().await;
        if jobs.is_empty() {
            return;
        }
        match turns.take().await {
            Ok(turn) => {
                book.settle((jobs, answers), health);
                drop(turn);
            }
            Err(error) => {
                health.note(false);
                refuse(answers, &error);
            }
        }
    }
}

/// Nobody waiting any more is no reason to stop.
fn refuse(answers: Vec<queue::Answer<Done>>, why: &dyn std::fmt::Display) {
    for answer in answers {
        let _ = answer.send(Err(Fault::Store(why.to_string())));
    }
}

/// What is written in.
struct Book {
    path: PathBuf,
    connection: Option<Connection>,
}

/// Why nothing was written, and which of a batch is to blame, if it is one of them.
struct Failed {
    error: rusqlite::Error,
    culprit: Option<usize>,
}

impl Failed {
    fn nobodys(error: rusqlite::Error) -> Self {
        Self { error, culprit: None }
    }

    fn of(number: usize, error: rusqlite::Error) -> Self {
        let culprit = blames_values(&error).then_some(number);
        Self { error, culprit }
    }
}

impl Book {
    /// Writes a batch and answers everybody in it. One whose values are refused is left out, and the
    /// others do not pay for it.
    fn settle(&mut self, batch: Batch, health: &Health) {
        let (mut jobs, mut answers) = in_time(batch);
        while !jobs.is_empty() {
            match self.write(&jobs) {
                Ok(done) => {
                    health.note(true);
                    for (answer, done) in answers.into_iter().zip(done) {
                        let _ = answer.send(Ok(done));
                    }
                    return;
                }
                Err(Failed { error, culprit: Some(number) }) => {
                    jobs.remove(number);
                    let _ = answers.remove(number).send(Err(Fault::Store(error.to_string())));
                }
                Err(Failed { error, culprit: None }) => {
                    health.note(false);
                    refuse(answers, &error);
                    return;
                }
            }
        }
    }

    /// All of it in one transaction, or nothing.
    fn write(&mut self, jobs: &[Job]) -> Result<Vec<Done>, Failed> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => local::open(&self.path, BUSY).map_err(Failed::nobodys)?,
        };
        let written = transact(&connection, jobs);
        if !connection.is_autocommit() {
            // When that fails the connection goes, and the transaction with it.
            drop(connection.execute_batch("ROLLBACK"));
        }
        if connection.is_autocommit() {
            self.connection = Some(connection);
        }
        written
    }
}

fn transact(connection: &Connection, jobs: &[Job]) -> Result<Vec<Done>, Failed> {
    execute(connection, "BEGIN IMMEDIATE").map_err(Failed::nobodys)?;
    let mut done = Vec::with_capacity(jobs.len());
    // In the order in which they came: of two that use the same thing the first has it.
    for (number, job) in jobs.iter().enumerate() {
        let one = match job {
            Job::Record(entry) => record(connection, entry).map(Done::Recorded),
            Job::Spend(request) => spend(connection, request).map(Done::Spent),
            Job::Append(addition) => append(connection, addition).map(Done::Appended),
        };
        done.push(one.map_err(|error| Failed::of(number, error))?);
    }
    execute(connection, "COMMIT").map_err(Failed::nobodys)?;
    Ok(done)
}

fn execute(connection: &Connection, sql: &'static str) -> rusqlite::Result<()> {
    prepare(connection, sql, &[])?.raw_execute().map(drop)
}

fn record(connection: &Connection, entry: &Entry) -> rusqlite::Result<Verdict> {
    if let Some(opening) = &entry.opening {
        let verdict = stands(connection, entry, opening)?;
        if verdict != Verdict::Recorded {
            return Ok(verdict);
        }
    }
    let values = entry.values();
    if entry.opening.is_some() {
        prepare(connection, OPEN, &values)?.raw_execute()?;
    }
    prepare(connection, NOTE, &values)?.raw_execute()?;
    Ok(Verdict::Recorded)
}

/// Whether it may be opened, and if not, why: the org has moved on, a signal came in, or something has
/// ended.
fn stands(connection: &Connection, entry: &Entry, opening: &Decided) -> rusqlite::Result<Verdict> {
    let delegation = &opening.delegation;
    let parent = delegation.parent.map(|parent| parent.to_string());
    let values = [(&*entry.org).into(), (&delegation.grant).into(), parent.as_deref().into()];
    let mut statement = prepare(connection, STANDS, &values)?;
    let mut rows = statement.raw_query();
    let Some(row) = rows.next()? else { return Ok(Verdict::Ended) };
    let (revision, epoch): (i64, Option<i64>) = (row.get("revision")?, row.get("epoch")?);
    Ok(if revision != opening.revision {
        Verdict::Changed
    } else if epoch.is_some_and(|epoch| epoch != opening.epoch) {
        Verdict::Signalled
    } else if row.get("stands")? {
        Verdict::Recorded
    } else {
        Verdict::Ended
    })
}

fn spend(connection: &Connection, request: &Request) -> rusqlite::Result<Option<Once>> {
    let by = request.by.to_string();
    let mut repeated = None;
    for one in &request.once {
        let values =
            [(&*request.org).into(), one.id.as_slice().into(), (&by).into(), one.until.0.into()];
        if prepare(connection, SPEND, &values)?.raw_execute()? == 0 && repeated.is_none() {
            repeated = Some(one.clone());
        }
    }
    Ok(repeated)
}

/// Those of a batch that may still be written; the others are told that it is too late.
fn in_time((jobs, answers): Batch) -> Batch {
    let now = Instant::now();
    let (mut kept, mut waiting) = (Vec::with_capacity(jobs.len()), Vec::with_capacity(jobs.len()));
    for (job, answer) in jobs.into_iter().zip(answers) {
        let late = match &job {
            Job::Record(entry) => entry.is_late(now),
            Job::Spend(_) | Job::Append(_) => false,
        };
        if late {
            let _ = answer.send(Err(Fault::Late));
        } else {
            kept.push(job);
            waiting.push(answer);
        }
    }
    (kept, waiting)
}

/// Whether some values were refused, rather than the database being ill.
fn blames_values(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::StatementChangedRows(_))
        || matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::TooBig | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)
        )
}
