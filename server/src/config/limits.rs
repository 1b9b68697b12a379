//! `[limits]`: how much one address may ask of this process. What an organization allows stands in its
//! own file.

use delegation::declared::Rate;
use serde::Deserialize;

use super::Problems;

/// A gateway behind which a whole company sits stays below it.
const ADDRESS: Rate = Rate { per_second: 2000, burst: 4000 };
/// A client whose secret was changed without it fails at every request, and so does a suite of
/// conformance tests, hundreds of times a minute. Secrets have 256 bits: this saves work, it does not
/// save secrets.
const FAILED_AUTHENTICATIONS: Rate = Rate { per_second: 5, burst: 300 };

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    address: Option<Rate>,
    failed_authentications: Option<Rate>,
}

/// Per process.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests from one address.
    pub address: Rate,
    /// Failed authentications of one client from one address.
    pub failed_authentications: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self { address: ADDRESS, failed_authentications: FAILED_AUTHENTICATIONS }
    }
}

impl File {
    pub(super) fn resolve(self, problems: &mut Problems) -> Limits {
        let mut rate = |path: &str, given: Option<Rate>, default: Rate| {
            let rate = given.unwrap_or(default);
            if rate.per_second == 0 || rate.burst == 0 {
                problems.add(path, "`per_second` and `burst` must be at least 1");
            }
            rate
        };
        Limits {
            address: rate("limits.address", self.address, ADDRESS),
            failed_authentications: rate(
                "limits.failed_authentications",
                self.failed_authentications,
                FAILED_AUTHENTICATIONS,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_limit_that_lets_nothing_pass() {
        let resolve = |text: &str| {
            let mut problems = Problems::default();
            let limits = toml::from_str::<File>(text).unwrap().resolve(&mut problems);
            (limits, problems.0)
        };
        let (limits, problems) = resolve("address = { per_second = 1, burst = 2 }");
        assert_eq!((limits.address.per_second, limits.address.burst), (1, 2));
        assert!(problems.is_empty(), "{problems:?}");
        let (_, problems) = resolve("address = { per_second = 0, burst = 2 }");
        assert!(problems[0].contains("`limits.address`"), "{problems:?}");
    }
}
