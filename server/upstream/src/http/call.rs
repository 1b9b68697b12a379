//! One request to a provider's API, and an answer that is still to be understood.

use std::borrow::Cow;

use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{
        ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::{Credentials, Outbound, form_encoded};
use crate::fault::UpstreamFault;

/// A request. It may carry secrets, so it does not show itself.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) auth: Auth,
    pub(crate) accept: &'static str,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Body,
}

#[derive(Clone)]
pub(crate) enum Auth {
    None,
    Bearer(SecretString),
    Basic(Credentials),
}

#[derive(Clone)]
pub(crate) enum Body {
    None,
    Json(serde_json::Value),
    /// Written already, in this media type.
    Text(&'static str, String),
    Form(Vec<(&'static str, String)>),
}

impl std::fmt::Debug for Call {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Call {
    pub(crate) fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url.into(), Body::None)
    }

    pub(crate) fn post_json(url: impl Into<String>, body: serde_json::Value) -> Self {
        Self::new(Method::POST, url.into(), Body::Json(body))
    }

    pub(crate) fn post_form(url: impl Into<String>, form: Vec<(&'static str, String)>) -> Self {
        Self::new(Method::POST, url.into(), Body::Form(form))
    }

    pub(crate) fn new(method: Method, url: String, body: Body) -> Self {
        let (auth, accept) = (Auth::None, "application/json");
        Self { method, url, auth, accept, headers: Vec::new(), body }
    }

    pub(crate) fn auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    pub(crate) fn accept(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    pub(crate) fn header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Only if it changed since the answer that carried `etag`.
    pub(crate) fn if_none_match(self, etag: Option<String>) -> Self {
        match etag {
            Some(etag) => self.header("if-none-match", etag),
            None => self,
        }
    }
}

/// What came back: any status but those that are nobody's answer to a question (redirects, 429 and
/// 5xx are faults). The caller judges the rest.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    /// `WWW-Authenticate`: why we, or the user's token, were not let in (RFC 6750 §3).
    pub(crate) challenge: Option<String>,
    pub(crate) is_json: bool,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Reply {
    /// The body in `T`. What is wrong with it is never quoted: a confused provider may have
    /// repeated a secret.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, UpstreamFault> {
        if !self.is_json {
            return Err(UpstreamFault::ContentType);
        }
        keys::json(&self.body)
            .map_err(|_| UpstreamFault::Answer("it is not the JSON it is documented to be"))
    }

    /// The body, an object, in `T`. Without this, a list of the members' values would be taken for
    /// one: `[true]` for a decision.
    pub(crate) fn object<T: DeserializeOwned>(&self) -> Result<T, UpstreamFault> {
        match self.body.trim_ascii_start() {
            [b'{', ..] => self.json(),
            _ if self.is_json => Err(UpstreamFault::Answer("it is not a JSON object")),
            _ => Err(UpstreamFault::ContentType),
        }
    }

    /// The body, an object, of a plain 200.
    pub(crate) fn ok<T: DeserializeOwned>(&self) -> Result<T, UpstreamFault> {
        match self.status {
            200 => self.object(),
            status => Err(UpstreamFault::Status(status)),
        }
    }
}

impl Outbound {
    /// Makes a call under the guard and within the deadline.
    pub(crate) async fn call(&self, call: Call) -> Result<Reply, UpstreamFault> {
        let within = tokio::time::timeout(self.deadline, self.reply(call));
        within.await.map_err(|_| UpstreamFault::Deadline(self.deadline.as_millis()))?
    }

    async fn reply(&self, call: Call) -> Result<Reply, UpstreamFault> {
        let response = self.request(call)?.send().await.map_err(|error| self.explain(&error))?;
        let (status, headers) = (response.status(), response.headers());
        judge(status, headers)?;
        let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = super::is_json(is_json.unwrap_or_default());
        let text = |name| headers.get(name).and_then(|text| text.to_str().ok()).map(str::to_owned);
        let (etag, challenge) = (text(ETAG), text(WWW_AUTHENTICATE));
        let (status, body) = (status.as_u16(), self.body(response).await?);
        Ok(Reply { status, etag, challenge, is_json, body })
    }

    fn request(&self, call: Call) -> Result<RequestBuilder, UpstreamFault> {
        let url = self.admit(&call.url)?;
        let mut request = self.client.request(call.method, url).header(ACCEPT, call.accept);
        request = match &call.auth {
            Auth::None => request,
            Auth::Bearer(token) => request.bearer_auth(token.expose_secret()),
            // RFC 6749 §2.3.1: both are form-encoded before they become user name and password.
            Auth::Basic(Credentials { client_id, client_secret }) => request.basic_auth(
                form_encoded(client_id),
                Some(form_encoded(client_secret.expose_secret())),
            ),
        };
        for (name, value) in call.headers {
            request = request.header(&*name, value);
        }
        Ok(match call.body {
            Body::None => request,
            Body::Json(body) => {
                request.header(CONTENT_TYPE, "application/json").body(body.to_string())
            }
            Body::Text(content_type, body) => request.header(CONTENT_TYPE, content_type).body(body),
            Body::Form(form) => request.form(&form),
        })
    }
}

/// What no connector takes for an answer.
fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), UpstreamFault> {
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(UpstreamFault::Throttled(retry_after(headers)));
    }
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        return Err(UpstreamFault::Redirect(status.as_u16()));
    }
    if status.is_server_error() {
        return Err(match retry_after(headers) {
            Some(seconds) => UpstreamFault::Throttled(Some(seconds)),
            None => UpstreamFault::Status(status.as_u16()),
        });
    }
    // Never inflated: a few KiB become gigabytes.
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(UpstreamFault::Encoded);
    }
    Ok(())
}

/// The longest a provider can make us wait by asking for it, in seconds.
const LONGEST_WAIT: u64 = 60;

/// In seconds: `Retry-After`, else the time until Okta's `X-Rate-Limit-Reset`, by the answer's own
/// clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<u64>().ok();
    let until_reset = || {
        let date = httpdate::parse_http_date(text("date")?).ok()?;
        let date = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
        Some(number("x-rate-limit-reset")?.saturating_sub(date))
    };
    let seconds = number(RETRY_AFTER.as_str()).or_else(until_reset)?;
    Some(seconds.clamp(1, LONGEST_WAIT))
}
