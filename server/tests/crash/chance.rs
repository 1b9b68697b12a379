//! Chance, and how often it is tried.

use server::clock;

/// Numbers without a pattern (xorshift). Which they were makes no test go well or fail: it only
/// says where a server is hit.
pub struct Chance(u64);

impl Chance {
    pub fn new() -> Self {
        // The second half of a `UUIDv7` is random.
        Self(clock::id().as_u64_pair().1 | 1)
    }

    /// From `0` to `limit`, without it.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// Once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// How often a server is killed at a random moment, per database: a few times, or as often as
/// `ACTAS_TEST_KILLS` says (`make soak`).
#[expect(clippy::disallowed_methods, reason = "how `make soak` says how often")]
pub fn kills() -> usize {
    let few = 8;
    std::env::var("ACTAS_TEST_KILLS").map_or(few, |kills| kills.parse().expect("a number"))
}
