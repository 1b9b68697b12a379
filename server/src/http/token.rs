//! `{issuer}/oauth/token` (RFC 6749 §3.2, RFC 8693 §2).
//!
//! Every POST to an organization is answered after exactly one audit event was committed; when
//! it cannot be, the answer is 503.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
    web,
};
use delegation::{
    client::{Caller, Credentials},
    declared::GrantType,
    event::{Event, quoted},
    exchange::{Arrival, By, exchange, too_many},
    form::{Form, Malformed},
    issue::Issued,
    org::Org,
    own::own,
    ports::Asker,
    possession::{nonce, possession},
    refusal::{Failure, Fault, Limited, ProofRefusal, Refusal},
    request::{TokenRequest, token_type},
};
use serde::Serialize;

use super::{
    TOKEN, body,
    call::{Call, noted, to_its_end},
    current, gate, nothing_here, org,
    reply::render,
};
use crate::{app::App, clock};

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

pub(super) async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let Some(org) = org(&app, &request) else { return nothing_here().await };
    if let Some(slow_down) = gate::turns_away_at_once(&app, &org, &request) {
        body::pass_over(payload).await;
        return slow_down;
    }
    let call = Call::form(&app, &request, payload).await;
    let request_id = call.event.request_id.clone();
    let room = (app.clone(), Arc::clone(&org));
    to_its_end(request_id, gate::run(room, Box::pin(answer(app, org, call)))).await
}

async fn answer(app: web::Data<App>, mut org: Arc<Org>, mut call: Call) -> HttpResponse {
    let began = Instant::now();
    let until = began + SLOWEST_ANSWER;
    let draft = call.event.clone();
    let tries = async {
        let mut result = decide((&org, &app), &mut call, until).await;
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
            result = decide((&org, &app), &mut call, until).await;
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
            // Without it, the next proof is asked for one.
            let nonce = if org.dpop_nonce { nonce(&org, clock::now()).ok() } else { None };
            ("issued", "none", with_nonce(success(&issued), nonce.as_deref()))
        }
        Err(failure) => refused(&app, &org, call, failure).await,
    };
    app.metrics.token_request(outcome, reason, began.elapsed().as_secs_f64());
    response
}

/// RFC 9449 §8: whose proof lacks our nonce is told one.
async fn refused(
    app: &App,
    org: &Org,
    call: Call,
    failure: Failure,
) -> (&'static str, &'static str, HttpResponse) {
    let needs_nonce = matches!(failure, Failure::Refused(Refusal::Proof(ProofRefusal::Nonce)));
    let (failure, nonce) = match needs_nonce.then(|| nonce(org, clock::now())) {
        Some(Ok(nonce)) => (failure, Some(nonce)),
        Some(Err(fault)) => (fault.into(), None),
        None => (failure, None),
    };
    let (outcome, reason, response) = noted(app, org, (call.event, &call.along), failure).await;
    (outcome, reason, with_nonce(response, nonce.as_deref()))
}

/// One at most (RFC 9449 §8).
fn with_nonce(mut response: HttpResponse, nonce: Option<&str>) -> HttpResponse {
    let nonce = nonce.and_then(|nonce| HeaderValue::from_str(nonce).ok());
    if let Some(nonce) = nonce {
        response.headers_mut().insert(HeaderName::from_static("dpop-nonce"), nonce);
    }
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
        Ok(_) | Err(Failure::Refused(Refusal::Request(_) | Refusal::TooMany { .. })) => Ok(false),
        Err(Failure::Refused(_)) => app.is_stale(org).await,
        Err(Failure::Broken(fault)) => current::is_of_the_past(app, org, fault).await,
    }
}

/// Form, client, request, flow: the first that fails ends it.
async fn decide(
    (org, app): (&Org, &App),
    call: &mut Call,
    until: Instant,
) -> Result<Issued, Failure> {
    let refused = |malformed: &Malformed| Refusal::Request(*malformed);
    let form = Form::parse(call.body.as_deref().map_err(refused)?).map_err(Refusal::Request)?;
    let authorization = call.authorization.as_ref().map_err(refused)?;
    let now = clock::now();
    let credentials =
        Credentials::read(authorization.as_deref(), &form).map_err(Refusal::Request)?;
    call.event.client = call.along.claimed(&credentials).map(quoted);
    call.event.grant_type = TokenRequest::grant(&form).map(GrantType::code);
    let caller = call.along.caller((org, &app.limits), credentials, now).await?;
    let client = caller.then(Caller::client)?;
    let uri = format!("{}{TOKEN}", org.issuer);
    let offered = call.along.offered(&uri, now)?;
    let possession = possession(org, &client.peek().agent().client, offered)?;
    let (client, possession) = client.and(possession).spend(org, call.event.id).await?;
    call.event.client = Some(client.agent().id.clone());
    call.event.authenticated_by = Some(client.method().code());
    let (delegation, denial) = (clock::id(), clock::id());
    let arrival = Arrival { now, delegation, denial, until };
    let by = By { client: &client, possession: &possession };
    granted(org, by, &form, (arrival, &mut call.event)).await
}

async fn granted(
    org: &Org,
    by: By<'_>,
    form: &Form,
    (arrival, event): (Arrival, &mut Event),
) -> Result<Issued, Failure> {
    let request = TokenRequest::parse(form).map_err(Refusal::Request)?;
    if !by.client.agent().client.may(request.needs()) {
        return Err(Refusal::UnauthorizedClient.into());
    }
    let asker = Asker::Agent(&by.client.agent().id);
    org.limiter.admit(asker).map_err(|after| too_many(Limited::Agent, after))?;
    match request {
        TokenRequest::Exchange(request) => exchange(org, by, &request, arrival, event).await,
        TokenRequest::ClientCredentials(request) => own(org, by, &request, arrival, event).await,
    }
}

fn success(issued: &Issued) -> HttpResponse {
    render(
        200,
        &Success {
            access_token: issued.access_token(),
            issued_token_type: token_type(issued.product()),
            token_type: issued.token_type(),
            expires_in: issued.expires_in(),
            scope: issued.scope(),
        },
    )
}
