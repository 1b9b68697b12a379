//! `OpenTelemetry` logs over HTTP (OTLP 1.x), in the JSON encoding.

use std::collections::BTreeMap;

use async_trait::async_trait;
use delegation::{
    export::{Batch, Sink, Unsent},
    trail::{Link, Record},
};
use policy::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    JsonFormat, format,
    part::{Limits, Problem, lines},
    post::{Post, header},
    weight::{outcome, weight},
};
use crate::{connectors::base, http::Outbound, settings::SecretText};

/// Collectors take 4 to 20 MiB.
const LIMITS: Limits = Limits { records: 1000, bytes: 3_000_000 };

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Without `/v1/logs`.
    pub url: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, SecretText>,
    /// Attributes of the resource besides `service.name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource: BTreeMap<String, String>,
    /// How the body of a log record reads.
    #[serde(default)]
    pub format: JsonFormat,
}

pub(super) struct Otlp {
    post: Post,
    headers: Vec<(String, String)>,
    resource: Vec<Value>,
    format: JsonFormat,
}

impl std::fmt::Debug for Otlp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Otlp").field("post", &self.post).finish_non_exhaustive()
    }
}

/// `logs_service.proto`. A 64-bit integer is a string in JSON, or a number.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    partial_success: Option<PartialSuccess>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartialSuccess {
    #[serde(default)]
    rejected_log_records: Value,
}

impl Otlp {
    pub(super) fn new(settings: &Settings, outbound: Outbound) -> Result<Self, String> {
        let url = format!("{}/v1/logs", base(&settings.url)?);
        let headers = settings.headers.iter();
        let headers = headers.map(|(name, value)| header(name, value)).collect::<Result<_, _>>()?;
        let mut resource = vec![text("service.name", "actas")];
        let named = settings.resource.iter().filter(|(name, _)| *name != "service.name");
        resource.extend(named.map(|(name, value)| text(name, value)));
        if let Some(name) = settings.resource.get("service.name") {
            resource = resource.into_iter().skip(1).chain([text("service.name", name)]).collect();
        }
        let post = Post { outbound, url, content_type: "application/json" };
        Ok(Self { post, headers, resource, format: settings.format })
    }

    fn line(&self, org: &str, link: &Link, now: Timestamp) -> String {
        let record = format::read(link);
        let outcome = outcome(record.as_ref());
        let (number, severity) = weight(outcome).otlp();
        let at = record.as_ref().map_or(now, |record| Timestamp(record.at));
        let code = outcome.map_or(delegation::trail::UNREADABLE, |outcome| outcome.code());
        json!({
            "timeUnixNano": nanoseconds(at),
            "observedTimeUnixNano": nanoseconds(now),
            "severityNumber": number,
            "severityText": severity,
            "eventName": format!("actas.audit.{code}"),
            "body": { "stringValue": self.format.line(org, link) },
            "attributes": attributes(org, link, record.as_ref()),
        })
        .to_string()
    }

    async fn deliver(&self, batch: &Batch<'_>) -> Result<(), Problem> {
        let lines = lines(batch, |link| self.line(batch.org, link, batch.now));
        let resource = json!({ "attributes": self.resource });
        let scope = json!({ "name": "actas.audit", "version": env!("CARGO_PKG_VERSION") });
        let records = lines.join(",");
        let body = format!(
            r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"scope":{scope},"logRecords":[{records}]}}]}}]}}"#
        );
        let reply = self.post.send(self.headers.clone(), body).await?;
        // What was not taken is not lost: it is sent again, and in the end alone.
        if rejected(&reply.body) {
            return Err(Problem::refused("it did not take all log records (partial success)"));
        }
        Ok(())
    }
}

/// An answer we cannot read is a success: the status said so.
fn rejected(body: &[u8]) -> bool {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    let partial = answer.and_then(|answer| answer.partial_success);
    partial.is_some_and(|partial| match partial.rejected_log_records {
        Value::Number(number) => number.as_u64() != Some(0),
        Value::String(text) => text.parse() != Ok(0_u64),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    })
}

/// Enough to find an event without reading its body.
fn attributes(org: &str, link: &Link, record: Option<&Record<'_>>) -> Vec<Value> {
    let mut attributes = vec![
        text("actas.org", org),
        json!({ "key": "actas.seq", "value": { "intValue": link.seq.to_string() } }),
        text("actas.hash", &keys::hex(&link.hash)),
    ];
    let Some(record) = record else { return attributes };
    let known = [
        ("actas.action", Some(&record.id)),
        ("actas.outcome", Some(&record.outcome)),
        ("actas.reason", record.reason.as_ref()),
        ("actas.agent", record.client.as_ref()),
        ("user.id", record.subject.as_ref()),
        ("actas.target", record.target.as_ref()),
        ("actas.delegation", record.delegation.as_ref()),
        ("actas.chain", record.root.as_ref()),
        ("actas.operator", record.operator.as_ref()),
        ("client.address", record.client_address.as_ref()),
    ];
    let known = known.into_iter().filter_map(|(key, value)| Some(text(key, value?)));
    attributes.extend(known);
    attributes
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn nanoseconds(at: Timestamp) -> String {
    at.0.max(0).saturating_mul(1_000_000_000).to_string()
}

#[async_trait]
impl Sink for Otlp {
    async fn send(&self, batch: &Batch<'_>) -> Result<(), Unsent> {
        self.deliver(batch).await.map_err(|problem| problem.with(batch))
    }

    fn largest_batch(&self) -> usize {
        LIMITS.records
    }

    fn fit(&self, batch: &Batch<'_>) -> usize {
        LIMITS.fit(batch, |link| self.line(batch.org, link, batch.now))
    }
}
