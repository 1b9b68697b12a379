//! `{issuer}/oauth/revoke` (RFC 7009): a client ends its own tokens.
//!
//! What ended leaves an event in the audit trail, and so does every refusal. A token that nobody
//! knows leaves none: nothing was decided.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::{
    client::{Caller, Credentials},
    event::{Event, quoted},
    form::{Form, Malformed},
    org::Org,
    refusal::{Failure, Refusal},
    revoke::own::{RevocationRequest, Revoked, revoke},
};

use super::{
    body,
    call::{Call, noted, to_its_end},
    current, gate, nothing_here, org,
};
use crate::{app::App, clock};

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

async fn answer(app: web::Data<App>, org: Arc<Org>, call: Call) -> HttpResponse {
    let decide = async |org: &Org| {
        let mut event = call.event.clone();
        let result = decide((org, &app), &call, &mut event).await;
        // What was learned of a request that is refused goes into its event.
        Ok((result, event))
    };
    let is_suspect = |(result, _): &(Result<Revoked, Failure>, Event)| {
        matches!(result, Err(Failure::Refused(Refusal::Client(_))))
    };
    let (org, decided) = current::decide(&app, org, decide, is_suspect).await;
    let (result, event) = match decided {
        Ok((result, event)) => (result, event),
        Err(failure) => (Err(failure), call.event.clone()),
    };
    let (outcome, response) = match result {
        Ok(revoked) => {
            let outcome = match revoked {
                Revoked::Ended(_) => "ended",
                Revoked::Unknown => "unknown",
            };
            let (request_id, client) = (&event.request_id, event.client.as_deref());
            tracing::info!(org = org.id, request_id, client, ?revoked, "revocation");
            (outcome, done())
        }
        Err(failure) => {
            let (outcome, _, response) = noted(&app, &org, (event, &call.along), failure).await;
            (outcome, response)
        }
    };
    app.metrics.ledger.revocation("client", outcome);
    response
}

/// Form, client, request, flow: the first that fails ends it.
async fn decide(
    (org, app): (&Org, &App),
    call: &Call,
    event: &mut Event,
) -> Result<Revoked, Failure> {
    let refused = |malformed: &Malformed| Refusal::Request(*malformed);
    let form = Form::parse(call.body.as_deref().map_err(refused)?).map_err(Refusal::Request)?;
    let authorization = call.authorization.as_ref().map_err(refused)?;
    let credentials =
        Credentials::read(authorization.as_deref(), &form).map_err(Refusal::Request)?;
    event.client = call.along.claimed(&credentials).map(quoted);
    let caller = call.along.caller((org, &app.limits), credentials, clock::now()).await?;
    let client = caller.then(Caller::client)?.spend(org, event.id).await?;
    event.client = Some(client.agent().id.clone());
    let request = RevocationRequest::parse(&form).map_err(Refusal::Request)?;
    revoke(org, &client, &request, event).await
}

/// RFC 7009 §2.2: "The content of the response body is ignored by the client".
fn done() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .finish()
}
