use std::time::Duration;

/// A moment in whole seconds since the Unix epoch (`NumericDate`, RFC 7519 §2).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment `duration` later, in whole seconds; the last one there is rather than overflow.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(duration.as_secs()))
    }

    /// Seconds from this moment until `other`; negative when `other` is earlier.
    #[must_use]
    pub const fn seconds_until(self, other: Self) -> i64 {
        other.0.saturating_sub(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_fractions_of_a_second() {
        assert_eq!(Timestamp(10).plus(Duration::from_millis(2_999)), Timestamp(12));
    }

    #[test]
    fn counts_backwards_too() {
        assert_eq!(Timestamp(10).seconds_until(Timestamp(4)), -6);
    }

    #[test]
    fn stops_at_the_end_of_time() {
        assert_eq!(Timestamp(1).plus(Duration::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN).seconds_until(Timestamp(i64::MAX)), i64::MAX);
    }
}
