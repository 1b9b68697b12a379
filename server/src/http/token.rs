//! `{issuer}/oauth/token` (RFC 6749 §3.2, RFC 8693 §2).
//!
//! Every POST to an organization is answered after exactly one audit event was committed; when
//! it cannot be, the answer is 503.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::{
    client::{AuthenticatedClient, Credentials, authenticate},
    event::{Event, Outcome, quoted},
    exchange::{Arrival, exchange},
    form::{Form, Malformed},
    issue::Issued,
    org::Org,
    refusal::{Failure, Fault, Guidance, OAuthError, Refusal, guidance, oauth_error},
    request::{ACCESS_TOKEN, TokenRequest},
};
use serde::Serialize;

use super::{nothing_here, org};
use crate::{app::App, clock};

mod body;

/// How often a decision is made anew because the organization changed under it.
const TRIES: usize = 3;

/// From the whole body to the committed delegation. Later, the identity provider's yes is too old,
/// and nobody waits any more.
const SLOWEST_ANSWER: Duration = Duration::from_secs(6);

/// RFC 8693 §2.2.1; `scope` and `expires_in` always, since clients stumble over their absence.
#[derive(Serialize)]
struct Success<'a> {
    access_token: &'a str,
    issued_token_type: &'static str,
    token_type: &'static str,
    expires_in: i64,
    scope: &'a str,
}

/// RFC 6749 §5.2, and `reason` for programs (see the README's table).
#[derive(Serialize)]
struct ErrorBody {
    error: &'static str,
    error_description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(flatten)]
    guidance: Guidance,
}

