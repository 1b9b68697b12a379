//! Datadog's log intake.

use async_trait::async_trait;
use delegation::{
    export::{Batch, Sink, Unsent},
    trail::Link,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    JsonFormat, format,
    part::{Limits, Problem, lines},
    post::{Post, header},
    weight::{outcome, weight},
};
use crate::{connectors::base, http::Outbound, settings::SecretText};

/// It takes 1000 entries and 5 MB.
const LIMITS: Limits = Limits { records: 1000, bytes: 4_500_000 };

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub api_key: SecretText,
    /// `datadoghq.eu`, `us3.datadoghq.com`, …
    #[serde(default = "site")]
    pub site: String,
    /// Instead of the site's own intake: a proxy in front of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default = "service")]
    pub service: String,
    /// `key:value`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default)]
    pub format: JsonFormat,
}

fn site() -> String {
    "datadoghq.com".to_owned()
}

fn service() -> String {
    "actas".to_owned()
}

pub(super) struct Datadog {
    post: Post,
    key: (String, String),
    service: String,
    tags: String,
    format: JsonFormat,
}

impl std::fmt::Debug for Datadog {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Datadog").field("post", &self.post).finish_non_exhaustive()
    }
}

impl Datadog {
    pub(super) fn new(settings: &Settings, outbound: Outbound) -> Result<Self, String> {
        let domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if settings.site.is_empty() || !settings.site.chars().all(domain) {
            return Err("`site` must be a domain, like `datadoghq.eu`".to_owned());
        }
        if settings.tags.iter().any(|tag| tag.contains(',')) {
            return Err("`tags`: a tag has no comma in it".to_owned());
        }
        let intake = || format!("https://http-intake.logs.{}", settings.site);
        let url = base(&settings.url.clone().unwrap_or_else(intake))?;
        let url = format!("{url}/api/v2/logs");
        let key = header("DD-API-KEY", &settings.api_key)?;
        let post = Post { outbound, url, content_type: "application/json" };
        let (service, tags) = (settings.service.clone(), settings.tags.join(","));
        Ok(Self { post, key, service, tags, format: settings.format })
    }

    /// The message is our line as text: Datadog reads the JSON in it, and keeps the text.
    fn line(&self, org: &str, link: &Link) -> String {
        let record = format::read(link);
        let status = weight(outcome(record.as_ref())).datadog();
        let org_tag = format!("org:{org}");
        let tags = [self.tags.as_str(), &org_tag];
        let tags: Vec<_> = tags.into_iter().filter(|tag| !tag.is_empty()).collect();
        let mut entry = json!({
            "ddsource": "actas",
            "ddtags": tags.join(","),
            "service": self.service,
            "status": status,
            "message": self.format.line(org, link),
        });
        if let (Some(record), Some(entry)) = (record, entry.as_object_mut()) {
            entry.insert("timestamp".to_owned(), record.at.saturating_mul(1000).into());
        }
        entry.to_string()
    }

    async fn deliver(&self, batch: &Batch<'_>) -> Result<(), Problem> {
        let lines = lines(batch, |link| self.line(batch.org, link));
        let body = format!("[{}]", lines.join(","));
        self.post.send([self.key.clone()], body).await.map(drop)
    }
}

#[async_trait]
impl Sink for Datadog {
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
