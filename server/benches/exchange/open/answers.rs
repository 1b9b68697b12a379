//! What was answered, how soon, second by second.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Outcome;

/// How one request ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// What was asked for.
    Good,
    /// 429 or 503; whether it says when to come again.
    Refused { status: u16, says_when: bool },
    /// Something else, whatever it is.
    Other,
    /// No answer at all.
    Failed,
}

/// The answers to one class.
#[derive(Debug)]
pub(crate) struct Answers {
    from: Instant,
    /// Of the window.
    pub length: Duration,
    /// Requests that were due in the window.
    pub due: u64,
    /// Nanoseconds from the moment a request was due to its good answer.
    pub good: Histogram<u64>,
    /// The same to its refusal.
    pub refused: Histogram<u64>,
    /// Of the refusals, by status.
    pub limited: u64,
    pub unavailable: u64,
    /// Refusals without `Retry-After`.
    pub without_when: u64,
    pub other: u64,
    pub failed: u64,
    /// Connections that were opened in all.
    pub connections: u64,
    /// By the second in which they were answered, from the start of the window.
    pub seconds: Vec<Second>,
    /// One of the answers that are neither good nor a refusal.
    pub strange: Option<String>,
}

/// What was answered in one second.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    /// Nanoseconds, as in [`Answers`], but coarser.
    pub good: Histogram<u32>,
    pub refused: Histogram<u32>,
    /// Neither good nor a refusal, or no answer.
    pub wrong: u64,
}

impl Answers {
    pub(super) fn new(from: Instant, length: Duration) -> Outcome<Self> {
        let second = Second { good: Histogram::new(2)?, refused: Histogram::new(2)?, wrong: 0 };
        let seconds = usize::try_from(length.as_secs())?;
        Ok(Self {
            from,
            length,
            due: 0,
            good: Histogram::new(3)?,
            refused: Histogram::new(3)?,
            limited: 0,
            unavailable: 0,
            without_when: 0,
            other: 0,
            failed: 0,
            connections: 0,
            seconds: vec![second; seconds],
            strange: None,
        })
    }

    /// Notes how a request ended; those that were due in the warm-up do not count.
    pub(super) fn note(&mut self, due: Instant, now: Instant, end: End) -> Outcome<()> {
        if due < self.from {
            return Ok(());
        }
        self.due += 1;
        let nanos = u64::try_from((now - due).as_nanos())?;
        // None: answered when the window was over already.
        let second = usize::try_from((now - self.from).as_secs())?;
        let mut second = self.seconds.get_mut(second);
        match end {
            End::Good => {
                self.good.record(nanos)?;
                if let Some(second) = &mut second {
                    second.good.record(nanos)?;
                }
            }
            End::Refused { status, says_when } => {
                self.refused.record(nanos)?;
                if let Some(second) = &mut second {
                    second.refused.record(nanos)?;
                }
                if status == 429 {
                    self.limited += 1;
                } else {
                    self.unavailable += 1;
                }
                self.without_when += u64::from(!says_when);
            }
            End::Other | End::Failed => {
                if let Some(second) = &mut second {
                    second.wrong += 1;
                }
                match end {
                    End::Failed => self.failed += 1,
                    End::Good | End::Refused { .. } | End::Other => self.other += 1,
                }
            }
        }
        Ok(())
    }

    /// Good answers per second of the window.
    pub(crate) fn goodput(&self) -> f64 {
        let answered: u64 = self.seconds.iter().map(|second| second.good.len()).sum();
        let answered = u32::try_from(answered).unwrap_or(u32::MAX);
        f64::from(answered) / Duration::from_secs(self.length.as_secs()).as_secs_f64()
    }

    /// Milliseconds to a good answer.
    pub(crate) fn good_ms(&self, quantile: f64) -> f64 {
        ms(self.good.value_at_quantile(quantile))
    }

    /// Milliseconds to a refusal.
    pub(crate) fn refused_ms(&self, quantile: f64) -> f64 {
        ms(self.refused.value_at_quantile(quantile))
    }

    /// Those that were neither answered well nor refused.
    pub(crate) const fn wrong(&self) -> u64 {
        self.other + self.failed
    }
}

impl Second {
    /// Milliseconds to a good answer.
    pub(crate) fn good_ms(&self, quantile: f64) -> f64 {
        ms(self.good.value_at_quantile(quantile))
    }
}

fn ms(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e3
}
