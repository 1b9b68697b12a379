//! What to do next for a stream: a pure function of what is known of it and of the time.

use delegation::ports::{Stream, StreamStatus};
use policy::Timestamp;
use upstream::{settings::Delivery, transmitter::Duty};

/// How often a stream is compared with what was declared: somebody may have changed or deleted it.
const REVIEW_EVERY: i64 = 600;
/// The same after a change that the transmitter has accepted and not made yet (202).
const SETTLES_WITHIN: i64 = 30;
const STATUS_EVERY: i64 = 60;
/// A stream that was paused is not asked to go on more often: an administrator may have meant it.
const ENABLE_EVERY: i64 = 300;
/// As late as an event may come by being polled for, over what its transmitter takes.
const POLL_EVERY: i64 = 2;
/// SSF 1.0 §8.1.1: a transmitter may pause a stream that is inactive for long; a verification is
/// activity.
const VERIFY_AT_LEAST_EVERY: u64 = 300;
/// A verification that could not even be asked for is asked for again after so long.
const VERIFY_AGAIN_AFTER: u64 = 10;
/// An answer to a verification is waited for so long, unless silence counts earlier.
const ANSWERS_WITHIN: u64 = 60;
/// As far as the clock of a transmitter is likely to be behind ours.
const SKEW: i64 = 5;
const LONGEST_BACKOFF: i64 = 60;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Step {
    /// Make the stream, or take it over and change what is not as declared.
    Establish,
    /// Fetch events.
    Poll,
    ReadStatus,
    /// Ask that a paused stream goes on.
    Enable,
    /// Ask for a sign of life.
    Verify,
    Rest,
}

/// What was declared, as far as it matters to when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes {
    pub(super) duty: Duty,
    pub(super) delivery: Delivery,
    /// Seconds.
    pub(super) max_silence: u64,
}

/// What this replica did, and when.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) reviewed_at: Option<Timestamp>,
    /// The review found something that was still to settle.
    pub(super) unsettled: bool,
    pub(super) status_read_at: Option<Timestamp>,
    pub(super) enabling_at: Option<Timestamp>,
    pub(super) verifying_at: Option<Timestamp>,
    /// It could not be asked for.
    pub(super) verification_failed: bool,
    /// The transmitter has no way to verify a stream.
    pub(super) unverifiable: bool,
    pub(super) polled_at: Option<Timestamp>,
    pub(super) management: Backoff,
    pub(super) polling: Backoff,
}

pub(super) fn next_step(stream: &Stream, past: &Past, wishes: Wishes, now: Timestamp) -> Step {
    let manages = wishes.duty == Duty::Manage && past.management.is_over(now);
    if manages && is_review_due(stream, past, now) {
        return Step::Establish;
    }
    let polls = match wishes.duty {
        Duty::Nothing => false,
        Duty::Poll => true,
        Duty::Manage => stream.described.is_some(),
    };
    if polls
        && wishes.delivery == Delivery::Poll
        && past.polling.is_over(now)
        && is_due(past.polled_at, POLL_EVERY, now)
    {
        return Step::Poll;
    }
    if !manages {
        return Step::Rest;
    }
    if is_due(past.status_read_at, STATUS_EVERY, now) {
        return Step::ReadStatus;
    }
    match stream.status {
        StreamStatus::Paused | StreamStatus::Disabled
            if is_due(past.enabling_at, ENABLE_EVERY, now) =>
        {
            Step::Enable
        }
        StreamStatus::Enabled if is_verification_due(stream, past, wishes, now) => Step::Verify,
        StreamStatus::Enabled | StreamStatus::Paused | StreamStatus::Disabled => Step::Rest,
    }
}

fn is_review_due(stream: &Stream, past: &Past, now: Timestamp) -> bool {
    let every = if past.unsettled { SETTLES_WITHIN } else { REVIEW_EVERY };
    stream.described.is_none() || is_due(past.reviewed_at, every, now)
}

/// By whichever replica a verification was asked for last.
fn is_verification_due(stream: &Stream, past: &Past, wishes: Wishes, now: Timestamp) -> bool {
    let challenged_at = stream.challenge.as_ref().map(|(_, at)| *at);
    let asked_at = challenged_at.max(past.verifying_at);
    let every = verify_every(stream, wishes.max_silence);
    let answered = |at: Timestamp| {
        stream.heard_at.is_some_and(|heard_at| at.0 <= heard_at.0.saturating_add(SKEW))
    };
    let every = if past.verification_failed {
        every.min(seconds(least_interval(stream).max(VERIFY_AGAIN_AFTER)))
    } else if asked_at.is_some_and(|at| !answered(at)) {
        // To ask anew would make the answer that is under way a wrong one.
        every.max(seconds(wishes.max_silence.min(ANSWERS_WITHIN)))
    } else {
        every
    };
    !past.unverifiable && is_due(asked_at, every, now)
}

