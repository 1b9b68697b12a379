//! What all sinks over HTTP have in common: one request for a part, and what its answer means.

use delegation::export::Because;
use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use secrecy::ExposeSecret;
use url::Url;

use super::part::Problem;
use crate::{
    fault::UpstreamFault,
    http::{
        Outbound,
        call::{Body, Call, Reply},
    },
    settings::SecretText,
};

/// Where parts are posted to.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) outbound: Outbound,
    pub(super) url: String,
    pub(super) content_type: &'static str,
}

impl Post {
    /// Sends `body`; the answer is a 2xx.
    pub(super) async fn send(
        &self,
        headers: impl IntoIterator<Item = (String, String)>,
        body: String,
    ) -> Result<Reply, Problem> {
        let body = Body::Text(self.content_type, body);
        let mut call = Call::new(Method::POST, self.url.clone(), body);
        for (name, value) in headers {
            call = call.header(name, value);
        }
        let reply = self.outbound.call(call).await.map_err(|fault| problem(&fault))?;
        judge(reply.status).map(|()| reply)
    }
}

fn problem(fault: &UpstreamFault) -> Problem {
    let because = Because::Unknown { retry_after: fault.retry_after() };
    Problem { because, what: fault.to_string() }
}

/// Only what speaks of the content refuses it; credentials and addresses can be put right.
fn judge(status: u16) -> Result<(), Problem> {
    let what = || format!("it answered with status {status}");
    match status {
        200..=299 => Ok(()),
        400 | 413 | 415 | 422 => Err(Problem::refused(what())),
        401 | 403 => Err(Problem::unknown(format!("it refused our credentials (status {status})"))),
        404 | 405 | 410 => {
            Err(Problem::unknown(format!("nobody takes it at this URL (status {status})")))
        }
        _ => Err(Problem::unknown(what())),
    }
}

/// A header whose value is a secret, checked when it is declared.
pub(super) fn header(name: &str, value: &SecretText) -> Result<(String, String), String> {
    let text = value.secret().expose_secret();
    let ours = ["content-type", "content-length", "host", "transfer-encoding", "connection"];
    let fine = HeaderName::from_bytes(name.as_bytes())
        .is_ok_and(|name| !ours.contains(&name.as_str()))
        && HeaderValue::from_str(text).is_ok()
        && !text.is_empty();
    // The value is not quoted.
    if fine {
        Ok((name.to_owned(), text.to_owned()))
    } else {
        Err(format!("`{name}` cannot be a header, or its value not that of one"))
    }
}

/// A whole URL; its query may be what lets us in.
pub(super) fn endpoint(url: &str) -> Result<String, String> {
    let fine = Url::parse(url).is_ok_and(|url| {
        url.has_host()
            && matches!(url.scheme(), "https" | "http")
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    let problem = || "`url` must be https, without fragment and user name".to_owned();
    fine.then(|| url.to_owned()).ok_or_else(problem)
}
