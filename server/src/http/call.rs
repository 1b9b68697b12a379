//! One request, as far as HTTP goes, and how it ends: on its own task, with its id.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::{
    declared::GrantType,
    event::{Event, Outcome},
    form::Malformed,
    org::Org,
    refusal::{Failure, Refusal, guidance, oauth_error_of},
};

use super::{
    along::Along,
    body,
    reply::{refused, slow_down, unavailable},
};
use crate::{app::App, clock};

/// What is said once in the audit trail, and then no more: requests that are not tried leave no event.
pub(super) const AND_NO_MORE: &str = "; too many, from there none is tried for a while";

/// What came in, read but not judged.
pub(super) struct Call {
    pub authorization: Result<Option<String>, Malformed>,
    pub body: Result<Vec<u8>, Malformed>,
    pub along: Along,
    /// What is known of the request before anything is decided.
    pub event: Event,
}

impl Call {
    /// A request whose body is a form.
    pub(super) async fn form(app: &App, request: &HttpRequest, payload: web::Payload) -> Self {
        let along = Along::read(app, request);
        let event = draft(request, &along);
        let authorization = body::authorization(request);
        Self { authorization, body: body::form(request, payload).await, along, event }
    }

    /// A request whose body is JSON.
    pub(super) async fn json(app: &App, request: &HttpRequest, payload: web::Payload) -> Self {
        let along = Along::read(app, request);
        let event = draft(request, &along);
        let authorization = body::authorization(request);
        let body = body::read(request, payload, "application/json").await;
        Self { authorization, body, along, event }
    }

    /// A request without a body.
    pub(super) fn bare(app: &App, request: &HttpRequest) -> Self {
        let authorization = body::authorization(request);
        let along = Along::read(app, request);
        let event = draft(request, &along);
        Self { authorization, body: Ok(Vec::new()), along, event }
    }
}

/// What is known of the request before anything is decided.
fn draft(request: &HttpRequest, along: &Along) -> Event {
    let given = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    let sane = |id: &&str| {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !id.is_empty() && id.len() <= 64 && id.chars().all(legal)
    };
    let id = clock::id();
    let request_id = given.filter(sane).map_or_else(|| id.to_string(), str::to_owned);
    Event {
        client_address: Some(along.address().to_string()),
        ..Event::draft(id, clock::now(), request_id)
    }
}

/// On its own task: a client that hangs up abandons neither the decision nor its audit event.
pub(super) async fn to_its_end(
    request_id: String,
    answer: impl Future<Output = HttpResponse> + 'static,
) -> HttpResponse {
    let answer = actix_web::rt::spawn(answer).await;
    let mut response = answer.unwrap_or_else(|panic| {
        tracing::error!(request_id, %panic, "an endpoint failed");
        unavailable(None)
    });
    if let Ok(id) = header::HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(header::HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// Notes in the audit trail why nothing was done, then says as much of it as the caller may know.
///
/// Outcome and reason are for counters. What is refused because it was too much is counted only:
/// otherwise whoever floods us would write our trail.
pub(super) async fn noted(
    app: &App,
    org: &Org,
    (mut event, along): (Event, &Along),
    failure: Failure,
) -> (&'static str, &'static str, HttpResponse) {
    let is_last = along.has_failed((&org.id, &app.limits), &failure);
    let response = match &failure {
        Failure::Refused(Refusal::TooMany { by, retry_after }) => {
            app.metrics.limited(&org.id, by.code());
            let (request_id, by) = (&event.request_id, by.code());
            tracing::debug!(org = org.id, request_id, by, "too much");
            return ("limited", by, slow_down(*retry_after));
        }
        Failure::Refused(refusal) => {
            let grant = GrantType::ALL.into_iter().find(|it| Some(it.code()) == event.grant_type);
            let error = oauth_error_of(refusal, grant);
            event.outcome = Outcome::Refused;
            event.error = Some(error.code);
            event.reason = Some(error.reason.unwrap_or(error.code));
            let (request_id, client) = (&event.request_id, event.client.as_deref());
            tracing::info!(org = org.id, request_id, client, reason = event.reason, "refused");
            let connection = event.connection.as_deref().and_then(|id| org.connection(id));
            refused(error, guidance(refusal, connection))
        }
        Failure::Broken(fault) => {
            // What nobody waited for any more may have been written after all, under the id it had.
            event.id = clock::id();
            event.outcome = Outcome::Unavailable;
            event.error = Some("temporarily_unavailable");
            event.reason = Some(fault.code());
            tracing::warn!(org = org.id, request_id = event.request_id, %fault, "no answer");
            unavailable(fault.retry_after())
        }
    };
    let more = if is_last { AND_NO_MORE } else { "" };
    event.detail = Some(format!("{failure}{more}"));
    let (outcome, reason) = (event.outcome.code(), event.reason.unwrap_or("none"));
    let request_id = event.request_id.clone();
    match org.ledger.note(event).await {
        Ok(()) => (outcome, reason, response),
        Err(fault) => {
            tracing::error!(org = org.id, request_id, %fault, "an audit event cannot be written");
            (Outcome::Unavailable.code(), fault.code(), unavailable(None))
        }
    }
}
