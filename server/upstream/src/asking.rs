//! Who may use whose answer: checks under way are shared, and for a while remembered, among
//! exchanges that ask for the same thing in the same epoch.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use delegation::{
    event,
    ports::{Hints, Question},
};
use secrecy::ExposeSecret;

use crate::{
    check::{About, Check, Told, Verdict},
    checks::Checks,
    fault::UpstreamFault,
};

/// More checks of different tokens than this at once, at one provider, means that it does not keep
/// up; waiting would only add to it.
const AT_ONCE: usize = 1024;
/// Answers remembered in bounded mode, at most.
const REMEMBERED: usize = 10_000;
/// The longest bounded mode may look back.
pub const LONGEST_AGE: Duration = Duration::from_secs(30);

/// One check of a connection.
#[derive(Debug)]
pub(crate) struct Asking {
    connection: String,
    check: Arc<dyn Check>,
    under_way: Arc<Checks<Key, Done>>,
    remembered: Arc<Mutex<HashMap<Key, Done>>>,
    /// For the whole check, however many calls it takes.
    deadline: Duration,
}

/// Every input of a check, or one user's answer could be given for another (Oathkeeper
/// CVE-2026-33496 left one out). As a hash: keys of maps end up in dumps.
type Key = [u8; 32];

/// What a check found, when it began and how long it took.
#[derive(Clone, Debug)]
struct Done {
    told: Result<Told, UpstreamFault>,
    began_at: Instant,
    took: Duration,
}

/// What a check said to one exchange, with its line for the audit trail.
pub(crate) type Heard = (event::Check, Result<Told, UpstreamFault>);

impl Asking {
    pub(crate) fn new(connection: &str, check: Arc<dyn Check>, deadline: Duration) -> Self {
        Self {
            connection: connection.to_owned(),
            check,
            under_way: Checks::new(AT_ONCE),
            remembered: Arc::default(),
            deadline,
        }
    }

    pub(crate) fn knows_clients(&self) -> bool {
        self.check.knows_clients()
    }

    /// An answer of a check that begins after this call or, with a `max_age`, began at most so
    /// long before. The caller takes its place at the call, not when the future is first polled.
    pub(crate) fn ask(&self, question: &Question) -> impl Future<Output = Heard> + use<> {
        let question = narrowed(question, self.check.about());
        let key = key(&question);
        let line = Line::of(self, &question);
        let remembered = self.recall(&key, question.max_age);
        let seat = remembered.is_none().then(|| self.under_way.ask(key, self.run(key, question)));
        async move {
            let arrived_at = Instant::now();
            match (remembered, seat) {
                (Some(done), _) => line.complete(done, arrived_at, true),
                (None, Some(seat)) => match seat.await {
                    Ok(answer) => line.complete(answer.value, Instant::now(), answer.shared),
                    Err(fault) => line.without(fault, arrived_at),
                },
                (None, None) => line.without(UpstreamFault::Lost, arrived_at),
            }
        }
    }

    /// The check on its own: nothing shared, nothing remembered.
    pub(crate) async fn inspect(&self, question: &Question) -> Heard {
        let began_at = Instant::now();
        let narrowed = narrowed(question, self.check.about());
        let told = within(self.deadline, &*self.check, &narrowed).await;
        let done = Done { told, began_at, took: began_at.elapsed() };
        Line::of(self, question).complete(done, Instant::now(), false)
    }

    fn run(
        &self,
        key: Key,
        question: Question,
    ) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Done> + Send>> + Send + 'static + use<>
    {
        let (check, remembered) = (Arc::clone(&self.check), Arc::clone(&self.remembered));
        let deadline = self.deadline;
        move || {
            let (check, remembered) = (Arc::clone(&check), Arc::clone(&remembered));
            let question = question.clone();
            Box::pin(async move {
                let began_at = Instant::now();
                let told = within(deadline, &*check, &question).await;
                let done = Done { told, began_at, took: began_at.elapsed() };
                remember(&remembered, key, &done, question.max_age);
                done
            })
        }
    }