/// Seconds between signs of life: three in the time after which silence counts, and never more
/// often than the transmitter allows.
pub(super) fn verify_every(stream: &Stream, max_silence: u64) -> i64 {
    let described = stream.described.as_ref();
    let inactivity = described.and_then(|described| described.inactivity_timeout);
    let thirds = [Some(max_silence), inactivity].into_iter().flatten().map(|seconds| seconds / 3);
    seconds(thirds.fold(VERIFY_AT_LEAST_EVERY, u64::min).max(least_interval(stream)))
}

fn least_interval(stream: &Stream) -> u64 {
    let described = stream.described.as_ref();
    described.and_then(|described| described.min_verification_interval).unwrap_or(1).max(1)
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

pub(super) fn is_due(last: Option<Timestamp>, every: i64, now: Timestamp) -> bool {
    last.is_none_or(|last| last.0.saturating_add(every) <= now.0)
}

/// Keeps from asking again what has just failed, twice as long each time.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Timestamp>,
}

impl Backoff {
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    /// `least`: the seconds the transmitter asked for.
    pub(super) fn fail(&mut self, least: Option<u64>, now: Timestamp) {
        let doubled = 1_i64.checked_shl(self.failures).unwrap_or(i64::MAX);
        let asked = least.map_or(0, seconds);
        let wait = doubled.max(asked).min(LONGEST_BACKOFF);
        self.failures = (self.failures + 1).min(u32::BITS);
        self.until = Some(Timestamp(now.0.saturating_add(wait)));
    }

