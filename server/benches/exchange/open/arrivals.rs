//! When requests are due.

use std::time::{Duration, Instant};

/// Requests that are due within this time are sent together: waking for each would cost more than the
/// precision is worth.
const GRAIN: Duration = Duration::from_micros(200);

/// How requests of one rate follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spacing {
    /// One after the other, at equal distances.
    Even,
    /// As from many who know nothing of each other.
    Poisson,
}

/// The moments of one class, without end.
#[derive(Debug)]
pub(super) struct Arrivals {
    next: Instant,
    mean: Duration,
    spacing: Spacing,
    random: u64,
}

impl Arrivals {
    pub(super) fn new(start: Instant, rate: f64, spacing: Spacing) -> Self {
        let mean = Duration::from_secs_f64(1.0 / rate.max(0.001));
        // Any seed will do, and the same one makes runs alike.
        Self { next: start, mean, spacing, random: 0x9e37_79b9_7f4a_7c15 }
    }

    /// Calls `arrive` for every request that is due before `until`, when it is due.
    pub(super) fn pace(mut self, until: Instant, arrive: impl Fn(Instant)) {
        while self.next < until {
            let now = Instant::now();
            if self.next <= now {
                arrive(self.next);
                let distance = self.distance();
                self.next += distance;
            } else {
                std::thread::sleep((self.next - now).max(GRAIN));
            }
        }
    }

    fn distance(&mut self) -> Duration {
        match self.spacing {
            Spacing::Even => self.mean,
            Spacing::Poisson => self.mean.mul_f64(-self.uniform().ln()),
        }
    }

    /// In (0, 1]; xorshift64, whose upper 32 bits are taken.
    fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let upper = u32::try_from(self.random >> 32).unwrap_or(u32::MAX);
        (f64::from(upper) + 1.0) / (f64::from(u32::MAX) + 1.0)
    }
}
