//! Looking up by key for many at once: whoever asks while others are being asked for is asked for with
//! the next. A statement of `PostgreSQL` costs several times what its rows do.

use std::{
    collections::VecDeque,
    ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use delegation::refusal::Fault;
use sqlx::{AssertSqlSafe, PgPool, Row as _, postgres::PgRow};
use tokio::sync::oneshot;

use super::Kept;
use crate::{
    database::{DEADLINE, fault, in_time},
    queue::QUEUE,
    writer::blames_an_entry,
};

/// Statements that are under way at once, each on a connection that is kept for it: while one is answered,
/// another is asked.
pub(super) const AT_ONCE: usize = 2;

/// Questions of one statement.
const TOGETHER: usize = 64;

/// What a question gives for `$1` and so on.
type Texts = Vec<String>;
type Found = Result<Option<PgRow>, Fault>;
type Answer = oneshot::Sender<Found>;

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Lookout {
    pool: PgPool,
    line: Arc<Mutex<Line>>,
}

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Question>,
    under_way: usize,
    idle: Vec<Kept>,
    is_closed: bool,
    /// For each text that asks for one, the text that asks for many. A handful.
    of_many: Vec<(&'static str, Arc<str>)>,
}

#[derive(Debug)]
struct Question {
    sql: &'static str,
    texts: Texts,
    answer: Answer,
}

impl Lookout {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, line: Arc::default() }
    }

    /// The first row of what `sql` finds, if there is one.
    pub async fn look(&self, sql: &'static str, texts: &[&str]) -> Found {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        let (answer, answered) = oneshot::channel();
        if let Some(under_way) = self.join(Question { sql, texts, answer })? {
            // In a task of its own: whoever asks may go away, and others wait for the same answer.
            tokio::spawn(ask_all(under_way));
        }
        answered.await.map_err(|_| Fault::Store("a question got no answer".to_owned()))?
    }

    /// Lets a question wait; and has all that wait asked, unless enough are at it.
    fn join(&self, question: Question) -> Result<Option<UnderWay>, Fault> {
        let mut line = lock(&self.line);
        if line.is_closed {
            return Err(Fault::Store("the database is not asked any more".to_owned()));
        }
        if QUEUE <= line.waiting.len() {
            return Err(Fault::Store("too many questions are waiting".to_owned()));
        }
        line.waiting.push_back(question);
        if AT_ONCE <= line.under_way {
            return Ok(None);
        }
        line.under_way += 1;
        let kept = line.idle.pop().unwrap_or_else(|| Kept::new(self.pool.clone()));
        drop(line);
        Ok(Some(UnderWay { line: Arc::clone(&self.line), kept: Some(kept) }))
    }

    /// Takes no more questions, and lets go of the connections: the pool cannot be closed before.
    pub fn close(&self) {
        let mut line = lock(&self.line);
        line.is_closed = true;
        line.idle.clear();
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    /// As many as are asked together of those that came first: all by the same text.
    fn next(&mut self) -> Option<Batch> {
        let sql = self.waiting.front()?.sql;
        let (mut texts, mut answers) = (Vec::new(), Vec::new());
        let mut left = VecDeque::new();
        for question in self.waiting.drain(..) {
            if ptr::eq(question.sql, sql) && texts.len() < TOGETHER {
                texts.push(question.texts);
                answers.push(question.answer);
            } else {
                left.push_back(question);
            }
        }
        self.waiting = left;
        let sql = self.of_many(sql, texts.first().map_or(0, Vec::len));
        Some(Batch { sql, texts, answers })
    }

    fn of_many(&mut self, sql: &'static str, values: usize) -> Arc<str> {
        if let Some((_, many)) = self.of_many.iter().find(|(one, _)| ptr::eq(*one, sql)) {
            return Arc::clone(many);
        }
        let many: Arc<str> = of_many(sql, values).into();
        self.of_many.push((sql, Arc::clone(&many)));
        many
    }
}

