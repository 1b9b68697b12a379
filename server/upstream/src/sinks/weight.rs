//! What an event is worth to whoever watches many systems, in the numbers of each format.

use delegation::{event::Outcome, trail::Record};

/// How loud an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Everyday work.
    Quiet,
    /// Worth a look when there are many, or when nobody expected it.
    Notable,
    /// Something does not work.
    Warning,
    /// Somebody has touched the trail.
    Alarm,
}

impl Weight {
    /// `severity_id`: Informational, Low, Medium, High.
    pub(super) const fn ocsf(self) -> (u8, &'static str) {
        match self {
            Self::Quiet => (1, "Informational"),
            Self::Notable => (2, "Low"),
            Self::Warning => (3, "Medium"),
            Self::Alarm => (4, "High"),
        }
    }

    /// 0 to 10: low until 3, medium until 6, high until 8, very high.
    pub(super) const fn cef(self) -> u8 {
        match self {
            Self::Quiet => 1,
            Self::Notable => 4,
            Self::Warning => 6,
            Self::Alarm => 9,
        }
    }

    /// RFC 5424 §6.2.1: informational, notice, warning, alert.
    pub(super) const fn syslog(self) -> u8 {
        match self {
            Self::Quiet => 6,
            Self::Notable => 5,
            Self::Warning => 4,
            Self::Alarm => 1,
        }
    }

    /// `OpenTelemetry` log data model, "severity fields".
    pub(super) const fn otlp(self) -> (u8, &'static str) {
        match self {
            Self::Quiet => (9, "INFO"),
            Self::Notable => (10, "INFO2"),
            Self::Warning => (13, "WARN"),
            Self::Alarm => (17, "ERROR"),
        }
    }

    /// Datadog's `status`.
    pub(super) const fn datadog(self) -> &'static str {
        match self {
            Self::Quiet => "info",
            Self::Notable => "notice",
            Self::Warning => "warning",
            Self::Alarm => "alert",
        }
    }
}

/// None for a line that we did not write.
pub(super) fn outcome(record: Option<&Record<'_>>) -> Option<Outcome> {
    let record = record?;
    Outcome::ALL.into_iter().find(|outcome| outcome.code() == record.outcome)
}

/// As people call it.
pub(super) const fn title(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Issued) => "Token issued",
        Some(Outcome::Refused) => "Request refused",
        Some(Outcome::Unavailable) => "Request could not be decided",
        Some(Outcome::Signalled) => "Signal of an identity provider took effect",
        Some(Outcome::Revoked) => "Delegations revoked",
        Some(Outcome::Restored) => "Restored",
        Some(Outcome::Rotated) => "Signing keys changed",
        None => "Unreadable record in the audit trail",
    }
}

pub(super) const fn weight(outcome: Option<Outcome>) -> Weight {
    match outcome {
        Some(Outcome::Issued) => Weight::Quiet,
        Some(
            Outcome::Refused
            | Outcome::Signalled
            | Outcome::Revoked
            | Outcome::Restored
            | Outcome::Rotated,
        ) => Weight::Notable,
        Some(Outcome::Unavailable) => Weight::Warning,
        None => Weight::Alarm,
    }
}

/// Whether what was asked for was done.
pub(super) const fn succeeded(outcome: Option<Outcome>) -> bool {
    match outcome {
        Some(
            Outcome::Issued
            | Outcome::Signalled
            | Outcome::Revoked
            | Outcome::Restored
            | Outcome::Rotated,
        ) => true,
        Some(Outcome::Refused | Outcome::Unavailable) | None => false,
    }
}
