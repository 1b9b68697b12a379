//! Requests whose answers are wanted as they are: the players of the demo, not the server.

use reqwest::Method;

use super::{Outbound, form_encoded};
use crate::fault::UpstreamFault;

/// A request to be sent as somebody else: a user, an agent. It carries secrets, so it does not show
/// itself.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub basic: Option<(&'a str, &'a str)>,
    pub headers: &'a [(&'a str, &'a str)],
    pub form: Option<&'a [(&'a str, &'a str)]>,
}

impl std::fmt::Debug for Visit<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Visit").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What came back, whatever its status.
#[derive(Clone)]
pub struct Seen {
    pub status: u16,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Seen").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Outbound {
    /// Sends `visit` under the same guard as everything else; any status is an answer.
    ///
    /// # Errors
    ///
    /// No answer in time, one that is too large, or an address that may not be reached.
    pub async fn visit(&self, visit: &Visit<'_>) -> Result<Seen, UpstreamFault> {
        let url = self.admit(visit.url)?;
        let method = Method::from_bytes(visit.method.as_bytes())
            .map_err(|_| UpstreamFault::Url(visit.method.to_owned()))?;
        let mut request = self.client.request(method, url);
        if let Some((id, secret)) = visit.basic {
            request = request.basic_auth(form_encoded(id), Some(form_encoded(secret)));
        }
        for (name, value) in visit.headers {
            request = request.header(*name, *value);
        }
        if let Some(form) = visit.form {
            request = request.form(form);
        }
        let within = tokio::time::timeout(self.deadline, self.seen(request));
        within.await.map_err(|_| UpstreamFault::Deadline(self.deadline.as_millis()))?
    }

    async fn seen(&self, request: reqwest::RequestBuilder) -> Result<Seen, UpstreamFault> {
        let response = request.send().await.map_err(|error| self.explain(&error))?;
        let status = response.status().as_u16();
        let location = response.headers().get(reqwest::header::LOCATION);
        let location = location.and_then(|to| to.to_str().ok()).map(str::to_owned);
        Ok(Seen { status, location, body: self.body(response).await? })
    }
}
