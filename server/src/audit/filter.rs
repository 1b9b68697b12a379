//! Which events.

use std::time::Duration;

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use delegation::{event::Outcome, trail::Query};
use policy::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// All of them must fit.
#[derive(Args, Clone, Debug)]
pub(super) struct Filter {
    /// Events about this user: `sub` in the tokens that were issued.
    #[arg(long, value_name = "SUB")]
    user: Option<String>,
    /// Events of this agent: its `client_id`.
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// All events of the chain to which this delegation belongs: the `jti` of any of its tokens.
    #[arg(long, value_name = "ID")]
    chain: Option<Uuid>,
    /// The one event with this action id.
    #[arg(long, value_name = "ID")]
    action: Option<Uuid>,
    /// What came of it.
    #[arg(long, value_name = "OUTCOME", value_parser = outcomes())]
    outcome: Option<Outcome>,
    /// Not before: a time as in `2027-01-31T09:00:00Z`, or how long ago as in `90s`, `30m`, `2h`, `7d`.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,
    /// Before; as `--since`.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    until: Option<When>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    At(Timestamp),
    Ago(Duration),
}

impl When {
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => {
                Timestamp(now.0.saturating_sub(i64::try_from(ago.as_secs()).unwrap_or(i64::MAX)))
            }
        }
    }
}

impl Filter {
    pub(super) fn query(&self, now: Timestamp) -> Query {
        Query {
            action: self.action,
            user: self.user.clone(),
            agent: self.agent.clone(),
            chain: self.chain,
            outcome: self.outcome,
            since: self.since.map(|when| when.resolve(now)),
            until: self.until.map(|when| when.resolve(now)),
            ..Query::default()
        }
    }
}

fn outcomes() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(Outcome::ALL.map(Outcome::code)).try_map(|code| {
        let found = Outcome::ALL.into_iter().find(|outcome| outcome.code() == code);
        found.ok_or("there is no such outcome")
    })
}

pub(crate) fn when(text: &str) -> Result<When, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(When::At(Timestamp(at.unix_timestamp())));
    }
    ago(text).map(When::Ago).ok_or_else(|| {
        "give a time as in `2027-01-31T09:00:00Z`, or how long ago as in `90s`, `30m`, `2h`, `7d`"
            .to_owned()
    })
}

fn ago(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let all_digits = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    let number: u64 = all_digits.then(|| digits.parse().ok())??;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    #[test]
    fn a_time_is_that_moment_or_so_long_ago() {
        for (text, seconds) in [
            ("90s", NOW.0 - 90),
            ("30m", NOW.0 - 1800),
            ("2h", NOW.0 - 7200),
            ("7d", NOW.0 - 7 * 86400),
            ("2027-01-31T09:00:00Z", 1_801_386_000),
            ("2027-01-31T10:00:00+01:00", 1_801_386_000),
        ] {
            assert_eq!(when(text).map(|when| when.resolve(NOW).0), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in ["", "h", "2", "-2h", "+2h", "2w", "2 h", "yesterday", "2027-01-31", "2é"] {
            assert!(when(text).is_err(), "{text}");
        }
        assert!(when("99999999999999999999d").is_err());
        assert!(when(&format!("{}d", u64::MAX)).is_err());
    }
}
