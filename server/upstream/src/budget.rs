//! How often a provider may be asked: a token bucket below its published limit.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::fault::UpstreamFault;

/// What we use of a published limit: the rest is for the people who use the provider, and for its
/// administrators.
const SHARE: f64 = 0.7;
/// A bucket holds what comes in during this time: a burst of agents is one person's click.
const BURST: f64 = 10.0;

/// The calls one process may make at one API of one tenant.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Per second; none: no limit is known.
    rate: Option<f64>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    filled_at: Instant,
    /// The provider asked us not to come back before.
    closed_until: Option<Instant>,
}

impl Budget {
    /// For a limit per minute, which `replicas` processes share.
    pub(crate) fn new(per_minute: Option<u32>, replicas: u32) -> Self {
        let rate =
            per_minute.map(|limit| f64::from(limit) * SHARE / 60.0 / f64::from(replicas.max(1)));
        let tokens = capacity(rate);
        let state = State { tokens, filled_at: Instant::now(), closed_until: None };
        Self { rate, state: Mutex::new(state) }
    }

    /// Makes `call` if there is one left. A provider that asks us to wait is left alone for so long.
    pub(crate) async fn spend<T>(
        &self,
        call: impl Future<Output = Result<T, UpstreamFault>>,
    ) -> Result<T, UpstreamFault> {
        self.take(Instant::now())?;
        let answer = call.await;
        if let Err(UpstreamFault::Throttled(Some(seconds))) = &answer {
            self.close(Instant::now(), *seconds);
        }
        answer
    }

    /// Takes one call, or says how long there will be none. Never waits: whoever waits here could
    /// not be told from a provider that hangs.
    pub(crate) fn take(&self, now: Instant) -> Result<(), UpstreamFault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = state.closed_until.map(|until| until.saturating_duration_since(now))
            && !left.is_zero()
        {
            return Err(UpstreamFault::OverBudget(whole_seconds(left.as_secs_f64())));
        }
        state.closed_until = None;
        let Some(rate) = self.rate else { return Ok(()) };
        let passed = now.saturating_duration_since(state.filled_at).as_secs_f64();
        state.tokens = (state.tokens + passed * rate).min(capacity(self.rate));
        state.filled_at = now.max(state.filled_at);
        if state.tokens < 1.0 {
            return Err(UpstreamFault::OverBudget(whole_seconds((1.0 - state.tokens) / rate)));
        }
        state.tokens -= 1.0;
        Ok(())
    }

    /// The provider said to slow down: nobody asks before.
    pub(crate) fn close(&self, now: Instant, seconds: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = now + Duration::from_secs(seconds);
        state.closed_until = Some(state.closed_until.map_or(until, |earlier| earlier.max(until)));
    }
}

fn capacity(rate: Option<f64>) -> f64 {
    rate.map_or(1.0, |rate| (rate * BURST).max(1.0))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and at most a minute or two"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil().clamp(1.0, 3600.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_a_burst_then_the_rate() {
        let start = Instant::now();
        // 600 a minute, 70 % of it: 7 a second.
        let budget = Budget::new(Some(600), 1);
        let taken = (0..1000).take_while(|_| budget.take(start).is_ok()).count();
        assert_eq!(taken, 70);
        assert_eq!(budget.take(start), Err(UpstreamFault::OverBudget(1)));
        let later = start + Duration::from_millis(2001);
        assert_eq!((0..1000).take_while(|_| budget.take(later).is_ok()).count(), 14);
    }

    #[test]
    fn replicas_share_one_limit() {
        let budget = Budget::new(Some(600), 2);
        let now = Instant::now();
        assert_eq!((0..1000).take_while(|_| budget.take(now).is_ok()).count(), 35);
    }

    #[test]
    fn a_small_limit_still_lets_one_through() {
        // Okta's free tier: 100 a minute over 20 replicas.
        let budget = Budget::new(Some(100), 200);
        let now = Instant::now();
        assert!(budget.take(now).is_ok());
        assert!(matches!(budget.take(now), Err(UpstreamFault::OverBudget(_))));
    }

    #[test]
    fn without_a_limit_all_come_through() {
        let budget = Budget::new(None, 1);
        let now = Instant::now();
        assert!((0..10_000).all(|_| budget.take(now).is_ok()));
    }

    #[test]
    fn a_provider_that_says_wait_is_left_alone() {
        let budget = Budget::new(None, 1);
        let now = Instant::now();
        budget.close(now, 30);
        budget.close(now, 10);
        assert_eq!(budget.take(now), Err(UpstreamFault::OverBudget(30)));
        assert!(budget.take(now + Duration::from_secs(30)).is_ok());
    }
}
