//! Token buckets, one for each key.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use delegation::declared::Rate;

/// How many buckets there are at most: some ten megabytes.
const MOST: usize = 100_000;
/// How many there may be before the full ones are looked for.
const FEW: usize = 1024;

/// Token buckets by key. One that is full again is forgotten: it is as good as none.
///
/// A bucket is the moment at which it will be full (the generic cell rate algorithm), so there is
/// nothing to refill. Rates are arguments, since they are declared anew.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    filled: Mutex<Filled<K>>,
    most: usize,
}

#[derive(Debug)]
struct Filled<K> {
    /// When each is full again.
    full_at: HashMap<K, Instant>,
    /// With how many the full ones are looked for again.
    tidy_at: usize,
}

impl<K: Eq + Hash> Default for Buckets<K> {
    fn default() -> Self {
        Self::of_at_most(MOST)
    }
}

impl<K: Eq + Hash> Buckets<K> {
    fn of_at_most(most: usize) -> Self {
        let tidy_at = FEW.min(most);
        Self { filled: Mutex::new(Filled { full_at: HashMap::new(), tidy_at }), most }
    }

    /// Takes one token.
    ///
    /// # Errors
    ///
    /// When there will be one.
    pub(super) fn take(&self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        let mut filled = self.lock();
        let full_at = filled.full_at.get(&key).copied().unwrap_or(now);
        let next = after_one_more(full_at, rate, now)?;
        if filled.tidy_at <= filled.full_at.len() {
            filled.tidy(now, self.most);
        }
        filled.full_at.insert(key, next);
        Ok(())
    }

    /// Whether there is a token, without taking it.
    ///
    /// # Errors
    ///
    /// When there will be one.
    pub(super) fn look(&self, key: &K, rate: Rate, now: Instant) -> Result<(), Duration> {
        let full_at = self.lock().full_at.get(key).copied().unwrap_or(now);
        after_one_more(full_at, rate, now).map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, Filled<K>> {
        self.filled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Filled<K> {
    fn tidy(&mut self, now: Instant, most: usize) {
        self.full_at.retain(|_, full_at| now < *full_at);
        if most <= self.full_at.len() {
            // Everybody begins anew. The other way round, whoever has many addresses would lock
            // everybody out who comes later.
            self.full_at.clear();
        }
        self.tidy_at = (2 * self.full_at.len()).clamp(FEW.min(most), most);
    }
}

/// When a bucket will be full that would be at `full_at`, once one more token is taken.
fn after_one_more(full_at: Instant, rate: Rate, now: Instant) -> Result<Instant, Duration> {
    let one = Duration::from_secs(1) / rate.per_second.max(1);
    let empty = one * rate.burst.max(1);
    // A bucket that was larger when it was emptied is no emptier than one of today.
    let next = full_at.clamp(now, now + empty) + one;
    match next.saturating_duration_since(now).checked_sub(empty) {
        None | Some(Duration::ZERO) => Ok(next),
        Some(wait) => Err(wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 2, burst: 3 };

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        for _ in 0..3 {
            buckets.take("a", RATE, start).unwrap();
        }
        assert_eq!(buckets.take("a", RATE, start), Err(seconds(0.5)));
        assert_eq!(buckets.take("a", RATE, start + seconds(0.25)), Err(seconds(0.25)));
        buckets.take("a", RATE, start + seconds(0.5)).unwrap();
        buckets.take("a", RATE, start + seconds(0.5)).unwrap_err();
        for _ in 0..3 {
            buckets.take("a", RATE, start + seconds(9.0)).unwrap();
        }
        buckets.take("a", RATE, start + seconds(9.0)).unwrap_err();
    }

    #[test]
    fn one_key_is_not_another() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        let rate = Rate { per_second: 1, burst: 1 };
        buckets.take("a", rate, start).unwrap();
        buckets.take("a", rate, start).unwrap_err();
        buckets.take("b", rate, start).unwrap();
    }

    #[test]
    fn looking_takes_nothing() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        let rate = Rate { per_second: 1, burst: 1 };
        buckets.look(&"a", rate, start).unwrap();
        buckets.look(&"a", rate, start).unwrap();
        buckets.take("a", rate, start).unwrap();
        assert_eq!(buckets.look(&"a", rate, start), Err(seconds(1.0)));
    }

    #[test]
    fn a_rate_that_changed_holds_at_once() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        for _ in 0..3 {
            buckets.take("a", RATE, start).unwrap();
        }
        buckets.take("a", RATE, start).unwrap_err();
        buckets.take("a", Rate { per_second: 2, burst: 4 }, start).unwrap();
    }

    #[test]
    fn a_smaller_bucket_does_not_take_as_long_as_the_larger_one() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        for _ in 0..1000 {
            buckets.take("a", Rate { per_second: 1, burst: 1000 }, start).unwrap();
        }
        assert_eq!(buckets.take("a", RATE, start), Err(seconds(0.5)));
        buckets.take("b", RATE, start).unwrap();
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (buckets, start) = (Buckets::of_at_most(10), Instant::now());
        let rate = Rate { per_second: 1, burst: 1 };
        for key in 0..1000 {
            buckets.take(key, rate, start).unwrap();
            assert!(buckets.lock().full_at.len() <= 10);
        }
    }

    #[test]
    fn full_buckets_go_before_those_that_are_not() {
        let (buckets, start) = (Buckets::of_at_most(10), Instant::now());
        let rate = Rate { per_second: 1, burst: 1 };
        for key in 0..9 {
            buckets.take(key, rate, start).unwrap();
        }
        buckets.take(9, rate, start + seconds(1.5)).unwrap();
        buckets.take(10, rate, start + seconds(1.5)).unwrap();
        assert_eq!(buckets.lock().full_at.len(), 2);
        buckets.take(9, rate, start + seconds(1.5)).unwrap_err();
    }
}
