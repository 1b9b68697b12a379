//! How an event reads outside.

use std::borrow::Cow;

use delegation::trail::{Link, Record};
use keys::hex;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{cef, ocsf};

/// What a sink can be told in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Our own line, with its number and its hash.
    #[default]
    Record,
    /// Open Cybersecurity Schema Framework 1.9.
    Ocsf,
    /// `ArcSight` Common Event Format.
    Cef,
}

/// The same for sinks that take JSON.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonFormat {
    #[default]
    Record,
    Ocsf,
}

impl Format {
    /// One line.
    pub(super) fn line(self, org: &str, link: &Link) -> String {
        match self {
            Self::Record => record(link),
            Self::Ocsf => ocsf::event(org, link).to_string(),
            Self::Cef => cef::line(org, link),
        }
    }
}

impl JsonFormat {
    /// One line, a JSON object.
    pub(super) fn line(self, org: &str, link: &Link) -> String {
        match self {
            Self::Record => Format::Record.line(org, link),
            Self::Ocsf => Format::Ocsf.line(org, link),
        }
    }
}

/// The line as it was hashed, between its number, its hash and a brace: whoever cuts it out again
/// can check the chain. A line that is no JSON object any more, for somebody has edited it before it
/// got its place, is quoted.
fn record(link: &Link) -> String {
    let (seq, hash) = (link.seq, hex(&link.hash));
    let whole = link.record.starts_with('{')
        && !link.record.contains(['\n', '\r'])
        && serde_json::from_str::<IgnoredAny>(&link.record).is_ok();
    let line = if whole { Cow::Borrowed(&*link.record) } else { Cow::Owned(quoted(&link.record)) };
    format!(r#"{{"seq":{seq},"hash":"{hash}","record":{line}}}"#)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a line says; none for one that was edited before it got its place.
pub(super) fn read(link: &Link) -> Option<Record<'static>> {
    Record::read(&link.record).ok()
}
