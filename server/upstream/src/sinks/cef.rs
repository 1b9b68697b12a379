//! `ArcSight` Common Event Format, version 0 of the format (CEF 25 of its implementation standard).

use delegation::trail::{Link, Record, UNREADABLE};

use super::{
    format,
    weight::{outcome, succeeded, title, weight},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One line.
pub(super) fn line(org: &str, link: &Link) -> String {
    let record = format::read(link);
    let outcome = outcome(record.as_ref());
    let class = record.as_ref().map_or(UNREADABLE, |record| &record.outcome);
    let severity = weight(outcome).cef();
    let mut line =
        format!("CEF:0|actas|actas|{VERSION}|{}|{}|{severity}|", in_header(class), title(outcome));
    let mut pairs = Extension(&mut line);
    pairs.put("cn1Label", "seq");
    pairs.put("cn1", &link.seq.to_string());
    pairs.put("outcome", if succeeded(outcome) { "success" } else { "failure" });
    pairs.put("dtz", "UTC");
    pairs.custom("cs5", "hash", Some(&keys::hex(&link.hash)));
    if let Some(record) = &record {
        pairs.record(record);
    } else {
        pairs.put("deviceFacility", org);
        pairs.put("msg", &link.record);
    }
    line.truncate(line.trim_end().len());
    line
}

/// Writes `key=value ` pairs.
struct Extension<'a>(&'a mut String);

impl Extension<'_> {
    fn record(&mut self, record: &Record<'_>) {
        self.put("rt", &record.at.saturating_mul(1000).to_string());
        self.put("externalId", &record.id);
        self.put("deviceFacility", &record.org);
        self.put("act", &record.outcome);
        self.some("src", record.client_address.as_deref());
        self.some("reason", record.reason.as_deref());
        self.some("msg", record.detail.as_deref());
        self.some("sourceServiceName", record.client.as_deref());
        self.some("duser", record.subject.as_deref());
        self.some("destinationServiceName", record.target.as_deref());
        self.some("suser", record.operator.as_deref());
        self.put("requestContext", &record.request_id);
        self.custom("cs1", "chain", Some(&chain(record)));
        self.custom("cs2", "scopeGranted", record.scope_granted.as_deref());
        self.custom("cs3", "delegation", record.delegation.as_deref());
        self.custom("cs4", "scopeRequested", record.scope_requested.as_deref());
        self.custom("cs6", "grant", record.grant.as_deref());
        self.custom("flexString1", "rootDelegation", record.root.as_deref());
        self.custom("flexString2", "connection", record.connection.as_deref());
        if let Some(ended) = record.ended {
            self.put("cn2Label", "ended");
            self.put("cn2", &ended.to_string());
        }
    }

    fn custom(&mut self, key: &str, label: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.put(&format!("{key}Label"), label);
            self.put(key, value);
        }
    }

    fn some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    fn put(&mut self, key: &str, value: &str) {
        self.0.push_str(&format!("{key}={} ", in_extension(value)));
    }
}

/// Outermost first, as in the token.
fn chain(record: &Record<'_>) -> String {
    record.chain.iter().map(|actor| &*actor.sub).collect::<Vec<_>>().join(" < ")
}

/// A pipe ends a field; a line break would end the event.
fn in_header(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// An equals sign begins a value; line breaks are written, other control characters have no meaning.
fn in_extension(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('=', "\\=");
    let escaped = escaped.replace('\n', "\\n").replace('\r', "\\r");
    escaped.replace(char::is_control, " ")
}