pub(super) async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let Some(org) = org(&app, &request) else { return nothing_here().await };
    let event = draft(&request);
    let request_id = event.request_id.clone();
    let call = Call {
        authorization: body::authorization(&request),
        body: body::read(&request, payload).await,
        event,
    };
    // On its own task: a client that hangs up abandons neither the decision nor its audit event.
    let answer = actix_web::rt::spawn(answer(app, org, call)).await;
    let mut response = answer.unwrap_or_else(|panic| {
        tracing::error!(request_id, %panic, "the token endpoint failed");
        unavailable(None)
    });
    if let Ok(id) = header::HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(header::HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// RFC 6749 §3.2: "The client MUST use the HTTP "POST" method".
pub(super) async fn not_post() -> HttpResponse {
    let mut response = render(
        405,
        &ErrorBody {
            error: "invalid_request",
            error_description: "the token endpoint takes POST only",
            reason: None,
            guidance: Guidance::default(),
        },
    );
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    response
}

/// One request, as far as HTTP goes.
struct Call {
    authorization: Result<Option<String>, Malformed>,
    body: Result<Vec<u8>, Malformed>,
    event: Event,
}

/// What is known of the request before anything is decided.
fn draft(request: &HttpRequest) -> Event {
    let given = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    let sane = |id: &&str| {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !id.is_empty() && id.len() <= 64 && id.chars().all(legal)
    };
    let id = clock::id();
    let request_id = given.filter(sane).map_or_else(|| id.to_string(), str::to_owned);
    Event {
        client_address: request.peer_addr().map(|peer| peer.ip().to_string()),
        ..Event::draft(id, clock::now(), request_id)
    }
}

async fn answer(app: web::Data<App>, mut org: Arc<Org>, mut call: Call) -> HttpResponse {
    let began = Instant::now();
    let until = began + SLOWEST_ANSWER;
    let draft = call.event.clone();
    let tries = async {
        let mut result = decide(&org, &mut call, until).await;
        for _ in 1..TRIES {
            if matches!(result, Err(Failure::Broken(Fault::Signalled))) {
                // Decide again, on what the signal left.
            } else if is_of_the_past(&app, &org, &result).await? {
                let Some(current) = app.reload(&org.id, org.revision).await? else { break };
                org = current;
            } else {
                break;
            }
            app.metrics.idp_checks(&org.id, &call.event.checks);
            call.event = draft.clone();
            result = decide(&org, &mut call, until).await;
        }
        result
    };
    // A little longer than the ledger takes openings, so that its verdict still arrives.
    let result = tokio::time::timeout(SLOWEST_ANSWER + Duration::from_secs(1), tries).await;
    let result = result.unwrap_or_else(|_| Err(Fault::Late.into()));
    app.metrics.idp_checks(&org.id, &call.event.checks);
    let (outcome, reason, response) = match result {
        Ok(issued) => {
            let (request_id, client) = (&call.event.request_id, call.event.client.as_deref());
            tracing::debug!(org = org.id, request_id, client, "issued");
            ("issued", "none", success(&issued))
        }
        Err(failure) => failed(&org, call.event, failure).await,
    };
    app.metrics.token_request(outcome, reason, began.elapsed().as_secs_f64());
    response
}

/// Whether the organization changed under the decision, so that it has to be made anew.
///
/// A yes is held to the revision by the ledger. A no from before the ledger was asked may come of
/// an old snapshot too: a new secret, a new agent, a new target.
async fn is_of_the_past(
    app: &App,
    org: &Org,
    result: &Result<Issued, Failure>,
) -> Result<bool, Fault> {
    match result {
        Ok(_) | Err(Failure::Refused(Refusal::Request(_))) => Ok(false),
        Err(Failure::Refused(_)) => app.is_stale(org).await,
        Err(Failure::Broken(fault)) => Ok(matches!(fault, Fault::Changed)),
    }
}

/// Form, client, request, flow: the first that fails ends it.
async fn decide(org: &Org, call: &mut Call, until: Instant) -> Result<Issued, Failure> {
    let refused = |malformed: &Malformed| Refusal::Request(*malformed);
    let form = Form::parse(call.body.as_deref().map_err(refused)?).map_err(Refusal::Request)?;
    let authorization = call.authorization.as_ref().map_err(refused)?;
    let credentials =
        Credentials::read(authorization.as_deref(), &form).map_err(Refusal::Request)?;
    call.event.client = credentials.claimed().map(quoted);
    let client = authenticate(org, &credentials).map_err(Refusal::Client)?;
    call.event.client = Some(client.agent().id.clone());
    let (delegation, denial) = (clock::id(), clock::id());
    let arrival = Arrival { now: clock::now(), delegation, denial, until };
    granted(org, &client, &form, (arrival, &mut call.event)).await
}

async fn granted(
    org: &Org,
    client: &AuthenticatedClient,
    form: &Form,
    (arrival, event): (Arrival, &mut Event),
) -> Result<Issued, Failure> {
    match TokenRequest::parse(form).map_err(Refusal::Request)? {
        TokenRequest::Exchange(request) => exchange(org, client, &request, arrival, event).await,
    }
}

/// Notes why there is no token, then says as much of it as the caller may know.
async fn failed(
    org: &Org,
    mut event: Event,
    failure: Failure,
) -> (&'static str, &'static str, HttpResponse) {
    let response = match &failure {
        Failure::Refused(refusal) => {
            let error = oauth_error(refusal);
            event.outcome = Outcome::Refused;
            event.error = Some(error.code);
            event.reason = Some(error.reason.unwrap_or(error.code));
            let (request_id, client) = (&event.request_id, event.client.as_deref());
            tracing::info!(org = org.id, request_id, client, reason = event.reason, "refused");
            let connection = event.connection.as_deref().and_then(|id| org.connection(id));
            refused(error, guidance(refusal, connection))
        }
        Failure::Broken(fault) => {
            event.outcome = Outcome::Unavailable;
            event.error = Some("temporarily_unavailable");
            event.reason = Some(fault.code());
            tracing::warn!(org = org.id, request_id = event.request_id, %fault, "no answer");
            unavailable(fault.retry_after())
        }
    };
    event.detail = Some(failure.to_string());
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

fn success(issued: &Issued) -> HttpResponse {
    render(
        200,
        &Success {
            access_token: issued.access_token(),
            issued_token_type: ACCESS_TOKEN,
            token_type: "Bearer",
            expires_in: issued.expires_in(),
            scope: issued.scope(),
        },
    )
}

fn refused(error: OAuthError, guidance: Guidance) -> HttpResponse {
    let OAuthError { code, description, reason } = error;
    let body = ErrorBody { error: code, error_description: description, reason, guidance };
    if error.code != "invalid_client" {
        return render(400, &body);
    }
    // RFC 6749 §5.2: 401, and the scheme that could have been used.
    let mut response = render(401, &body);
    let challenge = header::HeaderValue::from_static("Basic realm=\"actas\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// Unknown is 503, never yes. What is ill is ours to know.
fn unavailable(retry_after: Option<u64>) -> HttpResponse {
    let mut response = render(
        503,
        &ErrorBody {
            error: "temporarily_unavailable",
            error_description: "the state of the user or the service cannot be told now, try again",
            reason: Some("unavailable"),
            guidance: Guidance::default(),
        },
    );
    let seconds = header::HeaderValue::from(retry_after.unwrap_or(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

/// RFC 6749 §5.1: `Cache-Control: no-store` and `Pragma: no-cache` on whatever is said here.
fn render(status: u16, body: &impl Serialize) -> HttpResponse {
    use actix_web::http::StatusCode;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .json(body)
}
