//! One turn of an export: everything there is, batch by batch, until nothing is left or a batch is
//! not taken.
//!
//! A batch is written down before it is sent. One that may or may not have arrived is sent again just
//! as it was, under the same id, whichever replica does it; only one that the sink has certainly not
//! taken is planned anew. A sink that refuses a batch gets smaller ones, until it is clear which event
//! it does not want; there the export stands, and says so.

use std::sync::Arc;

use delegation::{
    export::{Batch, Because, Exports, Progress, Sink, Unsent},
    refusal::Fault,
    trail::{Link, Trail},
};
use policy::Timestamp;
use uuid::Uuid;

use super::memory::Memory;

/// Seconds. Another replica takes an export over when it has not been renewed for so long.
const LEASE: i64 = 20;
/// A batch is begun only while the lease holds for so much longer: more than a sink may take.
const MARGIN: i64 = 12;
/// How often a replica asks for an export that another one holds.
const ASK_EVERY: i64 = 3;

pub(super) struct Turn<'a> {
    pub(super) trail: &'a dyn Trail,
    pub(super) exports: &'a dyn Exports,
    pub(super) org: &'a str,
    pub(super) export: &'a str,
    pub(super) sink: &'a Result<Arc<dyn Sink>, String>,
    pub(super) holder: Uuid,
    pub(super) now: &'a dyn Fn() -> Timestamp,
}

/// What came of a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There was nothing to send.
    Nothing,
    /// Everything there was has arrived.
    Sent,
    /// Another replica cares for it.
    Elsewhere,
    Unsent {
        problem: String,
        because: &'static str,
        retry_after: Option<u64>,
    },
}

impl Turn<'_> {
    /// `counted` is told how many events have arrived, and says whether to go on.
    pub(super) async fn run(
        &self,
        memory: &mut Memory,
        counted: &dyn Fn(usize) -> bool,
    ) -> Result<Outcome, Fault> {
        let mut outcome = Outcome::Nothing;
        loop {
            let Some(progress) = self.hold(memory).await? else { return Ok(Outcome::Elsewhere) };
            let sink = match self.sink {
                Ok(sink) => sink.as_ref(),
                Err(problem) => {
                    return self.fail(problem, Because::Unknown { retry_after: None }).await;
                }
            };
            let again = progress.done < progress.sending;
            let links = self.planned(sink, memory, &progress).await?;
            let Some(last) = links.last().map(|link| link.seq) else { return Ok(outcome) };
            if !again && !self.exports.begin(self.export, self.holder, last).await? {
                memory.forget_progress();
                return Ok(Outcome::Elsewhere);
            }
            match sink.send(&self.batch(&links, again)).await {
                Ok(()) => {
                    self.exports.done(self.export, self.holder, last).await?;
                    memory.arrived(sink, last);
                    outcome = Outcome::Sent;
                    if !counted(links.len()) {
                        return Ok(outcome);
                    }
                }
                Err(Unsent { because: Because::Refused, what }) => {
                    self.exports.withdraw(self.export, self.holder).await?;
                    memory.withdrawn(links.len());
                    if links.len() == 1 {
                        let problem = format!("{what}; the events after it wait for it");
                        return self.fail(&problem, Because::Refused).await;
                    }
                }
                Err(Unsent { because, what }) => {
                    memory.begun(last);
                    return self.fail(&what, because).await;
                }
            }
        }
    }

    fn batch<'a>(&'a self, links: &'a [Link], again: bool) -> Batch<'a> {
        Batch { org: self.org, export: self.export, links, again, now: (self.now)() }
    }

    /// Makes sure that the export is ours for long enough; how far it is.
    async fn hold(&self, memory: &mut Memory) -> Result<Option<Progress>, Fault> {
        let now = (self.now)();
        let held = memory.held.as_ref().filter(|(until, _)| now.0 < until.0.saturating_sub(MARGIN));
        if let Some((_, progress)) = held {
            return Ok(Some(progress.clone()));
        }
        if memory.held.is_none() && memory.ask_at.is_some_and(|at| now < at) {
            return Ok(None);
        }
        let until = Timestamp(now.0.saturating_add(LEASE));
        let leased = self.exports.lease(self.export, self.holder, now, until).await?;
        memory.ask_at = leased.is_none().then(|| Timestamp(now.0.saturating_add(ASK_EVERY)));
        memory.held = leased.clone().map(|progress| (until, progress));
        Ok(leased)
    }

    /// The batch that was begun, as it was; or else the next one.
    async fn planned(
        &self,
        sink: &dyn Sink,
        memory: &Memory,
        progress: &Progress,
    ) -> Result<Vec<Link>, Fault> {
        let begun = usize::try_from(progress.sending.saturating_sub(progress.done)).unwrap_or(0);
        let again = 0 < begun;
        let most = if again { begun } else { memory.most(sink) };
        let stored = self.trail.walk(progress.done, most).await?;
        let mut links: Vec<_> = stored.into_iter().map(|stored| stored.link).collect();
        if again {
            // What came before was forgotten, if the export is a new one.
            links.retain(|link| link.seq <= progress.sending);
        } else if !links.is_empty() {
            let fit = sink.fit(&self.batch(&links, false));
            links.truncate(fit.max(1));
        }
        Ok(links)
    }

    async fn fail(&self, problem: &str, because: Because) -> Result<Outcome, Fault> {
        self.exports.failed(self.export, problem, (self.now)()).await?;
        let (because, retry_after) = match because {
            Because::Refused => ("refused", None),
            Because::Unknown { retry_after } => ("unknown", retry_after),
        };
        Ok(Outcome::Unsent { problem: problem.to_owned(), because, retry_after })
    }
}

impl Memory {
    fn most(&self, sink: &dyn Sink) -> usize {
        self.most.unwrap_or_else(|| sink.largest_batch()).min(sink.largest_batch()).max(1)
    }

    fn arrived(&mut self, sink: &dyn Sink, seq: i64) {
        if let Some((_, progress)) = &mut self.held {
            *progress = Progress { done: seq, sending: seq, error: None };
        }
        let doubled = self.most.map(|most| most.saturating_mul(2));
        self.most = doubled.filter(|&most| most < sink.largest_batch());
    }

    fn begun(&mut self, seq: i64) {
        if let Some((_, progress)) = &mut self.held {
            progress.sending = seq;
        }
    }

    fn withdrawn(&mut self, events: usize) {
        if let Some((_, progress)) = &mut self.held {
            progress.sending = progress.done;
        }
        self.most = Some((events / 2).max(1));
    }
}
