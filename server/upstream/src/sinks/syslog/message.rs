//! One message (RFC 5424 §6), framed by its length (RFC 6587 §3.4.1, RFC 5425 §4.3).

use delegation::{
    export::Batch,
    trail::{Link, UNREADABLE},
};
use policy::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Settings;
use crate::sinks::{
    format,
    weight::{outcome, weight},
};

/// RFC 5424 §6: what is not known.
const NIL: &str = "-";

/// `MSG-LEN SP SYSLOG-MSG`
pub(super) fn framed(settings: &Settings, batch: &Batch<'_>, link: &Link) -> String {
    let message = message(settings, batch, link);
    format!("{} {message}", message.len())
}

fn message(settings: &Settings, batch: &Batch<'_>, link: &Link) -> String {
    let record = format::read(link);
    let outcome = outcome(record.as_ref());
    let priority = u16::from(settings.facility) * 8 + u16::from(weight(outcome).syslog());
    let at = record.as_ref().and_then(|record| timestamp(Timestamp(record.at)));
    let at = at.as_deref().unwrap_or(NIL);
    let kind = outcome.map_or(UNREADABLE, |outcome| outcome.code());
    let Settings { hostname, app_name, .. } = settings;
    let line = settings.format.line(batch.org, link);
    // Without a byte order mark, though §6.4 would have one: readers of CEF stumble over it.
    format!("<{priority}>1 {at} {hostname} {app_name} {NIL} {kind} {NIL} {line}")
}

fn timestamp(at: Timestamp) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(at.0).ok()?.format(&Rfc3339).ok()
}
