//! What a replica remembers of an export from turn to turn.

use std::time::{Duration, Instant};

use delegation::export::Progress;
use policy::Timestamp;
use uuid::Uuid;

#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) rest: Rest,
    /// Until when the export is ours, and how far it is.
    pub(super) held: Option<(Timestamp, Progress)>,
    /// When to ask again whether it may be ours.
    pub(super) ask_at: Option<Timestamp>,
    /// Most events of one batch, after a refusal; none: as many as the sink takes.
    pub(super) most: Option<usize>,
    /// What was logged last.
    pub(super) said: Option<String>,
}

impl Memory {
    pub(super) fn forget_progress(&mut self) {
        self.held = None;
    }

    /// Once per change.
    pub(super) fn say(&mut self, problem: &str, log: impl FnOnce()) {
        if self.said.as_deref() != Some(problem) {
            log();
            self.said = Some(problem.to_owned());
        }
    }
}

/// When to try again after failures: after a second, then twice as long each time, at most a minute.
#[derive(Debug, Default)]
pub(super) struct Rest {
    failures: u32,
    until: Option<Instant>,
}

const LONGEST: Duration = Duration::from_mins(1);

impl Rest {
    pub(super) fn is_over(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    pub(super) fn succeed(&mut self) {
        *self = Self::default();
    }

    /// `chance` keeps replicas and exports from trying all at once.
    pub(super) fn fail(&mut self, retry_after: Option<u64>, chance: Uuid) {
        self.failures = self.failures.saturating_add(1);
        let pause = pause(self.failures, retry_after, chance);
        self.until = Instant::now().checked_add(pause);
    }
}

/// Up to a quarter shorter than due.
fn pause(failures: u32, retry_after: Option<u64>, chance: Uuid) -> Duration {
    let doubled = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    let due = Duration::from_secs(doubled.max(retry_after.unwrap_or(0))).min(LONGEST);
    let quarters = u32::from(chance.as_bytes().last().copied().unwrap_or(0));
    due.saturating_sub(due / 4 * quarters / 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_and_longer_up_to_a_minute() {
        let full = |failures, retry_after| pause(failures, retry_after, Uuid::nil()).as_secs();
        let waits: Vec<_> = (1..=9).map(|failures| full(failures, None)).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(full(u32::MAX, None), 60);
        assert_eq!([full(1, Some(17)), full(1, Some(9999)), full(6, Some(3))], [17, 60, 32]);
        assert_eq!(pause(3, None, Uuid::max()), Duration::from_secs(3));
    }
}