    pub(super) fn succeed(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use delegation::ports::Described;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn ago(seconds: i64) -> Timestamp {
        Timestamp(NOW.0 - seconds)
    }

    fn wishes(duty: Duty, delivery: Delivery) -> Wishes {
        Wishes { duty, delivery, max_silence: 300 }
    }

    /// A stream that was made, and has nothing due.
    fn healthy() -> (Stream, Past) {
        let stream = Stream {
            described: Some(Described { id: "s".to_owned(), ..Described::default() }),
            challenge: Some(("c".to_owned(), NOW)),
            ..Stream::default()
        };
        let past = Past {
            reviewed_at: Some(ago(0)),
            status_read_at: Some(ago(0)),
            polled_at: Some(ago(0)),
            ..Past::default()
        };
        (stream, past)
    }

    type Change = fn(&mut Stream, &mut Past);

    #[test]
    fn a_managed_stream_gets_what_is_due_first() {
        let failed = |past: &mut Past| past.management.fail(None, NOW);
        let cases: [(&str, Change, Step); 17] = [
            ("nothing is due", |_, _| {}, Step::Rest),
            ("never made", |s, _| s.described = None, Step::Establish),
            ("made by another replica", |_, p| p.reviewed_at = None, Step::Establish),
            ("not reviewed for long", |_, p| p.reviewed_at = Some(ago(600)), Step::Establish),
            ("reviewed", |_, p| p.reviewed_at = Some(ago(599)), Step::Rest),
            (
                "unsettled",
                |_, p| (p.unsettled, p.reviewed_at) = (true, Some(ago(30))),
                Step::Establish,
            ),
            ("settling", |_, p| (p.unsettled, p.reviewed_at) = (true, Some(ago(29))), Step::Rest),
            ("status unread", |_, p| p.status_read_at = None, Step::ReadStatus),
            ("status old", |_, p| p.status_read_at = Some(ago(60)), Step::ReadStatus),
            ("verified", |s, _| s.challenge = Some(("c".into(), ago(99))), Step::Rest),
            ("silent", |s, _| s.challenge = Some(("c".into(), ago(100))), Step::Verify),
            ("never verified", |s, _| s.challenge = None, Step::Verify),
            (
                "asked just now",
                |s, p| (s.challenge, p.verifying_at) = (None, Some(ago(99))),
                Step::Rest,
            ),
            ("unverifiable", |s, p| (s.challenge, p.unverifiable) = (None, true), Step::Rest),
            ("paused", |s, _| s.status = StreamStatus::Paused, Step::Enable),
            (
                "paused, and asked to go on",
                |s, p| (s.status, p.enabling_at) = (StreamStatus::Disabled, Some(ago(299))),
                Step::Rest,
            ),
            (
                "paused, and asked long ago",
                |s, p| (s.status, p.enabling_at) = (StreamStatus::Disabled, Some(ago(300))),
                Step::Enable,
            ),
        ];
        for (case, change, expected) in cases {
            let (mut stream, mut past) = healthy();
            change(&mut stream, &mut past);
            let wishes = wishes(Duty::Manage, Delivery::Push);
            assert_eq!(next_step(&stream, &past, wishes, NOW), expected, "{case}");
            failed(&mut past);
            assert_eq!(next_step(&stream, &past, wishes, NOW), Step::Rest, "{case}, backing off");
        }
    }

    #[test]
    fn polls_what_is_polled() {
        let cases: [(&str, Duty, Delivery, Change, Step); 9] = [
            ("due", Duty::Manage, Delivery::Poll, |_, p| p.polled_at = Some(ago(2)), Step::Poll),
            (
                "just now",
                Duty::Manage,
                Delivery::Poll,
                |_, p| p.polled_at = Some(ago(1)),
                Step::Rest,
            ),
            ("pushed", Duty::Manage, Delivery::Push, |_, p| p.polled_at = None, Step::Rest),
            ("of others", Duty::Poll, Delivery::Poll, |_, p| p.polled_at = None, Step::Poll),
            ("unmanaged", Duty::Poll, Delivery::Poll, |s, _| s.described = None, Step::Rest),
            ("nothing", Duty::Nothing, Delivery::Poll, |_, p| p.polled_at = None, Step::Rest),
            (
                "management fails",
                Duty::Manage,
                Delivery::Poll,
                |_, p| {
                    (p.polled_at, p.reviewed_at) = (None, None);
                    p.management.fail(None, NOW);
                },
                Step::Poll,
            ),
            (
                "polling fails",
                Duty::Manage,
                Delivery::Poll,
                |_, p| {
                    (p.polled_at, p.status_read_at) = (None, None);
                    p.polling.fail(None, NOW);
                },
                Step::ReadStatus,
            ),
            (
                "nowhere to poll yet",
                Duty::Manage,
                Delivery::Poll,
                |s, p| {
                    (s.described, p.polled_at) = (None, None);
                    p.management.fail(None, NOW);
                },
                Step::Rest,
            ),
        ];
        for (case, duty, delivery, change, expected) in cases {
            let (mut stream, mut past) = healthy();
            change(&mut stream, &mut past);
            let step = next_step(&stream, &past, wishes(duty, delivery), NOW);
            assert_eq!(step, expected, "{case}");
        }
    }

    #[test]
    fn waits_for_an_answer_that_is_under_way() {
        // Asked and heard so many seconds ago, whether the last attempt failed.
        for (asked, heard, failed, expected) in [
            (10, Some(9), false, Step::Verify),
            (9, Some(9), false, Step::Rest),
            (10, Some(14), false, Step::Verify),
            (10, Some(20), false, Step::Rest),
            (29, None, false, Step::Rest),
            (30, None, false, Step::Verify),
            (10, None, true, Step::Verify),
            (9, None, true, Step::Rest),
        ] {
            let (mut stream, mut past) = healthy();
            stream.challenge = Some(("c".to_owned(), ago(asked)));
            stream.heard_at = heard.map(ago);
            past.verification_failed = failed;
            let wishes = Wishes { max_silence: 30, ..wishes(Duty::Manage, Delivery::Push) };
            let step = next_step(&stream, &past, wishes, NOW);
            assert_eq!(step, expected, "{asked} {heard:?} {failed}");
        }
    }

    #[test]
    fn verifies_three_times_in_the_time_that_counts() {
        // max_silence, inactivity_timeout, min_verification_interval.
        for (max_silence, inactivity, least, expected) in [
            (300, None, None, 100),
            (30, None, None, 10),
            (86_400, None, None, 300),
            (86_400, Some(600), None, 200),
            (300, Some(86_400), None, 100),
            (300, None, Some(60), 100),
            (60, None, Some(60), 60),
            (1, None, None, 1),
            (300, Some(0), Some(0), 1),
            (300, None, Some(u64::MAX), i64::MAX),
        ] {
            let described = Described {
                inactivity_timeout: inactivity,
                min_verification_interval: least,
                ..Described::default()
            };
            let stream = Stream { described: Some(described), ..Stream::default() };
            let case = (max_silence, inactivity, least);
            assert_eq!(verify_every(&stream, max_silence), expected, "{case:?}");
        }
        assert_eq!(verify_every(&Stream::default(), 300), 100);
    }

    #[test]
    fn backs_off_twice_as_long_each_time() {
        let mut backoff = Backoff::default();
        assert!(backoff.is_over(NOW));
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            backoff.fail(None, NOW);
            assert!(!backoff.is_over(Timestamp(NOW.0 + expected - 1)), "{expected}");
            assert!(backoff.is_over(Timestamp(NOW.0 + expected)), "{expected}");
        }
        backoff.succeed();
        assert!(backoff.is_over(NOW));
    }

    #[test]
    fn backs_off_as_long_as_it_is_asked_to() {
        for (asked, expected) in [(10, 10), (0, 1), (u64::MAX, 60)] {
            let mut backoff = Backoff::default();
            backoff.fail(Some(asked), NOW);
            assert!(!backoff.is_over(Timestamp(NOW.0 + expected - 1)), "{asked}");
            assert!(backoff.is_over(Timestamp(NOW.0 + expected)), "{asked}");
        }
    }
}