    fn recall(&self, key: &Key, max_age: Duration) -> Option<Done> {
        if max_age.is_zero() {
            return None;
        }
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let done = remembered.get(key)?;
        (done.began_at.elapsed() <= max_age.min(LONGEST_AGE)).then(|| done.clone())
    }
}

/// What a check gets to see: what its answer may depend on, and nothing else. Of one user's tokens
/// each has its own id and, without an `auth_time`, its own moment.
fn narrowed(question: &Question, about: About) -> Question {
    match about {
        About::User => {
            let hints = Hints { token_id: None, signed_in_at: None, ..question.hints.clone() };
            Question { token: None, purpose: None, hints, ..question.clone() }
        }
        About::Token => Question { purpose: None, ..question.clone() },
        About::Purpose => question.clone(),
    }
}

/// Of everything a check sees but how old its answer may be.
fn key(question: &Question) -> Key {
    let Question { token, user, hints, is_client, epoch, max_age: _, purpose } = question;
    let token = token.as_ref().map(ExposeSecret::expose_secret);
    keys::sha256(format!("{:?}", (token, user, hints, is_client, epoch, purpose)).as_bytes())
}

/// A provider that hiccups is asked once more, as long as there is time.
async fn within(
    deadline: Duration,
    check: &dyn Check,
    question: &Question,
) -> Result<Told, UpstreamFault> {
    let twice = async {
        match check.ask(question).await {
            Err(fault) if fault.is_passing() => check.ask(question).await,
            told => told,
        }
    };
    let told = tokio::time::timeout(deadline, twice).await;
    told.map_err(|_| UpstreamFault::Deadline(deadline.as_millis()))?
}

/// Only a yes is remembered, and only where it may be used again. Anything else takes back what
/// was, also when it was said to somebody who would not have used it: a stream of signals that is
/// late makes a connection strict for a while.
fn remember(remembered: &Mutex<HashMap<Key, Done>>, key: Key, done: &Done, max_age: Duration) {
    let mut remembered = remembered.lock().unwrap_or_else(PoisonError::into_inner);
    let good = done.told.as_ref().is_ok_and(|told| Verdict::of(&told.standing) == Verdict::Good);
    if !good {
        remembered.remove(&key);
        return;
    }
    if max_age.is_zero() {
        return;
    }
    if REMEMBERED <= remembered.len() {
        remembered.retain(|_, done| done.began_at.elapsed() <= LONGEST_AGE);
        if REMEMBERED <= remembered.len() {
            remembered.clear();
        }
    }
    remembered.insert(key, done.clone());
}

/// The beginning of a line in the audit trail.
struct Line {
    connection: String,
    kind: &'static str,
    mode: &'static str,
}

impl Line {
    fn of(asking: &Asking, question: &Question) -> Self {
        let mode = if question.max_age.is_zero() { "strict" } else { "bounded" };
        Self { connection: asking.connection.clone(), kind: asking.check.kind(), mode }
    }

    fn complete(self, done: Done, now: Instant, shared: bool) -> Heard {
        let answer = match &done.told {
            Ok(told) => Verdict::of(&told.standing).code(),
            Err(fault) => silence(fault),
        };
        let age = now.saturating_duration_since(done.began_at);
        let line = event::Check {
            connection: self.connection,
            kind: self.kind,
            answer,
            age_ms: i64::try_from(age.as_millis()).unwrap_or(i64::MAX),
            took_us: i64::try_from(done.took.as_micros()).unwrap_or(i64::MAX),
            shared,
            mode: self.mode,
        };
        (line, done.told)
    }

    fn without(self, fault: UpstreamFault, now: Instant) -> Heard {
        let done = Done { told: Err(fault), began_at: now, took: Duration::ZERO };
        self.complete(done, now, false)
    }
}

fn silence(fault: &UpstreamFault) -> &'static str {
    if fault.is_throttled() { "throttled" } else { "unknown" }
}

#[cfg(test)]
mod tests;
