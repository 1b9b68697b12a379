//! Splunk's HTTP Event Collector, without acknowledgement by the indexers.

use async_trait::async_trait;
use delegation::{
    export::{Batch, Sink, Unsent},
    trail::{Link, Record},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use super::{
    JsonFormat, format,
    part::{Limits, Problem, lines},
    post::{Post, header},
};
use crate::{connectors::base, http::Outbound, settings::SecretText};

/// Old collectors take no more than 1 MB (`max_content_length`).
const LIMITS: Limits = Limits { records: 1000, bytes: 800_000 };

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Of the collector, without `/services/collector/event`.
    pub url: String,
    pub token: SecretText,
    /// None: the one of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default = "sourcetype")]
    pub sourcetype: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(default)]
    pub format: JsonFormat,
}

fn sourcetype() -> String {
    "actas:audit".to_owned()
}

#[derive(Debug)]
pub(super) struct Splunk {
    post: Post,
    settings: Settings,
}

/// One event in the collector's envelope.
#[derive(Serialize)]
struct Envelope<'a> {
    time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    event: &'a RawValue,
    /// Indexed, so that one that came twice is found cheaply.
    fields: serde_json::Value,
}

impl Splunk {
    pub(super) fn new(settings: &Settings, outbound: Outbound) -> Result<Self, String> {
        let base = base(&settings.url)?;
        header("authorization", &settings.token).map_err(|_| "`token` is none of Splunk's")?;
        let url = format!("{base}/services/collector/event");
        let post = Post { outbound, url, content_type: "application/json" };
        Ok(Self { post, settings: settings.clone() })
    }

    fn line(&self, org: &str, link: &Link) -> String {
        let Settings { index, source, sourcetype, host, format, .. } = &self.settings;
        let line = format.line(org, link);
        let Ok(event) = serde_json::from_str(&line) else { return line };
        let envelope = Envelope {
            time: format::read(link).map_or(0, |record: Record<'_>| record.at),
            host: host.as_deref(),
            source: source.as_deref(),
            sourcetype,
            index: index.as_deref(),
            event,
            fields: json!({ "actas_org": org, "actas_seq": link.seq }),
        };
        serde_json::to_string(&envelope).unwrap_or(line)
    }

    async fn deliver(&self, batch: &Batch<'_>) -> Result<(), Problem> {
        let lines = lines(batch, |link| self.line(batch.org, link));
        let token = self.settings.token.secret().expose_secret();
        let authorization = ("authorization".to_owned(), format!("Splunk {token}"));
        self.post.send([authorization], lines.join("\n")).await.map(drop)
    }
}

#[async_trait]
impl Sink for Splunk {
    async fn send(&self, batch: &Batch<'_>) -> Result<(), Unsent> {
        self.deliver(batch).await.map_err(|problem| problem.with(batch))
    }

    fn largest_batch(&self) -> usize {
        LIMITS.records
    }

    fn fit(&self, batch: &Batch<'_>) -> usize {
        LIMITS.fit(batch, |link| self.line(batch.org, link))
    }
}
