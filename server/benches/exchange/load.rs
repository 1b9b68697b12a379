//! The closed loop: so many callers, each of which calls again as soon as it was answered.
//!
//! It tells what a number of busy agents would see. It does not tell how long requests queue that
//! arrive on their own schedule: for that an open loop is needed, which this is not.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{Outcome, machine};

/// Somebody who calls.
pub(crate) trait Caller: Send + 'static {
    /// One call and its answer, which is checked: a wrong one fails the benchmark.
    fn call(&mut self) -> impl Future<Output = Outcome<()>> + Send;
}

/// What of the calls counts: those answered in `length`, after `warm_up`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub warm_up: Duration,
    pub length: Duration,
}

/// One measurement of one line.
#[derive(Debug)]
pub(crate) struct Run {
    pub length: Duration,
    /// Nanoseconds from each call to its answer.
    pub latencies: Histogram<u64>,
    /// Processor time that the watched process spent meanwhile.
    pub spent: Option<Duration>,
}

/// Lets all `callers` call at once, watching the process that answers them.
pub(crate) async fn closed_loop<C: Caller>(
    callers: Vec<C>,
    window: Window,
    watched: Option<u32>,
) -> Outcome<Run> {
    let from = Instant::now() + window.warm_up;
    let until = from + window.length;
    let mut calling = JoinSet::new();
    for caller in callers {
        calling.spawn(keep_calling(caller, from, until));
    }
    let spent = tokio::spawn(processor_time(watched, from, until));
    let mut latencies = Histogram::new(3)?;
    // The first caller that fails ends the measurement, and the others with it.
    while let Some(ended) = calling.join_next().await {
        latencies.add(ended??)?;
    }
    let spent = spent.await?;
    Ok(Run { length: window.length, latencies, spent })
}

async fn processor_time(process: Option<u32>, from: Instant, until: Instant) -> Option<Duration> {
    sleep_until(from).await;
    let before = process.and_then(machine::processor_time);
    sleep_until(until).await;
    Some(process.and_then(machine::processor_time)?.saturating_sub(before?))
}

async fn keep_calling<C: Caller>(
    mut caller: C,
    from: Instant,
    until: Instant,
) -> Outcome<Histogram<u64>> {
    let mut latencies = Histogram::new(3)?;
    loop {
        let asked = Instant::now();
        caller.call().await?;
        let answered = Instant::now();
        if until <= answered {
            return Ok(latencies);
        }
        if from <= answered {
            latencies.record(u64::try_from((answered - asked).as_nanos())?)?;
        }
    }
}

/// Repeats `work` on this thread alone.
pub(crate) fn alone(window: Window, mut work: impl FnMut() -> Outcome<()>) -> Outcome<Run> {
    let from = Instant::now() + window.warm_up;
    let until = from + window.length;
    let mut latencies = Histogram::new(3)?;
    loop {
        let began = Instant::now();
        work()?;
        let ended = Instant::now();
        if until <= ended {
            return Ok(Run { length: window.length, latencies, spent: None });
        }
        if from <= ended {
            latencies.record(u64::try_from((ended - began).as_nanos())?)?;
        }
    }
}
