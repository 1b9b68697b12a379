//! `{issuer}/oauth/token` (RFC 6749 §3.2, RFC 8693 §2).
//!
//! Every POST to an organization is answered after exactly one audit event was committed; when
//! it cannot be, the answer is 503.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, web};
use delegation::{
    client::{AuthenticatedClient, Credentials, authenticate},
    event::{Event, quoted},
    exchange::{Arrival, exchange},
    form::{Form, Malformed},
    issue::Issued,
    org::Org,
    refusal::{Failure, Fault, Refusal},
    request::{ACCESS_TOKEN, TokenRequest},
};
use serde::Serialize;

use super::{
    call::{Call, noted, to_its_end},
    nothing_here, org,
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
    let call = Call::form(&request, payload).await;
    let request_id = call.event.request_id.clone();
    to_its_end(request_id, answer(app, org, call)).await
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
        Err(failure) => noted(&org, call.event, failure).await,
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
