//! To the ledger, and to the identity provider: one call at a time, so each waits for its own answer.
//!
//! Waiting is not work: what a call takes of a processor is measured besides, over many calls.

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    time::{Duration, Instant},
};

use criterion::Criterion;
use delegation::ports::Lineage;

use crate::{
    Outcome,
    places::{Places, opened, opening, root},
};

pub(crate) const INTROSPECTION: &str = "the identity provider, asked";
/// Long enough that hundredths of a second, in which Linux counts processor time, are a fine measure.
const A_WHILE: Duration = Duration::from_millis(1500);
/// proc(5): hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Microseconds of a processor per call, by the name of the step.
pub(crate) type Spent = BTreeMap<String, f64>;

pub(crate) fn recall(database: &str) -> String {
    format!("{database}: recalled, for a user's token")
}

pub(crate) fn open(database: &str) -> String {
    format!("{database}: a delegation and its event, durable")
}

pub(crate) fn steps(criterion: &mut Criterion, places: &Places) -> Outcome<Spent> {
    let mut trips = Trips { criterion, places, spent: Spent::new() };
    for place in &places.ledgers {
        let ledger = &place.ledger;
        let (root, derived) = (root(), Lineage::Derived { delegation: place.parent.id });
        let recalled = format!("{}: recalled, for a token of ours", place.name);
        trips.step(&recall(place.name), "/proc/self/stat", async || {
            ledger.recall(&root).await.map(drop).map_err(Into::into)
        })?;
        trips.step(&recalled, "/proc/self/stat", async || {
            ledger.recall(&derived).await.map(drop).map_err(Into::into)
        })?;
        trips.step(&open(place.name), "/proc/self/stat", async || {
            opened(ledger.open(opening(None)?).await?)
        })?;
        let derived = format!("{}: the same, of one handed on", place.name);
        trips.step(&derived, "/proc/self/stat", async || {
            opened(ledger.open(opening(Some(&place.parent))?).await?)
        })?;
    }
    // The provider lives in this process, on threads of its own.
    trips.step(INTROSPECTION, "/proc/thread-self/stat", async || {
        let answer = places.provider.standing(places.question.clone()).await;
        answer.map(drop).map_err(|inconclusive| inconclusive.fault.into())
    })?;
    Ok(trips.spent)
}

struct Trips<'a> {
    criterion: &'a mut Criterion,
    places: &'a Places,
    spent: Spent,
}

impl Trips<'_> {
    /// `stat` says whose processor time counts.
    fn step<F: Future<Output = Outcome<()>>>(
        &mut self,
        name: &str,
        stat: &str,
        call: impl Fn() -> F,
    ) -> Outcome<()> {
        let runtime = &self.places.runtime;
        runtime.block_on(call())?;
        let before = processor_time(stat)?;
        let calls = runtime.block_on(async {
            let until = Instant::now() + A_WHILE;
            let mut calls: u32 = 0;
            while Instant::now() < until {
                call().await?;
                calls += 1;
            }
            Outcome::Ok(calls)
        })?;
        let spent = processor_time(stat)?.saturating_sub(before);
        self.spent.insert(name.to_owned(), spent.as_secs_f64() * 1e6 / f64::from(calls));
        self.criterion.bench_function(name, |step| step.to_async(runtime).iter(&call));
        Ok(())
    }
}

/// User and system, with all threads of a process or of one thread alone (proc(5)).
fn processor_time(stat: &str) -> Outcome<Duration> {
    let stat = fs::read_to_string(stat)?;
    // The name before it may hold anything, spaces and parentheses too.
    let (_, numbers) = stat.rsplit_once(')').ok_or("a line of proc(5) without a name")?;
    let mut numbers = numbers.split_whitespace().skip(11).map(str::parse::<u32>);
    let mut next = || numbers.next().ok_or("a line of proc(5) is too short");
    Ok(TICK * (next()?? + next()??))
}
