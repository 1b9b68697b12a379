//! A webhook, signed as Standard Webhooks says (`webhook-id`, `webhook-timestamp`,
//! `webhook-signature`).
//!
//! The body is a JSON array of events. The id is that of the batch: what comes again comes under the
//! same id, and a receiver that remembers ids has everything once.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use delegation::export::{Batch, Sink, Unsent};
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};

use super::{
    JsonFormat,
    part::{Limits, Problem, lines},
    post::{Post, endpoint, header},
};
use crate::{http::Outbound, settings::SecretText};

/// Most servers take a body of 1 MiB. One that takes less says so (413), and gets less.
const LIMITS: Limits = Limits { records: 1000, bytes: 1_000_000 };

/// What Standard Webhooks wants of a secret, in bytes.
const SECRET: std::ops::RangeInclusive<usize> = 24..=64;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub url: String,
    /// `whsec_` and 24 to 64 bytes in base64.
    pub secret: SecretText,
    /// The whole `Authorization` header, when the receiver wants one besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<SecretText>,
    #[serde(default)]
    pub format: JsonFormat,
}

pub(super) struct Webhook {
    post: Post,
    key: SecretSlice<u8>,
    authorization: Option<(String, String)>,
    format: JsonFormat,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Webhook").field("post", &self.post).finish_non_exhaustive()
    }
}

impl Webhook {
    pub(super) fn new(settings: &Settings, outbound: Outbound) -> Result<Self, String> {
        let secret = settings.secret.secret().expose_secret();
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
        let key = key.ok().filter(|key| SECRET.contains(&key.len()));
        let key = key.ok_or("`secret` must be `whsec_` and 24 to 64 bytes in base64")?;
        let authorization = settings.authorization.as_ref();
        let authorization =
            authorization.map(|value| header("authorization", value)).transpose()?;
        let url = endpoint(&settings.url)?;
        let post = Post { outbound, url, content_type: "application/json" };
        Ok(Self { post, key: SecretSlice::from(key), authorization, format: settings.format })
    }

    async fn deliver(&self, batch: &Batch<'_>) -> Result<(), Problem> {
        let lines = lines(batch, |link| self.format.line(batch.org, link));
        let (id, at) = (batch.id(), batch.now.0.to_string());
        let body = format!("[{}]", lines.join(",\n"));
        let signed =
            keys::hmac_sha256(self.key.expose_secret(), format!("{id}.{at}.{body}").as_bytes());
        let headers = [
            ("webhook-id".to_owned(), id),
            ("webhook-timestamp".to_owned(), at),
            ("webhook-signature".to_owned(), format!("v1,{}", STANDARD.encode(signed))),
        ];
        self.post.send(headers.into_iter().chain(self.authorization.clone()), body).await.map(drop)
    }
}

#[async_trait]
impl Sink for Webhook {
    async fn send(&self, batch: &Batch<'_>) -> Result<(), Unsent> {
        self.deliver(batch).await.map_err(|problem| problem.with(batch))
    }

    fn largest_batch(&self) -> usize {
        LIMITS.records
    }

    fn fit(&self, batch: &Batch<'_>) -> usize {
        LIMITS.fit(batch, |link| self.format.line(batch.org, link))
    }
}