/// `sql`, which reads one question out of `$1` and so on, for many: an array for each.
fn of_many(sql: &str, values: usize) -> String {
    let (mut one, mut arrays, mut columns) = (sql.to_owned(), Vec::new(), Vec::new());
    // `$1` last: it is how `$10` begins.
    for number in (1..=values).rev() {
        one = one.replace(&format!("${number}"), &format!("asked.value_{number}"));
    }
    for number in 1..=values {
        arrays.push(format!("${number}::text[]"));
        columns.push(format!("value_{number}"));
    }
    let (arrays, columns) = (arrays.join(", "), columns.join(", "));
    format!(
        "SELECT asked.place, found.*
         FROM unnest({arrays}) WITH ORDINALITY AS asked ({columns}, place)
         CROSS JOIN LATERAL ({one}) AS found"
    )
}

struct Batch {
    sql: Arc<str>,
    texts: Vec<Texts>,
    answers: Vec<Answer>,
}

/// Who asks one statement after the other, while there are questions.
struct UnderWay {
    line: Arc<Mutex<Line>>,
    /// None when it is over.
    kept: Option<Kept>,
}

impl UnderWay {
    fn next(&mut self) -> Option<Batch> {
        let mut line = lock(&self.line);
        let batch = line.next();
        if batch.is_none() {
            // Under the same lock: or a question that comes now would count on this one.
            let kept = self.kept.take();
            if !line.is_closed {
                line.idle.extend(kept);
            }
            line.under_way -= 1;
        }
        batch
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.kept.is_some() {
            lock(&self.line).under_way -= 1;
        }
    }
}

async fn ask_all(mut under_way: UnderWay) {
    while let Some(Batch { sql, texts, answers }) = under_way.next() {
        let Some(kept) = &mut under_way.kept else { return };
        match ask(kept, &sql, &texts).await {
            Ok(rows) => {
                for (answer, row) in answers.into_iter().zip(rows) {
                    // Nobody waiting any more is no reason to stop.
                    let _ = answer.send(Ok(row));
                }
            }
            // The values of one: the others do not pay for it.
            Err(error) if 1 < texts.len() && blames_an_entry(&error) => {
                for (texts, answer) in texts.into_iter().zip(answers) {
                    let row = ask(kept, &sql, &[texts]).await;
                    let row = row.map_err(fault).map(|rows| rows.into_iter().next().flatten());
                    let _ = answer.send(row);
                }
            }
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(Fault::Store(error.to_string())));
                }
            }
        }
    }
}

/// The first row for each, in their order.
async fn ask(
    kept: &mut Kept,
    sql: &Arc<str>,
    all: &[Texts],
) -> Result<Vec<Option<PgRow>>, sqlx::Error> {
    let mut query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
    for column in 0..all.first().map_or(0, Vec::len) {
        let cells = all.iter().map(|texts| texts.get(column).map(String::as_str));
        query = query.bind(cells.collect::<Vec<_>>());
    }
    let mut connection = in_time(DEADLINE, kept.take()).await?;
    let rows = in_time(DEADLINE, query.fetch_all(&mut *connection)).await;
    if rows.as_ref().err().is_none_or(blames_an_entry) {
        kept.keep(connection);
    }
    let mut found: Vec<Option<PgRow>> = all.iter().map(|_| None).collect();
    for row in rows? {
        let place = usize::try_from(row.try_get::<i64, _>("place")?).unwrap_or(usize::MAX);
        if let Some(found) = found.get_mut(place.wrapping_sub(1))
            && found.is_none()
        {
            *found = Some(row);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_asks_is_asked_for_many() {
        let many = of_many("SELECT a FROM t WHERE b = $1 AND c = $2 OR d = $10", 10);
        assert!(many.contains("unnest($1::text[], $2::text[],"), "{many}");
        assert!(many.contains("b = asked.value_1 AND c = asked.value_2 OR d = asked.value_10"));
    }
}
