//! What may be used once: the constraint of a primary key is the verdict, whichever replica asks.
//!
//! Commits are shared as those of the ledger are (see `queue`): a lone request waits for one, a crowd
//! for few. Of two requests that come with the same id, one has it, also when they meet in one batch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use delegation::{
    ports::{Once, SingleUse},
    refusal::Fault,
};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    database::{DEADLINE, Database, in_time},
    postgres::Kept,
    queue::{Jobs, Queue},
    sqlite::scribe::Scribe,
};

// A whole batch; answers those that are used by whom the batch says. No id is in it twice (PostgreSQL
// would refuse it), and all are in one order everywhere, or two replicas could wait for each other.
const SPEND_ALL: &str = "
  INSERT INTO used (org, id, request, until)
  SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bigint[])
  ON CONFLICT (org, id) DO UPDATE SET until = excluded.until WHERE used.request = excluded.request
  RETURNING org, id";

#[derive(Debug)]
pub(crate) struct OrgSingleUse {
    org: Arc<str>,
    spender: Arc<Spender>,
}

impl OrgSingleUse {
    pub fn new(org: Arc<str>, spender: Arc<Spender>) -> Self {
        Self { org, spender }
    }
}

#[async_trait]
impl SingleUse for OrgSingleUse {
    async fn spend(&self, once: &[Once], by: Uuid) -> Result<Option<Once>, Fault> {
        if once.is_empty() {
            return Ok(None);
        }
        let request = Request { org: Arc::clone(&self.org), once: once.to_vec(), by };
        self.spender.spend(request).await
    }
}

/// What one request uses.
#[derive(Debug)]
pub(crate) struct Request {
    pub org: Arc<str>,
    pub once: Vec<Once>,
    pub by: Uuid,
}

/// Uses things up for all organizations, until it is closed or dropped.
#[derive(Debug)]
pub(crate) enum Spender {
    Postgres(Queue<Request, Option<Once>>),
    /// Who writes all that exchanges wait for, in one transaction.
    Sqlite(Arc<Scribe>),
}

impl Spender {
    pub fn start(database: &Database) -> Self {
        match database {
            Database::Postgres { pool, .. } => {
                let kept = Kept::new(pool.clone());
                Self::Postgres(Queue::start(|jobs| vec![tokio::spawn(run(kept, jobs))]))
            }
            Database::Sqlite { scribe, .. } => Self::Sqlite(Arc::clone(scribe)),
        }
    }

    async fn spend(&self, request: Request) -> Result<Option<Once>, Fault> {
        match self {
            Self::Postgres(queue) => queue.ask(request).await,
            Self::Sqlite(scribe) => scribe.spend(request).await,
        }
    }

    /// Takes no more, and returns when all that was taken is settled.
    pub async fn close(&self) {
        match self {
            Self::Postgres(queue) => queue.close().await,
            Self::Sqlite(scribe) => scribe.close().await,
        }
    }
}

async fn run(mut kept: Kept, mut jobs: Jobs<Request, Option<Once>>) {
    loop {
        let (requests, answers) = jobs.next().await;
        if requests.is_empty() {
            return;
        }
        // Nobody waiting any more is no reason to stop.
        match spend(&mut kept, &requests).await {
            Ok(repeated) => {
                for (answer, repeated) in answers.into_iter().zip(repeated) {
                    let _ = answer.send(Ok(repeated));
                }
            }
            // Used or not: nobody may go on with it. Hashes and numbers blame no one of them.
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(Fault::Store(error.to_string())));
                }
            }
        }
    }
}

/// Uses everything in one transaction; of each request what another has used, if anything.
async fn spend(kept: &mut Kept, requests: &[Request]) -> Result<Vec<Option<Once>>, sqlx::Error> {
    let mut connection = in_time(DEADLINE, kept.take()).await?;
    let repeated = in_time(DEADLINE, spend_all(&mut connection, requests)).await?;
    kept.keep(connection);
    Ok(repeated)
}

/// Who of a batch comes first with an id, and until when that is remembered.
struct First {
    by: Uuid,
    until: i64,
}

async fn spend_all(
    connection: &mut PgConnection,
    requests: &[Request],
) -> Result<Vec<Option<Once>>, sqlx::Error> {
    let mut firsts: BTreeMap<(&str, &[u8]), First> = BTreeMap::new();
    for Request { org, once, by } in requests {
        for one in once {
            let first = First { by: *by, until: one.until.0 };
            firsts.entry((org, one.id.as_slice())).or_insert(first);
        }
    }
    let (orgs, ids): (Vec<&str>, Vec<&[u8]>) = firsts.keys().copied().unzip();
    let (requesters, until): (Vec<String>, Vec<i64>) =
        firsts.values().map(|first| (first.by.to_string(), first.until)).unzip();
    let query = sqlx::query(SPEND_ALL).bind(orgs).bind(ids).bind(requesters).bind(until);
    let rows = query.fetch_all(connection).await?;
    let was_free = rows.iter().map(|row| Ok((row.try_get("org")?, row.try_get("id")?)));
    let was_free: BTreeSet<(&str, &[u8])> = was_free.collect::<Result<_, sqlx::Error>>()?;
    let is_theirs = |org: &str, one: &Once, by: Uuid| {
        let key = (org, one.id.as_slice());
        was_free.contains(&key) && firsts.get(&key).is_some_and(|first| first.by == by)
    };
    let repeated = |Request { org, once, by }: &Request| {
        once.iter().find(|one| !is_theirs(org, one, *by)).cloned()
    };
    Ok(requests.iter().map(repeated).collect())
}
